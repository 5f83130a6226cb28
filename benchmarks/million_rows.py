"""Answers of a million rows: when the first row comes, and what the mediator costs a term.

Two hospitals with half a million visits each and a registry with 100,000 patients, each an
``oxigraph serve-read-only`` process; the mediator is what ``hkg serve`` serves, in a process of
its own. The client reads TSV as it comes and notes when it has the first row. The mediator's
processor time is the system's count of its process alone, user and system together.
"""

import argparse
import http.client
import io
import os
import shutil
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import polars as pl
import pyoxigraph as ox

from benchmarks.federation.preparation import find_oxigraph
from benchmarks.federation.processes import ServiceProcess, take_free_ports
from benchmarks.reporting import describe_machine, write_section, write_table
from benchmarks.services import serve_process
from hereditary_kg.sites.profiling import profile_store

VISITS = 1_000_000
PATIENTS = 100_000
CODES = 5_000
SHARED = 300_000
MOST_FIRST = 10.0
"""Percent of the whole time after which the first row is to be there."""
MOST_MICROSECONDS = 1.5
"""Microseconds of the mediator's processor time that a term of a scan may cost."""

_EX = "http://example.org/"
_INTEGER = "http://www.w3.org/2001/XMLSchema#integer"
_PREFIX = f"PREFIX ex: <{_EX}>\n"
_START_SECONDS = 60.0
_READ = 1 << 16
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Case:
    """A query and its answer.

    Attributes:
        title: what people read.
        text: the query.
        expected: gives the answer, rows in any order.
        scan: whether it does nothing but fetch, so that its terms' cost has a target.
        streams: whether its rows can be handed on while they come.
    """

    title: str
    text: str
    expected: Callable[[], pl.DataFrame]
    scan: bool = False
    streams: bool = True


@dataclass(frozen=True)
class Measurement:
    """What one answer took.

    Attributes:
        seconds: from the request to the answer's last byte.
        first: from the request to the end of the first row.
        processor: the mediator's processor time in seconds.
    """

    seconds: float
    first: float
    processor: float


def iri(kind: str, number: pl.Expr | int) -> pl.Expr:
    """Name things, each number one."""
    digits = number if isinstance(number, pl.Expr) else pl.lit(number)
    return pl.format("<{}{}/{}>", pl.lit(_EX), pl.lit(kind), digits.cast(pl.String).str.zfill(7))


def integer(number: pl.Expr) -> pl.Expr:
    """Write numbers as literals."""
    return pl.format('"{}"^^<{}>', number, pl.lit(_INTEGER))


def numbers(first: int, end: int) -> pl.DataFrame:
    """Give a column ``n`` of numbers."""
    return pl.DataFrame({"n": pl.arange(first, end, eager=True)})


_N = pl.col("n")
_PATIENT = _N * 7919 % PATIENTS
_VALUE = _N % 100
_BORN = 1900 + _N % 100
_LIMIT = 94 + _N % 7


def visits() -> pl.DataFrame:
    """Give all visits, with what the registry says of their patients, as numbers."""
    patients = numbers(0, PATIENTS).select(
        patient=_N, born=_BORN, limit=_LIMIT, died=pl.when(_N % 5 < 2).then(_BORN + 80)
    )
    seen = numbers(0, VISITS).select(visit=_N, patient=_PATIENT, value=_VALUE)
    return seen.join(patients, on="patient", how="left", maintain_order="left")


def written(frame: pl.DataFrame) -> pl.DataFrame:
    """Write numbers as the terms that they stand for."""
    named = {"visit", "patient", "record", "code"}
    return frame.select(
        (iri(name, pl.col(name)) if name in named else integer(pl.col(name))).alias(name)
        for name in frame.columns
    )


def coded() -> pl.DataFrame:
    """Give the coded records of both hospitals, each once."""
    return written(numbers(0, VISITS).select(record=_N, code=_N % CODES))


