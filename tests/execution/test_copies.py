"""Sites that hold copies of others' records: found out by asking, and left out where they are true.

A copy is true if the owner has each of its triples. Drawn are whole and partial copies, and such
as differ from the original in a triple.
"""

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hereditary_kg.execution import preparation
from hereditary_kg.planning import physical
from hereditary_kg.sparql.printing import query_text
from tests.dealt_federations import answer_of, dealt, oracle, store_of
from tests.execution.scripted_federations import Endpoint, federation_of
from tests.execution.test_blank_node_joins import apart, without_labels
from tests.sparql.query_generation import Forms, queries

# Many drawn cases: a busy machine takes longer than a single test may.
pytestmark = pytest.mark.timeout(600)

PREFIX = "PREFIX : <http://example.org/>\n"
P, Q, R = (f"<http://example.org/{name}>" for name in "pqr")

QUERIES = [
    "SELECT * { ?s :p ?v . ?t :q ?s }",
    "SELECT * { ?s :p ?v . ?t :q ?s ; :r ?c }",
    "SELECT * { ?s :p ?v OPTIONAL { ?t :q ?s ; :r ?c } }",
    "SELECT * { ?s :p ?v OPTIONAL { ?t :q ?s OPTIONAL { ?t :r ?c } } }",
    "SELECT * { ?s :p ?v MINUS { ?t :q ?s ; :r :c0 } }",
    "SELECT * { ?s :p ?v FILTER NOT EXISTS { ?t :q ?s ; :r ?c } }",
    "SELECT * { ?s :p ?v FILTER EXISTS { ?t :q ?s ; :p ?w } }",
    "SELECT ?s (COUNT(*) AS ?n) { ?s :p ?v . ?t :q ?s } GROUP BY ?s",
    "SELECT ?c (COUNT(?s) AS ?n) { ?t :q ?s ; :r ?c } GROUP BY ?c",
    "SELECT (COUNT(DISTINCT ?s) AS ?n) { ?t :q ?s ; :r ?c }",
    "SELECT * { { ?s :p ?v } UNION { ?s :r ?v } ?t :q ?s }",
    "SELECT * { ?s :p ?v { SELECT ?s (COUNT(*) AS ?n) { ?t :q ?s ; :p ?w } GROUP BY ?s } }",
    "SELECT DISTINCT ?c { ?t :q ?s ; :r ?c . ?s :p ?v }",
    "SELECT * { ?t :q ?s ; :r ?c . ?u :r ?c ; :p ?w }",
    "SELECT * { ?s :p ?v . ?s ?any ?o }",
    "SELECT * { ?s :p ?v . ?t :q+ ?s }",
    "SELECT * { ?t :r ?c ; :p ?w OPTIONAL { ?t :q ?s . ?s :r ?c } } ORDER BY ?w ?t ?c ?s LIMIT 3",
    "CONSTRUCT { ?s :r ?t } { ?s :p ?v . ?t :q ?s }",
    "SELECT * { <http://site0.example/person/0> :p ?v . ?t :q <http://site0.example/person/0> }",
]


def thing(site, kind, number):
    return f"<http://site{site}.example/{kind}/{number}>"


@st.composite
def records(draw, site, number):
    """Draw what a site says of a person and of what happened to them."""
    person = thing(site, "person", number)
    yield_ = [(person, P, f'"{draw(st.integers(0, 2))}"')]
    code = st.sampled_from([f"<http://example.org/c{n}>" for n in range(2)])
    if draw(st.booleans()):
        yield_.append((person, R, draw(code)))
    for visit in range(draw(st.integers(0, 2))):
        event = thing(site, "event", f"{number}-{visit}")
        yield_ += [(event, Q, person), (event, P, f'"{visit}"')]
        if draw(st.booleans()):
            yield_.append((event, R, draw(code)))
    if draw(st.integers(0, 9)) == 0:
        yield_.append((person, R, "_:x"))
    return yield_


@st.composite
def copying_sites(draw):
    """Draw sites, and who holds copies of whose records."""
    count = draw(st.integers(2, 4))
    own = [[draw(records(i, n)) for n in range(draw(st.integers(1, 3)))] for i in range(count)]
    sites = [[triple for record in mine for triple in record] for mine in own]
    for holder in range(count):
        for owner in range(count):
            if owner == holder or draw(st.integers(0, 2)) == 0:
                continue
            for record in own[owner]:
                kind = draw(st.sampled_from(("none", "whole", "whole", "whole", "part", "almost")))
                if kind in ("whole", "almost"):
                    sites[holder] += record
                if kind == "part":
                    sites[holder] += draw(st.lists(st.sampled_from(record), unique=True))
                if kind == "almost":
                    changed = draw(st.sampled_from(record))
                    other = draw(st.sampled_from(('"9"', thing(holder, "person", 0))))
                    sites[holder].append((changed[0], changed[1], other))
    if draw(st.integers(0, 4)) == 0:
        sites[0].append((thing(0, "event", 9), Q, thing(1, "person", 0)))
        sites[1].append((thing(0, "event", 9), Q, thing(1, "person", 0)))
    return [list(dict.fromkeys(site)) for site in sites]


def check(sites, texts):
    """Ask all queries of one federation, each twice: finding out about copies, and knowing."""
    merged = store_of(
        {triple for i, hand in enumerate(sites) for triple in (apart(i, t) for t in hand)}
    )

    async def ask():
        federation = dealt(sites)
        for text in texts:
            expected = without_labels(oracle(merged, text))
            for _ in range(2):
                result = await federation.query(text)
                assert without_labels(answer_of(result)) == expected, f"{text}\n{result.plan}"

    asyncio.run(ask())


