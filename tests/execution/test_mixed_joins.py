"""Most hospitals keep their patients to themselves and two share some: asked whole, and joined."""

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hereditary_kg.planning import plan
from tests.dealt_federations import answer_of, dealt, oracle, store_of
from tests.execution.test_locality import PREFIX, fetches, hospital

# Many drawn cases: a busy machine takes longer than a single test may.
pytestmark = pytest.mark.timeout(600)

EX = "<http://example.org/{}>"
SHARED = (0, 1)


def own(number, kind, n):
    return f"<http://site{number}.example/{kind}/{n}>"


def visits_elsewhere(number, owner):
    """Give visits at one hospital of patients of another one."""
    for n in range(2):
        yield (own(number, "visit", 10 + n), EX.format("of"), own(owner, "patient", n))
        yield (own(number, "visit", 10 + n), EX.format("on"), f'"2021-0{n + 1}-01"')


def federation(count=5):
    sites = [list(hospital(number)) for number in range(count)]
    sites[1] += visits_elsewhere(1, 0)
    return sites


def unions(node):
    found = [node] if isinstance(node, plan.Union) else []
    return found + [each for below in plan.inputs(node) for each in unions(below)]


JOINS = [
    "SELECT * { ?p ex:age ?a . ?v ex:of ?p }",
    "SELECT * { ?p ex:age ?a . ?v ex:of ?p ; ex:on ?d }",
    "SELECT ?d { ?p ex:age ?a ; ex:has ?c . ?v ex:of ?p ; ex:on ?d }",
    "SELECT * { ?p ex:age ?a . ?v ex:of ?p ; ex:on ?d FILTER(?a < '53' && ?d > '2020-02') }",
    "SELECT ?c (COUNT(*) AS ?n) { ?p ex:has ?c . ?v ex:of ?p } GROUP BY ?c",
    "SELECT DISTINCT ?a { ?p ex:age ?a . ?v ex:of ?p ; ex:on '2021-01-01' }",
    "SELECT * { ?p ex:age ?a . ?v ex:of ?p OPTIONAL { ?v ex:on ?d } }",
    "SELECT ?l ?d { ?c ex:label ?l . ?p ex:has ?c . ?v ex:of ?p ; ex:on ?d }",
]


@pytest.mark.parametrize("body", JOINS)
async def test_hospitals_that_share_nobody_are_asked_for_the_whole_join(body):
    sites = federation()
    prepared = await dealt(sites).prepare(PREFIX + body)
    (split,) = unions(prepared.physical)
    whole, rest = split.branches
    assert isinstance(whole, plan.Fetch)
    assert whole.members == ("m2", "m3", "m4")
    assert {name for fetch in fetches(rest) for name in fetch.members} == {"m0", "m1"}
    result = await dealt(sites).query(PREFIX + body)
    merged = store_of({triple for site in sites for triple in site})
    assert answer_of(result) == oracle(merged, PREFIX + body), result.plan


async def test_what_all_share_is_joined_here_alone():
    sites = [[*hospital(n), *visits_elsewhere(n, (n + 1) % 3)] for n in range(3)]
    prepared = await dealt(sites).prepare(PREFIX + JOINS[0])
    assert not unions(prepared.physical)


async def test_equal_records_at_two_hospitals_count_once():
    sites = federation()
    sites[1] += [t for t in hospital(0) if t[1] in (EX.format("of"), EX.format("age"))]
    for body in JOINS:
        merged = store_of({triple for site in sites for triple in site})
        result = await dealt(sites).query(PREFIX + body)
        assert answer_of(result) == oracle(merged, PREFIX + body), result.plan


NAMES = ("p", "q", "r")
ENDS = {"p": ("x", "y"), "q": ("y", "z"), "r": ("x", "x")}


@st.composite
def shared_sites(draw):
    """Draw sites of which the first two say things of each other's."""
    sites = []
    for member in range(draw(st.integers(4, 5))):
        about = st.sampled_from(SHARED) if member in SHARED else st.just(member)
        triples = st.sampled_from(NAMES).flatmap(
            lambda name, about=about: st.builds(
                lambda s, o, n, m, name=name: (
                    own(s, ENDS[name][0], n),
                    EX.format(name),
                    own(o, ENDS[name][1], m),
                ),
                about,
                about,
                st.integers(0, 2),
                st.integers(0, 2),
            )
        )
        sites.append(draw(st.lists(triples, min_size=6, max_size=14, unique=True)))
    return sites


PATTERNS = (
    "?x ex:p ?y",
    "?y ex:q ?z",
    "?x ex:r ?w",
    "?w ex:p ?y",
    "?x ex:p ?u",
    "?v ex:q ?z",
    "OPTIONAL { ?y ex:q ?k }",
    "OPTIONAL { ?x ex:r ?k }",
    "MINUS { ?x ex:r ?x }",
    "FILTER EXISTS { ?y ex:q ?m }",
    "FILTER(?x != ?w)",
    "{ SELECT DISTINCT ?x { ?x ex:p ?y2 } }",
    "{ ?x ex:p ?y } UNION { ?x ex:r ?x2 }",
    "FILTER(?y != ?z)",
    "VALUES ?j { 1 2 }",
)
FORMS = ("SELECT * {{ {} }}", "SELECT ?x {{ {} }}", "SELECT (COUNT(*) AS ?n) {{ {} }}")


@settings(
    max_examples=80,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    shared_sites(),
    st.lists(st.sampled_from(PATTERNS), max_size=3, unique=True),
    st.sampled_from(FORMS),
)
def test_both_branches_together_give_the_same_answer(sites, patterns, form):
    text = PREFIX + form.format(" . ".join(["?x ex:p ?y . ?y ex:q ?z", *patterns]))
    expected = oracle(store_of({triple for site in sites for triple in site}), text)
    result = asyncio.run(dealt(sites).query(text))
    assert answer_of(result) == expected, f"{text}\n{result.plan}"
