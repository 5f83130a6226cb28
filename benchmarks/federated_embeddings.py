"""Link prediction over sites that share no triples: FB15k-237, dealt over sites.

Each model is trained alone at each site, across the sites by each strategy, and pooled (all triples
in one place, which no federation may do), with the same numbers in one run. What is reported is
the filtered mean reciprocal rank of both sides over all candidates, on each site's own test triples
and weighted by their number; the filter is all triples that there are, at any site. A pooled model
ranks the same triples among the same entities as the site whose triples they are.

``--secure`` runs secure aggregation as well: the same, with masks.
"""

import argparse
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from rich.console import Console
from rich.progress import Progress

from benchmarks.reporting import describe_machine, write_section, write_table
from hereditary_kg.embeddings.alignment_keys import AlignmentKey
from hereditary_kg.embeddings.label_kinds import EVERYTHING_PUBLIC
from hereditary_kg.embeddings.models import EmbeddingModel
from hereditary_kg.embeddings.partitions import (
    partition_as_published,
    partition_by_relation,
    partition_by_triple,
    read_relation_sites,
)
from hereditary_kg.embeddings.public_graphs import read_public_graph
from hereditary_kg.embeddings.ranking import confidence_interval, rank_triples
from hereditary_kg.embeddings.site_session import LearningSite
from hereditary_kg.embeddings.splitting import Split
from hereditary_kg.embeddings.training_plan import TrainingPlan
from hereditary_kg.embeddings.training_run import RunProgress, train_alone, train_sites
from hereditary_kg.embeddings.triples import TripleSet

if TYPE_CHECKING:
    from collections.abc import Sequence

DATA = Path("../shared/data/kge/FB15k-237")
KEY = AlignmentKey(b"a key of a benchmark, no secret!")
PLANS = {
    "TransE": TrainingPlan(
        model="TransE", loss="self-adversarial", margin=9.0, learning_rate=0.05, negatives=256
    ),
    "ComplEx": TrainingPlan(model="ComplEx", loss="softmax", learning_rate=0.1, negatives=512),
    "RotatE": TrainingPlan(
        model="RotatE", loss="self-adversarial", margin=9.0, learning_rate=0.05, negatives=256
    ),
}


@dataclass(frozen=True)
class Measured:
    """What came of one training.

    Attributes:
        ranks: per site its test triples' mean reciprocal rank.
        triples: per site how many test triples it has.
        seconds: how long the training took.
    """

    ranks: list[float]
    triples: list[int]
    seconds: float

    @property
    def weighted(self) -> float:
        """The mean reciprocal rank over all test triples."""
        return float(np.average(self.ranks, weights=self.triples))


def deal(whole: Split, partition: str, seed: int) -> list[LearningSite]:
    """Deal a graph over sites: each split for itself, 80/10/10, as the triples it got."""
    everything = whole.whole()
    if partition == "vertical":
        parts: Sequence[TripleSet] = partition_by_relation(everything, 3, seed=seed)
    elif partition == "published":
        parts = partition_as_published(
            everything, read_relation_sites(DATA / "r10_relation_sites.tsv")
        )
    else:
        parts = partition_by_triple(everything, 5, seed=seed)
    return [
        LearningSite(f"site-{number}", split(part, seed), EVERYTHING_PUBLIC, KEY)
        for number, part in enumerate(parts)
    ]


def split(triples: TripleSet, seed: int) -> Split:
    """Split a site's triples at random; test triples of unknown entities go to training."""
    used = triples.used_only()
    place = np.random.default_rng(seed).permutation(len(used)) * 10 // len(used)
    training = used.triples[place >= 2]
    entities = np.isin(used.triples[:, [0, 2]], training[:, [0, 2]]).all(axis=1)
    known = entities & np.isin(used.triples[:, 1], training[:, 1])
    validation, testing = ((place == part) & known for part in (0, 1))
    return Split(used.select(~validation & ~testing), used.select(validation), used.select(testing))


def test(model: EmbeddingModel, site: LearningSite, everywhere: TripleSet) -> float:
    """Rank a site's test triples, filtered by all triples that there are."""
    known = known_at(site, everywhere)
    return rank_triples(model, site.split.testing, (known,)).metrics().mean_reciprocal_rank


def known_at(site: LearningSite, everywhere: TripleSet) -> TripleSet:
    """Give all triples that there are, at any site, among the terms of one site."""
    own = site.split.training
    entities = np.array([own.entity_numbers.get(label, -1) for label in everywhere.entities])
    relations = np.array([own.relation_numbers.get(label, -1) for label in everywhere.relations])
    heads, kinds, tails = everywhere.triples.T
    rows = np.stack([entities[heads], relations[kinds], entities[tails]], axis=1)
    return TripleSet(own.entities, own.relations, rows[(rows >= 0).all(axis=1)])


def train_across(
    sites: list[LearningSite], plan: TrainingPlan, everywhere: TripleSet, told: RunProgress
) -> Measured:
    """Train across sites."""
    started = time.perf_counter()
    _, sessions = train_sites(sites, plan, progress=told)
    seconds = time.perf_counter() - started
    ranks = [test(sessions[site.name][0].model, site, everywhere) for site in sites]
    return Measured(ranks, [len(site.split.testing) for site in sites], seconds)


