"""Fragments: what is fetched where the mediator itself evaluates a pattern."""

from dataclasses import replace

from hereditary_kg.planning import plan
from hereditary_kg.planning.fetching import FetchPlanner
from hereditary_kg.planning.leaves import (
    GRAPH,
    GraphName,
    Leaf,
    edge_leaves,
    graphs_matter_alone,
    names_graphs,
    node_leaves,
    pattern_leaves,
    walked_edges,
)
from hereditary_kg.rdf.terms import IRI, XSD, Literal
from hereditary_kg.semantics.included_patterns import (
    have_own_graphs,
    named_inclusion,
    with_named_inclusions,
)
from hereditary_kg.sparql.algebra import Dataset, Extend, Pattern, Service, Slice, Union
from hereditary_kg.sparql.variables import certain_variables, scope_variables, walk

__all__ = ["FragmentPlanner"]


class FragmentPlanner:
    """Plans stores of everything that a pattern can touch.

    Args:
        fetching: plans the requests.
    """

    def __init__(self, fetching: FetchPlanner) -> None:
        self._fetching = fetching
        self._sources = fetching.sources

    def fragment(self, pattern: Pattern, graph: GraphName = None) -> plan.Fragment:
        """Plan ``pattern`` over a store of everything that it can touch."""
        leaves = tuple(pattern_leaves(pattern, graph))
        edges = dict.fromkeys(edge for leaf in leaves for edge in edge_leaves(leaf))
        nodes = dict.fromkeys(node for leaf in leaves for node in node_leaves(leaf))
        kept = tuple(leaf for leaf in (*edges, *nodes) if self._fetching.members(leaf))
        fetches = tuple(
            self._fetching.fetch_leaf(leaf)
            if leaf in edges
            else replace(self._fetching.fetch_leaf(leaf), limit=1)
            for leaf in kept
        )
        fetches, at_once = self._asked_once(fetches)
        apart = have_own_graphs(pattern)
        services = (node for node in walk(pattern) if isinstance(node, Service))
        return plan.Fragment(
            with_named_inclusions(pattern),
            tuple(Leaf(*named_inclusion(leaf.triple, leaf.graph, apart=apart)) for leaf in kept),
            fetches,
            at_once,
            self._graph_names() if names_graphs(pattern) else (),
            tuple(plan.ServiceCall(service) for service in dict.fromkeys(services)),
            scope_variables(pattern),
            certain_variables(pattern),
            self._graph_fetch() if graphs_matter_alone(pattern) else None,
        )

    def path(self, leaf: Leaf) -> plan.Fragment:
        """Plan a path that is walked from given terms: its own edges are all it needs."""
        edges = tuple(edge for edge in walked_edges(leaf) if self._fetching.members(edge))
        names = self._graph_names() if leaf.graph is not None else ()
        fetches = tuple(map(self._fetching.fetch_leaf, edges))
        certain = frozenset(leaf.variables)
        return plan.Fragment(leaf.pattern, edges, fetches, (), names, (), leaf.variables, certain)

    def _asked_once(
        self, fetches: tuple[plan.Fetch, ...]
    ) -> tuple[tuple[plan.Fetch, ...], tuple[plan.Fetch, ...]]:
        """Take members that may be asked once only out of ``fetches``, into one fetch each."""
        at_once = []
        for name in (view.name for view in self._sources.members.values() if view.asked_once):
            parts = [
                Extend(
                    fetch.pattern if fetch.limit is None else Slice(fetch.pattern, 0, fetch.limit),
                    plan.LEAF_NUMBER,
                    Literal(str(number), XSD + "integer"),
                )
                for number, fetch in enumerate(fetches)
                if name in fetch.members
            ]
            if parts:
                at_once.append(self._fetching.fetch_once(Union.of(parts), name))
        names = {fetch.members[0] for fetch in at_once}
        rest = (
            replace(fetch, members=tuple(name for name in fetch.members if name not in names))
            for fetch in fetches
        )
        return tuple(rest), tuple(at_once)

    def _graph_fetch(self) -> plan.Fetch | None:
        """Plan to ask members that do not list all of their graphs for the names."""
        members = tuple(
            name
            for name in self._sources.graph_holders(GRAPH)
            if (profile := self._sources.members[name].profile) is None
            or profile.unlisted_graphs.count
        )
        return self._fetching.fetch_graphs(members) if members else None

    def _graph_names(self) -> tuple[IRI, ...]:
        chosen = self._sources.dataset.named
        names = {
            name
            for member in self._sources.members.values()
            if member.profile is not None
            for name in member.profile.named_graphs
        }
        if self._sources.dataset != Dataset():
            names &= {iri.value for iri in chosen}
        return tuple(IRI(name) for name in sorted(names))
