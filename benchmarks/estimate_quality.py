"""How good the planner's estimates are: its rows beside the actual ones, over benchmark queries.

The members of the shop and of the clinic are Oxigraph stores in this process. Every answer is
checked against one store with all data before anything is reported. Only steps count whose
estimate and rows are about the same: none that is asked for bindings of another, and none of which
the rest was not wanted.

Source of the measure: Moerkotte, Neumann and Steidl, Preventing Bad Plans by Bounding the Impact
of Cardinality Estimation Errors, PVLDB 2009.
"""

import argparse
import asyncio
import math
import statistics
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pyoxigraph as ox

from benchmarks.federation.checking import Verdict, judge_answer
from benchmarks.federation.clinic import ClinicBenchmark
from benchmarks.federation.preparation import PreparedMembers, prepare_members
from benchmarks.federation.shop import ShopBenchmark
from benchmarks.federation.templates import Benchmark, BenchmarkQuery, draw_queries
from benchmarks.reporting import write_section, write_table
from hereditary_kg.execution.engine import AsyncFederation
from hereditary_kg.federation.description import FederationDescription, MemberDescription
from hereditary_kg.federation.member import Member
from hereditary_kg.federation.transport import (
    DATA_VERSION_HEADER,
    EmbeddedTransport,
    FetchedProfile,
    TransportRequest,
    TransportResponse,
)
from hereditary_kg.rdf.tsv_reading import parse_tsv

MEMBERS = 20
SEED = 1
BENCHMARKS: tuple[Callable[[], Benchmark], ...] = (ShopBenchmark, ClinicBenchmark)


@dataclass(frozen=True)
class Step:
    """A step of a plan that has run.

    Attributes:
        query: the name of the query.
        kind: what it does.
        estimate: the rows that were expected.
        rows: those that came.
        q_error: by what factor the estimate is off.
    """

    query: str
    kind: str
    estimate: float
    rows: int
    q_error: float


class PreparedTransport(EmbeddedTransport):
    """A store whose profile lies in a file, as that of an endpoint which publishes none."""

    @asynccontextmanager
    async def send(self, request: TransportRequest) -> AsyncIterator[TransportResponse]:
        """Evaluate the query."""
        async with super().send(request) as response:
            headers = {k: v for k, v in response.headers.items() if k != DATA_VERSION_HEADER}
            yield replace(response, headers=headers)

    async def fetch_profile(self, etag: str | None) -> FetchedProfile | None:  # noqa: ARG002
        """Give no profile of its own."""
        return None


def federate(prepared: PreparedMembers) -> AsyncFederation:
    """Make a federation of prepared members in this process."""
    members = []
    for name in prepared.triples:
        store = ox.Store()
        store.bulk_load(path=str(prepared.document(name)), format=ox.RdfFormat.N_QUADS)
        description = MemberDescription(name, profile=prepared.profile(name))
        members.append(Member(description, PreparedTransport(store)))
    descriptions = tuple(member.description for member in members)
    return AsyncFederation(FederationDescription("benchmark", members=descriptions), members)


async def run_queries(
    federation: AsyncFederation, queries: Sequence[BenchmarkQuery], merged: ox.Store
) -> list[Step]:
    """Answer queries, and give the steps of their plans that can be compared.

    Raises:
        SystemExit: an answer is not that of the merged store.
    """
    steps = []
    for query in queries:
        result = await federation.query(query.text)
        solutions = merged.query(query.text)
        if not isinstance(solutions, ox.QuerySolutions):
            raise SystemExit(f"{query.name} is no SELECT query")
        right = parse_tsv(solutions.serialize(format=ox.QueryResultsFormat.TSV) or b"")
        if judge_answer(right, result.frame, ordered=query.ordered) is not Verdict.RIGHT:
            raise SystemExit(f"{query.name} has another answer; nothing is reported")
        for step in result.plan.steps():
            if step.q_error is not None and step.estimate is not None and step.rows is not None:
                kind = "requests" if step.members else "joins"
                steps.append(Step(query.name, kind, step.estimate, step.rows, step.q_error))
    return steps


def measure(benchmark: Benchmark, data: Path, instances: int) -> list[Step]:
    """Run the queries of one benchmark."""
    directory = data / f"{benchmark.name}-{MEMBERS}-{SEED}"
    prepared = prepare_members(benchmark, MEMBERS, SEED, directory)
    merged = prepared.merge()
    queries = list(draw_queries(merged, benchmark.templates, instances, SEED))
    return asyncio.run(run_queries(federate(prepared), queries, merged))


def describe(name: str, steps: Sequence[Step]) -> tuple[str, ...]:
    """Sum up the errors of steps in a line."""
    errors = sorted(step.q_error for step in steps)
    mean = math.exp(statistics.fmean(map(math.log, errors)))
    high = errors[math.ceil(0.95 * len(errors)) - 1]
    low = sum(step.estimate < step.rows for step in steps)
    return (
        name,
        f"{len(steps):,}",
        f"{mean:.2f}",
        f"{errors[(len(errors) - 1) // 2]:.2f}",
        f"{high:,.1f}",
        f"{errors[-1]:,.0f}",
        f"{low / len(steps):.0%}",
    )


def main() -> None:
    """Measure, and print or write the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.estimate_quality")
    parser.add_argument("--instances", type=int, default=10, help="of each template")
    parser.add_argument(
        "--data", type=Path, default=Path("build/federation"), help="where prepared data is kept"
    )
    parser.add_argument("--worst", type=int, default=0, help="print so many of the worst steps")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    arguments = parser.parse_args()
    rows = []
    for make in BENCHMARKS:
        benchmark = make()
        steps = measure(benchmark, arguments.data, arguments.instances)
        for kind in ("requests", "joins"):
            some = [step for step in steps if step.kind == kind]
            if some:
                rows.append(describe(f"{benchmark.name}, {kind}", some))
        rows.append(describe(f"{benchmark.name}, all", steps))
        for step in sorted(steps, key=lambda s: -s.q_error)[: arguments.worst]:
            print(f"{step.query}: {step.kind}, ~{step.estimate:,.1f}, {step.rows:,} rows")
    head = ("steps", "number", "geometric mean", "median", "95 % up to", "worst", "too low")
    table = write_table(head, rows)
    print(table)
    if arguments.write:
        write_section("estimate_quality", table)


if __name__ == "__main__":
    main()