_SEEN = "?visit ex:patient ?patient"
CASES = (
    Case(
        "scan, nothing shared",
        f"SELECT ?visit ?patient {{ {_SEEN} }}",
        lambda: written(visits().select("visit", "patient")),
        scan=True,
    ),
    Case(
        "scan, 30 % of the rows at both",
        "SELECT ?record ?code { ?record ex:code ?code }",
        coded,
        scan=True,
    ),
    Case(
        "DISTINCT over a UNION of two scans",
        f"SELECT DISTINCT ?visit {{ {{ {_SEEN} }} UNION {{ ?visit ex:value ?value }} }}",
        lambda: written(visits().select("visit")),
    ),
    Case(
        "join with the registry",
        f"SELECT ?visit ?patient ?born {{ {_SEEN} . ?patient ex:born ?born }}",
        lambda: written(visits().select("visit", "patient", "born")),
    ),
    Case(
        "OPTIONAL at the registry",
        f"SELECT ?visit ?patient ?died {{ {_SEEN} OPTIONAL {{ ?patient ex:died ?died }} }}",
        lambda: written(visits().select("visit", "patient", "died")),
    ),
    Case(
        "FILTER over values of two members",
        "SELECT ?visit ?value ?limit { "
        f"{_SEEN} ; ex:value ?value . ?patient ex:limit ?limit FILTER(?value <= ?limit) }}",
        lambda: written(
            visits().filter(pl.col("value") <= pl.col("limit")).select("visit", "value", "limit")
        ),
    ),
    Case(
        "ORDER BY",
        f"SELECT ?visit ?patient {{ {_SEEN} }} ORDER BY ?patient ?visit",
        lambda: written(visits().select("visit", "patient").sort("patient", "visit")),
        streams=False,
    ),
)


def hospital(first: int, end: int, coded_from: int, coded_to: int) -> Iterable[pl.DataFrame]:
    """Give a hospital's triples."""
    yield _triples(numbers(first, end), "visit", "patient", iri("patient", _PATIENT))
    yield _triples(numbers(first, end), "visit", "value", integer(_VALUE))
    yield _triples(numbers(coded_from, coded_to), "record", "code", iri("code", _N % CODES))


def registry() -> Iterable[pl.DataFrame]:
    """Give the registry's triples."""
    yield _triples(numbers(0, PATIENTS), "patient", "born", integer(_BORN))
    yield _triples(numbers(0, PATIENTS), "patient", "limit", integer(_LIMIT))
    dead = numbers(0, PATIENTS).filter(_N % 5 < 2)
    yield _triples(dead, "patient", "died", integer(_BORN + 80))


def _triples(frame: pl.DataFrame, kind: str, predicate: str, target: pl.Expr) -> pl.DataFrame:
    line = pl.format("{} <{}{}> {} .", iri(kind, _N), pl.lit(_EX), pl.lit(predicate), target)
    return frame.select(line=line)


_HALF, _ALONE = VISITS // 2, (VISITS - SHARED) // 2
MEMBERS: dict[str, Callable[[], Iterable[pl.DataFrame]]] = {
    "east": lambda: hospital(0, _HALF, 0, _ALONE + SHARED),
    "west": lambda: hospital(_HALF, VISITS, _ALONE, VISITS),
    "registry": registry,
}


def prepare(directory: Path) -> None:
    """Load and profile the members where that is not done yet."""
    for name, data in MEMBERS.items():
        profile = directory / f"{name}.profile"
        if profile.is_file():
            continue
        shutil.rmtree(directory / name, ignore_errors=True)
        (directory / name).mkdir(parents=True)
        store = ox.Store(directory / name)
        for lines in data():
            document = io.BytesIO()
            lines.write_csv(document, include_header=False, quote_style="never")
            store.bulk_load(document.getvalue(), format=ox.RdfFormat.N_TRIPLES)
        store.optimize()
        profile.write_bytes(profile_store(store, f"{name}-1").to_json())


