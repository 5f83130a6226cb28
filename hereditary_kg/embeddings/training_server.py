"""The server of a training: it brings the sites together, and adds up what they contribute.

It knows no label, no triple and, with secure aggregation, no site's vectors: only sums.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from hashlib import sha256
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from flwr.app import RecordDict
from flwr.serverapp import Grid

import hereditary_kg
from hereditary_kg.embeddings.agreement import Agreement
from hereditary_kg.embeddings.alignment import RowMap, VocabularyOffer
from hereditary_kg.embeddings.errors import AbsentSitesError, TooFewSitesError, TrainingError
from hereditary_kg.embeddings.event_files import EventFiles
from hereditary_kg.embeddings.global_numbering import (
    FEWEST_HOLDERS,
    AlignedVocabularies,
    align_vocabularies,
)
from hereditary_kg.embeddings.round_layouts import owners_and_threshold, tensor_columns
from hereditary_kg.embeddings.round_summaries import RoundSummary
from hereditary_kg.embeddings.round_sums import PlainSums, RoundSums, SecureSums
from hereditary_kg.embeddings.run_records import (
    Order,
    read_offer,
    read_report,
    read_restored,
    write_answer,
    write_order,
)
from hereditary_kg.embeddings.secure_aggregation import AllowList
from hereditary_kg.embeddings.server_checkpoints import KeptRun, ServerCheckpoint
from hereditary_kg.embeddings.site_calls import SiteCalls
from hereditary_kg.embeddings.site_learner import mean_changes
from hereditary_kg.embeddings.strategies import Kind
from hereditary_kg.embeddings.training_plan import TrainingPlan

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["TrainingServer", "run_training"]

Progress = Callable[[RoundSummary], None]

_ALL = "all sites"


@dataclass
class _Taken:
    """A site that has been taken into the run.

    Attributes:
        offer: what it offered.
        current: the last round whose agreement it has; None: it needs everything.
    """

    offer: VocabularyOffer
    current: int | None = 0


class TrainingServer:
    """The server's part in a run.

    Args:
        plan: the training.
        calls: how sites are asked.
        allow_list: the sites' certificates, for secure aggregation.
        progress: called after each round.
        checkpoint: where the run is kept after each round; None: nowhere.
        events: where TensorBoard finds the curves; None: nowhere.
    """

    def __init__(
        self,
        plan: TrainingPlan,
        calls: SiteCalls,
        allow_list: AllowList | None = None,
        progress: Progress | None = None,
        checkpoint: ServerCheckpoint | None = None,
        *,
        events: EventFiles | None = None,
    ) -> None:
        self.plan = plan
        self.rounds: list[RoundSummary] = []
        self.vocabularies: AlignedVocabularies | None = None
        self._calls = calls
        self._allow_list = allow_list
        self._progress = progress
        self._checkpoint = checkpoint
        self._events = events
        self._taken: dict[int, _Taken] = {}
        self._away: dict[int, VocabularyOffer] = {}
        self._numbered = ""
        self._sums: RoundSums | None = None
        self._agreement: Agreement | None = None
        self._exchanged: Mapping[Kind, NDArray[np.int64]] = {}

    @property
    def partition(self) -> str:
        """How the sites' data divide, in words; empty where vocabularies were not compared."""
        return "" if self.vocabularies is None else str(self.vocabularies.partition)

    def run(self) -> None:
        """Bring the sites together, train all rounds, and end the run.

        Raises:
            TrainingError: too few sites are there, or a site runs another version.
            AlignmentError: the sites' vocabularies cannot be brought together.
            SecureAggregationError: the sites cannot add up in secret.
        """
        self._bring_together()
        self._write_events()
        while len(self.rounds) < self.plan.rounds and not self._gets_no_better():
            self._train_round(len(self.rounds) + 1)
        self._finish(len(self.rounds))

    def _gets_no_better(self) -> bool:
        """Whether the last looks at the validation triples were no better than one before."""
        ranks = [summary.mean_reciprocal_rank for summary in self.rounds]
        looks = [rank for rank in ranks if isfinite(rank)]
        patience = self.plan.patience
        if not patience or len(looks) <= patience:
            return False
        return max(looks[-patience:]) <= max(looks[:-patience])

    def _resume(self) -> int:
        """Take up what an earlier process has left, and give the last round of it."""
        agreement = self._agreed()
        kept = None if self._checkpoint is None else self._checkpoint.load(self._notes())
        if kept is None:
            return 0
        agreement.offsets.update(kept.offsets)
        self._exchanged = kept.rows
        self.rounds.extend(kept.summaries)
        return len(self.rounds)

    def _keep(self) -> None:
        if self._checkpoint is not None:
            run = KeptRun(self._agreed().offsets, self._exchanged, self.rounds)
            self._checkpoint.save(run, self._notes())

    def _notes(self) -> dict[str, str]:
        """Give what is the same where the same sites go on with the same run."""
        return {
            "plan": json.dumps(self.plan.settings(), sort_keys=True),
            "sites": self._numbered,
        }

    def _bring_together(self) -> None:
        nodes = self._calls.nodes()
        self._calls.names.update({node: name for node, name in nodes.items() if name})
        offers = self._ask_offers(list(nodes))
        self._calls.require(len(offers), self.plan.minimum_sites, "The run cannot begin")
        self._taken = {node: _Taken(offer) for node, offer in offers.items()}
        self._numbered = _digest(offers.values())
        strategy = self.plan.exchange()
        if not strategy.kinds:
            answers = {node: _nothing_shared(offer) for node, offer in offers.items()}
        else:
            self.vocabularies = align_vocabularies(
                list(offers.values()), self._holders(len(offers))
            )
            answers = {
                node: self.vocabularies.answers[offer.site] for node, offer in offers.items()
            }
        self._agreement = Agreement(
            self._sizes(), tensor_columns(self.plan), self.plan.residue_bits
        )
        last = self._resume()
        aligned = self._align(answers, last)
        self._calls.require(len(aligned), self.plan.minimum_sites, "The run cannot begin")
        for node, restored in aligned.items():
            self._taken[node].current = last if restored == last else None
        self._let_go(self._taken.keys() - aligned.keys())
        self._prepare_sums("The run cannot begin")

    def _ask_offers(self, nodes: list[int]) -> dict[int, VocabularyOffer]:
        replies = self._calls.ask("query.offer", {node: RecordDict() for node in nodes})
        offers = {}
        for node, content in replies.items():
            offer = _read_offer(content)
            known = self._calls.names.setdefault(node, offer.site)
            if known != offer.site:
                raise TrainingError(
                    f"The site that is known as {known} calls itself {offer.site}. Have its "
                    "settings name the site as its certificate, or its node's key, is listed."
                )
            offers[node] = offer
        return offers

    def _holders(self, sites: int) -> int:
        if not self.plan.secure:
            return max(FEWEST_HOLDERS, self.plan.minimum_owners)
        owners, threshold = owners_and_threshold(self.plan, sites)
        return owners + sites - threshold

    def _sizes(self) -> dict[Kind, int]:
        """Give how many shared rows there are of the kinds that are exchanged."""
        if self.vocabularies is None:
            return {}
        relations = len(self.vocabularies.relation_holders) * (1 + self.plan.reciprocal)
        found: dict[Kind, int] = {
            "entities": len(self.vocabularies.entity_holders),
            "relations": relations,
        }
        return {kind: found[kind] for kind in self.plan.exchange().kinds}

    def _align(self, answers: Mapping[int, RowMap], last: int) -> dict[int, int]:
        """Tell sites their rows, and give the round from which each goes on; 0: from none."""
        contents = {}
        for node, answer in answers.items():
            contents[node] = write_answer(answer)
            contents[node].update(write_order(Order(last, look=False)))
        replies = self._calls.ask("query.align", contents)
        return {node: read_restored(reply) for node, reply in replies.items()}

    def _prepare_sums(self, what: str) -> None:
        """Make ready to add up what the sites that were taken contribute.

        A site that falls silent meanwhile is let go, and the others agree on keys once more.

        Args:
            what: what cannot be done where too few sites are left.
        """
        if not self.plan.sums_are_masked:
            self._sums = PlainSums()
            return
        if self._allow_list is None:
            raise TrainingError(
                "The run is with secure aggregation, and the server has no list of the sites' "
                "certificates. Configure it, or ask for a run without."
            )
        self._sums = None
        while self._sums is None:
            nodes = {self._calls.name(node): node for node in self._taken}
            try:
                self._sums = SecureSums.prepare(
                    self.plan, self._calls, nodes, self._sizes(), self._allow_list
                )
            except AbsentSitesError as error:
                if not self.rounds and error.refused:
                    # Nothing is lost yet, and whoever refuses says what has to be mended.
                    raise
                self._let_go(error.nodes)
                self._calls.require(len(self._taken), self.plan.minimum_sites, what)

    def _let_go(self, nodes: Iterable[int]) -> None:
        """Go on without sites, until they come back."""
        for node in list(nodes):
            self._away[node] = self._taken.pop(node).offer

    def _train_round(self, number: int) -> RoundSummary:
        what = f"Round {number} cannot begin"
        if number > 1 and self._take_back(number, what):
            self._prepare_sums(what)
        look = number > 1 and (number - 1) % self.plan.evaluate_every == 0
        contents = {node: self._order(node, number, look=look) for node in self._taken}
        rows = self.plan.exchange().rows(self._sizes(), number, self.plan.seed)
        sums, agreement = self._ready()
        self._calls.failures.pop(_ALL, None)
        sums.begin(number, rows)
        replies = self._calls.ask("train", contents, str(number))
        self._calls.require(len(replies), self.plan.minimum_sites, f"Round {number} has failed")
        reports = {self._calls.name(node): read_report(reply) for node, reply in replies.items()}
        try:
            opened = sums.finish(replies)
        except TooFewSitesError as error:
            # What cannot be opened is not lost: sites go on from what they have, and their next
            # changes are since the last round that opened.
            self._exchanged = {}
            self._calls.failures[_ALL] = str(error)
        else:
            self._exchanged = opened.rows
            exponent = self.plan.exchange().owner_exponent
            agreement.add(opened.rows, mean_changes(opened.sums, opened.owners, exponent))
        for node, taken in self._taken.items():
            # A site that did not answer may have done the work or not: it gets everything again.
            failed = self._calls.name(node) in self._calls.failures
            taken.current = None if failed else number
        summary = self._note(RoundSummary(number, reports, dict(self._calls.failures)))
        self._keep()
        return summary

    def _take_back(self, number: int, what: str) -> bool:
        """Take sites in again that did not answer, and go on without those that do not come.

        Those that were lost in the last round are waited for; those that have been away for longer
        are asked in passing, so that nobody waits for a site that is gone.

        Args:
            number: the round that is to begin.
            what: what cannot be done where too few sites are left.

        Returns:
            whether other sites take part than in the last round, or a site that begins anew.
        """
        lost = [node for node, taken in self._taken.items() if taken.current is None]
        away = list(self._away)
        self._let_go(lost)
        replies = self._calls.ask("query.offer", {node: RecordDict() for node in lost})
        replies |= self._calls.invite("query.offer", away)
        answers = {
            node: answer
            for node, reply in replies.items()
            if (answer := self._answer_again(node, reply)) is not None
        }
        aligned = self._align(answers, number - 1)
        for node in aligned:
            self._taken[node] = _Taken(self._away.pop(node), None)
        self._calls.require(len(self._taken), self.plan.minimum_sites, what)
        return bool(lost or aligned)

    def _answer_again(self, node: int, reply: RecordDict) -> RowMap | None:
        """Give the rows of a site that comes back; None, and a note why, where it cannot."""
        try:
            offer = _read_offer(reply)
        except TrainingError as error:
            self._calls.failures[self._calls.name(node)] = str(error)
            return None
        if not _same(offer, self._away[node]):
            self._calls.failures[self._calls.name(node)] = (
                "its terms or its key are others than when the run began. Give it the data of "
                "then, or start a new run."
            )
            return None
        if self.vocabularies is None:
            return _nothing_shared(offer)
        return self.vocabularies.answers[offer.site]

    def _order(self, node: int, number: int, *, look: bool) -> RecordDict:
        agreement = self._agreed()
        current = self._taken[node].current
        if number == 1:
            return write_order(Order(number, look))
        rows = agreement.agreed_rows() if current is None else self._exchanged
        return write_order(Order(number, look, dict(rows), agreement.part(rows)))

    def _finish(self, last: int) -> None:
        self._take_back(last + 1, "The run has not ended whole")
        contents = {node: self._order(node, last + 1, look=True) for node in self._taken}
        replies = self._calls.ask("query.finish", contents, "finish")
        self._calls.require(len(replies), self.plan.minimum_sites, "The run has not ended whole")
        reports = {self._calls.name(node): read_report(reply) for node, reply in replies.items()}
        self._note(RoundSummary(last + 1, reports, dict(self._calls.failures)))
        if self._checkpoint is not None:
            self._checkpoint.remove()

    def _note(self, summary: RoundSummary) -> RoundSummary:
        self.rounds.append(summary)
        self._write_events()
        if self._progress is not None:
            self._progress(summary)
        return summary

    def _write_events(self) -> None:
        if self._events is not None:
            self._events.write(self.rounds)

    def _agreed(self) -> Agreement:
        if self._agreement is None:
            raise TrainingError("The sites have not been brought together yet.")
        return self._agreement

    def _ready(self) -> tuple[RoundSums, Agreement]:
        if self._sums is None:
            raise TrainingError("The sites have not been brought together yet.")
        return self._sums, self._agreed()


