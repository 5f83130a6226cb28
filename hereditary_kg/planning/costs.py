"""What asking members costs: constants at first, then what their answers have taught.

Members are asked at once, so that a round of requests takes as long as the slowest of them. A
request has a small charge besides, for what the mediator and the member do about it; rows come at
the rate that the members have shown, wide ones more slowly. Figures that were learnt are taken in
steps of a factor of two: a plan should not change with the noise in them.

Of the bindings that a join sends, each goes only to the members whose profiles admit it. Which
share of them that will be follows from the profiles too (:func:`routed_share`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, log2
from statistics import fmean

from hereditary_kg.federation.block_sizes import FIRST_BLOCK
from hereditary_kg.federation.statistics import MemberStatistics
from hereditary_kg.planning.domains import VariableEnd
from hereditary_kg.sites.term_filters import TermFilter, union_size

__all__ = ["AskingCost", "asking_cost", "joined_cost", "routed_share"]

# In seconds, measured over loopback with Oxigraph as the store.
_REQUEST = 0.005
"""A request to a member of which nothing is known, whatever it answers."""
_CHARGE = 0.001
"""A request to a member whose latency is known, beside that."""
_SENT = 0.000_005
"""One binding that the mediator sends."""
_LOOK_UP = 0.000_015
"""One binding that a member looks up."""
_ROW = 0.000_005
"""One row that a member sends or the mediator joins."""

_LEAST_ROW = 0.000_001
# Blocks of bindings that one member gets at once.
_AT_ONCE = 4
_TERM_BYTES = 40


@dataclass(frozen=True)
class AskingCost:
    """What it costs to ask some members at once, in seconds.

    Attributes:
        members: how many.
        latency: until the slowest one answers; 0 where nothing is learnt, and a request's
            charge says it all.
        request: what each request is charged.
        row: what a row costs.
        row_bytes: how long rows have been; None where that is not known.
    """

    members: int = 1
    latency: float = 0.0
    request: float = _REQUEST
    row: float = _ROW
    row_bytes: float | None = None

    def shipped(self, rows: float, terms: int) -> float:
        """Give the cost of rows of so many terms.

        Half of what a row has cost is put down to its length.
        """
        wider = 1.0 if self.row_bytes is None else (1 + terms * _TERM_BYTES / self.row_bytes) / 2
        return rows * self.row * wider

    def whole(self, rows: float, terms: int) -> float:
        """Give the cost of everything, asked without bindings."""
        return self.latency + self.members * self.request + self.shipped(rows, terms)

    def bound(self, keys: float, rows: float, terms: int, share: float = 1.0) -> float:
        """Give the cost of asking with bindings.

        Args:
            keys: how many.
            rows: what comes back.
            terms: the terms of a row.
            share: of the members to which a binding goes.
        """
        routed = self.members
        if share < 1.0:
            routed = self.members * (1 - (1 - share) ** keys)
        blocks = ceil(max(keys * share, 1.0) / FIRST_BLOCK)
        asking = self.latency * ceil(blocks / _AT_ONCE) + routed * blocks * self.request
        return asking + keys * (_SENT + share * _LOOK_UP) + self.shipped(rows, terms)

    def most_bindings(
        self, rows: float, terms: int, share: float = 1.0, rows_each: float = 0.0
    ) -> float:
        """Give how many bindings cost as much as to fetch so many rows instead.

        Args:
            rows: of everything, asked without bindings.
            terms: the terms of a row.
            share: of the members to which a binding goes.
            rows_each: that come back for one binding.
        """
        block = self.latency / _AT_ONCE + self.members * self.request
        binding = _SENT + share * (_LOOK_UP + block / FIRST_BLOCK) + self.shipped(rows_each, terms)
        return self.shipped(rows, terms) / binding


def joined_cost(rows: float) -> float:
    """Give what the rows of a join cost the mediator."""
    return rows * _ROW


def asking_cost(learnt: Iterable[MemberStatistics]) -> AskingCost:
    """Give what it costs to ask members.

    Args:
        learnt: what each of them has taught.
    """
    every = tuple(learnt)
    latencies = [_REQUEST if each.latency is None else each.latency for each in every]
    if all(each.latency is None for each in every):
        return AskingCost(max(1, len(every)))
    rates = [_ROW if each.row_seconds is None else each.row_seconds for each in every]
    lengths = [each.row_bytes for each in every if each.row_bytes is not None]
    return AskingCost(
        len(every),
        _step(max(latencies)),
        _CHARGE,
        max(_LEAST_ROW, _step(fmean(rates))),
        _step(fmean(lengths)) if lengths else None,
    )


def _step(figure: float) -> float:
    return 2.0 ** round(log2(figure)) if figure > 0 else 0.0


def routed_share(ends: Iterable[VariableEnd], members: tuple[str, ...]) -> float:
    """Give the share of members that a binding of a variable will go to.

    Args:
        ends: where the variable stands in what they are asked.
        members: who are asked.
    """
    if len(members) < 2:
        return 1.0
    return min((_share_at(end, members) for end in ends), default=1.0)


def _share_at(end: VariableEnd, members: tuple[str, ...]) -> float:
    domains = [end.domains[name] for name in members if name in end.domains]
    if len(domains) < len(members):
        return 1.0
    restricted = end.restricted(members)
    if not restricted.crosses(restricted):
        return 1 / len(members)
    filters: list[TermFilter] = []
    for domain in domains:
        codes, namespaces = domain.codes, domain.namespaces
        if codes is None or namespaces is None or domain.blank or domain.datatypes != frozenset():
            return 1.0
        if not all(each.startswith(codes.namespaces) for each in namespaces):
            return 1.0
        filters.append(codes)
    return _mean_share(tuple(filters))


@lru_cache(maxsize=1024)
def _mean_share(filters: tuple[TermFilter, ...]) -> float:
    terms = union_size(filters)
    return min(1.0, fmean(map(len, filters)) / terms) if terms else 1.0
