"""Queries in the user's codes over members that have others, against converted merged data."""

import asyncio

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hereditary_kg.semantics.identifiers import iri_of
from tests.dealt_federations import answer_of, oracle
from tests.execution.converted_federations import (
    Hospital,
    federation,
    hub_of,
    merged,
    with_prefixes,
)

MONDO = tuple(f"MONDO:{n:07}" for n in range(1, 8))
NCIT = tuple(f"NCIT:C{n}" for n in range(1, 6))
OMIM = tuple(f"OMIM:{100000 + n}" for n in range(1, 7))
DOID = tuple(f"DOID:{n}" for n in range(1, 5))
MAPPED = ("skos:exactMatch", "skos:exactMatch", "skos:broadMatch", "skos:narrowMatch")
# The hub knows the codes that are always asked for.
KNOWN = (
    ("MONDO:0000002", "skos:exactMatch", "NCIT:C1"),
    ("MONDO:0000003", "skos:broadMatch", "NCIT:C2"),
)
PEOPLE = tuple(f"p{n}" for n in range(1, 7))

hubs = st.builds(
    hub_of,
    st.just(MONDO),
    st.lists(
        st.tuples(st.sampled_from(MONDO), st.sampled_from(MONDO)).filter(lambda e: e[0] > e[1]),
        max_size=8,
        unique=True,
    ),
    st.lists(
        st.tuples(
            st.sampled_from(MONDO), st.sampled_from(MAPPED), st.sampled_from(NCIT + OMIM + DOID)
        ),
        max_size=14,
        unique=True,
    ).map(lambda rows: sorted({*rows, *KNOWN})),
)


def facts(codes: tuple[str, ...]) -> st.SearchStrategy[list[tuple[str, str, str]]]:
    people = st.sampled_from(PEOPLE)
    return st.lists(
        st.one_of(
            st.tuples(people, st.sampled_from(("disease", "cause")), st.sampled_from(codes)),
            st.tuples(people, st.just("sex"), st.sampled_from(('"F"', '"M"', '"u"'))),
            st.tuples(
                people,
                st.just("knows"),
                st.sampled_from(PEOPLE).map("<http://example.org/{}>".format),
            ),
        ),
        max_size=12,
    )


CODED = {"disease", "cause"}


def one_each(rows):
    """Keep one object of each subject and predicate."""
    return {(s, p): (s, p, o) for s, p, o in rows}.values()


def moved(rows, place):
    """Give people names that no other member has."""
    own = f"http://{place}.example/"
    return ((own + s, p, o.replace("http://example.org/p", own + "p")) for s, p, o in rows)


@st.composite
def hospitals(draw):
    made = []
    kinds = (("OMIM", OMIM), ("DOID", DOID), ("NCIT", NCIT))
    apart = draw(st.booleans())
    for vocabulary, codes in kinds[: draw(st.integers(1, 3))]:
        rows = draw(facts(codes))
        if draw(st.booleans()):
            rows = one_each(rows)
        if apart:
            rows = moved(rows, vocabulary.lower())
        rows = tuple(rows)
        values = {"sex": {"F": "female", "M": "male"}} if draw(st.booleans()) else {}
        coded = dict.fromkeys(CODED, vocabulary)
        if vocabulary == "NCIT" and draw(st.booleans()):
            # It has the user's codes, and says nothing of it.
            rows = tuple((s, p, f"<{iri_of(o)}>" if p in CODED else o) for s, p, o in rows)
            coded = {}
        names = {"cause": "reason"} if draw(st.booleans()) else {}
        if draw(st.booleans()):
            names["knows"] = "cause"
        literal = bool(coded) and draw(st.booleans())
        made.append(Hospital(rows, coded, literal, values, names))
    return made


