"""Sites as processes of their own, one of which is killed in the middle of a round."""

import json
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from flwr.app import ArrayRecord, Message, RecordDict

from hereditary_kg.embeddings.grids.grpc_grid import GrpcGrid
from hereditary_kg.embeddings.grids.in_process import InProcessGrid
from hereditary_kg.embeddings.grids.node import SiteApp
from hereditary_kg.embeddings.grids.running import run_server_app
from tests.embeddings.grids import sum_apps
from tests.embeddings.grids.grpc_sites import NUMBERS, Federation, Limits

pytestmark = [pytest.mark.sockets, pytest.mark.timeout(240)]

SETTINGS = {"sites": 3, "rounds": 3, "size": 4, "timeout": 100.0}


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        process.kill()
        process.wait()


def run_in_thread(grid: GrpcGrid, **settings: float) -> tuple[threading.Thread, list[RecordDict]]:
    found: list[RecordDict] = []
    thread = threading.Thread(
        target=lambda: found.append(
            run_server_app(sum_apps.server, grid, {**SETTINGS, **settings})
        ),
        daemon=True,
    )
    thread.start()
    return thread, found


def in_process_result() -> list[float]:
    sites = [SiteApp(site, sum_apps.client, {"number": NUMBERS[site]}) for site in NUMBERS]
    with InProcessGrid(sites) as grid:
        state = run_server_app(sum_apps.server, grid, SETTINGS)
    return list(state["result"].to_numpy_ndarrays()[0])


def test_a_site_that_is_killed_in_mid_round_comes_back_and_the_result_is_the_same(
    tmp_path: Path, processes: list[subprocess.Popen[bytes]]
) -> None:
    federation = Federation(tmp_path)
    work_log, marker = tmp_path / "work", tmp_path / "killed"
    with federation.serve(federation.manifest(), limits=Limits(reconnect=90.0)) as grid:
        common = {"work-log": str(work_log), "kill-marker": str(marker)}
        for site in NUMBERS:
            killing = {"kill-in-round": "2"} if site == "clinic" else {}
            processes.append(federation.start_process(grid.port, site, **common, **killing))
        thread, found = run_in_thread(grid)
        killed = processes[list(NUMBERS).index("clinic")]
        assert killed.wait(100) == -9
        processes.append(federation.start_process(grid.port, "clinic", **common))
        thread.join(120)
        assert not thread.is_alive()
    (state,) = found
    assert state["report"] == {"missing": [], "counts": [3, 3, 3]}
    np.testing.assert_array_equal(state["result"].to_numpy_ndarrays()[0], in_process_result())
    work = work_log.read_text().split("\n")
    assert sorted(line for line in work if line.startswith("clinic")) == [
        "clinic 1",
        "clinic 2",
        "clinic 2",
        "clinic 3",
    ]
    assert sum(line.startswith("registry") for line in work) == 3
    ledger = [
        json.loads(line)
        for line in (tmp_path / "process-clinic" / "out.jsonl").read_text().splitlines()
    ]
    assert [line["group"] for line in ledger] == ["1", "2", "3"]
    for process in (processes[0], *processes[2:]):
        assert process.wait(60) == 0


def test_a_site_that_is_frozen_is_noticed_although_its_connection_stands(
    tmp_path: Path, processes: list[subprocess.Popen[bytes]]
) -> None:
    federation = Federation(tmp_path, ("clinic",))
    limits = Limits(reconnect=1.0, keep_alive=2.0, keep_alive_timeout=1.0)
    with federation.serve(federation.manifest(), limits=limits) as grid:
        processes.append(federation.start_process(grid.port, "clinic"))
        grid.wait_for_sites(1, 100)
        processes[0].send_signal(signal.SIGSTOP)
        (node,) = grid.get_node_ids()
        (reply,) = grid.send_and_receive([Message(RecordDict(), node, "train")], timeout=30)
        assert "its connection broke" in str(reply.error.reason)


def test_a_site_that_works_without_a_pause_is_not_taken_for_gone(
    tmp_path: Path, processes: list[subprocess.Popen[bytes]]
) -> None:
    """Its interpreter is held by one long call, as by a matrix product of a library."""
    federation = Federation(tmp_path, ("clinic",))
    limits = Limits(reconnect=0.0, keep_alive=1.0, keep_alive_timeout=1.0)
    with federation.serve(federation.manifest(), limits=limits) as grid:
        processes.append(federation.start_process(grid.port, "clinic", hold=6))
        grid.wait_for_sites(1, 100)
        (node,) = grid.get_node_ids()
        records = RecordDict({"values": ArrayRecord([np.zeros(2)])})
        message = Message(records, node, "train", group_id="1")
        (reply,) = grid.send_and_receive([message], timeout=90)
        assert reply.has_content()


def test_a_site_that_stays_away_is_answered_for_within_the_deadline(
    tmp_path: Path, processes: list[subprocess.Popen[bytes]]
) -> None:
    federation = Federation(tmp_path)
    with federation.serve(federation.manifest(), limits=Limits(reconnect=1.0)) as grid:
        for site in NUMBERS:
            killing = {"kill-in-round": "2"} if site == "clinic" else {}
            marker = str(tmp_path / "killed")
            processes.append(
                federation.start_process(grid.port, site, **killing, **{"kill-marker": marker})
            )
        started = time.monotonic()
        thread, found = run_in_thread(grid)
        thread.join(120)
        assert not thread.is_alive()
        assert time.monotonic() - started < SETTINGS["timeout"]
    (state,) = found
    assert state["report"]["missing"] == [
        "2: site clinic: its connection broke and it did not come back within 1 seconds."
    ]
    assert state["report"]["counts"] == [3, 3]
