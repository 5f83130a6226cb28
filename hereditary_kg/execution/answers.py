"""An answer on its way, and the query form around the solutions of its pattern."""

from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import Literal

import polars as pl

from hereditary_kg.execution.certificates import (
    Certificate,
    make_certificate,
    unverified_profiles,
)
from hereditary_kg.execution.construction import TRIPLE_COLUMNS, construct_triples
from hereditary_kg.execution.context import ExecutionContext
from hereditary_kg.execution.describing import describe_resources, described_terms
from hereditary_kg.execution.errors import MemoryLimitError
from hereditary_kg.execution.operators import solutions
from hereditary_kg.execution.preparation import PreparedQuery
from hereditary_kg.execution.streams import Batches, collect
from hereditary_kg.execution.timings import Stopwatch, Timings
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

__all__ = ["Answer", "Kind", "answer_form", "show_plan"]

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
    _stopwatch: Stopwatch
    _explain: Callable[[], str]

    async def gather(self) -> pl.DataFrame:
        """Gather the rest of the batches into one frame.

        Raises:
            MemoryLimitError: that is too much.
        """
        with self._context.memory.hold("the answer, gathered") as held, show_plan(self._explain):
            frame = await collect(self.batches, self.variables, held)
        self._stopwatch.stop()
        return frame

    def certificate(self) -> Certificate:
        """Give the certificate of what has been read so far; call it after the last batch."""
        asked = dict.fromkeys(record.member for record in self._context.log)
        members = self._context.members
        unverified = [n for n in self._context.versions if members[n].has_unverified_profile]
        return make_certificate(
            self.prepared.pattern,
            (*self._names, *(name for name in asked if name not in self._names)),
            self._context.log,
            failures=self._context.failures,
            versions=self._context.versions,
            milliseconds=self._stopwatch.seconds * 1000,
            notes=(*self._context.notes, *unverified_profiles(unverified)),
            denied=self.kind == "boolean"
            and not self._context.rows.get(id(self.prepared.physical)),
            conversions=None if self.prepared.converted is None else self.prepared.conversions,
        )

    def timings(self) -> Timings:
        """Say where the time went so far."""
        return self._stopwatch.timings()

    def explanation(self, prefixes: dict[str, str]) -> Explanation:
        """Give the plan with what each node has given and cost so far."""
        return explain_plan(
            self.prepared.physical,
            prefixes=prefixes,
            sources=self.prepared.sources,
            run=self._context.measured(whole=self.kind != "boolean"),
        )


def answer_form(
    query: Query, context: ExecutionContext, prepared: PreparedQuery
) -> tuple[Kind, tuple[str, ...], Batches]:
    """Put the query form around the solutions of its pattern.

    Returns:
        The kind of answer, the columns of its batches, and the batches.
    """
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
    yield await describe_resources(context, prepared.sources.members, terms)


async def _asked(context: ExecutionContext, prepared: PreparedQuery) -> Batches:
    async with aclosing(solutions(context, prepared.physical)) as batches:
        async for batch in batches:
            if batch.height:
                yield unit_solution()
                return


@contextmanager
def show_plan(explain: Callable[[], str]) -> Iterator[None]:
    """Show the plan where memory does not suffice for it."""
    try:
        yield
    except MemoryLimitError as error:
        if error.plan is not None:
            raise
        raise error.with_plan(explain()) from error
