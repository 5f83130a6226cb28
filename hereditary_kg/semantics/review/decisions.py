"""What readers say of a pair of terms, and what their votes make together."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from hereditary_kg.semantics.hub import BROAD, EXACT, NARROW
from hereditary_kg.semantics.review.reviewers import Reviewer

__all__ = ["PREDICATES", "Decision", "Role", "Standing", "State", "Vote", "stand"]

CLOSE = "skos:closeMatch"


class Decision(StrEnum):
    """What a reader says of subject and object."""

    EXACT = "exact"
    BROAD = "broad"
    """The object is broader than the subject, as ``skos:broadMatch`` has it."""
    NARROW = "narrow"
    CLOSE = "close"
    NOT = "not"
    """There is no such mapping: the pair is never proposed again."""
    SKIP = "skip"
    """Nothing is said; the pair goes to somebody else."""


PREDICATES: Mapping[Decision, str] = {
    Decision.EXACT: EXACT,
    Decision.BROAD: BROAD,
    Decision.NARROW: NARROW,
    Decision.CLOSE: CLOSE,
}
"""The predicates that decisions stand for; `Decision.NOT` keeps the one that was proposed."""


class Role(StrEnum):
    """As what a reader is asked."""

    FIRST = "first"
    SECOND = "second"
    ARBITER = "arbiter"


@dataclass(frozen=True)
class Vote:
    """What one reader has decided.

    Attributes:
        reviewer: who.
        decision: what, and never `Decision.SKIP`.
        role: as what.
        date: when, as ``2026-01-31``.
        number: the journal's number of the entry.
    """

    reviewer: Reviewer
    decision: Decision
    role: Role
    date: str
    number: int


class State(StrEnum):
    """How far the review of a pair is."""

    OPEN = "open"
    HALF = "half"
    """Somebody has read it, and somebody else has to."""
    DISPUTED = "disputed"
    """Two readers disagree, and nobody has settled it."""
    SETTLED = "settled"


@dataclass(frozen=True)
class Standing:
    """What votes make together.

    Attributes:
        state: how far the review is.
        decision: what holds; None as long as nothing was said, or readers disagree.
        votes: in the order in which they were given.
    """

    state: State
    decision: Decision | None
    votes: tuple[Vote, ...] = ()

    def agreement(self, decision: Decision | None) -> float:
        """Give how far readers agree with a decision, as ``reviewer_agreement`` has it.

        Returns:
            The mean over all readers of 1 (the same) and -1 (another).
        """
        signs = [1 if vote.decision is decision else -1 for vote in self.votes]
        return round(sum(signs) / len(signs), 4)

    def role_of(self, reviewer: Reviewer, arbiters: Collection[Reviewer] = ()) -> Role | None:
        """Say as what somebody may still read the pair; None for not at all.

        Args:
            reviewer: who.
            arbiters: who may settle disputes; everybody where nobody is named.
        """
        if any(vote.reviewer == reviewer for vote in self.votes):
            return None
        match self.state:
            case State.OPEN:
                return Role.FIRST
            case State.HALF:
                return Role.SECOND
            case State.DISPUTED if not arbiters or reviewer in arbiters:
                return Role.ARBITER
        return None


def stand(votes: Sequence[Vote], readers: int) -> Standing:
    """Find out what votes make together.

    An arbiter's vote is what holds. Without one, all have to agree, and be as many as are wanted.

    Args:
        votes: one a reader, in the order in which they were given.
        readers: how many have to read a pair.
    """
    given = tuple(votes)
    if not given:
        return Standing(State.OPEN, None)
    settled = [vote.decision for vote in given if vote.role is Role.ARBITER]
    if settled:
        return Standing(State.SETTLED, settled[-1], given)
    if len({vote.decision for vote in given}) > 1:
        return Standing(State.DISPUTED, None, given)
    state = State.SETTLED if len(given) >= readers else State.HALF
    return Standing(state, given[0].decision, given)
