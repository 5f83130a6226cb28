import threading
import time
from collections.abc import Callable

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Message, RecordDict
from flwr.clientapp import ClientApp

from hereditary_kg.embeddings.grids.errors import GridError, ReportedError
from hereditary_kg.embeddings.grids.flower_api import APP_FAILED, NODE_UNAVAILABLE
from hereditary_kg.embeddings.grids.in_process import InProcessGrid
from hereditary_kg.embeddings.grids.messages import node_of_site
from hereditary_kg.embeddings.grids.node import SiteApp
from hereditary_kg.embeddings.grids.running import run_server_app
from tests.embeddings.grids import sum_apps

SETTINGS = {"sites": 3, "rounds": 3, "size": 5, "timeout": 20.0}


def sum_sites() -> list[SiteApp]:
    return [
        SiteApp(name, sum_apps.client, {"number": number})
        for number, name in enumerate(("registry", "clinic", "biobank"), start=1)
    ]


def app_of(function: Callable[[Message, Context], object]) -> ClientApp:
    app = ClientApp()
    app.train()(function)  # type: ignore[arg-type]
    return app


def ask(grid: InProcessGrid, text: str = "") -> list[Message]:
    return [
        Message(RecordDict({"asked": ConfigRecord({"text": text})}), node, "train")
        for node in grid.get_node_ids()
    ]


def test_three_sites_sum_their_arrays_and_keep_their_state() -> None:
    with InProcessGrid(sum_sites(), SETTINGS) as grid:
        state = run_server_app(sum_apps.server, grid, SETTINGS)
        kept = {site: records["count"]["rounds"] for site, records in grid.states().items()}

    expected = np.zeros(5)
    for number in (1, 2, 3):
        expected = sum(
            expected * 0.5 + np.random.default_rng(site + number).normal(size=5)
            for site in (3, 2, 1)
        )
    np.testing.assert_allclose(state["result"].to_numpy_ndarrays()[0], expected)
    assert state["report"] == {"missing": [], "counts": [3, 3, 3]}
    assert kept == {"biobank": 3, "clinic": 3, "registry": 3}


@pytest.mark.parametrize("parallel", [1, 3])
def test_a_run_is_the_same_each_time_however_many_sites_work_at_once(parallel: int) -> None:
    results = []
    for _ in range(2):
        with InProcessGrid(sum_sites(), SETTINGS, parallel=parallel) as grid:
            state = run_server_app(sum_apps.server, grid, SETTINGS)
        results.append(state["result"].to_numpy_ndarrays()[0].tobytes())
    assert results[0] == results[1]


def test_a_run_goes_on_from_the_states_that_were_kept() -> None:
    with InProcessGrid(sum_sites(), SETTINGS) as grid:
        run_server_app(sum_apps.server, grid, SETTINGS)
        states = grid.states()
    with InProcessGrid(sum_sites(), SETTINGS, states=states) as grid:
        state = run_server_app(sum_apps.server, grid, SETTINGS)
    assert state["report"]["counts"] == [6, 6, 6]


def test_sites_and_replies_are_in_the_order_of_names() -> None:
    order: list[str] = []

    def answer(message: Message, context: Context) -> Message:
        order.append(str(context.node_config["site"]))
        return Message(RecordDict(), reply_to=message)

    names = ["d", "b", "c", "a"]
    with InProcessGrid([SiteApp(name, app_of(answer)) for name in names]) as grid:
        assert [node.name for node in grid.get_nodes()] == sorted(names)
        assert list(grid.get_node_ids()) == [node_of_site(name) for name in sorted(names)]
        messages = list(reversed(ask(grid)))
        replies = list(grid.send_and_receive(messages))
    assert order == ["d", "c", "b", "a"]
    assert [reply.metadata.src_node_id for reply in replies] == [
        message.metadata.dst_node_id for message in messages
    ]


def test_no_side_sees_what_the_other_changes_later() -> None:
    seen: list[Message] = []
    kept: list[RecordDict] = []

    def answer(message: Message, context: Context) -> Message:
        seen.append(message)
        records = RecordDict(
            {"list": ConfigRecord({"numbers": [1, 2]}), "array": ArrayRecord([np.ones(2)])}
        )
        kept.append(records)
        return Message(records, reply_to=message)

    with InProcessGrid([SiteApp("a", app_of(answer))]) as grid:
        sent = ask(grid, "first")[0]
        reply = next(iter(grid.send_and_receive([sent])))
        sent.content["asked"]["text"] = "changed by the server"
        assert seen[0].content["asked"]["text"] == "first"
        seen[0].content["asked"]["text"] = "changed by the site"
        assert sent.content["asked"]["text"] == "changed by the server"
        kept[0]["list"]["numbers"].append(3)
        kept[0]["array"]["0"] = Array(np.zeros(2))
        assert reply.content["list"]["numbers"] == [1, 2]
        assert reply.content["array"].to_numpy_ndarrays()[0].tolist() == [1, 1]


