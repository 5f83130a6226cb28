"""Fifty sites of unequal size, ten of them slow, five of which drop out: a training that ends.

FB15k-237's triples are dealt at random over sites whose sizes follow Zipf's law: the k-th site gets
a share that is proportional to 1/k. All sites are in this process, with ledgers, checkpoints,
certificates and secure aggregation as if they were far apart. A *slow* site answers each message so
many seconds later. A site that *drops out* never answers again from some step of a round on; the
others learn of it by its silence. One more site is silent for a round, and comes back.

The script ends without figures if a sum that opens is not the sum of what its sites have put into
it to within half a step of fixed point, if a slow site is taken for gone, or if a site is missing
that should be there. Three trainings have the same seeds: without slow sites and drop-outs, with
both, and with the same drop-outs and no masks. Each site also trains alone, for as many epochs.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from threading import Event
from typing import Any
from unittest.mock import patch

import numpy as np
from flwr.clientapp import ClientApp
from numpy.typing import NDArray

from benchmarks.federated_embeddings import KEY, known_at, split
from benchmarks.link_prediction_data import FB15K_237, densest_part
from benchmarks.reporting import describe_machine, write_section, write_table
from benchmarks.traffic import Traffic
from hereditary_kg.embeddings.grids.flower_api import NODE_UNAVAILABLE, Context, Error, Message
from hereditary_kg.embeddings.grids.node import SiteApp
from hereditary_kg.embeddings.label_kinds import EVERYTHING_PUBLIC
from hereditary_kg.embeddings.models import EmbeddingModel
from hereditary_kg.embeddings.public_graphs import read_public_graph
from hereditary_kg.embeddings.ranking import rank_triples
from hereditary_kg.embeddings.round_summaries import RoundSummary
from hereditary_kg.embeddings.secure_aggregation import (
    AggregatedRound,
    RoundLayout,
    ServerProtocol,
    SiteProtocol,
)
from hereditary_kg.embeddings.site_session import LearningSite
from hereditary_kg.embeddings.training_plan import TrainingPlan
from hereditary_kg.embeddings.training_run import RunProgress, train_alone, train_sites
from hereditary_kg.embeddings.triples import TripleSet

SITES, PARALLEL = 50, 6
PLAN = TrainingPlan(
    run="simulation",
    model="TransE-L2",
    loss="softmax",
    learning_rate=0.2,
    negatives=512,
    evaluate_every=1000,
    minimum_sites=30,
)
HOLDERS = 8
"""How many of fifty sites hold a row that is exchanged: three, and five that may drop out."""


@dataclass(frozen=True)
class Absence:
    """When a simulated site is silent.

    Attributes:
        kind: the type of the message at which it falls silent.
        round: in which round.
        works: whether it does what the message says, and its answer alone is lost.
        back: the round from which it answers again; none: it has dropped out.
        plain: kind and round where there are no masks, so that as much of it is in the sums.
        told: what people read.
    """

    kind: str
    round: int
    told: str
    works: bool = False
    back: int | None = None
    plain: tuple[str, int] | None = None


ABSENCES = {
    "site-07": Absence("query.declare", 1, "while keys are agreed on", plain=("query.align", 1)),
    "site-16": Absence("train", 3, "before it trains"),
    "site-26": Absence("train", 4, "trained, and its update is lost", works=True),
    "site-36": Absence("query.unmask", 5, "its update came, no share of keys", plain=("train", 6)),
    "site-46": Absence("query.introduce", 6, "while keys are agreed on anew", plain=("train", 6)),
    "site-12": Absence("train", 7, "before it trains; back a round later", back=8),
}
SLOW = tuple(f"site-{number:02d}" for number in range(4, SITES, 5))


@dataclass
class Clock:
    """Knows which round is on, and who waits for it."""

    round: int = 1
    ended: bool = False
    moved: dict[str, Event] = field(default_factory=dict)

    def move(self, number: int) -> None:
        """Let a round begin."""
        self.round = number
        for event in self.moved.values():
            event.set()

    def close(self) -> None:
        """Let nobody wait any more."""
        self.ended = True
        self.move(self.round)


class SimulatedSite(ClientApp):
    """A site that is slow, or silent from some message on.

    Args:
        site: the site.
        clock: the run's.
        delay: seconds that each of its answers comes later.
        absence: when it is silent.
        at_once: whether its silence is told at once, and not found out by the patience.
    """

    def __init__(
        self,
        site: SiteApp,
        clock: Clock,
        delay: float = 0.0,
        absence: Absence | None = None,
        *,
        at_once: bool = False,
    ) -> None:
        super().__init__()
        self._app = site.app
        self._clock = clock
        self._delay = delay
        self._absence = absence
        self._at_once = at_once
        self._silent = False
        self._moved = clock.moved.setdefault(site.site, Event())

    def __call__(self, message: Message, context: Context) -> Message:
        """Answer a message, late or never."""
        absence, now = self._absence, (message.metadata.message_type, self._clock.round)
        if absence is not None and now == (absence.kind, absence.round):
            self._silent = True
            if absence.works:
                self._app(message, context)
        if self._silent and not self._is_back():
            while not (self._at_once or self._clock.ended or self._is_back()):
                self._moved.wait()
                self._moved.clear()
            return Message(Error(NODE_UNAVAILABLE, "it is away"), reply_to=message)
        time.sleep(self._delay)
        return self._app(message, context)

    def _is_back(self) -> bool:
        back = self._absence.back if self._absence is not None else None
        return back is not None and self._clock.round >= back


@dataclass
class ComparedSums:
    """Adds up in plain numbers what sites mask, and compares what opens with it.

    Attributes:
        errors: of each round the largest difference, in steps of fixed point.
    """

    errors: dict[int, float] = field(default_factory=dict)
    _masked: dict[tuple[int, str], Mapping[str, NDArray[Any]]] = field(default_factory=dict)
    _layouts: dict[int, RoundLayout] = field(default_factory=dict)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Look at what sites give to be masked, and at what the server opens."""
        mask, finish = SiteProtocol.mask, ServerProtocol.finish_round

        def watched_mask(
            site: SiteProtocol, number: int, layout: RoundLayout, values: Mapping[str, NDArray[Any]]
        ) -> bytes:
            self._masked[number, site.site] = values
            self._layouts[number] = layout
            return mask(site, number, layout, values)

        def watched_finish(server: ServerProtocol) -> AggregatedRound:
            opened = finish(server)
            self._compare(opened)
            return opened

        with (
            patch.object(SiteProtocol, "mask", watched_mask),
            patch.object(ServerProtocol, "finish_round", watched_finish),
        ):
            yield

    def _compare(self, opened: AggregatedRound) -> None:
        for tensor in self._layouts[opened.round].tensors:
            limit = tensor.coding.limit
            plain = sum(
                np.clip(self._masked[opened.round, site][tensor.name].astype(float), -limit, limit)
                for site in opened.alive
            )
            error = np.abs(opened.sums[tensor.name] - plain).max() / tensor.coding.step
            self.errors[opened.round] = max(self.errors.get(opened.round, 0.0), float(error))
        self._masked.clear()


