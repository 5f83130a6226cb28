"""Bind joins: bindings cut into blocks of the size that the member takes best.

A block's answer is handed on when it is whole. So a block that fails, whether before its first
row or after many, can be halved and asked again without a row coming twice; the join that wants
the rows gathers them in any case.
"""

import asyncio
import math
import time
from contextlib import aclosing
from itertools import accumulate

import polars as pl

from hereditary_kg.execution.binding_texts import LARGEST_FILTER, write_bindings
from hereditary_kg.execution.memory import Holding
from hereditary_kg.execution.request_series import RequestSeries
from hereditary_kg.execution.streams import Batches, merge
from hereditary_kg.execution.sub_queries import SubQueryTemplate
from hereditary_kg.execution.whole_answers import is_cut_short, read_whole
from hereditary_kg.federation.binding_forms import BindingKeyword
from hereditary_kg.federation.errors import MemberError, RowCapError, TransportTimeoutError

__all__ = ["ask_in_blocks"]

# Failures that a smaller request may avoid: its text is too long, it asks for too much, or the
# member has too much to do. 400 is what some servers say to a long form.
_TOO_LONG = frozenset((400, 413, 414))
_TOO_MUCH = frozenset((429, 500, 502, 503, 504))
# The pieces that a block is cut into when it takes too long.
_AFTER_TIMEOUT = 8
# Seconds that a member may want before it is asked again, as in `RetryPolicy`.
_LONGEST_WAIT = 30.0


def ask_in_blocks(series: RequestSeries, template: SubQueryTemplate, keys: pl.DataFrame) -> Batches:
    """Stream the rows of a request for all bindings, block by block, several at a time.

    Args:
        series: whom to ask, and for what.
        template: the request.
        keys: the bindings, each once, nothing unbound.

    Raises:
        MemberError: the member failed, with a single binding, or in a way that smaller blocks
            do not change.
    """
    queue = _Queue(series, keys)
    workers = min(series.member.description.concurrency, queue.estimated_blocks())
    return merge([_work(series, template, queue) for _ in range(workers)])


class _Queue:
    """Bindings that still wait to be asked for."""

    def __init__(self, series: RequestSeries, keys: pl.DataFrame) -> None:
        self._experience = series.member.experience
        self._rest = keys

    def estimated_blocks(self) -> int:
        """Give how many blocks there will be if their size does not change."""
        return max(1, math.ceil(self._rest.height / self._most()))

    def take(self) -> pl.DataFrame | None:
        """Take the next block, None where there is none."""
        if not self._rest.height:
            return None
        block = self._rest.head(self._most())
        block = block.head(_fitting(block, self._experience.block_size.characters))
        self._rest = self._rest.slice(block.height)
        return block

    def _most(self) -> int:
        size = self._experience.block_size.bindings
        return _most_bindings(size, self._experience.binding_form.keyword)


def _most_bindings(size: int, keyword: BindingKeyword) -> int:
    return min(size, LARGEST_FILTER) if keyword == "filter" else size


def _fitting(block: pl.DataFrame, characters: int) -> int:
    """Give how many rows, at least one, have no more characters than that."""
    # A bracket at both ends of each row, and a space after each term.
    lengths = accumulate(sum(map(len, row)) + len(row) + 2 for row in block.iter_rows())
    return max(1, sum(length <= characters for length in lengths))


async def _work(series: RequestSeries, template: SubQueryTemplate, queue: _Queue) -> Batches:
    while (block := queue.take()) is not None:
        async with aclosing(_ask_block(series, template, block)) as frames:
            async for frame in frames:
                yield frame


async def _ask_block(
    series: RequestSeries, template: SubQueryTemplate, block: pl.DataFrame
) -> Batches:
    """Ask for a block, in smaller ones where it is too much."""
    pending = [block]
    failure: MemberError | None = None
    while pending:
        part = pending.pop()
        most = _most_bindings(part.height, series.member.experience.binding_form.keyword)
        if part.height > most:
            pending += [part.slice(most), part.head(most)]
            continue
        with series.context.memory.hold("the answer to a block of bindings") as held:
            try:
                gathered = await _gather_in_form(series, template, part, held)
            except MemberError as error:
                if failure is not None and error.kind == "unreachable":
                    # The circuit opened: what opened it says more.
                    raise failure from error
                pending += await _smaller_blocks(series, part, error)
                failure = error
                continue
            held.release()
            for frame in gathered:
                yield frame


