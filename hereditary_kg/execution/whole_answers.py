"""Whole answers of members that cut long ones short.

An answer whose number of rows looks like a limit is checked by counting. If it was cut short,
the rest is read in parts, each smaller than the limit, and what has been handed on already is
left out. The parts are sized by one request for the numbers of rows under each beginning of
a hash; neighbours are asked for together. So an answer of ``n`` rows at a member that gives
``c`` of them takes about ``n / c + 3`` requests. Every part must have the rows that were
counted, or the whole fails.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

import polars as pl

from hereditary_kg.execution.memory import Holding
from hereditary_kg.execution.request_series import RequestSeries
from hereditary_kg.execution.row_bags import RowBag
from hereditary_kg.execution.streams import Batches, collect, merge, rebatch
from hereditary_kg.execution.sub_queries import COUNTED, NO_COLUMN, PART, SubQuery
from hereditary_kg.federation.errors import CappedOrderError, MemberError, RowCapError

__all__ = ["is_cut_short", "read_whole"]

# Answers of no more rows are seldom cut short. Of stores that do not count, their word that there
# are no more is enough there; for others it is not, for some give nothing beyond their limit.
_SMALL = 500
# Digits of a hash that tell parts apart in one request, and the rows above which two do.
_FEW, _MANY = 1, 2
_MANY_PARTS = 8
# Rows of one part, against the mean, that only many equal rows explain.
_SKEW = 4
# Digits after which equal hashes are taken for equal rows.
_DEEPEST = 8


@dataclass(frozen=True)
class _Part:
    """Some parts that are asked for together.

    Attributes:
        names: the beginnings of the hashes.
        rows: how many rows they have.
        grouped: whether they are asked for as different rows with numbers.
    """

    names: tuple[str, ...]
    rows: int
    grouped: bool = False


async def read_whole(
    series: RequestSeries, query: SubQuery, *, expected: float = 0.0, exact: int | None = None
) -> Batches:
    """Stream all rows that a request has.

    Args:
        series: whom to ask, and for what.
        query: the request.
        expected: how many rows it may have; where that is far more than the member gives, they
            are read in parts from the beginning.
        exact: how many rows it has by the member's profile, where that says just that.

    Raises:
        CappedOrderError: its answer was cut short, and was in an order.
        MemberError: the member failed; ``truncated`` where its answer was cut short and cannot
            be read on.
    """
    cap = series.member.experience.row_cap
    with series.context.memory.hold("rows that a member may have cut short") as held:
        bag = RowBag(held)
        rows = 0
        total: int | None = None
        if cap.rows is not None and expected > 2 * cap.rows and query.limit is None:
            total = await _count(series, query, rows)
        if total is None or cap.rows is None or total < cap.rows or query.obstacle:
            suspicious = False
            try:
                async with aclosing(series.select(query.text, query.columns)) as frames:
                    async for frame in frames:
                        rows += frame.height
                        if not cap.exempt:
                            bag.add(frame)
                        yield frame
            except RowCapError:
                suspicious = True
            enough = query.limit is not None and rows >= query.limit
            suspicious = suspicious or cap.is_suspicious(rows, query.text, expected=exact)
            if enough or not suspicious:
                cap.note_answer(rows, query.text)
                return
            total = await _count(series, query, rows)
            if total <= rows:
                cap.note_answer(rows, query.text, counted=True)
                return
            cap.note_cap(rows)
        wanted = total if query.limit is None else min(total, query.limit)
        async with aclosing(_read_rest(series, query, bag, total, held)) as rest:
            async for frame in rest:
                part = frame.head(wanted - rows)
                rows += part.height
                if part.height:
                    yield part
                if rows >= wanted and query.limit is not None:
                    return


async def is_cut_short(
    series: RequestSeries,
    query: SubQuery,
    rows: int,
    *,
    capped: bool,
    expected: int | None = None,
) -> bool:
    """Say whether an answer of so many rows was cut short; one more request where it may be.

    Args:
        series: who answered.
        query: the request.
        rows: the rows of the answer.
        capped: whether the member says that it may be.
        expected: how many rows are no surprise.
    """
    cap = series.member.experience.row_cap
    enough = query.limit is not None and rows >= query.limit
    if enough or not (capped or cap.is_suspicious(rows, query.text, expected=expected)):
        cap.note_answer(rows, query.text)
        return False
    if await _count(series, query, rows) > rows:
        cap.note_cap(rows)
        return True
    cap.note_answer(rows, query.text, counted=True)
    return False


async def _count(series: RequestSeries, query: SubQuery, rows: int) -> int:
    """Ask how many rows there are; where that is refused, whether there is one more."""
    try:
        answer = series.select(query.count_text(), (COUNTED,), "row count")
        counted = _numbers(await collect(answer, (COUNTED,)))
    except MemberError as error:
        if error.kind == "status" and rows <= _SMALL and await _is_last(series, query, rows):
            return rows
        raise MemberError(
            error.member,
            "truncated",
            f"its answer has {rows:,} rows, which may be all that it gives at once, and it does "
            f"not say how many there are ({error.reason}). If it gives more, ask again; if not, "
            "raise its limit of rows, or ask for less",
            query.text,
        ) from error
    if len(counted) != 1:
        series.refuse(query, rows, f"it counts {len(counted)} numbers instead of one")
    return counted[0]


async def _is_last(series: RequestSeries, query: SubQuery, rows: int) -> bool:
    """Whether a member that counts nothing has no row beyond so many, in whatever order."""
    answer = series.select(query.next_text(rows), query.columns, "row beyond")
    try:
        return not (await collect(answer, query.columns)).height
    except MemberError:
        return False


async def _read_rest(
    series: RequestSeries, query: SubQuery, bag: RowBag, total: int, held: Holding
) -> Batches:
    """Stream the rows that are not in ``bag``."""
    rows = bag.rows
    if query.columns == (NO_COLUMN,):
        # All rows are the same.
        yield pl.DataFrame({NO_COLUMN: pl.repeat('"1"', total - rows, eager=True)})
        return
    if query.is_ordered:
        raise CappedOrderError(series.member.name, rows, query.text)
    if query.obstacle:
        series.refuse(query, rows, query.obstacle)
    parts = [part async for part in _divide(series, query, "", total)]
    answers = merge([_read_part(series, query, part) for part in parts])
    async with aclosing(rebatch(answers, query.columns)) as frames:
        async for frame in frames:
            new = await held.run(bag.take_out, frame)
            rows += new.height
            yield new
    if bag.rows or rows != total:
        series.refuse(query, total, f"{max(1, bag.rows):,} of them were others a moment later")


async def _divide(
    series: RequestSeries, query: SubQuery, beginning: str, rows: int
) -> AsyncGenerator[_Part, None]:
    """Give parts of fewer rows than the member gives, of all whose hash begins so."""
    most = (series.member.experience.row_cap.rows or 0) - 1
    digits = _MANY if rows > _MANY_PARTS * most and most >= 16**_MANY else _FEW
    if 16**digits > most:
        series.refuse(query, most + 1, "parts small enough would be too many")
    names: list[str] = []
    gathered = 0
    sizes = await _sizes(series, query, beginning, digits, rows)
    for name, size in sorted(sizes.items()):
        if size > most:
            if size > _SKEW * rows / 16**digits or len(name) >= _DEEPEST:
                yield _Part((name,), size, grouped=True)
                continue
            async with aclosing(_divide(series, query, name, size)) as parts:
                async for part in parts:
                    yield part
            continue
        if gathered + size > most:
            yield _Part(tuple(names), gathered)
            names, gathered = [], 0
        names.append(name)
        gathered += size
    if names:
        yield _Part(tuple(names), gathered)


async def _sizes(
    series: RequestSeries, query: SubQuery, beginning: str, digits: int, rows: int
) -> dict[str, int]:
    length = len(beginning) + digits
    text = query.sizes_text(beginning, length)
    try:
        frame = await collect(
            series.select(text, (PART, COUNTED), "row count by part"), (PART, COUNTED)
        )
    except MemberError as error:
        series.refuse(query, rows, f"it cannot count them in parts ({error.reason})")
    names = frame[PART].str.extract(f'^"([0-9a-fA-F]{{{length}}})"$').to_list()
    sizes = dict(zip(names, _numbers(frame), strict=True))
    if None in sizes or len(sizes) != frame.height or sum(sizes.values()) != rows:
        series.refuse(
            query, rows, f"there are {rows:,} rows, and {sum(sizes.values()):,} in its parts"
        )
    return sizes


async def _read_part(series: RequestSeries, query: SubQuery, part: _Part) -> Batches:
    if part.grouped:
        with series.context.memory.hold("equal rows of a member") as held:
            async with aclosing(_read_grouped(series, query, part, held)) as frames:
                async for frame in frames:
                    yield frame
        return
    rows = 0
    answer = series.select(query.part_text(part.names), query.columns, f"{series.purpose}, part")
    async with aclosing(answer) as frames:
        async for frame in frames:
            rows += frame.height
            if rows <= part.rows:
                yield frame
    if rows != part.rows:
        series.refuse(
            query, rows, f"a part that was to have {part.rows:,} of them has {rows:,} now"
        )


async def _read_grouped(
    series: RequestSeries, query: SubQuery, part: _Part, held: Holding
) -> Batches:
    columns = (*query.columns, COUNTED)
    answer = series.select(query.grouped_text(part.names), columns, f"{series.purpose}, part")
    try:
        frame = await collect(answer, columns, held)
        complete = sum(_numbers(frame)) == part.rows
    except RowCapError:
        complete = False
    if complete:
        times = pl.Series(_numbers(frame), dtype=pl.UInt32)
        rows = pl.int_range(frame.height, eager=True).repeat_by(times).explode()
        yield frame.select(query.columns)[rows]
        return
    held.release()
    if len(part.names[0]) >= _DEEPEST:
        series.refuse(query, part.rows, "too many of them cannot be told apart")
    async with aclosing(_divide(series, query, part.names[0], part.rows)) as parts:
        async for smaller in parts:
            async with aclosing(_read_part(series, query, smaller)) as frames:
                async for frame in frames:
                    yield frame


def _numbers(frame: pl.DataFrame) -> list[int]:
    return [int(text) for text in frame[COUNTED].str.extract('^"([0-9]+)"').fill_null("0")]
