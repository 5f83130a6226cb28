"""Sites with persons of their own and codes that all share: asked whole, the answer is the same.

What a predicate connects is drawn: things of the site's own, shared codes, blank nodes, literals.
So joins stay at one member along some variables and cross members along others.
"""

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hereditary_kg.planning import plan
from hereditary_kg.planning.explanation import explain_plan
from hereditary_kg.sparql.printing import group_text, query_text
from tests.dealt_federations import answer_of, dealt, oracle, store_of
from tests.execution.test_blank_node_joins import apart, without_labels
from tests.sparql.query_generation import LITERALS, PREDICATES, Forms, queries

KINDS = ("own", "own", "shared", "blank", "literal")


def terms(kind, member):
    match kind:
        case "own":
            return [f"<http://site{member}.example/thing/{n}>" for n in range(3)]
        case "shared":
            return [f"<http://example.org/code/{n}>" for n in range(3)]
        case "blank":
            return ["_:x", "_:y"]
        case _:
            return [literal.text for literal in LITERALS[:3]]


@st.composite
def site_data(draw):
    """Draw what each of two or three sites holds, and some triples that two of them do."""
    subjects = {p: draw(st.sampled_from(KINDS[:4])) for p in PREDICATES}
    objects = {p: draw(st.sampled_from(KINDS)) for p in PREDICATES}
    sites = []
    for member in range(draw(st.integers(2, 3))):
        triples = st.sampled_from(PREDICATES).flatmap(
            lambda p, member=member: st.tuples(
                st.sampled_from(terms(subjects[p], member)),
                st.just(p.text),
                st.sampled_from(terms(objects[p], member)),
            )
        )
        sites.append(draw(st.lists(triples, max_size=12, unique=True)))
    if draw(st.booleans()):
        copied = [t for t in sites[0][:2] if not any(text.startswith("_:") for text in t)]
        sites[1] = [*sites[1], *(t for t in copied if t not in sites[1])]
    return sites


