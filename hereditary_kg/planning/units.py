"""The parts of a join: what they are, and which belong together.

Source: exclusive groups after Schwarte et al., FedX, ISWC 2011.
"""

from dataclasses import dataclass

import networkx as nx

from hereditary_kg.planning.cardinality import Estimate, estimate_local, join_estimates
from hereditary_kg.planning.leaves import GraphName, Leaf, joined_leaves
from hereditary_kg.planning.locality import LocalPart, joined_part
from hereditary_kg.planning.sources import Sources
from hereditary_kg.rdf.terms import IRI
from hereditary_kg.sparql.algebra import (
    BGP,
    Distinct,
    Filter,
    Join,
    Pattern,
    Project,
    Reduced,
    Service,
    Variable,
)
from hereditary_kg.sparql.variables import scope_variables

__all__ = [
    "Unit",
    "binds_node",
    "is_connected",
    "join_parts",
    "local_groups",
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
    part: LocalPart | None = None
    """What is known of where its solutions are."""
    branches: tuple[tuple["Unit", ...], ...] = ()
    """Joins of other units whose solutions, united, are those of the pattern."""

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
        for leaf in joined_leaves(unit.pattern)
    )


def is_connected(pattern: Pattern) -> bool:
    """Whether a join holds together: a cross product is cheaper to ship in parts.

    What is said of one and the same constant holds together as well.
    """
    while isinstance(pattern, Filter | Project | Distinct | Reduced):
        pattern = pattern.pattern
    if not isinstance(pattern, BGP | Join):
        return True
    groups: list[frozenset[Variable | IRI]] = []
    for part in join_parts(pattern):
        if isinstance(part, BGP):
            groups.extend(_linking_terms(BGP((triple,))) for triple in part.triples)
        else:
            groups.append(_linking_terms(part))
    groups = [group for group in groups if group]
    graph: nx.Graph[int] = nx.Graph()
    graph.add_nodes_from(range(len(groups)))
    graph.add_edges_from(
        (i, j) for i in range(len(groups)) for j in range(i) if groups[i] & groups[j]
    )
    return len(groups) <= 1 or nx.is_connected(graph)


def local_groups(units: list[Unit], sources: Sources) -> list[Unit]:
    """Merge units that join at one member at a time: exclusive groups, and local ones.

    Units are linked if a variable keeps their joint solutions at one member
    (:mod:`hereditary_kg.planning.locality`); where one member alone answers both, any shared
    variable does.
    """
    groups: list[Unit] = []
    waiting = list(units)
    while waiting:
        unit = waiting.pop(0)
        found = next((each for each in waiting if _are_linked(unit, each)), None)
        merged = None if found is None else _merge(unit, found, sources)
        if found is None or merged is None:
            groups.append(unit)
        else:
            waiting.remove(found)
            waiting.insert(0, merged)
    return groups


def _are_linked(first: Unit, second: Unit) -> bool:
    if first.part is None or second.part is None or not (first.pushable and second.pushable):
        return False
    shared = _linking_terms(first.pattern) & _linking_terms(second.pattern)
    return bool(shared) and first.part.is_linked(second.part)


def _linking_terms(pattern: Pattern) -> frozenset[Variable | IRI]:
    """Give the variables of a pattern, and the constants that something is said of."""
    subjects = (leaf.triple.subject for leaf in joined_leaves(pattern))
    constants = (subject for subject in subjects if isinstance(subject, IRI))
    return frozenset((*scope_variables(pattern), *constants))


def _merge(first: Unit, second: Unit, sources: Sources) -> Unit | None:
    if first.part is None or second.part is None:
        return None
    part = joined_part(first.part, second.part)
    if part is None or part.members is None:
        return None
    pattern = Join.of((first.pattern, second.pattern))
    leaves = tuple(joined_leaves(pattern))
    estimate = join_estimates((first.estimate, second.estimate))
    if leaves:
        together = estimate_local(leaves, part.members, sources)
        estimate = together if together.rows < estimate.rows else estimate
    return Unit(pattern, part.members, estimate, pushable=True, part=part)
