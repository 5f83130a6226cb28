"""Expressions over rows at the mediator: Oxigraph's values, and every other cell as it came."""

from collections import Counter

import polars as pl
import pyoxigraph as ox
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hereditary_kg.execution.errors import ExecutionError
from hereditary_kg.execution.residual import extend_rows, filter_rows, group_rows, sort_rows
from hereditary_kg.rdf.terms import IRI, XSD, Literal
from hereditary_kg.rdf.tsv_reading import parse_tsv
from hereditary_kg.sparql.algebra import Aggregate, Call, FunctionCall, OrderKey, Variable
from hereditary_kg.sparql.printing import expression_text
from tests.sparql.query_generation import (
    LITERALS,
    RESOURCES,
    VARIABLES,
    Forms,
    aggregates,
    expressions,
)

NAMES = [variable.name for variable in VARIABLES]
S, T = VARIABLES[:2]
PLAIN = Forms(exists=False, paths=False)
# Forms that Oxigraph itself would not give back.
ODD = (
    Literal("01", XSD + "integer"),
    Literal("1.50", XSD + "decimal"),
    Literal("1.0E2", XSD + "double"),
    Literal("2020-01-01T00:00:00.000Z", XSD + "dateTime"),
    Literal('two\nlines, "quoted" \\ and\ttabbed'),
)
NEW = Variable("new")


def frame_of(names, rows):
    columns = {name: [row[i] for row in rows] for i, name in enumerate(names)}
    return pl.DataFrame(columns, schema=dict.fromkeys(names, pl.String))


@st.composite
def frames(draw, terms=(*RESOURCES, *LITERALS, *ODD)):
    cell = st.none() | st.sampled_from(terms).map(lambda term: term.text)
    rows = draw(st.lists(st.tuples(*[cell] * len(NAMES)), max_size=8))
    return frame_of(NAMES, rows)


def values_of(frame):
    """Write a frame as inline data with numbered rows."""
    rows = (
        f"({number} {' '.join(cell or 'UNDEF' for cell in row)})"
        for number, row in enumerate(frame.rows())
    )
    names = " ".join(f"?{name}" for name in frame.columns)
    return f"VALUES (?number {names}) {{ {' '.join(rows)} }}"


def evaluated(text):
    results = ox.Store().query(text)
    return parse_tsv(results.serialize(format=ox.QueryResultsFormat.TSV))


def numbers_of(text):
    return [int(cell.split('"')[1]) for cell in evaluated(text)["number"]]


settings.register_profile("residual", deadline=None, max_examples=150, derandomize=True)
lightly = settings.get_profile("residual")


# Filter


@lightly
@given(frames(), expressions(VARIABLES, PLAIN))
def test_a_filter_keeps_what_oxigraph_keeps(frame, condition):
    text = expression_text(condition)
    kept = numbers_of(f"SELECT ?number {{ {values_of(frame)} FILTER({text}) }}")
    expected = Counter(row for number, row in enumerate(frame.rows()) if number in kept)
    found = filter_rows(frame, condition)
    assert found.columns == NAMES
    assert Counter(found.rows()) == expected


def test_a_filter_without_variables_keeps_all_or_nothing():
    frame = pl.DataFrame(height=3)
    assert filter_rows(frame, Call("<", (LITERALS[0], LITERALS[1]))).height == 3
    assert filter_rows(frame, Call(">", (LITERALS[0], LITERALS[1]))).height == 0


def test_an_error_is_not_true():
    frame = frame_of(["s"], [(LITERALS[0].text,), (RESOURCES[0].text,), (None,)])
    assert filter_rows(frame, Call("<", (S, LITERALS[1]))).rows() == [(LITERALS[0].text,)]


# Extend


@lightly
@given(frames(), expressions(VARIABLES, PLAIN))
def test_an_extension_has_oxigraphs_value(frame, expression):
    text = expression_text(expression)
    answer = evaluated(f"SELECT ?number ?new {{ {values_of(frame)} BIND({text} AS ?new) }}")
    values = dict(zip(map(str, answer["number"]), answer["new"], strict=True))
    integer = "http://www.w3.org/2001/XMLSchema#integer"
    expected = [
        (*row, values[f'"{number}"^^<{integer}>']) for number, row in enumerate(frame.rows())
    ]
    found = extend_rows(frame, NEW, expression)
    assert found.columns == [*NAMES, "new"]
    assert found.rows() == expected