@dataclass
class Run:
    """What came of a training.

    Attributes:
        rounds: what the server knows of each round.
        seconds: how long each round took, the end included.
        ranks: each site's mean reciprocal rank of its test triples.
        traffic: bytes of all messages.
        errors: of each round the largest error of a sum, in steps.
    """

    rounds: list[RoundSummary]
    seconds: list[float]
    ranks: dict[str, float]
    traffic: Traffic
    errors: dict[int, float]


def deal_unequally(triples: TripleSet, sites: int, seed: int) -> list[LearningSite]:
    """Deal triples at random over sites whose shares follow Zipf's law, each split 80/10/10."""
    shares = 1 / np.arange(1, sites + 1)
    ends = np.round(np.cumsum(shares) / shares.sum() * len(triples)).astype(int)
    order = np.random.default_rng(seed).permutation(len(triples))
    found = []
    for number, part in enumerate(np.split(order, ends[:-1])):
        mask = np.zeros(len(triples), dtype=np.bool_)
        mask[part] = True
        name = f"site-{number:02d}"
        found.append(LearningSite(name, split(triples.select(mask), seed), EVERYTHING_PUBLIC, KEY))
    return found


def train(
    sites: list[LearningSite],
    plan: TrainingPlan,
    patience: float,
    simulated: Callable[[SiteApp, Clock], ClientApp],
    rank: Callable[[EmbeddingModel, LearningSite], float],
) -> Run:
    """Train over simulated sites, and rank the test triples of those that are there at the end."""
    clock, sums = Clock(), ComparedSums()
    times = [time.perf_counter()]

    def told(summary: RoundSummary) -> None:
        times.append(time.perf_counter())
        clock.move(summary.number + 1)
        missing = ", ".join(summary.missing) or "nobody"
        print(f"round {summary.number}: {times[-1] - times[-2]:.1f} s, missing: {missing}")

    # The directory stays: sites that fell silent may still write when the run has ended.
    place = Path(tempfile.mkdtemp(prefix="simulated-sites-"))
    traffic = Traffic(place)
    try:
        with sums.watched():
            server, sessions = train_sites(
                sites,
                plan,
                place / "checkpoints",
                RunProgress(round=told),
                patience=patience,
                parallel=PARALLEL,
                around=lambda app: traffic.around(replace(app, app=simulated(app, clock))),
            )
    finally:
        clock.close()
    ranks = {name: rank(session.model, session.site) for name, (session, _, _) in sessions.items()}
    seconds = [after - before for before, after in pairwise(times)]
    return Run(server.rounds, seconds, ranks, traffic, sums.errors)


