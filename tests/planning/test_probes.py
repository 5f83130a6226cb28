"""Probes as members see them: one request each, remembered with the version of the data."""

import pytest

from hereditary_kg.execution.probe_cache import ASKED, ProbeCache
from hereditary_kg.planning import plan
from hereditary_kg.planning.leaves import Leaf
from hereditary_kg.planning.members import MemberView
from hereditary_kg.planning.sources import Sources
from hereditary_kg.rdf.terms import IRI
from hereditary_kg.sites.profile import Profile
from hereditary_kg.sparql.algebra import TriplePattern, Variable
from tests.dealt_federations import answer_of, oracle, store_of
from tests.execution.scripted_federations import Endpoint, federation_of, triples

PREFIX = "PREFIX : <http://example.org/>\n"
CLINIC = triples("a p b", "a q c", 'a name "Ann"')
REGISTRY = triples("d p e", "d q c", 'd name "Dora"')
ANNS_TWIN = triples("f p b", "f q c", 'f name "Ann"')
TEXT = PREFIX + 'SELECT * { ?s :p :b . ?s :q ?o . ?s :name "Ann" . ?t :q :c }'


@pytest.fixture
def endpoints():
    return Endpoint("clinic", CLINIC), Endpoint("registry", REGISTRY)


def fetches(node):
    below = [each for inner in plan.inputs(node) for each in fetches(inner)]
    return [node, *below] if isinstance(node, plan.Fetch) else below


def probes(result):
    return {
        member.name: [r.query for r in member.records if r.purpose == "probe"]
        for member in result.certificate.members
    }


async def test_each_member_is_probed_once_for_everything(endpoints):
    result = await federation_of(*endpoints).query(TEXT)
    for queries in probes(result).values():
        (query,) = queries
        assert query.count("LIMIT 1") == 3
    assert answer_of(result) == oracle(store_of(CLINIC + REGISTRY), TEXT)


async def test_what_a_probe_excludes_is_not_asked(endpoints):
    result = await federation_of(*endpoints).query(TEXT)
    reasons = result.prepared.sources.reasons
    excluded = {(str(leaf), member) for (leaf, member), why in reasons.items() if "probe" in why}
    assert {member for _, member in excluded} == {"registry"}
    assert len(excluded) == 2
    asked = [r.query for m in result.certificate.members for r in m.records if r.purpose != "probe"]
    assert asked
    fetches = [query for query in endpoints[1].queries if "LIMIT 1" not in query]
    assert not any('"Ann"' in query for query in fetches)


async def test_what_was_found_is_remembered(endpoints):
    federation = federation_of(*endpoints)
    assert all(probes(await federation.query(TEXT)).values())
    again = await federation.query(TEXT)
    assert not any(probes(again).values())
    assert answer_of(again) == oracle(store_of(CLINIC + REGISTRY), TEXT)
    text = PREFIX + 'SELECT * { ?s :p :b . ?s :q ?o . ?s :name "Dora" . ?t :q :c }'
    other = await federation.query(text)
    # Only the name is not known, and to ask for that saves nothing.
    assert not any(probes(other).values())
    assert answer_of(other) == oracle(store_of(CLINIC + REGISTRY), text)


async def test_what_was_found_leaves_members_out_where_nobody_is_probed(endpoints):
    federation = federation_of(*endpoints)
    await federation.query(TEXT)
    text = PREFIX + 'SELECT * { ?s :name "Ann" }'
    prepared = await federation.prepare(text)
    assert [leaf.members for leaf in fetches(prepared.physical)] == [("clinic",)]
    result = await federation.query(text)
    assert answer_of(result) == oracle(store_of(CLINIC + REGISTRY), text)
    assert [m.requests for m in result.certificate.members] == [1, 0]


