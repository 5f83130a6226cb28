from collections.abc import Callable

import polars as pl
import pytest
from tiny_benchmark import TinyBenchmark

from benchmarks.federation.checking import Verdict, judge_answer
from benchmarks.federation.engines import make_engine
from benchmarks.federation.engines.base import (
    EngineAnswer,
    EngineDownError,
    EngineError,
    EngineTimeoutError,
    ServedFederation,
)
from benchmarks.federation.engines.hereditary import EmbeddedEngine, HereditaryEngine
from benchmarks.federation.oracle import Oracle
from benchmarks.federation.report import write_engines, write_faults, write_templates
from benchmarks.federation.results import RunResults, find_results, write_document
from benchmarks.federation.runner import run_queries
from benchmarks.federation.templates import draw_queries
from hereditary_kg.rdf.result_writing import SolutionWriter

QUERIES = 3


class ScriptedEngine:
    """Gives the oracle's answer after something was done to it."""

    def __init__(self, name: str, oracle: Oracle, change: Callable[[pl.DataFrame], pl.DataFrame]):
        self.name = name
        self.starts = 0
        self.running = False
        self._oracle = oracle
        self._change = change

    def start(self, federation: ServedFederation) -> None:
        self.starts += 1
        self.running = True

    def answer(self, query: str, timeout: float) -> EngineAnswer:
        frame = self._change(self._oracle.answer(query))
        writer = SolutionWriter(frame.columns, "tsv")
        document = writer.header() + writer.rows(frame) + writer.footer()
        return EngineAnswer(document, "text/tab-separated-values", 0.5)

    def stop(self) -> None:
        self.running = False


def never_in_time(frame: pl.DataFrame) -> pl.DataFrame:
    if frame.columns == ["x"]:
        return frame  # the warm-up
    raise EngineTimeoutError("too late")


def fails(frame: pl.DataFrame) -> pl.DataFrame:
    if frame.columns == ["x"]:
        return frame
    raise EngineError("no such thing\nand more")


def breaks_down(frame: pl.DataFrame) -> pl.DataFrame:
    if frame.columns == ["x"]:
        return frame
    raise EngineDownError("the answer broke off")


@pytest.fixture
def queries(tiny_oracle):
    return list(draw_queries(tiny_oracle._store, TinyBenchmark.templates, 2, 1))


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        (lambda frame: frame, Verdict.RIGHT),
        (lambda frame: pl.concat([frame, frame]), Verdict.DUPLICATED),
        (lambda frame: frame.head(0), Verdict.WRONG),
        (lambda frame: frame.rename({"person": "who"}, strict=False), Verdict.WRONG),
        (never_in_time, Verdict.TIMED_OUT),
        (fails, Verdict.FAILED),
        (breaks_down, Verdict.FAILED),
    ],
)
def test_every_answer_is_judged(tiny_members, tiny_oracle, queries, change, verdict):
    engine = ScriptedEngine("scripted", tiny_oracle, change)
    measurements = run_queries(tiny_members, tiny_oracle, [engine], queries, timeout=5)
    assert [each.verdict for each in measurements] == [verdict] * QUERIES
    assert not engine.running
    # After a time-out nothing of the old query may go on.
    assert engine.starts == (QUERIES if change in {never_in_time, breaks_down} else 1)


@pytest.mark.sockets
def test_an_engine_that_does_not_start_again_spoils_its_own_queries_only(
    tiny_members, tiny_oracle, queries
):
    class OnceOnly(ScriptedEngine):
        def start(self, federation: ServedFederation) -> None:
            if self.starts:
                raise EngineError("once is enough")
            super().start(federation)

    engines = [
        OnceOnly("once", tiny_oracle, never_in_time),
        ScriptedEngine("good", tiny_oracle, lambda frame: frame),
    ]
    measurements = run_queries(tiny_members, tiny_oracle, engines, queries, timeout=5)
    once = [each for each in measurements if each.engine == "once"]
    assert [each.verdict for each in once] == [
        Verdict.TIMED_OUT,
        *[Verdict.FAILED] * (QUERIES - 1),
    ]
    assert "once is enough" in once[-1].message
    assert all(each.verdict is Verdict.RIGHT for each in measurements if each.engine == "good")


