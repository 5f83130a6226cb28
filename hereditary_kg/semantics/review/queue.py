"""Who gets which pair, and what has become of each.

The queue knows nothing of files: what was decided it is told by `apply`, entry after entry, whether
they come from somebody's key or from a journal that is read again. A pair is lent to one reader at
a time; a reader who does not come back loses it after a while, and may still decide later: that
counts as a further reading.
"""

import time
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from hereditary_kg.semantics.review.candidates import Pair
from hereditary_kg.semantics.review.decisions import Decision, Role, Standing, State, Vote, stand
from hereditary_kg.semantics.review.journal import Entry
from hereditary_kg.semantics.review.reviewers import Reviewer

__all__ = ["RECALL", "UNDO", "Assignment", "Progress", "ReviewQueue"]

UNDO, RECALL = "undo", "recall"


@dataclass(frozen=True)
class Assignment:
    """A pair that somebody is to decide on, and as what."""

    pair: Pair
    role: Role


@dataclass(frozen=True)
class Progress:
    """How far the review is.

    Attributes:
        total: pairs in the queue.
        settled: pairs that are decided.
        half: pairs that a second reader has to read.
        disputed: pairs on which readers disagree.
        mine: pairs that this reviewer has decided on.
        skipped: pairs that this reviewer has skipped.
    """

    total: int
    settled: int
    half: int
    disputed: int
    mine: int
    skipped: int


