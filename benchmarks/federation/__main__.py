"""Run engines side by side: ``python -m benchmarks.federation --benchmark shop --members 20``."""

import argparse
import json
import signal
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import is_dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import cast

from rich.console import Console
from rich.progress import Progress

from benchmarks.federation.checking import Verdict
from benchmarks.federation.engines import ENGINES, make_engine
from benchmarks.federation.engines.base import Engine
from benchmarks.federation.engines.endpoint import EndpointEngine
from benchmarks.federation.faults import FAULT_HELP, read_fault
from benchmarks.federation.measurement import Measurement
from benchmarks.federation.members import ServedMembers, serve_members
from benchmarks.federation.oracle import Oracle
from benchmarks.federation.preparation import PreparedMembers, prepare_members
from benchmarks.federation.profiler import profile_queries
from benchmarks.federation.proxy import Fault
from benchmarks.federation.report import write_faults
from benchmarks.federation.results import RunResults, find_results, write_document
from benchmarks.federation.runner import run_queries
from benchmarks.federation.templates import Benchmark, BenchmarkQuery, draw_queries
from benchmarks.federation.traffic import RequestTrace
from benchmarks.reporting import describe_machine, write_section

# Where the first members are the same at all sizes, queries are drawn from so many of them.
BENCHMARKS: dict[str, tuple[str, int | None]] = {
    "shop": ("benchmarks.federation.shop:ShopBenchmark", 20),
    "clinic": ("benchmarks.federation.clinic:ClinicBenchmark", None),
}
_PROFILED = 3
_PROFILE_SECONDS = 15
_CONSOLE = Console(stderr=True)


def main() -> None:
    """Run what the arguments say."""
    arguments = _read_arguments()
    signal.signal(signal.SIGTERM, _end)
    benchmark, drawn_from = _make_benchmark(arguments.benchmark, arguments.scale)
    with Progress(*Progress.get_default_columns(), console=_CONSOLE) as progress:
        prepared = _prepare(benchmark, arguments, progress)
        queries = _draw(benchmark, prepared, drawn_from, arguments)
        oracle = Oracle(prepared.merge(), prepared.holdings())
        with ExitStack() as stack:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="federation")))
            members = stack.enter_context(serve_members(prepared, directory))
            members.set_conditions(arguments.delay / 1000, _faults(prepared, arguments))
            engines = [make_engine(name) for name in [*arguments.engines, *arguments.command]]
            measurements = _measure(members, oracle, engines, queries, arguments, progress)
            sizes = members.resident_bytes()
            results = _collect(measurements, prepared, queries, arguments, sizes)
            if arguments.profile:
                print(_profile(members, engines, queries, measurements, arguments))
    print(results.write())
    results.save(arguments.output or _results_path(arguments))
    if arguments.markdown:
        found = find_results(_results_path(arguments).parent, arguments.benchmark)
        write_section(f"federation_{arguments.benchmark}", write_document(found))


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.federation", description=__doc__)
    parser.add_argument("--benchmark", choices=sorted(BENCHMARKS), default="shop")
    parser.add_argument("--members", type=int, default=20)
    parser.add_argument("--scale", type=float, default=1.0, help="size of members; clinic only")
    parser.add_argument("--delay", type=float, default=0.0, help="milliseconds a request")
    parser.add_argument(
        "--fault",
        action="append",
        type=read_fault,
        default=[],
        metavar="MEMBER=KIND:ARGUMENT",
        help=FAULT_HELP,
    )
    parser.add_argument(
        "--engines",
        type=lambda text: text.split(","),
        default=["hereditary"],
        help=f"of {', '.join(ENGINES)}; all others are compared with the first",
    )
    parser.add_argument(
        "--command",
        action="append",
        default=[],
        metavar="NAME=COMMAND[@/PATH]",
        help="one more engine: a program that serves SPARQL at {port} over {members}, a file of "
        "URLs, or over {description}, a federation description",
    )
    parser.add_argument("--templates", type=lambda text: text.split(","), help="all by default")
    parser.add_argument("--instances", type=int, default=10, help="of each template")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds a query")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--data", type=Path, default=Path("build/federation"), help="where prepared data is kept"
    )
    parser.add_argument("--output", type=Path, help="where the results go, if not to the others")
    parser.add_argument("--trace", type=Path, help="where all requests go (JSON, a line each)")
    parser.add_argument("--markdown", action="store_true", help="write all results to the docs")
    parser.add_argument(
        "--profile", type=Path, help="where stacks of the slowest queries of the first engine go"
    )
    return parser.parse_args()


def _faults(prepared: PreparedMembers, arguments: argparse.Namespace) -> dict[str, Fault]:
    unknown = [name for name, _ in arguments.fault if name not in prepared.triples]
    if unknown:
        names = ", ".join(prepared.triples)
        raise SystemExit(f"no member is called {unknown[0]}; they are {names}")
    return dict(arguments.fault)


