"""Codes translated in the answer, against converted merged data.

In the hub, codes meet (the first two of OMIM are both the first of NCIT), part (the third is the
second or third), do both (the fourth and fifth), or have a name of their own (the sixth). Some
members' people have one code each, so that codes that meet are harmless; some have several.
"""

import asyncio

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hereditary_kg.execution.translated_answers import native_bindings, translated_rows
from hereditary_kg.federation.coding import CodedPredicate, ConversionDescription
from hereditary_kg.semantics.identifiers import iri_of
from hereditary_kg.semantics.translation import Translator
from hereditary_kg.sparql.algebra import Variable
from tests.dealt_federations import answer_of, oracle
from tests.execution.converted_federations import (
    Hospital,
    federation,
    hub_of,
    merged,
    with_prefixes,
)

MONDO = tuple(f"MONDO:{n:07}" for n in range(1, 7))
NCIT = tuple(f"NCIT:C{n}" for n in range(1, 6))
OMIM = tuple(f"OMIM:{100000 + n}" for n in range(1, 7))
HUB = hub_of(
    MONDO,
    [],
    [
        *((MONDO[place], "skos:exactMatch", code) for place, code in enumerate(OMIM)),
        (MONDO[0], "skos:exactMatch", NCIT[0]),
        (MONDO[1], "skos:broadMatch", NCIT[0]),
        (MONDO[2], "skos:broadMatch", NCIT[1]),
        (MONDO[2], "skos:broadMatch", NCIT[2]),
        (MONDO[3], "skos:broadMatch", NCIT[2]),
        (MONDO[3], "skos:broadMatch", NCIT[3]),
        (MONDO[4], "skos:broadMatch", NCIT[3]),
        (MONDO[5], "skos:exactMatch", NCIT[4]),
    ],
)
QUERIES = (
    "SELECT DISTINCT ?d { ?p ex:disease ?d }",
    "SELECT DISTINCT ?s ?d { ?p ex:disease ?d ; ex:sex ?s }",
    "SELECT ?d (COUNT(DISTINCT ?p) AS ?n) { ?p ex:disease ?d } GROUP BY ?d",
    "SELECT ?s ?d (COUNT(DISTINCT ?p) AS ?n) { ?p ex:disease ?d ; ex:sex ?s } GROUP BY ?s ?d",
    "SELECT ?d (COUNT(DISTINCT ?q) AS ?n) { ?p ex:disease ?d ; ex:knows ?q } GROUP BY ?d",
    "SELECT ?d (COUNT(?s) AS ?n) { ?p ex:disease ?d OPTIONAL { ?p ex:sex ?s } } GROUP BY ?d",
    "SELECT ?p ?d (COUNT(*) AS ?n) { ?p ex:disease ?d ; ex:knows ?q } GROUP BY ?p ?d",
    "SELECT ?n { { SELECT ?d (COUNT(*) AS ?n) { ?p ex:disease ?d } GROUP BY ?d } }",
    "SELECT ?n { { SELECT ?p ?d (COUNT(*) AS ?n) { ?p ex:disease ?d } GROUP BY ?p ?d } }",
    "SELECT (COUNT(DISTINCT ?d) AS ?n) { ?p ex:disease ?d }",
    "SELECT (COUNT(*) AS ?n) { ?p ex:disease ?d ; ex:sex ?s }",
    "SELECT (COUNT(*) AS ?n) { { SELECT ?p ?d { ?p ex:disease ?d } LIMIT 3 } }",
    "SELECT (COUNT(*) AS ?n) { { SELECT DISTINCT ?d { ?p ex:disease ?d } LIMIT 3 } }",
    "SELECT (COUNT(*) AS ?n) { { SELECT DISTINCT ?p ?d { ?p ex:disease ?d } LIMIT 3 } }",
    "SELECT (COUNT(*) AS ?n) { { SELECT ?p { ?p ex:disease ?d ; ex:sex ?s } LIMIT 3 } }",
    "SELECT ?p { { SELECT DISTINCT ?p ?d { ?p ex:disease ?d ; ex:sex ?s } } }",
    "SELECT * { { SELECT DISTINCT ?p ?d { ?p ex:disease ?d ; ex:knows ?q } } ?p ex:sex ?s }",
    "SELECT * { { SELECT DISTINCT ?p { ?p ex:disease ?d } } ?p ex:sex ?s }",
    "SELECT ?p ?d { { SELECT DISTINCT ?p ?d { ?p ex:disease ?d } } ?p ex:knows ?q }",
    "SELECT * { { SELECT DISTINCT ?s ?d { ?p ex:disease ?d ; ex:sex ?s } } ?q ex:sex ?s }",
    "SELECT ?s { ?p ex:disease ?d ; ex:sex ?s }",
    "SELECT ?p ?d { ?p ex:disease ?d ; ex:sex ?s ; ex:knows ?q }",
    "SELECT * { ?p ex:sex ?s OPTIONAL { ?p ex:disease ?d . ?p ex:reason ?r } }",
    "SELECT * { ?p ex:disease ?d . ?p ex:cause ?c . ?p ex:knows ?q . ?q ex:disease ?e }",
    "SELECT * { ?p ex:sex 'male' . ?q ex:knows ?p . ?q ex:disease ?d } ORDER BY ?p",
    "SELECT ?p ?d { ?p ex:disease ?d ; ex:sex ?s FILTER EXISTS { ?p ex:cause ?c } }",
    "SELECT ?p ?d { ?p ex:disease ?d MINUS { ?p ex:cause ?c ; ex:sex 'male' } }",
    "SELECT * { VALUES ?d { NCIT:C1 NCIT:C3 NCIT:C4 } ?p ex:disease ?d . ?q ex:cause ?d }",
    "SELECT * { ?p ex:disease ?d . ?q ex:cause ?d }",
    "SELECT ?p { ?p ex:disease NCIT:C1 ; ex:sex ?s }",
    "SELECT (COUNT(*) AS ?n) { ?p ex:disease NCIT:C4 ; ex:cause NCIT:C3 }",
    "SELECT ?d (COUNT(*) AS ?n) { NCIT:C1 hkg:includes ?d . ?p ex:disease ?d } GROUP BY ?d",
)


