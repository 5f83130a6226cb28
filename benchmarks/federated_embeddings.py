"""Link prediction over sites that share no triples: FB15k-237, dealt over sites.

Each model is trained alone at each site, across the sites by each strategy, and pooled (all triples
in one place, which no federation may do), with the same numbers in one run. What is reported is
the filtered mean reciprocal rank of both sides over all candidates, on each site's own test triples
and weighted by their number; the filter is all triples that there are, at any site. A pooled model
ranks the same triples among the same entities as the site whose triples they are.

A site that fell back to its own model, because that one was better on its own validation triples,
is tested with it, as ``hkg train`` does with ``fallback``. Strategies that ``--secure`` names run
with secure aggregation as well: the same, with masks.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from multiprocessing import get_context
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.progress import Progress

from benchmarks.link_prediction_data import FB15K_237
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
from hereditary_kg.embeddings.training_run import train_alone, train_sites
from hereditary_kg.embeddings.triples import TripleSet

KEY = AlignmentKey(b"a key of a benchmark, no secret!")
_COMMON = TrainingPlan(batch_size=256, negatives=256, secure=False, minimum_owners=2)
PLANS = {
    "TransE-L2": replace(_COMMON, model="TransE-L2", learning_rate=0.2),
    "ComplEx": replace(_COMMON, model="ComplEx", learning_rate=0.1, n3=0.05),
    "RotatE": replace(_COMMON, model="RotatE", learning_rate=0.2),
}
"""Learning rates as `hereditary_kg.embeddings.local_training.suggest_options` gives them, with
smaller batches: a site's share of triples makes few of them an epoch.
"""


@dataclass(frozen=True)
class Way:
    """How sites train.

    Attributes:
        strategy: the strategy's name, ``alone`` or ``pooled``.
        changes: what its plan has beside.
    """

    strategy: str
    changes: tuple[tuple[str, float], ...] = ()

    @classmethod
    def read(cls, text: str) -> "Way":
        """Read ``entities``, ``entities:own_share=0.5,secure=1`` and the like."""
        strategy, _, changes = text.partition(":")
        pairs = (change.split("=") for change in changes.split(",") if change)
        return cls(strategy, tuple((name, float(value)) for name, value in pairs))

    def __str__(self) -> str:
        told = [
            "secure" if name == "secure" else f"{name.replace('_', ' ')} {value:g}"
            for name, value in self.changes
        ]
        return ", ".join((self.strategy, *told))


@dataclass(frozen=True)
class Measured:
    """What came of one training.

    Attributes:
        ranks: per site the mean reciprocal rank of its test triples.
        validation: per site that of its validation triples, which it chooses by.
        triples: per site how many test triples it has.
        seconds: how long the training took.
    """

    ranks: list[float]
    validation: list[float]
    triples: list[int]
    seconds: float

    @property
    def weighted(self) -> float:
        """The mean reciprocal rank over all test triples."""
        return float(np.average(self.ranks, weights=self.triples))

    def beside(self, alone: "Measured") -> "Measured":
        """Give each site the model that is better on its validation triples, as ``fallback``."""
        pairs = zip(
            zip(self.validation, self.ranks, strict=True),
            zip(alone.validation, alone.ranks, strict=True),
            strict=True,
        )
        kept = [max(pair, key=lambda each: each[0]) for pair in pairs]
        return replace(self, ranks=[rank for _, rank in kept])


def deal(everything: TripleSet, partition: str, seed: int) -> list[LearningSite]:
    """Deal a graph over sites: each split for itself, 80/10/10, as the triples it got."""
    if partition == "vertical":
        parts: Sequence[TripleSet] = partition_by_relation(everything, 3, seed=seed)
    elif partition == "published":
        parts = partition_as_published(
            everything, read_relation_sites(FB15K_237 / "r10_relation_sites.tsv")
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


def train_across(sites: list[LearningSite], plan: TrainingPlan, everywhere: TripleSet) -> Measured:
    """Train across sites."""
    started = time.perf_counter()
    _, sessions = train_sites(sites, plan)
    seconds = time.perf_counter() - started
    ranks = [test(sessions[site.name][0].model, site, everywhere) for site in sites]
    validation = [sessions[site.name][2] for site in sites]
    return Measured(ranks, validation, [len(site.split.testing) for site in sites], seconds)


def train_each(sites: list[LearningSite], plan: TrainingPlan, everywhere: TripleSet) -> Measured:
    """Train each site alone."""
    started = time.perf_counter()
    found = [train_alone(site, plan) for site in sites]
    seconds = time.perf_counter() - started
    ranks = [
        test(model, site, everywhere) for (model, _, _), site in zip(found, sites, strict=True)
    ]
    validation = [rank for _, _, rank in found]
    return Measured(ranks, validation, [len(site.split.testing) for site in sites], seconds)


def train_pooled(sites: list[LearningSite], plan: TrainingPlan, everywhere: TripleSet) -> Measured:
    """Train on all training triples in one place, and rank as each site would."""
    parts = [
        TripleSet.from_labels(
            {triple for site in sites for triple in getattr(site.split, part).labels()}
        )
        for part in ("training", "validation", "testing")
    ]
    entities, relations = everywhere.entities, everywhere.relations
    training, validation, testing = (
        TripleSet.from_labels(part.labels(), entities, relations) for part in parts
    )
    pooled = Split(training, validation, testing)
    started = time.perf_counter()
    model, _, rank = train_alone(LearningSite("pooled", pooled, EVERYTHING_PUBLIC, KEY), plan)
    seconds = time.perf_counter() - started
    ranks = []
    for site in sites:
        own = site.split.training
        rows = torch.tensor([everywhere.entity_numbers[label] for label in own.entities])
        kinds = torch.tensor([everywhere.relation_numbers[label] for label in own.relations])
        part = EmbeddingModel(model.scoring, model.entities[rows], model.relations[kinds])
        ranks.append(test(part, site, everywhere))
    triples = [len(site.split.testing) for site in sites]
    return Measured(ranks, [rank] * len(sites), triples, seconds)


@dataclass(frozen=True)
class Job:
    """All trainings of one model and seed.

    Attributes:
        partition: how the graph is dealt over sites.
        plan: how sites train, whatever the strategy.
        ways: what is compared.
        threads: how many of them may be used.
        share: of the graph's triples that are used, for a quick look.
    """

    partition: str
    plan: TrainingPlan
    ways: tuple[Way, ...]
    threads: int
    share: float = 1.0

    def run(self) -> dict[Way, Measured]:
        """Train in each way."""
        torch.set_num_threads(self.threads)
        graph = read_public_graph(FB15K_237).whole()
        drawn = np.random.default_rng(0).random(len(graph)) < self.share
        graph = graph.select(drawn).used_only() if self.share < 1 else graph
        sites = deal(graph, self.partition, self.plan.seed)
        return {way: self._train(way, sites, graph) for way in self.ways}

    def _train(self, way: Way, sites: list[LearningSite], graph: TripleSet) -> Measured:
        if way.strategy == "alone":
            return train_each(sites, self.plan, graph)
        if way.strategy == "pooled":
            return train_pooled(sites, self.plan, graph)
        changes: dict[str, Any] = dict(way.changes)
        secure = bool(changes.pop("secure", False))
        plan = replace(self.plan, strategy=way.strategy, secure=secure, minimum_owners=2, **changes)
        return train_across(sites, plan, graph)


def run_jobs(jobs: Sequence[Job], processes: int) -> Iterator[tuple[Job, dict[Way, Measured]]]:
    """Run jobs side by side, and give each when it has ended."""
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        running = {pool.submit(job.run): job for job in jobs}
        for done in as_completed(running):
            yield running[done], done.result()


def main() -> None:
    """Measure, print, and write the document's section."""
    options = parse_arguments()
    ways = (Way("alone"), *map(Way.read, options.ways), Way("pooled"))
    jobs = [
        Job(
            options.partition,
            replace(
                PLANS[name],
                dimension=options.dimension,
                rounds=options.rounds,
                evaluate_every=options.evaluate_every,
                seed=seed,
            ),
            ways,
            max(1, torch.get_num_threads() // options.processes),
            options.share,
        )
        for seed in options.seeds
        for name in options.models
    ]
    found: dict[str, dict[Way, list[Measured]]] = {name: {} for name in options.models}
    with Progress(*Progress.get_default_columns(), console=Console(stderr=True)) as bars:
        task = bars.add_task("models and seeds", total=len(jobs))
        for job, measured in run_jobs(jobs, options.processes):
            bars.advance(task)
            for way, one in measured.items():
                found[job.plan.model].setdefault(way, []).append(one)
                print(job.plan.model, job.plan.seed, way, f"{one.weighted:.4f}", one, flush=True)
    head = (
        "model", "trained", "weighted MRR", "worst site", "least beside alone", "of pooled",
        "gap closed", "time",
    )  # fmt: skip
    text = write_table(
        head, [row for name in options.models for row in write_rows(name, found[name])]
    )
    print(text)
    if options.markdown:
        sites = len(found[options.models[0]][ways[0]][0].ranks)
        note = (
            f"{options.partition.capitalize()}, {sites} sites, dimension {options.dimension}, "
            f"{options.rounds} rounds of one epoch, {len(options.seeds)} seeds."
        )
        section = f"federated_embeddings_{options.partition}"
        write_section(section, f"{text}\n\n{note} {describe_machine()}")


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.federated_embeddings")
    parser.add_argument(
        "--partition", choices=("vertical", "published", "horizontal"), default="vertical"
    )
    parser.add_argument("--models", nargs="+", choices=PLANS, default=list(PLANS))
    parser.add_argument(
        "--ways",
        nargs="+",
        default=["FedE", "entities", "entities:secure=1"],
        help="strategies, with changes: entities:own_share=0.5,secure=1",
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--evaluate-every", type=int, default=10, metavar="ROUNDS")
    parser.add_argument("--dimension", type=int, default=128)
    parser.add_argument("--processes", type=int, default=2, help="trainings side by side")
    parser.add_argument("--share", type=float, default=1.0, help="of triples, for a quick look")
    parser.add_argument("--markdown", action="store_true", help="write docs/benchmarks.md")
    return parser.parse_args()


def write_rows(name: str, found: dict[Way, list[Measured]]) -> list[list[str]]:
    """Write a model's rows: each way beside alone and pooled."""
    by_name = {way.strategy: measured for way, measured in found.items()}
    alone, pooled = by_name["alone"], by_name["pooled"]
    lower, upper = (np.mean([each.weighted for each in way]) for way in (alone, pooled))
    rows = []
    for way, trained in found.items():
        across = way.strategy not in ("alone", "pooled")
        pairs = list(zip(trained, alone, strict=True))
        measured = [each.beside(own) for each, own in pairs] if across else trained
        mean = float(np.mean([each.weighted for each in measured]))
        least = min(
            rank - own
            for each, beside in zip(measured, alone, strict=True)
            for rank, own in zip(each.ranks, beside.ranks, strict=True)
        )
        rows.append(
            [
                name,
                str(way),
                str(confidence_interval([each.weighted for each in measured])),
                f"{min(min(each.ranks) for each in measured):.3f}",
                f"{least:+.3f}" if across else "",
                f"{mean / upper:.1%}",
                f"{(mean - lower) / (upper - lower):.0%}" if across and upper > lower else "",
                f"{np.mean([each.seconds for each in measured]):.0f} s",
            ]
        )
    return rows


if __name__ == "__main__":
    main()
