"""Tables of figures, for the terminal and for ``docs/benchmarks.md``."""

import os
import platform
import re
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

__all__ = ["Contender", "describe_machine", "measure", "write_section", "write_table"]

DOCUMENT = Path("docs/benchmarks.md")
_LIBRARIES = ("polars", "pyoxigraph", "aiohttp", "rdflib", "SPARQLWrapper")

Value = TypeVar("Value")


@dataclass(frozen=True)
class Contender:
    """One way of doing something.

    Attributes:
        name: what people read.
        run: does it, and gives what the answer is read from.
        rows: brings that to comparable rows, outside the measured time.
    """

    name: str
    run: Callable[[], object]
    rows: Callable[[object], object]


def measure(
    contenders: Sequence[Contender], expected: object, repeats: int
) -> list[tuple[str, list[float]]]:
    """Time each contender in turns, so that what else the machine does touches all alike.

    Raises:
        SystemExit: an answer is not the expected one; no time is printed then.
    """
    times: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for _ in range(repeats):
        for contender in contenders:
            started = time.perf_counter()
            answer = contender.run()
            times[contender.name].append(time.perf_counter() - started)
            if contender.rows(answer) != expected:
                raise SystemExit(f"{contender.name} gives another answer; nothing is reported")
    return list(times.items())


def write_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table that is plain text and Markdown at once."""
    head, *rows = ([cell.replace("|", "\\|") for cell in row] for row in [head, *rows])
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        padded = [
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return "| " + " | ".join(padded) + " |"

    rule = [("-" * width) if i == 0 else "-" * (width - 1) + ":" for i, width in enumerate(widths)]
    return "\n".join([line(head), line(rule), *map(line, rows)])


def write_times(times: Sequence[tuple[str, list[float]]], rows: int) -> str:
    """Write times beside the first contender's; each the median of its repeats."""
    best = statistics.median(times[0][1])
    table = []
    for name, seconds in times:
        median = statistics.median(seconds)
        table.append(
            (
                name,
                f"{median:.2f} s",
                f"{min(seconds):.2f} to {max(seconds):.2f} s",
                f"{rows / median:,.0f}",
                f"{median / best:.1f}",
            )
        )
    return write_table(("way", "median", "range", "rows/s", "times as long"), table)


def describe_machine() -> str:
    """Describe the machine and the libraries in a line or two."""
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    model = "unknown processor"
    for text in Path("/proc/cpuinfo").read_text().splitlines():
        if text.startswith("model name"):
            model = text.partition(":")[2].strip()
            break
    libraries = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    return (
        f"{cores} cores ({model}), {memory:.0f} GiB of memory, {platform.system()}, "
        f"Python {platform.python_version()}; {libraries}."
    )


def write_section(name: str, text: str, document: Path = DOCUMENT) -> None:
    """Put a script's figures into the document, in the place that is marked for them.

    Raises:
        SystemExit: the document has no such place.
    """
    old = document.read_text(encoding="utf-8")
    place = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
    if not place.search(old):
        raise SystemExit(f"{document} has no place marked with <!-- {name} -->")
    new = place.sub(lambda match: f"{match[1]}{text.strip()}\n{match[2]}", old)
    document.write_text(new, encoding="utf-8")
