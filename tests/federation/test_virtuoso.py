"""A real Virtuoso as a member: its terms, its cap of 1,000 rows, and what it says of them."""

from collections import Counter
from contextlib import asynccontextmanager

import pytest

from hereditary_kg.execution.engine import AsyncFederation
from hereditary_kg.execution.errors import IncompleteAnswerError
from hereditary_kg.federation.count_stamps import ask_counts, ask_stamp
from hereditary_kg.federation.deadline import Deadline
from hereditary_kg.federation.description import FederationDescription, MemberDescription
from hereditary_kg.federation.endpoint_questions import EndpointQuestions
from hereditary_kg.federation.member import Member
from hereditary_kg.federation.request_log import RequestLog
from hereditary_kg.federation.transport import Credentials, EmbeddedTransport, HttpTransport
from tests.dealt_federations import rows_of, store_of
from tests.virtuoso_service import GRAPH, ROW_CAP, virtuoso_service

pytestmark = pytest.mark.timeout(600)

XSD = "http://www.w3.org/2001/XMLSchema#"
PREFIX = f"PREFIX : <http://e/> PREFIX xsd: <{XSD}> "
COUNT = 3500
# Terms that Virtuoso gives back as they were loaded.
KEPT = (
    "<http://e/o/ü?a=b&c>",
    f'"1"^^<{XSD}integer>',
    f'"-5"^^<{XSD}long>',
    f'"true"^^<{XSD}boolean>',
    f'"false"^^<{XSD}boolean>',
    f'"2020-01-02T03:04:05Z"^^<{XSD}dateTime>',
    f'"2020-01-02T03:04:05"^^<{XSD}dateTime>',
    f'"2020-01-02"^^<{XSD}date>',
    f'"2020"^^<{XSD}gYear>',
    f'"1.5"^^<{XSD}decimal>',
    f'"1.5"^^<{XSD}double>',
    '"x"^^<http://e/datatype>',
    '"Hallo"@de-at',
    '""',
    '"plain\\ttab \\"quote\\" \\n newline \\\\ é 日本"',
    '"return \\r"',
)


def _triples():
    kept = [(f"<http://e/k{n}>", "<http://e/kept>", term) for n, term in enumerate(KEPT)]
    values = [
        (f"<http://e/n{n}>", "<http://e/value>", f'"{n}"^^<{XSD}integer>') for n in range(COUNT)
    ]
    named = [(f"<http://e/n{n}>", "<http://e/name>", f'"name {n % 7}"') for n in range(COUNT)]
    blank = [("<http://e/k0>", "<http://e/blank>", "_:b"), ("_:b", "<http://e/of>", '"b"')]
    return [*kept, *values, *named, *blank]


TRIPLES = _triples()


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory):
    document = "".join(" ".join(triple) + " .\n" for triple in TRIPLES)
    with virtuoso_service(tmp_path_factory.mktemp("virtuoso"), document) as url:
        yield url


@pytest.fixture
async def federation(endpoint):
    """Virtuoso, and a store in this process that knows other things of the same subjects."""
    keys = [(f"<http://e/n{n}>", "<http://e/key>", f'"key {n}"') for n in range(0, COUNT, 2)]
    members = (
        _virtuoso(endpoint),
        Member(MemberDescription("keys"), EmbeddedTransport(store_of(keys))),
    )
    async with federated(*members) as opened:
        yield opened


@asynccontextmanager
async def federated(*members):
    described = tuple(member.description for member in members)
    opened = AsyncFederation(FederationDescription("virtuoso", members=described), members)
    try:
        yield opened
    finally:
        await opened.close()


def _virtuoso(endpoint, **described):
    settings = {"results": "json", "blank_nodes": "stable", **described}
    description = MemberDescription("virtuoso", url=endpoint, **settings)
    return Member(description, HttpTransport(endpoint, Credentials()))


