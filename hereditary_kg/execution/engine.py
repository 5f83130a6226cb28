"""Answering queries over a federation, asynchronously.

This is the engine itself; :class:`hereditary_kg.Federation` is its synchronous face.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import TypeVar, Unpack

import polars as pl

from hereditary_kg.execution.answers import Answer, answer_form, show_plan
from hereditary_kg.execution.context import ExecutionContext
from hereditary_kg.execution.conversions import Conversions
from hereditary_kg.execution.errors import IncompleteAnswerError, QueryTimeoutError
from hereditary_kg.execution.label_memory import LabelMemory
from hereditary_kg.execution.memory import MemoryBudget
from hereditary_kg.execution.preparation import (
    Findings,
    PreparedQuery,
    parse_for_federation,
    prepare_query,
)
from hereditary_kg.execution.query_options import (
    DEFAULT_TIMEOUT,
    QueryOptions,
    complete_options,
)
from hereditary_kg.execution.results import Result
from hereditary_kg.execution.streams import Batches
from hereditary_kg.execution.timings import Stopwatch
from hereditary_kg.federation.connection import connect_members, connect_services
from hereditary_kg.federation.deadline import Deadline
from hereditary_kg.federation.description import FederationDescription, read_description
from hereditary_kg.federation.errors import (
    BlankNodeLabelError,
    CappedOrderError,
    StaleProfileError,
)
from hereditary_kg.federation.member import Member
from hereditary_kg.federation.member_status import MemberStatus
from hereditary_kg.federation.request_log import RequestLog
from hereditary_kg.planning.explanation import explain_plan
from hereditary_kg.semantics.hub import Hub
from hereditary_kg.semantics.hub_files import open_hub
from hereditary_kg.semantics.translation import Translator
from hereditary_kg.sparql.algebra import Query

__all__ = ["AsyncFederation"]

_REPLANS = 3
# Members report their own time-outs by name; this much later the query ends in any case.
_GRACE = 0.5

Value = TypeVar("Value")


class AsyncFederation:
    """A federation, ready to answer queries.

    Attributes:
        description: what it consists of.
        members: its members, in the description's order.
        services: the endpoints that an explicit SERVICE may name, by IRI.
        hub: what is known of codes; None where nothing is converted.
    """

    def __init__(
        self,
        description: FederationDescription,
        members: Sequence[Member],
        services: Mapping[str, Member] | None = None,
        hub: Hub | None = None,
    ) -> None:
        """Put a federation together.

        Args:
            description: what it consists of.
            members: the connected members, in the description's order.
            services: the endpoints that an explicit SERVICE may name, by IRI.
            hub: what is known of codes, where the description says that they are converted.

        Raises:
            UnknownTermError: the hub does not know the vocabulary that they are converted to.
        """
        self.description = description
        self.members = tuple(members)
        self.services = dict(services or {})
        self._by_name = {member.name: member for member in members}
        self._findings = Findings()
        self._labels = LabelMemory()
        self.hub = hub
        self._conversions = _conversions(description, hub)

    @classmethod
    def open(cls, path: str | Path) -> "AsyncFederation":
        """Open the federation that a description file describes; nothing is sent yet.

        Raises:
            FederationError: the description, or something it names, cannot be used.
        """
        description = read_description(path)
        return cls(
            description,
            connect_members(description),
            connect_services(description),
            _described_hub(description),
        )

    async def close(self) -> None:
        """Close all connections."""
        opened = (*self.members, *self.services.values())
        await asyncio.gather(*(member.close() for member in opened))

    @asynccontextmanager
    async def answer(self, text: str, **options: Unpack[QueryOptions]) -> AsyncIterator[Answer]:
        """Answer a query, rows streaming while they come.

        Args:
            text: a SPARQL 1.1 query; the federation's prefixes need no declaration.
            **options: see `QueryOptions`.

        Raises:
            SparqlError: the text is wrong, or a form is refused.
            IncompleteAnswerError: a member failed (also while batches are read).
            QueryTimeoutError: the time ran out.
            MemoryLimitError: the query needs more memory than that; the message has its plan.
        """
        run = self._begin(text, options)
        answer = await self._persist(run, self._start)
        async with aclosing(answer.batches):
            try:
                yield answer
            except BlankNodeLabelError as error:
                self._labels.learn(text, error, run.log)
                raise

    async def query(self, text: str, **options: Unpack[QueryOptions]) -> Result:
        """Answer a query whole; arguments and errors are those of :meth:`answer`."""
        return await self._persist(self._begin(text, options), self._finish)

    async def prepare(
        self,
        text: str,
        *,
        timeout: float | None = DEFAULT_TIMEOUT,
        optimise: bool = True,
    ) -> PreparedQuery:
        """Plan a query from the profiles alone; no member is asked anything about the data.

        Raises:
            SparqlError: the text is wrong, or a form is refused.
            IncompleteAnswerError: a member gave no profile.
        """
        query = parse_for_federation(text, self.description.prefixes)
        context = ExecutionContext(self._by_name, Deadline(timeout), RequestLog())
        return await prepare_query(
            query,
            self.members,
            context,
            self._findings,
            optimise=optimise,
            probe=False,
            conversions=self._conversions,
        )

    async def check(self, *, timeout: float | None = 10.0) -> tuple[MemberStatus, ...]:
        """Ask every member whether it is up, what it is, and whether its profile is current."""
        deadline = Deadline(timeout)
        return tuple(await asyncio.gather(*(member.check(deadline) for member in self.members)))

    def _begin(self, text: str, options: QueryOptions) -> "_Run":
        """Parse a query, and start its clock."""
        stopwatch = Stopwatch()
        chosen = complete_options(options)
        with stopwatch.measure("parsing"):
            query = parse_for_federation(text, self.description.prefixes, chosen["base"])
        if chosen["dataset"] is not None:
            query = replace(query, dataset=chosen["dataset"])
        return _Run(text, query, chosen, Deadline(chosen["timeout"]), RequestLog(), stopwatch)

    async def _persist(
        self, run: "_Run", attempt: Callable[["_Run", frozenset[str]], Awaitable[Value]]
    ) -> Value:
        """Try anew while data change under the plan, or members show what they cannot give.

        That is blank nodes from more than one answer, or all rows in an order.

        Nothing of an attempt that fails like that has been handed out.
        """
        for number in count(1):
            once = self._labels.members(run.text)
            try:
                return await attempt(run, once)
            except StaleProfileError:
                if number == _REPLANS:
                    raise
            except BlankNodeLabelError as error:
                self._labels.learn(run.text, error, run.log)
                if self._labels.members(run.text) == once:
                    raise
            except IncompleteAnswerError as error:
                if number == _REPLANS or not isinstance(error.__cause__, CappedOrderError):
                    raise
        raise AssertionError("unreachable")

    async def _finish(self, run: "_Run", once: frozenset[str]) -> Result:
        answer = await self._start(run, once)
        async with aclosing(answer.batches):
            frame = await answer.gather()
        return Result(
            answer.kind,
            answer.variables,
            frame,
            answer.certificate(),
            answer.timings(),
            answer.prepared,
            partial(answer.explanation, dict(self.description.prefixes)),
        )

    async def _start(self, run: "_Run", once: frozenset[str]) -> Answer:
        """Plan a query and wait for its first rows; the answer's batches are to be closed."""
        context = ExecutionContext(
            self._by_name,
            run.deadline,
            run.log,
            run.options["allow_partial"],
            services=self.services,
            memory=MemoryBudget(run.options["memory_limit"]),
            asked_once=once,
        )
        with run.stopwatch.planning(run.log):
            prepared = await prepare_query(
                run.query,
                self.members,
                context,
                self._findings,
                optimise=run.options["optimise"],
                conversions=self._conversions,
            )
        kind, variables, answered = answer_form(run.query, context, prepared)
        explain = partial(_write_plan, context, prepared, self.description.prefixes)
        batches = _planned(answered, explain)
        with run.stopwatch.measure("first_row"):
            first = await _first(batches, run.deadline)
        stream = _continued(first, batches, run.deadline)
        names = tuple(member.name for member in self.members)
        return Answer(kind, variables, stream, prepared, context, names, run.stopwatch, explain)


