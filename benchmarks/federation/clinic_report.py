"""What *clinic* shows: our times beside one merged store's, and beside other engines'.

``python -m benchmarks.federation.clinic_report FILE…`` reads what ``python -m
benchmarks.federation --benchmark clinic --engines hereditary,merged --output FILE`` wrote; with
``--markdown`` it writes ``docs/benchmarks.md``.
"""

import argparse
import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.federation.checking import Verdict
from benchmarks.federation.runner import Measurement
from benchmarks.reporting import write_section, write_table

__all__ = ["Results", "compare_engines", "compare_queries", "compare_sizes"]

OURS, MERGED = "hereditary", "merged"
MOST_TIMES_AS_LONG = 5
MOST_REQUESTS = 20
"""The targets, of every query at 20 members without delay."""

_NOTHING = "-"


@dataclass(frozen=True)
class Results:
    """One run.

    Attributes:
        members: how many there were.
        triples: how many they held, copies included.
        delay: milliseconds a request.
        machine: what it ran on.
        measurements: all.
    """

    members: int
    triples: int
    delay: float
    machine: str
    measurements: tuple[Measurement, ...]

    @classmethod
    def read(cls, path: Path) -> "Results":
        """Read what the benchmark wrote."""
        table = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            table["members"],
            sum(table["triples"].values()),
            table["delay"],
            table["machine"],
            tuple(map(Measurement.from_dict, table["measurements"])),
        )

    @property
    def title(self) -> str:
        """Members and delay."""
        return f"{self.members} members, {self.delay:g} ms"

    def of(self, engine: str, name: str | None = None) -> list[Measurement]:
        """Give an engine's measurements, of all queries or of a query or template."""
        return [
            each
            for each in self.measurements
            if each.engine == engine and name in (None, each.query, each.template)
        ]

    def seconds(self, engine: str, query: str) -> float | None:
        """Give the median time of right answers to a query, if there are any."""
        times = [
            each.seconds
            for each in self.of(engine, query)
            if each.verdict is Verdict.RIGHT and each.seconds is not None
        ]
        return statistics.median(times) if times else None

    def ratio(self, query: str, engine: str = OURS) -> float | None:
        """Give how many times as long as the merged store an engine needs for a query."""
        own, merged = self.seconds(engine, query), self.seconds(MERGED, query)
        return None if own is None or merged is None else own / merged

    def queries(self, template: str | None = None) -> list[str]:
        """Give the names of the queries."""
        names = (each.query for each in self.measurements if template in (None, each.template))
        return list(dict.fromkeys(names))


def compare_sizes(runs: Sequence[Results]) -> str:
    """Write a row a run: our answers, times, requests, and how many queries meet the targets."""
    rows = []
    for run in runs:
        own = run.of(OURS)
        ratios = [ratio for query in run.queries() if (ratio := run.ratio(query)) is not None]
        rows.append(
            [
                run.title,
                f"{run.triples:,}",
                f"{sum(each.verdict is Verdict.RIGHT for each in own)}/{len(own)}",
                _milliseconds(run.seconds(OURS, query) for query in run.queries()),
                _milliseconds(run.seconds(MERGED, query) for query in run.queries()),
                f"{max(ratios):.1f}" if ratios else _NOTHING,
                f"{sum(ratio <= MOST_TIMES_AS_LONG for ratio in ratios)}/{len(ratios)}",
                f"{statistics.fmean(each.traffic.requests for each in own):.1f}",
                f"{statistics.fmean(each.oracle_requests for each in own):.1f}",
                str(max(each.traffic.most for each in own)),
                f"{sum(each.traffic.most < MOST_REQUESTS for each in own)}/{len(own)}",
            ]
        )
    head = [
        *("members, delay", "triples", "right", "geometric mean", "merged store's"),
        *("longest ratio", f"at most {MOST_TIMES_AS_LONG}", "requests", "oracle's"),
        *("most at a member", f"under {MOST_REQUESTS}"),
    ]
    return write_table(head, rows)


def compare_queries(run: Results) -> str:
    """Write a row a template: our time beside the merged store's, and the requests."""
    rows = []
    for template in dict.fromkeys(each.template for each in run.measurements):
        own, queries = run.of(OURS, template), run.queries(template)
        ratios = [ratio for query in queries if (ratio := run.ratio(query)) is not None]
        rows.append(
            [
                template,
                f"{sum(each.verdict is Verdict.RIGHT for each in own)}/{len(own)}",
                _milliseconds(run.seconds(OURS, query) for query in queries),
                _milliseconds(run.seconds(MERGED, query) for query in queries),
                f"{max(ratios):.1f}" if ratios else _NOTHING,
                f"{statistics.fmean(each.traffic.requests for each in own):.1f}",
                f"{statistics.fmean(each.oracle_requests for each in own):.1f}",
                str(max(each.traffic.most for each in own)),
                f"{statistics.fmean(each.traffic.rows for each in own):,.0f}",
                f"{statistics.fmean(each.right_rows for each in own):,.0f}",
            ]
        )
    head = [
        *("query", "right", "geometric mean", "merged store's", "longest ratio", "requests"),
        *("oracle's", "most at a member", "rows fetched", "rows"),
    ]
    return write_table(head, rows)


def compare_engines(run: Results) -> str:
    """Write a row an engine; what it answers wrong counts in no time."""
    rows = []
    for engine in dict.fromkeys(each.engine for each in run.measurements):
        own = run.of(engine)
        common = [
            (ours, theirs)
            for query in run.queries()
            if (ours := run.seconds(OURS, query)) and (theirs := run.seconds(engine, query))
        ]
        longer = [theirs / ours for ours, theirs in common]
        rows.append(
            [
                engine,
                *(str(sum(each.verdict is verdict for each in own)) for verdict in Verdict),
                _milliseconds(run.seconds(engine, query) for query in run.queries()),
                f"{statistics.geometric_mean(longer):.2f}" if longer else _NOTHING,
                str(len(common)),
                f"{statistics.fmean(each.traffic.requests for each in own):.1f}",
                f"{statistics.fmean(each.traffic.rows for each in own):,.0f}",
            ]
        )
    head = [
        *("engine", *Verdict, "geometric mean", "times as long as ours", "queries both have right"),
        *("requests", "rows fetched"),
    ]
    return write_table(head, rows)


def _milliseconds(values: Iterable[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{statistics.geometric_mean(known) * 1000:,.1f} ms" if known else _NOTHING


def _write(runs: Sequence[Results]) -> str:
    alone = [run for run in runs if {each.engine for each in run.measurements} <= {OURS, MERGED}]
    parts = [compare_sizes(alone)] if alone else []
    for run in alone:
        if run.members == 20 and run.delay == 0:
            parts += [f"Query by query, {run.title}:", compare_queries(run)]
    for run in runs:
        if run not in alone:
            parts += [f"Side by side in one go, {run.title}:", compare_engines(run)]
    return "\n\n".join([*parts, *dict.fromkeys(run.machine for run in runs)])


def main() -> None:
    """Write what the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--markdown", action="store_true", help="write docs/benchmarks.md")
    arguments = parser.parse_args()
    text = _write([Results.read(path) for path in arguments.files])
    print(text)
    if arguments.markdown:
        write_section("federation_clinic", text)


if __name__ == "__main__":
    main()