class ReviewQueue:
    """The pairs to be reviewed.

    Args:
        pairs: in the order in which they are given out.
        readers: how many have to read a pair.
        arbiters: who may settle disputes; everybody where nobody is named.
        lease_seconds: how long a pair is kept for a reader.
        votes: what was decided before, by files that have no journal.
        clock: gives the time in seconds.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        *,
        readers: int = 1,
        arbiters: Collection[Reviewer] = (),
        lease_seconds: float = 900.0,
        votes: Mapping[Pair, Sequence[Vote]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ranks = {pair: rank for rank, pair in enumerate(pairs)}
        self._readers = readers
        self._arbiters = frozenset(arbiters)
        self._lease_seconds = lease_seconds
        self._clock = clock
        self._votes: dict[Pair, list[Vote]] = {p: list(v) for p, v in (votes or {}).items()}
        self._standings = {pair: stand(given, readers) for pair, given in self._votes.items()}
        self._counts = Counter(each.state for each in self._standings.values())
        self._unsettled = [
            (rank, pair)
            for pair, rank in self._ranks.items()
            if self.standing(pair).state is not State.SETTLED
        ]
        self._skipped: dict[Reviewer, dict[Pair, int]] = {}
        self._done: dict[Reviewer, list[Entry]] = {}
        self._leases: dict[Pair, tuple[Reviewer, float]] = {}
        self._given: dict[Reviewer, Assignment] = {}

    def standing(self, pair: Pair) -> Standing:
        """Say what has become of a pair."""
        return self._standings.get(pair) or stand((), self._readers)

    @property
    def decided(self) -> Mapping[Pair, Standing]:
        """The pairs that have votes."""
        return {pair: each for pair, each in self._standings.items() if each.votes}

    def progress(self, reviewer: Reviewer) -> Progress:
        """Say how far the review is, and how much of it is one reviewer's."""
        done = self._done.get(reviewer, ())
        return Progress(
            len(self._ranks),
            self._counts[State.SETTLED],
            self._counts[State.HALF],
            self._counts[State.DISPUTED],
            sum(each.kind != Decision.SKIP for each in done),
            len(self._skipped.get(reviewer, ())),
        )

    # Giving out

    def take(self, reviewer: Reviewer) -> Assignment | None:
        """Lend a reader the next pair, or again the one that they have.

        Returns:
            None where there is nothing for them, now or at all.
        """
        given = self._given.get(reviewer)
        if given is not None and self._lend(given.pair, reviewer):
            return self._given[reviewer]
        for _, pair in self._unsettled:
            if self._lend(pair, reviewer):
                return self._given[reviewer]
        self._given.pop(reviewer, None)
        return None

    def given(self, reviewer: Reviewer) -> Assignment | None:
        """Say what a reader was given last, and has not decided; the loan may be over."""
        return self._given.get(reviewer)

    def _lend(self, pair: Pair, reviewer: Reviewer) -> bool:
        now = self._clock()
        holder, until = self._leases.get(pair, (reviewer, now))
        if holder != reviewer and until > now:
            return False
        if pair in self._skipped.get(reviewer, ()):
            return False
        role = self.standing(pair).role_of(reviewer, self._arbiters)
        if role is None:
            return False
        self.release(reviewer)
        self._leases[pair] = (reviewer, now + self._lease_seconds)
        self._given[reviewer] = Assignment(pair, role)
        return True

    def release(self, reviewer: Reviewer) -> None:
        """Take back what a reader was lent."""
        given = self._given.pop(reviewer, None)
        if given is not None and self._leases.get(given.pair, (None,))[0] == reviewer:
            del self._leases[given.pair]

    def role_of(self, reviewer: Reviewer, pair: Pair) -> Role:
        """Say as what a decision counts that comes now, also from a reader whose loan is over."""
        return self.standing(pair).role_of(reviewer, self._arbiters) or Role.SECOND

    def last(self, reviewer: Reviewer) -> Entry | None:
        """Give the last decision of a reviewer that was not taken back."""
        done = self._done.get(reviewer)
        return done[-1] if done else None

    # What happens

    def apply(self, entry: Entry) -> None:
        """Take in what somebody did."""
        reviewer = Reviewer(entry.reviewer)
        match entry.kind:
            case "recall":
                self._skipped.pop(reviewer, None)
            case "undo":
                self._undo(reviewer, entry)
            case "skip":
                self._skipped.setdefault(reviewer, {})[entry.pair] = entry.number
                self._after(reviewer, entry)
            case decision:
                vote = Vote(
                    reviewer, Decision(decision), Role(entry.role), entry.time[:10], entry.number
                )
                # A further word of the same reader takes the place of the one before.
                self._set_votes(entry.pair, [*self._without(entry.pair, reviewer), vote])
                self._skipped.get(reviewer, {}).pop(entry.pair, None)
                self._after(reviewer, entry)

    def _after(self, reviewer: Reviewer, entry: Entry) -> None:
        self._done.setdefault(reviewer, []).append(entry)
        given = self._given.get(reviewer)
        if given is not None and given.pair == entry.pair:
            self.release(reviewer)

    def _undo(self, reviewer: Reviewer, entry: Entry) -> None:
        done = self._done.get(reviewer, [])
        done[:] = [each for each in done if each.number != entry.undone]
        skipped = self._skipped.get(reviewer, {})
        if skipped.get(entry.pair) == entry.undone:
            del skipped[entry.pair]
        votes = self._votes.get(entry.pair, [])
        self._set_votes(entry.pair, [vote for vote in votes if vote.number != entry.undone])
        self._prefer(reviewer, entry.pair)

    def _prefer(self, reviewer: Reviewer, pair: Pair) -> None:
        """Lend what was taken back to who took it back, if nobody else has it."""
        if pair in self._ranks:
            self._lend(pair, reviewer)

    def _without(self, pair: Pair, reviewer: Reviewer) -> list[Vote]:
        return [vote for vote in self._votes.get(pair, ()) if vote.reviewer != reviewer]

    def _set_votes(self, pair: Pair, votes: list[Vote]) -> None:
        before = self.standing(pair)
        after = stand(votes, self._readers)
        self._votes[pair] = votes
        self._standings[pair] = after
        if pair not in self._ranks:
            return
        self._counts[before.state] -= 1
        self._counts[after.state] += 1
        if (before.state is State.SETTLED) != (after.state is State.SETTLED):
            ranked = (self._ranks[pair], pair)
            if after.state is State.SETTLED:
                del self._unsettled[bisect_left(self._unsettled, ranked)]
            else:
                insort(self._unsettled, ranked)
