"""The operators of a physical plan, streaming batches of solutions.

Every operator is an asynchronous generator. ``bindings`` pass from a join down to the
requests below it: rows of terms that the solutions will be joined with on those columns. An
operator may use them to ask for less; it must still give every solution that is compatible
with one of them, as often as it is a solution.
"""

from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import TypeAlias

import polars as pl

from hereditary_kg.execution import joins, semi_joins
from hereditary_kg.execution.adaptive_joins import join_adaptively
from hereditary_kg.execution.context import ExecutionContext
from hereditary_kg.execution.errors import ExecutionError
from hereditary_kg.execution.fragment_streams import load_fragment, stream_fragment, stream_walk
from hereditary_kg.execution.memory import Holding
from hereditary_kg.execution.requests import ask_members
from hereditary_kg.execution.residual import (
    extend_rows,
    filter_rows,
    group_rows,
    sort_rows,
)
from hereditary_kg.execution.services import call_service, inline_values
from hereditary_kg.execution.streams import (
    Batches,
    Hold,
    collect,
    distinct_batches,
    merge,
    one,
    rebatch,
    transform,
)
from hereditary_kg.planning import plan
from hereditary_kg.rdf.solutions import restrict
from hereditary_kg.sparql.algebra import Pattern, Variable
from hereditary_kg.sparql.rewriting import replace_pattern

__all__ = ["solutions"]

Change: TypeAlias = Callable[[pl.DataFrame], pl.DataFrame]


def column_names(variables: Sequence[Variable]) -> list[str]:
    """Give the columns of variables."""
    return [variable.name for variable in variables]


async def solutions(
    context: ExecutionContext, node: plan.Node, bindings: pl.DataFrame | None = None
) -> Batches:
    """Stream the solutions of ``node``; every batch has the columns ``node.variables``."""
    names = column_names(node.variables)
    async with aclosing(_stream(context, node, _usable(node, bindings))) as batches:
        async for batch in batches:
            if batch.height:
                context.count(node, batch.height)
                yield restrict(batch, names)


def _usable(node: plan.Node, bindings: pl.DataFrame | None) -> pl.DataFrame | None:
    """Keep the bound columns that every solution of ``node`` binds, and whole rows only."""
    if bindings is None:
        return None
    certain = {variable.name for variable in node.certain}
    kept = [name for name in bindings.columns if name in certain]
    kept = [name for name in kept if not bindings[name].null_count()]
    return bindings.select(kept) if kept else None


def _stream(context: ExecutionContext, node: plan.Node, bindings: pl.DataFrame | None) -> Batches:
    match node:
        case plan.Fetch():
            return ask_members(context, node, bindings)
        case plan.InlineData():
            return one(_inline_data(node))
        case plan.Fragment():
            return _fragment(context, node)
        case plan.Reach():
            return _reach(context, node, bindings)
        case plan.ServiceCall():
            return call_service(context, node, bindings)
        case plan.ServiceJoin():
            return _service_join(context, node, bindings)
        case plan.Join(chain=chain) if chain is not None and bindings is None:
            return join_adaptively(context, node, chain, solutions)
        case plan.Join():
            return joins.join(context, node, bindings, solutions)
        case plan.LeftJoin():
            return joins.left_join(context, node, bindings, solutions)
        case plan.Union(branches):
            names = column_names(node.variables)
            return merge([_branch(context, branch, bindings, names) for branch in branches])
        case plan.Minus():
            return semi_joins.minus(context, node, bindings, solutions)
        case plan.Mark():
            return semi_joins.mark(context, node, bindings, solutions)
        case _:
            return _over_one(context, node, bindings)


def _over_one(
    context: ExecutionContext,
    node: plan.Filter
    | plan.Extend
    | plan.Group
    | plan.Project
    | plan.Distinct
    | plan.OrderBy
    | plan.Slice,
    bindings: pl.DataFrame | None,
) -> Batches:
    names = column_names(node.input.variables)
    prologue = context.prologue
    match node:
        case plan.Slice(inner, offset, limit):
            # What is cut off must not depend on who asks.
            return _slice(solutions(context, inner), offset, limit)
        case plan.Group(inner, keys, aggregates):
            return _whole(
                solutions(context, inner, bindings),
                names,
                lambda f: group_rows(f, keys, aggregates, prologue),
                context.memory.hold(node),
            )
        case _:
            source = solutions(context, node.input, bindings)
    hold = context.memory.hold(node)
    match node:
        case plan.Filter(_, condition):
            return transform(
                source, lambda frame: filter_rows(frame, condition, prologue), names, hold
            )
        case plan.Extend(_, variable, expression):
            return transform(
                source,
                lambda frame: extend_rows(frame, variable, expression, prologue),
                names,
                hold,
            )
        case plan.Project():
            return source
        case plan.Distinct():
            return distinct_batches(source, names, hold)
        case plan.OrderBy(_, order):
            return _whole(source, names, lambda f: sort_rows(f, order, prologue), hold)


