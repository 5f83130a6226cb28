"""Terms that people take for the same, and what is said of them."""

import pytest

from hereditary_kg.execution.term_differences import (
    find_near_pair,
    name_difference,
    nearest_names,
)

INTEGER = "<http://www.w3.org/2001/XMLSchema#integer>"
DECIMAL = "<http://www.w3.org/2001/XMLSchema#decimal>"


@pytest.mark.parametrize(
    ("left", "right", "said"),
    [
        ("<http://e.org/a>", "<https://e.org/a>", "http and https only"),
        ("<http://e.org/a>", "<http://e.org/a/>", "last character"),
        ("<http://e.org/Als>", "<http://e.org/als>", "capital and small letters"),
        ("<http://e.org/t#a>", "<http://e.org/t/a>", "spelling only"),
        ("<http://e.org/OMIM_105400>", "<http://f.net/OMIM_105400>", "different namespaces"),
        ('"12"', f'"12"^^{INTEGER}', "plain text, the other is an xsd:integer"),
        (f'"12"^^{DECIMAL}', f'"12"^^{INTEGER}', "equal as numbers"),
        ('"Ann"', '"Ann"@en', "the language tag @en"),
        ('"Ann"@de', '"Ann"@en', "@de, the other has the language tag @en"),
        ('"Ann"', '"ann"', "capital and small letters"),
        ('"Ann "', '"Ann"', "white space"),
        ('"http://e.org/a"', "<http://e.org/a>", "one is an IRI, the other a text"),
        ('"HP:0001250"', "<http://purl.obolibrary.org/obo/HP_0001250>", "one is an IRI"),
    ],
)
def test_terms_that_people_take_for_the_same(left, right, said):
    assert find_near_pair([left, '"unlike"'], ['"other"', right]) == (left, right)
    assert said in name_difference(left, right)
    assert find_near_pair([right], [left]) == (right, left)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ('"a"', '"b"'),
        ("<http://e.org/a>", "<http://e.org/b>"),
        ("<http://e.org/HP_0001250>", "<http://e.org/HP_0001251>"),
        ("_:m0.b1", "_:m1.b1"),
    ],
)
def test_terms_that_nobody_takes_for_the_same(left, right):
    assert find_near_pair([left], [right]) is None


def test_pairs_do_not_depend_on_the_order():
    left = ['"a"', '"b"', '"c"']
    right = ['"c"@en', '"b"@en', '"a"@en']
    assert find_near_pair(left, right) == find_near_pair(left[::-1], right[::-1])


KNOWN = (
    "http://example.org/causes",
    "http://example.org/hasDiagnosis",
    "http://example.org/has",
    "http://other.org/age",
    "http://example.org/HP_0001251",
)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("http://example.org/cuases", ("http://example.org/causes",)),
        ("http://example.org/has_diagnosis", ("http://example.org/hasDiagnosis",)),
        ("http://example.org/age", ("http://other.org/age",)),
        ("http://example.org/HP_0001250", ()),
        ("http://example.org/weight", ()),
    ],
)
def test_nearest_names(name, near):
    assert nearest_names(name, KNOWN) == near
    assert nearest_names(name, reversed(KNOWN)) == near
