"""Hypothesis strategies for whole queries and cases."""

from itertools import count

from hypothesis import strategies as st

from hereditary_kg.rdf.terms import BlankNode
from hereditary_kg.sparql.algebra import (
    UNIT,
    AskQuery,
    ConstructQuery,
    Dataset,
    DescribeQuery,
    Distinct,
    Extend,
    Filter,
    Group,
    OrderBy,
    OrderKey,
    Project,
    Reduced,
    SelectQuery,
    Slice,
    TriplePattern,
    Variable,
)
from hereditary_kg.sparql.printing import query_text
from hereditary_kg.sparql.variables import scope_variables
from tests.fuzzing.cases import Case
from tests.fuzzing.data_generation import Deal, deals
from tests.fuzzing.expression_generation import Reading, expressions
from tests.fuzzing.pattern_generation import Writing, aggregates, patterns, triple_patterns
from tests.fuzzing.vocabulary import (
    BOUND_BY_QUERY,
    GRAPHS,
    VARIABLES,
    Vocabulary,
    some,
    vocabularies,
)

__all__ = ["cases"]

_BASE = "http://example.org/base/"


@st.composite
def cases(draw) -> Case:
    """Draw data, their deal over members, and a query."""
    vocabulary = draw(vocabularies())
    deal = draw(deals(vocabulary))
    query = draw(_queries(vocabulary, deal))
    return Case(deal.members, query_text(query))


@st.composite
def _queries(draw, vocabulary: Vocabulary, deal: Deal):
    writing = Writing(vocabulary, deal.quads, count(1))
    depth = draw(st.sampled_from((2, 1, 3, 2)))
    form = draw(st.sampled_from((_selects, _selects, _sorted, _shown, _asks, _builds, _tells)))
    query = draw(form(writing, draw(patterns(writing, depth))))
    if vocabulary.graphs and draw(st.integers(0, 3)) == 3:
        names = (*vocabulary.graphs, GRAPHS[0])
        dataset = Dataset(draw(some(names, 0, 2)), draw(some(names, 0, 2)))
        query = type(query)(**{**_fields(query), "dataset": dataset})
    if "IRI(" in query_text(query) or "URI(" in query_text(query):
        query = type(query)(**{**_fields(query), "base": _BASE})
    return query


def _few(scope):
    """Draw a few variables; seldom none."""
    return st.one_of(some(scope, 1, 3), some(scope, 1, 3), some(scope, 0, 3))


def _fields(query):
    return {name: getattr(query, name) for name in query.__dataclass_fields__}


@st.composite
def _selects(draw, writing: Writing, pattern):
    """SELECT, at times DISTINCT, REDUCED, or with a slice that no order decides."""
    scope = scope_variables(pattern)
    shown = scope if draw(st.booleans()) else draw(_few(scope)) if scope else ()
    pattern = Project(pattern, shown)
    match draw(st.sampled_from(("ALL", "ALL", "DISTINCT", "REDUCED"))):
        case "DISTINCT":
            pattern = Distinct(pattern)
        case "REDUCED":
            return SelectQuery(Reduced(pattern), shown)
    if draw(st.integers(0, 4)) == 4:
        limit = draw(st.one_of(st.none(), st.integers(0, 4)))
        pattern = Slice(pattern, draw(st.integers(0, 2)), limit)
    return SelectQuery(pattern, shown)


@st.composite
def _sorted(draw, writing: Writing, pattern):
    """SELECT with an order that may leave ties, over what is shown."""
    scope = scope_variables(pattern)
    reading = Reading(writing.vocabulary, scope or VARIABLES)
    key = st.builds(
        OrderKey,
        st.one_of(st.sampled_from(reading.known), expressions(reading, "t", 1)),
        st.booleans(),
    )
    keys = draw(st.lists(key, min_size=1, max_size=2))
    pattern = Project(OrderBy(pattern, tuple(keys)), scope)
    if draw(st.booleans()):
        pattern = Distinct(pattern)
    if draw(st.integers(0, 2)) == 2:
        limit = draw(st.one_of(st.none(), st.integers(0, 4)))
        pattern = Slice(pattern, draw(st.integers(0, 2)), limit)
    return SelectQuery(pattern, scope)


@st.composite
def _shown(draw, writing: Writing, pattern):
    """SELECT of groups, with aggregates that are determined but for order and equal values."""
    scope = scope_variables(pattern)
    if not scope:
        return draw(_selects(writing, pattern))
    keys = draw(some(scope, 0, 2))
    found = draw(st.lists(aggregates(scope, keys, shown=True), min_size=1, max_size=3, unique=True))
    free = [Variable(f"g{number}") for number in range(1, 9)]
    free = [variable for variable in free if variable not in scope]
    grouped = Group(pattern, keys, tuple(zip(free, found, strict=False)))
    shown = scope_variables(grouped)
    if keys and draw(st.booleans()):
        grouped = Filter(draw(expressions(writing.reading(keys))), grouped)
    if keys and draw(st.booleans()):
        computed = next(v for v in BOUND_BY_QUERY if v not in scope)
        grouped = Extend(grouped, computed, draw(expressions(writing.reading(keys), "t")))
        shown = scope_variables(grouped)
    return SelectQuery(Project(grouped, shown), shown)


def _asks(writing: Writing, pattern):
    return st.just(AskQuery(pattern))


@st.composite
def _builds(draw, writing: Writing, pattern):
    """CONSTRUCT, with blank nodes in the template."""
    label = st.sampled_from((None, None, "made"))
    triple = triple_patterns(writing, draw(label), path=False)
    template = draw(st.lists(triple, max_size=3))
    if scope := scope_variables(pattern):
        place = st.sampled_from((*scope, BlankNode("made"), BlankNode("other")))
        names = st.sampled_from(writing.vocabulary.predicates)
        template += draw(st.lists(st.builds(TriplePattern, place, names, place), max_size=2))
    return ConstructQuery(tuple(template), pattern)


@st.composite
def _tells(draw, writing: Writing, pattern):
    """DESCRIBE of names, or of what a pattern finds."""
    names = draw(some(writing.vocabulary.resources, 0, 2))
    scope = scope_variables(pattern)
    if draw(st.booleans()) or not scope:
        return DescribeQuery(names or writing.vocabulary.resources[:1], UNIT)
    return DescribeQuery((*draw(some(scope, 1, 2)), *names), pattern)
