"""The Server-Timing header of answers."""

import doctest
import re

import pytest
from served_federations import Client, make_federation, make_halves, scripted

from hereditary_kg.execution.timings import Timings
from hereditary_kg.federation.transport import ScriptedAnswer
from hereditary_kg.web import server_timing
from hereditary_kg.web.server_timing import write_server_timing

UNTIL_ROWS = ["parse", "wait", "plan", "probe", "first-row"]
# W3C Server Timing, section 3: a list of metrics, each a token with parameters.
METRIC = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+);dur=(\d+(?:\.\d+)?)")


def read(header):
    metrics = {}
    for part in header.split(", "):
        name, milliseconds = METRIC.fullmatch(part).groups()
        metrics[name] = float(milliseconds)
    return metrics


def test_the_example():
    assert doctest.testmod(server_timing) == (0, 1)


def test_durations_are_milliseconds():
    timings = Timings(parsing=0.001, planning=0.0025, asking=1.5, first_row=0.01, total=2.0)
    metrics = read(write_server_timing(timings, parsing=0.002, waiting=0.25, whole=True))
    assert metrics == {
        "parse": 3.0,
        "wait": 250.0,
        "plan": 2.5,
        "probe": 1500.0,
        "first-row": 10.0,
        "total": 2252.0,
    }
    assert list(read(write_server_timing(timings))) == UNTIL_ROWS


@pytest.mark.sockets
async def test_an_answer_that_was_whole_has_its_total():
    async with Client(make_halves()) as client:
        response, _ = await client.ask("SELECT ?s ?n { ?s ex:p ?n }")
    metrics = read(response.headers["Server-Timing"])
    assert list(metrics) == [*UNTIL_ROWS, "total"]
    assert metrics["plan"] > 0
    # Each is rounded to a tenth.
    assert sum(metrics[name] for name in UNTIL_ROWS) <= metrics["total"] + 0.3


@pytest.mark.sockets
async def test_a_long_answer_has_no_total_before_its_end():
    rows = "".join(f"<http://example.org/s{n}>\t{n}\n" for n in range(200_003))
    federation = make_federation(large=scripted(ScriptedAnswer("?s\t?n\n" + rows)))
    async with Client(federation) as client:
        response, body = await client.ask("SELECT ?s ?n { ?s ex:p ?n }", accept="text/csv")
    assert body.count(b"\n") == 200_004
    assert list(read(response.headers["Server-Timing"])) == UNTIL_ROWS


@pytest.mark.sockets
async def test_a_refusal_has_no_times():
    async with Client(make_halves()) as client:
        response, _ = await client.ask("SELECT")
    assert response.status == 400
    assert "Server-Timing" not in response.headers