@st.composite
def hospitals(draw):
    return [draw(_hospital(f"m{number}")) for number in range(draw(st.integers(1, 2)))]


@st.composite
def _hospital(draw, name):
    codes = draw(
        st.sampled_from((OMIM, OMIM[:2], OMIM[2:4], OMIM[3:5], (OMIM[0], OMIM[2], OMIM[5])))
    )
    people = [f"http://{name}.example/p{number}" for number in range(1, 4)]
    several = draw(st.booleans())
    rows = []
    for person in people:
        for predicate in ("disease", "cause"):
            chosen = st.lists(st.sampled_from(codes), max_size=3 if several else 1, unique=True)
            rows.extend((person, predicate, code) for code in draw(chosen))
        rows.extend((person, "sex", sex) for sex in draw(_few(('"F"', '"M"'))))
        rows.extend((person, "knows", f"<{other}>") for other in draw(_few(people)))
    names = {"cause": "reason"} if draw(st.booleans()) else {}
    return Hospital(tuple(rows), {"disease": "OMIM", "cause": "OMIM"}, names=names)


def _few(values):
    return st.lists(st.sampled_from(values), max_size=2, unique=True)


def ours(members, text, *, optimise=True):
    async def ask():
        made = federation(HUB, members)
        try:
            return answer_of(await made.query(text, optimise=optimise))
        finally:
            await made.close()

    return asyncio.run(ask())


@pytest.mark.parametrize("text", QUERIES)
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(hospitals())
def test_an_answer_is_that_over_the_merge_of_converted_data(text, members):
    asked = text
    if "hkg:includes" in text:
        asked = text.replace("NCIT:C1 hkg:includes ?d . ?p ex:disease ?d", "?p ex:disease-in-C1 ?d")
    assert ours(members, text) == oracle(merged(HUB, members, ["NCIT:C1"]), with_prefixes(asked))


LIMITED = (
    "SELECT ?p ?d { ?p ex:disease ?d }",
    "SELECT ?d { ?p ex:disease ?d ; ex:sex ?s }",
    "SELECT DISTINCT ?d { ?p ex:disease ?d }",
    "SELECT DISTINCT ?s ?d { ?p ex:disease ?d ; ex:sex ?s }",
    "SELECT DISTINCT ?p ?d { ?p ex:disease ?d ; ex:knows ?q } ORDER BY ?p",
    "SELECT ?d (COUNT(*) AS ?n) { ?p ex:disease ?d } GROUP BY ?d",
)


@pytest.mark.parametrize("text", LIMITED)
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(hospitals(), st.integers(1, 4), st.booleans())
def test_a_limit_is_of_the_users_rows(text, members, limit, inside):
    asked = f"{text} LIMIT {limit}"
    found = ours(members, f"SELECT * {{ {{ {asked} }} }}" if inside else asked)
    every = oracle(merged(HUB, members), with_prefixes(text))
    assert found.total() == min(limit, every.total())
    assert found <= every


def translation(*codes):
    return Translator(HUB, ConversionDescription("NCIT")).translate(
        [f"<{iri_of(code)}>" for code in codes], CodedPredicate("OMIM")
    )


def iris(*codes):
    return [None if code is None else f"<{iri_of(code)}>" for code in codes]


D = Variable("d")


@pytest.mark.parametrize("copies", [1, 1000])
def test_rows_come_for_each_of_the_users_codes_in_order(copies):
    frame = pl.DataFrame({"p": ["<a:1>", "<a:2>", "<a:3>"], "d": iris(OMIM[2], None, OMIM[0])})
    found = translated_rows(pl.concat([frame] * copies), {D: translation(OMIM[0], OMIM[2])})
    expected = pl.DataFrame(
        {"p": ["<a:1>", "<a:1>", "<a:2>", "<a:3>"], "d": iris(NCIT[1], NCIT[2], None, NCIT[0])}
    )
    assert found.equals(pl.concat([expected] * copies))


@pytest.mark.parametrize("copies", [1, 2000])
def test_new_codes_are_translated_and_blank_nodes_stay(copies):
    frame = pl.DataFrame({"d": ["_:m.b", *iris(OMIM[5])]})
    found = translated_rows(pl.concat([frame] * copies), {D: translation(OMIM[0])})
    assert found.equals(pl.concat([pl.DataFrame({"d": ["_:m.b", *iris(NCIT[4])]})] * copies))


def test_bindings_are_asked_once_in_the_members_codes():
    known = translation(*OMIM[:4])
    keys = pl.DataFrame({"d": iris(NCIT[1], NCIT[2], NCIT[4], NCIT[0])})
    native = native_bindings(keys, {D: known})
    assert sorted(native["d"]) == sorted(iris(OMIM[0], OMIM[1], OMIM[2], OMIM[3]))
    # The fourth is NCIT's fourth as well, which nobody asked for.
    rows = translated_rows(native, {D: known}, keys)
    assert sorted(rows["d"]) == sorted(iris(NCIT[0], NCIT[0], NCIT[1], NCIT[2], NCIT[2]))
