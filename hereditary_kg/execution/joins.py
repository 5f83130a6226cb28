"""Joins: what :mod:`hereditary_kg.execution.pairing` brings together, joined piece by piece."""

from collections.abc import Callable
from contextlib import aclosing

import polars as pl

from hereditary_kg.execution.context import ExecutionContext
from hereditary_kg.execution.memory import Holding
from hereditary_kg.execution.pairing import Evaluate, Pairing
from hereditary_kg.execution.residual import filter_rows
from hereditary_kg.execution.streams import Batches
from hereditary_kg.planning import plan
from hereditary_kg.rdf.solutions import join_pieces, join_solutions, unite_solutions

__all__ = ["join", "join_frames", "left_join"]

# Rows below which a join is done at once, and rows of its result that are made at a time.
_SMALL_JOIN = 2_000
_LARGEST_JOIN = 1_000_000

# Number of a left row, under a name that no operator inside the join uses.
_LEFT = ".left"


def _names(node: plan.Node) -> list[str]:
    return [variable.name for variable in node.variables]


async def join(
    context: ExecutionContext,
    node: plan.Join,
    bindings: pl.DataFrame | None,
    evaluate: Evaluate,
) -> Batches:
    """Stream the join of both sides."""
    pairing = Pairing(
        context, node.left, node.right, bindings, evaluate, node.wanted, in_parts=True
    )
    with context.memory.hold(node) as held:
        async with aclosing(pairing.pairs()) as opened:
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
    evaluate: Evaluate,
) -> Batches:
    """Stream the left join of both sides."""

    def combine(left: pl.DataFrame, right: pl.DataFrame) -> pl.DataFrame:
        return _left_join_frames(left, right, node, context.prologue)

    pairing = Pairing(context, node.left, node.right, bindings, evaluate, node.wanted)
    with context.memory.hold(node) as held:
        async with aclosing(pairing.pairs()) as opened:
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
