"""Joins that ask for what they need.

A join gathers its left side until it knows whether the side is small. If it is, the right
side is asked only for what can join, block by block, several blocks at a time (a bind join).
If it is not, the right side is fetched too, and the longer side streams past the other one (a
hash join); in a left join, the left side past the right one. Where the line runs is a matter of
cost: a look-up for each binding, and a request for each block and member, against the estimated
rows of the whole right side.

Source: bind joins after Haas et al., Optimizing Queries across Diverse Data Sources, VLDB
1997, and Schwarte et al., FedX, ISWC 2011.
"""

from collections.abc import Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Protocol, TypeAlias

import polars as pl

from hereditary_kg.execution.context import ExecutionContext
from hereditary_kg.execution.hash_joins import Pairs, Side, pair_sides
from hereditary_kg.execution.memory import Holding
from hereditary_kg.execution.requests import BLOCK, LARGEST_BLOCK, blocks
from hereditary_kg.execution.residual import filter_rows
from hereditary_kg.execution.streams import Batches, chain, collect, merge, rebatch
from hereditary_kg.planning import plan
from hereditary_kg.planning.join_order import LOOK_UP_COST, REQUEST_COST, ROW_COST
from hereditary_kg.rdf.solutions import join_pieces, join_solutions, unite_solutions

if TYPE_CHECKING:
    import pyoxigraph

    Store: TypeAlias = pyoxigraph.Store

__all__ = ["Change", "join", "join_frames", "keys_of", "left_join"]

Change: TypeAlias = Callable[[pl.DataFrame], pl.DataFrame]

_FEWEST_KEYS = 64
# A left side that is expected to be this many times as large as is cheap to look up need only
# show so small a part of that: the right side, and the first row, would wait for the rest.
_CLEARLY_LARGE = 2
_SHOWN_PART = 8

# Rows below which a join is done at once, and rows of its result that are made at a time.
_SMALL_JOIN = 2_000
_LARGEST_JOIN = 1_000_000

# Number of a left row, under a name that no operator inside the join uses.
_LEFT = ".left"


class _Evaluate(Protocol):
    def __call__(
        self,
        context: ExecutionContext,
        node: plan.Node,
        bindings: pl.DataFrame | None = None,
    ) -> Batches: ...


def _names(node: plan.Node) -> list[str]:
    return [variable.name for variable in node.variables]


def keys_of(frame: pl.DataFrame, left: plan.Node, right: plan.Node) -> pl.DataFrame | None:
    """Give the distinct bindings in ``frame`` that can restrict ``right``, or None."""
    names = [
        variable.name
        for variable in left.variables
        if variable in right.certain and not frame[variable.name].null_count()
    ]
    names = [name for name in names if not frame[name].str.starts_with("_:").any()]
    return frame.select(names).unique(maintain_order=True) if names else None


def bind_limit(left: plan.Node, right: plan.Node) -> int:
    """Give with how many rows ``left`` is rather looked up than ``right`` fetched whole."""
    rows, requests = _size(right)
    key_cost = LOOK_UP_COST + requests * REQUEST_COST / BLOCK + _rows_a_key(left, right) * ROW_COST
    limit = int(rows * ROW_COST / key_cost)
    if _size(left)[0] > _CLEARLY_LARGE * limit:
        limit //= _SHOWN_PART
    return max(_FEWEST_KEYS, limit)


def _rows_a_key(left: plan.Node, right: plan.Node) -> float:
    """Estimate how many rows of ``right`` come for one binding; none where nothing tells."""
    if not isinstance(right, plan.Fetch):
        return 0.0
    distinct = right.estimate.distinct
    keys = [distinct[v] for v in left.variables if v in right.certain and v in distinct]
    return right.estimate.rows / max(1.0, *keys) if keys else 0.0


def _size(node: plan.Node) -> tuple[float, int]:
    if isinstance(node, plan.Fetch):
        return node.estimate.rows, len(node.members)
    sizes = [_size(child) for child in plan.inputs(node)]
    return sum(rows for rows, _ in sizes), sum(requests for _, requests in sizes)


async def join(
    context: ExecutionContext,
    node: plan.Join,
    bindings: pl.DataFrame | None,
    evaluate: _Evaluate,
) -> Batches:
    """Stream the join of both sides."""
    pairs = _paired(context, node.left, node.right, bindings, evaluate, either=True)
    with context.memory.hold(node) as held:
        async with aclosing(pairs) as opened:
            async for left, right in opened:
                async with aclosing(join_frames(held, left, right)) as pieces:
                    async for piece in pieces:
                        yield piece


