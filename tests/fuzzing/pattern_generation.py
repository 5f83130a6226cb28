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
from tests.fuzzing.data_generation import Quad
from tests.fuzzing.expression_generation import Reading, expressions
from tests.fuzzing.vocabulary import (
    BOUND_BY_QUERY,
    GRAPHS,
    VARIABLES,
    Vocabulary,
    normal_form,
    some,
)

__all__ = ["Writing", "aggregates", "bgps", "patterns", "selects", "triple_patterns"]

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


@st.composite
def paths(draw, predicates, depth: int = 2):
    """Draw a property path that is not a plain IRI."""

    def inner():
        if depth > 1 and draw(st.integers(0, 2)) == 2:
            return draw(paths(predicates, depth - 1))
        return draw(st.sampled_from(predicates))

    match draw(st.sampled_from(("repeated", "inverse", "sequence", "alternative", "negated"))):
        case "inverse":
            return InversePath(inner())
        case "sequence":
            return SequencePath((inner(), inner()))
        case "alternative":
            return AlternativePath((inner(), inner()))
        case "repeated":
            return RepeatedPath(inner(), draw(st.sampled_from("*+?")))
        case _:
            members = st.lists(st.sampled_from(predicates), max_size=2, unique=True).map(tuple)
            forward, inverse = draw(members), draw(members)
            return NegatedPropertySet(forward if forward or inverse else predicates[:1], inverse)


@st.composite
def triple_patterns(draw, writing: Writing, label: str | None = None, *, path: bool = True):
    """Draw a triple pattern, at times with the blank node ``label`` as an end."""
    if writing.quads and draw(st.integers(0, 3)):
        return draw(_matching_triples(writing, label, path=path))
    vocabulary = writing.vocabulary
    variable = st.sampled_from(VARIABLES)
    subjects = [variable] * 5 + [st.sampled_from(vocabulary.resources)]
    if label is not None:
        subjects.append(st.just(BlankNode(label)))
    objects = [*subjects, st.sampled_from(vocabulary.constants)]
    predicates = [st.sampled_from(vocabulary.predicates)] * 5 + [variable]
    if path:
        predicates += [paths(vocabulary.predicates)] * 2
    return TriplePattern(
        draw(st.one_of(subjects)), draw(st.one_of(predicates)), draw(st.one_of(objects))
    )


@st.composite
def _matching_triples(draw, writing: Writing, label: str | None, *, path: bool):
    """Draw a triple pattern that some quad of the data matches, in whichever graph.

    A term has its own variable, so that patterns are likely to match together.
    """
    subject, predicate, target, *_ = draw(st.sampled_from(writing.quads))

    def end(term):
        choice = draw(st.integers(0, 7))
        if choice == 6 and label is not None:
            return BlankNode(label)
        if choice < 6 or isinstance(term, BlankNode):
            return VARIABLES[sum(map(ord, term.text)) % len(VARIABLES)]
        return normal_form(term) if isinstance(term, Literal) else term

    match draw(st.integers(0, 7)):
        case 7:
            predicate = VARIABLES[sum(map(ord, predicate.text)) % len(VARIABLES)]
        case 6 if path:
            predicate = RepeatedPath(predicate, draw(st.sampled_from("+*?")))
        case 5 if path:
            other = draw(st.sampled_from(writing.vocabulary.predicates))
            predicate = AlternativePath((predicate, other))
            subject, target = target, subject
            predicate = InversePath(predicate)
    return TriplePattern(end(subject), predicate, end(target))


@st.composite
def bgps(draw, writing: Writing, most: int = 3):
    """Draw a basic graph pattern."""
    label = f"b{next(writing.labels)}"
    triples = st.lists(triple_patterns(writing, label), min_size=1, max_size=most)
    return BGP(tuple(draw(triples)))


@st.composite
def values(draw, writing: Writing):
    """Draw inline data, at times with UNDEF and at times without rows."""
    names = draw(st.lists(st.sampled_from(VARIABLES), min_size=1, max_size=2, unique=True))
    terms = (*writing.vocabulary.resources, *writing.vocabulary.constants)
    cell = st.one_of(st.sampled_from(terms), st.sampled_from(terms), st.none())
    row = st.tuples(*(cell for _ in names))
    return Values(tuple(names), tuple(draw(st.lists(row, max_size=4))))


# Patterns


