"""The leaves of a pattern: what is matched, and in which graph.

A leaf is a triple or path pattern together with the graph that it is matched in: None for the
default graph, a name or a variable inside GRAPH. The patterns of EXISTS have leaves like any
other; what stands inside SERVICE is not for the members and has none.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from hereditary_kg.rdf.terms import IRI, BlankNode, Literal
from hereditary_kg.sparql.algebra import (
    BGP,
    Distinct,
    Extend,
    Filter,
    Graph,
    Group,
    Join,
    LeftJoin,
    Minus,
    OrderBy,
    Pattern,
    Project,
    Reduced,
    Service,
    TriplePattern,
    Variable,
    children,
)
from hereditary_kg.sparql.paths import matches_zero_length, path_predicates
from hereditary_kg.sparql.printing import group_text
from hereditary_kg.sparql.variables import (
    expression_patterns,
    pattern_expressions,
    scope_variables,
    triple_variables,
    walk,
)

__all__ = [
    "GRAPH",
    "GraphName",
    "Leaf",
    "any_graph_leaf",
    "edge_leaves",
    "graph_below",
    "graphs_matter_alone",
    "has_service",
    "joined_leaves",
    "leaf_shape",
    "names_graphs",
    "node_leaves",
    "pattern_leaves",
    "required_leaves",
    "walked_edges",
]

GraphName = Variable | IRI | None


@dataclass(frozen=True)
class Leaf:
    """A triple or path pattern and the graph it is matched in."""

    triple: TriplePattern
    graph: GraphName = None

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        # Leaves are keys of most that planning knows, and hashing a pattern takes its time.
        return hash((self.triple, self.graph))

    @property
    def pattern(self) -> Pattern:
        """The leaf as a pattern of its own."""
        bgp = BGP((self.triple,))
        return bgp if self.graph is None else Graph(self.graph, bgp)

    @property
    def variables(self) -> tuple[Variable, ...]:
        """The variables of the triple, and of the graph."""
        own = triple_variables(self.triple)
        if isinstance(self.graph, Variable) and self.graph not in own:
            return (*own, self.graph)
        return own

    @cached_property
    def predicates(self) -> tuple[IRI, ...] | None:
        """The predicates of the triples that can match; None where any may be."""
        predicate = self.triple.predicate
        if isinstance(predicate, Variable) or self.zero_length:
            # Any triple makes its ends nodes, and zero-length paths connect nodes.
            return None
        return path_predicates(predicate)

    @property
    def zero_length(self) -> bool:
        """Whether nodes match without any triple between them."""
        predicate = self.triple.predicate
        return not isinstance(predicate, Variable) and matches_zero_length(predicate)

    @property
    def needs_nodes(self) -> bool:
        """Whether every node of the graph is a match: a zero-length path, both ends open."""
        return self.zero_length and not self.constant_ends

    @cached_property
    def constant_ends(self) -> tuple[IRI | BlankNode | Literal, ...]:
        """The ends that are terms."""
        ends = (self.triple.subject, self.triple.object)
        return tuple(end for end in ends if not isinstance(end, Variable))

    @property
    def walks_anything(self) -> bool:
        """Whether triples of any predicate can match."""
        predicate = self.triple.predicate
        return isinstance(predicate, Variable) or path_predicates(predicate) is None

    def __str__(self) -> str:
        return group_text(self.pattern)


def pattern_leaves(pattern: Pattern, graph: GraphName = None) -> Iterator[Leaf]:
    """Yield the leaves of ``pattern``, top down; some may come more than once."""
    match pattern:
        case BGP(triples):
            for triple in triples:
                yield Leaf(triple, graph)
        case Service():
            return
        case _:
            inside = graph_below(pattern, graph)
            for child in children(pattern):
                yield from pattern_leaves(child, inside)
    for expression in pattern_expressions(pattern):
        for inner in expression_patterns(expression):
            yield from pattern_leaves(inner, graph)


def joined_leaves(pattern: Pattern, graph: GraphName = None) -> Iterator[Leaf]:
    """Yield the leaves that every solution of ``pattern`` matches, in a graph around it."""
    match pattern:
        case BGP() | Graph(_, BGP()):
            yield from pattern_leaves(pattern, graph)
        case Join(parts):
            for part in parts:
                yield from joined_leaves(part, graph)
        case Filter(_, inner) | LeftJoin(inner, _):
            yield from joined_leaves(inner, graph)
        case _:
            return


def required_leaves(pattern: Pattern) -> Iterator[Leaf]:
    """Yield leaves without a match of all of which ``pattern`` has no solution.

    Those of a part whose subject the part hides are left out: elsewhere, its name may be that of
    another variable.
    """
    match pattern:
        case BGP() | Graph(_, BGP()):
            yield from pattern_leaves(pattern)
        case Join(parts):
            for part in parts:
                shown = scope_variables(part)
                for leaf in required_leaves(part):
                    subject = leaf.triple.subject
                    if not isinstance(subject, Variable) or subject in shown:
                        yield leaf
        case (
            Filter(_, inner)
            | LeftJoin(inner, _)
            | Minus(inner, _)
            | Extend(inner, _, _)
            | Distinct(inner)
            | Reduced(inner)
            | OrderBy(inner, _)
            | Project(inner, _)
        ):
            yield from required_leaves(inner)
        case Group(inner, keys) if keys:
            yield from required_leaves(inner)
        case _:
            return


def graph_below(pattern: Pattern, graph: GraphName) -> GraphName:
    """Give the graph that the parts of ``pattern`` are matched in, where it itself is in ``graph``.

    A sub-select that does not show the variable of the graph may use its name for another one.
    """
    match pattern:
        case Graph(name, _):
            return name
        case Project(_, variables) if isinstance(graph, Variable) and graph not in variables:
            return _HIDDEN_GRAPH
        case _:
            return graph


def names_graphs(pattern: Pattern) -> bool:
    """Whether the answer can depend on which named graphs there are."""
    return any(isinstance(node, Graph) for node in walk(pattern))


def graphs_matter_alone(pattern: Pattern) -> bool:
    """Whether the answer can depend on named graphs of which no triple is matched."""
    return any(
        isinstance(node, Graph) and all(leaf.zero_length for leaf in joined_leaves(node.pattern))
        for node in walk(pattern)
    )


def any_graph_leaf() -> Leaf:
    """Give the leaf that every triple in any named graph matches."""
    return _any_triple(GRAPH)


def has_service(pattern: Pattern) -> bool:
    """Whether an explicit SERVICE stands anywhere in ``pattern``."""
    return any(isinstance(node, Service) for node in walk(pattern))


def edge_leaves(leaf: Leaf) -> tuple[Leaf, ...]:
    """Give plain triple patterns whose matches decide all matches of ``leaf``.

    A plain triple pattern is its own; a path has one for each of its predicates. Where every
    node is a match, so is every triple; where a given node is, so is a triple that has it
    (:func:`node_leaves`).
    """
    if not leaf.triple.is_path:
        return (leaf,)
    return (_any_triple(leaf.graph),) if leaf.needs_nodes else walked_edges(leaf)


def node_leaves(leaf: Leaf) -> tuple[Leaf, ...]:
    """Give triple patterns one match of which shows that a zero-length path's end is a node."""
    if not leaf.zero_length:
        return ()
    found = []
    for end in leaf.constant_ends:
        found.append(Leaf(TriplePattern(_SUBJECT, _PREDICATE, end), leaf.graph))
        if not isinstance(end, Literal):
            found.append(Leaf(TriplePattern(end, _PREDICATE, _OBJECT), leaf.graph))
    return tuple(found)


