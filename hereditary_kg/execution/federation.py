"""The synchronous face of the engine, for programs and notebooks."""

import asyncio
import threading
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import CancelledError
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

from hereditary_kg.execution.empty_answers import MOST_QUERIES, explain_empty_answer
from hereditary_kg.execution.engine import AsyncFederation
from hereditary_kg.execution.errors import ExecutionError
from hereditary_kg.execution.losses import Diagnosis
from hereditary_kg.execution.query_options import DEFAULT_TIMEOUT, QueryOptions
from hereditary_kg.execution.results import Result
from hereditary_kg.federation.description import FederationDescription
from hereditary_kg.federation.member import Member
from hereditary_kg.federation.member_status import MemberStatus
from hereditary_kg.planning.explanation import Explanation, explain_plan
from hereditary_kg.semantics.hub import Hub

__all__ = ["Federation"]

Value = TypeVar("Value")


class Federation:
    """A federation of sites that answers SPARQL queries over all of them.

    Connections stay open between queries; close the federation, or use it as a context
    manager. It may be used from several threads, and inside a notebook whose own event loop
    is running.

    >>> with Federation.open("endpoints/demo.toml") as federation:  # doctest: +SKIP
    ...     result = federation.query("SELECT ?label { ?s rdfs:label ?label } LIMIT 3")
    ...     print(result.to_polars(), result.certificate.statement)

    Attributes:
        engine: the asynchronous federation behind it.
    """

    def __init__(
        self,
        description: FederationDescription,
        members: Sequence[Member],
        services: Mapping[str, Member] | None = None,
        hub: Hub | None = None,
    ) -> None:
        self.engine = AsyncFederation(description, members, services, hub)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    @classmethod
    def open(cls, path: str | Path) -> "Federation":
        """Open the federation that a description file describes; nothing is sent yet.

        Raises:
            FederationError: the description, or something it names, cannot be used.
        """
        engine = AsyncFederation.open(path)
        return cls(engine.description, engine.members, engine.services, engine.hub)

    @property
    def description(self) -> FederationDescription:
        """What the federation consists of."""
        return self.engine.description

    @property
    def members(self) -> tuple[Member, ...]:
        """Its members."""
        return self.engine.members

    def query(self, text: str, **options: Unpack[QueryOptions]) -> Result:
        """Answer a query.

        Args:
            text: a SPARQL 1.1 query; the federation's prefixes need no declaration.
            **options: see `QueryOptions`: the most useful ones are ``timeout`` (seconds) and
                ``allow_partial`` (leave out members that fail, and say so).

        Raises:
            SparqlError: the text is wrong, or a form is refused.
            IncompleteAnswerError: a member failed.
            QueryTimeoutError: the time ran out.
            MemoryLimitError: the query needs more memory than that; the message has its plan.
        """
        return self._run(self.engine.query(text, **options))

    def explain(self, text: str, *, analyze: bool = False) -> Explanation:
        """Show what would be asked of whom.

        Args:
            text: the query.
            analyze: run it, and show the actual rows beside the estimates.
        """
        if analyze:
            return self.query(text).plan
        prepared = self._run(self.engine.prepare(text))
        return explain_plan(
            prepared.physical, prefixes=self.description.prefixes, sources=prepared.sources
        )

    def explain_empty(
        self,
        text: str,
        *,
        timeout: float | None = DEFAULT_TIMEOUT,
        most_queries: int = MOST_QUERIES,
    ) -> Diagnosis:
        """Say why a query has no answer: where its rows were lost, and what may help.

        It names the patterns, joins, filters and members to blame; see `explain_empty_answer`,
        which is the same for an `AsyncFederation`.

        >>> result = federation.query(text)  # doctest: +SKIP
        >>> if not result:  # doctest: +SKIP
        ...     print(federation.explain_empty(text))

        Args:
            text: the query.
            timeout: seconds for all of it, None for no limit.
            most_queries: how many small queries may be asked of the federation.

        Raises:
            SparqlError: the text is wrong, or a form is refused.
            ExecutionError: a part of the query cannot be answered.
        """
        work = explain_empty_answer(self.engine, text, timeout=timeout, most_queries=most_queries)
        return self._run(work)

    def check(self, *, timeout: float | None = 10.0) -> tuple[MemberStatus, ...]:
        """Ask every member whether it is up, what it is, and whether its profile is current."""
        return self._run(self.engine.check(timeout=timeout))

    def close(self) -> None:
        """End what is running and close all connections.

        The federation opens them again when it is asked again.
        """
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is None or thread is None:
            return
        asyncio.run_coroutine_threadsafe(self._wind_up(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _run(self, work: Coroutine[Any, Any, Value]) -> Value:
        """Run ``work`` in the federation's own event loop and wait for it.

        Raises:
            ExecutionError: another thread closed the federation meanwhile.
        """
        with self._lock:
            # Once it is scheduled, closing ends it; before, it would wait for a stopped loop.
            future = asyncio.run_coroutine_threadsafe(work, self._running_loop())
        try:
            return future.result()
        except CancelledError as error:
            raise ExecutionError("the federation was closed before it had answered") from error
        except BaseException:
            # Also on Ctrl-C: what the members are still doing for us must end.
            future.cancel()
            raise

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(
                target=self._loop.run_forever, name="hereditary_kg", daemon=True
            )
            self._thread.start()
        return self._loop

    async def _wind_up(self) -> None:
        running = asyncio.all_tasks() - {asyncio.current_task()}
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self.engine.close()
