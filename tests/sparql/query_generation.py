"""Hypothesis strategies for small random data and queries over one shared vocabulary.

The vocabulary is narrow on purpose (five resources, three predicates, four variables), so
that patterns match, variables meet and rows repeat. Every query has one right answer: LIMIT
stands on a total order only (``STR`` and datatype of every variable; unbound ones first), and
no aggregate depends on the order of its group. Queries of one LIMIT without an order, where
only the number of rows is determined, come from ``bare_slices``.

What is drawn is algebra; ``query_text`` writes it. The strategies:

* ``triples()``: a data set, as canonical term texts.
* ``patterns()``: a pattern; ``raw=True`` keeps what the ``of`` constructors would remove.
* ``select_queries()``, ``ask_queries()``, ``construct_queries()``, ``queries()``.
"""

from dataclasses import dataclass

from hypothesis import strategies as st

from hereditary_kg.rdf.terms import IRI, XSD, Literal
from hereditary_kg.sparql.algebra import (
    BGP,
    TRUE,
    UNIT,
    Aggregate,
    AlternativePath,
    AskQuery,
    Call,
    ConstructQuery,
    Distinct,
    Exists,
    Extend,
    Filter,
    Group,
    InversePath,
    Join,
    LeftJoin,
    Minus,
    NegatedPropertySet,
    OrderBy,
    OrderKey,
    Project,
    RepeatedPath,
    SelectQuery,
    SequencePath,
    Slice,
    TriplePattern,
    Union,
    Values,
    Variable,
    conjunction,
)
from hereditary_kg.sparql.variables import scope_variables

NAMESPACE = "http://example.org/"
RESOURCES = tuple(IRI(NAMESPACE + name) for name in "abcde")
PREDICATES = tuple(IRI(NAMESPACE + name) for name in ("p", "q", "r"))
LITERALS = (
    Literal("1", XSD + "integer"),
    Literal("2", XSD + "integer"),
    Literal("1.5", XSD + "decimal"),
    Literal("x"),
    Literal("y", language="en"),
)
VARIABLES = tuple(Variable(name) for name in "stuv")
BOUND_BY_QUERY = tuple(Variable(name) for name in ("m", "n", "o"))


@dataclass(frozen=True)
class Forms:
    """Which forms a generated query may have; all are on by default."""

    paths: bool = True
    exists: bool = True
    minus: bool = True
    values: bool = True
    sub_selects: bool = True
    aggregates: bool = True
    slices: bool = True


ALL = Forms()


# Data


def triples(most: int = 14):
    """Draw sets of triples, each a tuple of canonical texts."""
    triple = st.tuples(
        st.sampled_from(RESOURCES),
        st.sampled_from(PREDICATES),
        st.one_of(st.sampled_from(RESOURCES), st.sampled_from(LITERALS)),
    )
    texts = triple.map(lambda terms: tuple(term.text for term in terms))
    return st.frozensets(texts, min_size=3, max_size=most)


# Triple patterns


def variables():
    return st.sampled_from(VARIABLES)


@st.composite
def paths(draw, depth: int = 2):
    """Draw a property path that is not a plain IRI.

    Alternatives, and property sets of both directions, stand below a repetition only: alone,
    they are unions that may give a row twice (section 18.4), where Oxigraph gives it once.
    """
    inner = st.sampled_from(PREDICATES)
    if depth > 1:
        inner = st.one_of(inner, paths(depth - 1))
    kind = draw(st.sampled_from(("inverse", "sequence", "alternative", "repeated", "negated")))
    match kind:
        case "inverse":
            return InversePath(draw(inner))
        case "sequence":
            return SequencePath((draw(inner), draw(inner)))
        case "alternative":
            branches = AlternativePath((draw(inner), draw(inner)))
            return RepeatedPath(branches, draw(st.sampled_from("*+?")))
        case "repeated":
            return RepeatedPath(draw(inner), draw(st.sampled_from("*+?")))
        case _:
            members = st.lists(st.sampled_from(PREDICATES), min_size=1, max_size=2, unique=True)
            excluded = tuple(draw(members))
            forward = draw(st.booleans())
            return NegatedPropertySet(excluded if forward else (), () if forward else excluded)


@st.composite
def triple_patterns(draw, forms: Forms = ALL):
    subject = draw(st.one_of(variables(), variables(), st.sampled_from(RESOURCES)))
    target = draw(
        st.one_of(variables(), variables(), st.sampled_from(RESOURCES), st.sampled_from(LITERALS))
    )
    choices = [st.sampled_from(PREDICATES)] * 4 + [variables()]
    if forms.paths:
        choices.append(paths())
    return TriplePattern(subject, draw(st.one_of(choices)), target)


def bgps(forms: Forms = ALL, most: int = 3):
    return st.lists(triple_patterns(forms), min_size=1, max_size=most).map(
        lambda found: BGP(tuple(found))
    )


# Expressions


