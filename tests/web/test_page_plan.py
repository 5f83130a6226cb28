"""The plan of an answer, as the page gets it."""

import base64
import hashlib
import json
import re
from xml.etree import ElementTree

import pytest
from served_federations import Client, make_faulty, make_halves

from hereditary_kg.federation.transport import ScriptedAnswer
from hereditary_kg.planning.explanation import Explanation, PlanStep
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
