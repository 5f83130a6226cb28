"""Blank nodes told apart by member."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hereditary_kg.federation.blank_nodes import scope_blank_nodes
from hereditary_kg.rdf.terms import BlankNode, parse_term


def scope(*terms, member="clinic"):
    frame = pl.DataFrame({"x": list(terms)}, schema={"x": pl.String})
    return scope_blank_nodes(frame, member)["x"].to_list()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("_:b0", "_:clinic.b0"),
        ("_:0a-b.c", "_:clinic.0a-b.c"),
        ("_:nodeID://b1", "_:clinic..6e6f646549443a2f2f6231"),
        ("_:ends.", "_:clinic..656e64732e"),
        ("_:é", "_:clinic..c3a9"),
        ("<_:b0>", "<_:b0>"),
        ('"_:b0"', '"_:b0"'),
        (None, None),
    ],
)
def test_only_blank_nodes_change(before, after):
    assert scope("_:other", before)[1] == after


def test_frames_without_columns_or_blank_nodes_stay_as_they_are():
    empty = pl.DataFrame(height=3)
    assert scope_blank_nodes(empty, "clinic").height == 3
    frame = pl.DataFrame({"x": ["<e:a>", None]})
    assert scope_blank_nodes(frame, "clinic") is frame


labels = st.text(st.characters(exclude_categories=["Cs", "Z", "Cc"]), min_size=1, max_size=6)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["a", "a-b", "b"]), labels), max_size=20))
def test_different_nodes_stay_different_and_legal(nodes):
    scoped = [scope(f"_:{label}", member=member)[0] for member, label in nodes]
    assert len(set(scoped)) == len(set(nodes))
    for text in scoped:
        term = parse_term(text)
        assert isinstance(term, BlankNode)
        assert term.label.isascii()
        assert term.label.replace(".", "").replace("-", "").replace("_", "").isalnum()
