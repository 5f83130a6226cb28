from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
import pytest
from flwr.app import ArrayRecord, RecordDict

from hereditary_kg.embeddings.grids.certificates import Authority
from hereditary_kg.embeddings.grids.flower_api import make_message
from hereditary_kg.embeddings.grids.frames import Frame
from hereditary_kg.embeddings.grids.journal import Journal
from hereditary_kg.embeddings.grids.limits import Limits
from hereditary_kg.embeddings.grids.manifest import RunManifest
from hereditary_kg.embeddings.grids.message_coding import decode_message, encode_message
from hereditary_kg.embeddings.grids.messages import new_metadata, node_of_site
from hereditary_kg.embeddings.grids.node import SiteApp
from hereditary_kg.embeddings.grids.site_run import SiteRun
from tests.embeddings.grids import sum_apps

MANIFEST = RunManifest(7, "Sums", 3, 2, ("clinic",))
SIGNED = MANIFEST.sign(Authority.create("Tests").issue_server(["localhost"]))


def asked(sequence: int, message_id: str = "", **changes: Any) -> Frame:
    message_id = message_id or f"m-{sequence}"
    given: dict[str, Any] = {"run_id": 7, "node_id": node_of_site("clinic")}
    given.update(changes)
    metadata = new_metadata(
        given["run_id"],
        message_id,
        given["node_id"],
        group_id=str(sequence),
        message_type="train",
    )
    records = RecordDict({"values": ArrayRecord([np.zeros(2)])})
    fields = {"id": message_id, "sequence": sequence, "seconds": given.get("seconds", 60.0)}
    return Frame("message", fields, encode_message(make_message(metadata, records)))


class Server:
    """What the site says, to a stream that can break."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.said: SimpleQueue[Frame] = SimpleQueue()

    def open(self) -> SiteRun:
        run = SiteRun(
            SiteApp("clinic", sum_apps.client, {"number": 2}),
            MANIFEST,
            Journal.open(self.place, SIGNED, MANIFEST),
            Limits(),
            lambda error: None,
        )
        run.join(self.said.put)
        return run

    def next(self) -> Frame:
        return self.said.get(timeout=60)


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path)


def test_messages_are_done_in_their_order_and_each_once(server: Server) -> None:
    run = server.open()
    assert server.next() == Frame("accept", {"done": 0})
    for frame in (asked(1), asked(1), asked(2), asked(2)):
        run.ask(frame)
    replies = [server.next(), server.next()]
    run.ask(asked(1))
    again = server.next()
    assert [frame.fields["id"] for frame in replies] == ["m-1", "m-2"]
    assert again == replies[0]
    rounds = [decode_message(one.data).content["counts"]["rounds"] for one in replies]
    assert rounds == [1, 2]
    run.abandon()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda: asked(1, "another"), "was sent before, or out of order"),
        (lambda: asked(0, "zero"), "was sent before, or out of order"),
        (lambda: asked(2, run_id=8), "of another run"),
        (lambda: asked(2, node_id=5), "for another site"),
        (lambda: Frame("message", {**asked(2).fields, "id": "x"}, asked(2).data), "not what its"),
        (lambda: Frame("message", asked(2).fields, b"rubbish"), "no message"),
        (lambda: asked(2, seconds=0.0), "its time was over"),
    ],
)
def test_what_must_not_be_done_is_rejected(
    server: Server, change: Callable[[], Frame], reason: str
) -> None:
    run = server.open()
    run.ask(asked(1))
    assert [server.next().kind, server.next().kind] == ["accept", "reply"]
    run.acknowledge("m-1")
    run.ask(change())
    rejected = server.next()
    assert rejected.kind == "reject"
    assert reason in rejected.text("reason")
    run.ask(asked(3))
    assert server.next().text("id") == "m-3"
    run.abandon()


def test_a_replay_of_what_was_done_and_acknowledged_is_rejected(server: Server) -> None:
    first = server.open()
    first.ask(asked(4))
    assert [server.next().kind, server.next().kind] == ["accept", "reply"]
    first.acknowledge("m-4")
    first.ask(asked(4))
    assert "site is at 4" in server.next().text("reason")
    first.abandon()


def test_a_site_that_is_started_anew_sends_what_was_not_acknowledged(server: Server) -> None:
    first = server.open()
    first.ask(asked(1))
    accept, reply = server.next(), server.next()
    first.abandon()
    second = server.open()
    assert server.next() == Frame("accept", {"done": 1})
    assert server.next() == reply
    assert accept == Frame("accept", {"done": 0})
    second.ask(asked(2))
    assert decode_message(server.next().data).content["counts"]["rounds"] == 2
    second.abandon()


def test_a_reply_waits_for_a_stream(server: Server) -> None:
    run = server.open()
    server.next()
    run.leave()
    run.ask(asked(1))
    run.join(server.said.put)
    assert [server.next().kind, server.next().kind] == ["accept", "reply"]
    run.abandon()
