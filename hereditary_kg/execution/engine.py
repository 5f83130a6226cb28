"""Answering queries over a federation, asynchronously.

This is the engine itself; :class:`hereditary_kg.Federation` is its synchronous face.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import Literal, Unpack

import polars as pl

from hereditary_kg.execution.certificates import Certificate, make_certificate
from hereditary_kg.execution.construction import TRIPLE_COLUMNS, construct_triples
from hereditary_kg.execution.context import ExecutionContext
from hereditary_kg.execution.describing import describe_resources, described_terms
from hereditary_kg.execution.errors import MemoryLimitError, QueryTimeoutError
from hereditary_kg.execution.label_memory import LabelMemory
from hereditary_kg.execution.memory import MemoryBudget
from hereditary_kg.execution.operators import solutions
from hereditary_kg.execution.preparation import (
    PreparedQuery,
    ProbeCache,
    parse_for_federation,
    prepare_query,
)
from hereditary_kg.execution.query_options import (
    DEFAULT_TIMEOUT,
    QueryOptions,
    complete_options,
)
from hereditary_kg.execution.results import Result
from hereditary_kg.execution.streams import Batches, collect
from hereditary_kg.federation.connection import connect_members, connect_services
from hereditary_kg.federation.deadline import Deadline
from hereditary_kg.federation.description import FederationDescription, read_description
from hereditary_kg.federation.errors import BlankNodeLabelError, StaleProfileError
from hereditary_kg.federation.member import Member
from hereditary_kg.federation.member_status import MemberStatus
from hereditary_kg.federation.request_log import RequestLog
from hereditary_kg.planning.explanation import Explanation, explain_plan
from hereditary_kg.rdf.solutions import restrict, unit_solution
from hereditary_kg.rdf.terms import IRI
from hereditary_kg.sparql.algebra import (
    AskQuery,
    ConstructQuery,
    DescribeQuery,
    Query,
    SelectQuery,
    Variable,
)

__all__ = ["Answer", "AsyncFederation"]

_REPLANS = 3
# Members report their own time-outs by name; this much later the query ends in any case.
_GRACE = 0.5

Kind = Literal["solutions", "boolean", "graph"]


@dataclass
class Answer:
    """An answer that is on its way.

    Attributes:
        kind: ``solutions``, ``boolean`` or ``graph``.
        variables: the columns of its batches.
        batches: the rows; to be read to their end or closed.
        prepared: the stages of planning.
    """

    kind: Kind
    variables: tuple[str, ...]
    batches: Batches
    prepared: PreparedQuery
    _context: ExecutionContext
    _names: tuple[str, ...]
    _started: float
    _explain: Callable[[], str]

    async def gather(self) -> pl.DataFrame:
        """Gather the rest of the batches into one frame.

        Raises:
            MemoryLimitError: that is too much.
        """
        with self._context.memory.hold("the answer, gathered") as held, _with_plan(self._explain):
            return await collect(self.batches, self.variables, held)

    def certificate(self) -> Certificate:
        """Give the certificate of what has been read so far; call it after the last batch."""
        asked = dict.fromkeys(record.member for record in self._context.log)
        return make_certificate(
            self.prepared.query.pattern,
            (*self._names, *(name for name in asked if name not in self._names)),
            self._context.log,
            failures=self._context.failures,
            versions=self._context.versions,
            milliseconds=(time.perf_counter() - self._started) * 1000,
            notes=self._context.notes,
            denied=self.kind == "boolean"
            and not self._context.rows.get(id(self.prepared.physical)),
        )

    def explanation(self, prefixes: dict[str, str]) -> Explanation:
        """Give the plan with what each node has given and cost so far."""
        return explain_plan(
            self.prepared.physical,
            prefixes=prefixes,
            sources=self.prepared.sources,
            run=self._context.measured(whole=self.kind != "boolean"),
        )


class AsyncFederation:
    """A federation, ready to answer queries.

    Attributes:
        description: what it consists of.
        members: its members, in the description's order.
        services: the endpoints that an explicit SERVICE may name, by IRI.
    """

    def __init__(
        self,
        description: FederationDescription,
        members: Sequence[Member],
        services: Mapping[str, Member] | None = None,
    ) -> None:
        """Put a federation together.

        Args:
            description: what it consists of.
            members: the connected members, in the description's order.
            services: the endpoints that an explicit SERVICE may name, by IRI.
        """
        self.description = description
        self.members = tuple(members)
        self.services = dict(services or {})
        self._by_name = {member.name: member for member in members}
        self._probes = ProbeCache()
        self._labels = LabelMemory()

    @classmethod
    def open(cls, path: str | Path) -> "AsyncFederation":
        """Open the federation that a description file describes; nothing is sent yet.

        Raises:
            FederationError: the description, or something it names, cannot be used.
        """
        description = read_description(path)
        return cls(description, connect_members(description), connect_services(description))

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
        started = time.perf_counter()
        chosen = complete_options(options)
        query = parse_for_federation(text, self.description.prefixes, chosen["base"])
        if chosen["dataset"] is not None:
            query = replace(query, dataset=chosen["dataset"])
        deadline = Deadline(chosen["timeout"])
        log = RequestLog()
        for attempt in count(1):
            once = self._labels.members(text)
            context = ExecutionContext(
                self._by_name,
                deadline,
                log,
                chosen["allow_partial"],
                services=self.services,
                memory=MemoryBudget(chosen["memory_limit"]),
                asked_once=once,
            )
            try:
                prepared = await prepare_query(
                    query, self.members, context, self._probes, optimise=chosen["optimise"]
                )
                kind, variables, answered = _outer(query, context, prepared)
                explain = partial(_write_plan, context, prepared, self.description.prefixes)
                batches = _planned(answered, explain)
                first = await _first(batches, deadline)
            except StaleProfileError:
                # The data changed under the plan. Nothing has been handed out: plan again.
                if attempt == _REPLANS:
                    raise
                continue
            except BlankNodeLabelError as error:
                self._labels.learn(text, error, log)
                if self._labels.members(text) == once:
                    raise
                continue
            async with aclosing(_continued(first, batches, deadline)) as stream:
                names = tuple(member.name for member in self.members)
                try:
                    yield Answer(
                        kind, variables, stream, prepared, context, names, started, explain
                    )
                except BlankNodeLabelError as error:
                    self._labels.learn(text, error, log)
                    raise
            return

    async def query(self, text: str, **options: Unpack[QueryOptions]) -> Result:
        """Answer a query whole; arguments and errors are those of :meth:`answer`."""
        chosen = complete_options(options)
        deadline = Deadline(chosen["timeout"])
        for attempt in count(1):
            once = self._labels.members(text)
            if chosen["timeout"] is not None:
                chosen["timeout"] = deadline.remaining()
            try:
                async with self.answer(text, **chosen) as answer:
                    frame = await answer.gather()
                    return Result(
                        answer.kind,
                        answer.variables,
                        frame,
                        answer.certificate(),
                        answer.prepared,
                        partial(answer.explanation, dict(self.description.prefixes)),
                    )
            except StaleProfileError:
                if attempt == _REPLANS:
                    raise
            except BlankNodeLabelError:
                if self._labels.members(text) == once:
                    raise
        raise AssertionError("unreachable")

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
            query, self.members, context, self._probes, optimise=optimise, probe=False
        )

    async def check(self, *, timeout: float | None = 10.0) -> tuple[MemberStatus, ...]:
        """Ask every member whether it is up, what it is, and whether its profile is current."""
        deadline = Deadline(timeout)
        return tuple(await asyncio.gather(*(member.check(deadline) for member in self.members)))


def _outer(
    query: Query, context: ExecutionContext, prepared: PreparedQuery
) -> tuple[Kind, tuple[str, ...], Batches]:
    """Put the query form around the solutions of its pattern."""
    match query:
        case SelectQuery(_, variables):
            names = tuple(variable.name for variable in variables)
            return "solutions", names, _selected(context, prepared, names)
        case AskQuery():
            return "boolean", (), _asked(context, prepared)
        case ConstructQuery(template, _):
            source = solutions(context, prepared.physical)

            async def triples() -> Batches:
                names = [variable.name for variable in prepared.physical.variables]
                with context.memory.hold(prepared.physical) as held:
                    frame = await collect(source, names, held)
                    yield await held.run(construct_triples, frame, template)

            return "graph", TRIPLE_COLUMNS, triples()
        case DescribeQuery(targets):
            return "graph", TRIPLE_COLUMNS, _described(context, prepared, targets)


async def _selected(
    context: ExecutionContext, prepared: PreparedQuery, names: tuple[str, ...]
) -> Batches:
    async with aclosing(solutions(context, prepared.physical)) as batches:
        async for batch in batches:
            yield restrict(batch, names)


async def _described(
    context: ExecutionContext, prepared: PreparedQuery, targets: tuple[Variable | IRI, ...]
) -> Batches:
    names = [variable.name for variable in prepared.physical.variables]
    with context.memory.hold(prepared.physical) as held:
        frame = await collect(solutions(context, prepared.physical), names, held)
        terms = described_terms(frame, targets)
    yield await describe_resources(context, tuple(prepared.sources.members), terms)


async def _asked(context: ExecutionContext, prepared: PreparedQuery) -> Batches:
    async with aclosing(solutions(context, prepared.physical)) as batches:
        async for batch in batches:
            if batch.height:
                yield unit_solution()
                return


async def _planned(batches: Batches, explain: Callable[[], str]) -> Batches:
    with _with_plan(explain):
        async with aclosing(batches) as stream:
            async for batch in stream:
                yield batch


@contextmanager
def _with_plan(explain: Callable[[], str]) -> Iterator[None]:
    """Show the plan where memory does not suffice for it."""
    try:
        yield
    except MemoryLimitError as error:
        if error.plan is not None:
            raise
        raise error.with_plan(explain()) from error


def _write_plan(
    context: ExecutionContext, prepared: PreparedQuery, prefixes: Mapping[str, str]
) -> str:
    return explain_plan(prepared.physical, context.rows, prefixes).to_text()


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
