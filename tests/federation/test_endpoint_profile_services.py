"""Profiles of real servers: an ``oxigraph`` server, and a Virtuoso that gives 1,000 rows."""

from dataclasses import replace

import pyoxigraph as ox
import pytest

from hereditary_kg.federation.deadline import Deadline
from hereditary_kg.federation.description import MemberDescription
from hereditary_kg.federation.endpoint_profiling import profile_endpoint, publishes_profile
from hereditary_kg.federation.member import Member
from hereditary_kg.federation.transport import Credentials, HttpTransport
from hereditary_kg.sites.profile import Unlisted
from hereditary_kg.sites.profiling import profile_store
from tests.oxigraph_service import oxigraph_service, update
from tests.virtuoso_service import GRAPH, virtuoso_service

pytestmark = pytest.mark.timeout(600)

XSD = "http://www.w3.org/2001/XMLSchema#"
TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
COUNT = 3500


def _lines():
    for n in range(COUNT):
        patient = f"<http://h.example/patient/{n}>"
        yield f"{patient} <{TYPE}> <http://h.example/def/Patient> ."
        yield f'{patient} <http://h.example/def/age> "{n % 90}"^^<{XSD}integer> .'
        code = f"<http://purl.obolibrary.org/obo/HP_{n % 40:07}>"
        yield f"{patient} <http://h.example/def/has> {code} ."
        if n % 5 == 0:
            day = f'"2020-01-{n % 28 + 1:02}"^^<{XSD}date>'
            yield f"{patient} <http://h.example/def/born> {day} ."
            yield f"{patient} <http://h.example/def/sample> _:sample{n} ."
            yield f'_:sample{n} <http://h.example/def/kind> "kind {n % 3}"@en .'


DATA = "".join(line + "\n" for line in _lines())


@pytest.fixture(scope="module")
def expected():
    store = ox.Store()
    store.bulk_load(input=DATA.encode(), format=ox.RdfFormat.N_TRIPLES)
    return profile_store(store, "")


@pytest.fixture(scope="module")
def oxigraph(tmp_path_factory):
    with oxigraph_service(tmp_path_factory.mktemp("oxigraph"), DATA) as url:
        yield url


@pytest.fixture(scope="module")
def virtuoso(tmp_path_factory):
    # What is asked of no graph in particular, it answers from all, some of its own among them.
    with virtuoso_service(tmp_path_factory.mktemp("virtuoso"), DATA) as url:
        yield f"{url}?default-graph-uri={GRAPH}"


async def built(url, **described):
    description = MemberDescription("there", url=url, blank_nodes="stable", **described)
    member = Member(description, HttpTransport(url, Credentials()))
    try:
        assert not await publishes_profile(member, Deadline(30))
        return await profile_endpoint(member)
    finally:
        await member.close()


async def test_an_oxigraph_server(oxigraph, expected):
    result = await built(oxigraph)
    assert replace(result.profile, stamp="") == expected
    assert expected.predicates["http://h.example/def/has"].object_filter is not None


async def test_a_virtuoso(virtuoso, expected):
    result = await built(virtuoso, results="json")
    found = result.profile
    assert (result.counted, result.unstable) == ((), False)
    assert replace(found, stamp="", unlisted_graphs=Unlisted()) == expected


async def test_what_is_too_large_for_it_is_counted_by_a_virtuoso(virtuoso, expected):
    description = MemberDescription("there", url=virtuoso, blank_nodes="stable", results="json")
    member = Member(description, HttpTransport(virtuoso, Credentials()))
    try:
        result = await profile_endpoint(member, most_triples=1000)
    finally:
        await member.close()
    assert len(result.counted) == 3
    for iri in result.counted:
        found, whole = result.profile.predicates[iri], expected.predicates[iri]
        assert (found.triples, found.subjects, found.objects) == (
            whole.triples,
            whole.subjects,
            whole.objects,
        )
        assert found.datatypes == whole.datatypes
        assert found.literal_objects == whole.literal_objects
        assert set(found.subject_namespaces) <= {*whole.subject_namespaces, "http://h.example/"}
    assert result.profile.classes == expected.classes
    assert result.profile.subjects == expected.subjects


async def test_changes_at_an_oxigraph_server(tmp_path):
    with oxigraph_service(tmp_path, "".join(DATA.splitlines(keepends=True)[:40])) as url:
        built_profile = (await built(url)).profile
        file = tmp_path / "profile.json"
        file.write_bytes(built_profile.to_json())
        description = MemberDescription("there", url=url, profile=file)
        member = Member(description, HttpTransport(url, Credentials()))
        try:
            assert (await member.check(Deadline(30))).profile == "current"
            update(url, 'INSERT DATA { <http://e/a> <http://e/b> "c" }')
            status = await member.check(Deadline(30))
        finally:
            await member.close()
    assert status.profile == "stale"
    assert "no longer as many" in status.warning
