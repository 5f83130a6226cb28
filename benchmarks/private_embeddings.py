"""Link prediction under differential privacy: FB15k-237, dealt over three sites.

The unit is a triple. For each epsilon the sites train across sites and each by itself, with as much
noise as makes the planned rounds spend that budget; and once without privacy, with the same plan
otherwise. Beside them stand vectors that nobody trained, and counts: an answer's score is in how
many training triples of the relation it stands at that end, plain or with noise for the same
budget. Plain counts are not private.

What is reported is the filtered realistic rank of both sides among all entities of a site, over the
sites' test triples; the filter is all triples that there are, at any site. Validation triples are
put away: no vectors are chosen by them, and the last ones count.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from benchmarks.federated_embeddings import KEY, split
from benchmarks.link_prediction_data import FB15K_237
from benchmarks.reporting import describe_machine, write_section, write_table
from hereditary_kg.embeddings.label_kinds import EVERYTHING_PUBLIC
from hereditary_kg.embeddings.partitions import partition_by_relation, partition_by_triple
from hereditary_kg.embeddings.privacy import PrivacyBudget, PrivateTraining, calibrate_noise
from hereditary_kg.embeddings.public_graphs import read_public_graph
from hereditary_kg.embeddings.ranking import LinkScorer, RankingMetrics, rank_triples
from hereditary_kg.embeddings.site_session import LearningSite, SiteSession, site_seed
from hereditary_kg.embeddings.splitting import Split
from hereditary_kg.embeddings.training_plan import TrainingPlan
from hereditary_kg.embeddings.training_run import train_sites
from hereditary_kg.embeddings.triples import TripleSet

EPSILONS = (1.0, 2.0, 4.0, 8.0, 16.0)
ACROSS, ALONE = "across sites", "alone"
COUNTS = "counts"
PICTURE = Path("docs/private_embeddings.svg")
PLAN = TrainingPlan(
    model="TransE-L2",
    dimension=32,
    entity_scale=0.002,
    negatives=32,
    batch_size=20_000,
    learning_rate=0.06,
    rounds=6,
    evaluate_every=6,
    secure=False,
    minimum_owners=2,
)
"""Chosen on validation triples of one site of the vertical partition, most at an epsilon of 4."""


@dataclass(frozen=True)
class Partition:
    """How the graph is dealt over sites.

    Attributes:
        deal: deals it.
        strategy: exchanges what the sites then have in common.
        section: of the document.
    """

    deal: Callable[..., tuple[TripleSet, ...]]
    strategy: str
    section: str


PARTITIONS = {
    "vertical": Partition(partition_by_relation, "entities", "private_embeddings"),
    "horizontal": Partition(partition_by_triple, "both", "private_embeddings_horizontal"),
}


@dataclass(frozen=True, eq=False)
class TestedSite:
    """A site, and what it is tested by.

    Attributes:
        site: its training triples; it has no others.
        testing: the test triples that are ranked.
        known: all triples that there are, at any site, in the site's own numbers.
    """

    site: LearningSite
    testing: TripleSet
    known: TripleSet

    def rank(self, scorer: LinkScorer) -> RankingMetrics:
        """Rank the test triples."""
        return rank_triples(scorer, self.testing, (self.known,)).metrics()


@dataclass(frozen=True)
class Measured:
    """What came of one way of scoring, over all sites.

    Attributes:
        metrics: of each site.
        noise: the sites' least and largest noise multiplier; none where there is no noise.
    """

    metrics: list[RankingMetrics]
    noise: tuple[float, float] | None = None

    def mean(self, metric: str) -> float:
        """Give a metric over all test triples."""
        values = [getattr(each, metric) for each in self.metrics]
        return float(np.average(values, weights=[each.count for each in self.metrics]))


class Counts:
    """Scores an answer by how many training triples of the relation have it at that end.

    Args:
        triples: the training triples.
        noise: the standard deviation of Gaussian noise on each count.
        seed: what the noise is drawn by.
    """

    def __init__(self, triples: TripleSet, noise: float = 0.0, seed: int = 0) -> None:
        shape = (len(triples.relations), len(triples.entities))
        heads, relations, tails = torch.from_numpy(triples.triples).unbind(1)
        drawn = torch.Generator().manual_seed(seed)
        self._heads = torch.randn(shape, generator=drawn) * noise
        self._tails = torch.randn(shape, generator=drawn) * noise
        one = torch.ones(len(triples))
        self._heads.index_put_((relations, heads), one, accumulate=True)
        self._tails.index_put_((relations, tails), one, accumulate=True)

    def score_tails(self, heads: Tensor, relations: Tensor) -> Tensor:  # noqa: ARG002
        """Score all entities as tails: ``[b]`` and ``[b]`` to ``[b, n]``."""
        return self._tails[relations]

    def score_heads(self, relations: Tensor, tails: Tensor) -> Tensor:  # noqa: ARG002
        """Score all entities as heads: ``[b]`` and ``[b]`` to ``[b, n]``."""
        return self._heads[relations]


def deal(everywhere: TripleSet, partition: str, seed: int, most: int) -> list[TestedSite]:
    """Deal a graph over three sites, and draw the test triples of each.

    Args:
        everywhere: the graph.
        partition: one of ``PARTITIONS``.
        seed: chooses relations, splits and test triples.
        most: how many test triples a site has at most.
    """
    found = []
    for number, part in enumerate(PARTITIONS[partition].deal(everywhere, 3, seed=seed)):
        parts = split(part, seed)
        own = parts.training
        drawn = np.random.default_rng(seed).permutation(len(parts.testing))[:most]
        nothing = own.select(np.empty(0, dtype=np.int64))
        site = LearningSite(f"site-{number}", Split(own, nothing, nothing), EVERYTHING_PUBLIC, KEY)
        entities, relations = own.entity_numbers, own.relation_numbers
        rows = [
            (entities[head], relations[relation], entities[tail])
            for head, relation, tail in everywhere.labels()
            if head in entities and tail in entities and relation in relations
        ]
        known = TripleSet(own.entities, own.relations, np.array(rows))
        found.append(TestedSite(site, parts.testing.select(np.sort(drawn)), known))
    return found


def train(sites: Sequence[TestedSite], plan: TrainingPlan) -> Measured:
    """Train, and rank.

    Raises:
        SystemExit: a site did not spend what it was granted.
    """
    with tempfile.TemporaryDirectory() as ledgers:
        _, trained = train_sites([each.site for each in sites], plan, Path(ledgers))
    sessions = [trained[each.site.name][0] for each in sites]
    return Measured(
        [each.rank(session.model) for each, session in zip(sites, sessions, strict=True)],
        check_budgets(sessions, plan) if plan.epsilon else None,
    )


def check_budgets(sessions: Iterable[SiteSession], plan: TrainingPlan) -> tuple[float, float]:
    """Check that each site spent its budget, and give the least and the largest noise multiplier.

    Raises:
        SystemExit: one spent more, or a hundredth less.
    """
    noise = []
    for session in sessions:
        if not 0.99 * plan.epsilon <= session.epsilon <= plan.epsilon:
            raise SystemExit(
                f"{session.site.name} spent {session.epsilon:.4f} of {plan.epsilon:g}; nothing is "
                "reported"
            )
        training = session.training
        if isinstance(training, PrivateTraining):
            noise.append(training.mechanism.noise_multiplier)
    return min(noise), max(noise)


def count(sites: Sequence[TestedSite], epsilon: float, seed: int) -> Measured:
    """Rank by counts, with noise for a budget; without for an epsilon of 0."""
    if not epsilon:
        return Measured([each.rank(Counts(each.site.split.training)) for each in sites])
    # One triple is counted at its head and at its tail, which is a change of the length sqrt(2).
    noise = 2**0.5 * calibrate_noise(PrivacyBudget(epsilon, PLAN.delta), 1.0, 1)
    return Measured([each.rank(Counts(each.site.split.training, noise, seed)) for each in sites])


def rank_untrained(sites: Sequence[TestedSite], seed: int) -> Measured:
    """Rank by the vectors that training begins with."""
    metrics = []
    for each in sites:
        own = each.site.split.training
        first = site_seed(each.site.name, seed)
        metrics.append(each.rank(PLAN.initialise(len(own.entities), len(own.relations), first)))
    return Measured(metrics)


Found = Mapping[tuple[str, float], Measured]
"""What was measured, by what was done and epsilon, 0 for none."""


def write_figures(found: Found, untrained: Measured) -> str:
    """Write the table: a row an epsilon, beside each other what was done."""
    ways = list(dict.fromkeys(way for way, _ in found))
    rows = [["untrained", "", *_cells(untrained), *[""] * 2 * (len(ways) - 1)]]
    for epsilon in dict.fromkeys(epsilon for _, epsilon in found):
        measured = [found[way, epsilon] for way in ways]
        noise = measured[0].noise
        rows.append(
            [
                f"epsilon {epsilon:g}" if epsilon else "not private",
                "{:.2f} to {:.2f}".format(*noise) if noise else "",
                *[cell for each in measured for cell in _cells(each)],
            ]
        )
    columns = [cell for way in ways for cell in (f"{way}: MRR", "Hits@10")]
    return write_table(["", "noise", *columns], rows)


def _cells(measured: Measured) -> tuple[str, str]:
    return f"{measured.mean('mean_reciprocal_rank'):.3f}", f"{measured.mean('hits_at_10'):.3f}"


def draw(found: Found, untrained: Measured, path: Path) -> None:
    """Draw the mean reciprocal rank over epsilon, as SVG."""
    # Letters stay letters, and the same curves are the same file.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "hereditary_kg"}):
        figure = Figure(figsize=(6, 4), layout="constrained")
        axes = figure.add_subplot()
        epsilons = [each for each in dict.fromkeys(epsilon for _, epsilon in found) if each]
        for number, way in enumerate(dict.fromkeys(way for way, _ in found)):
            ranks = [found[way, each].mean("mean_reciprocal_rank") for each in (*epsilons, 0.0)]
            axes.plot(epsilons, ranks[:-1], marker="o", color=f"C{number}", label=way)
            label = f"{way}, not private"
            axes.axhline(ranks[-1], color=f"C{number}", linestyle="--", linewidth=1, label=label)
        rank = untrained.mean("mean_reciprocal_rank")
        axes.axhline(rank, color="grey", linestyle=":", linewidth=1, label="untrained")
        axes.set_xscale("log", base=2)
        axes.set_xticks(epsilons, [f"{epsilon:g}" for epsilon in epsilons])
        axes.set(xlabel=f"epsilon of a triple, delta {PLAN.delta:g}", ylabel="test MRR")
        axes.set_ylim(0, None)
        axes.legend(fontsize="small")
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})


def main() -> None:
    """Measure, print, and write the document's section."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.private_embeddings")
    parser.add_argument("--seed", type=int, default=0, help="of the partition and the splits")
    parser.add_argument("--partition", choices=PARTITIONS, default="vertical")
    parser.add_argument("--epsilons", nargs="+", type=float, default=EPSILONS)
    parser.add_argument(
        "--tested", type=int, default=2000, metavar="N", help="test triples of a site at most"
    )
    parser.add_argument("--markdown", action="store_true", help="write docs/benchmarks.md")
    options = parser.parse_args()
    everywhere = read_public_graph(FB15K_237).whole()
    sites = deal(everywhere, options.partition, options.seed, options.tested)
    untrained = rank_untrained(sites, options.seed)
    found: dict[tuple[str, float], Measured] = {}
    for way, strategy in ((ACROSS, PARTITIONS[options.partition].strategy), (ALONE, "alone")):
        for epsilon in (*options.epsilons, 0.0):
            plan = replace(PLAN, strategy=strategy, epsilon=epsilon, seed=options.seed)
            found[way, epsilon] = train(sites, plan)
            print(way, epsilon, found[way, epsilon], flush=True)
    for epsilon in (*options.epsilons, 0.0):
        found[COUNTS, epsilon] = count(sites, epsilon, options.seed)
        print(COUNTS, epsilon, found[COUNTS, epsilon], flush=True)
    text = write_figures(found, untrained)
    print(text)
    if options.markdown:
        triples = [len(each.site.split.training) for each in sites]
        note = (
            f"{options.partition.capitalize()}: {triples[0]:,}, {triples[1]:,} and "
            f"{triples[2]:,} training triples. {PLAN.model}, dimension {PLAN.dimension}, "
            f"{PLAN.rounds} rounds, batches of {PLAN.batch_size:,}; "
            f"{sum(each.count for each in untrained.metrics):,} ranks, one seed. "
            f"{describe_machine()}"
        )
        write_section(PARTITIONS[options.partition].section, f"{text}\n\n{note}")
        if options.partition == "vertical":
            draw(found, untrained, PICTURE)


if __name__ == "__main__":
    main()