SETTINGS = settings(
    max_examples=120,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@SETTINGS
@given(copying_sites(), st.lists(st.sampled_from(QUERIES), min_size=1, max_size=4, unique=True))
def test_copies_do_not_change_answers(sites, texts):
    check(sites, [PREFIX + text for text in texts])


@SETTINGS
@given(copying_sites(), queries(depth=3, forms=Forms(slices=False)))
def test_copies_do_not_change_answers_to_any_query(sites, query):
    check(sites, [query_text(query)])


# Requests


def hospital(number, patients=range(4)):
    for n in patients:
        yield (thing(number, "person", n), P, f'"{n}"')
        yield (thing(number, "event", n), Q, thing(number, "person", n))
        yield (thing(number, "event", n), R, f"<http://example.org/c{n % 2}>")


def ring(count=3):
    """Give hospitals each of which holds copies of a neighbour's records."""
    return [[*hospital(i), *hospital((i + 1) % count, range(2))] for i in range(count)]


JOIN = PREFIX + "SELECT * { ?s :p ?v . ?t :q ?s OPTIONAL { ?t :r ?c } }"


def checks(result):
    records = [r for member in result.certificate.members for r in member.records]
    return sum(record.purpose == "copy check" for record in records)


def merge(sites):
    return store_of({triple for site in sites for triple in site})


async def test_true_copies_leave_one_request_a_member():
    sites = ring()
    federation = dealt(sites)
    first = await federation.query(JOIN)
    assert checks(first) > 0
    second = await federation.query(JOIN)
    assert checks(second) == 0
    assert [member.requests for member in second.certificate.members] == [1, 1, 1]
    assert answer_of(first) == answer_of(second) == oracle(merge(sites), JOIN)
    assert "without copies" in str(second.plan)


async def test_replicas_of_all_records_are_held_by_three():
    sites = [list(hospital(0)), list(hospital(0)), [*hospital(0), *hospital(1)]]
    federation = dealt(sites)
    await federation.query(JOIN)
    second = await federation.query(JOIN)
    assert checks(second) == 0
    assert [member.requests for member in second.certificate.members] == [1, 0, 1]
    assert answer_of(second) == oracle(merge(sites), JOIN)


@pytest.mark.parametrize(
    "extra",
    [
        (thing(1, "person", 0), P, '"other"'),
        (thing(0, "event", 0), Q, thing(1, "person", 1)),
        (thing(1, "event", 0), R, "_:b"),
    ],
)
async def test_what_only_looks_like_a_copy_is_not_left_out(extra):
    sites = ring()
    sites[0].append(extra)
    federation = dealt(sites)
    merged = store_of(
        {t for i, hand in enumerate(sites) for t in (apart(i, each) for each in hand)}
    )
    for _ in range(2):
        result = await federation.query(JOIN)
        assert without_labels(answer_of(result)) == without_labels(oracle(merged, JOIN))
    assert checks(result) == 0


# Changes


async def test_a_copy_that_is_none_any_more_is_seen_at_once():
    sites = ring()
    endpoints = [Endpoint(f"site{n}", site) for n, site in enumerate(sites)]
    federation = federation_of(*endpoints)
    await federation.query(JOIN)
    assert checks(await federation.query(JOIN)) == 0
    for holder, changed in (
        (0, [*sites[0], (thing(1, "event", 8), Q, thing(1, "person", 0))]),
        (1, [t for t in sites[1] if t[0] != thing(1, "event", 1)]),
    ):
        sites[holder] = changed
        endpoints[holder].load(changed)
        after = await federation.query(JOIN)
        assert answer_of(after) == oracle(merge(sites), JOIN)
        assert checks(after) > 0
        again = await federation.query(JOIN)
        assert answer_of(again) == oracle(merge(sites), JOIN)
        assert checks(again) == 0


async def test_a_member_that_refuses_the_question_does_not_fail_the_query():
    sites = ring()
    endpoints = [Endpoint(f"site{n}", site) for n, site in enumerate(sites)]

    def refuse(request):
        endpoints[0].fault = "HTML with 200" if "__copy" in request.query else None

    endpoints[0].before = refuse
    federation = federation_of(*endpoints)
    for _ in range(2):
        result = await federation.query(JOIN)
        assert answer_of(result) == oracle(merge(sites), JOIN)
        assert result.certificate.complete
    assert checks(result) == 0


async def test_a_plan_of_one_step_is_not_made_anew_for_copies(monkeypatch):
    built = []

    def build_plan(*arguments, **options):
        built.append(arguments)
        return physical.build_plan(*arguments, **options)

    monkeypatch.setattr(preparation, "build_plan", build_plan)
    shared = (thing(0, "person", 0), P, '"0"')
    mine = thing(9, "person", 0)
    federation = dealt([[shared, (mine, P, '"1"'), (mine, R, '"c"')], [shared]])
    for text, plans in (
        ("SELECT * { ?s :p ?v ; :r ?c }", 1),
        ("SELECT * { { ?s :p ?v } UNION { ?s :r ?c } }", 3),
    ):
        built.clear()
        assert len(await federation.query(PREFIX + text)) > 0
        assert len(built) == plans, text
