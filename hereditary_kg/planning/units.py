"""The parts of a join: what they are, which belong together, and their order.

Source: exclusive groups after Schwarte et al., FedX, ISWC 2011.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import networkx as nx

from hereditary_kg.planning.cardinality import Estimate, join_estimates
from hereditary_kg.planning.leaves import GraphName, Leaf, pattern_leaves
from hereditary_kg.sparql.algebra import (
    BGP,
    Distinct,
    Filter,
    Graph,
    Join,
    LeftJoin,
    Pattern,
    Project,
    Reduced,
    Service,
    Variable,
)
from hereditary_kg.sparql.variables import scope_variables, triple_variables

__all__ = [
    "Unit",
    "binds_node",
    "connected_parts",
    "exclusive_groups",
    "is_connected",
    "join_order",
    "join_parts",
    "waiting_order",
]


@dataclass(frozen=True)
class Unit:
    """One part of a join: a pattern for members, or a plan already built."""

    pattern: Pattern
    members: tuple[str, ...]
    estimate: Estimate
    pushable: bool
    """Whether ``members`` evaluate the pattern; else the mediator builds a plan for it."""
    leaf: Leaf | None = None
    """The leaf that the unit is, if it is one."""

    @property
    def exclusive(self) -> bool:
        """Whether one member alone answers the unit."""
        return self.pushable and len(self.members) == 1

    @property
    def waits(self) -> bool:
        """Whether the unit is cheaper or only possible once others have bound its variables."""
        if isinstance(self.pattern, Service):
            return isinstance(self.pattern.name, Variable)
        return self.leaf is not None and not self.pushable


def join_parts(pattern: BGP | Join) -> tuple[Pattern, ...]:
    """Give the parts of a join; a basic graph pattern is the join of itself."""
    return pattern.parts if isinstance(pattern, Join) else (pattern,)


def binds_node(unit: Unit, variable: Variable, graph: GraphName) -> bool:
    """Whether ``unit`` binds ``variable`` to a node of the default graph, or of ``graph``."""
    return any(
        leaf.graph == graph
        and not leaf.triple.is_path
        and variable in (leaf.triple.subject, leaf.triple.object)
        for leaf in _joined_leaves(unit.pattern)
    )


def _joined_leaves(pattern: Pattern) -> Iterator[Leaf]:
    """Yield the leaves that every solution of ``pattern`` matches."""
    match pattern:
        case BGP() | Graph(_, BGP()):
            yield from pattern_leaves(pattern)
        case Join(parts):
            for part in parts:
                yield from _joined_leaves(part)
        case Filter(_, inner) | LeftJoin(inner, _):
            yield from _joined_leaves(inner)
        case _:
            return


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


def is_connected(pattern: Pattern) -> bool:
    """Whether a join holds together by variables: a cross product is cheaper to ship in parts."""
    while isinstance(pattern, Filter | Project | Distinct | Reduced):
        pattern = pattern.pattern
    if not isinstance(pattern, BGP | Join):
        return True
    groups: list[frozenset[Variable]] = []
    for part in join_parts(pattern):
        if isinstance(part, BGP):
            groups.extend(frozenset(triple_variables(triple)) for triple in part.triples)
        else:
            groups.append(frozenset(scope_variables(part)))
    groups = [group for group in groups if group]
    graph: nx.Graph[int] = nx.Graph()
    graph.add_nodes_from(range(len(groups)))
    graph.add_edges_from(
        (i, j) for i in range(len(groups)) for j in range(i) if groups[i] & groups[j]
    )
    return len(groups) <= 1 or nx.is_connected(graph)


def exclusive_groups(units: list[Unit]) -> list[Unit]:
    """Merge connected units that have the same single member."""
    graph: nx.Graph[int] = nx.Graph()
    graph.add_nodes_from(range(len(units)))
    scopes = [frozenset(scope_variables(unit.pattern)) for unit in units]
    for i, unit in enumerate(units):
        for j in range(i):
            same = unit.exclusive and units[j].exclusive and unit.members == units[j].members
            if same and scopes[i] & scopes[j]:
                graph.add_edge(i, j)
    merged = []
    for component in nx.connected_components(graph):
        group = [units[i] for i in sorted(component)]
        if len(group) == 1:
            merged.append(group[0])
        else:
            pattern = Join.of(unit.pattern for unit in group)
            estimate = join_estimates(unit.estimate for unit in group)
            merged.append(Unit(pattern, group[0].members, estimate, pushable=True))
    return merged


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
    """Put units in the order in which they are joined.

    The smallest comes first, or the one that ``given`` (what is joined from outside) restricts
    best; then always the one that keeps the join smallest, connected ones first.
    """
    if not units:
        return []
    waiting = sorted(units, key=lambda unit: unit.estimate.rows)
    order: list[Unit] = []
    joined = given or waiting[0].estimate
    bound = set(joined.distinct)
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
