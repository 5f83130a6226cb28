"""The service's end of one worker process."""

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

from hereditary_kg.sites import frames
from hereditary_kg.sites.errors import SiteError
from hereditary_kg.sites.frames import Refusal

__all__ = ["WorkerDiedError", "WorkerProcess"]

# How far a worker may run ahead of a slow client; asyncio buffers up to twice as much.
_READ_AHEAD = 2 * 2**20
_START_SECONDS = 60.0


class WorkerDiedError(Exception):
    """A worker ended in mid-answer.

    Attributes:
        timed_out: the service killed it for its time.
        out_of_memory: it could not get the memory that it wanted.
    """

    def __init__(self, return_code: int | None, *, timed_out: bool) -> None:
        self.timed_out = timed_out
        # Rust and C++ abort where an allocation fails, and so does the worker's Python part.
        self.out_of_memory = return_code == -signal.SIGABRT
        cause = (
            f"signal {-return_code}" if return_code and return_code < 0 else f"code {return_code}"
        )
        super().__init__(cause)


class WorkerProcess:
    """A worker process: frames go in, frames come out."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        if process.stdin is None or process.stdout is None:
            raise ValueError("a worker needs pipes at both ends")
        self._process = process
        self._input = process.stdin
        self._output = process.stdout
        self._timed_out = False

    @classmethod
    async def start(cls, directory: Path, time_limit: float, memory_limit: int) -> "WorkerProcess":
        """Start a worker and wait until it can take queries.

        Raises:
            SiteError: it does not start.
        """
        module = "hereditary_kg.sites.worker"
        worker = cls(
            await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                module,
                str(directory),
                str(time_limit),
                str(memory_limit),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                # What a dying process prints may hold data of the site.
                stderr=asyncio.subprocess.DEVNULL,
                limit=_READ_AHEAD,
                # A Ctrl-C in the terminal is for the service, which lets its queries finish.
                start_new_session=True,
                env={**os.environ, "RUST_BACKTRACE": "0"},
            )
        )
        try:
            async with asyncio.timeout(_START_SECONDS):
                kind, payload = await worker.receive()
        except WorkerDiedError as error:
            raise SiteError(
                f"{directory}: a worker does not start ({error}); "
                f"`{Path(sys.executable).name} -m {module} {directory} {time_limit:g} "
                f"{memory_limit}` shows why"
            ) from error
        except TimeoutError as error:
            await worker.end()
            raise SiteError(
                f"{directory}: a worker was not ready after {_START_SECONDS:g} s"
            ) from error
        except BaseException:
            await worker.end()
            raise
        if kind == frames.REFUSAL:
            await worker.end()
            raise SiteError(Refusal.unpack(payload).text)
        return worker

    @property
    def process_id(self) -> int:
        """The id of the process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs, as far as is known yet."""
        return self._process.returncode is None and not self._timed_out

    async def send(self, frame: bytes) -> None:
        """Send a frame.

        Raises:
            WorkerDiedError: the worker has ended.
        """
        try:
            self._input.write(frame)
            await self._input.drain()
        except (BrokenPipeError, ConnectionResetError) as error:
            raise await self._death() from error

    async def receive(self) -> tuple[bytes, bytes]:
        """Receive a frame: its kind and its payload.

        Raises:
            WorkerDiedError: the worker has ended.
        """
        try:
            kind, length = frames.unpack_header(await self._output.readexactly(frames.HEADER_SIZE))
            return kind, await self._output.readexactly(length)
        except asyncio.IncompleteReadError as error:
            raise await self._death() from error

    def time_out(self) -> None:
        """Kill the worker for its time."""
        self._timed_out = True
        self._kill()

    async def end(self) -> None:
        """Kill the worker and wait until it is gone; whatever it still had to say is lost."""
        self._kill()
        # The pipe closes only when it is empty. A reader that still waits empties it itself.
        with contextlib.suppress(RuntimeError):
            await self._output.read()
        await self.ended()

    async def ended(self) -> None:
        """Wait until the process is gone."""
        await self._process.wait()
        self._input.close()

    def _kill(self) -> None:
        # Popen's own kill() polls first, which takes the exit status away from asyncio's watcher
        # where the worker has just died of itself: how it died would not be known.
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGKILL)

    async def _death(self) -> WorkerDiedError:
        self._kill()
        return WorkerDiedError(await self._process.wait(), timed_out=self._timed_out)