@st.composite
def expressions(draw, known, forms: Forms = ALL, depth: int = 2):
    """Draw an expression, mostly over ``known`` variables, at times over foreign ones."""
    variable = st.sampled_from((*known, *known, *VARIABLES))
    term = st.sampled_from((*LITERALS, *RESOURCES[:2]))
    inner = st.one_of(variable, term)
    if depth > 1:
        inner = st.one_of(inner, expressions(known, forms, depth - 1))
    kinds = ["compare"] * 3 + ["bound", "not", "both", "either", "in", "function", "if", "sum"]
    if forms.exists and depth > 1:
        kinds.append("exists")
    match draw(st.sampled_from(kinds)):
        case "compare":
            sign = draw(st.sampled_from(("=", "!=", "<", ">=")))
            return Call(sign, (draw(variable), draw(inner)))
        case "bound":
            return Call("BOUND", (draw(variable),))
        case "not":
            return Call("!", (draw(inner),))
        case "both":
            return conjunction((draw(inner), draw(inner)))
        case "either":
            return Call("||", (draw(inner), draw(inner)))
        case "in":
            sign = draw(st.sampled_from(("IN", "NOT IN")))
            return Call(sign, (draw(variable), *draw(st.lists(inner, max_size=2))))
        case "if":
            return Call("IF", (draw(inner), draw(inner), draw(inner)))
        case "sum":
            return Call(draw(st.sampled_from("+-*")), (draw(inner), draw(inner)))
        case "exists":
            return Exists(draw(exists_patterns(forms)), draw(st.booleans()))
        case _:
            name = draw(st.sampled_from(("STR", "ISIRI", "DATATYPE", "STRLEN", "COALESCE")))
            return Call(name, (draw(inner),))


@st.composite
def exists_patterns(draw, forms: Forms = ALL):
    """Draw a pattern whose meaning inside EXISTS is beyond dispute (no MINUS, no sub-select)."""
    pattern = draw(bgps(forms, most=2))
    kind = draw(st.sampled_from(("plain", "plain", "filter", "union")))
    if kind == "union":
        return Union((pattern, draw(bgps(forms, most=1))))
    if kind == "filter":
        plain = Forms(paths=forms.paths, exists=False)
        return Filter(draw(expressions(scope_variables(pattern) or VARIABLES, plain)), pattern)
    return pattern


# Patterns


@st.composite
def patterns(draw, depth: int = 3, forms: Forms = ALL, *, raw: bool = False):
    """Draw a pattern of at most ``depth`` operators above its leaves.

    Args:
        draw: Hypothesis gives it.
        depth: how deep to nest.
        forms: which forms may occur.
        raw: keep trivial filters, empty branches and nested joins as they were drawn.
    """
    leaves = [bgps(forms)] * 4
    if forms.values:
        leaves.append(values())
    if raw:
        leaves.append(st.sampled_from((UNIT, Values((VARIABLES[0],), ()))))
    if depth == 0:
        return draw(st.one_of(leaves))

    def below():
        return draw(patterns(depth - 1, forms, raw=raw))

    kinds = ["leaf", "leaf", "join", "optional", "optional", "union", "filter", "filter", "bind"]
    kinds += ["minus"] * forms.minus + ["select"] * forms.sub_selects
    kinds += ["group"] * forms.aggregates
    match draw(st.sampled_from(kinds)):
        case "leaf":
            return draw(st.one_of(leaves))
        case "join":
            parts = (below(), below())
            return Join(parts) if raw else Join.of(parts)
        case "optional":
            left, right = below(), below()
            known = (*scope_variables(left), *scope_variables(right)) or VARIABLES
            condition = draw(st.one_of(st.none(), st.none(), expressions(known, forms)))
            return (LeftJoin if raw else LeftJoin.of)(left, right, condition)
        case "union":
            branches = (below(), below())
            return Union(branches) if raw else Union.of(branches)
        case "filter":
            inner = below()
            condition = draw(expressions(scope_variables(inner) or VARIABLES, forms))
            if raw and draw(st.booleans()):
                condition = draw(st.sampled_from((TRUE, conjunction((condition, TRUE)))))
            return (Filter if raw else Filter.of)(condition, inner)
        case "bind":
            inner = below()
            scope = scope_variables(inner)
            free = [v for v in (*BOUND_BY_QUERY, *VARIABLES) if v not in scope]
            if not free:
                return inner
            return Extend(
                inner, draw(st.sampled_from(free)), draw(expressions(scope or VARIABLES, forms))
            )
        case "minus":
            left, right = below(), below()
            return (Minus if raw else Minus.of)(left, right)
        case "group":
            return draw(groups(below(), forms))
        case _:
            return draw(selects(below(), forms))


@st.composite
def values(draw):
    names = draw(st.lists(variables(), min_size=1, max_size=2, unique=True))
    cell = st.one_of(st.none(), st.sampled_from(RESOURCES), st.sampled_from(LITERALS))
    row = st.tuples(*(cell for _ in names))
    return Values(tuple(names), tuple(draw(st.lists(row, min_size=1, max_size=4))))


