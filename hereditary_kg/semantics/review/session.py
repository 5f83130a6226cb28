"""A review in progress: a mapping set, its journal, and who is at which pair.

A decision counts once it is in the journal, on the disk; then the mapping set's file is rewritten.
Whoever starts the review again reads the journal, so that a process that was killed in between has
lost nothing.
"""

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from hereditary_kg.semantics.errors import ReviewError
from hereditary_kg.semantics.hub import Hub
from hereditary_kg.semantics.readers.sources import read_bytes
from hereditary_kg.semantics.review.candidates import (
    Candidate,
    Pair,
    decided_elsewhere,
    find_candidates,
    meaning,
    reviewed_by,
)
from hereditary_kg.semantics.review.claims import Claims, ClaimsOfPair
from hereditary_kg.semantics.review.decisions import Decision, Role, Vote
from hereditary_kg.semantics.review.journal import Entry, Journal, journal_path
from hereditary_kg.semantics.review.outcome import restored, with_decisions
from hereditary_kg.semantics.review.queue import (
    RECALL,
    UNDO,
    Assignment,
    Progress,
    ReviewQueue,
)
from hereditary_kg.semantics.review.reviewers import Reviewer
from hereditary_kg.semantics.review.rewriting import Rewriter
from hereditary_kg.semantics.review.term_cards import TermCard, make_cards
from hereditary_kg.semantics.review.weights import Weight, in_order, weigh
from hereditary_kg.semantics.saved_queries import SavedQuery
from hereditary_kg.semantics.sssom import guess_format, read_mapping_set
from hereditary_kg.semantics.sssom.mapping_set import MappingSet

__all__ = ["Item", "ReviewSession", "Surroundings", "View"]

_PACKED = frozenset({".gz", ".xz", ".zst"})


@dataclass(frozen=True)
class Surroundings:
    """What is known beside the mapping set.

    Attributes:
        hub: terms and mappings.
        counts: canonical CURIE -> records at the members.
        queries: saved queries.
        known: other mapping sets: what they deny or a reviewer has confirmed there is not asked
            again, and their claims are shown.
    """

    hub: Hub = field(default_factory=Hub)
    counts: Mapping[str, int] = field(default_factory=dict)
    queries: Sequence[SavedQuery] = ()
    known: Sequence[MappingSet] = ()


@dataclass(frozen=True)
class Item:
    """A pair that a reviewer is to decide on.

    Attributes:
        assignment: the pair, and as what it is read.
        candidate: what is proposed.
        cards: subject and object.
        claims: what else is said of them.
        weight: what hangs on it.
        votes: what others have decided; for an arbiter only, since a second reader is to make up
            their own mind.
    """

    assignment: Assignment
    candidate: Candidate
    cards: tuple[TermCard, TermCard]
    claims: ClaimsOfPair
    weight: Weight
    votes: tuple[Vote, ...] = ()


@dataclass(frozen=True)
class View:
    """What a reviewer sees.

    Attributes:
        progress: how far the review is.
        item: what is to be decided; None where there is nothing.
        last: what the reviewer decided before, which undo takes back; None where there is nothing.
        problem: why the file does not say what was decided.
    """

    progress: Progress
    item: Item | None = None
    last: Entry | None = None
    problem: str | None = None


