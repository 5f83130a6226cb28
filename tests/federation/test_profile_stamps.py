"""Profiles of members that name no version: compared by what they count, or not used."""

import pyoxigraph as ox
import pytest

from hereditary_kg.execution.engine import AsyncFederation
from hereditary_kg.federation.deadline import Deadline
from hereditary_kg.federation.description import PROFILE_CHECK, FederationDescription
from hereditary_kg.federation.endpoint_profiling import profile_endpoint
from hereditary_kg.federation.errors import MemberError
from hereditary_kg.federation.request_log import RequestLog
from hereditary_kg.sites.profile import Profile
from tests.limited_members import LimitedTransport, Refusal, limited_member

DATA = b'<http://e/a> <http://e/p> "1" , "2" . <http://e/b> <http://e/q> <http://e/a> .'


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


class Endpoint(LimitedTransport):
    """A store that publishes no profile."""

    async def fetch_profile(self, etag):
        return None


@pytest.fixture
def store():
    filled = ox.Store()
    filled.load(input=DATA, format=ox.RdfFormat.TURTLE)
    return filled


@pytest.fixture
async def file(store, tmp_path):
    path = tmp_path / "m0.profile.json"
    built = await profile_endpoint(limited_member(Endpoint(store)))
    path.write_bytes(built.profile.to_json())
    return path


@pytest.fixture
def clock():
    return Clock()


def member_of(transport, file, clock, **described):
    made = limited_member(transport, profile=file, **described)
    return type(made)(made.description, transport, retry_policy=made._policy, clock=clock)


def change(store):
    store.add(ox.Quad(ox.NamedNode("http://e/c"), ox.NamedNode("http://e/new"), ox.Literal("x")))


async def test_it_is_used_as_long_as_the_numbers_hold(store, file, clock):
    transport = Endpoint(store)
    member = member_of(transport, file, clock)
    log = RequestLog()
    assert (await member.profile(Deadline(30), log=log)).triples == 3
    asked = len(transport.queries)
    assert asked == len(log) > 0
    assert member.knows_profile()
    clock.now += PROFILE_CHECK - 1
    assert await member.profile(Deadline(30)) is not None
    assert len(transport.queries) == asked
    clock.now += 2
    assert not member.knows_profile()
    assert await member.profile(Deadline(30)) is not None
    assert len(transport.queries) == 2 * asked
    assert member.profile_warning is None


@pytest.mark.parametrize("graph", [ox.DefaultGraph(), ox.NamedNode("http://e/graph")])
async def test_other_data(store, file, clock, graph):
    member = member_of(Endpoint(store), file, clock, profile_check=60.0)
    assert await member.profile(Deadline(30)) is not None
    store.add(
        ox.Quad(ox.NamedNode("http://e/c"), ox.NamedNode("http://e/p"), ox.Literal("x"), graph)
    )
    clock.now += 61
    assert await member.profile(Deadline(30)) is None
    assert "no longer as many" in member.profile_warning
    assert "hkg federation profile m0" in member.profile_warning
    status = await member.check(Deadline(30))
    assert (status.profile, status.warning) == ("stale", member.profile_warning)


async def test_the_comparison_is_one_request(store, file, clock):
    transport = Endpoint(store)
    assert await member_of(transport, file, clock).profile(Deadline(30)) is not None
    assert len(transport.queries) == 1


@pytest.mark.parametrize("graph", [ox.DefaultGraph(), ox.NamedNode("http://e/graph")])
async def test_a_value_that_was_replaced(store, tmp_path, clock, graph):
    before = ox.Quad(
        ox.NamedNode("http://e/x"), ox.NamedNode("http://e/p"), ox.Literal("42"), graph
    )
    store.add(before)
    built = await profile_endpoint(limited_member(Endpoint(store)))
    file = tmp_path / "profile.json"
    file.write_bytes(built.profile.to_json())
    store.remove(before)
    store.add(ox.Quad(before.subject, before.predicate, ox.Literal("24"), graph))
    member = member_of(Endpoint(store), file, clock)
    assert await member.profile(Deadline(30)) is None
    assert "some of its values" in member.profile_warning


