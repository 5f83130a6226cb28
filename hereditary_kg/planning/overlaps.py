"""How many distinct terms members have together, where they share vocabularies."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from hereditary_kg.planning.leaves import Leaf
from hereditary_kg.planning.members import Members, remembered
from hereditary_kg.planning.sources import Sources
from hereditary_kg.rdf.terms import IRI
from hereditary_kg.sites.profile import PredicateProfile
from hereditary_kg.sites.term_filters import TermFilter, union_size
from hereditary_kg.sparql.algebra import Variable

__all__ = ["NO_OVERLAP", "Overlap", "overlap_of"]

# Predicates, at some members, of which it is kept what members share.
_MOST_SHARES = 512


@dataclass(frozen=True)
class Overlap:
    """What is left of the numbers of several members, where what they share counts once.

    Attributes:
        rows: the share of rows that are left, above 0 and up to 1.
        distinct: that of the distinct terms of a variable; variables of which no two members
            share terms are left out.
    """

    rows: float
    distinct: Mapping[Variable, float]


NO_OVERLAP = Overlap(1.0, {})
"""That of members that share nothing."""


def overlap_of(leaves: Iterable[Leaf], members: Sequence[str], sources: Sources) -> Overlap:
    """Estimate what members share of what they match.

    A triple is taken for a copy if both of its ends are shared; and a row if all of its triples
    are. Of the leaves of a variable the one that shares most counts.

    Args:
        leaves: what each member matches for itself.
        members: the members.
        sources: who they are.
    """
    if len(members) < 2:
        return NO_OVERLAP
    rows: list[float] = []
    distinct: dict[Variable, float] = {}
    for leaf in leaves:
        shares = _end_shares(leaf, members, sources)
        rows.append(max((share for share in shares if share is not None), default=1.0))
        for end, share in zip((leaf.triple.subject, leaf.triple.object), shares, strict=True):
            if isinstance(end, Variable) and share is not None and share < 1.0:
                distinct[end] = min(share, distinct.get(end, 1.0))
    return Overlap(max(rows, default=1.0), distinct)


def _end_shares(
    leaf: Leaf, members: Sequence[str], sources: Sources
) -> tuple[float | None, float | None]:
    """Give the shares of subjects and of objects that are left; None for objects not looked at."""
    predicate = leaf.triple.predicate
    if not isinstance(predicate, IRI) or leaf.graph is not None:
        return 1.0, 1.0
    return _shares(sources.members, (predicate.value, tuple(members)))


@remembered(most=_MOST_SHARES)
def _shares(
    members: Members, asked: tuple[str, tuple[str, ...]]
) -> tuple[float | None, float | None]:
    """Give the shares that are left at the ends of a predicate.

    Args:
        members: the federation.
        asked: the predicate's IRI, and the members whose triples count.
    """
    known = list(_profiles(members, *asked))
    subjects = _distinct_share([(each.subjects, each.subject_filter) for each in known])
    if not any(each.object_filter for each in known):
        return subjects, None
    return subjects, _distinct_share([(each.objects, each.object_filter) for each in known])


def _profiles(members: Members, predicate: str, names: Iterable[str]) -> Iterator[PredicateProfile]:
    for name in names:
        profile = members[name].profile
        known = None if profile is None else profile.predicate(predicate)
        if known is not None:
            yield known


def _distinct_share(counted: Sequence[tuple[int, TermFilter | None]]) -> float:
    total = sum(count for count, _ in counted)
    filters = tuple(held for _, held in counted if held is not None and len(held))
    shared = sum(map(len, filters))
    if len(filters) < 2 or shared > total:
        return 1.0
    return (total - shared + union_size(filters)) / total