@settings(
    max_examples=150,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(site_data(), queries(depth=3, forms=Forms(slices=False)))
def test_what_is_asked_whole_gives_the_same_answer(sites, query):
    merged = {triple for i, hand in enumerate(sites) for triple in (apart(i, t) for t in hand)}
    text = query_text(query)
    expected = without_labels(oracle(store_of(merged), text))
    result = asyncio.run(dealt(sites).query(text))
    assert without_labels(answer_of(result)) == expected, f"{text}\n{result.plan}"


PREFIX = """PREFIX ex: <http://example.org/>
"""


def hospital(number, patients=4):
    """Give a hospital's patients, their visits and codes."""
    own = f"<http://site{number}.example/"
    for n in range(patients):
        yield (f"{own}patient/{n}>", "<http://example.org/age>", f'"{50 + n}"')
        yield (f"{own}patient/{n}>", "<http://example.org/has>", f"<http://example.org/code/{n}>")
        yield (f"{own}visit/{n}>", "<http://example.org/of>", f"{own}patient/{n}>")
        yield (f"{own}visit/{n}>", "<http://example.org/on>", f'"2020-0{n + 1}-01"')
    for n in range(patients):
        code = f"<http://example.org/code/{n}>"
        yield (code, "<http://example.org/label>", f'"code {n}"')


def fetches(node):
    if isinstance(node, plan.Fetch):
        yield node
    for below in plan.inputs(node):
        yield from fetches(below)


@pytest.mark.parametrize(
    ("text", "requests"),
    [
        ("SELECT * { ?p ex:age ?a . ?v ex:of ?p ; ex:on ?d }", 1),
        ("SELECT * { ?p ex:age ?a OPTIONAL { ?v ex:of ?p ; ex:on ?d FILTER(?d > '2020-02') } }", 1),
        ("SELECT * { ?p ex:age ?a MINUS { ?v ex:of ?p ; ex:on '2020-01-01' } }", 1),
        ("SELECT * { ?p ex:age ?a FILTER NOT EXISTS { ?v ex:of ?p ; ex:on '2020-01-01' } }", 1),
        ("SELECT ?p (COUNT(?v) AS ?n) { ?p ex:age ?a . ?v ex:of ?p } GROUP BY ?p", 1),
        ("SELECT DISTINCT ?d { ?v ex:of ?p ; ex:on ?d }", 1),
        ("SELECT * { { ?p ex:age ?a } UNION { ?p ex:has ?c } ?v ex:of ?p }", 1),
        ("SELECT * { ?p ex:has ?c . ?c ex:label ?l }", 2),
        ("SELECT * { ?p ex:age ?a ; ex:has ?c . ?c ex:label ?l . ?v ex:of ?p }", 2),
    ],
)
async def test_what_stays_at_one_member_is_asked_whole(text, requests):
    sites = [list(hospital(0)), list(hospital(1)), list(hospital(2))]
    federation = dealt(sites)
    prepared = await federation.prepare(PREFIX + text)
    asked = list(fetches(prepared.physical))
    assert len(asked) == requests
    assert {fetch.members for fetch in asked} == {("m0", "m1", "m2")}
    merged = store_of({triple for site in sites for triple in site})
    result = await federation.query(PREFIX + text)
    assert answer_of(result) == oracle(merged, PREFIX + text)
    assert result.certificate.requests == 3 * requests


async def test_what_two_sites_say_of_one_person_is_joined_across_them():
    shared = ("<http://site0.example/patient/0>", "<http://example.org/age>", '"50"')
    sites = [list(hospital(0)), [*hospital(1), shared]]
    merged = store_of({triple for site in sites for triple in site})
    text = PREFIX + "SELECT * { ?p ex:age ?a . ?v ex:of ?p ; ex:on ?d }"
    result = await dealt(sites).query(text)
    assert answer_of(result) == oracle(merged, text)


async def test_members_are_asked_for_the_branches_that_they_have_at_once():
    def has(predicate, number):
        return [t for t in hospital(number) if t[1] == f"<http://example.org/{predicate}>"]

    sites = [
        has("age", 0),
        [*has("age", 1), *has("of", 1), *has("on", 1)],
        [*has("of", 2), *has("on", 2)],
    ]
    text = (
        PREFIX
        + """SELECT * { { ?p ex:age ?a } UNION { ?v ex:of ?p ; ex:on ?d }
        OPTIONAL { ?w ex:of ?p ; ex:on '2020-02-01' } }"""
    )
    federation = dealt(sites)
    (fetch,) = fetches((await federation.prepare(text)).physical)
    assert fetch.members == ("m0", "m1", "m2")
    texts = {name: group_text(pattern) for name, pattern in fetch.own_patterns.items()}
    assert "/of>" not in texts["m0"]
    assert "/age>" not in texts["m2"]
    explained = explain_plan((await federation.prepare(text)).physical)
    (step,) = explained.queries()
    shown = {name: query.text for query in step.queries for name in query.members}
    assert tuple(shown) == ("m0", "m1", "m2")
    result = await federation.query(text)
    assert answer_of(result) == oracle(store_of({t for site in sites for t in site}), text)
    assert result.certificate.requests == 3
    asked = {r.member: r.query for m in result.certificate.members for r in m.records}
    assert shown == asked


MEASURED = [
    """SELECT ?c (COUNT(*) AS ?n) (SUM(?x) AS ?s) (AVG(?x) AS ?m) {
        ?p ex:has ?c ; ex:score ?x } GROUP BY ?c""",
    """SELECT (COUNT(?p) AS ?n) (AVG(?x) AS ?m) (MIN(?x) AS ?l) (MAX(?x) AS ?h) {
        ?p ex:has ?c ; ex:score ?x }""",
    """SELECT (COUNT(?p) AS ?n) (AVG(?x) AS ?m) (MIN(?x) AS ?l) {
        ?p ex:has ?c ; ex:score ?x FILTER(?x > 1000) }""",
    """SELECT ?c (COUNT(DISTINCT ?p) AS ?n) {
        ?p ex:has ?c . ?v ex:of ?p } GROUP BY ?c HAVING(COUNT(*) > 1)""",
    """SELECT ?c (COUNT(?v) AS ?n) {
        ?p ex:has ?c OPTIONAL { ?v ex:of ?p ; ex:on '2020-01-01' } } GROUP BY ?c ORDER BY ?n ?c""",
    "SELECT (SUM(?x + 1) AS ?s) { ?p ex:has ?c ; ex:score ?x }",
    """SELECT ?d (COUNT(DISTINCT ?c) AS ?n) {
        ?p ex:has ?c . ?v ex:of ?p ; ex:on ?d } GROUP BY ?d""",
    "SELECT (MAX(?d) AS ?last) { ?p ex:age ?a . ?v ex:of ?p ; ex:on ?d }",
]


@pytest.mark.parametrize("body", MEASURED)
async def test_groups_over_several_members_are_merged(body):
    sites = [list(scored(0)), list(scored(1)), list(scored(2))]
    text = PREFIX + body
    result = await dealt(sites).query(text)
    merged = store_of({triple for site in sites for triple in site})
    assert answer_of(result) == oracle(merged, text), result.plan


def scored(number):
    """Give a hospital whose patients have scores."""
    yield from hospital(number)
    for n in range(4):
        value = f'"{3 * n + number}"^^<http://www.w3.org/2001/XMLSchema#integer>'
        yield (f"<http://site{number}.example/patient/{n}>", "<http://example.org/score>", value)


@pytest.mark.parametrize("body", [MEASURED[0], MEASURED[1], MEASURED[3], MEASURED[4]])
async def test_members_send_groups_and_not_solutions(body):
    sites = [list(scored(number)) for number in range(3)]
    prepared = await dealt(sites).prepare(PREFIX + body)
    (fetch,) = fetches(prepared.physical)
    assert "COUNT(" in group_text(fetch.pattern)


@pytest.mark.parametrize(
    ("body", "pushed"),
    [
        ("SELECT ?v ?d { ?v ex:of ?p ; ex:on ?d } ORDER BY DESC(?d) ?v LIMIT 3", 3),
        ("SELECT ?v { ?v ex:of ?p ; ex:on ?d } ORDER BY DESC(?d) ?v OFFSET 2 LIMIT 3", 5),
        ("SELECT DISTINCT ?d { ?v ex:of ?p ; ex:on ?d } ORDER BY ?d LIMIT 2", 2),
        ("SELECT DISTINCT ?p { ?v ex:of ?p ; ex:on ?d } ORDER BY ?d ?p LIMIT 2", None),
        ("SELECT ?c ?l { ?c ex:label ?l } ORDER BY ?l LIMIT 2", 2),
        ("SELECT ?v ?o { ?v ex:mixed ?o } ORDER BY ?o ?v LIMIT 2", None),
    ],
)
async def test_members_send_their_first_rows(body, pushed):
    sites = [[*hospital(number), *mixed(number)] for number in range(3)]
    federation = dealt(sites)
    prepared = await federation.prepare(PREFIX + body)
    assert {fetch.limit for fetch in fetches(prepared.physical)} == {pushed}
    result = await federation.query(PREFIX + body)
    merged = store_of({triple for site in sites for triple in site})
    expected = [tuple(map(str, row)) for row in merged.query(PREFIX + body)]
    assert len(result.frame) == len(expected)
    assert [str(cell) for row in result.frame.rows() for cell in row] == [
        cell for row in expected for cell in row
    ]


def mixed(number):
    yield (f"<http://site{number}.example/visit/0>", "<http://example.org/mixed>", f'"{number}"')
    yield (f"<http://site{number}.example/visit/1>", "<http://example.org/mixed>", "<urn:x>")