def _described_hub(description: FederationDescription) -> Hub | None:
    """Open the hub that a description names."""
    if description.conversion is None or description.conversion.hub is None:
        return None
    return open_hub(description.conversion.hub)


def _conversions(description: FederationDescription, hub: Hub | None) -> Conversions | None:
    if description.conversion is None or hub is None:
        return None
    codings = {member.name: member.coding for member in description.members}
    return Conversions(Translator(hub, description.conversion), codings)


@dataclass(frozen=True)
class _Run:
    """One query on its way to an answer, through all attempts at it."""

    text: str
    query: Query
    options: QueryOptions
    deadline: Deadline
    log: RequestLog
    stopwatch: Stopwatch


async def _planned(batches: Batches, explain: Callable[[], str]) -> Batches:
    with show_plan(explain):
        async with aclosing(batches) as stream:
            async for batch in stream:
                yield batch


def _write_plan(
    context: ExecutionContext, prepared: PreparedQuery, prefixes: Mapping[str, str]
) -> str:
    run = context.measured(whole=False)
    return explain_plan(prepared.physical, prefixes=prefixes, run=run).to_text()


async def _first(batches: Batches, deadline: Deadline) -> list[pl.DataFrame]:
    """Await the first batch, so that early failures come before anything is handed out."""
    try:
        async with asyncio.timeout(_limit(deadline)):
            async for batch in batches:
                return [batch]
    except TimeoutError as error:
        await batches.aclose()
        raise _timed_out(deadline) from error
    except BaseException:
        await batches.aclose()
        raise
    return []


async def _continued(first: list[pl.DataFrame], batches: Batches, deadline: Deadline) -> Batches:
    async with aclosing(batches) as stream:
        for batch in first:
            yield batch
        while True:
            try:
                async with asyncio.timeout(_limit(deadline)):
                    batch = await anext(stream)
            except StopAsyncIteration:
                return
            except TimeoutError as error:
                raise _timed_out(deadline) from error
            yield batch


def _limit(deadline: Deadline) -> float | None:
    return None if deadline.seconds is None else deadline.remaining() + _GRACE


def _timed_out(deadline: Deadline) -> QueryTimeoutError:
    return QueryTimeoutError(
        f"the query was not answered within {deadline.seconds:g} s: allow more time, or look at "
        "its plan with `hkg explain` for what is large"
    )
