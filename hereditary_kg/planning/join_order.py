"""The order in which the parts of a join are joined.

Dynamic programming over sets of parts finds the cheapest order in which each next part is asked
for with the bindings of all before, or fetched whole where that costs less. Past a dozen parts,
the order is built greedily instead: always the part that keeps the join smallest.

Source: Selinger et al., Access Path Selection in a Relational Database Management System, SIGMOD
1979; costs of bind joins after Schwarte et al., FedX, ISWC 2011.
"""

from math import ceil

import networkx as nx

from hereditary_kg.planning.cardinality import Estimate, join_estimates
from hereditary_kg.planning.units import Unit
from hereditary_kg.sparql.algebra import Variable
from hereditary_kg.sparql.variables import scope_variables

__all__ = [
    "LOOK_UP_COST",
    "REQUEST_COST",
    "ROW_COST",
    "connected_parts",
    "join_order",
    "waiting_order",
]

# Costs in seconds, measured over loopback with Oxigraph as the store.
REQUEST_COST = 0.005
"""A request to a member, whatever it answers."""
LOOK_UP_COST = 0.000_02
"""One binding that a member looks up."""
ROW_COST = 0.000_005
"""One row that a member sends."""

_MOST_UNITS = 12
_BLOCK = 1_000


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


def join_order(units: list[Unit], given: Estimate | None) -> list[Unit]:
    """Put units in the order in which they are joined, connected ones before cross products.

    Args:
        units: what is joined.
        given: what is joined with them from outside, and restricts them.
    """
    if len(units) > _MOST_UNITS:
        return _greedy_order(units, given)
    return _cheapest_order(units, given)


def _cheapest_order(units: list[Unit], given: Estimate | None) -> list[Unit]:
    scopes = [frozenset(scope_variables(unit.pattern)) for unit in units]
    start = given or Estimate(1.0)
    # For each set of units, as bits: the cost of its best order, that order, and its size.
    best: dict[int, tuple[float, tuple[int, ...], Estimate]] = {0: (0.0, (), start)}
    layer = [0]
    for _ in units:
        reached: dict[int, tuple[float, tuple[int, ...], Estimate]] = {}
        for done in layer:
            cost, order, joined = best[done]
            waiting = [i for i in range(len(units)) if not done >> i & 1]
            connected = [i for i in waiting if scopes[i] & joined.distinct.keys()] or waiting
            for i in connected:
                total = cost + _step_cost(joined, units[i], first=not done and given is None)
                together = done | 1 << i
                if together not in reached or (total, (*order, i)) < reached[together][:2]:
                    size = join_estimates((joined, units[i].estimate))
                    reached[together] = (total, (*order, i), size)
        best.update(reached)
        layer = list(reached)
    return [units[i] for i in best[(1 << len(units)) - 1][1]]


def _step_cost(joined: Estimate, unit: Unit, *, first: bool) -> float:
    """Estimate what it costs to join ``unit`` with what is joined already, in seconds."""
    estimate = unit.estimate
    members = max(1, len(unit.members))
    whole = members * REQUEST_COST + estimate.rows * ROW_COST
    shared = joined.distinct.keys() & estimate.distinct.keys()
    if first or not shared:
        return whole + joined.rows * estimate.rows * ROW_COST
    keys = min(joined.rows, max(joined.distinct[variable] for variable in shared))
    result = join_estimates((joined, estimate)).rows
    requests = members * ceil(max(keys, 1.0) / _BLOCK)
    bound = requests * REQUEST_COST + keys * LOOK_UP_COST + min(result, estimate.rows) * ROW_COST
    return min(whole, bound) + result * ROW_COST


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
