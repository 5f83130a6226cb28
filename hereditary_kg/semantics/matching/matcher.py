"""From two terminologies to proposals."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from hereditary_kg.semantics.matching.assignment import assign
from hereditary_kg.semantics.matching.confidence import (
    ANCHOR,
    confidence,
    first_score,
    score_of,
    second_score,
)
from hereditary_kg.semantics.matching.features import (
    FULL,
    Candidate,
    Pair,
    contextual,
    find_candidates,
    names_alone,
    without_rivals,
)
from hereditary_kg.semantics.matching.lexicon import FIELDS, Lexicon, lexicons_of
from hereditary_kg.semantics.matching.structure import Hierarchy
from hereditary_kg.semantics.terminology import Terminology

__all__ = ["ABSTAIN", "Proposal", "match"]

ABSTAIN = 0.5
"""The confidence below which nothing is proposed."""

_LEXICAL = 0.5
_SAME = 0.95
"""The likeness from which on two names say the same, for twins."""
_SPEAKING = 0.5
_EVIDENT = 0.3


@dataclass(frozen=True)
class Proposal:
    """Two terms that are proposed to be the same.

    Attributes:
        subject: the term of the one side.
        object: that of the other.
        confidence: how likely the proposal is right, from 0 to 1.
        similarity: how alike their likest names are, from 0 to 1.
        names: these names.
        fields: what kinds of names they are, as properties.
        words: the words that the names have in common.
        lexical: whether names speak for the pair.
        structural: whether hierarchies do.
        evident: whether evidence does.
        twin: whether one of both has a better partner.
    """

    subject: str
    object: str
    confidence: float
    similarity: float
    names: tuple[str, str]
    fields: tuple[str, str]
    words: str
    lexical: bool
    structural: bool
    evident: bool
    twin: bool = False

    @property
    def justification(self) -> str:
        """What speaks for the pair, as SSSOM's vocabulary calls it."""
        if self.structural and not (self.lexical or self.evident):
            return "semapv:StructuralMatching"
        if self.lexical and not (self.structural or self.evident):
            return "semapv:LexicalMatching"
        return "semapv:CompositeMatching"


def match(
    one: Terminology,
    other: Terminology,
    *,
    evidence: tuple[pl.DataFrame, pl.DataFrame] | None = None,
    decided: Iterable[tuple[str, str]] = (),
    confirmed: Iterable[tuple[str, str]] = (),
    abstain: float = ABSTAIN,
    with_twins: bool = False,
    on_step: Callable[[str], None] = lambda _: None,
) -> tuple[Proposal, ...]:
    """Propose which terms of two terminologies are the same.

    The order of rows does not matter, and neither, but for the direction of what is proposed, which
    side is the one. Obsolete terms are left out.

    Args:
        one: the one side.
        other: the other side.
        evidence: frames like `EVIDENCE`, of either side.
        decided: pairs that somebody has decided on, which are never proposed, in either direction.
        confirmed: those of them that are the same. Each of their terms has its partner, and is
            proposed to another one as a twin only.
        abstain: the confidence below which nothing is proposed.
        with_twins: propose also pairs whose names say the same, though one of their terms has a
            partner already: for terminologies that have a thing more than once, as ``bronchiole``
            and ``bronchioles``. Else each term is in one proposal at most.
        on_step: is told what is being done.

    Returns:
        The proposals, ordered by subject and object.
    """
    sides = lexicons_of(one, other)
    found = find_candidates(*sides, evidence, on_step)
    settled = {frozenset(pair) for pair in confirmed}
    closed = {frozenset(pair) for pair in decided} | settled
    # What is the same stays as a rival, and as what hierarchies may rest on.
    candidates = [
        each for each in found if frozenset(_names(sides, each.pair)) not in closed - settled
    ]
    on_step("hierarchies")
    hierarchies = (Hierarchy(sides[0]), Hierarchy(sides[1]))
    first = [first_score(each.base) for each in candidates]
    candidates = contextual(candidates, first, hierarchies, ANCHOR)
    scores = {_names(sides, each.pair): second_score(each.full) for each in candidates}
    on_step("assignment")
    least = score_of(abstain)
    known = tuple(frozenset(side.ids) for side in sides)
    partnered = {name for pair in settled if _is_across(pair, *known) for name in pair}
    free = {pair: score for pair, score in scores.items() if partnered.isdisjoint(pair)}
    taken = {pair: scores[pair] for pair in assign(free, least).items()}
    candidates = [each for each in candidates if frozenset(_names(sides, each.pair)) not in settled]
    twins = _twins(sides, candidates, taken.keys(), least) if with_twins else {}
    return _proposals(sides, candidates, taken, twins)


def _is_across(pair: frozenset[str], one: frozenset[str], other: frozenset[str]) -> bool:
    """Tell whether a pair has a term of each side."""
    return not pair.isdisjoint(one) and not pair.isdisjoint(other) and len(pair) > 1


def _twins(
    sides: Sequence[Lexicon],
    candidates: Iterable[Candidate],
    taken: Collection[tuple[str, str]],
    least: float,
) -> dict[tuple[str, str], float]:
    """Find further pairs by their names alone, with the score they have without their rivals."""
    found = {}
    for each in candidates:
        pair = _names(sides, each.pair)
        score = second_score(without_rivals(each.full))
        same = each.likeness.score >= _SAME and first_score(names_alone(each.base)) >= ANCHOR
        if same and score >= least and pair not in taken:
            found[pair] = score
    return found


def _names(sides: Sequence[Lexicon], pair: Pair) -> tuple[str, str]:
    return sides[0].ids[pair[0]], sides[1].ids[pair[1]]


def _proposals(
    sides: Sequence[Lexicon],
    candidates: Iterable[Candidate],
    taken: Mapping[tuple[str, str], float],
    twins: Mapping[tuple[str, str], float],
) -> tuple[Proposal, ...]:
    found = []
    for each in candidates:
        names = _names(sides, each.pair)
        if names in taken:
            found.append(_proposal(names, each, taken[names], twin=False))
        elif names in twins:
            found.append(_proposal(names, each, twins[names], twin=True))
    return tuple(sorted(found, key=lambda proposal: (proposal.subject, proposal.object)))


def _proposal(
    names: tuple[str, str], candidate: Candidate, score: float, *, twin: bool
) -> Proposal:
    best = candidate.likeness
    context = dict(zip(FULL, candidate.full, strict=True))
    shared = set(best.other.bag)
    common = [word for word in best.one.words if word in shared]
    return Proposal(
        *names,
        confidence(score),
        best.score,
        (best.one.text, best.other.text),
        (FIELDS[best.one.kind], FIELDS[best.other.kind]),
        " ".join(best.one.words if best.equal else common),
        best.equal or best.score >= _LEXICAL,
        max(context["above"], context["below"]) >= _SPEAKING,
        max(candidate.gene or 0.0, candidate.phenotype or 0.0) >= _EVIDENT,
        twin,
    )
