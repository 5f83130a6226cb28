"""Ways to deal a data set over the members of a federation.

Blank nodes are scoped to their member, so all quads that blank nodes connect go to one member
together, and none of them is replicated. Every other quad may go anywhere.
"""

import math
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import networkx as nx
import pyoxigraph as ox

__all__ = ["DEALS", "GRAPH_DEALS", "Deal", "Hand"]

_MEMBERS = 3
Component = tuple[ox.Quad, ...]


@dataclass
class Hand:
    """What one member holds: its quads, and its named graphs, also empty ones."""

    quads: list[ox.Quad] = field(default_factory=list)
    graphs: set[ox.NamedNode] = field(default_factory=set)

    def store(self) -> ox.Store:
        """Load the hand into a store."""
        store = ox.Store()
        for graph in self.graphs:
            store.add_graph(graph)
        store.extend(self.quads)
        return store


@dataclass(frozen=True)
class Deal:
    """A way to deal.

    Attributes:
        name: what it is called.
        account: who gets what, in a few words.
        members: how many members there are.
        places: gives the members of each component of the data, in the data's order.
    """

    name: str
    account: str
    members: int
    places: Callable[[Sequence[Component]], Iterable[Sequence[int]]]

    def hands(self, quads: Iterable[ox.Quad], graphs: Iterable[ox.NamedNode]) -> list[Hand]:
        """Deal quads and the names of graphs; a graph without quads goes to the first member."""
        dealt = [Hand() for _ in range(self.members)]
        components = _components(quads)
        for component, places in zip(components, self.places(components), strict=True):
            for place in places:
                dealt[place].quads.extend(component)
        filled = {quad.graph_name for hand in dealt for quad in hand.quads}
        dealt[0].graphs.update(graph for graph in graphs if graph not in filled)
        return dealt

    def __str__(self) -> str:
        return self.name


def _components(quads: Iterable[ox.Quad]) -> list[Component]:
    """Group quads that share blank nodes; every other quad stands alone."""
    ordered = sorted(quads, key=_without_labels)
    graph: nx.Graph = nx.Graph()
    for number, quad in enumerate(ordered):
        graph.add_node(number)
        graph.add_edges_from(
            (number, str(end))
            for end in (quad.subject, quad.object)
            if isinstance(end, ox.BlankNode)
        )
    groups = (
        sorted(node for node in group if isinstance(node, int))
        for group in nx.connected_components(graph)
    )
    return [tuple(ordered[number] for number in group) for group in sorted(groups)]


def _without_labels(quad: ox.Quad) -> tuple[str, ...]:
    """Give an order in which blank nodes, whose labels are others each time, keep their places."""
    ends = (quad.graph_name, quad.predicate, quad.subject, quad.object)
    return tuple("_:" if isinstance(end, ox.BlankNode) else str(end) for end in ends)


def _has_blank_nodes(component: Component) -> bool:
    return any(
        isinstance(end, ox.BlankNode) for quad in component for end in (quad.subject, quad.object)
    )


def _in_turn(key: Callable[[ox.Quad], object], members: int):
    """Deal the values of a key in turn; a component has that of its first quad."""

    def places(components: Sequence[Component]) -> list[Sequence[int]]:
        values = sorted({str(key(component[0])) for component in components})
        turn = {value: (number % members,) for number, value in enumerate(values)}
        return [turn[str(key(component[0]))] for component in components]

    return places


def _at_random(seed: int, replicated: float = 0.0):
    def places(components: Sequence[Component]) -> list[Sequence[int]]:
        chance = random.Random(seed)
        ground = [n for n, component in enumerate(components) if not _has_blank_nodes(component)]
        twice = set(chance.sample(ground, math.ceil(replicated * len(ground))))
        dealt: list[Sequence[int]] = []
        for number in range(len(components)):
            first = chance.randrange(_MEMBERS)
            second = (first + chance.randrange(1, _MEMBERS)) % _MEMBERS
            dealt.append((first, second) if number in twice else (first,))
        return dealt

    return places


def _split(components: Sequence[Component]) -> list[Sequence[int]]:
    """Deal every graph's own components in turn, so that its name stands at both members."""
    dealt: dict[str, int] = {}
    places = []
    for component in components:
        graph = str(component[0].graph_name)
        places.append((dealt.get(graph, 0) % 2,))
        dealt[graph] = dealt.get(graph, 0) + 1
    return places


def _whole(components: Sequence[Component]) -> list[Sequence[int]]:
    return [(0,) for _ in components]


DEALS = (
    Deal("one member", "all of it on one member", 1, _whole),
    Deal("beside an empty member", "all of it on one of two members", 2, _whole),
    Deal(
        "by predicate",
        "the predicates in turn to three members",
        _MEMBERS,
        _in_turn(lambda quad: quad.predicate, _MEMBERS),
    ),
    Deal(
        "by subject",
        "the subjects in turn to three members",
        _MEMBERS,
        _in_turn(lambda quad: quad.subject, _MEMBERS),
    ),
    Deal("random 1", "every triple to one of three members (seed 1)", _MEMBERS, _at_random(1)),
    Deal("random 2", "the same with another seed", _MEMBERS, _at_random(2)),
    Deal(
        "30 % replicated",
        "at random, 30 % of the triples to two of three members",
        _MEMBERS,
        _at_random(3, 0.3),
    ),
    Deal(
        "100 % replicated",
        "at random, every triple to two of three members",
        _MEMBERS,
        _at_random(4, 1.0),
    ),
)
"""The deals of every test."""

GRAPH_DEALS = (
    Deal(
        "whole graphs",
        "the graphs in turn to two members",
        2,
        _in_turn(lambda quad: quad.graph_name, 2),
    ),
    Deal(
        "graphs split",
        "the triples of each graph in turn to two members, so that both have a graph of the name",
        2,
        _split,
    ),
)
"""The further deals of tests with named graphs."""