@st.composite
def patterns(draw, writing: Writing, depth: int = 3):
    """Draw a pattern of at most ``depth`` operators above its leaves."""
    vocabulary = writing.vocabulary
    if depth == 0:
        return draw(st.one_of(bgps(writing), bgps(writing), bgps(writing), values(writing)))

    def below():
        return draw(patterns(writing, depth - 1))

    def expression(known, kind="b"):
        return draw(expressions(writing.reading(known or VARIABLES), kind))

    kinds = ["leaf", "leaf", "join", "optional", "optional", "union", "filter", "filter", "bind"]
    kinds += ["select", "group", "values"]
    kinds += [] if writing.inside_exists else ["minus", "minus"]
    kinds += ["graph"] * (2 if vocabulary.graphs else 0)
    match draw(st.sampled_from(kinds)):
        case "leaf":
            return draw(bgps(writing))
        case "values":
            return Join.of((below(), draw(values(writing))))
        case "join":
            return Join.of((below(), below()))
        case "optional":
            left, right = below(), below()
            condition = None
            if draw(st.integers(0, 2)) == 2:
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
            kind = draw(st.sampled_from("tnsbid"))
            return Extend(inner, draw(st.sampled_from(free)), expression(scope, kind))
        case "minus":
            return Minus.of(below(), below())
        case "graph":
            names = (*VARIABLES, *vocabulary.graphs, *vocabulary.graphs, GRAPHS[-1])
            return Graph(draw(st.sampled_from(names)), below())
        case "group":
            return draw(groups(writing, below()))
        case _:
            return draw(selects(writing, below()))


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


@st.composite
def selects(draw, writing: Writing, pattern, projection=None):
    """Draw a projection of ``pattern`` with solution modifiers."""
    scope = scope_variables(pattern)
    if projection is None:
        projection = draw(some(scope, draw(st.sampled_from((1, 1, 1, 0))), 3)) if scope else ()
    sliced = not writing.vocabulary.blank_nodes and draw(st.integers(0, 3)) == 3
    if sliced and projection:
        keys = total_order(projection)
        if draw(st.booleans()):
            keys = (OrderKey(keys[0].expression, descending=True), *keys[1:])
        pattern = OrderBy(pattern, keys)
    pattern = Project(pattern, projection)
    duplicates = draw(st.sampled_from(("ALL", "ALL", *_MAKES_A_SET)))
    if duplicates == "DISTINCT REDUCED":
        pattern = Project(Reduced(pattern), projection)
    if duplicates in _MAKES_A_SET:
        pattern = Distinct(pattern)
    if sliced:
        limit = draw(st.one_of(st.none(), st.integers(0, 4)))
        pattern = Slice(pattern, draw(st.integers(0, 2)), limit)
    return pattern


@st.composite
def groups(draw, writing: Writing, pattern):
    """Draw a grouped select: keys, aggregates, at times HAVING and computed columns."""
    scope = scope_variables(pattern)
    if not scope:
        return pattern
    keys = draw(some(scope, 0, 2))
    found = draw(
        st.lists(aggregates(scope, keys), min_size=0 if keys else 1, max_size=2, unique=True)
    )
    free = [Variable(f"g{number}") for number in range(1, 9) if Variable(f"g{number}") not in scope]
    grouped = Group(pattern, keys, tuple(zip(free, found, strict=False)))
    known = scope_variables(grouped)
    if draw(st.integers(0, 3)) == 3:
        grouped = Filter(draw(expressions(writing.reading(known))), grouped)
    computed = [v for v in BOUND_BY_QUERY if v not in scope and v not in known]
    if computed and draw(st.integers(0, 2)) == 2:
        kind = draw(st.sampled_from("nst"))
        grouped = Extend(grouped, computed[0], draw(expressions(writing.reading(known), kind)))
    return draw(selects(writing, grouped, scope_variables(grouped)))


@st.composite
def aggregates(draw, scope, keys, *, shown: bool = False):
    """Draw an aggregate whose value is determined.

    Args:
        draw: Hypothesis gives it.
        scope: the variables in scope below the group.
        keys: the group's keys.
        shown: whether the value is only shown and never computed with, so that an answer can
            be compared up to the order of a concatenation and among numbers that are equal.
    """
    variable = draw(st.sampled_from(scope))
    distinct = draw(st.booleans())
    text = Call("STR", (variable,))
    length = Call("STRLEN", (text,))
    kinds = ["all", "count", "count", "sum", "average", "least", "most", "sample"]
    kinds += ["concatenation", "least term", "most term"] if shown else []
    match draw(st.sampled_from(kinds)):
        case "all":
            return Aggregate("COUNT", None, distinct)
        case "count":
            return Aggregate("COUNT", draw(st.sampled_from((variable, length))), distinct)
        case "sum":
            number = Call("+", (variable, Literal("1", XSD + "integer")))
            return Aggregate("SUM", draw(st.sampled_from((variable, length, number))), distinct)
        case "average":
            return Aggregate("AVG", draw(st.sampled_from((variable, length))), distinct)
        case "least" | "most" as which:
            cast = FunctionCall(_INTEGER, (variable,))
            argument = draw(st.sampled_from((text, length, cast)))
            return Aggregate("MIN" if which == "least" else "MAX", argument, distinct)
        case "least term":
            return Aggregate("MIN", variable, distinct)
        case "most term":
            return Aggregate("MAX", variable, distinct)
        case "sample":
            agreed = Literal("agreed") if not keys else draw(st.sampled_from(keys))
            return Aggregate("SAMPLE", agreed, distinct)
        case _:
            separator = draw(st.sampled_from((None, "", ", ", '"|\n')))
            argument = draw(st.sampled_from((variable, text)))
            return Aggregate("GROUP_CONCAT", argument, distinct, separator)
