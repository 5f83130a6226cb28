import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from flwr.app import ArrayRecord, ConfigRecord, Error, Message, MetricRecord, RecordDict

from hereditary_kg.embeddings.grids.errors import SettingsError
from hereditary_kg.embeddings.grids.flower_api import make_message
from hereditary_kg.embeddings.grids.in_process import InProcessGrid
from hereditary_kg.embeddings.grids.ledger import OutgoingLedger
from hereditary_kg.embeddings.grids.message_coding import encode_message
from hereditary_kg.embeddings.grids.messages import make_reply, new_metadata
from hereditary_kg.embeddings.grids.node import SiteApp
from hereditary_kg.embeddings.grids.running import run_server_app
from tests.embeddings.grids import sum_apps

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def asked() -> Message:
    metadata = new_metadata(7, "m-1", 42, group_id="3", message_type="train")
    return make_message(metadata, RecordDict())


def test_a_line_says_how_much_left_and_not_what(tmp_path: Path) -> None:
    ledger = OutgoingLedger(tmp_path / "out.jsonl", "clinic", lambda: NOON)
    content = RecordDict(
        {
            "patient-4711": ArrayRecord([np.ones((5, 3)), np.ones(4), np.ones(())]),
            "settings": ConfigRecord({"HGNC:1234": "secret", "list": [1, 2, 3]}),
            "privacy": MetricRecord({"epsilon": 1.5, "delta": 1e-5}),
        }
    )
    reply = make_reply(asked(), content)
    ledger.record(reply, len(encode_message(reply)))
    text = (tmp_path / "out.jsonl").read_text()
    assert json.loads(text) == {
        "time": "2026-05-01T12:00:00.000+00:00",
        "site": "clinic",
        "run": "7",
        "message": "m-1",
        "type": "train",
        "group": "3",
        "outcome": "done",
        "bytes": len(encode_message(reply)),
        "tensors": 3,
        "rows": 7,
        "numbers": 20,
        "values": 6,
        "epsilon": 1.5,
        "delta": 1e-5,
    }
    for name in ("4711", "HGNC", "secret"):
        assert name not in text


def test_lines_are_appended_and_failures_are_lines(tmp_path: Path) -> None:
    for _ in range(2):
        ledger = OutgoingLedger(tmp_path / "out.jsonl", "clinic", lambda: NOON)
        ledger.record(make_reply(asked(), error=Error(2, "Patient 4711")), 99)
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    assert [json.loads(line)["outcome"] for line in lines] == ["failed", "failed"]
    assert "4711" not in lines[0]


def test_a_ledger_that_cannot_be_written_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="Nothing leaves the site without it"):
        OutgoingLedger(tmp_path / "missing" / "out.jsonl", "clinic")


def test_nothing_leaves_if_the_ledger_breaks(tmp_path: Path) -> None:
    ledger = OutgoingLedger(tmp_path / "out.jsonl", "clinic")
    ledger.path = tmp_path / "missing" / "out.jsonl"
    site = SiteApp("clinic", sum_apps.client, {"number": 1}, ledger)
    settings = {"sites": 1, "rounds": 1, "size": 2, "timeout": 30.0}
    with (
        InProcessGrid([site]) as grid,
        pytest.raises(SettingsError, match="cannot be written"),
    ):
        run_server_app(sum_apps.server, grid, settings)


def test_each_reply_of_a_run_has_its_line(tmp_path: Path) -> None:
    ledger = OutgoingLedger(tmp_path / "out.jsonl", "clinic")
    settings = {"sites": 1, "rounds": 3, "size": 100, "timeout": 30.0}
    with InProcessGrid([SiteApp("clinic", sum_apps.client, {"number": 1}, ledger)]) as grid:
        run_server_app(sum_apps.server, grid, settings)
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [line["group"] for line in lines] == ["1", "2", "3"]
    assert [line["numbers"] for line in lines] == [100] * 3
    assert [line["epsilon"] for line in lines] == [0.5, 1.0, 1.5]
    assert all(line["bytes"] > 800 for line in lines)
