"""Cases run in several processes until one fails."""

import multiprocessing as mp
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import count
from multiprocessing.connection import Connection, wait
from pathlib import Path
from traceback import format_exception

from tests.fuzzing.cases import Case, write_case

__all__ = ["fuzz"]

REGRESSIONS = Path(__file__).parent / "regressions"
_CHUNK = 200
_TICK = 5.0


@dataclass
class _Worker:
    process: mp.process.BaseProcess
    connection: Connection
    seed: int
    case: Case | None = None
    since: float = 0.0


def _work(connection: Connection) -> None:
    """Run chunks of cases: receives (seed, number of cases), sends what happens."""
    # Here, not above: the parent need not load the engine.
    from tests.fuzzing.checking import DifferenceError
    from tests.fuzzing.searching import find_failure

    while True:
        seed, cases = connection.recv()
        found = find_failure(seed, cases, lambda case: connection.send(("case", case)))
        if found is None:
            connection.send(("done", None))
        else:
            case, error = found
            text = (
                str(error)
                if isinstance(error, DifferenceError)
                else "".join(format_exception(error))
            )
            connection.send(("failure", (case, text)))


def _start(seeds: Iterator[int], size: int) -> _Worker:
    context = mp.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    worker = _Worker(process, ours, next(seeds), since=time.monotonic())
    ours.send((worker.seed, size))
    return worker


def _keep(case: Case, why: str) -> None:
    name = sha256(f"{case.members}{case.query}".encode()).hexdigest()[:10]
    path = REGRESSIONS / f"found-{name}.json"
    write_case(replace(case, why=why.splitlines()[0]), path)
    print(f"{why}\n\nkept as {path}", file=sys.stderr)


def fuzz(cases: int, seed: int, processes: int, limit: float) -> int:
    """Run cases in several processes; give the exit code."""
    seeds = count(seed)
    workers = [_start(seeds, _CHUNK) for _ in range(processes)]
    begun = shown = time.monotonic()
    done = 0
    try:
        while not cases or done < cases:
            ready = wait([worker.connection for worker in workers], timeout=1.0)
            now = time.monotonic()
            for worker in workers:
                if worker.connection in ready:
                    try:
                        kind, value = worker.connection.recv()
                    except EOFError:
                        if worker.case is not None:
                            _keep(worker.case, "the process died")
                        return 1
                    worker.since = now
                    if kind == "case":
                        worker.case = value
                        continue
                    if kind == "failure":
                        case, why = value
                        print(f"\nseed {worker.seed}, after {done} cases:", file=sys.stderr)
                        _keep(case, why)
                        return 1
                    done += _CHUNK
                    worker.seed = next(seeds)
                    worker.connection.send((worker.seed, _CHUNK))
                elif worker.case is not None and now - worker.since > limit:
                    _keep(worker.case, f"a case took longer than {limit:g} s")
                    return 1
            if now - shown > _TICK:
                shown = now
                rate = done / (now - begun)
                print(f"\r{done} cases, {rate:.1f} a second", end="", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        pass
    finally:
        for worker in workers:
            worker.process.kill()
    print(f"\r{done} cases, no difference", file=sys.stderr)
    return 0
