"""The plan of an answer and why it is empty, as the page gets them."""

import base64
import hashlib
import json
import re
from xml.etree import ElementTree

import pytest
from served_federations import Client, make_faulty, make_halves

from hereditary_kg.federation.transport import ScriptedAnswer
from hereditary_kg.planning.explanation import Explanation, PlanStep
from hereditary_kg.sites.protocol import QueryRequest
from hereditary_kg.web.certificate_shelf import CertificateShelf
from hereditary_kg.web.page import PAGE_HEADERS

pytestmark = pytest.mark.sockets

QUERY = "SELECT ?s ?n { ?s ex:p ?n }"


async def ask(client, query):
    response, _ = await client.ask(query)
    return response.headers["HKG-Answer"]


async def test_an_answers_plan_is_a_picture_with_its_queries():
    async with Client(make_halves()) as client:
        identifier = await ask(client, QUERY)
        response, text = await client.get(f"/plans/{identifier}")
    assert response.status == 200
    assert response.headers["Cache-Control"] == "no-store"
    told = json.loads(text)
    assert ElementTree.fromstring(told["svg"]).tag.endswith("svg")
    (query,) = told["queries"]
    assert query["members"] == ["east", "west"]
    assert query["number"] == 1
    assert query["text"].startswith("SELECT ?s ?n")
    assert query["asked"] is True
    assert told["totals"]["cost"]["rows"] == 40
    assert told["plan"]["rows"] == 30


async def test_pictures_bring_the_style_that_the_page_allows():
    async with Client(make_halves()) as client:
        identifier = await ask(client, QUERY)
        _, text = await client.get(f"/plans/{identifier}")
    (style,) = re.findall("<style>(.*?)</style>", json.loads(text)["svg"], re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    (allowed,) = re.findall("style-src ([^;]*)", PAGE_HEADERS["Content-Security-Policy"])
    assert f"'sha256-{digest}'" in allowed.split()


async def test_there_is_no_plan_of_what_nobody_asked():
    async with Client(make_halves()) as client:
        response, text = await client.get("/plans/unknown")
    assert response.status == 404
    assert "no such plan" in text


async def test_an_answer_that_failed_has_no_plan():
    broken = ScriptedAnswer("out of memory", status=500, media_type="text/plain")
    async with Client(make_faulty(broken)) as client:
        response, _ = await client.ask(QUERY)
        identifier = response.headers.get("HKG-Answer", "none")
        plan, _ = await client.get(f"/plans/{identifier}")
    assert response.status != 200
    assert plan.status == 404


def test_only_the_last_answers_keep_their_plans():
    shelf = CertificateShelf(size=10, plans=2)
    records = [shelf.open() for _ in range(2)]
    for record in records:
        record.plan = lambda: Explanation(PlanStep("ask"))
    assert [record.plan is not None for record in records] == [True, True]
    shelf.open()
    assert [record.plan is not None for record in records] == [False, True]
    assert shelf.find(records[0].identifier) is records[0]


async def diagnose(client, query, **parameters):
    response, _ = await client.ask(query, **parameters)
    identifier = response.headers["HKG-Answer"]
    async with client.session.post(client.url(f"/diagnoses/{identifier}")) as diagnosed:
        return diagnosed, await diagnosed.json()


async def test_an_empty_answer_is_explained_in_the_pages_short_names():
    async with Client(make_halves()) as client:
        response, told = await diagnose(client, "SELECT ?s { ?s ex:p ?n ; ex:q ?n }")
    assert response.status == 200
    assert response.headers["Cache-Control"] == "no-store"
    assert told["empty"] is True
    (loss,) = told["losses"]
    assert loss["text"] == "No member uses the predicate ex:q."
    assert loss["patterns"] == ["?s ex:q ?n ."]
    assert told["cautions"] == []
    assert told["effort"].startswith(f"Found out with {told['queries']} queries")


async def test_an_answer_with_rows_has_lost_none():
    async with Client(make_halves()) as client:
        _, told = await diagnose(client, QUERY)
    assert told["empty"] is False
    assert told["losses"] == []
    assert told["cautions"] == ["The query's pattern has solutions: no rows were lost."]


async def test_the_graphs_that_the_protocol_names_are_explained():
    graphs = {"default_graph_uri": "http://example.org/none"}
    async with Client(make_halves()) as client:
        _, told = await diagnose(client, QUERY, **graphs)
    assert told["empty"] is True
    assert told["losses"]


async def test_a_member_that_fails_meanwhile_is_named():
    broken = ScriptedAnswer("out of memory", status=500, media_type="text/plain")
    async with Client(make_faulty(broken)) as client:
        _, told = await diagnose(client, "SELECT ?s { ?s ex:q ?n }", allow_partial="true")
    assert list(told["failures"]) == ["faulty"]
    assert any("faulty failed" in caution for caution in told["cautions"])


async def test_nobody_explains_what_nobody_asked():
    async with Client(make_halves()) as client:
        url = client.url("/diagnoses/unknown")
        async with client.session.post(url) as response:
            text = await response.text()
        async with client.session.get(url) as fetched:
            # Only a person's wish sets it to work: it asks the members.
            assert fetched.status == 405
    assert response.status == 404
    assert "Ask it again" in text


def test_only_the_last_answers_keep_their_queries():
    shelf = CertificateShelf(size=10, plans=1)
    record = shelf.open()
    record.request = QueryRequest("ASK {}")
    shelf.open()
    assert record.request is None
