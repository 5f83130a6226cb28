"""The reviewers' service: many at once, and nobody else."""

import asyncio
import json
import sys
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "semantics"))

from review_files import ADA, BOB, CYD, HUB, write_candidates

from hereditary_kg.semantics.review.journal import journal_path
from hereditary_kg.semantics.review.reviewers import Reviewer
from hereditary_kg.semantics.review.session import ReviewSession, Surroundings
from hereditary_kg.semantics.sssom import read_mapping_set
from hereditary_kg.web.review.page import PAGE_HEADERS
from hereditary_kg.web.review.service import create_review_application, make_tokens

SAID = {"exact": "skos:exactMatch", "broad": "skos:broadMatch", "close": "skos:closeMatch"}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "candidates.sssom.tsv"
    write_candidates(path)
    return path


def serve(session, *reviewers):
    tokens = make_tokens(reviewers)
    addresses = {reviewer: f"/{token}" for token, reviewer in tokens.items()}
    return TestClient(TestServer(create_review_application(session, tokens))), addresses


async def test_twenty_reviewers_lose_no_decision_and_never_meet(tmp_path):
    path = tmp_path / "many.sssom.tsv"
    rows = [(f"MONDO:{n:07}", f"NCIT:C{n}", f"term {n}", "0.5") for n in range(1, 301)]
    write_candidates(path, rows)
    reviewers = [Reviewer(f"Reviewer {n}") for n in range(20)]
    session = ReviewSession(path, readers=2)
    held: dict[tuple[str, str], Reviewer] = {}
    confirmed: dict[tuple[str, str], dict[str, str]] = {}
    taken_back: set[tuple[str, str]] = set()
    client, addresses = serve(session, *reviewers)

    async def review(number, reviewer):
        where = addresses[reviewer]
        answer = await client.get(f"{where}/state")
        undone = False
        while True:
            state = await answer.json()
            assert answer.status == 200, state
            item = state["item"]
            if item is None:
                if state["progress"]["settled"] + state["progress"]["disputed"] == len(rows):
                    return
                await asyncio.sleep(0.02)
                answer = await client.get(f"{where}/state")
                continue
            pair = item["subject"], item["object"]
            assert held.setdefault(pair, reviewer) == reviewer
            before = confirmed.get(pair, {})
            assert reviewer.text not in before
            if pair not in taken_back:
                assert len(before) == {"first": 0, "second": 1, "arbiter": 2}[item["role"]]
            decision = ["exact", "broad", "close"][int(item["subject"][-2:]) % 3]
            if item["role"] == "first" and number == 0:
                decision = "not"
            del held[pair]
            sent = {"subject": pair[0], "object": pair[1], "decision": decision}
            # Said before it is asked for: the answer may come after somebody else's next one.
            confirmed.setdefault(pair, {})[reviewer.text] = decision
            answer = await client.post(f"{where}/decisions", json=sent)
            if number == 1 and not undone:
                undone = True
                assert answer.status == 200
                following = (await answer.json())["item"]
                held.pop((following["subject"], following["object"]), None)
                taken_back.add(pair)
                del confirmed[pair][reviewer.text]
                answer = await client.post(f"{where}/undo", json={})

    async with client:
        await asyncio.gather(*(review(n, each) for n, each in enumerate(reviewers)))
    assert session.close() is None
    written = {}
    for line in journal_path(path).read_bytes().splitlines()[1:]:
        entry = json.loads(line)
        pair = entry["subject"], entry["object"]
        if entry["kind"] == "undo":
            del written[pair][entry["reviewer"]]
        else:
            written.setdefault(pair, {})[entry["reviewer"]] = entry["kind"]
    assert written == confirmed
    assert min(len(votes) for votes in written.values()) == 2
    table = {(r["subject_id"], r["object_id"]): r for r in read_mapping_set(path).rows.to_dicts()}
    for pair, votes in confirmed.items():
        row = table[pair]
        assert set(row["reviewer_label"].split("|")) == set(votes)
        if len(set(votes.values())) == 1:
            assert row["predicate_id"] == SAID[next(iter(votes.values()))]
            assert row["reviewer_agreement"] == "1"
    assert len(confirmed) == 300


async def test_the_state_tells_what_the_page_shows(path):
    session = ReviewSession(path, Surroundings(HUB, {"OMIM:105400": 9}))
    client, addresses = serve(session, ADA, BOB)
    async with client:
        state = await (await client.get(f"{addresses[ADA]}/state")).json()
    session.close()
    item = state["item"]
    assert state["progress"]["total"] == 5
    assert (item["subject"], item["records"], item["below"]) == ("MONDO:0007103", 9, 0)
    assert item["proposals"][0]["decision"] == "exact"
    assert item["proposals"][0]["facts"][0] == ["justification", "LexicalMatching"]
    assert item["cards"][0]["parents"][0]["id"] == "MONDO:0005144"
    assert item["cards"][1]["label"] == "ALS 1"


async def test_whoever_has_no_token_gets_nothing(path):
    session = ReviewSession(path)
    client, addresses = serve(session, ADA)
    own = addresses[ADA]
    other = {"Origin": "http://evil.example"}
    async with client:
        for wrong in ("/", "/state", "/wrong/", "/wrong/state", f"{own}x/state", f"{own}/other"):
            assert (await client.get(wrong)).status == 404
        assert (await client.get(f"{own}/state", headers={"Host": "evil.example"})).status == 403
        assert (await client.post(f"{own}/undo", json={}, headers=other)).status == 403
        assert (await client.post(f"{own}/undo", data={"a": "b"})).status == 415
        assert (await client.post(f"{own}/decisions", json=["x"])).status == 400
        long = await client.post(f"{own}/decisions", json={"subject": "x" * 20_000})
        assert long.status == 413
        refused = await client.post(f"{own}/undo", json={})
        assert refused.status == 409
        assert (await refused.json())["error"] == "There is nothing of yours to take back."
    session.close()


async def test_the_page_loads_nothing_and_escapes_names(tmp_path):
    path = tmp_path / "<b>{{x}}.sssom.tsv"
    write_candidates(path)
    session = ReviewSession(path)
    client, addresses = serve(session, CYD)
    async with client:
        answer = await client.get(f"{addresses[CYD]}/")
        page = await answer.text()
    session.close()
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert PAGE_HEADERS["Cache-Control"] == "no-store"
    assert "&lt;b&gt;{{x}}.sssom.tsv" in page
    assert "http://" not in page
    assert "https://" not in page
