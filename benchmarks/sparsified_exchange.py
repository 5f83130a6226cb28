"""Bytes and quality of an exchange of parts: a block of rows a round, in 16 bits.

FB15k-237, dealt over three sites by relation, is trained twice with secure aggregation and the same
seeds: with all shared rows in each round and 32 bits a number, and with a part of the rows and 16
bits. The rows are a block that all sites draw alike, so that masked sums stay sums, and each row
has its turn once in as many rounds as there are blocks. Between two turns a site trains on with its
own row; what it tells at its turn is all that has changed since.

Bytes are those of the sites' own ledgers (what leaves) and of the messages that sites take (what
comes), and are compared with what follows from rows, columns and bits: the script ends without
figures where a message has more than 2 kB beside that, for names, keys and signatures. Ranks are
filtered by all triples that there are.
"""

import argparse
import statistics
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.federated_embeddings import deal, test
from benchmarks.link_prediction_data import FB15K_237, densest_part
from benchmarks.reporting import describe_machine, write_section, write_table
from benchmarks.traffic import Traffic
from hereditary_kg.embeddings.public_graphs import read_public_graph
from hereditary_kg.embeddings.ranking import confidence_interval
from hereditary_kg.embeddings.round_layouts import tensor_columns
from hereditary_kg.embeddings.site_session import LearningSite
from hereditary_kg.embeddings.splitting import Split
from hereditary_kg.embeddings.training_plan import TrainingPlan
from hereditary_kg.embeddings.training_run import train_sites
from hereditary_kg.embeddings.training_server import TrainingServer
from hereditary_kg.embeddings.triples import TripleSet

PLAN = TrainingPlan(
    run="sparsified", loss="softmax", negatives=512, minimum_owners=2, evaluate_every=10
)
MODELS = {
    "TransE-L2": replace(PLAN, model="TransE-L2", learning_rate=0.2),
    "ComplEx": replace(PLAN, model="ComplEx", learning_rate=0.1, n3=0.05),
}
WAYS: dict[str, dict[str, Any]] = {
    "all rows, 32 bits": {"strategy": "entities"},
    "a third, 16 bits": {
        "strategy": "sparsified",
        "exchanged_share": 1 / 3,
        "residue_bits": 16,
    },
    "a quarter, 16 bits": {"strategy": "sparsified", "residue_bits": 16},
}
FULL = next(iter(WAYS))
BESIDE = 2048
"""Bytes of a message at most that are no rows."""


@dataclass(frozen=True)
class Measured:
    """What came of a training.

    Attributes:
        sent: bytes that a site sends in a round, mean over sites and rounds but the first.
        came: bytes that come to it in a round.
        whole: bytes of the whole run, of all messages of all sites, both ways.
        rank: the mean reciprocal rank over all sites' test triples.
        validation: the same over validation triples, of the rounds that sites chose by them.
    """

    sent: float
    came: float
    whole: int
    rank: float
    validation: float


def expected_bytes(server: TrainingServer, plan: TrainingPlan) -> tuple[float, float]:
    """Give what a site sends and gets in a round, by rows, columns and bits."""
    if server.vocabularies is None:
        raise SystemExit("nothing is shared; nothing is reported")
    total = len(server.vocabularies.entity_holders)
    rounds = range(2, plan.rounds + 1)
    strategy = plan.exchange()
    rows = [len(strategy.exchanged_rows(total, number, plan.seed)) for number in rounds]
    before = [len(strategy.exchanged_rows(total, number - 1, plan.seed)) for number in rounds]
    columns = tensor_columns(plan)
    state = sum(columns.values()) - plan.dimension
    # A byte counts a row's owners, and eight say which row comes back.
    sent = plan.dimension * plan.residue_bits / 8 + state * 4 + 1
    came = (plan.dimension + state) * plan.residue_bits / 8 + 8
    return sent * statistics.mean(rows), came * statistics.mean(before)


