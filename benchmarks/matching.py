"""How well terms are matched: precision, recall, F1 and calibration, beside OAK's lexmatch.

Weights, thresholds and calibration are the package's own for all tasks; none was fitted to one of
them. A task's time is that of one core, from terminologies in memory to proposals. OAK runs in a
virtual environment of its own, which this script makes once; it reads the same names, written as
OBO.
"""

import argparse
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.matching_lexmatch import LexmatchError, run_lexmatch
from benchmarks.matching_tasks import TASKS, Pairs, Task
from benchmarks.reporting import write_section, write_table
from hereditary_kg.semantics.matching import Proposal, match

DATA = Path("../shared/data")
_BINS = 10


@dataclass(frozen=True)
class Quality:
    """How good proposals are.

    Attributes:
        precision: the share of proposals that are right.
        recall: the share of right pairs that are proposed.
        error: the expected calibration error; None where there is no confidence.
    """

    precision: float
    recall: float
    error: float | None = None

    @property
    def f1(self) -> float:
        """The harmonic mean of both."""
        whole = self.precision + self.recall
        return 2 * self.precision * self.recall / whole if whole else 0.0


def judge(found: Mapping[tuple[str, str], float | None], truth: Pairs, ignored: Pairs) -> Quality:
    """Compare proposals, with their confidence, with what is right."""
    counted = {pair: sure for pair, sure in found.items() if pair not in ignored}
    right = sum(pair in truth for pair in counted)
    sures = [(sure, pair in truth) for pair, sure in counted.items() if sure is not None]
    error = calibration_error(sures) if sures and len(sures) == len(counted) else None
    return Quality(right / max(1, len(counted)), right / len(truth), error)


def calibration_error(sures: Iterable[tuple[float, bool]]) -> float:
    """Give the expected calibration error over ten bins of equal width.

    Source: Naeini, Cooper and Hauskrecht, AAAI 2015.
    """
    bins: dict[int, list[tuple[float, bool]]] = {}
    for sure, right in sures:
        bins.setdefault(min(_BINS - 1, int(sure * _BINS)), []).append((sure, right))
    total = sum(map(len, bins.values()))
    return sum(
        abs(sum(sure for sure, _ in each) - sum(right for _, right in each))
        for each in bins.values()
    ) / max(1, total)


def as_found(proposals: Iterable[Proposal]) -> dict[tuple[str, str], float | None]:
    """Give the pairs of proposals with their confidence."""
    return {(each.subject, each.object): each.confidence for each in proposals}


def describe(way: str, quality: Quality, seconds: float | None, task: Task) -> tuple[str, ...]:
    """Sum a way's figures up in a line."""
    return (
        f"{task.name}, {way}",
        f"{quality.precision:.3f}",
        f"{quality.recall:.3f}",
        f"{quality.f1:.3f}",
        "" if quality.error is None else f"{quality.error:.3f}",
        "" if seconds is None else f"{seconds:.1f} s",
    )


def measure(task: Task, oak: bool) -> tuple[list[tuple[str, ...]], list[str]]:
    """Match one task in all ways; give lines, and what could not be done."""
    lines, notes = [], []
    for way, with_twins in (("one-to-one", False), ("with twins", True)):
        started = time.process_time()
        proposals = match(task.one, task.other, evidence=task.evidence, with_twins=with_twins)
        seconds = time.process_time() - started
        quality = judge(as_found(proposals), task.truth, task.ignored)
        lines.append(describe(way, quality, seconds, task))
        if with_twins and quality.f1 < task.target:
            notes.append(f"{task.name}: F1 {quality.f1:.3f} is below {task.target:.2f}.")
    if oak:
        try:
            found, seconds = run_lexmatch(task)
            quality = judge(found, task.truth, task.ignored)
            lines.append(describe("OAK lexmatch", quality, seconds, task))
        except LexmatchError as error:
            notes.append(f"{task.name}: OAK's lexmatch gave nothing: {error}")
    return lines, notes


def main() -> None:
    """Measure, and print or write the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.matching")
    parser.add_argument("--data", type=Path, default=DATA, help="the reference data")
    parser.add_argument("--task", action="append", choices=list(TASKS), help="only this one")
    parser.add_argument("--no-oak", action="store_true", help="leave OAK's lexmatch out")
    parser.add_argument("--markdown", action="store_true", help="write docs/benchmarks.md")
    arguments = parser.parse_args()
    rows: list[tuple[str, ...]] = []
    notes: list[str] = []
    for name in arguments.task or TASKS:
        lines, said = measure(TASKS[name](arguments.data), not arguments.no_oak)
        rows += lines
        notes += said
    head = ("task and way", "precision", "recall", "F1", "calibration error", "CPU time")
    text = "\n\n".join([write_table(head, rows), *notes])
    print(text)
    if arguments.markdown:
        write_section("matching", text)


if __name__ == "__main__":
    main()