async def join_frames(held: Holding, left: pl.DataFrame, right: pl.DataFrame) -> Batches:
    """Stream the join of two frames, which may be very much larger than both.

    Args:
        held: counts what is evaluated.
        left: one side.
        right: the other one.
    """
    for piece in join_pieces(left, right, _LARGEST_JOIN):
        yield await _apart(held, piece, right, join_solutions)


async def left_join(
    context: ExecutionContext,
    node: plan.LeftJoin,
    bindings: pl.DataFrame | None,
    evaluate: _Evaluate,
) -> Batches:
    """Stream the left join of both sides."""

    def combine(left: pl.DataFrame, right: pl.DataFrame) -> pl.DataFrame:
        return _left_join_frames(left, right, node, context.prologue)

    pairs = _paired(context, node.left, node.right, bindings, evaluate)
    with context.memory.hold(node) as held:
        async with aclosing(pairs) as opened:
            async for left, right in opened:
                for piece in join_pieces(left, right, _LARGEST_JOIN):
                    yield await _apart(held, piece, right, combine)


async def _apart(
    held: Holding,
    left: pl.DataFrame,
    right: pl.DataFrame,
    combine: Callable[[pl.DataFrame, pl.DataFrame], pl.DataFrame],
) -> pl.DataFrame:
    """Join in a thread where it takes long, so that requests and deadlines go on."""
    if left.height + right.height < _SMALL_JOIN:
        return combine(left, right)
    return await held.run(combine, left, right)


def _left_join_frames(
    left: pl.DataFrame, right: pl.DataFrame, node: plan.LeftJoin, prologue: str
) -> pl.DataFrame:
    numbered = left.with_row_index(_LEFT)
    joined = join_solutions(numbered, right)
    if node.condition is not None:
        joined = filter_rows(joined, node.condition, prologue)
    alone = numbered.filter(~pl.col(_LEFT).is_in(joined[_LEFT].implode()))
    return unite_solutions([joined, alone], _names(node))


async def _paired(
    context: ExecutionContext,
    left: plan.Node,
    right: plan.Node,
    bindings: pl.DataFrame | None,
    evaluate: _Evaluate,
    *,
    either: bool = False,
) -> Pairs:
    """Yield rows of both sides so that every two that may join come together once.

    Args:
        context: the running query.
        left: one side.
        right: the other one.
        bindings: rows that the join will be joined with.
        evaluate: gives the rows of a side.
        either: whether the right side may come in pieces too; if not, every left row comes
            once, together with all right rows that may join it.
    """
    limit = bind_limit(left, right)
    gathered: list[pl.DataFrame] = []
    rows = 0
    with context.memory.hold(left) as ours, context.memory.hold(right) as theirs:
        async with aclosing(evaluate(context, left, bindings)) as stream:
            async for batch in stream:
                ours.add(batch)
                gathered.append(batch)
                rows += batch.height
                if rows > limit:
                    break
            else:
                frame = unite_solutions(gathered, _names(left))
                async with aclosing(_looked_up(context, frame, left, right, evaluate)) as pairs:
                    async for pair in pairs:
                        yield pair
                return
            fetched = evaluate(context, right, bindings)
            if either:
                begun = Side(stream, _names(left), ours, _size(left)[0], gathered)
                other = Side(fetched, _names(right), theirs, _size(right)[0])
                async with aclosing(pair_sides(begun, other)) as pairs:
                    async for pair in pairs:
                        yield pair
                return
            whole = await collect(fetched, _names(right), theirs)
            batches = rebatch(chain(gathered, stream), _names(left))
            async with aclosing(batches) as large:
                async for batch in large:
                    ours.release()
                    yield batch, whole


async def _looked_up(
    context: ExecutionContext,
    frame: pl.DataFrame,
    left: plan.Node,
    right: plan.Node,
    evaluate: _Evaluate,
) -> Pairs:
    """Ask the right side for the bindings of ``frame``, block by block."""
    if not frame.height:
        return
    keys = keys_of(frame, left, right)
    if keys is None:
        with context.memory.hold(right) as held:
            yield frame, await collect(evaluate(context, right, None), _names(right), held)
        return

    async def look_up(block: pl.DataFrame) -> Pairs:
        rows = frame.join(block, on=block.columns, how="semi")
        with context.memory.hold(right) as held:
            yield rows, await collect(evaluate(context, right, block), _names(right), held)

    async with aclosing(merge([look_up(block) for block in blocks(keys, LARGEST_BLOCK)])) as pairs:
        async for pair in pairs:
            yield pair
