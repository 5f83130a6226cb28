"""The worker process: answers one query after the other from a read-only store.

Run as ``python -m hereditary_kg.sites.worker DIRECTORY TIME_LIMIT MEMORY_LIMIT`` by the service,
with which it talks over standard input and output. The service kills it when a query takes too
long; the alarm set here is for the case that the service itself is gone.
"""

import contextlib
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, cast

from hereditary_kg.sites import frames
from hereditary_kg.sites.errors import SiteError
from hereditary_kg.sites.evaluation import evaluate
from hereditary_kg.sites.site import Site

if TYPE_CHECKING:
    from pyoxigraph import Store

__all__ = ["main"]

_MEGABYTE = 1 << 20
_FRAME_SIZE = 1 << 16
_LONGEST_DELAY = 0.25
_ALARM_GRACE = 5.0


class _Output:
    """A binary file for a serialiser; passes on frames of a fair size, or after a fair time."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._held = bytearray()
        self._last = time.monotonic()

    def write(self, part: bytes) -> int:
        self._held += part
        now = time.monotonic()
        if len(self._held) >= _FRAME_SIZE or now - self._last >= _LONGEST_DELAY:
            self.pass_on()
            self._last = now
        return len(part)

    def flush(self) -> None:
        """Do nothing: the serialiser flushes where it ends, and so does `pass_on`."""

    def pass_on(self) -> None:
        if self._held:
            self._stream.write(frames.pack_frame(frames.DATA, bytes(self._held)))
            self._stream.flush()
            self._held.clear()


def main(arguments: list[str]) -> int:
    """Serve jobs from standard input until it ends.

    Args:
        arguments: the site's directory, the time limit in seconds, the memory limit in
            megabytes.

    Returns:
        The exit code.
    """
    directory, time_limit, memory_limit = arguments
    requests, answers = _take_over_streams()
    limit = int(memory_limit) * _MEGABYTE
    # Private memory is what a query can make grow; address space also counts mapped files.
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    try:
        from pyoxigraph import Store  # noqa: PLC0415 (inside the memory limit)

        site = Site.open(directory)
        store, scratch = site.open_store(), Store()
    except SiteError as error:
        answers.write(frames.Refusal(500, str(error)).pack())
        answers.flush()
        return 1
    answers.write(frames.pack_frame(frames.READY))
    answers.flush()
    with site:
        for job in _read_jobs(requests):
            signal.setitimer(signal.ITIMER_REAL, float(time_limit) + _ALARM_GRACE)
            try:
                answered = _answer(job, store, scratch, answers)
                leaving = answered and _holds_much(limit)
                if answered:
                    answers.write(frames.pack_frame(frames.END, b"leaving" if leaving else b""))
                answers.flush()
            except MemoryError:
                # As for a failed allocation outside Python: the service knows what this means.
                os.abort()
            except BrokenPipeError:
                return 0
            signal.setitimer(signal.ITIMER_REAL, 0)
            if leaving:
                return 0
    return 0


def _take_over_streams() -> tuple[IO[bytes], IO[bytes]]:
    """Keep the two pipes for frames alone; whatever else is printed goes to standard error."""
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123 (a device)
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    return requests, answers


def _read_jobs(requests: IO[bytes]) -> Iterator[frames.Job]:
    while header := requests.read(frames.HEADER_SIZE):
        _, length = frames.unpack_header(header)
        yield frames.Job.unpack(requests.read(length))


def _answer(job: frames.Job, store: "Store", scratch: "Store", answers: IO[bytes]) -> bool:
    """Write an answer up to its end, or a refusal; say whether it is an answer."""
    answer = evaluate(job, store, scratch)
    if isinstance(answer, frames.Refusal):
        answers.write(answer.pack())
        return False
    media_type, serialise = answer
    answers.write(frames.pack_frame(frames.HEAD, media_type.encode()))
    answers.flush()
    output = _Output(answers)
    try:
        serialise(cast("IO[bytes]", output))
    except BrokenPipeError:
        raise
    except (OSError, RuntimeError):
        # Where nothing was sent yet it still becomes a status; later it ends the answer.
        text = "The query failed on the data, or the store cannot be read."
        answers.write(frames.Refusal(500, text).pack())
        return False
    output.pass_on()
    return True


def _holds_much(limit: int) -> bool:
    """Say whether memory that was not given back narrows the next query's limit."""
    with contextlib.suppress(OSError, IndexError, ValueError):
        with open("/proc/self/statm", encoding="ascii") as stream:  # noqa: PTH123
            pages = int(stream.read().split()[5])
        return pages * resource.getpagesize() > limit // 2
    return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
