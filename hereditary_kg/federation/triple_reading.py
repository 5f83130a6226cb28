"""All triples of a member, read predicate by predicate in exact parts.

A part is what a hash of subject and object begins with, so that each triple lies in just one;
an answer is believed when it has as many rows as were counted, and divided where not. (Pages by
OFFSET would need an order, and SPARQL's is none over terms of several kinds.)
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import aclosing

import polars as pl

from hereditary_kg.federation.endpoint_questions import EndpointQuestions, numbers, run_all
from hereditary_kg.federation.errors import MemberError, ProfilingError
from hereditary_kg.rdf.terms import IRI

__all__ = ["TripleReader"]

_BATCH_ROWS = 20_000
_BATCH_PREDICATES = 64
_DEEPEST = 8
_HASH = (
    'LCASE(MD5(CONCAT(COALESCE(STR(?s), ""), " ", COALESCE(STR(?o), ""), " ", '
    'COALESCE(STR(DATATYPE(?o)), ""), " ", COALESCE(LANG(?o), ""))))'
)


class TripleReader:
    """Reads the triples of predicates.

    Attributes:
        unread: the predicates whose triples cannot be read whole, though some may have been
            handed out.
        repeated: those of which some triples were handed out more than once.
    """

    def __init__(
        self,
        questions: EndpointQuestions,
        take: Callable[[pl.DataFrame], None],
        report: Callable[[int, str], None],
    ) -> None:
        """Prepare to read.

        Args:
            questions: whom to ask.
            take: is given frames of the columns s, p and o.
            report: is told the triples read, and of which predicate.
        """
        self.unread: set[str] = set()
        self.repeated: set[str] = set()
        self._questions = questions
        self._cap = questions.member.experience.row_cap
        self._take = take
        self._report = report

    async def read(self, predicates: Mapping[str, int]) -> None:
        """Read all triples of some predicates: IRI -> how many there are.

        Raises:
            MemberError: the member cannot be reached, or refuses to be asked.
            ProfilingError: the data changed meanwhile.
        """
        small, large = _pack(predicates, min(_BATCH_ROWS, self._cap.rows or _BATCH_ROWS))
        await run_all(self._read_batch(names, predicates) for names in small)
        await run_all(self._read_predicate(name, predicates[name]) for name in large)

    async def _read_batch(self, names: Sequence[str], predicates: Mapping[str, int]) -> None:
        if len(names) > 1:
            values = " ".join(IRI(name).text for name in names)
            query = f"SELECT ?s ?p ?o WHERE {{ VALUES ?p {{ {values} }} ?s ?p ?o }}"
            expected = sum(predicates[name] for name in names)
            if await self._ask(query, None, expected) == expected:
                self._report(expected, names[0])
                return
            self.repeated.update(names)
        for name in names:
            await self._read_predicate(name, predicates[name])

    async def _read_predicate(self, name: str, expected: int) -> None:
        try:
            await self._read_part(name, {"": expected})
        except _UnreadableError:
            self.unread.add(name)
        self._report(expected, name)

    async def _read_part(self, predicate: str, sizes: Mapping[str, int]) -> None:
        """Read some parts of a predicate's triples: beginnings of hashes -> rows."""
        expected = sum(sizes.values())
        if self._cap.rows is None or expected <= self._cap.rows:
            got = await self._ask(_part_text(predicate, tuple(sizes)), predicate, expected)
            if got == expected:
                self._cap.note_answer(expected)
                return
            self.repeated.add(predicate)
            if got is None:
                # Too much at once, for whatever reason: an eighth at a time.
                await self._divide(predicate, sizes, expected // 8 + 1)
                return
            if got > expected:
                raise self._changed(predicate, expected, got)
            self._cap.note_cap(got)
        await self._divide(predicate, sizes, self._cap.rows or expected)

    async def _divide(self, predicate: str, sizes: Mapping[str, int], limit: int) -> None:
        if len(sizes) > 1:
            await run_all(self._read_part(predicate, {name: n}) for name, n in sizes.items())
            return
        ((beginning, expected),) = sizes.items()
        if len(beginning) >= _DEEPEST or limit < 1:
            raise _UnreadableError
        digits = 2 if expected > 8 * limit and (self._cap.rows or 256) >= 256 else 1
        parts = await self._sizes(predicate, beginning, len(beginning) + digits)
        if sum(parts.values()) != expected:
            raise self._changed(predicate, expected, sum(parts.values()))
        if len(parts) == 1 and len(next(iter(parts))) >= _DEEPEST:
            raise _UnreadableError
        await run_all(self._read_part(predicate, packed) for packed in _pack_parts(parts, limit))

    async def _sizes(self, predicate: str, beginning: str, digits: int) -> dict[str, int]:
        condition = f'FILTER(STRSTARTS({_HASH}, "{beginning}"))' if beginning else ""
        query = (
            f"SELECT ?part (COUNT(*) AS ?n) WHERE {{ ?s {IRI(predicate).text} ?o {condition} "
            f"BIND(SUBSTR({_HASH}, 1, {digits}) AS ?part) }} GROUP BY ?part"
        )
        try:
            frame = await self._questions.table(query, ("part", "n"))
        except MemberError as error:
            raise _unless_divisible(error) from error
        names = frame["part"].str.extract(f'^"([0-9a-f]{{{digits}}})"$').to_list()
        found = {
            name: count
            for name, count in zip(names, numbers(frame), strict=True)
            if name is not None and count
        }
        if len(found) != frame.height:
            raise _UnreadableError
        return dict(sorted(found.items()))

    async def _ask(self, query: str, predicate: str | None, expected: int) -> int | None:
        """Hand out an answer and count its rows; None where it failed for being too much."""
        rows = 0
        columns = ("s", "p", "o") if predicate is None else ("s", "o")
        try:
            async with aclosing(self._questions.rows(query, columns)) as frames:
                async for frame in frames:
                    rows += frame.height
                    if rows > expected:
                        continue
                    if predicate is not None:
                        frame = frame.with_columns(p=pl.lit(IRI(predicate).text))  # noqa: PLW2901
                    self._take(frame)
        except MemberError as error:
            failure = _unless_divisible(error)
            if failure is error:
                raise
            return None
        return rows

    def _changed(self, predicate: str, expected: int, found: int) -> ProfilingError:
        return ProfilingError(
            self._questions.member.name,
            f"it counted {expected:,} triples of <{predicate}>, and a moment later {found:,}: its "
            "data changed meanwhile, or it cuts answers short without a fixed limit. Build the "
            "profile again when nothing is being loaded",
        )


class _UnreadableError(Exception):
    """The triples of a predicate cannot be read whole."""


def _unless_divisible(error: MemberError) -> Exception:
    """Give the error itself where asking for less would not help."""
    denied = error.status in {401, 403, 404}
    if error.kind in {"unreachable", "refused"} or denied:
        return error
    return _UnreadableError()


def _part_text(predicate: str, names: Sequence[str]) -> str:
    condition = ""
    if names != ("",):
        listed = ", ".join(f'"{name}"' for name in names)
        condition = f" FILTER(SUBSTR({_HASH}, 1, {len(names[0])}) IN ({listed}))"
    return f"SELECT ?s ?o WHERE {{ ?s {IRI(predicate).text} ?o{condition} }}"


def _pack(predicates: Mapping[str, int], limit: int) -> tuple[list[list[str]], list[str]]:
    """Put predicates of few triples together; those of many stand alone."""
    batches: list[list[str]] = []
    room = 0
    for name, count in sorted(predicates.items(), key=lambda item: item[1]):
        if count > limit:
            break
        if count > room or len(batches[-1]) >= _BATCH_PREDICATES:
            batches.append([])
            room = limit
        batches[-1].append(name)
        room -= count
    return batches, [name for name, count in predicates.items() if count > limit]


def _pack_parts(sizes: Mapping[str, int], limit: int) -> Iterator[dict[str, int]]:
    """Put neighbours together as long as they have no more rows than the limit."""
    packed: dict[str, int] = {}
    for name, count in sizes.items():
        if packed and sum(packed.values()) + count > limit:
            yield packed
            packed = {}
        packed[name] = count
    if packed:
        yield packed
