"""What hangs on a mapping: records at the members, and saved queries."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from hereditary_kg.semantics.hub import Hub
from hereditary_kg.semantics.review.candidates import Candidate, Pair
from hereditary_kg.semantics.saved_queries import SavedQuery, codes_below

__all__ = ["Weight", "in_order", "weigh"]


@dataclass(frozen=True)
class Weight:
    """What hangs on a mapping.

    Attributes:
        records: those that have a code of either end, or one that is the same.
        below: those that have a narrower one.
        queries: the names of saved queries that ask for either end, or for what is broader.
    """

    records: int = 0
    below: int = 0
    queries: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """All records, once, and once more for each query."""
        return (self.records + self.below) * (1 + len(self.queries))


def weigh(
    pairs: Collection[Pair],
    counts: Mapping[str, int],
    queries: Sequence[SavedQuery],
    hub: Hub,
) -> Mapping[Pair, Weight]:
    """Find out what hangs on mappings.

    Args:
        pairs: subjects and objects.
        counts: canonical CURIE -> records that have it.
        queries: what is asked again and again.
        hub: says what is the same and what is narrower; an empty one says nothing.
    """
    ends = {end for pair in pairs for end in pair}
    at: dict[str, set[str]] = {}
    above: dict[str, set[str]] = {}
    for code in counts:
        same = set(hub.exact(code))
        for end in same & ends:
            at.setdefault(end, set()).add(code)
        for end in (_above(hub, same) & ends) - same:
            above.setdefault(end, set()).add(code)
    asked = [(query.name, codes_below(hub, query.codes) & ends) for query in queries]
    found: dict[Pair, Weight] = {}
    for pair in pairs:
        own = _united(pair, at)
        below = _united(pair, above) - own
        names = tuple(name for name, codes in asked if not codes.isdisjoint(pair))
        found[pair] = Weight(_sum(own, counts), _sum(below, counts), names)
    return found


def _above(hub: Hub, codes: Iterable[str]) -> set[str]:
    """Give all that is broader than codes, and what is the same as that."""
    seen: set[str] = set()
    front = set(codes)
    while front:
        seen |= front
        broader = {step.end for code in front for step in hub.broader(code)} - seen
        front = {name for code in broader for name in hub.exact(code)} - seen
    return seen


def _united(pair: Pair, reached: Mapping[str, set[str]]) -> set[str]:
    return reached.get(pair[0], set()) | reached.get(pair[1], set())


def _sum(codes: Iterable[str], counts: Mapping[str, int]) -> int:
    return sum(counts[code] for code in codes)


def in_order(candidates: Iterable[Candidate], weights: Mapping[Pair, Weight]) -> list[Candidate]:
    """Put first what most hangs on, and then what is proposed with most confidence."""

    def rank(candidate: Candidate) -> tuple[float, ...]:
        weight = weights[candidate.pair]
        return (
            -weight.total,
            -len(weight.queries),
            -weight.records,
            -candidate.confidence,
            candidate.places[0],
        )

    return sorted(candidates, key=rank)
