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
    TriplePattern,
    Variable,
)
from hereditary_kg.sparql.printing import query_text
from hereditary_kg.sparql.variables import scope_variables
from tests.fuzzing.cases import Case
from tests.fuzzing.choosing import Draw, few, one_in, pick
from tests.fuzzing.data_generation import Deal, deals
from tests.fuzzing.expression_generation import Reading, expressions
from tests.fuzzing.pattern_generation import Writing, aggregate, cut, patterns, triple_pattern
from tests.fuzzing.vocabulary import (
    BOUND_BY_QUERY,
    GRAPHS,
    VARIABLES,
    Vocabulary,
    vocabularies,
)

__all__ = ["cases"]

_BASE = "http://example.org/base/"


@st.composite
def cases(draw) -> Case:
    """Draw data, their deal over members, and a query."""
    vocabulary = draw(vocabularies())
    deal = draw(deals(vocabulary))
    query = _query(draw, vocabulary, deal)
    return Case(deal.members, query_text(query))


def _query(draw: Draw, vocabulary: Vocabulary, deal: Deal):
    writing = Writing(vocabulary, deal.quads, count(1))
    depth = pick(draw, (2, 1, 3, 2))
    form = pick(draw, (_selects, _selects, _sorted, _shown, _asks, _builds, _tells))
    query = form(draw, writing, draw(patterns(writing, depth)))
    if vocabulary.graphs and one_in(draw, 4):
        names = (*vocabulary.graphs, GRAPHS[0])
        dataset = Dataset(few(draw, names, 0, 2), few(draw, names, 0, 2))
        query = type(query)(**{**_fields(query), "dataset": dataset})
    if "IRI(" in query_text(query) or "URI(" in query_text(query):
        query = type(query)(**{**_fields(query), "base": _BASE})
    return query


def _fields(query):
    return {name: getattr(query, name) for name in query.__dataclass_fields__}


def _selects(draw: Draw, writing: Writing, pattern):
    """SELECT, at times DISTINCT, REDUCED, or with a slice that no order decides."""
    scope = scope_variables(pattern)
    shown = (
        scope if one_in(draw, 2) else few(draw, scope, pick(draw, (1, 1, 1, 0)), 3) if scope else ()
    )
    pattern = Project(pattern, shown)
    match pick(draw, ("ALL", "ALL", "DISTINCT", "REDUCED")):
        case "DISTINCT":
            pattern = Distinct(pattern)
        case "REDUCED":
            return SelectQuery(Reduced(pattern), shown)
    if one_in(draw, 5):
        pattern = cut(draw, pattern)
    return SelectQuery(pattern, shown)


def _sorted(draw: Draw, writing: Writing, pattern):
    """SELECT with an order that may leave ties, over what is shown."""
    scope = scope_variables(pattern)
    reading = Reading(writing.vocabulary, scope or VARIABLES)
    keys = []
    for _ in range(1 + pick(draw, range(2))):
        key = pick(draw, reading.known) if one_in(draw, 2) else draw(expressions(reading, "t", 1))
        keys.append(OrderKey(key, descending=one_in(draw, 2)))
    pattern = Project(OrderBy(pattern, tuple(keys)), scope)
    if one_in(draw, 2):
        pattern = Distinct(pattern)
    if one_in(draw, 3):
        pattern = cut(draw, pattern)
    return SelectQuery(pattern, scope)


def _shown(draw: Draw, writing: Writing, pattern):
    """SELECT of groups, with aggregates that are determined but for order and equal values."""
    scope = scope_variables(pattern)
    if not scope:
        return _selects(draw, writing, pattern)
    keys = few(draw, scope, 0, 2)
    count = 1 + pick(draw, range(3))
    found = dict.fromkeys(aggregate(draw, scope, keys, shown=True) for _ in range(count))
    free = [Variable(f"g{number}") for number in range(1, 9)]
    free = [variable for variable in free if variable not in scope]
    grouped = Group(pattern, keys, tuple(zip(free, found, strict=False)))
    shown = scope_variables(grouped)
    if keys and one_in(draw, 2):
        grouped = Filter(draw(expressions(writing.reading(keys))), grouped)
    if keys and one_in(draw, 2):
        computed = next(v for v in BOUND_BY_QUERY if v not in scope)
        grouped = Extend(grouped, computed, draw(expressions(writing.reading(keys), "t")))
        shown = scope_variables(grouped)
    return SelectQuery(Project(grouped, shown), shown)


def _asks(draw: Draw, writing: Writing, pattern):
    return AskQuery(pattern)


def _builds(draw: Draw, writing: Writing, pattern):
    """CONSTRUCT, with blank nodes in the template."""
    template = []
    for _ in range(pick(draw, (1, 2, 3, 0))):
        label = pick(draw, (None, None, "made"))
        template.append(triple_pattern(draw, writing, label, paths=False))
    places = (*scope_variables(pattern), BlankNode("made"), BlankNode("other"))
    for _ in range(pick(draw, range(3))):
        predicate = pick(draw, writing.vocabulary.predicates)
        template.append(TriplePattern(pick(draw, places), predicate, pick(draw, places)))
    return ConstructQuery(tuple(template), pattern)


def _tells(draw: Draw, writing: Writing, pattern):
    """DESCRIBE of names, or of what a pattern finds."""
    names = few(draw, writing.vocabulary.resources, 0, 2)
    scope = scope_variables(pattern)
    if one_in(draw, 2) or not scope:
        return DescribeQuery(names or writing.vocabulary.resources[:1], UNIT)
    return DescribeQuery((*few(draw, scope, 1, 2), *names), pattern)
