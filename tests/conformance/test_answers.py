"""Answers are the same up to blank node labels, and not beyond."""

import pytest

from tests.conformance.answers import Graph, Table, kept_form, read_csv, same_answer
from tests.conformance.deals import DEALS

INTEGER = "^^<http://www.w3.org/2001/XMLSchema#integer>"


def table(*rows, ordered=False):
    names = tuple("abc"[: len(rows[0])]) if rows else ("a",)
    return Table(names, rows, ordered)


def same(ours, expected, **options):
    return same_answer(ours, expected, **{"ordered": False, **options})


def test_rows_compare_as_multisets():
    assert same(table(("<x>",), ("<y>",)), table(("<y>",), ("<x>",)))
    assert not same(table(("<x>",)), table(("<x>",), ("<x>",)))
    assert not same(table(("<x>", None)), table((None, "<x>")))


def test_blank_nodes_compare_up_to_one_renaming():
    assert same(table(("_:a", "_:b"), ("_:b", "_:a")), table(("_:x", "_:y"), ("_:y", "_:x")))
    assert not same(table(("_:a", "_:b")), table(("_:x", "_:x")))
    assert not same(table(("_:a", "_:a"), ("_:b", "_:b")), table(("_:x", "_:y"), ("_:y", "_:x")))
    assert not same(table(("_:a",), ("_:a",)), table(("_:x",), ("_:y",)))


def test_a_blank_node_is_no_other_term():
    assert not same(table(("_:a",)), table(("<x>",)))
    assert not same(table(("_:a",)), table((None,)))


def test_order_counts_where_the_query_and_both_answers_have_one():
    ours = table(("_:a", "<x>"), ("_:b", "<y>"), ordered=True)
    turned = table(("_:a", "<y>"), ("_:b", "<x>"), ordered=True)
    assert same(ours, turned)
    assert not same(ours, turned, ordered=True)
    assert same(ours, table(*turned.rows), ordered=True)


def test_duplicates_may_be_missing_where_the_manifest_allows_it():
    reduced, whole = table(("<x>",)), table(("<x>",), ("<x>",))
    assert same(reduced, whole, lax=True)
    assert not same(table(("<y>",)), whole, lax=True)


def test_columns_count():
    assert not same(Table(("a",), ()), Table(("a", "b"), ()))


def test_graphs_compare_up_to_isomorphism():
    chain = Graph(frozenset((("_:a", "<p>", "_:b"), ("_:b", "<p>", "_:c"))))
    renamed = Graph(frozenset((("_:c", "<p>", "_:a"), ("_:a", "<p>", "_:b"))))
    fork = Graph(frozenset((("_:a", "<p>", "_:b"), ("_:a", "<p>", "_:c"))))
    assert same(chain, renamed)
    assert not same(chain, fork)


def test_kinds_of_answers_differ():
    assert same(True, True)
    assert not same(True, False)
    assert not same(True, table())


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (f'"01"{INTEGER}', f'"1"{INTEGER}'),
        ('"01"', '"01"'),
        ('"chat"@FR', '"chat"@fr'),
        ("_:b", "_:b"),
        (None, None),
    ],
)
def test_literals_compare_as_stores_keep_them(text, kept):
    assert kept_form(text) == kept


def test_csv_gives_texts_and_numbers_by_value():
    read = read_csv(b"b,a\r\nx,1.0e6\r\n_:n,\r\n")
    assert read.variables == ("a", "b")
    assert read.rows == (('"1000000.0"', '"x"'), ('""', "_:n"))


def test_the_names_of_deals_are_unique():
    assert len({deal.name for deal in DEALS}) == len(DEALS)