def test_a_failure_becomes_an_error_reply_that_does_not_say_what_it_must_not() -> None:
    with InProcessGrid(sum_sites()) as grid:
        messages = [Message(RecordDict(), node, "query") for node in grid.get_node_ids()]
        replies = list(grid.send_and_receive(messages))
    assert [reply.error.code for reply in replies] == [APP_FAILED] * 3
    assert "biobank: ValueError" in replies[0].error.reason
    assert "4711" not in replies[0].error.reason


def test_a_failure_that_is_reported_is_told() -> None:
    def answer(message: Message, context: Context) -> Message:
        raise ReportedError("The loss is no number. Lower the learning rate.")

    with InProcessGrid([SiteApp("a", app_of(answer))]) as grid:
        (reply,) = grid.send_and_receive(ask(grid))
    assert reply.error.reason == "site a: The loss is no number. Lower the learning rate."


def test_an_answer_that_is_no_message_is_a_failure() -> None:
    with InProcessGrid([SiteApp("a", app_of(lambda message, context: "yes"))]) as grid:
        (reply,) = grid.send_and_receive(ask(grid))
    assert "TypeError" in reply.error.reason


def test_a_site_that_takes_too_long_is_answered_for_and_the_others_go_on() -> None:
    hang = threading.Event()

    def answer(message: Message, context: Context) -> Message:
        if context.node_config["site"] == "b" and message.content["asked"]["text"] == "hang":
            hang.wait(30)
        return Message(RecordDict(), reply_to=message)

    sites = [SiteApp(name, app_of(answer)) for name in "abc"]
    with InProcessGrid(sites) as grid:
        replies = list(grid.send_and_receive(ask(grid, "hang"), timeout=0.3))
        assert [reply.has_error() for reply in replies] == [False, True, False]
        assert replies[1].error.code == NODE_UNAVAILABLE
        assert "site b: no answer within 0.3 seconds" in replies[1].error.reason
        again = list(grid.send_and_receive(ask(grid), timeout=0.3))
        assert [reply.has_error() for reply in again] == [False, True, False]
        hang.set()
        after = list(grid.send_and_receive(ask(grid), timeout=20))
        assert [reply.has_error() for reply in after] == [False, False, False]


def test_waiting_for_other_sites_is_not_counted() -> None:
    def answer(message: Message, context: Context) -> Message:
        time.sleep(0.2)
        return Message(RecordDict(), reply_to=message)

    with InProcessGrid([SiteApp(name, app_of(answer)) for name in "abcdef"]) as grid:
        replies = list(grid.send_and_receive(ask(grid), timeout=5.0))
    assert [reply.has_error() for reply in replies] == [False] * 6


def test_replies_are_pulled_when_they_are_there() -> None:
    go = threading.Event()

    def answer(message: Message, context: Context) -> Message:
        go.wait(30)
        return Message(RecordDict(), reply_to=message)

    with InProcessGrid([SiteApp("a", app_of(answer))]) as grid:
        message_ids = list(grid.push_messages(ask(grid)))
        assert list(grid.pull_messages(message_ids)) == []
        go.set()
        replies: list[Message] = []
        while not replies:
            replies = list(grid.pull_messages(message_ids))
        assert replies[0].metadata.reply_to_message_id == message_ids[0]
        assert list(grid.pull_messages(message_ids)) == []


@pytest.mark.parametrize("names", [[], ["a", "a"]])
def test_sites_need_different_names(names: list[str]) -> None:
    with pytest.raises(GridError, match="different names"):
        InProcessGrid([SiteApp(name, sum_apps.client) for name in names])


def test_a_message_for_nobody_is_refused() -> None:
    with (
        InProcessGrid(sum_sites()) as grid,
        pytest.raises(GridError, match="Node 7 is no site"),
    ):
        grid.push_messages([Message(RecordDict(), 7, "train")])


def test_a_closed_grid_sends_nothing() -> None:
    grid = InProcessGrid(sum_sites())
    grid.close()
    with pytest.raises(GridError, match="closed"):
        grid.send_and_receive(ask(grid))