@pytest.mark.sockets
def test_wrong_answers_have_no_time_in_the_tables(tiny_members, tiny_oracle, queries):
    engines = [
        ScriptedEngine("good", tiny_oracle, lambda frame: frame),
        ScriptedEngine("bad", tiny_oracle, lambda frame: frame.head(0)),
    ]
    measurements = run_queries(tiny_members, tiny_oracle, engines, queries, timeout=5)
    good, bad = write_engines(measurements).splitlines()[2:]
    assert "500.0 ms" in good
    assert " ms" not in bad
    assert " ms" not in write_templates(measurements, "bad")
    assert write_faults(measurements).count("bad") == QUERIES
    assert "good" not in write_faults(measurements)
    # They take turns in who begins.
    assert [each.engine for each in measurements[:4]] == ["good", "bad", "bad", "good"]


@pytest.mark.sockets
def test_results_are_kept_and_make_a_document(tiny_members, tiny_oracle, queries, tmp_path):
    engine = ScriptedEngine("scripted", tiny_oracle, lambda frame: frame)
    measurements = run_queries(tiny_members, tiny_oracle, [engine], queries, timeout=5)
    texts = {query.name: query.text for query in queries}
    runs = [
        RunResults("tiny", size, 5, 1, {"a": 9}, 2.0, 1.0, "machine", texts, tuple(measurements))
        for size in (8, 4)
    ]
    for run in runs:
        run.save(tmp_path / f"tiny-{run.members}-5.json")
    found = find_results(tmp_path, "tiny")
    assert found == runs[::-1]
    document = write_document(found)
    assert "### 4 members, 5 ms\n\n4 members with 9 triples, 3 queries" in document
    growth = document.partition("### From 4 to 8 members")[2]
    assert "| answer as large |      3 | 500.0 ms | 500.0 ms |  1.00 |" in growth
    assert document.endswith("machine")


@pytest.mark.sockets
@pytest.mark.parametrize("factory", [HereditaryEngine, EmbeddedEngine])
def test_our_engine_answers_right_and_is_counted(tiny_members, tiny_oracle, queries, factory):
    measurements = run_queries(tiny_members, tiny_oracle, [factory()], queries, timeout=30)
    assert [each.verdict for each in measurements] == [Verdict.RIGHT] * QUERIES, [
        each.message for each in measurements
    ]
    assert all(each.traffic.requests >= each.oracle_requests > 0 for each in measurements)
    assert all(each.seconds is not None for each in measurements)
    # The service tells by its Server-Timing header.
    assert all(0 < each.planning < each.seconds for each in measurements)
    header, _, row = (line.split("|") for line in write_engines(measurements).splitlines())
    column = next(i for i, title in enumerate(header) if title.strip() == "planning")
    assert row[column].strip().endswith(" ms")


@pytest.mark.sockets
def test_a_service_that_does_not_start_says_why(tiny_members):
    engine = make_engine("broken=python -c 'raise SystemExit(\"no such option\")'")
    with pytest.raises(EngineError, match="no such option"):
        engine.start(tiny_members.federation)


def test_an_unknown_engine_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"no engine 'fedex'.*hereditary"):
        make_engine("fedex")


ROWS = pl.DataFrame({"x": ["<a>", "<b>"], "y": ["1", None]})


@pytest.mark.parametrize(
    ("given", "ordered", "verdict"),
    [
        (ROWS.reverse(), False, Verdict.RIGHT),
        (ROWS.reverse(), True, Verdict.DISORDERED),
        (ROWS.select("y", "x"), True, Verdict.RIGHT),
        (ROWS.head(1).select("x"), False, Verdict.WRONG),
        (pl.concat([ROWS, ROWS.head(1)]), False, Verdict.DUPLICATED),
        (pl.concat([ROWS.head(1), ROWS.head(1)]), False, Verdict.WRONG),
        (ROWS.with_columns(z=pl.lit("1")), False, Verdict.WRONG),
    ],
)
def test_answers_are_bags_of_rows(given, ordered, verdict):
    assert judge_answer(ROWS, given, ordered=ordered) is verdict