@contextmanager
def serve(directory: Path) -> Iterator[tuple[str, int]]:
    """Serve the members and the federation.

    Yields:
        The URL of the federation's endpoint, and its process's id.
    """
    program = find_oxigraph()
    if program is None:
        raise SystemExit("there is no program oxigraph; pip install oxigraph")
    text = 'name = "benchmark"\n'
    with ExitStack() as stack:
        for name, port in zip(MEMBERS, take_free_ports(len(MEMBERS)), strict=True):
            place = ["--location", str(directory / name), "--bind", f"127.0.0.1:{port}"]
            command = [str(program), "serve-read-only", *place]
            process = ServiceProcess(command, port, directory / f"{name}.log")
            stack.callback(process.stop)
            process.wait_until_listening(_START_SECONDS)
            text += f'\n[[member]]\nname = "{name}"\nurl = "http://127.0.0.1:{port}/query"\n'
            text += f'profile = "{(directory / name).resolve()}.profile"\n'
        description = directory / "federation.toml"
        description.write_text(text, encoding="utf-8")
        yield stack.enter_context(serve_process("federation", description))


def ask(url: str, process: int, text: str) -> tuple[Measurement, bytes]:
    """Ask a query and read its answer while it comes."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.netloc)
    body = urlencode({"query": _PREFIX + text})
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Accept": "text/tab-separated-values",
    }
    used = processor_seconds(process)
    started = time.perf_counter()
    connection.request("POST", address.path, body, headers)
    response = connection.getresponse()
    content = bytearray()
    first = 0.0
    while chunk := response.read1(_READ):
        content += chunk
        # The first line is the header.
        if not first and content.count(b"\n") > 1:
            first = time.perf_counter() - started
    seconds = time.perf_counter() - started
    connection.close()
    if response.status != 200:
        raise SystemExit(f"the mediator answers {response.status}: {bytes(content[:500])!r}")
    return Measurement(seconds, first, processor_seconds(process) - used), bytes(content)


def processor_seconds(process: int) -> float:
    """Give the processor time that a process has taken so far, without its children."""
    # The name in brackets, the second field, may hold blanks.
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def check(case: Case, content: bytes) -> tuple[int, int]:
    """Compare an answer with the right one.

    Returns:
        Its rows, and its bound terms.

    Raises:
        SystemExit: it is another one.
    """
    expected = case.expected()
    schema = {f"?{name}": pl.String for name in expected.columns}
    found = pl.read_csv(io.BytesIO(content), separator="\t", quote_char=None, schema=schema)
    found.columns = expected.columns
    if case.streams:
        found, expected = found.sort(found.columns), expected.sort(expected.columns)
    if not found.equals(expected):
        raise SystemExit(f"{case.title}: not the right answer; nothing is reported")
    return found.height, sum(found.height - column.null_count() for column in found)


def measure_case(url: str, process: int, case: Case, repeats: int) -> tuple[str, ...]:
    """Ask a query several times; every answer is checked before a time is taken for it."""
    taken = []
    for _ in range(repeats):
        measured, content = ask(url, process, case.text)
        rows, terms = check(case, content)
        taken.append(measured)
    seconds = statistics.median(each.seconds for each in taken)
    first = statistics.median(each.first for each in taken)
    processor = statistics.median(each.processor for each in taken)
    return (
        case.title,
        f"{rows:,}",
        f"{terms:,}",
        f"{seconds:.2f} s",
        f"{first * 1000:,.0f} ms",
        f"{100 * first / seconds:.1f} %",
        f"{processor:.2f} s",
        f"{processor / terms * 1e6:.2f} µs",
    )


HEAD = ("query", "rows", "terms", "whole", "first row", "of whole", "processor", "a term")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", help="ask only the queries whose title has this in it")
    parser.add_argument(
        "--directory",
        type=Path,
        default=Path("build/million_rows"),
        help="where the members' data are kept from one run to the next",
    )
    parser.add_argument("--markdown", action="store_true", help="write docs/benchmarks.md as well")
    arguments = parser.parse_args()
    prepare(arguments.directory)
    with serve(arguments.directory) as (url, process):
        # Profiles are read and code is loaded before the first time is taken.
        ask(url, process, f"SELECT * {{ {_SEEN} }} LIMIT 1")
        table = [
            measure_case(url, process, case, arguments.repeats)
            for case in CASES
            if arguments.only is None or arguments.only in case.title
        ]
    parts = [
        write_table(HEAD, table),
        f"Median of {arguments.repeats} turns.",
        describe_machine(),
    ]
    text = "\n\n".join(parts)
    print(text)
    if arguments.markdown:
        write_section("million_rows", text)


if __name__ == "__main__":
    main()
