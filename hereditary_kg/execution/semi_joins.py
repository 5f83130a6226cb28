"""MINUS and EXISTS: rows of one side, told apart by whether the other side has any for them.

The other side is asked as that of a join is (:mod:`hereditary_kg.execution.pairing`): for few
rows with their bindings, for many whole.
"""

from contextlib import aclosing

import polars as pl

from hereditary_kg.execution.context import ExecutionContext
from hereditary_kg.execution.fragment_streams import load_fragment
from hereditary_kg.execution.fragments import marked_rows
from hereditary_kg.execution.pairing import Evaluate, Pairing
from hereditary_kg.execution.residual import number_rows
from hereditary_kg.execution.streams import Batches, collect
from hereditary_kg.planning import plan
from hereditary_kg.rdf.solutions import ROW, compatible_rows, restrict, subtract_solutions
from hereditary_kg.sparql.variables import mentioned_variables

__all__ = ["mark", "minus"]

_TRUE = '"true"^^<http://www.w3.org/2001/XMLSchema#boolean>'
_FALSE = '"false"^^<http://www.w3.org/2001/XMLSchema#boolean>'


async def minus(
    context: ExecutionContext,
    node: plan.Minus,
    bindings: pl.DataFrame | None,
    evaluate: Evaluate,
) -> Batches:
    """Stream the left rows that no right row excludes."""
    pairs = Pairing(context, node.left, node.right, bindings, evaluate).pairs()
    with context.memory.hold(node) as held:
        async with aclosing(pairs) as opened:
            async for left, right in opened:
                yield await held.run(subtract_solutions, left, right)


async def mark(
    context: ExecutionContext, node: plan.Mark, bindings: pl.DataFrame | None, evaluate: Evaluate
) -> Batches:
    """Stream each row with whether the pattern has a solution for it."""
    if isinstance(node.right, plan.Fragment):
        marked = _mark_in_fragment(context, node, node.right, bindings, evaluate)
        async with aclosing(marked) as batches:
            async for batch in batches:
                yield batch
        return
    pairs = Pairing(context, node.input, node.right, bindings, evaluate).pairs()
    with context.memory.hold(node) as held:
        async with aclosing(pairs) as opened:
            async for left, right in opened:
                yield await held.run(_marked, left, right, node.variable.name)


def _marked(left: pl.DataFrame, right: pl.DataFrame, name: str) -> pl.DataFrame:
    shared = [column for column in right.columns if column in left.columns]
    numbered = left.with_row_index(ROW)
    return _with_mark(numbered, compatible_rows(numbered, restrict(right, shared)), name)


def _with_mark(numbered: pl.DataFrame, found: pl.Series, name: str) -> pl.DataFrame:
    is_found = pl.col(ROW).is_in(found.implode())
    holds = pl.when(is_found).then(pl.lit(_TRUE)).otherwise(pl.lit(_FALSE))
    return numbered.with_columns(holds.alias(name)).drop(ROW)


async def _mark_in_fragment(
    context: ExecutionContext,
    node: plan.Mark,
    fragment: plan.Fragment,
    bindings: pl.DataFrame | None,
    evaluate: Evaluate,
) -> Batches:
    """Mark the rows whose terms must be put into the pattern before it is evaluated."""
    names = [variable.name for variable in node.input.variables]
    with context.memory.hold(node.input) as ours, context.memory.hold(node) as theirs:
        frame = await collect(evaluate(context, node.input, bindings), names, ours)
        if not frame.height:
            return
        mentioned = {variable.name for variable in mentioned_variables(node.pattern)}
        numbered, rows = number_rows(frame, [n for n in frame.columns if n in mentioned])
        store = await load_fragment(context, fragment, theirs)
        found = await theirs.run(marked_rows, rows, node.pattern, store, context.prologue)
        yield _with_mark(numbered, found, node.variable.name)
