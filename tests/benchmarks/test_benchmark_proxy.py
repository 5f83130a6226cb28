import http.client
from urllib.parse import urlencode, urlsplit

import pytest

from benchmarks.federation.members import ServedMembers
from benchmarks.federation.proxy import Fault

pytestmark = pytest.mark.sockets
EVERYTHING = "SELECT * WHERE { ?s ?p ?o }"


def ask(members: ServedMembers, name: str, query: str, accept: str = "text/tab-separated-values"):
    """Send a query to a member, and give the status and the document."""
    parts = urlsplit(members.federation.urls[name])
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port or 0, timeout=10)
    headers = {"Accept": accept, "Content-Type": "application/x-www-form-urlencoded"}
    try:
        connection.request("POST", parts.path, urlencode({"query": query}), headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_it_passes_answers_on_and_counts_them(tiny_members):
    status, document = ask(tiny_members, "people-0", EVERYTHING)
    ask(tiny_members, "towns", "ASK { ?s ?p ?o }", "application/sparql-results+json")
    (everything, one) = tiny_members.requests()
    assert (status, len(document.splitlines())) == (200, 5)
    assert (everything.member, everything.kind, everything.query) == (
        "people-0",
        "select",
        EVERYTHING,
    )
    assert (everything.rows, everything.bytes, everything.status) == (4, len(document), 200)
    assert (one.member, one.kind, one.rows) == ("towns", "ask", 0)


@pytest.mark.parametrize("form", ["json", "xml"])
def test_rows_are_counted_in_every_format(tiny_members, form):
    ask(tiny_members, "people-0", EVERYTHING, f"application/sparql-results+{form}")
    assert [request.rows for request in tiny_members.requests()] == [4]


def test_a_query_may_come_by_get_or_as_the_body(tiny_members):
    parts = urlsplit(tiny_members.federation.urls["towns"])
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port or 0, timeout=10)
    headers = {"Accept": "text/tab-separated-values"}
    connection.request("GET", f"/sparql?{urlencode({'query': EVERYTHING})}", headers=headers)
    by_get = connection.getresponse().read()
    headers["Content-Type"] = "application/sparql-query"
    connection.request("POST", "/sparql", EVERYTHING, headers)
    by_body = connection.getresponse().read()
    connection.request("GET", "/.well-known/hkg-profile")
    absent = connection.getresponse()
    absent.read()
    connection.close()
    assert by_get == by_body
    assert absent.status == 404
    assert [request.kind for request in tiny_members.requests()] == ["select", "select", "other"]


def test_a_delay_is_kept(tiny_members):
    tiny_members.set_conditions(0.05)
    ask(tiny_members, "towns", EVERYTHING)
    assert tiny_members.requests()[0].milliseconds >= 50


def test_a_status_is_injected_as_often_as_told(tiny_members):
    tiny_members.set_conditions(0, {"towns": Fault(status=503, times=1)})
    assert [ask(tiny_members, "towns", EVERYTHING)[0] for _ in range(2)] == [503, 200]
    assert ask(tiny_members, "copy", EVERYTHING)[0] == 200


def test_an_answer_is_cut_off(tiny_members):
    tiny_members.set_conditions(0, {"people-0": Fault(cut_after=20)})
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        ask(tiny_members, "people-0", EVERYTHING)
    assert tiny_members.requests()[0].bytes == 20


def test_rows_are_capped_silently(tiny_members):
    tiny_members.set_conditions(0, {"people-0": Fault(row_cap=3)})
    status, document = ask(tiny_members, "people-0", EVERYTHING)
    assert (status, len(document.splitlines())) == (200, 4)
    assert tiny_members.requests()[0].rows == 3
