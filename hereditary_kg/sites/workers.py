"""A pool of worker processes, each of which answers one query at a time under hard limits."""

import asyncio
import logging
from collections import deque
from pathlib import Path
from typing import Self

from hereditary_kg.sites import frames
from hereditary_kg.sites.errors import SiteError
from hereditary_kg.sites.frames import Job, Refusal
from hereditary_kg.sites.protocol_request import ServiceError
from hereditary_kg.sites.worker_process import WorkerDiedError, WorkerProcess

__all__ = ["WorkerPool", "WorkerStream"]

_log = logging.getLogger("hereditary_kg.service")

_RETRY = {"Retry-After": "5"}
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 10.0


class WorkerPool:
    """Worker processes over one site's store, and the queue in front of them.

    Args:
        directory: the site's.
        size: how many workers, and so queries at once.
        time_limit: seconds from a query's start to the last byte of its answer; a worker that
            needs more is killed.
        memory_limit: megabytes (2**20 bytes) of private memory that a worker may hold.
        queue_limit: how many queries may wait; further ones are refused.
        queue_seconds: how long a query may wait for its turn.
    """

    def __init__(
        self,
        directory: Path,
        size: int,
        time_limit: float,
        memory_limit: int,
        *,
        queue_limit: int = 1024,
        queue_seconds: float = 60.0,
    ) -> None:
        self._directory = directory
        self._size = size
        self._time_limit = time_limit
        self._memory_limit = memory_limit
        self._queue_limit = queue_limit
        self._queue_seconds = queue_seconds
        self._waiting = 0
        # One permit for each worker in the queue; the semaphore serves in order of arrival.
        self._turn = asyncio.Semaphore(0)
        self._idle: deque[WorkerProcess] = deque()
        self._workers: set[WorkerProcess] = set()
        self._keepers: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start the workers.

        Raises:
            SiteError: one of them does not start; the others are stopped again.
        """
        started = await asyncio.gather(
            *(self._start_worker() for _ in range(self._size)), return_exceptions=True
        )
        for outcome in started:
            if isinstance(outcome, WorkerProcess):
                self._keepers.append(asyncio.create_task(self._keep(outcome)))
        for outcome in started:
            if isinstance(outcome, BaseException):
                await self.close()
                raise outcome

    async def close(self) -> None:
        """Stop the workers at once, with whatever they are at."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        await asyncio.gather(*(worker.end() for worker in self._workers))
        self._workers.clear()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.close()

    def process_ids(self) -> frozenset[int]:
        """Give the ids of the workers' processes."""
        return frozenset(worker.process_id for worker in self._workers)

    async def execute(self, job: Job) -> tuple[str, "WorkerStream"]:
        """Have a query answered.

        Returns:
            The answer's media type, and its document. Close that in any case: closing it before
            its end kills the query.

        Raises:
            ServiceError: the query is refused, exceeds a limit, or the queue is full.
        """
        stream = WorkerStream(self, await self._take_turn())
        try:
            return await stream.begin(job), stream
        except BaseException:
            await stream.aclose()
            raise

    async def _take_turn(self) -> WorkerProcess:
        if self._waiting >= self._queue_limit:
            raise ServiceError(
                503,
                f"The service is busy: {self._waiting} queries are waiting. Ask again later.",
                _RETRY,
            )
        self._waiting += 1
        try:
            async with asyncio.timeout(self._queue_seconds):
                while True:
                    await self._turn.acquire()
                    worker = self._idle.popleft()
                    if worker.alive:
                        return worker
        except TimeoutError as error:
            raise ServiceError(
                503,
                f"The service is busy: the query waited {self._queue_seconds:g} s for its turn. "
                "Ask again later.",
                _RETRY,
            ) from error
        finally:
            self._waiting -= 1

    def give_back(self, worker: WorkerProcess) -> None:
        """Take a worker that is done with its query."""
        if worker.alive:
            self._idle.append(worker)
            self._turn.release()

    def start_clock(self, worker: WorkerProcess) -> asyncio.TimerHandle:
        """Have a worker killed when its query has used up its time."""
        return asyncio.get_running_loop().call_later(self._time_limit, worker.time_out)

    def explain(self, death: WorkerDiedError) -> ServiceError:
        """Turn a worker's death into what its asker is told."""
        if death.timed_out:
            text = (
                f"The query was stopped: it needed more than the {self._time_limit:g} s that "
                "this endpoint gives to one query. Narrow it, or ask for less with LIMIT."
            )
        elif death.out_of_memory:
            text = (
                f"The query was stopped: it needed more than the {self._memory_limit} MB of "
                "memory that this endpoint gives to one query. Narrow it, or ask for less "
                "with LIMIT."
            )
        else:
            _log.error("a worker ended while it answered a query: %s", death)
            text = f"The query was stopped: its worker ended ({death}). Ask again later."
        return ServiceError(503, text, _RETRY)

    async def _start_worker(self) -> WorkerProcess:
        worker = await WorkerProcess.start(self._directory, self._time_limit, self._memory_limit)
        self._workers.add(worker)
        self.give_back(worker)
        return worker

    async def _keep(self, worker: WorkerProcess) -> None:
        """Replace a worker whenever it has ended."""
        while True:
            await worker.ended()
            self._workers.discard(worker)
            pause = _FIRST_PAUSE
            while True:
                try:
                    worker = await self._start_worker()
                    break
                except SiteError as error:
                    _log.error("a worker cannot be replaced: %s", error)
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, _LONGEST_PAUSE)


class WorkerStream:
    """The document of one answer, as it comes from its worker."""

    def __init__(self, pool: WorkerPool, worker: WorkerProcess) -> None:
        self._pool = pool
        self._worker = worker
        self._clock = pool.start_clock(worker)
        self._finished = False

    async def begin(self, job: Job) -> str:
        """Send the query and wait for the answer's head.

        Returns:
            The answer's media type.

        Raises:
            ServiceError: the query is refused or exceeds a limit.
        """
        try:
            await self._worker.send(job.pack())
            kind, payload = await self._worker.receive()
        except WorkerDiedError as death:
            raise self._pool.explain(death) from death
        if kind == frames.REFUSAL:
            self._finish()
            refusal = Refusal.unpack(payload)
            raise ServiceError(refusal.status, refusal.text)
        return payload.decode()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._finished:
            raise StopAsyncIteration
        try:
            kind, payload = await self._worker.receive()
        except WorkerDiedError as death:
            raise self._pool.explain(death) from death
        if kind == frames.DATA:
            return payload
        if kind == frames.END:
            self._finish(leaving=bool(payload))
            raise StopAsyncIteration
        self._finish()
        refusal = Refusal.unpack(payload)
        raise ServiceError(refusal.status, refusal.text)

    async def aclose(self) -> None:
        """Free the worker; where the answer is not complete, by killing it."""
        if not self._finished:
            self._finished = True
            self._clock.cancel()
            await self._worker.end()

    def _finish(self, *, leaving: bool = False) -> None:
        self._finished = True
        self._clock.cancel()
        if not leaving:
            self._pool.give_back(self._worker)
