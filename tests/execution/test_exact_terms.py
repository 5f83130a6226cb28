"""Terms that Oxigraph would change go through it as they are, and count by their value there."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hereditary_kg.execution.exact_terms import unwrap_terms, wrap_terms
from hereditary_kg.execution.residual import (
    evaluate_text,
    extend_rows,
    filter_rows,
    group_rows,
    sort_rows,
)
from hereditary_kg.rdf.solutions import ROW
from hereditary_kg.rdf.terms import IRI, XSD, Literal
from hereditary_kg.sparql.algebra import Aggregate, Call, OrderKey, Variable
from tests.rdf.term_strategies import IRIS, LITERALS

S, T, NEW = Variable("s"), Variable("t"), Variable("new")

ALTERED = [
    Literal("01", XSD + "integer"),
    Literal("+1", XSD + "integer"),
    Literal("-0", XSD + "integer"),
    Literal("7", XSD + "int"),
    Literal("7", XSD + "unsignedByte"),
    Literal("1.50", XSD + "decimal"),
    Literal("1.0", XSD + "decimal"),
    Literal(".5", XSD + "decimal"),
    Literal("1.0E2", XSD + "double"),
    Literal("1e0", XSD + "float"),
    Literal("1", XSD + "boolean"),
    Literal("2020-01-01T00:00:00.000Z", XSD + "dateTime"),
    Literal("2020-01-01T00:00:00+00:00", XSD + "dateTime"),
    Literal("P12M", XSD + "yearMonthDuration"),
]
KEPT = [
    IRI("http://example.org/a"),
    Literal("01"),
    Literal("01", "http://example.org/type"),
    Literal("chat", language="fr"),
    Literal('"01"^^<http://www.w3.org/2001/XMLSchema#integer>'),
    Literal("1", XSD + "integer"),
    Literal("-123456789012345678", XSD + "integer"),
    Literal("one", XSD + "integer"),
    Literal("1.5", XSD + "decimal"),
    Literal("true", XSD + "boolean"),
    Literal("2020-01-01", XSD + "date"),
    Literal("2020-02-30", XSD + "date"),
    Literal("2020-01-01T00:00:00Z", XSD + "dateTime"),
]


def texts(terms):
    return [term.text for term in terms]


def column(*terms):
    cells = [None if term is None else term.text for term in terms]
    return pl.DataFrame({"s": cells}, schema={"s": pl.String})


def through_oxigraph(frame):
    rows = "\n".join(f"({number} {text})" for number, text in enumerate(frame["s"]))
    text = f"SELECT ?s WHERE {{ VALUES (?n ?s) {{ {rows} }} }} ORDER BY ?n"
    return evaluate_text(text)["s"].to_list()


@pytest.mark.parametrize("term", ALTERED, ids=str)
def test_a_term_that_oxigraph_changes_is_wrapped(term):
    frame = column(term)
    wrapped = wrap_terms(frame)
    assert wrapped["s"].to_list() != texts([term])
    assert unwrap_terms(wrapped).equals(frame)


@pytest.mark.parametrize("term", KEPT, ids=str)
def test_a_term_that_oxigraph_keeps_stays(term):
    frame = column(term)
    assert wrap_terms(frame) is frame


def test_unbound_cells_and_row_numbers_stay():
    frame = column(ALTERED[0], None, KEPT[0]).with_row_index(ROW)
    wrapped = wrap_terms(frame)
    assert wrapped[ROW].to_list() == [0, 1, 2]
    assert wrapped["s"].to_list()[1:] == [None, KEPT[0].text]


NUMBERS = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(("", "-", "+")),
    st.text("0123456789", min_size=1, max_size=18),
    st.sampled_from(("", ".", ".0", ".5", ".50", ".05")),
    st.sampled_from(("", "e0", "E2", "e-3")),
)
TYPES = ["integer", "int", "decimal", "double", "float", "boolean", "nonNegativeInteger"]


@given(st.lists(st.builds(Literal, NUMBERS, st.sampled_from([XSD + t for t in TYPES])), min_size=1))
def test_every_number_comes_back_as_it_went(terms):
    frame = column(*terms)
    assert through_oxigraph(wrap_terms(frame)) == texts(terms)


TIMES = st.builds(
    "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}{}".format,
    st.integers(0, 9999),
    st.integers(1, 12),
    st.integers(1, 31),
    st.integers(0, 24),
    st.integers(0, 59),
    st.integers(0, 60),
    st.sampled_from(("", ".0", ".5", ".500")),
    st.sampled_from(("", "Z", "+00:00", "-00:00", "+01:00", "+14:00")),
)


@given(st.lists(st.builds(Literal, TIMES, st.just(XSD + "dateTime")), min_size=1))
def test_every_time_comes_back_as_it_went(terms):
    assert through_oxigraph(wrap_terms(column(*terms))) == texts(terms)


@given(st.lists(LITERALS | st.builds(IRI, IRIS), min_size=1))
def test_every_term_comes_back_as_it_went(terms):
    assert through_oxigraph(wrap_terms(column(*terms))) == texts(terms)


# Expressions


def extended(expression, *terms):
    return extend_rows(column(*terms), NEW, expression)["new"].to_list()


@pytest.mark.parametrize("term", ALTERED, ids=str)
def test_what_only_passes_through_keeps_its_form(term):
    condition = Call("=", (Literal("a"), Literal("a")))
    for expression in (S, Call("COALESCE", (T, S)), Call("IF", (condition, S, T))):
        assert extended(expression, term) == [term.text]


@pytest.mark.parametrize("term", ALTERED, ids=str)
def test_str_and_datatype_are_those_of_the_term(term):
    assert extended(Call("STR", (S,)), term) == [Literal(term.lexical).text]
    assert extended(Call("DATATYPE", (S,)), term) == [IRI(term.datatype).text]


def test_the_datatype_of_what_is_no_literal_is_an_error():
    found = extended(Call("DATATYPE", (S,)), ALTERED[0], IRI("http://example.org/a"), None)
    assert found == [IRI(XSD + "integer").text, None, None]


def test_terms_compare_by_value():
    one = Literal("1", XSD + "integer")
    frame = column(*ALTERED[:2], Literal("1.0", XSD + "decimal"), Literal("2", XSD + "integer"))
    assert filter_rows(frame, Call("=", (S, one))).height == 3
    assert filter_rows(frame, Call("IN", (S, one))).height == 3
    assert filter_rows(frame, Call(">", (S, one))).height == 1


def test_same_term_compares_terms():
    frame = column(*ALTERED[:2], Literal("1", XSD + "integer"))
    assert filter_rows(frame, Call("SAMETERM", (S, ALTERED[0])))["s"].to_list() == texts(
        ALTERED[:1]
    )


def test_constants_are_terms_as_well():
    assert extended(ALTERED[0], KEPT[0]) == texts(ALTERED[:1])
    one = Literal("1", XSD + "integer")
    assert extended(Call("SAMETERM", (S, ALTERED[0])), one) == [
        Literal("false", XSD + "boolean").text
    ]


def test_what_passed_through_still_counts_by_value():
    condition = Call("=", (S, S))
    chosen = Call("IF", (condition, Literal("02", XSD + "integer"), S))
    total = Call("+", (chosen, Call("COALESCE", (S, S))))
    assert extended(total, ALTERED[0]) == [Literal("3", XSD + "integer").text]


def test_order_is_by_value():
    terms = [Literal(text, XSD + "integer") for text in ("010", "9", "+8", "7")]
    ordered = sort_rows(column(*terms), [OrderKey(S)])["s"].to_list()
    assert ordered == texts(terms[::-1])


# Aggregates


def aggregate(name, *terms, distinct=False):
    frame = column(*terms)
    (found,) = group_rows(frame, [], [(NEW, Aggregate(name, S, distinct))])["new"].to_list()
    return found


def test_the_least_and_the_greatest_keep_their_forms():
    terms = [Literal(text, XSD + "integer") for text in ("010", "9", "+08")]
    assert aggregate("MIN", *terms) == terms[2].text
    assert aggregate("MAX", *terms) == terms[0].text


def test_a_sample_keeps_its_form():
    assert aggregate("SAMPLE", ALTERED[3], ALTERED[3]) == ALTERED[3].text


def test_each_group_has_its_own_form():
    keys = [IRI(f"http://example.org/{name}").text for name in "aab"]
    frame = column(ALTERED[0], Literal("5", XSD + "int"), ALTERED[1]).with_columns(
        t=pl.Series(keys)
    )
    found = group_rows(frame, [T], [(NEW, Aggregate("MIN", S))])
    assert dict(found.rows()) == {keys[0]: ALTERED[0].text, keys[2]: ALTERED[1].text}


def test_a_computed_argument_of_an_aggregate_is_a_value():
    doubled = Aggregate("MAX", Call("+", (S, S)))
    (found,) = group_rows(column(*ALTERED[:2]), [], [(NEW, doubled)])["new"].to_list()
    assert found == Literal("2", XSD + "integer").text


def test_distinct_terms_are_summed_by_value():
    one = Literal("1", XSD + "integer")
    terms = [ALTERED[0], ALTERED[0], ALTERED[1], one]
    assert aggregate("SUM", *terms, distinct=True) == Literal("3", XSD + "integer").text
    assert aggregate("SUM", *terms) == Literal("4", XSD + "integer").text
    assert aggregate("COUNT", *terms, distinct=True) == Literal("3", XSD + "integer").text