class ReviewSession:
    """A review in progress. All methods may be called from several threads.

    Args:
        path: the mapping set (SSSOM; TSV, JSON or Turtle), which is rewritten.
        surroundings: what is known beside it.
        readers: how many have to read a pair.
        arbiters: who may settle disputes; everybody where nobody is named.
        lease_seconds: how long a pair is kept for a reader.

    Raises:
        UnreadableFileError: the mapping set or its journal cannot be read.
        ReviewBusyError: another process reviews it.
        ReviewError: it cannot be rewritten.
    """

    def __init__(
        self,
        path: Path,
        surroundings: Surroundings | None = None,
        *,
        readers: int = 1,
        arbiters: Collection[Reviewer] = (),
        lease_seconds: float = 900.0,
    ) -> None:
        self.path = path
        self.surroundings = surroundings or Surroundings()
        self._mutex = threading.Lock()
        format_ = _format(path)
        # The journal's lock comes first: nobody else may rewrite what is read here.
        self._journal = Journal(journal_path(path), read_mapping_set(path).columns)
        try:
            self._open(readers, arbiters, lease_seconds)
            self._rewriter = Rewriter(path, format_, self._current)
        except BaseException:
            self._journal.close()
            raise
        if self._journal.entries:
            self._rewriter.request()

    def _open(self, readers: int, arbiters: Collection[Reviewer], lease_seconds: float) -> None:
        read = read_mapping_set(self.path)
        entries = self._journal.entries
        self._number = len(entries)
        before = {entry.pair: entry.before for entry in entries if entry.before}
        found = [_as_before(each, before.get(each.pair)) for each in find_candidates(read)]
        known = {each.pair: each for each in found}
        started = [known[pair] for pair in before if pair in known]
        self._mapping_set = restored(read, started, self._journal.columns)
        self._started = {each.pair for each in started}
        elsewhere = decided_elsewhere(self.surroundings.known)
        asked = [each for each in found if not each.is_denied and each.pair not in elsewhere]
        pairs = [each.pair for each in asked]
        around = self.surroundings
        self._weights = weigh(pairs, around.counts, around.queries, around.hub)
        self._candidates = known
        self._claims = Claims(around.hub, self._mapping_set, around.known)
        self.queue = ReviewQueue(
            [each.pair for each in in_order(asked, self._weights)],
            readers=readers,
            arbiters=arbiters,
            lease_seconds=lease_seconds,
            votes={each.pair: votes for each in asked if (votes := _earlier_votes(each))},
        )
        for entry in entries:
            # What somebody has taken out of the file meanwhile has nowhere to be written.
            if entry.kind == RECALL or entry.pair in known:
                self.queue.apply(entry)
        for reviewer in {entry.reviewer for entry in entries}:
            self.queue.release(Reviewer(reviewer))

    # For reviewers

    def view(self, reviewer: Reviewer) -> View:
        """Give a reviewer what they are to decide next, or again what they have."""
        with self._mutex:
            return self._view(reviewer)

    def decide(self, reviewer: Reviewer, pair: Pair, decision: Decision) -> View:
        """Take a decision, and give what is next.

        The same decision sent again changes nothing.

        Raises:
            ReviewError: the pair was not given to the reviewer, or the decision cannot be kept;
                it does not count.
        """
        with self._mutex:
            given, last = self.queue.given(reviewer), self.queue.last(reviewer)
            if given is not None and given.pair == pair:
                role = self.queue.role_of(reviewer, pair)
                self._record(reviewer, decision.value, pair, role=role)
            elif last is None or (last.pair, last.kind) != (pair, decision):
                raise ReviewError(
                    f"{pair[0]} and {pair[1]} are not what you were given; nothing was decided. "
                    "Load the page again."
                )
            return self._view(reviewer)

    def undo(self, reviewer: Reviewer) -> View:
        """Take back a reviewer's last decision that was not taken back yet.

        Raises:
            ReviewError: there is none, or this cannot be kept.
        """
        with self._mutex:
            last = self.queue.last(reviewer)
            if last is None:
                raise ReviewError("There is nothing of yours to take back.")
            self._record(reviewer, UNDO, last.pair, undone=last.number)
            return self._view(reviewer)

    def recall(self, reviewer: Reviewer) -> View:
        """Give a reviewer again what they have skipped.

        Raises:
            ReviewError: this cannot be kept.
        """
        with self._mutex:
            if self.queue.progress(reviewer).skipped:
                self._record(reviewer, RECALL, ("", ""))
            return self._view(reviewer)

    def wait(self) -> str | None:
        """Wait until the file says what was decided; give the reason if it cannot."""
        self._rewriter.wait()
        return self._rewriter.problem

    def close(self) -> str | None:
        """Write what is left, and let others review; give the reason if it cannot be written."""
        self._rewriter.close()
        self._journal.close()
        return self._rewriter.problem

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # Behind them

    def _record(
        self,
        reviewer: Reviewer,
        kind: str,
        pair: Pair,
        *,
        role: Role | None = None,
        undone: int | None = None,
    ) -> None:
        first = role is not None and kind != Decision.SKIP and pair not in self._started
        entry = Entry(
            self._number + 1,
            kind,
            reviewer.text,
            datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            pair,
            role.value if role else "",
            undone,
            self._candidates[pair].rows if first else (),
        )
        self._journal.append(entry)
        self._number = entry.number
        if first:
            self._started.add(pair)
        self.queue.apply(entry)
        if kind not in {Decision.SKIP, RECALL}:
            self._rewriter.request()

    def _view(self, reviewer: Reviewer) -> View:
        assignment = self.queue.take(reviewer)
        item = self._item(assignment) if assignment else None
        last, problem = self.queue.last(reviewer), self._rewriter.problem
        return View(self.queue.progress(reviewer), item, last, problem)

    def _item(self, assignment: Assignment) -> Item:
        candidate = self._candidates[assignment.pair]
        arbitrates = assignment.role is Role.ARBITER
        return Item(
            assignment,
            candidate,
            make_cards(self.surroundings.hub, candidate),
            self._claims.about(candidate, lambda pair: self.queue.standing(pair).decision),
            self._weights[assignment.pair],
            self.queue.standing(assignment.pair).votes if arbitrates else (),
        )

    def _current(self) -> MappingSet:
        with self._mutex:
            decided = self.queue.decided
        return with_decisions(
            self._mapping_set,
            [(self._candidates[pair], standing) for pair, standing in decided.items()],
        )


def _format(path: Path) -> str:
    if path.suffix in _PACKED:
        raise ReviewError(f"{path}: a packed file cannot be reviewed. Unpack it.")
    found = guess_format(read_bytes(path))
    if found == "fhir":
        raise ReviewError(
            f"{path}: a FHIR ConceptMap has no place for reviewers. Write it as SSSOM."
        )
    return found


def _as_before(candidate: Candidate, rows: tuple[Mapping[str, str], ...] | None) -> Candidate:
    """Give a pair with its rows as they were; where rows came or went since, as they are."""
    if rows is None or len(rows) != len(candidate.rows):
        return candidate
    return Candidate(candidate.pair, candidate.places, rows)


def _earlier_votes(candidate: Candidate) -> tuple[Vote, ...]:
    """Give what a file says of its reviewers, where no journal tells it."""
    for row in candidate.rows:
        decision = meaning(row)
        if decision is not None and reviewed_by(row):
            date = row.get("review_date", "")
            return tuple(
                Vote(Reviewer(name), decision, Role.FIRST, date, 0) for name in reviewed_by(row)
            )
    return ()
