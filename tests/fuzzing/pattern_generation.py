"""Hypothesis strategies for patterns: every operator of the algebra but SERVICE.

What is drawn has one right answer wherever it stands. A LIMIT inside a query stands on a
total order, which no blank node has, REDUCED below DISTINCT, SAMPLE over what its group
agrees on, and GROUP_CONCAT where only its length is read.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from hypothesis import strategies as st

from hereditary_kg.rdf.terms import IRI, XSD, BlankNode, Literal
from hereditary_kg.sparql.algebra import (
    BGP,
    Aggregate,
    AlternativePath,
    Call,
    Distinct,
    Extend,
    Filter,
    FunctionCall,
    Graph,
    Group,
    InversePath,
    Join,
    LeftJoin,
    Minus,
    NegatedPropertySet,
    OrderBy,
    OrderKey,
    Project,
    Reduced,
    RepeatedPath,
    SequencePath,
    Slice,
    TriplePattern,
    Union,
    Values,
    Variable,
)
from hereditary_kg.sparql.variables import scope_variables
from tests.fuzzing.choosing import Draw, few, one_in, pick
from tests.fuzzing.data_generation import Quad
from tests.fuzzing.expression_generation import Reading, expressions
from tests.fuzzing.vocabulary import (
    BOUND_BY_QUERY,
    GRAPHS,
    VARIABLES,
    Vocabulary,
    normal_form,
)

__all__ = ["Writing", "aggregate", "cut", "patterns", "triple_pattern"]

_MAKES_A_SET = ("DISTINCT", "DISTINCT REDUCED")
_EXISTS = 2
_INTEGER = IRI(XSD + "integer")


@dataclass(frozen=True)
class Writing:
    """What the pattern of one query can be made of.

    Attributes:
        vocabulary: the case's terms.
        quads: the case's data; half of the triple patterns are made to match some of it.
        labels: numbers for blank nodes of the query; no two groups share a label.
        exists: how deep EXISTS may be nested.
    """

    vocabulary: Vocabulary
    quads: tuple[Quad, ...]
    labels: Iterator[int]
    exists: int = _EXISTS

    def reading(self, known: tuple[Variable, ...]) -> Reading:
        """Give what an expression over ``known`` variables can be made of."""
        if not self.exists:
            return Reading(self.vocabulary, known)
        below = Writing(self.vocabulary, self.quads, self.labels, self.exists - 1)
        return Reading(self.vocabulary, known, lambda: patterns(below, 1))

    @property
    def inside_exists(self) -> bool:
        """Whether the pattern is that of an EXISTS."""
        return self.exists < _EXISTS


# Triple patterns


def path(draw: Draw, predicates, depth: int = 2):
    """Draw a property path that is not a plain IRI."""

    def inner():
        if depth > 1 and one_in(draw, 3):
            return path(draw, predicates, depth - 1)
        return pick(draw, predicates)

    match pick(draw, ("repeated", "inverse", "sequence", "alternative", "negated")):
        case "inverse":
            return InversePath(inner())
        case "sequence":
            return SequencePath((inner(), inner()))
        case "alternative":
            return AlternativePath((inner(), inner()))
        case "repeated":
            return RepeatedPath(inner(), pick(draw, "*+?"))
        case _:
            forward, inverse = few(draw, predicates, 0, 2), few(draw, predicates, 0, 2)
            return NegatedPropertySet(forward if forward or inverse else predicates[:1], inverse)


def triple_pattern(draw: Draw, writing: Writing, label: str | None = None, *, paths: bool = True):
    """Draw a triple pattern, at times with the blank node ``label`` as an end."""
    if writing.quads and not one_in(draw, 4):
        return _matching_triple(draw, writing, label, paths=paths)
    vocabulary = writing.vocabulary
    blank = () if label is None else (BlankNode(label),)
    subjects = (*VARIABLES, *blank, pick(draw, vocabulary.resources))
    objects = (*subjects, pick(draw, vocabulary.constants))
    kind = pick(draw, ("name",) * 5 + ("variable",) + ("path",) * (2 if paths else 0))
    match kind:
        case "name":
            predicate = pick(draw, vocabulary.predicates)
        case "variable":
            predicate = pick(draw, VARIABLES)
        case _:
            predicate = path(draw, vocabulary.predicates)
    return TriplePattern(pick(draw, subjects), predicate, pick(draw, objects))


def _matching_triple(draw: Draw, writing: Writing, label: str | None, *, paths: bool):
    """Draw a triple pattern that some quad of the data matches, in whichever graph.

    A term has its own variable, so that patterns are likely to match together.
    """
    subject, predicate, target, *_ = pick(draw, writing.quads)

    def end(term):
        choice = pick(draw, range(8))
        if choice == 6 and label is not None:
            return BlankNode(label)
        if choice < 6 or isinstance(term, BlankNode):
            return VARIABLES[sum(map(ord, term.text)) % len(VARIABLES)]
        return normal_form(term) if isinstance(term, Literal) else term

    match pick(draw, range(12)):
        case 11 | 10:
            predicate = VARIABLES[sum(map(ord, predicate.text)) % len(VARIABLES)]
        case 9 if paths:
            predicate = RepeatedPath(predicate, pick(draw, "+*?"))
        case 8 if paths:
            subject, target = target, subject
            other = pick(draw, writing.vocabulary.predicates)
            predicate = InversePath(AlternativePath((predicate, other)))
    return TriplePattern(end(subject), predicate, end(target))


def bgp(draw: Draw, writing: Writing, most: int = 3):
    """Draw a basic graph pattern."""
    label = f"b{next(writing.labels)}"
    count = 1 + pick(draw, range(most))
    return BGP(tuple(triple_pattern(draw, writing, label) for _ in range(count)))


def values(draw: Draw, writing: Writing):
    """Draw inline data, at times with UNDEF and at times without rows."""
    names = few(draw, VARIABLES, 1, 2)
    terms = (*writing.vocabulary.resources, *writing.vocabulary.constants, None, None)
    count = pick(draw, (1, 2, 3, 0))
    return Values(names, tuple(tuple(pick(draw, terms) for _ in names) for _ in range(count)))


# Patterns


@st.composite
def patterns(draw, writing: Writing, depth: int = 3):
    """Draw a pattern of at most ``depth`` operators above its leaves."""
    vocabulary = writing.vocabulary
    if depth == 0:
        return values(draw, writing) if one_in(draw, 4) else bgp(draw, writing)

    def below():
        return draw(patterns(writing, depth - 1))

    def expression(known, kind="b"):
        return draw(expressions(writing.reading(known or VARIABLES), kind))

    kinds = ["leaf", "leaf", "join", "optional", "optional", "union", "filter", "filter", "bind"]
    kinds += ["select", "group", "values"]
    kinds += [] if writing.inside_exists else ["minus", "minus"]
    kinds += ["graph"] * (2 if vocabulary.graphs else 0)
    match pick(draw, kinds):
        case "leaf":
            return bgp(draw, writing)
        case "values":
            return Join.of((below(), values(draw, writing)))
        case "join":
            return Join.of((below(), below()))
        case "optional":
            left, right = below(), below()
            condition = None
            if one_in(draw, 3):
                condition = expression((*scope_variables(left), *scope_variables(right)))
            return LeftJoin.of(left, right, condition)
        case "union":
            return Union.of((below(), below()))
        case "filter":
            inner = below()
            return Filter.of(expression(scope_variables(inner)), inner)
        case "bind":
            inner = below()
            scope = scope_variables(inner)
            free = [v for v in (*BOUND_BY_QUERY, *VARIABLES) if v not in scope]
            kind = pick(draw, "tnsbid")
            return Extend(inner, pick(draw, free), expression(scope, kind))
        case "minus":
            return Minus.of(below(), below())
        case "graph":
            names = (*VARIABLES, *vocabulary.graphs, *vocabulary.graphs, GRAPHS[-1])
            return Graph(pick(draw, names), below())
        case "group":
            return group(draw, writing, below())
        case _:
            return select(draw, writing, below())


# Sub-selects


def total_order(shown):
    """Give sort keys that leave no two different solutions in the same place.

    Blank nodes, which have no text, are equals of each other.
    """
    keys = []
    for variable in shown:
        datatype = Call("STR", (Call("DATATYPE", (variable,)),))
        keys += [Call("STR", (variable,)), datatype, Call("LANG", (variable,))]
        keys.append(Call("ISIRI", (variable,)))
    return tuple(OrderKey(key) for key in keys)


def select(draw: Draw, writing: Writing, pattern, projection=None):
    """Draw a projection of ``pattern`` with solution modifiers."""
    scope = scope_variables(pattern)
    if projection is None:
        projection = few(draw, scope, pick(draw, (1, 1, 1, 0)), 3) if scope else ()
    sliced = not writing.vocabulary.blank_nodes and one_in(draw, 4)
    if sliced and projection:
        keys = total_order(projection)
        if one_in(draw, 2):
            keys = (OrderKey(keys[0].expression, descending=True), *keys[1:])
        pattern = OrderBy(pattern, keys)
    pattern = Project(pattern, projection)
    duplicates = pick(draw, ("ALL", "ALL", *_MAKES_A_SET))
    if duplicates == "DISTINCT REDUCED":
        pattern = Project(Reduced(pattern), projection)
    if duplicates in _MAKES_A_SET:
        pattern = Distinct(pattern)
    if sliced:
        pattern = cut(draw, pattern)
    return pattern


def cut(draw: Draw, pattern):
    """Draw OFFSET and LIMIT."""
    return Slice(pattern, pick(draw, range(3)), pick(draw, (None, 4, 3, 2, 1, 0)))


def group(draw: Draw, writing: Writing, pattern):
    """Draw a grouped select: keys, aggregates, at times HAVING and computed columns."""
    scope = scope_variables(pattern)
    if not scope:
        return pattern
    keys = few(draw, scope, 0, 2)
    count = pick(draw, (1, 2, 0) if keys else (1, 2))
    found = dict.fromkeys(aggregate(draw, scope, keys) for _ in range(count))
    free = [Variable(f"g{number}") for number in range(1, 9) if Variable(f"g{number}") not in scope]
    grouped = Group(pattern, keys, tuple(zip(free, found, strict=False)))
    known = scope_variables(grouped)
    if one_in(draw, 4):
        grouped = Filter(draw(expressions(writing.reading(known))), grouped)
    computed = [v for v in BOUND_BY_QUERY if v not in scope and v not in known]
    if computed and one_in(draw, 3):
        kind = pick(draw, "nst")
        grouped = Extend(grouped, computed[0], draw(expressions(writing.reading(known), kind)))
    return select(draw, writing, grouped, scope_variables(grouped))


def aggregate(draw: Draw, scope, keys, *, shown: bool = False):
    """Draw an aggregate whose value is determined.

    Args:
        draw: chooses.
        scope: the variables in scope below the group.
        keys: the group's keys.
        shown: whether the value is only shown and never computed with, so that an answer can
            be compared up to the order of a concatenation and among numbers that are equal.
    """
    variable = pick(draw, scope)
    distinct = one_in(draw, 2)
    text = Call("STR", (variable,))
    length = Call("STRLEN", (text,))
    kinds = ["all", "count", "count", "sum", "average", "least", "most", "sample"]
    kinds += ["concatenation", "least term", "most term"] if shown else []
    match pick(draw, kinds):
        case "all":
            return Aggregate("COUNT", None, distinct)
        case "count":
            return Aggregate("COUNT", pick(draw, (variable, length)), distinct)
        case "sum":
            number = Call("+", (variable, Literal("1", XSD + "integer")))
            return Aggregate("SUM", pick(draw, (variable, length, number)), distinct)
        case "average":
            return Aggregate("AVG", pick(draw, (variable, length)), distinct)
        case "least" | "most" as which:
            cast = FunctionCall(_INTEGER, (variable,))
            argument = pick(draw, (text, length, cast))
            return Aggregate("MIN" if which == "least" else "MAX", argument, distinct)
        case "least term":
            return Aggregate("MIN", variable, distinct)
        case "most term":
            return Aggregate("MAX", variable, distinct)
        case "sample":
            agreed = Literal("agreed") if not keys else pick(draw, keys)
            return Aggregate("SAMPLE", agreed, distinct)
        case _:
            separator = pick(draw, (None, "", ", ", '"|\n'))
            argument = pick(draw, (variable, text))
            return Aggregate("GROUP_CONCAT", argument, distinct, separator)