def walked_edges(leaf: Leaf) -> tuple[Leaf, ...]:
    """Give plain triple patterns for the triples that a path walks from a given node."""
    predicate = leaf.triple.predicate
    predicates = None if isinstance(predicate, Variable) else path_predicates(predicate)
    if predicates is None:
        return (_any_triple(leaf.graph),)
    return tuple(Leaf(TriplePattern(_SUBJECT, iri, _OBJECT), leaf.graph) for iri in predicates)


def leaf_shape(leaf: Leaf, *, constants: bool = True) -> Leaf:
    """Give what leaves have in common that differ in the names of variables only.

    Args:
        leaf: a leaf.
        constants: whether constant ends are kept.

    Returns:
        A leaf with variables of its own, all of them different.
    """
    triple, graph = leaf.triple, leaf.graph
    opened = not constants
    return Leaf(
        TriplePattern(
            _SUBJECT if opened or isinstance(triple.subject, Variable) else triple.subject,
            _PREDICATE if isinstance(triple.predicate, Variable) else triple.predicate,
            _OBJECT if opened or isinstance(triple.object, Variable) else triple.object,
        ),
        _HIDDEN_GRAPH if isinstance(graph, Variable) else graph,
    )


GRAPH = Variable(f"{Variable.HIDDEN}named")
"""Stands for any named graph."""

_HIDDEN_GRAPH = Variable(f"{Variable.HIDDEN}graph")
_SUBJECT, _PREDICATE, _OBJECT = (Variable(f"{Variable.HIDDEN}{end}") for end in "spo")


def _any_triple(graph: GraphName) -> Leaf:
    return Leaf(TriplePattern(_SUBJECT, _PREDICATE, _OBJECT), graph)
