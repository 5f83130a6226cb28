"""Where the time of a query went."""

import time

import pytest

from hereditary_kg.execution.timings import Stopwatch
from hereditary_kg.federation.request_log import RequestLog, RequestRecord
from tests.execution.scripted_federations import Endpoint, federation_of, triples

PREFIX = "PREFIX : <http://example.org/>\n"


def record(seconds, ended):
    return RequestRecord("clinic", "ASK {}", "probe", 1, 10, seconds, 200, None, ended=ended)


def test_waiting_for_members_is_no_planning():
    stopwatch, log = Stopwatch(), RequestLog()
    log.append(record(seconds=50.0, ended=50.0))  # of an earlier attempt
    with stopwatch.planning(log):
        time.sleep(0.02)
        now = time.perf_counter()
        # Two at once: together they take 10 ms.
        log.append(record(seconds=0.008, ended=now))
        log.append(record(seconds=0.008, ended=now - 0.002))
    timings = stopwatch.timings()
    assert timings.asking == pytest.approx(0.010)
    assert timings.planning >= 0.009


def test_planning_is_never_negative():
    stopwatch, log = Stopwatch(), RequestLog()
    with stopwatch.planning(log):
        log.append(record(seconds=3600.0, ended=3600.0))
    timings = stopwatch.timings()
    assert timings.planning == 0
    assert 0 < timings.asking < 3600


def test_a_phase_that_fails_has_taken_its_time_too():
    stopwatch = Stopwatch()
    with pytest.raises(ValueError, match="no"), stopwatch.measure("first_row"):
        raise ValueError("no")
    with stopwatch.measure("first_row"):
        pass
    assert stopwatch.timings().first_row > 0


def test_the_total_stands_still_once_the_answer_is_whole():
    stopwatch = Stopwatch()
    first = stopwatch.timings().total
    assert stopwatch.timings().total > first
    stopwatch.stop()
    assert stopwatch.timings() == stopwatch.timings()


async def test_a_result_tells_its_times():
    federation = federation_of(Endpoint("clinic", triples("a p b")))
    result = await federation.query(PREFIX + "SELECT * { ?s :p ?o }")
    timings = result.timings
    parts = (timings.parsing, timings.planning, timings.asking, timings.first_row)
    assert timings.parsing > 0
    assert timings.planning > 0
    assert timings.first_row > 0
    assert sum(parts) <= timings.total
    assert result.certificate.milliseconds <= timings.total * 1000
    assert timings.to_dict()["total"] == round(timings.total * 1000, 2)