def test_carried_cells_keep_their_lexical_forms():
    rows = [(term.text, RESOURCES[0].text) for term in ODD]
    frame = frame_of(["s", "t"], rows)
    extended = extend_rows(frame, NEW, Call("ISLITERAL", (S,)))
    assert extended.select("s", "t").rows() == rows
    assert filter_rows(frame, Call("ISLITERAL", (S,))).rows() == rows
    ordered = sort_rows(frame, [OrderKey(T)])
    assert ordered.rows() == rows
    grouped = group_rows(frame, [S], [(NEW, Aggregate("COUNT", T))])
    assert grouped["s"].to_list() == [term.text for term in ODD]


def test_a_variable_is_bound_once():
    with pytest.raises(ExecutionError, match=r"\?s has a value already"):
        extend_rows(frame_of(["s"], []), S, LITERALS[0])


def test_a_column_that_is_not_there_is_unbound():
    frame = frame_of(["s"], [(RESOURCES[0].text,)])
    extended = extend_rows(frame, NEW, Call("BOUND", (Variable("elsewhere"),)))
    assert extended["new"].to_list() == ['"false"^^<http://www.w3.org/2001/XMLSchema#boolean>']


# What differs from one evaluation to the next


@pytest.mark.parametrize("name", ["RAND", "UUID", "STRUUID", "BNODE"])
@pytest.mark.parametrize("wrapped", [False, True])
def test_every_row_gets_its_own_random_value(name, wrapped):
    frame = frame_of(["s"], [(RESOURCES[0].text,)] * 50)
    expression = Call(name, ())
    if wrapped:
        expression = Call("COALESCE", (expression, S))
    values = extend_rows(frame, NEW, expression)["new"]
    assert values.n_unique() == 50
    assert values.null_count() == 0


def test_a_random_filter_chooses_among_equal_rows():
    frame = frame_of(["s"], [(RESOURCES[0].text,)] * 400)
    kept = filter_rows(frame, Call("<", (Call("RAND", ()), Literal("0.5", XSD + "decimal"))))
    assert 100 < kept.height < 300


def test_new_blank_nodes_are_new_every_time():
    frame = frame_of(["s"], [(RESOURCES[0].text,)])
    first, second = (extend_rows(frame, NEW, Call("BNODE", ()))["new"][0] for _ in range(2))
    assert first.startswith("_:")
    assert first != second


# Blank nodes

BLANK = [
    ("_:m0.a", "_:m0.a"),
    ("_:m0.a", "_:m1.a"),
    ("_:m0.b-c.d", RESOURCES[0].text),
    (None, "_:m1.a"),
    (LITERALS[3].text, None),
]


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        (Call("ISBLANK", (S,)), [0, 1, 2]),
        (Call("=", (S, T)), [0]),
        (Call("SAMETERM", (S, T)), [0]),
        (Call("!=", (S, T)), [1, 2]),
        (Call("!", (Call("BOUND", (S,)),)), [3]),
        (Call("ISIRI", (T,)), [2]),
        (Call("IN", (T, S, RESOURCES[0])), [0, 2]),
    ],
    ids=lambda value: expression_text(value) if isinstance(value, Call) else "",
)
def test_filters_tell_blank_nodes_apart(condition, kept):
    frame = frame_of(["s", "t"], BLANK)
    assert filter_rows(frame, condition).rows() == [BLANK[number] for number in kept]


def test_blank_nodes_come_back_under_their_labels():
    frame = frame_of(["s", "t"], BLANK)
    extended = extend_rows(frame, NEW, Call("COALESCE", (S, T)))
    assert extended["new"].to_list() == [s or t for s, t in BLANK]
    assert extended.select("s", "t").rows() == BLANK


def test_blank_nodes_are_sorted_between_unbound_and_iris():
    terms = [LITERALS[0].text, RESOURCES[0].text, "_:m0.a", None]
    frame = frame_of(["s"], [(term,) for term in terms])
    assert sort_rows(frame, [OrderKey(S)])["s"].to_list() == terms[::-1]
    assert sort_rows(frame, [OrderKey(S, descending=True)])["s"].to_list() == terms


def test_blank_nodes_are_grouped_and_counted():
    frame = frame_of(["s", "t"], [*BLANK, BLANK[0]])
    counts = [
        (Variable("all"), Aggregate("COUNT", None)),
        (Variable("some"), Aggregate("COUNT", T)),
        (Variable("different"), Aggregate("COUNT", T, distinct=True)),
        (Variable("any"), Aggregate("SAMPLE", S)),
    ]
    grouped = group_rows(frame, [S], counts)
    found = {row[0]: tuple(c and c.split('"')[1] for c in row[1:4]) for row in grouped.rows()}
    assert found == {
        "_:m0.a": ("3", "3", "2"),
        "_:m0.b-c.d": ("1", "1", "1"),
        None: ("1", "1", "1"),
        LITERALS[3].text: ("1", "0", "0"),
    }
    assert grouped["any"].to_list() == grouped["s"].to_list()


