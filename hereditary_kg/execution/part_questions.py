"""Questions about a query's parts, asked through the engine: few, small, and counted."""

from collections.abc import Sequence

import polars as pl

from hereditary_kg.execution.engine import AsyncFederation
from hereditary_kg.execution.errors import ExecutionError, QueryTimeoutError
from hereditary_kg.execution.memory import DEFAULT_MEMORY_LIMIT
from hereditary_kg.execution.results import Result
from hereditary_kg.federation.deadline import Deadline
from hereditary_kg.planning.sources import Sources
from hereditary_kg.sparql.algebra import (
    UNIT,
    AskQuery,
    Pattern,
    Project,
    Query,
    SelectQuery,
    Slice,
    Values,
    Variable,
)
from hereditary_kg.sparql.printing import query_text
from hereditary_kg.sparql.variables import scope_variables

__all__ = ["Questioner", "QuestionsEndedError"]


class QuestionsEndedError(ExecutionError):
    """No more may be asked."""


class Questioner:
    """Asks a federation about parts of one query.

    Members that fail are left out, and noted: whoever asks wants to know what can be known.

    Attributes:
        failures: what failed, by member.
        queries: how many queries were asked of the federation.
        requests: how many requests they made to members.
    """

    def __init__(
        self,
        federation: AsyncFederation,
        query: Query,
        deadline: Deadline,
        most_queries: int,
        *,
        memory_limit: int | None = DEFAULT_MEMORY_LIMIT,
    ) -> None:
        """Prepare to ask.

        Args:
            federation: whom to ask.
            query: the query whose graphs and base IRI hold for all its parts.
            deadline: when to give up.
            most_queries: how many queries may be asked.
            memory_limit: bytes that one of them may hold, None for no limit.
        """
        self.failures: dict[str, str] = {}
        self.queries = 0
        self.requests = 0
        self._federation = federation
        self._query = query
        self._deadline = deadline
        self._most = most_queries
        self._memory_limit = memory_limit
        self._known: dict[str, bool] = {}
        self._sources: dict[str, Sources] = {}

    async def has_rows(self, pattern: Pattern) -> bool:
        """Find out whether a pattern has a solution.

        Raises:
            QuestionsEndedError: no more may be asked, or the time is over.
        """
        if pattern == UNIT:
            return True
        if isinstance(pattern, Values):
            return bool(pattern.rows)
        text = self._text(pattern, scope_variables(pattern), 1)
        if text not in self._known:
            await self.first_row(pattern)
        return self._known[text]

    async def first_row(self, pattern: Pattern) -> Result:
        """Fetch one row of a pattern, or the answer that there is none.

        Raises:
            QuestionsEndedError: no more may be asked, or the time is over.
        """
        text = self._text(pattern, scope_variables(pattern), 1)
        result = await self._ask(text)
        self._known[text] = bool(result)
        self._sources[text] = result.prepared.sources
        return result

    def sources(self, pattern: Pattern) -> Sources | None:
        """Give who may match the leaves of a pattern by itself, if it was asked about.

        As part of a larger one it may have no candidates, where nothing could join its matches.
        """
        return self._sources.get(self._text(pattern, scope_variables(pattern), 1))

    async def sample(
        self, pattern: Pattern, variables: Sequence[Variable], rows: int
    ) -> pl.DataFrame:
        """Fetch some rows of a pattern.

        Args:
            pattern: the pattern.
            variables: the columns that are wanted; at least one.
            rows: how many at most.

        Raises:
            QuestionsEndedError: no more may be asked, or the time is over.
        """
        return (await self._ask(self._text(pattern, tuple(variables), rows))).frame

    async def _ask(self, text: str) -> Result:
        if self.queries >= self._most:
            raise QuestionsEndedError(f"{self._most} queries were asked, and no more may be")
        seconds = self._deadline.remaining()
        limit = None if self._deadline.seconds is None else seconds
        self.queries += 1
        try:
            result = await self._federation.query(
                text, timeout=limit, allow_partial=True, memory_limit=self._memory_limit
            )
        except QueryTimeoutError as error:
            raise QuestionsEndedError("the time is over") from error
        self.requests += result.certificate.requests
        for member in result.certificate.members:
            if member.error is not None:
                self.failures.setdefault(member.name, member.error)
        return result

    def _text(self, pattern: Pattern, variables: tuple[Variable, ...], rows: int) -> str:
        dataset, base = self._query.dataset, self._query.base
        if not variables:
            return query_text(AskQuery(pattern, dataset, base))
        cut = Slice(Project(pattern, variables), 0, rows)
        return query_text(SelectQuery(cut, variables, dataset, base))
