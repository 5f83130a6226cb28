"""What is said of an answer: who was asked what, and which forms make a part of it no part."""

import json

import pytest

from hereditary_kg.execution.certificates import growing_obstacles, make_certificate
from hereditary_kg.federation.errors import MemberError
from hereditary_kg.federation.request_log import RequestLog, RequestRecord
from hereditary_kg.sparql.parsing import parse_query
from tests.execution.scripted_federations import Endpoint, federation_of, triples

PREFIX = "PREFIX : <http://example.org/>\n"


def record(member, purpose, rows, **options):
    told = {"bytes": 10 * rows, "seconds": 0.25, "status": 200, "error": None, **options}
    return RequestRecord(member, "SELECT", purpose, rows, **told)


@pytest.fixture
def log():
    log = RequestLog()
    log.append(record("clinic", "probe", 1))
    log.append(record("clinic", "scan", 20, attempts=3))
    log.append(record("registry", "bind join", 5, error="truncated: cut", attempts=0))
    return log


def certificate_of(log, failures=(), text="SELECT * { ?s ?p ?o }", notes=()):
    return make_certificate(
        parse_query(text).pattern,
        ["clinic", "registry", "cohort"],
        log,
        failures={error.member: error for error in failures},
        versions={"clinic": "v1"},
        milliseconds=12.34,
        notes=notes,
    )


CUT = MemberError("registry", "truncated", "the connection was cut", "SELECT")


def test_requests_rows_and_time_are_added_up(log):
    certificate = certificate_of(log)
    clinic, registry, cohort = certificate.members
    assert (clinic.requests, clinic.rows, clinic.bytes, clinic.milliseconds) == (4, 21, 210, 500)
    assert [member.standing for member in certificate.members] == [
        "answered",
        "answered",
        "not asked",
    ]
    assert (registry.requests, cohort.requests) == (0, 0)
    assert (clinic.version, registry.version) == ("v1", None)
    assert certificate.requests == 4
    assert [r.purpose for r in clinic.records] == ["probe", "scan"]


def test_a_whole_answer_is_complete_and_its_own_subset(log):
    certificate = certificate_of(log, text="SELECT (COUNT(*) AS ?n) { ?s ?p ?o }")
    assert certificate.complete
    assert certificate.subset
    assert certificate.reasons == ()
    assert certificate.statement == "Complete: the exact answer over the merge of all members."


def test_a_partial_answer_names_who_is_missing(log):
    certificate = certificate_of(log, [CUT])
    assert not certificate.complete
    assert certificate.subset
    registry = certificate.members[1]
    assert registry.standing == "failed"
    assert registry.error == "truncated: the connection was cut"
    assert certificate.statement == (
        "Partial: without registry; every row is right, rows may be missing."
    )


def test_a_partial_answer_names_the_forms_that_spoil_it(log):
    text = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o OPTIONAL { ?o ?q ?t } }"
    certificate = certificate_of(log, [CUT], text)
    assert not certificate.subset
    assert set(certificate.reasons) == {"aggregates", "OPTIONAL"}
    for reason in certificate.reasons:
        assert reason in certificate.statement


def test_a_certificate_is_plain_values(log):
    certificate = certificate_of(log, [CUT], notes=["careful", "careful"])
    told = json.loads(json.dumps(certificate.to_dict()))
    assert told["complete"] is False
    assert told["notes"] == ["careful"]
    assert told["statement"] == certificate.statement
    assert [member["name"] for member in told["members"]] == ["clinic", "registry", "cohort"]
    assert told["members"][1]["error"] == "truncated: the connection was cut"


@pytest.mark.parametrize(
    ("body", "forms"),
    [
        ("{ ?s :p ?o FILTER(?o > 1) }", []),
        ("{ ?s :p ?o FILTER(EXISTS { ?o :q ?t } && ?o != :a) }", []),
        ("{ ?s :p ?o FILTER EXISTS { ?o :q ?t FILTER NOT EXISTS { ?t :p ?x } } }", ["NOT EXISTS"]),
        ("{ ?s :p ?o FILTER(EXISTS { ?o :q ?t } || ?o = :a) }", ["EXISTS in an expression"]),
        ("{ ?s :p ?o FILTER(!EXISTS { ?o :q ?t }) }", ["NOT EXISTS"]),
        ("{ ?s :p ?o FILTER(IF(NOT EXISTS { ?o :q ?t }, true, false)) }", ["NOT EXISTS"]),
        ("{ ?s :p ?o BIND(EXISTS { ?o :q ?t } AS ?b) }", ["EXISTS in an expression"]),
        ("{ ?s :p ?o BIND(NOT EXISTS { ?o :q ?t } AS ?b) }", ["NOT EXISTS"]),
        ("{ ?s :p ?o } GROUP BY ?s ?p ?o", ["aggregates"]),
        ("{ ?s :p ?o } LIMIT 3", ["LIMIT or OFFSET"]),
        ("{ { SELECT ?s { ?s :p ?o MINUS { ?s :q ?o } } } }", ["MINUS"]),
        ("{ ?s :p ?o { ?s :q ?o } UNION { ?s :r ?o OPTIONAL { ?s :q ?t } } }", ["OPTIONAL"]),
    ],
)
def test_forms_that_more_data_may_change_are_found_wherever_they_stand(body, forms):
    head = "SELECT ?s ?p ?o" if "GROUP BY" in body else "SELECT *"
    assert list(growing_obstacles(parse_query(f"{PREFIX}{head} {body}").pattern)) == forms


async def test_an_answer_says_what_each_member_was_asked():
    clinic = Endpoint("clinic", triples("a p b", "c p d"))
    registry = Endpoint("registry", triples("b q x", "d p y"))
    text = PREFIX + "SELECT * { ?s :p :b . ?s :p ?o . :b :q ?t . ?u ?v :y . ?u ?w :y }"
    result = await federation_of(clinic, registry, Endpoint("cohort", [])).query(text)
    reports = {member.name: member for member in result.certificate.members}
    assert [record.purpose for record in reports["clinic"].records][:2] == ["probe", "scan"]
    assert reports["clinic"].version == clinic.stamp
    assert all(record.query in clinic.queries for record in reports["clinic"].records)
    assert reports["cohort"].standing == "not asked"
    assert result.certificate.requests == len(clinic.queries) + len(registry.queries)
    assert result.certificate.milliseconds > 0