def measure(sites: list[LearningSite], plan: TrainingPlan, everywhere: TripleSet) -> Measured:
    """Train across sites, and count bytes.

    Raises:
        SystemExit: the bytes are not what follows from rows, columns and bits.
    """
    with tempfile.TemporaryDirectory(prefix="sparsified-exchange-") as place:
        traffic = Traffic(Path(place))
        server, sessions = train_sites(sites, plan, around=traffic.around)
        messages = list(traffic.messages())
    if any(summary.missing for summary in server.rounds):
        raise SystemExit(f"sites were missing: {server.rounds}; nothing is reported")
    ways = []
    for sent, wanted in zip((True, False), expected_bytes(server, plan), strict=True):
        sizes = [
            passed.size
            for passed in messages
            if passed.kind == "train" and passed.sent == sent and passed.round != "1"
        ]
        ways.append(statistics.mean(sizes))
        if not 0 <= ways[-1] - wanted <= BESIDE:
            raise SystemExit(f"{ways[-1]} bytes are not the {wanted} expected; nothing is reported")
    ranks = [test(sessions[site.name][0].model, site, everywhere) for site in sites]
    chosen = [sessions[site.name][2] for site in sites]
    tested, validated = (
        [len(getattr(site.split, part)) for site in sites] for part in ("testing", "validation")
    )
    return Measured(
        *ways,
        sum(passed.size for passed in messages),
        float(np.average(ranks, weights=tested)),
        float(np.average(chosen, weights=validated)),
    )


def write_rows(model: str, found: dict[str, list[Measured]]) -> list[list[str]]:
    """Write a model's rows: each way beside the full exchange."""
    rows = []
    for way, measured in found.items():
        sent, came, whole = (
            statistics.mean(getattr(each, name) for each in measured)
            for name in ("sent", "came", "whole")
        )
        full = found[FULL]
        both = statistics.mean(each.sent + each.came for each in full)
        ranks = [each.rank for each in measured]
        shares = [mine.rank / theirs.rank for mine, theirs in zip(measured, full, strict=True)]
        rows.append(
            [
                model,
                way,
                f"{sent / 1e6:.2f} MB",
                f"{came / 1e6:.2f} MB",
                f"{(sent + came) / both:.1%}",
                f"{whole / statistics.mean(each.whole for each in full):.1%}",
                str(confidence_interval(ranks)) if len(ranks) > 1 else f"{ranks[0]:.4f}",
                f"{statistics.mean(shares):.1%}",
                f"{min(shares):.1%}",
                f"{statistics.mean(each.validation for each in measured):.4f}",
            ]
        )
    return rows


def main() -> None:
    """Measure, print, and write the document's section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--dimension", type=int, default=64)
    parser.add_argument("--share", type=float, default=1.0, help="of the triples; the densest")
    parser.add_argument("--markdown", action="store_true", help="write docs/benchmarks.md")
    options = parser.parse_args()
    everywhere = densest_part(read_public_graph(FB15K_237).whole(), options.share)
    nothing = everywhere.select(np.zeros(len(everywhere), dtype=np.bool_))
    whole = Split(everywhere, nothing, nothing)
    table = []
    for model in options.models:
        found: dict[str, list[Measured]] = {}
        for seed in range(options.seeds):
            sites = deal(whole, "vertical", seed)
            plan = replace(
                MODELS[model], dimension=options.dimension, rounds=options.rounds, seed=seed
            )
            for way in dict.fromkeys((FULL, *options.ways)):
                measured = measure(sites, replace(plan, **WAYS[way]), everywhere)
                found.setdefault(way, []).append(measured)
                print(model, seed, way, measured, flush=True)
        table += write_rows(model, found)
    head = (
        "model",
        "exchanged",
        "a site sends a round",
        "gets",
        "both, of full",
        "whole run, of full",
        "weighted test MRR",
        "of full",
        "worst seed",
        "validation MRR",
    )
    note = (
        f"{len(everywhere):,} triples of {len(everywhere.entities):,} entities, three sites, "
        f"dimension {options.dimension}, {options.rounds} rounds of one epoch, seeds below "
        f"{options.seeds}. {describe_machine()}"
    )
    text = f"{write_table(head, table)}\n\n{note}"
    print(text)
    if options.markdown:
        write_section("sparsified_exchange", text)


if __name__ == "__main__":
    main()
