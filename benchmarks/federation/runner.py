"""Engines side by side on the same queries: every answer is judged before its time counts."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from benchmarks.federation.checking import Verdict, judge_answer, read_answer
from benchmarks.federation.engines.base import (
    Engine,
    EngineDownError,
    EngineError,
    EngineTimeoutError,
    ServedFederation,
)
from benchmarks.federation.measurement import Measurement
from benchmarks.federation.members import ServedMembers
from benchmarks.federation.oracle import Oracle
from benchmarks.federation.templates import BenchmarkQuery
from benchmarks.federation.traffic import RequestTrace, Traffic
from hereditary_kg.rdf.result_reading import ResultError

__all__ = ["run_queries"]

# Nobody holds this; it makes an engine load what it loads at its first query.
_WARM_UP = "SELECT ?x WHERE { <http://warm.example/up> <http://warm.example/once> ?x }"


@dataclass
class _Contest:
    """What is the same for all queries."""

    members: ServedMembers
    oracle: Oracle
    timeout: float
    on_requests: Callable[[str, str, Sequence[RequestTrace]], None] | None
    measurements: list[Measurement] = field(default_factory=list)
    stopped: set[str] = field(default_factory=set)


def run_queries(
    members: ServedMembers,
    oracle: Oracle,
    engines: Sequence[Engine],
    queries: Sequence[BenchmarkQuery],
    *,
    timeout: float,
    repeats: int = 1,
    on_measurement: Callable[[Measurement], None] | None = None,
    on_requests: Callable[[str, str, Sequence[RequestTrace]], None] | None = None,
) -> list[Measurement]:
    """Ask every engine every query, the engines in turns.

    Engines are started first, and asked once for what nobody holds, so that their start is no
    part of the first query. Who begins changes from query to query. After a time-out, or
    where it went down, an engine is started again before its next query; where it does not
    start, that query has failed.

    Args:
        members: the members, with the delay set.
        oracle: knows the right answers.
        engines: the engines; stopped at the end.
        queries: the queries.
        timeout: seconds for one query.
        repeats: how often the whole is done.
        on_measurement: told each measurement as it is made.
        on_requests: told query, engine and all requests of each.

    Raises:
        EngineError: an engine does not start.
    """
    contest = _Contest(members, oracle, timeout, on_requests)
    with ExitStack() as stack:
        for engine in engines:
            stack.callback(engine.stop)
            _start(engine, members.federation, timeout)
        for turn in range(repeats):
            for i, query in enumerate(queries):
                first = (turn + i) % len(engines)
                for engine in [*engines[first:], *engines[:first]]:
                    measurement = _measure(contest, engine, query)
                    contest.measurements.append(measurement)
                    if on_measurement is not None:
                        on_measurement(measurement)
    return contest.measurements


def _start(engine: Engine, federation: ServedFederation, timeout: float) -> None:
    engine.start(federation)
    engine.answer(_WARM_UP, timeout)


def _measure(contest: _Contest, engine: Engine, query: BenchmarkQuery) -> Measurement:
    right = contest.oracle.answer(query.text)
    seconds = first_row = planning = None
    rows = 0
    message = ""
    contest.members.reset()
    try:
        if engine.name in contest.stopped:
            _start(engine, contest.members.federation, contest.timeout)
            contest.stopped.discard(engine.name)
            contest.members.reset()
        answer = engine.answer(query.text, contest.timeout)
        requests = contest.members.requests()
        frame = read_answer(answer)
    except (EngineTimeoutError, EngineDownError) as error:
        is_late = isinstance(error, EngineTimeoutError)
        verdict, message = Verdict.TIMED_OUT if is_late else Verdict.FAILED, str(error)
        # What still runs would count for the next query.
        engine.stop()
        contest.stopped.add(engine.name)
        requests = contest.members.requests()
    except (EngineError, ResultError) as error:
        verdict, message = Verdict.FAILED, str(error)
        requests = contest.members.requests()
    else:
        verdict = judge_answer(right, frame, ordered=query.ordered)
        rows = frame.height
        seconds, first_row, planning = answer.seconds, answer.first_row, answer.planning
    if contest.on_requests is not None:
        contest.on_requests(query.name, engine.name, requests)
    return Measurement(
        query=query.name,
        template=query.template,
        engine=engine.name,
        verdict=verdict,
        rows=rows,
        right_rows=right.height,
        oracle_requests=contest.oracle.requests(query.text),
        traffic=Traffic.of(requests),
        seconds=seconds,
        first_row=first_row,
        planning=planning,
        message=message,
    )