async def _gather_in_form(
    series: RequestSeries, template: SubQueryTemplate, block: pl.DataFrame, held: Holding
) -> list[pl.DataFrame]:
    """Gather the whole answer to a block; where VALUES is refused, to the same as a FILTER."""
    form = series.member.experience.binding_form
    try:
        return await _gather_block(series, template, block, form.keyword, held)
    except MemberError as error:
        # With many bindings, the length may be to blame.
        if error.status != 400 or form.settled or block.height > 1:
            raise
        refusal = error
    try:
        return await _gather_block(series, template, block, "filter", held)
    except MemberError as error:
        raise refusal from error


async def _gather_block(
    series: RequestSeries,
    template: SubQueryTemplate,
    block: pl.DataFrame,
    keyword: BindingKeyword,
    held: Holding,
) -> list[pl.DataFrame]:
    """Gather the whole answer to a block.

    Raises:
        MemberError: the member failed; ``truncated`` where it cut the answer short.
    """
    experience = series.member.experience
    query = template.write(write_bindings(block, keyword))
    started = time.monotonic()
    gathered: list[pl.DataFrame] = []
    capped = False
    divisible = block.height > 1
    answer = (
        series.select(query.text, query.columns, divisible=True)
        if divisible
        else read_whole(series, query)
    )
    try:
        async with aclosing(answer) as frames:
            async for frame in frames:
                held.add(frame)
                gathered.append(frame)
    except RowCapError:
        capped = True
    rows = sum(frame.height for frame in gathered)
    # Whether it is even takes longer to find out than whether that matters.
    suspicious = divisible and experience.row_cap.is_suspicious(rows, query.text)
    natural = rows if suspicious and _is_even(gathered, block) else None
    if divisible and await is_cut_short(series, query, rows, capped=capped, expected=natural):
        series.refuse(query, rows, "the block of bindings is too large")
    experience.binding_form.settle(keyword)
    experience.block_size.succeed(block.height, time.monotonic() - started)
    return gathered


def _is_even(gathered: list[pl.DataFrame], block: pl.DataFrame) -> bool:
    """Whether all bindings have as many rows: a limit would hardly end an answer like that."""
    rows = sum(frame.height for frame in gathered)
    if not rows or rows % block.height:
        return False
    found = pl.concat([frame.select(block.columns) for frame in gathered])
    each = found.group_by(block.columns).len()["len"]
    return each.len() == block.height and each.n_unique() == 1


async def _smaller_blocks(
    series: RequestSeries, block: pl.DataFrame, error: MemberError
) -> list[pl.DataFrame]:
    """Give what to ask instead of a block that failed, the first last.

    Raises:
        MemberError: smaller blocks would fail as well.
    """
    experience = series.member.experience
    if not _is_too_much(error):
        raise error
    if block.height == 1:
        experience.block_size.absolve()
        raise error
    if error.status == 400 and not experience.binding_form.settled:
        # One binding shows whether the form or the length was refused.
        return [block.slice(1), block.head(1)]
    length = len(error.query or "") if error.status in _TOO_LONG else None
    # A time-out has cost much time already: a member that hangs is to show it soon.
    pieces = min(block.height, _AFTER_TIMEOUT if error.kind == "timeout" else 2)
    height = math.ceil(block.height / pieces)
    experience.block_size.fail(2 * height, length)
    wait = error.retry_after or 0.0
    if wait > _LONGEST_WAIT or wait >= series.context.deadline.remaining():
        raise error
    await asyncio.sleep(wait)
    starts = range(0, block.height, height)
    return [block.slice(start, height) for start in reversed(starts)]


def _is_too_much(error: MemberError) -> bool:
    match error.kind:
        case "status":
            return error.status in _TOO_LONG | _TOO_MUCH
        case "truncated":
            return True
        case "timeout":
            # One that took too long to connect has not even seen how much is asked.
            return not isinstance(error.__cause__, TransportTimeoutError)
        case _:
            return False