def train_each(sites: list[LearningSite], plan: TrainingPlan, everywhere: TripleSet) -> Measured:
    """Train each site alone."""
    started = time.perf_counter()
    models = [train_alone(site, plan)[0] for site in sites]
    seconds = time.perf_counter() - started
    ranks = [test(model, site, everywhere) for model, site in zip(models, sites, strict=True)]
    return Measured(ranks, [len(site.split.testing) for site in sites], seconds)


def train_pooled(sites: list[LearningSite], plan: TrainingPlan, everywhere: TripleSet) -> Measured:
    """Train on all training triples in one place, and rank as each site would."""
    parts = [
        TripleSet.from_labels(
            {triple for site in sites for triple in getattr(site.split, part).labels()}
        )
        for part in ("training", "validation", "testing")
    ]
    entities, relations = everywhere.entities, everywhere.relations
    pooled = Split(*(TripleSet.from_labels(p.labels(), entities, relations) for p in parts))
    started = time.perf_counter()
    model, _, _ = train_alone(LearningSite("pooled", pooled, EVERYTHING_PUBLIC, KEY), plan)
    seconds = time.perf_counter() - started
    ranks = []
    for site in sites:
        own = site.split.training
        rows = torch.tensor([everywhere.entity_numbers[label] for label in own.entities])
        kinds = torch.tensor([everywhere.relation_numbers[label] for label in own.relations])
        part = EmbeddingModel(model.scoring, model.entities[rows], model.relations[kinds])
        ranks.append(test(part, site, everywhere))
    return Measured(ranks, [len(site.split.testing) for site in sites], seconds)


def main() -> None:
    """Measure, print, and write the document's section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--partition", choices=("vertical", "published", "horizontal"), default="vertical"
    )
    parser.add_argument("--models", nargs="+", choices=PLANS, default=list(PLANS))
    parser.add_argument("--strategies", nargs="+", default=["entities", "personalised"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--dimension", type=int, default=128)
    parser.add_argument("--secure", action="store_true")
    parser.add_argument("--markdown", action="store_true", help="write docs/benchmarks.md")
    options = parser.parse_args()
    whole = read_public_graph(DATA)
    everywhere = whole.whole()
    table = []
    ways = ["alone", *options.strategies]
    ways += [f"{name}, secure" for name in options.strategies] if options.secure else []
    with Progress(*Progress.get_default_columns(), console=Console(stderr=True)) as bars:
        task = bars.add_task(
            "trainings", total=len(options.models) * options.seeds * (len(ways) + 1)
        )
        for name in options.models:
            found: dict[str, list[Measured]] = {}
            for seed in range(options.seeds):
                sites = deal(whole, options.partition, seed)
                plan = replace(
                    PLANS[name],
                    dimension=options.dimension,
                    rounds=options.rounds,
                    evaluate_every=5,
                    secure=False,
                    seed=seed,
                )
                for way in (*ways, "pooled"):
                    strategy = way.partition(",")[0]
                    if way == "alone":
                        measured = train_each(sites, plan, everywhere)
                    elif way == "pooled":
                        measured = train_pooled(sites, plan, everywhere)
                    else:
                        chosen = replace(
                            plan, strategy=strategy, secure="secure" in way, minimum_owners=2
                        )
                        measured = train_across(sites, chosen, everywhere, RunProgress())
                    found.setdefault(way, []).append(measured)
                    bars.advance(task)
                    print(name, seed, way, f"{measured.weighted:.4f}", measured.ranks, flush=True)
            table += write_rows(name, found)
    head = ("model", "trained", "weighted MRR", "worst site", "of pooled", "gap closed", "time")
    text = write_table(head, table)
    print(text)
    if options.markdown:
        note = (
            f"{options.partition}, {len(deal(whole, options.partition, 0))} sites, dimension "
            f"{options.dimension}, {options.rounds} rounds of one epoch, {options.seeds} seeds."
        )
        section = f"federated_embeddings_{options.partition}"
        write_section(section, f"{text}\n\n{note}\n\n{describe_machine()}")


def write_rows(name: str, found: dict[str, list[Measured]]) -> list[list[str]]:
    """Write a model's rows: each way beside alone and pooled."""
    alone, pooled = (np.mean([m.weighted for m in found[way]]) for way in ("alone", "pooled"))
    rows = []
    for way, measured in found.items():
        mean = float(np.mean([each.weighted for each in measured]))
        closed = (mean - alone) / (pooled - alone) if pooled > alone else float("nan")
        rows.append(
            [
                name,
                way,
                str(confidence_interval([each.weighted for each in measured])),
                f"{min(min(each.ranks) for each in measured):.3f}",
                f"{mean / pooled:.1%}",
                "" if way in ("alone", "pooled") else f"{closed:.0%}",
                f"{np.mean([each.seconds for each in measured]):.0f} s",
            ]
        )
    return rows


if __name__ == "__main__":
    main()
