"""How much memory the mediator takes: long paths, a large DISTINCT, and what cannot end well.

Each member is a site in a process of its own, and so is the mediator, once for each query: its
peak is what the system counts as its resident memory (VmHWM), read when the whole answer is
there, before it is checked.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from benchmarks.reporting import describe_machine, write_section, write_table
from benchmarks.services import build_site, describe_federation, serve_process
from hereditary_kg import Federation

EDGES = 100_000
OBSERVATIONS = 600_000
SHARED = 200_000
MOST_MEMORY = 2048
"""MiB that no query may exceed."""

_EX = "http://example.org/"
_PREFIX = "PREFIX ex: <http://example.org/>\n"
_TIMEOUT = 600.0


@dataclass(frozen=True)
class Case:
    """A query, and what comes of it.

    Attributes:
        title: what people read.
        text: the query.
        expected: gives the answer, rows sorted; None where the query must be stopped.
        memory_limit: MiB that the query may hold.
    """

    title: str
    text: str
    expected: Callable[[], pl.DataFrame] | None
    memory_limit: int = 2048


def node(number: int) -> str:
    """Name a node of the chain."""
    return f"<{_EX}node/{number:06d}>"


def nodes(numbers: Iterable[int]) -> pl.DataFrame:
    """Give the expected answer of a walk."""
    return pl.DataFrame({"x": [node(number) for number in numbers]}).sort("x")


def observations() -> pl.DataFrame:
    """Give the expected answer of the DISTINCT: what either member observed."""
    rows = 2 * OBSERVATIONS - SHARED
    numbers = pl.DataFrame({"n": pl.arange(0, rows, eager=True)})
    digits = pl.col("n").cast(pl.String).str.zfill(7)
    return numbers.select(
        pl.format("<{}patient/{}>", pl.lit(_EX), digits).alias("patient"),
        pl.format('"observation {}"', pl.col("n") % 1000).alias("value"),
    ).sort("patient")


CASES = {
    "sequence": Case(
        "`<first> (ex:p/ex:q)+ ?x`",
        f"SELECT ?x {{ {node(0)} (ex:p/ex:q)+ ?x }}",
        lambda: nodes(range(2, EDGES + 1, 2)),
    ),
    "from a term": Case(
        "`<first> (ex:p|ex:q)* ?x`",
        f"SELECT ?x {{ {node(0)} (ex:p|ex:q)* ?x }}",
        lambda: nodes(range(EDGES + 1)),
    ),
    "from a row": Case(
        "`?start ex:is ex:first . ?start (ex:p|ex:q)* ?x`",
        "SELECT ?x { ?start ex:is ex:first . ?start (ex:p|ex:q)* ?x }",
        lambda: nodes(range(EDGES + 1)),
    ),
    "back": Case(
        "`?x (ex:p|ex:q)+ <last>`",
        f"SELECT ?x {{ ?x (ex:p|ex:q)+ {node(EDGES)} }}",
        lambda: nodes(range(EDGES)),
    ),
    "distinct": Case(
        "`SELECT DISTINCT ?patient ?value`",
        "SELECT DISTINCT ?patient ?value { ?patient ex:observed ?value }",
        observations,
    ),
    "open path": Case(
        "`?x (ex:p|ex:q)+ ?y`: 5,000,050,000 rows",
        "SELECT ?x ?y { ?x (ex:p|ex:q)+ ?y }",
        None,
        512,
    ),
    "open path, counted": Case(
        "the same, counted",
        "SELECT (COUNT(*) AS ?n) { ?x (ex:p|ex:q)+ ?y }",
        None,
        512,
    ),
    "product": Case(
        "all pairs of observations, sorted: 10¹² rows",
        "SELECT * { ?p ex:observed ?v . ?q ex:observed ?w } ORDER BY ?v ?w",
        None,
        512,
    ),
}


def east() -> Iterable[str]:
    """Write every other edge, and the first observations."""
    yield f"{node(0)} <{_EX}is> <{_EX}first> .\n"
    for n in range(0, EDGES, 2):
        yield f"{node(n)} <{_EX}p> {node(n + 1)} .\n"
    yield from observed(0)


def west() -> Iterable[str]:
    """Write the other edges, and the last observations."""
    for n in range(1, EDGES, 2):
        yield f"{node(n)} <{_EX}q> {node(n + 1)} .\n"
    yield from observed(OBSERVATIONS - SHARED)


def observed(first: int) -> Iterable[str]:
    """Write observations."""
    for n in range(first, first + OBSERVATIONS):
        yield f'<{_EX}patient/{n:07d}> <{_EX}observed> "observation {n % 1000}" .\n'


def run_case(case: Case, description: Path) -> dict[str, object]:
    """Ask one query in this process and say what came of it."""
    from hereditary_kg.execution.errors import MemoryLimitError

    started = time.perf_counter()
    with Federation.open(description) as federation:
        try:
            result = federation.query(
                _PREFIX + case.text, timeout=_TIMEOUT, memory_limit=case.memory_limit * 2**20
            )
        except MemoryLimitError as error:
            seconds, peak = time.perf_counter() - started, peak_memory()
            right = case.expected is None and error.plan is not None
            return {"seconds": seconds, "peak": peak, "rows": None, "right": right}
        seconds, peak = time.perf_counter() - started, peak_memory()
    frame = result.frame
    right = case.expected is not None and frame.sort(frame.columns).equals(case.expected())
    return {"seconds": seconds, "peak": peak, "rows": frame.height, "right": right}


def peak_memory() -> float:
    """Give the most resident memory that this process has had, in MiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("the system does not say how much memory was used")


def measure_all() -> str:
    """Serve both members and ask every query, each in a process of its own."""
    answered, stopped = [], []
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        urls: dict[str, str | Path] = {}
        for name, lines in (("east", east()), ("west", west())):
            site = build_site(directory, name, lines)
            url, _ = stack.enter_context(serve_process("site", site, "--timeout", str(_TIMEOUT)))
            urls[name] = url
        description = describe_federation(directory / "federation.toml", urls)
        for name, case in CASES.items():
            command = [sys.executable, "-m", "benchmarks.bounded_memory", "--case", name]
            output = subprocess.check_output([*command, "--federation", str(description)])
            found = json.loads(output)
            if not found["right"] or found["peak"] > MOST_MEMORY:
                raise SystemExit(f"{name}: not as it must be; nothing is reported: {found}")
            took = (f"{found['seconds']:.1f} s", f"{found['peak']:,.0f}")
            if case.expected is None:
                stopped.append((case.title, f"{case.memory_limit:,}", *took))
            else:
                answered.append((case.title, f"{found['rows']:,}", *took))
    return "\n\n".join(
        [
            write_table(("query", "rows", "time", "peak MiB"), answered),
            "Stopped, with the plan, because they would need more than they may hold:",
            write_table(("query", "limit MiB", "until stopped", "peak MiB"), stopped),
        ]
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--markdown", action="store_true", help="write docs/benchmarks.md as well")
    parser.add_argument("--case", choices=CASES, help="ask one query of a served federation")
    parser.add_argument("--federation", type=Path, help="that federation's description")
    arguments = parser.parse_args()
    if arguments.case is not None:
        print(json.dumps(run_case(CASES[arguments.case], arguments.federation)))
        return
    text = "\n\n".join([measure_all(), describe_machine()])
    print(text)
    if arguments.markdown:
        write_section("bounded_memory", text)


if __name__ == "__main__":
    main()
