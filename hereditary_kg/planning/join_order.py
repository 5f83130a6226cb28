"""The order in which the parts of a join are joined.

Dynamic programming over sets of parts finds the cheapest order in which each next part is asked
for with the bindings of all before, or fetched whole where that costs less. Past a dozen parts,
the order is built greedily instead: always the part that keeps the join smallest.

Source: Selinger et al., Access Path Selection in a Relational Database Management System, SIGMOD
1979; costs of bind joins after Schwarte et al., FedX, ISWC 2011.
"""

from collections.abc import Mapping

import networkx as nx

from hereditary_kg.planning.cardinality import Estimate, join_estimates
from hereditary_kg.planning.costs import asking_cost, joined_cost, routed_share
from hereditary_kg.planning.members import MemberView
from hereditary_kg.planning.units import Unit
from hereditary_kg.sparql.algebra import Variable
from hereditary_kg.sparql.variables import scope_variables

__all__ = ["MOST_UNITS", "connected_parts", "join_cost", "join_order", "waiting_order"]

MOST_UNITS = 12
"""Parts of which every set is looked at."""


def waiting_order(waiting: list[Unit], bound: set[Variable]) -> list[Unit]:
    """Put what waits for bindings in an order in which one binds for the next."""
    order: list[Unit] = []
    rest = list(waiting)
    while rest:
        found = next((u for u in rest if bound & set(scope_variables(u.pattern))), rest[0])
        rest.remove(found)
        order.append(found)
        bound |= set(scope_variables(found.pattern))
    return order


def connected_parts(units: list[Unit]) -> list[list[Unit]]:
    """Split units into parts that share no variable, the smallest first."""
    scopes = [frozenset(scope_variables(unit.pattern)) for unit in units]
    graph: nx.Graph[int] = nx.Graph()
    graph.add_nodes_from(range(len(units)))
    graph.add_edges_from(
        (i, j) for i in range(len(units)) for j in range(i) if scopes[i] & scopes[j]
    )
    parts = [[units[i] for i in sorted(part)] for part in nx.connected_components(graph)]
    return sorted(parts, key=lambda part: join_estimates(u.estimate for u in part).rows)


def join_order(
    units: list[Unit], given: Estimate | None, members: Mapping[str, MemberView]
) -> list[Unit]:
    """Put units in the order in which they are joined, connected ones before cross products.

    Args:
        units: what is joined.
        given: what is joined with them from outside, and restricts them.
        members: who is asked for them.
    """
    if len(units) > MOST_UNITS:
        return _greedy_order(units, given)
    return [units[i] for i in _cheapest_order(units, given, members)[1]]


def join_cost(
    units: list[Unit], given: Estimate | None, members: Mapping[str, MemberView]
) -> float:
    """Give the cost of the cheapest order of at most `MOST_UNITS` units, in seconds."""
    return _cheapest_order(units, given, members)[0]


def _cheapest_order(
    units: list[Unit], given: Estimate | None, members: Mapping[str, MemberView]
) -> tuple[float, tuple[int, ...]]:
    scopes = [frozenset(scope_variables(unit.pattern)) for unit in units]
    steps = [_Step(unit, members) for unit in units]
    sizes = _Sizes(units, given)
    # For each set of units, as bits: the cost of its best order, and that order.
    best: dict[int, tuple[float, tuple[int, ...]]] = {0: (0.0, ())}
    layer = [0]
    for _ in units:
        reached: dict[int, tuple[float, tuple[int, ...]]] = {}
        for done in layer:
            cost, order = best[done]
            joined = sizes.of(done)
            waiting = [i for i in range(len(units)) if not done >> i & 1]
            connected = [i for i in waiting if scopes[i] & joined.distinct.keys()] or waiting
            for i in connected:
                together = done | 1 << i
                rows = sizes.of(together).rows
                total = cost + steps[i].cost(joined, rows, first=not done and given is None)
                if together not in reached or (total, (*order, i)) < reached[together]:
                    reached[together] = (total, (*order, i))
        best.update(reached)
        layer = list(reached)
    return best[(1 << len(units)) - 1]


class _Sizes:
    """The sizes of joins of units, which must not depend on the order of joining."""

    def __init__(self, units: list[Unit], given: Estimate | None) -> None:
        self._units = units
        self._known = {0: given or Estimate(1.0)}

    def of(self, chosen: int) -> Estimate:
        """Estimate the join of a set of units, given as bits."""
        if chosen not in self._known:
            last = chosen.bit_length() - 1
            before = self.of(chosen ^ 1 << last)
            self._known[chosen] = join_estimates((before, self._units[last].estimate))
        return self._known[chosen]


class _Step:
    """What it costs to join a unit with what is joined already, in seconds."""

    def __init__(self, unit: Unit, members: Mapping[str, MemberView]) -> None:
        self._unit = unit
        self._asking = asking_cost(members[name].learnt for name in unit.members)
        self._terms = len(scope_variables(unit.pattern))
        self._shares: dict[Variable, float] = {}

    def cost(self, joined: Estimate, rows: float, *, first: bool) -> float:
        """Estimate the cost.

        Args:
            joined: what is joined already.
            rows: how many rows the join will have.
            first: whether nothing is joined yet.
        """
        estimate = self._unit.estimate
        whole = self._asking.whole(estimate.rows, self._terms)
        shared = joined.distinct.keys() & estimate.distinct.keys()
        if first or not shared:
            return whole + joined_cost(joined.rows * estimate.rows)
        keys = min(joined.rows, max(joined.distinct[variable] for variable in shared))
        share = min(map(self._share, shared))
        # A binding brings the rows of one term, however often it is on the other side.
        terms = max(estimate.distinct[variable] for variable in shared)
        found = min(rows, estimate.rows, estimate.rows * keys / max(terms, keys, 1.0))
        bound = self._asking.bound(keys, found, self._terms, share)
        return min(whole, bound) + joined_cost(rows)

    def _share(self, variable: Variable) -> float:
        """Give the share of the unit's members that a binding of a variable will go to."""
        if variable not in self._shares:
            part = self._unit.part
            ends = () if part is None else part.ends.get(variable, ())
            self._shares[variable] = routed_share(ends, self._unit.members)
        return self._shares[variable]


def _greedy_order(units: list[Unit], given: Estimate | None) -> list[Unit]:
    waiting = sorted(units, key=lambda unit: unit.estimate.rows)
    order: list[Unit] = []
    joined = given or waiting[0].estimate
    bound: set[Variable] = set(joined.distinct)
    if given is None:
        order.append(waiting.pop(0))
    while waiting:
        connected = [u for u in waiting if bound & set(scope_variables(u.pattern))] or waiting
        best = min(connected, key=lambda unit: join_estimates((joined, unit.estimate)).rows)
        waiting.remove(best)
        order.append(best)
        joined = join_estimates((joined, best.estimate))
        bound |= set(scope_variables(best.pattern))
    return order
