"""Many clients at once, on the federation's endpoint and on one site's.

The demo's four sites are served by processes of their own, and the federation over them by
another. Every client asks several queries, one after the other; every answer is compared with
that of one Oxigraph store with all the data (for the site: with its own data).
"""

import argparse
import asyncio
import statistics
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pyoxigraph as ox

from benchmarks.reporting import describe_machine, write_section, write_table
from benchmarks.services import MemoryWatch, describe_federation, serve_process
from hereditary_kg.rdf.errors import ResultError
from hereditary_kg.rdf.tsv_reading import parse_tsv
from hereditary_kg.sites import Site

SITES = ("clinic", "registry", "genomics", "cohort")
PLANS = Path("query_plans")
RDFS_LABEL = "<http://www.w3.org/2000/01/rdf-schema#label>"
SIMPLE = (
    f"SELECT ?thing ?name WHERE {{ ?thing {RDFS_LABEL} ?name }} ORDER BY ?thing ?name LIMIT 500",
    "SELECT (COUNT(DISTINCT ?thing) AS ?count) WHERE { ?thing a ?class }",
    f"SELECT ?thing WHERE {{ ?thing {RDFS_LABEL} 'Dysphagia' }}",
)

Rows = Counter[tuple[str | None, ...]]


@dataclass
class Outcome:
    """What came of all clients' queries.

    Attributes:
        seconds: how long each right answer took.
        wrong: queries with another answer.
        failures: what went wrong instead of an answer, and how often.
    """

    seconds: list[float] = field(default_factory=list)
    wrong: int = 0
    failures: Counter[str] = field(default_factory=Counter)


def read_rows(document: bytes) -> Rows:
    """Read a TSV document as a multiset of rows."""
    return Counter(parse_tsv(document).rows())


def find_expected(sites: Sequence[Path], queries: Sequence[str]) -> dict[str, Rows]:
    """Answer the queries from one store with all the sites' data."""
    merged = ox.Store()
    for directory in sites:
        with Site.open(directory) as site:
            document = site.open_store().dump(
                format=ox.RdfFormat.N_TRIPLES, from_graph=ox.DefaultGraph()
            )
        merged.bulk_load(document, format=ox.RdfFormat.N_TRIPLES)
    expected = {}
    for query in queries:
        results = merged.query(query)
        document = results.serialize(format=ox.QueryResultsFormat.TSV)
        expected[query] = read_rows(document)
    return expected


async def ask_all(
    url: str, expected: Mapping[str, Rows], clients: int, asked: int
) -> tuple[Outcome, float]:
    """Let all clients ask at once.

    Returns:
        What came of it, and the seconds from the first query to the last answer.
    """
    outcome = Outcome()
    queries = list(expected)
    headers = {"Accept": "text/tab-separated-values"}

    async def ask(session: aiohttp.ClientSession, query: str) -> None:
        started = time.perf_counter()
        try:
            async with session.post(url, data={"query": query}, headers=headers) as response:
                body = await response.read()
                if response.status != 200:
                    outcome.failures[f"{response.status}: {body[:200].decode()}"] += 1
                    return
            taken = time.perf_counter() - started
            if read_rows(body) == expected[query]:
                outcome.seconds.append(taken)
            else:
                outcome.wrong += 1
        except (aiohttp.ClientError, TimeoutError, ResultError) as error:
            outcome.failures[f"{type(error).__name__}: {error}"] += 1

    async def be_client(number: int) -> None:
        # A client of its own: its connection is shared with nobody.
        connector = aiohttp.TCPConnector(limit=1)
        timeout = aiohttp.ClientTimeout(total=900)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            for turn in range(asked):
                await ask(session, queries[(number + turn) % len(queries)])

    started = time.perf_counter()
    await asyncio.gather(*(be_client(number) for number in range(clients)))
    return outcome, time.perf_counter() - started


def measure_service(
    name: str, url: str, process: int, expected: Mapping[str, Rows], clients: int, asked: int
) -> list[str]:
    """Measure one service and give its row of the table."""
    asyncio.run(ask_all(url, expected, 1, len(expected)))
    with MemoryWatch(process) as memory:
        outcome, seconds = asyncio.run(ask_all(url, expected, clients, asked))
    for failure, count in outcome.failures.items():
        print(f"{name}: {count} times {failure}")
    answered = sorted(outcome.seconds)
    p50, p95, p99 = (percentile(answered, share) for share in (50, 95, 99))
    return [
        name,
        f"{len(answered):,}",
        str(outcome.wrong),
        str(outcome.failures.total()),
        f"{p50:.2f} s",
        f"{p95:.2f} s",
        f"{p99:.2f} s",
        f"{len(answered) / seconds:.1f}",
        f"{memory.own:.0f}",
        f"{memory.workers:.0f}",
    ]


def percentile(ordered: Sequence[float], share: int) -> float:
    """Give a percentile of at least two sorted numbers."""
    if len(ordered) < 2:
        return float("nan")
    return statistics.quantiles(ordered, n=100, method="inclusive")[share - 1]


def run(directory: Path, clients: int, asked: int) -> str:
    """Measure both services."""
    plans = sorted(PLANS.glob("demo-*.rq"))
    queries = [plan.read_text(encoding="utf-8") for plan in plans] + list(SIMPLE)
    places = {name: directory / name for name in SITES}
    rows = []
    with ExitStack() as stack:
        urls: dict[str, str | Path] = {}
        processes = {}
        for name, place in places.items():
            workers = "2" if name == "clinic" else "1"
            served = serve_process("site", place, "--workers", workers, "--timeout", "900")
            urls[name], processes[name] = stack.enter_context(served)
        description = describe_federation(directory / "benchmark.toml", urls)
        stack.callback(description.unlink)
        served = serve_process("federation", description, "--timeout", "900")
        url, process = stack.enter_context(served)
        everything = find_expected(list(places.values()), queries)
        row = measure_service("federation", url, process, everything, clients, asked)
        rows.append(row)
        clinic = find_expected([places["clinic"]], queries)
        row = measure_service(
            "site", str(urls["clinic"]), processes["clinic"], clinic, clients, asked
        )
        rows.append(row)
    head = (
        "service",
        "answered",
        "wrong",
        "failed",
        "p50",
        "p95",
        "p99",
        "queries/s",
        "MiB",
        "MiB of workers",
    )
    return write_table(head, rows)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--queries", type=int, default=3, help="queries of each client")
    parser.add_argument(
        "--sites",
        type=Path,
        default=Path("endpoints/demo/sites/scale-0.1"),
        help="the demo's sites, as `python -m endpoints.demo.build --scale 0.1` builds them",
    )
    parser.add_argument("--markdown", action="store_true", help="write docs/benchmarks.md as well")
    arguments = parser.parse_args()
    if not (arguments.sites / "clinic").is_dir():
        parser.error(f"{arguments.sites} has no sites; build them first (see --help)")
    table = run(arguments.sites, arguments.clients, arguments.queries)
    text = "\n\n".join(
        [
            f"{arguments.clients} clients at once, {arguments.queries} queries each.",
            table,
            describe_machine(),
        ]
    )
    print(text)
    if arguments.markdown:
        write_section("concurrent_clients", text)


if __name__ == "__main__":
    main()