def _end(_signal: int, _frame: object) -> None:
    raise SystemExit(143)


def _make_benchmark(name: str, scale: float) -> tuple[Benchmark, int | None]:
    place, drawn_from = BENCHMARKS[name]
    module, _, factory = place.partition(":")
    benchmark = cast("Benchmark", getattr(import_module(module), factory)())
    if scale == benchmark.scale:
        return benchmark, drawn_from
    if not is_dataclass(benchmark):
        raise SystemExit(f"{name} has one scale only")
    return cast("Benchmark", replace(benchmark, scale=scale)), drawn_from  # type: ignore[type-var]


def _prepare(
    benchmark: Benchmark, arguments: argparse.Namespace, progress: Progress
) -> PreparedMembers:
    task = progress.add_task("members", total=arguments.members)
    directory = arguments.data / f"{_name_members(arguments)}-{arguments.seed}"
    prepared = prepare_members(
        benchmark,
        arguments.members,
        arguments.seed,
        directory,
        lambda ready: progress.update(task, completed=ready),
    )
    progress.update(task, completed=arguments.members)
    return prepared


def _draw(
    benchmark: Benchmark,
    prepared: PreparedMembers,
    drawn_from: int | None,
    arguments: argparse.Namespace,
) -> list[BenchmarkQuery]:
    wanted = arguments.templates
    templates = [each for each in benchmark.templates if not wanted or each.name in wanted]
    store = prepared.merge(drawn_from)
    return list(draw_queries(store, templates, arguments.instances, arguments.seed))


def _measure(
    members: ServedMembers,
    oracle: Oracle,
    engines: Sequence[Engine],
    queries: Sequence[BenchmarkQuery],
    arguments: argparse.Namespace,
    progress: Progress,
) -> list[Measurement]:
    total = len(engines) * len(queries) * arguments.repeats
    task = progress.add_task("queries", total=total)

    def show(measurement: Measurement) -> None:
        progress.advance(task)
        if measurement.verdict is not Verdict.RIGHT:
            progress.console.print(write_faults([measurement]), markup=False)

    with ExitStack() as stack:
        on_requests = None
        if arguments.trace:
            output = stack.enter_context(arguments.trace.open("w", encoding="utf-8"))

            def on_requests(query: str, engine: str, requests: Sequence[RequestTrace]) -> None:
                for request in requests:
                    record = {"query_name": query, "engine": engine, **vars(request)}
                    output.write(json.dumps(record) + "\n")

        return run_queries(
            members,
            oracle,
            engines,
            queries,
            timeout=arguments.timeout,
            repeats=arguments.repeats,
            on_measurement=show,
            on_requests=on_requests,
        )


def _collect(
    measurements: Sequence[Measurement],
    prepared: PreparedMembers,
    queries: Sequence[BenchmarkQuery],
    arguments: argparse.Namespace,
    sizes: tuple[int, int],
) -> RunResults:
    return RunResults(
        benchmark=arguments.benchmark,
        members=arguments.members,
        delay=arguments.delay,
        seed=arguments.seed,
        triples=prepared.triples,
        resident=sizes[0] / 2**20,
        unshared=sizes[1] / 2**20,
        machine=describe_machine(),
        queries={query.name: query.text for query in queries},
        measurements=tuple(measurements),
    )


def _results_path(arguments: argparse.Namespace) -> Path:
    name = f"{_name_members(arguments)}-{arguments.delay:g}.json"
    # What was measured with faults must not stand for what was measured without.
    return Path(arguments.data) / ("faults" if arguments.fault else "results") / name


def _name_members(arguments: argparse.Namespace) -> str:
    scale = "" if arguments.scale == 1 else f"x{arguments.scale:g}"
    return f"{arguments.benchmark}{scale}-{arguments.members}"


def _profile(
    members: ServedMembers,
    engines: Sequence[Engine],
    queries: Sequence[BenchmarkQuery],
    measurements: Sequence[Measurement],
    arguments: argparse.Namespace,
) -> str:
    """Profile the first engine over the queries that took it longest."""
    engine = engines[0]
    if not isinstance(engine, EndpointEngine):
        raise SystemExit(f"{engine.name} is no process of its own; there is nothing to attach to")
    own = {each.query: each.seconds or 0 for each in measurements if each.engine == engine.name}
    slowest = sorted(queries, key=lambda query: -own[query.name])[:_PROFILED]
    arguments.profile.mkdir(parents=True, exist_ok=True)
    engine.start(members.federation)
    try:
        table = profile_queries(
            engine,
            slowest,
            arguments.profile,
            seconds=_PROFILE_SECONDS,
            timeout=arguments.timeout,
        )
    finally:
        engine.stop()
    names = ", ".join(f"{query.name} ({own[query.name] * 1000:.0f} ms)" for query in slowest)
    return f"The slowest: {names}\n\n{table}"


if __name__ == "__main__":
    main()
