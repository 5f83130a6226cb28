"""Algebra to text and back: the text means what the algebra means."""

import re

from algebra_evaluation import Evaluation, multiset, rows_of, store_of
from hypothesis import given, note, settings
from query_generation import (
    bare_slices,
    queries,
    select_queries,
    triples,
)

from hereditary_kg.sparql.algebra import AskQuery, SelectQuery
from hereditary_kg.sparql.parsing import parse_query
from hereditary_kg.sparql.printing import query_text

EXAMPLES = settings(max_examples=200, deadline=None)


def renamed(text):
    """Give hidden variables and blank nodes the names of their first places."""
    names = {}
    return re.sub(
        r"\?hkg__\w+|_:\w+", lambda match: names.setdefault(match[0], f"?h{len(names)}"), text
    )


def answer(store, query, text):
    """Evaluate a text in a form that compares."""
    match query:
        case SelectQuery():
            return multiset(rows_of(store, text), query.variables)
        case AskQuery():
            return bool(store.query(text))
        case _:
            return sorted({str(triple) for triple in store.query(text)})


@EXAMPLES
@given(select_queries(), triples())
def test_a_printed_select_means_what_its_algebra_means(query, data):
    text = query_text(query)
    note(text)
    expected = multiset(Evaluation(data).solutions(query.pattern))
    assert multiset(rows_of(store_of(data), text), query.variables) == expected


@EXAMPLES
@given(select_queries(), triples())
def test_a_parsed_text_means_what_the_text_means(query, data):
    text = query_text(query)
    note(text)
    parsed = parse_query(text)
    expected = answer(store_of(data), query, text)
    assert multiset(Evaluation(data).solutions(parsed.pattern), query.variables) == expected


@EXAMPLES
@given(queries(), triples())
def test_reading_what_was_printed_changes_neither_text_nor_answer(query, data):
    first = query_text(query)
    note(first)
    second = query_text(parse_query(first))
    note(second)
    store = store_of(data)
    assert answer(store, query, second) == answer(store, query, first)
    third = query_text(parse_query(second))
    assert renamed(third) == renamed(second)
    assert parse_query(third) == parse_query(second)


@EXAMPLES
@given(bare_slices(), triples())
def test_a_slice_without_order_keeps_its_length(query, data):
    text = query_text(query)
    note(text)
    expected = len(Evaluation(data).solutions(query.pattern))
    assert len(rows_of(store_of(data), text)) == expected
    assert len(rows_of(store_of(data), query_text(parse_query(text)))) == expected
