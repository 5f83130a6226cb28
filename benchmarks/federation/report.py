"""Tables of what was measured."""

import statistics
from collections.abc import Callable, Iterable, Sequence

from benchmarks.federation.checking import Verdict
from benchmarks.federation.measurement import Measurement
from benchmarks.reporting import write_table

__all__ = ["write_engines", "write_faults", "write_growth", "write_templates"]

_NOTHING = "-"


def write_engines(measurements: Sequence[Measurement]) -> str:
    """Write a row an engine: how many answers are right, then times and traffic.

    Times and traffic are of right answers alone. The last column compares with the first
    engine over the queries that both answer right.
    """
    engines = _names(measurement.engine for measurement in measurements)
    rows = []
    for engine in engines:
        own = [each for each in measurements if each.engine == engine]
        right = _right(own)
        counts = [str(sum(each.verdict is verdict for each in own)) for verdict in Verdict]
        rows.append(
            [
                engine,
                *counts,
                _milliseconds(_geometric_mean(_seconds(right))),
                _milliseconds(_apply(statistics.median, _seconds(right))),
                _milliseconds(_apply(max, _seconds(right))),
                _milliseconds(_apply(statistics.median, _first_rows(right))),
                _milliseconds(_apply(statistics.median, _plannings(right))),
                _mean(each.traffic.requests for each in right),
                _mean(each.traffic.asks for each in right),
                _mean(each.traffic.probes + each.traffic.counts for each in right),
                _mean(each.traffic.others for each in right),
                _mean(map(_ratio, right)),
                _mean((each.traffic.rows for each in right), 0),
                _mean((each.traffic.bytes / 1024 for each in right), 0),
                _times_as_long(measurements, engines[0], engine),
            ]
        )
    head = [
        *("engine", *Verdict, "geometric mean", "median", "longest", "first row", "planning"),
        *(
            "requests",
            "ASK",
            "probes, counts",
            "others",
            "of oracle's",
            "rows",
            "KiB",
            "times as long",
        ),
    ]
    return write_table(head, rows)


def write_templates(measurements: Sequence[Measurement], engine: str) -> str:
    """Write a row a template for one engine."""
    rows = []
    for template in _names(each.template for each in measurements):
        own = [each for each in measurements if (each.engine, each.template) == (engine, template)]
        right = _right(own)
        rows.append(
            [
                template,
                f"{len(right)}/{len(own)}",
                _milliseconds(_geometric_mean(_seconds(right))),
                _milliseconds(_apply(max, _seconds(right))),
                _mean(each.traffic.requests for each in right),
                _mean(each.oracle_requests for each in own),
                _mean(map(_ratio, right)),
                _mean(each.traffic.asks + each.traffic.probes for each in right),
                _mean(each.traffic.members for each in right),
                _mean((each.traffic.rows for each in right), 0),
                _mean((each.right_rows for each in own), 0),
            ]
        )
    head = [
        *("template", "right", "geometric mean", "longest", "requests", "oracle's", "ratio"),
        *("probes", "members asked", "rows fetched", "rows"),
    ]
    return write_table(head, rows)


def write_faults(measurements: Sequence[Measurement]) -> str:
    """List what was not right, a line each; empty if all was."""
    lines = [
        f"{each.engine} {each.query}: {each.verdict}, {each.rows} rows of {each.right_rows}"
        + (f"; {each.message.splitlines()[0][:200]}" if each.message else "")
        for each in measurements
        if each.verdict is not Verdict.RIGHT
    ]
    return "\n".join(lines)


def write_growth(small: Sequence[Measurement], large: Sequence[Measurement], engine: str) -> str:
    """Compare an engine's times at two sizes, over queries right at both.

    Rows are told apart by whether the answer has as many rows at both sizes.
    """
    before = {each.query: each for each in _right(small) if each.engine == engine}
    after = {each.query: each for each in _right(large) if each.engine == engine}
    both = [(before[name], after[name]) for name in before if name in after]
    rows = []
    for title, kept in (
        ("answer as large", [pair for pair in both if pair[0].rows == pair[1].rows]),
        ("answer grown", [pair for pair in both if pair[0].rows != pair[1].rows]),
    ):
        first = _geometric_mean(_seconds([pair[0] for pair in kept]))
        second = _geometric_mean(_seconds([pair[1] for pair in kept]))
        growth = f"{second / first:.2f}" if first and second else _NOTHING
        rows.append([title, str(len(kept)), _milliseconds(first), _milliseconds(second), growth])
    head = ["queries", "number", "smaller", "larger", "times"]
    return write_table(head, rows)


def _names(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))


def _right(measurements: Iterable[Measurement]) -> list[Measurement]:
    return [each for each in measurements if each.verdict is Verdict.RIGHT]


def _seconds(measurements: Iterable[Measurement]) -> list[float]:
    return [each.seconds for each in measurements if each.seconds is not None]


def _first_rows(measurements: Iterable[Measurement]) -> list[float]:
    return [each.first_row for each in measurements if each.first_row is not None]


def _plannings(measurements: Iterable[Measurement]) -> list[float]:
    return [each.planning for each in measurements if each.planning is not None]


def _ratio(measurement: Measurement) -> float:
    return measurement.traffic.requests / max(1, measurement.oracle_requests)


def _apply(function: Callable[[list[float]], float], values: list[float]) -> float | None:
    return function(values) if values else None


def _geometric_mean(values: list[float]) -> float | None:
    return _apply(statistics.geometric_mean, values)


def _times_as_long(measurements: Sequence[Measurement], first: str, engine: str) -> str:
    """Compare the geometric means over the queries that both answer right."""
    times: dict[str, dict[str, list[float]]] = {first: {}, engine: {}}
    for each in _right(measurements):
        if each.engine in times and each.seconds is not None:
            times[each.engine].setdefault(each.query, []).append(each.seconds)
    common = times[first].keys() & times[engine].keys()
    ours, theirs = (
        _geometric_mean([statistics.geometric_mean(times[name][query]) for query in common])
        for name in (first, engine)
    )
    return f"{theirs / ours:.2f}" if ours and theirs else _NOTHING


def _milliseconds(seconds: float | None) -> str:
    return _NOTHING if seconds is None else f"{seconds * 1000:,.1f} ms"


def _mean(values: Iterable[float], digits: int = 1) -> str:
    found = list(values)
    return f"{statistics.fmean(found):,.{digits}f}" if found else _NOTHING
