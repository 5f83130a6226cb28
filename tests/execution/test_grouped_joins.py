"""One side of a join is grouped at the members, and the answer is the one of the whole join."""

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hereditary_kg.sparql.printing import group_text
from tests.dealt_federations import answer_of, dealt, oracle, store_of
from tests.execution.test_locality import PREFIX, fetches, scored

# Many drawn cases: a busy machine takes longer than a single test may.
pytestmark = pytest.mark.timeout(600)

EX = "<http://example.org/{}>"
INTEGER = "<http://www.w3.org/2001/XMLSchema#integer>"


def ward(number):
    """Give a hospital with scored patients of whom many have the same code."""
    for subject, predicate, value in scored(number):
        if predicate != EX.format("label"):
            yield subject, predicate, value
    for n in range(12):
        patient = f"<http://site{number}.example/patient/x{n}>"
        yield patient, EX.format("has"), EX.format(f"code/{n % 3}")
        yield patient, EX.format("score"), f'"{n * 7 + number}"^^{INTEGER}'
        yield patient, EX.format("age"), f'"{40 + n}"'


def terminology():
    """Give codes with several names, in groups that overlap."""
    for n in range(6):
        code = EX.format(f"code/{n}")
        yield code, EX.format("label"), f'"code {n}"'
        if n % 2:
            yield code, EX.format("label"), f'"name {n}"'
        yield code, EX.format("in"), EX.format(f"group/{n % 2}")
        yield code, EX.format("in"), EX.format(f"group/{n % 3}")


def sites():
    return [list(terminology()), *(list(ward(number)) for number in range(3))]


GROUPED = [
    """SELECT ?g (COUNT(*) AS ?n) (SUM(?x) AS ?s) (AVG(?x) AS ?m) {
        ?c ex:in ?g . ?p ex:has ?c ; ex:score ?x } GROUP BY ?g""",
    """SELECT (COUNT(?p) AS ?n) (MIN(?x) AS ?l) (MAX(?x) AS ?h) (AVG(?x) AS ?m) {
        ?c ex:in <http://example.org/group/1> . ?p ex:has ?c ; ex:score ?x }""",
    """SELECT ?c ?l (COUNT(DISTINCT ?p) AS ?n) (COUNT(?l) AS ?k) {
        ?c ex:label ?l . ?p ex:has ?c } GROUP BY ?c ?l""",
    """SELECT ?c (COUNT(DISTINCT ?p) AS ?n) (COUNT(?v) AS ?k) {
        ?c ex:label ?l ; ex:in ?g . { ?p ex:has ?c OPTIONAL { ?v ex:of ?p } } } GROUP BY ?c""",
    """SELECT ?g (SUM(?x) AS ?s) { ?c ex:in ?g ; ex:label ?l . ?p ex:has ?c ; ex:score ?x
        FILTER(?l != 'code 1') } GROUP BY ?g HAVING (COUNT(*) > 2) ORDER BY ?g""",
    """SELECT (COUNT(*) AS ?n) (SUM(?x) AS ?s) (AVG(?x) AS ?m) (MAX(?x) AS ?h) {
        ?c ex:in <http://example.org/group/none> . ?p ex:has ?c ; ex:score ?x }""",
]


@pytest.mark.parametrize("body", GROUPED)
async def test_groups_of_one_side_give_those_of_the_join(body):
    federation = dealt(sites())
    text = PREFIX + body
    prepared = await federation.prepare(text)
    asked = [group_text(fetch.pattern) for fetch in fetches(prepared.physical)]
    assert any("COUNT(" in each or "SUM(" in each for each in asked), asked
    result = await federation.query(text)
    merged = store_of({triple for site in sites() for triple in site})
    assert answer_of(result) == oracle(merged, text), result.plan


APART = [
    # A patient may have several codes of a group.
    """SELECT ?g (COUNT(DISTINCT ?p) AS ?n) { ?c ex:in ?g . ?p ex:has ?c } GROUP BY ?g""",
    # The sum depends on both sides.
    """SELECT ?g (SUM(?x + ?y) AS ?s) {
        ?c ex:in ?g ; ex:weight ?y . ?p ex:has ?c ; ex:score ?x } GROUP BY ?g""",
    """SELECT ?g (GROUP_CONCAT(?x) AS ?s) {
        ?c ex:in ?g . ?p ex:has ?c ; ex:score ?x } GROUP BY ?g""",
]


@pytest.mark.parametrize("body", APART)
async def test_what_does_not_follow_from_groups_is_not_grouped_before(body):
    prepared = await dealt(sites()).prepare(PREFIX + body)
    asked = [group_text(fetch.pattern) for fetch in fetches(prepared.physical)]
    assert not any("GROUP BY" in each for each in asked)


async def test_fewer_rows_are_shipped():
    text = PREFIX + GROUPED[2]
    result = await dealt(sites()).query(text)
    shipped = {member.name: member.rows for member in result.certificate.members}
    assert all(shipped[name] <= 4 for name in ("m1", "m2", "m3"))


AGGREGATES = (
    "COUNT(*)",
    "COUNT(?p)",
    "COUNT(?g)",
    "COUNT(DISTINCT ?p)",
    "COUNT(DISTINCT ?c)",
    "COUNT(?d)",
    "COUNT(?x + 1)",
    "SUM(?x)",
    "AVG(?x)",
    "MIN(?x)",
    "MAX(?x)",
    "SUM(DISTINCT ?x)",
    "MIN(?c)",
)
KEYS = ("", "?c", "?g", "?c ?g", "?g ?x", "?c ?p", "?d", "?l ?c")
SIDES = (
    "?c ex:in ?g",
    "?c ex:in ?g ; ex:label ?l",
    "?c ex:in ?g OPTIONAL { ?c ex:label ?l }",
    "{ ?c ex:in ?g } UNION { ?c ex:label ?l }",
    "VALUES (?c ?g) { (<http://example.org/code/1> 1) (<http://example.org/code/1> 2) (UNDEF 3) }",
)
MEASURED = (
    "?p ex:has ?c ; ex:score ?x",
    "?p ex:has ?c ; ex:score ?x OPTIONAL { ?v ex:of ?p ; ex:on ?d }",
    "?p ex:has ?c ; ex:score ?x . ?v ex:of ?p ; ex:on ?d",
    "?p ex:has ?c ; ex:score ?x FILTER(?x > 20)",
    "?p ex:has ?c OPTIONAL { ?p ex:score ?x FILTER(?x > 20) }",
)


@settings(
    max_examples=100,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(
    st.lists(st.sampled_from(AGGREGATES), min_size=1, max_size=3, unique=True),
    st.sampled_from(KEYS),
    st.sampled_from(SIDES),
    st.sampled_from(MEASURED),
    st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(0, 60)), max_size=3),
)
def test_grouping_before_or_after_the_join_is_the_same(aggregates, keys, side, measured, copies):
    federation = sites()
    for source, target, place in copies:
        # What several hospitals hold counts once, and nothing can be grouped there.
        federation[target].append(federation[source][place % len(federation[source])])
    federation = [list(dict.fromkeys(hand)) for hand in federation]
    shown = " ".join(f"({each} AS ?a{n})" for n, each in enumerate(aggregates))
    grouping = f"GROUP BY {keys}" if keys else ""
    text = f"{PREFIX}SELECT {keys} {shown} {{ {side} . {{ {measured} }} }} {grouping}"
    merged = store_of({triple for hand in federation for triple in hand})
    result = asyncio.run(dealt(federation).query(text))
    assert answer_of(result) == oracle(merged, text), f"{text}\n{result.plan}"