def _inline_data(node: plan.InlineData) -> pl.DataFrame:
    names = column_names(node.variables)
    if not names:
        return pl.DataFrame(height=len(node.rows))
    columns = {
        name: [None if row[i] is None else str(row[i]) for row in node.rows]
        for i, name in enumerate(names)
    }
    return pl.DataFrame(columns, schema=dict.fromkeys(names, pl.String))


async def _branch(
    context: ExecutionContext, node: plan.Node, bindings: pl.DataFrame | None, names: list[str]
) -> Batches:
    async with aclosing(solutions(context, node, bindings)) as batches:
        async for batch in batches:
            yield restrict(batch, names)


async def _whole(source: Batches, names: list[str], change: Change, hold: Hold) -> Batches:
    """Gather everything, then change it in a thread."""
    with hold as held:
        changed = await held.run(change, await collect(source, names, held))
    yield changed


async def _slice(source: Batches, offset: int, limit: int | None) -> Batches:
    async with aclosing(source) as batches:
        if limit == 0:
            return
        async for batch in batches:
            kept = batch.slice(offset)
            offset = max(0, offset - batch.height)
            if limit is not None:
                kept = kept.head(limit)
                limit -= kept.height
            yield kept
            if limit == 0:
                return


async def _gathered(
    context: ExecutionContext, node: plan.Node, bindings: pl.DataFrame | None, held: Holding
) -> pl.DataFrame:
    return await collect(solutions(context, node, bindings), column_names(node.variables), held)


async def _fragment(context: ExecutionContext, node: plan.Fragment) -> Batches:
    with context.memory.hold(node) as held:
        store = await load_fragment(context, node, held)
        pattern = await _with_services(context, node)
        answer = stream_fragment(context, node, pattern, store)
        async with aclosing(answer) as batches:
            async for batch in batches:
                yield batch


async def _with_services(context: ExecutionContext, node: plan.Fragment) -> Pattern:
    """Put the answers of explicit SERVICE calls in their places."""
    pattern = node.pattern
    for call in node.services:
        names = column_names(call.variables)
        with context.memory.hold(call) as held:
            frame = await collect(solutions(context, call), names, held)
            values = inline_values(frame, call.variables)
        pattern = replace_pattern(pattern, call.service, values)
    return pattern


async def _reach(
    context: ExecutionContext, node: plan.Reach, bindings: pl.DataFrame | None
) -> Batches:
    with context.memory.hold(node.left) as ours, context.memory.hold(node.path) as theirs:
        left = await _gathered(context, node.left, bindings, ours)
        if not left.height:
            return
        store = await load_fragment(context, node.path, theirs)
        starts = left[node.start.name].drop_nulls().unique(maintain_order=True)
        walk = stream_walk(node.path, node.start, starts, store, theirs)
        async with aclosing(rebatch(walk, column_names(node.path.variables))) as batches:
            async for ends in batches:
                async with aclosing(joins.join_frames(ours, left, ends)) as joined:
                    async for piece in joined:
                        yield piece


async def _service_join(
    context: ExecutionContext, node: plan.ServiceJoin, bindings: pl.DataFrame | None
) -> Batches:
    """Ask each endpoint that the left side names, and join each with the rows that name it."""
    names = column_names(node.right.variables)
    with context.memory.hold(node.left) as ours, context.memory.hold(node.right) as theirs:
        left = await _gathered(context, node.left, bindings, ours)
        endpoint = node.right.service.name
        if not isinstance(endpoint, Variable) or endpoint.name not in left.columns:
            raise ExecutionError(f"SERVICE {endpoint}: nothing in the query gives it a value")
        for (text,), rows in left.group_by(endpoint.name, maintain_order=True):
            named = str(text) if text is not None else None
            answer = call_service(context, node.right, rows, named)
            right = await collect(answer, names, theirs)
            async with aclosing(joins.join_frames(ours, rows, right)) as joined:
                async for piece in joined:
                    yield piece
            theirs.release()
