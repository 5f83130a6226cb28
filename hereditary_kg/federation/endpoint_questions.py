"""Questions about a store that we do not run, whose answers are known to be whole.

Such a store may cut answers short after so many rows and say nothing. So nothing is believed
that was not counted another way: groups must add up to the number of all solutions.
"""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Iterable, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import polars as pl

from hereditary_kg.federation.deadline import Deadline
from hereditary_kg.federation.errors import MemberError, ProfilingError, RowCapError
from hereditary_kg.federation.request_log import RequestLog
from hereditary_kg.rdf.terms import IRI, parse_term

if TYPE_CHECKING:
    from hereditary_kg.federation.member import Member

__all__ = ["HEXADECIMAL", "EndpointQuestions", "numbers", "run_all"]

HEXADECIMAL = "0123456789abcdef"
"""The digits of a hash."""

_DEEPEST = 4
_NUMBER = r'^"\+?([0-9]+)"'


class EndpointQuestions:
    """Asks one member about all of its data.

    Attributes:
        member: who is asked.
        deadline: when all must be answered.
        log: what was asked.
    """

    def __init__(
        self,
        member: "Member",
        deadline: Deadline,
        log: RequestLog | None = None,
        purpose: str = "profile",
    ) -> None:
        self.member = member
        self.deadline = deadline
        self.log = RequestLog() if log is None else log
        self._purpose = purpose

    def within(self, seconds: float) -> "EndpointQuestions":
        """Ask the same member, with so many seconds at most."""
        deadline = Deadline(min(seconds, self.deadline.remaining()))
        return EndpointQuestions(self.member, deadline, self.log, self._purpose)

    async def rows(
        self, query: str, columns: tuple[str, ...]
    ) -> AsyncGenerator[pl.DataFrame, None]:
        """Stream an answer, which may be cut short: whoever asks knows how many rows it has.

        Raises:
            MemberError: the member failed.
        """
        answer = self.member.select(
            query,
            columns,
            deadline=self.deadline,
            log=self.log,
            purpose=self._purpose,
            divisible=True,
        )
        async with aclosing(answer) as frames:
            try:
                async for frame in frames:
                    yield frame
            except RowCapError:
                return

    async def table(self, query: str, columns: tuple[str, ...]) -> pl.DataFrame:
        """Collect an answer, which may be cut short."""
        async with aclosing(self.rows(query, columns)) as frames:
            return pl.concat([frame async for frame in frames])

    async def number(self, expression: str, pattern: str) -> int:
        """Ask for one number: an aggregate over the solutions of a pattern.

        Raises:
            MemberError: the member failed.
            ProfilingError: the answer is no number.
        """
        found = numbers(
            await self.table(f"SELECT ({expression} AS ?n) WHERE {{ {pattern} }}", ("n",))
        )
        if len(found) != 1 or found[0] is None:
            raise ProfilingError(
                self.member.name,
                f"it gives no number for {expression} of {pattern}; a profile needs its counts",
            )
        return found[0]

    async def groups(
        self, variable: str, pattern: str, aggregate: str = "COUNT(*)"
    ) -> dict[str | None, int]:
        """Ask for a number per value of a variable; the answer may be cut short.

        Returns:
            Canonical term (None where the variable is unbound) -> number.
        """
        query = f"SELECT ?{variable} ({aggregate} AS ?n) WHERE {{ {pattern} }} GROUP BY ?{variable}"
        frame = await self.table(query, (variable, "n"))
        pairs = zip(frame[variable].to_list(), numbers(frame), strict=True)
        # Of no solutions some stores make one group without a term.
        return {term: count for term, count in pairs if count}

    async def whole_groups(
        self, variable: str, pattern: str, total: int | None = None
    ) -> dict[str | None, int]:
        """Count the solutions of a pattern per value of a variable, all of them.

        Args:
            variable: its name.
            pattern: the pattern's text.
            total: how many solutions the pattern has; asked for where it is not given.

        Raises:
            MemberError: the member failed.
            ProfilingError: the groups do not add up to the number of solutions.
        """
        if total is None:
            total = await self.number("COUNT(*)", pattern)
        found = await self.groups(variable, pattern)
        if sum(found.values()) < total:
            # Cut short: by a hash of the value, the groups are asked for in smaller answers.
            rows = max(1, len(found))
            found = await self._parted_groups(variable, pattern, "", rows)
        if sum(found.values()) != total:
            raise ProfilingError(
                self.member.name,
                f"it counts {total:,} solutions of {pattern}, but {sum(found.values()):,} by "
                f"?{variable}: its data changed meanwhile, or it cuts answers short. Build the "
                "profile again when nothing is being loaded",
            )
        return found

    async def _parted_groups(
        self, variable: str, pattern: str, beginning: str, cap: int
    ) -> dict[str | None, int]:
        found: dict[str | None, int] = {}
        for digit in HEXADECIMAL:
            name = beginning + digit
            hashed = f'MD5(COALESCE(STR(?{variable}), ""))'
            part = await self.groups(
                variable, f'{pattern} FILTER(STRSTARTS(LCASE({hashed}), "{name}"))'
            )
            if len(part) >= cap and len(name) < _DEEPEST:
                part = await self._parted_groups(variable, pattern, name, cap)
            found |= part
        return found

    async def predicates(self) -> dict[str, int]:
        """Count the triples of the default graph by predicate, whatever way the member takes.

        Returns:
            IRI -> triples, sorted.

        Raises:
            MemberError: the member failed, or counts nothing at all.
            ProfilingError: the numbers do not add up.
        """
        pattern = "?s ?p ?o"
        try:
            return _by_iri(await self.whole_groups("p", pattern))
        except MemberError as error:
            if error.kind in {"unreachable", "refused"}:
                raise
        # Some refuse to group a whole store and still count one predicate at a time.
        total = await self.number("COUNT(*)", pattern)
        listed = await self.table(f"SELECT DISTINCT ?p WHERE {{ {pattern} }}", ("p",))
        counts = {
            text: await self.number("COUNT(*)", f"?s {text} ?o") for text in listed["p"].to_list()
        }
        if sum(counts.values()) != total:
            raise ProfilingError(
                self.member.name,
                f"it counts {total:,} triples, but those of the {len(counts):,} predicates that it "
                f"lists are {sum(counts.values()):,}: its data changed meanwhile, or it cuts the "
                "list short. Build the profile again when nothing is being loaded",
            )
        return _by_iri(counts)

    async def graphs(self) -> dict[str, int]:
        """Count the triples of the named graphs: name -> triples, sorted."""
        return _by_iri(await self.whole_groups("g", "GRAPH ?g { ?s ?p ?o }"))


def numbers(frame: pl.DataFrame) -> list[int | None]:
    """Read the column ``n`` of counts; None where there is no whole number."""
    return [
        None if text is None else int(text) for text in frame["n"].str.extract(_NUMBER).to_list()
    ]


def _by_iri(counts: Mapping[str, int] | Mapping[str | None, int]) -> dict[str, int]:
    found: dict[str, int] = {}
    for text, count in counts.items():
        term = parse_term(text) if text is not None else None
        if isinstance(term, IRI):
            found[term.value] = count
    return dict(sorted(found.items()))


async def run_all(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run everything at once; the first failure ends the rest."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