def total_order(shown):
    """Give sort keys that leave no two different solutions in the same place."""
    keys = []
    for variable in shown:
        text = Call("STR", (variable,))
        keys += [OrderKey(text), OrderKey(Call("STR", (Call("DATATYPE", (variable,)),)))]
    return tuple(keys)


@st.composite
def selects(draw, pattern, forms: Forms = ALL, *, projection=None):
    """Draw a projection of ``pattern`` with solution modifiers; a LIMIT has a total order."""
    scope = scope_variables(pattern)
    if projection is None:
        shown = st.lists(st.sampled_from(scope), max_size=3, unique=True) if scope else st.just([])
        projection = tuple(draw(shown))
    sliced = forms.slices and draw(st.integers(0, 3)) == 0
    ordered = sliced or draw(st.integers(0, 3)) == 0
    if ordered:
        keys = total_order(projection)
        if scope and not sliced:
            free = draw(expressions(scope, forms))
            keys = (OrderKey(free, draw(st.booleans())), *keys)
        elif keys and draw(st.booleans()):
            keys = (OrderKey(keys[0].expression, descending=True), *keys[1:])
        if keys:
            pattern = OrderBy(pattern, keys)
    pattern = Project(pattern, projection)
    if draw(st.integers(0, 2)) == 0:
        pattern = Distinct(pattern)
    if sliced:
        limit = draw(st.one_of(st.none(), st.integers(0, 4)))
        pattern = Slice(pattern, draw(st.integers(0, 2)), limit)
    return pattern


@st.composite
def groups(draw, pattern, forms: Forms = ALL):
    """Draw a grouped select: keys, aggregates, at times HAVING and computed columns."""
    scope = scope_variables(pattern)
    if not scope:
        return pattern
    keys = tuple(draw(st.lists(st.sampled_from(scope), max_size=2, unique=True)))
    most = 2 if keys else 3
    found = draw(st.lists(aggregates(scope), min_size=0 if keys else 1, max_size=most, unique=True))
    named = tuple((Variable(f"g{position}"), one) for position, one in enumerate(found, start=1))
    named = tuple((v, a) for v, a in named if v not in scope)
    if not keys and not named:
        return pattern
    grouped = Group(pattern, keys, named)
    known = scope_variables(grouped)
    if draw(st.integers(0, 3)) == 0:
        grouped = Filter(draw(expressions(known, forms)), grouped)
    computed = [v for v in BOUND_BY_QUERY if v not in scope and v not in known]
    if computed and draw(st.booleans()):
        grouped = Extend(grouped, computed[0], draw(expressions(known, forms)))
    return draw(selects(grouped, forms, projection=scope_variables(grouped)))


@st.composite
def aggregates(draw, scope):
    """Draw an aggregate that does not depend on the order of its group."""
    variable = draw(st.sampled_from(scope))
    distinct = draw(st.booleans())
    match draw(st.sampled_from(("all", "count", "sum", "average", "least", "most"))):
        case "all":
            return Aggregate("COUNT", None, distinct)
        case "count":
            return Aggregate("COUNT", variable, distinct)
        case "sum":
            return Aggregate("SUM", Call("STRLEN", (Call("STR", (variable,)),)), distinct)
        case "average":
            return Aggregate("AVG", variable, distinct)
        case "least":
            return Aggregate("MIN", Call("STR", (variable,)))
        case _:
            return Aggregate("MAX", Call("STR", (variable,)))


# Queries


@st.composite
def select_queries(draw, depth: int = 3, forms: Forms = ALL):
    """Draw a SELECT query whose answer is determined as a multiset of rows."""
    pattern = draw(patterns(depth, forms))
    scope = scope_variables(pattern)
    every = draw(st.booleans())
    pattern = draw(selects(pattern, forms, projection=scope if every else None))
    return SelectQuery(pattern, scope_variables(pattern))


@st.composite
def bare_slices(draw, depth: int = 3, forms: Forms = ALL):
    """Draw a SELECT query with OFFSET or LIMIT and no order: only its length is determined."""
    inner = draw(patterns(depth, forms))
    shown = scope_variables(inner)
    limit = draw(st.one_of(st.none(), st.integers(0, 4)))
    return SelectQuery(Slice(Project(inner, shown), draw(st.integers(0, 2)), limit), shown)


@st.composite
def ask_queries(draw, depth: int = 3, forms: Forms = ALL):
    return AskQuery(draw(patterns(depth, forms)))


@st.composite
def construct_queries(draw, depth: int = 3, forms: Forms = ALL):
    """Draw a CONSTRUCT query without blank nodes in its template."""
    plain = Forms(paths=False)
    template = draw(st.lists(triple_patterns(plain), min_size=1, max_size=2))
    return ConstructQuery(tuple(template), draw(patterns(depth, forms)))


def queries(depth: int = 3, forms: Forms = ALL):
    """Draw a query of any form; its answer is determined."""
    return st.one_of(
        select_queries(depth, forms),
        select_queries(depth, forms),
        ask_queries(depth, forms),
        construct_queries(depth, forms),
    )