def check(run: Run, expected: Mapping[str, Absence], rounds: int) -> None:
    """End without figures unless a training ended with those sites that it should have, and right.

    Raises:
        SystemExit: something is not as it should be.
    """
    gone = {name for name, absence in expected.items() if absence.back is None}
    wrong = [name for summary in run.rounds for name in summary.missing if name not in expected]
    if wrong or len(run.rounds) != rounds + 1:
        raise SystemExit(f"{', '.join(sorted(set(wrong))) or 'rounds'}: missing; nothing reported")
    if len(run.ranks) != SITES - len(gone) or gone & run.ranks.keys():
        raise SystemExit(f"{len(run.ranks)} sites have ended; nothing is reported")
    # Half a step is the bound; single precision of what is compared comes on top.
    if any(error > 0.51 for error in run.errors.values()):
        raise SystemExit(f"sums are wrong by {run.errors} steps; nothing is reported")


def write_rounds(run: Run, expected: Mapping[str, Absence]) -> str:
    """Write a table of rounds: who took part, who fell silent, and how long it took."""
    rows = []
    for summary, seconds in zip(run.rounds[:-1], run.seconds, strict=False):
        new = [
            f"{name} ({expected[name].told})"
            for name in summary.missing
            if expected.get(name, Absence("", 0, "")).round == summary.number
        ]
        rows.append(
            [
                str(summary.number),
                str(len(summary.reports)),
                f"{seconds:.1f} s",
                f"{run.errors.get(summary.number, float('nan')):.2f}",
                "; ".join(new),
                str(len(summary.missing)),
            ]
        )
    head = ("round", "sites", "time", "error in steps", "falls silent", "named in the report")
    return write_table(head, rows)