def run_training(
    grid: Grid,
    plan: TrainingPlan,
    *,
    sites: Collection[str] | None = None,
    allow_list: AllowList | None = None,
    timeout: float = 3600.0,
    progress: Progress | None = None,
    answered: Callable[[str, str], None] | None = None,
    checkpoint: Path | None = None,
    events: Path | None = None,
) -> TrainingServer:
    """Train over a grid, to the end, and give the server with what it knows of the rounds.

    Args:
        grid: how the sites are reached.
        plan: the training.
        sites: the names of the sites that are asked; None: all that the grid reaches.
        allow_list: the sites' certificates, for secure aggregation.
        timeout: seconds that a site may take for a round.
        progress: called after each round.
        answered: called for each answer with the site's name and the message type.
        checkpoint: the file in which the run is kept after each round. A run that is there, of the
            same plan and the same sites, goes on.
        events: the directory in which TensorBoard finds each site's curves while the run goes on.
    """
    calls = SiteCalls(grid, timeout, answered=answered, sites=sites)
    kept = None if checkpoint is None else ServerCheckpoint(checkpoint)
    with nullcontext() if events is None else EventFiles(events, plan) as curves:
        server = TrainingServer(plan, calls, allow_list, progress, kept, events=curves)
        server.run()
    return server


