"""Cases run in several processes until one fails."""

import faulthandler
import multiprocessing as mp
import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
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


class _EndError(Exception):
    """The run is over: something was found."""


@dataclass
class _Worker:
    """A process that runs chunks of cases, and what it is at."""

    process: mp.process.BaseProcess
    connection: Connection
    seed: int
    deaths: int = 0
    case: Case | None = None
    since: float = field(default_factory=time.monotonic)


def fuzz(cases: int, seed: int, processes: int, limit: float) -> int:
    """Run cases in several processes.

    Args:
        cases: stop after so many; 0 for never.
        seed: of the first chunk of cases; the next chunk has the next number.
        processes: how many.
        limit: seconds for one case.

    Returns:
        The exit code: 0 where nothing was found, 1 otherwise.
    """
    seeds = count(seed)
    workers = [_start(next(seeds)) for _ in range(processes)]
    begun = shown = time.monotonic()
    done = 0
    try:
        while not cases or done < cases:
            ready = wait([worker.connection for worker in workers], timeout=1.0)
            for number, worker in enumerate(workers):
                if worker.connection not in ready:
                    _check_time(worker, limit)
                    continue
                try:
                    done += _take(worker, seeds)
                except EOFError:
                    workers[number] = _restart(worker)
            if time.monotonic() - shown > _TICK:
                shown = time.monotonic()
                rate = done / (shown - begun)
                print(f"\r{done} cases, {rate:.1f} a second", end="", file=sys.stderr, flush=True)
    except _EndError as found:
        print(f"\nafter {done} cases: {found}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    finally:
        for worker in workers:
            worker.process.kill()
    print(f"\r{done} cases, no difference", file=sys.stderr)
    return 0


def _work(connection: Connection) -> None:
    """Run chunks of cases: receives seeds, sends what happens."""
    # Here, not above: the parent needs no engine.
    from tests.fuzzing.checking import DifferenceError
    from tests.fuzzing.searching import find_failure

    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    while True:
        found = find_failure(
            connection.recv(), _CHUNK, lambda case: connection.send(("case", case))
        )
        if found is None:
            connection.send(("done", None))
            continue
        case, error = found
        known = isinstance(error, DifferenceError)
        text = str(error) if known else "".join(format_exception(error))
        connection.send(("failure", (case, text)))


def _start(seed: int, deaths: int = 0) -> _Worker:
    context = mp.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    ours.send(seed)
    return _Worker(process, ours, seed, deaths)


def _take(worker: _Worker, seeds: Iterator[int]) -> int:
    """Take what a worker sent; give the number of cases that it has finished.

    Raises:
        _EndError: a case failed.
        EOFError: the worker died.
    """
    kind, value = worker.connection.recv()
    worker.since = time.monotonic()
    if kind == "case":
        worker.case = value
        return 0
    if kind == "failure":
        raise _EndError(_keep(*value))
    worker.seed = next(seeds)
    worker.connection.send(worker.seed)
    return _CHUNK


def _check_time(worker: _Worker, limit: float) -> None:
    """End the run if a worker is too long at one case."""
    if worker.case is None or time.monotonic() - worker.since <= limit:
        return
    if worker.process.pid is not None:
        # It writes to stderr where it is.
        os.kill(worker.process.pid, signal.SIGUSR1)
        time.sleep(1.0)
    raise _EndError(_keep(worker.case, f"a case took longer than {limit:g} s"))


def _restart(worker: _Worker) -> _Worker:
    """Run a dead worker's chunk again: what kills twice is a case, and not the machine."""
    worker.process.join()
    why = f"seed {worker.seed}: the process died with exit code {worker.process.exitcode}"
    print(f"\n{why}", file=sys.stderr)
    if worker.deaths:
        raise _EndError(_keep(worker.case, why) if worker.case else why)
    return _start(worker.seed, worker.deaths + 1)


def _keep(case: Case, why: str) -> str:
    """Write a case to a file that the tests replay."""
    name = sha256(f"{case.members}{case.query}".encode()).hexdigest()[:10]
    path = REGRESSIONS / f"found-{name}.json"
    write_case(replace(case, why=why.splitlines()[0]), path)
    return f"{why}\n\nkept as {path}"