def write_bytes(run: Run, sites: list[LearningSite]) -> str:
    """Write a table of bytes by site and round, for the smallest, the middle and the largest."""
    found: dict[tuple[str, bool], list[int]] = {}
    for passed in run.traffic.messages():
        if passed.kind == "train" and passed.round != "1":
            found.setdefault((passed.site, passed.sent), []).append(passed.size)
    rows = []
    for place in (0, SITES // 2 - 1, SITES - 1):
        site = sites[place]
        up, down = (statistics.median(found[site.name, sent]) / 1e6 for sent in (True, False))
        own = site.split.training
        entities = len(own.used_only().entities)
        rows.append([site.name, f"{len(own):,}", f"{entities:,}", f"{up:.2f} MB", f"{down:.2f} MB"])
    head = ("site", "training triples", "entities", "sends a round", "gets a round")
    return write_table(head, rows)


def describe(
    runs: Mapping[str, Mapping[str, float]], left: list[LearningSite], hindered: str, alone: str
) -> str:
    """Write each training's mean reciprocal rank, of the sites that are there at the end."""
    weights = [len(site.split.testing) for site in left]
    rows = []
    for name, ranks in runs.items():
        mean = np.average([ranks[site.name] for site in left], weights=weights)
        rows.append([name, str(len(ranks)), f"{mean:.4f}"])
    tested = [site.name for site in left if len(site.split.testing)]
    better = sum(runs[hindered][name] > runs[alone][name] for name in tested)
    return (
        write_table(("trained", "sites at the end", "weighted test MRR"), rows)
        + f"\n\nOf the {len(left)} sites that are there at the end of the second one; {better} of "
        f"the {len(tested)} that have test triples are better there than alone."
    )


def describe_times(smooth: Run, run: Run, delay: float, patience: float) -> str:
    """Say how long rounds took."""
    moved = {number for a in ABSENCES.values() for number in (a.round, a.round + 1)}
    steady = {
        summary.number: seconds
        for summary, seconds in zip(run.rounds[:-1], run.seconds, strict=False)
        if summary.number not in moved
    }
    return (
        f"A round takes {statistics.median(smooth.seconds[1:-1]):.1f} s without slow sites, "
        f"{statistics.median(steady.values()):.1f} s with ten that answer {delay:g} s late, and "
        f"{max(run.seconds):.1f} s at most, where sites fall silent and are waited for; the "
        f"patience is {patience:g} s. These are medians: without slow sites over all rounds but "
        f"the first, with them over rounds {' and '.join(map(str, steady))}, in which and before "
        f"which nobody falls silent. {PARALLEL} sites work at once."
    )


def main() -> None:
    """Measure, print, and write the document's section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--dimension", type=int, default=32)
    parser.add_argument("--delay", type=float, default=2.0, help="seconds, of each slow answer")
    parser.add_argument("--patience", type=float, default=30.0, help="seconds, for each answer")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--share", type=float, default=1.0, help="of the triples; the densest")
    parser.add_argument("--markdown", action="store_true", help="write docs/benchmarks.md")
    options = parser.parse_args()
    everywhere = densest_part(read_public_graph(FB15K_237).whole(), options.share)
    sites = deal_unequally(everywhere, SITES, options.seed)
    plan = replace(
        PLAN, dimension=options.dimension, rounds=options.rounds, seed=options.seed, secure=True
    )

    def rank(model: EmbeddingModel, site: LearningSite) -> float:
        if not len(site.split.testing):
            return 0.0
        known = known_at(site, everywhere)
        return rank_triples(model, site.split.testing, (known,)).metrics().mean_reciprocal_rank

    def prompt(site: SiteApp, clock: Clock) -> ClientApp:
        return SimulatedSite(site, clock)

    def hindered(site: SiteApp, clock: Clock) -> ClientApp:
        delay = options.delay if site.site in SLOW else 0.0
        return SimulatedSite(site, clock, delay, ABSENCES.get(site.site))

    def hindered_in_plain(site: SiteApp, clock: Clock) -> ClientApp:
        absence = ABSENCES.get(site.site)
        if absence is not None and absence.plain is not None:
            absence = replace(absence, kind=absence.plain[0], round=absence.plain[1])
        return SimulatedSite(site, clock, absence=absence, at_once=True)

    smooth = train(sites, plan, options.patience, prompt, rank)
    check(smooth, {}, options.rounds)
    run = train(sites, plan, options.patience, hindered, rank)
    check(run, ABSENCES, options.rounds)
    readable = replace(plan, secure=False, minimum_owners=HOLDERS)
    plain = train(sites, readable, options.patience, hindered_in_plain, rank)
    check(plain, ABSENCES, options.rounds)
    left = [site for site in sites if site.name in run.ranks]
    ranks = {
        "nobody slow or missing": smooth.ranks,
        "ten slow, five drop out": run.ranks,
        "the same drop-outs, no masks": plain.ranks,
        "each site alone": {site.name: rank(train_alone(site, plan)[0], site) for site in left},
    }
    settings = (
        f"{len(everywhere):,} triples of {len(everywhere.entities):,} entities. TransE-L2, "
        f"dimension {options.dimension}, {options.rounds} rounds of one epoch, seed "
        f"{options.seed}. {describe_machine()}"
    )
    text = "\n\n".join(
        [
            write_rounds(run, ABSENCES),
            describe_times(smooth, run, options.delay, options.patience),
            describe(ranks, left, "ten slow, five drop out", "each site alone"),
            write_bytes(run, sites),
            settings,
        ]
    )
    print(text)
    if options.markdown:
        write_section("simulated_sites", text)


if __name__ == "__main__":
    main()