def _read_offer(content: RecordDict) -> VocabularyOffer:
    offer, version = read_offer(content)
    if version != hereditary_kg.__version__:
        raise TrainingError(
            f"Site {offer.site} runs version {version} of hereditary-kg, and this server "
            f"{hereditary_kg.__version__}. Install the same version everywhere."
        )
    return offer


def _digest(offers: Iterable[VocabularyOffer]) -> str:
    """Give what stands for the numbering of shared rows: it follows from all sites' offers."""
    digest = sha256()
    for offer in sorted(offers, key=lambda offer: offer.site):
        for part in (offer.site.encode(), offer.check):
            digest.update(part)
        for identifiers in (offer.entities, offer.relations):
            digest.update(identifiers.tobytes())
    return digest.hexdigest()


def _nothing_shared(offer: VocabularyOffer) -> RowMap:
    entities, relations = (
        np.full(len(identifiers), -1, dtype=np.int64)
        for identifiers in (offer.entities, offer.relations)
    )
    return RowMap(entities, relations, 0, 0)


def _same(one: VocabularyOffer, other: VocabularyOffer) -> bool:
    return (one.site, one.run, one.check) == (other.site, other.run, other.check) and all(
        np.array_equal(left, right)
        for left, right in ((one.entities, other.entities), (one.relations, other.relations))
    )