PLAIN = (
    "SELECT ?p { ?p ex:disease NCIT:C1 }",
    "SELECT ?p ?d { ?p ex:disease ?d }",
    "SELECT * { ?p ex:disease ?d . ?q ex:cause ?d }",
    "SELECT * { ?p ex:disease ?d . ?p ex:sex ?s }",
    "SELECT * { ?p ex:disease NCIT:C2 OPTIONAL { ?q ex:cause ?d . ?p ex:knows ?q } }",
    "SELECT * { ?p ex:sex ?s OPTIONAL { ?p ex:disease ?d FILTER(?d != NCIT:C1) } }",
    "SELECT ?d (COUNT(DISTINCT ?p) AS ?n) (COUNT(*) AS ?all) { ?p ex:disease ?d } GROUP BY ?d",
    "SELECT (COUNT(DISTINCT ?p) AS ?n) { ?p ex:disease|ex:cause NCIT:C3 . ?p ex:sex 'female' }",
    "SELECT (COUNT(*) AS ?n) { ?p ex:disease ?d FILTER(?d IN (NCIT:C1, NCIT:C2)) }",
    "SELECT DISTINCT ?d { { ?p ex:disease ?d } UNION { ?p ex:cause ?d } }",
    "SELECT * { ?p ?r NCIT:C1 }",
    "SELECT * { ?p ?r ?o }",
    "SELECT ?p { ?p ex:sex ?s MINUS { ?p ex:disease NCIT:C2 } }",
    "SELECT ?p { ?p ex:sex ?s FILTER NOT EXISTS { ?p ex:disease ?d . ?q ex:cause ?d } }",
    "SELECT ?p { ?p ex:disease ?d FILTER EXISTS { ?q ex:cause ?d } }",
    "ASK { ?p ex:disease NCIT:C4 . ?p ex:cause NCIT:C5 }",
    "ASK { ex:p1 ex:disease NCIT:C1 }",
    "SELECT ?x { ?x (ex:knows|ex:disease)+ NCIT:C1 }",
    "SELECT * { ?p ex:knows/ex:disease ?d }",
    "SELECT * { ?p ex:knows* ?q . ?q ex:disease ?d }",
    "SELECT * { ex:p1 (ex:disease|^ex:disease)* ?q }",
    "SELECT * { ?p !ex:sex ?q }",
    "DESCRIBE ex:p1",
    "CONSTRUCT { ?p ex:has ?d } { ?p ex:disease ?d }",
    "SELECT ?p (COUNT(?d) AS ?n) { ?p ex:sex ?s . ?p ex:disease ?d } GROUP BY ?p",
    "SELECT ?d { ?p ex:disease ?d } ORDER BY ?d",
    "SELECT * { VALUES ?d { NCIT:C1 NCIT:C3 } ?p ex:disease ?d . ?p ex:reason ?r }",
    "SELECT * { ?p ex:cause ?c . ?p ex:reason ?r }",
    "SELECT * { ?p ex:disease NCIT:C1 . BIND(NCIT:C2 AS ?d) ?p ex:cause ?d }",
)
# (as we are asked, as the oracle is)
INCLUDING = (
    ("{c} hkg:includes ?d . ?p ex:disease ?d", "?p ex:disease-in-{n} ?d"),
    (
        "?p ex:disease ?d . ?d rdfs:subClassOf* {c} . ?p ex:sex ?s",
        "?p ex:disease-in-{n} ?d . ?p ex:sex ?s",
    ),
    (
        "{c} hkg:includes ?d . ?p ex:disease ?d . ?q ex:cause ?d",
        "?p ex:disease-in-{n} ?d . ?q ex:cause-in-{n} ?d",
    ),
    (
        "{c} hkg:includes ?d {{ ?p ex:disease ?d }} UNION {{ ?p ex:cause ?d }}",
        "{{ ?p ex:disease-in-{n} ?d }} UNION {{ ?p ex:cause-in-{n} ?d }}",
    ),
    (
        "?p ex:sex ?s OPTIONAL {{ {c} hkg:includes ?d . ?p ex:disease ?d }}",
        "?p ex:sex ?s OPTIONAL {{ ?p ex:disease-in-{n} ?d }}",
    ),
    (
        "?p ex:sex ?s FILTER NOT EXISTS {{ {c} hkg:includes ?d . ?p ex:disease ?d }}",
        "?p ex:sex ?s FILTER NOT EXISTS {{ ?p ex:disease-in-{n} ?d }}",
    ),
    (
        "{c} hkg:includes ?d . ?p ex:disease ?d . ?p ex:knows+ ?q . ?q ex:disease ?e",
        "?p ex:disease-in-{n} ?d . ?p ex:knows+ ?q . ?q ex:disease ?e",
    ),
    (
        "VALUES ?c {{ {c} NCIT:C2 }} ?c hkg:includes ?d . ?p ex:disease ?d",
        (
            "{{ ?p ex:disease-in-{n} ?d BIND({c} AS ?c) }} UNION "
            "{{ ?p ex:disease-in-C2 ?d BIND(NCIT:C2 AS ?c) }}"
        ),
    ),
    (
        "{c} hkg:includes ?d . NCIT:C2 hkg:includes ?d . ?p ex:disease ?d",
        "?p ex:disease-in-{n} ?d . ?p ex:disease-in-C2 ?d",
    ),
    (
        "{c} hkg:includes ?d . ?p ex:disease ?d GRAPH ex:none {{ ?x ?y ?z }}",
        "?p ex:disease-in-{n} ?d GRAPH ex:none {{ ?x ?y ?z }}",
    ),
    (
        "?p ex:sex ?s FILTER EXISTS {{ {c} hkg:includes ?d . ?p ?r ?d FILTER(?d != ?s) }}",
        "?p ex:sex ?s FILTER EXISTS {{ ?p ?r ?d FILTER(?d != ?s && STRENDS(STR(?r), '-in-{n}')) }}",
    ),
    # What was fetched for one pattern is not seen by another one.
    (
        (
            "?p ex:sex ?s FILTER EXISTS {{ ?p ?q ?o . {c} hkg:includes ?d . ?p ex:disease ?d "
            "FILTER(?o != ?s && ?q != ex:disease) }}"
        ),
        (
            "?p ex:sex ?s FILTER EXISTS {{ ?p ?q ?o . ?p ex:disease-in-{n} ?d "
            "FILTER(?o != ?s && ?q != ex:disease && !CONTAINS(STR(?q), '-in-')) }}"
        ),
    ),
)
HEADS = ("SELECT *", "SELECT DISTINCT ?p", "SELECT (COUNT(DISTINCT ?p) AS ?n)")


def ours(hub, members, text, *, optimise=True, broader=True):
    async def ask():
        made = federation(hub, members, broader=broader)
        try:
            return answer_of(await made.query(text, optimise=optimise))
        finally:
            await made.close()

    return asyncio.run(ask())


several = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@several
@given(hubs, hospitals(), st.sampled_from(PLAIN), st.booleans(), st.booleans())
def test_an_answer_is_that_over_the_merge_of_converted_data(hub, members, text, optimise, broader):
    expected = oracle(merged(hub, members, broader=broader), with_prefixes(text))
    assert ours(hub, members, text, optimise=optimise, broader=broader) == expected


@several
@given(
    hubs,
    hospitals(),
    st.sampled_from(INCLUDING),
    st.sampled_from(HEADS),
    st.sampled_from(NCIT[:3]),
    st.booleans(),
)
def test_what_a_code_includes_is_found_in_the_members_codes(
    hub, members, texts, head, code, optimise
):
    if code not in hub:
        return
    asked, simulated = (f"{head} {{ {t.format(c=code, n=code[5:])} }}" for t in texts)
    store = merged(hub, members, (code, "NCIT:C2"))
    assert ours(hub, members, asked, optimise=optimise) == oracle(store, with_prefixes(simulated))