async def rows(federation, query):
    result = await federation.query(PREFIX + query)
    return rows_of(result.frame), [
        record.purpose
        for member in result.certificate.members
        for record in member.records
        if member.name == "virtuoso"
    ]


async def test_terms_come_as_they_were_loaded(federation):
    found, _ = await rows(federation, "SELECT ?o { ?s :kept ?o }")
    assert found == Counter((term,) for term in KEPT)


async def test_blank_nodes_keep_their_labels(federation):
    first, _ = await rows(federation, "SELECT ?b { :k0 :blank ?b }")
    second, _ = await rows(federation, "SELECT ?b { ?b :of 'b' }")
    assert first == second
    assert all(label.startswith("_:virtuoso.") for (label,) in first)


async def test_rows_beyond_the_cap_are_read_on(federation):
    expected = Counter((term, subject) for subject, p, term in TRIPLES if p.endswith("/value>"))
    for _ in range(2):
        found, purposes = await rows(federation, "SELECT * { ?s :value ?o }")
        assert found == expected
        assert "row count by part" in purposes
        assert len(purposes) <= COUNT / ROW_CAP + 5
    assert federation.members[0].row_cap == ROW_CAP


async def test_equal_rows_beyond_the_cap_keep_their_number(federation):
    found, _ = await rows(federation, "SELECT ?o { ?s :name ?o }")
    assert found == Counter((f'"name {n % 7}"',) for n in range(COUNT))


@pytest.mark.parametrize("count", [ROW_CAP - 1, ROW_CAP, ROW_CAP + 1])
async def test_answers_around_the_cap_are_whole(federation, count):
    found, _ = await rows(federation, f"SELECT ?s {{ ?s :value ?o FILTER(?o < {count}) }}")
    assert found == Counter((f"<http://e/n{n}>",) for n in range(count))


async def test_a_graph_and_its_dataset_clause_go_with_every_part(federation):
    found, purposes = await rows(federation, f"SELECT ?s FROM <{GRAPH}> {{ ?s :value ?o }}")
    assert found.total() == COUNT
    assert "row count by part" in purposes


async def test_bind_joins_are_exact(federation):
    found, purposes = await rows(federation, "SELECT ?s ?k ?o { ?s :key ?k . ?s :value ?o }")
    integer = f"<{XSD}integer>"
    assert found == Counter(
        (f'"key {n}"', f'"{n}"^^{integer}', f"<http://e/n{n}>") for n in range(0, COUNT, 2)
    )
    assert purposes


async def test_a_filter_in_the_place_of_values_is_exact(endpoint, federation):
    query = "SELECT ?s ?k ?o { ?s :key ?k . ?s :value ?o FILTER(?k < 'key 2') }"
    async with federated(
        _virtuoso(endpoint, bindings="filter"), federation.members[1]
    ) as filtering:
        assert (await rows(filtering, query))[0] == (await rows(federation, query))[0]


async def test_an_order_beyond_the_cap_is_kept(endpoint):
    async with federated(_virtuoso(endpoint)) as alone:
        for _ in range(2):
            result = await alone.query(PREFIX + "SELECT ?s { ?s :value ?o } ORDER BY ?o")
            assert result.frame["s"].to_list() == [f"<http://e/n{n}>" for n in range(COUNT)]


async def test_its_profile_is_compared_in_one_request(endpoint):
    member = _virtuoso(endpoint)
    log = RequestLog()
    questions = EndpointQuestions(member, Deadline(60), log)
    counts = await ask_counts(questions, summed=True)
    assert counts.sums is not None
    asked = len(log)
    assert await ask_stamp(questions, counts.stamp) == counts.stamp
    assert len(log) == asked + 1
    await member.close()


async def test_its_tsv_is_refused_with_the_remedy(endpoint):
    async with federated(_virtuoso(endpoint, results="tsv")) as alone:
        with pytest.raises(IncompleteAnswerError, match='results = "json"'):
            await alone.query(PREFIX + "SELECT ?s { ?s :value ?o }")