async def test_a_store_without_hashes_is_counted(store, tmp_path, clock):
    def refuse(query):
        return Refusal(400) if "MD5" in query else None

    built = await profile_endpoint(limited_member(Endpoint(store, refuse=refuse)))
    file = tmp_path / "profile.json"
    file.write_bytes(built.profile.to_json())
    transport = Endpoint(store, refuse=refuse)
    member = member_of(transport, file, clock)
    assert await member.profile(Deadline(30)) is not None
    assert len(transport.queries) == 1
    change(store)
    clock.now += PROFILE_CHECK + 1
    assert await member.profile(Deadline(30)) is None


async def test_a_store_that_gives_no_hashes_any_more(store, file, clock):
    def refuse(query):
        return Refusal(400) if "MD5" in query else None

    member = member_of(Endpoint(store, refuse=refuse), file, clock)
    assert await member.profile(Deadline(30)) is None
    assert "gives no checksums any more" in member.profile_warning


async def test_other_data_before_it_is_first_used(store, file, clock):
    change(store)
    assert await member_of(Endpoint(store), file, clock).profile(Deadline(30)) is None


async def test_a_profile_built_again(store, file, clock):
    member = member_of(Endpoint(store), file, clock)
    change(store)
    assert await member.profile(Deadline(30)) is None
    built = await profile_endpoint(limited_member(Endpoint(store)))
    file.write_bytes(built.profile.to_json())
    clock.now += 60
    assert (await member.profile(Deadline(30))).triples == 4
    assert member.profile_warning is None


async def test_a_member_that_counts_no_longer(store, file, clock):
    def refuse(query):
        return Refusal(500) if "COUNT" in query else None

    member = member_of(Endpoint(store, refuse=refuse), file, clock)
    assert await member.profile(Deadline(30)) is None
    assert "could not be found out" in member.profile_warning
    status = await member.check(Deadline(30))
    assert (status.up, status.profile) == (True, "unverified")


async def test_a_member_under_a_cap_that_its_predicates_exceed(tmp_path, clock):
    store = ox.Store()
    for n in range(50):
        iri = ox.NamedNode(f"http://e/p{n}")
        store.add(ox.Quad(iri, iri, iri))
    built = await profile_endpoint(limited_member(Endpoint(store, cap=20)))
    file = tmp_path / "profile.json"
    file.write_bytes(built.profile.to_json())
    member = member_of(Endpoint(store, cap=20), file, clock)
    assert (await member.profile(Deadline(30))).triples == 50


async def test_a_profile_of_another_making_is_not_counted(store, tmp_path, clock):
    file = tmp_path / "profile.json"
    file.write_bytes(Profile("2020", 3, 2, {}, {}).to_json())
    transport = Endpoint(store)
    member = member_of(transport, file, clock)
    assert (await member.profile(Deadline(30))).stamp == "2020"
    assert transport.queries == []
    description = FederationDescription("stamped", members=(member.description,))
    result = await AsyncFederation(description, [member]).query("SELECT * { ?s <http://e/p> ?o }")
    (note,) = result.certificate.notes
    assert note.startswith("not verified: the profile of m0.")


async def test_a_profile_that_was_compared_needs_no_note(store, file, clock):
    member = member_of(Endpoint(store), file, clock)
    description = FederationDescription("stamped", members=(member.description,))
    result = await AsyncFederation(description, [member]).query("SELECT * { ?s <http://e/p> ?o }")
    assert result.certificate.notes == ()


async def test_a_member_that_lets_nobody_in(store, file, clock):
    member = member_of(Endpoint(store, refuse=lambda query: Refusal(403)), file, clock)
    assert await member.profile(Deadline(30)) is None
    with pytest.raises(MemberError, match="403"):
        await profile_endpoint(member)


async def test_the_certificate_says_that_a_profile_was_out_of_date(store, file, clock):
    member = member_of(Endpoint(store), file, clock)
    change(store)
    description = FederationDescription("stamped", members=(member.description,))
    result = await AsyncFederation(description, [member]).query("SELECT * { ?s <http://e/new> ?o }")
    assert len(result) == 1
    (note,) = result.certificate.notes
    assert "m0" in note