# Sort


@lightly
@given(frames(), st.lists(expressions(VARIABLES, PLAIN, depth=1), min_size=1, max_size=2))
def test_an_order_is_one_that_oxigraph_accepts(frame, keys):
    found = sort_rows(frame, [OrderKey(key) for key in keys])
    assert Counter(found.rows()) == Counter(frame.rows())
    order = " ".join(f"ASC({expression_text(key)})" for key in keys)
    # Where ours breaks no tie wrongly, breaking ties by our own numbers changes nothing.
    numbers = numbers_of(f"SELECT ?number {{ {values_of(found)} }} ORDER BY {order} ?number")
    assert numbers == list(range(found.height))


def test_rows_of_one_place_keep_their_order():
    rows = [(RESOURCES[0].text, f'"{number}"') for number in (3, 1, 2)]
    assert sort_rows(frame_of(["s", "t"], rows), [OrderKey(S)]).rows() == rows


# Group


@lightly
@given(
    frames(terms=(*RESOURCES, *LITERALS)),
    st.lists(st.sampled_from(VARIABLES), max_size=2, unique=True),
    st.lists(aggregates(VARIABLES), min_size=1, max_size=3),
)
def test_groups_are_oxigraphs(frame, keys, chosen):
    # Oxigraph would count the numbers of the rows among what tells them apart.
    chosen = [a for a in chosen if a.argument is not None or not a.distinct]
    named = [(Variable(f"g{i}"), aggregate) for i, aggregate in enumerate(chosen)]
    names = [variable.name for variable in (*keys, *(variable for variable, _ in named))]
    found = group_rows(frame, keys, named)
    assert found.columns == names
    if not names:
        return
    by = "GROUP BY " + " ".join(f"?{key.name}" for key in keys) if keys else ""
    if not named:
        by = "" if not keys else by
    head = " ".join(f"?{key.name}" for key in keys)
    head += " ".join(f" ({expression_text(a)} AS ?{v.name})" for v, a in named)
    expected = evaluated(f"SELECT {head} {{ {values_of(frame)} }} {by}")
    assert Counter(found.rows()) == Counter(expected.select(names).rows())


def test_all_columns_count_in_count_distinct():
    rows = [(RESOURCES[i].text, RESOURCES[j].text) for i, j in ((0, 0), (0, 1), (0, 1), (1, 0))]
    frame = frame_of(["s", "t"], rows)
    every = [(NEW, Aggregate("COUNT", None, distinct=True))]
    assert group_rows(frame, [], every)["new"].to_list()[0].startswith('"3"')
    by_key = dict(group_rows(frame, [S], every).rows())
    assert {key: value[1] for key, value in by_key.items()} == {rows[0][0]: "2", rows[3][0]: "1"}


@pytest.mark.parametrize(
    ("name", "value"),
    [("COUNT", "0"), ("SUM", "0"), ("AVG", "0"), ("MIN", None), ("SAMPLE", None)],
)
def test_nothing_is_one_group_without_keys_and_none_with_keys(name, value):
    frame = frame_of(["s", "t"], [])
    aggregate = [(NEW, Aggregate(name, T))]
    (found,) = group_rows(frame, [], aggregate)["new"].to_list()
    assert (found and found.split('"')[1]) == value
    assert group_rows(frame, [S], aggregate).height == 0


def test_a_group_joins_its_texts_with_the_separator():
    frame = frame_of(["s", "t"], [(RESOURCES[0].text, f'"{text}"') for text in "abb"])
    aggregate = Aggregate("GROUP_CONCAT", T, distinct=True, separator=", ")
    (text,) = group_rows(frame, [S], [(NEW, aggregate)])["new"].to_list()
    assert sorted(text.strip('"').split(", ")) == ["a", "b"]


def test_casts_are_oxigraphs():
    frame = frame_of(["s"], [('"12"',), ('"x"',)])
    cast = FunctionCall(IRI(XSD + "integer"), (S,))
    integer = '"12"^^<http://www.w3.org/2001/XMLSchema#integer>'
    assert extend_rows(frame, NEW, cast)["new"].to_list() == [integer, None]