async def test_an_empty_answer_is_remembered(endpoints):
    federation = federation_of(*endpoints)
    text = PREFIX + 'SELECT ?s { ?s :name "Ann" }'
    first, second = await federation.query(text), await federation.query(text)
    assert answer_of(first) == answer_of(second)
    assert [m.requests for m in first.certificate.members] == [1, 1]
    assert [m.requests for m in second.certificate.members] == [1, 0]
    endpoints[1].load([*REGISTRY, *ANNS_TWIN])
    # That its data are others shows when it is asked for anything.
    await federation.query(PREFIX + "SELECT * { ?s :q ?o }")
    result = await federation.query(text)
    assert answer_of(result) == oracle(store_of([*CLINIC, *REGISTRY, *ANNS_TWIN]), text)


async def test_an_empty_part_of_an_answer_teaches_nothing(endpoints):
    federation = federation_of(*endpoints)
    await federation.query(PREFIX + 'SELECT ?s { ?s :name "Ann" } LIMIT 0')
    await federation.query(PREFIX + 'SELECT ?s { ?s :name "Ann" FILTER(?s = :nobody) }')
    result = await federation.query(PREFIX + 'SELECT ?s { ?s :name "Ann" }')
    assert [m.requests for m in result.certificate.members] == [1, 1]


def test_findings_used_longest_ago_are_forgotten():
    view = MemberView("m", Profile("1", 1, 1, {}, {}))
    triples = [TriplePattern(Variable("s"), IRI(f"http://e/p{n}"), Variable("o")) for n in range(4)]
    leaves = [Leaf(triple) for triple in triples]
    sources = Sources({"m": view}, dict.fromkeys(leaves, ("m",)))
    cache = ProbeCache(most=3)
    for leaf in leaves[:3]:
        cache.put(view, leaf, "", None)
    assert cache.find(leaves[0], sources, "") == {"m": None}
    cache.put(view, leaves[3], "", ASKED)
    found = [cache.find(leaf, sources, "") for leaf in leaves]
    assert found == [{"m": None}, {}, {"m": None}, {"m": ASKED}]
    assert len(cache) == 3
    assert cache.find(leaves[3], sources, "FROM <http://e/g> ") == {}
    newer = Sources({"m": MemberView("m", Profile("2", 1, 1, {}, {}))}, sources.candidates)
    assert cache.find(leaves[3], newer, "") == {}


async def test_new_data_are_probed_again(endpoints):
    federation = federation_of(*endpoints)
    await federation.query(TEXT)
    endpoints[1].load([*REGISTRY, *ANNS_TWIN])
    # The scan of what the registry is known to have shows that its data are others.
    result = await federation.query(TEXT)
    merged = store_of([*CLINIC, *REGISTRY, *ANNS_TWIN])
    assert answer_of(result) == oracle(merged, TEXT)
    assert probes(result)["registry"]


async def test_without_a_profile_nothing_is_remembered(endpoints):
    for endpoint in endpoints:
        endpoint.transport.profile = None
    federation = federation_of(*endpoints)
    for _ in range(2):
        result = await federation.query(TEXT)
        assert all(probes(result).values())
        assert answer_of(result) == oracle(store_of(CLINIC + REGISTRY), TEXT)


async def test_without_the_optimiser_nobody_is_probed(endpoints):
    result = await federation_of(*endpoints).query(TEXT, optimise=False)
    assert not any(probes(result).values())


@pytest.mark.parametrize("name", ["i", "hkg", "probed", "s", "o"])
async def test_no_variable_of_a_query_is_in_the_way(endpoints, name):
    text = PREFIX + f"SELECT * {{ ?{name} :q :c . ?{name} :p :b . ?{name} :p :e }}"
    result = await federation_of(*endpoints).query(text)
    assert answer_of(result) == oracle(store_of(CLINIC + REGISTRY), text)
    assert all(probes(result).values())


async def test_a_query_that_nothing_can_match_asks_no_more(endpoints):
    result = await federation_of(*endpoints).query(
        PREFIX + "SELECT * { ?s :p :c . ?s :q :c . ?s :q :b . ?s :name ?o }"
    )
    purposes = [r.purpose for m in result.certificate.members for r in m.records]
    assert purposes == ["probe", "probe"]
    assert len(result) == 0
    assert result.variables == ("s", "o")
