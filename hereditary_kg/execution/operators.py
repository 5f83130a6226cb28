"""The operators of a physical plan, streaming batches of solutions.

Every operator is an asynchronous generator. ``bindings`` pass from a join down to the
requests below it: rows of terms that the solutions will be joined with on those columns. An
operator may use them to ask for less; it must still give every solution that is compatible
with one of them, as often as it is a solution.
"""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing

import polars as pl

from hereditary_kg.execution import joins
from hereditary_kg.execution.context import ExecutionContext
from hereditary_kg.execution.errors import ExecutionError
from hereditary_kg.execution.fragments import (
    evaluate_fragment,
    fragment_store,
    marked_rows,
    walk_path,
)
from hereditary_kg.execution.requests import ask_members
from hereditary_kg.execution.residual import (
    extend_rows,
    filter_rows,
    group_rows,
    number_rows,
    sort_rows,
)
from hereditary_kg.execution.services import call_service, inline_values
from hereditary_kg.execution.streams import (
    Batches,
    collect,
    distinct_batches,
    gather,
    merge,
    one,
    transform,
)
from hereditary_kg.planning import plan
from hereditary_kg.rdf.solutions import (
    ROW,
    compatible_rows,
    join_solutions,
    restrict,
    subtract_solutions,
)
from hereditary_kg.sparql.algebra import Pattern, Variable
from hereditary_kg.sparql.rewriting import replace_pattern
from hereditary_kg.sparql.variables import mentioned_variables

__all__ = ["solutions"]

_TRUE = '"true"^^<http://www.w3.org/2001/XMLSchema#boolean>'
_FALSE = '"false"^^<http://www.w3.org/2001/XMLSchema#boolean>'


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
        case plan.Join():
            return joins.join(context, node, bindings, solutions)
        case plan.LeftJoin():
            return joins.left_join(context, node, bindings, solutions)
        case plan.Union(branches):
            names = column_names(node.variables)
            return merge([_branch(context, branch, bindings, names) for branch in branches])
        case plan.Minus():
            return _minus(context, node, bindings)
        case plan.Mark():
            return _mark(context, node, bindings)
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
            )
        case _:
            source = solutions(context, node.input, bindings)
    match node:
        case plan.Filter(_, condition):
            return transform(
                source, lambda frame: filter_rows(frame, condition, context.prologue), names
            )
        case plan.Extend(_, variable, expression):
            return transform(
                source,
                lambda frame: extend_rows(frame, variable, expression, context.prologue),
                names,
            )
        case plan.Project():
            return source
        case plan.Distinct():
            return distinct_batches(source, names)
        case plan.OrderBy(_, order):
            return _whole(source, names, lambda f: sort_rows(f, order, prologue))


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


async def _whole(source: Batches, names: list[str], change: "joins.Change") -> Batches:
    """Gather everything, then change it in a thread."""
    frame = await collect(source, names)
    yield await asyncio.to_thread(change, frame)


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


async def _minus(
    context: ExecutionContext, node: plan.Minus, bindings: pl.DataFrame | None
) -> Batches:
    left = await collect(solutions(context, node.left, bindings), column_names(node.left.variables))
    if not left.height:
        return
    names = column_names(node.right.variables)
    keys = joins.keys_of(left, node.left, node.right)
    right = await collect(solutions(context, node.right, keys), names)
    yield await asyncio.to_thread(subtract_solutions, left, right)


async def _mark(
    context: ExecutionContext, node: plan.Mark, bindings: pl.DataFrame | None
) -> Batches:
    frame = await collect(
        solutions(context, node.input, bindings), column_names(node.input.variables)
    )
    if not frame.height:
        return
    if isinstance(node.right, plan.Fragment):
        mentioned = {v.name for v in mentioned_variables(node.pattern)}
        numbered, rows = number_rows(frame, [n for n in frame.columns if n in mentioned])
        store = await _load_fragment(context, node.right)
        found = await asyncio.to_thread(marked_rows, rows, node.pattern, store, context.prologue)
    else:
        keys = joins.keys_of(frame, node.input, node.right)
        names = column_names(node.right.variables)
        right = await collect(solutions(context, node.right, keys), names)
        shared = [name for name in names if name in frame.columns]
        numbered = frame.with_row_index(ROW)
        found = compatible_rows(numbered, restrict(right, shared))
    holds = (
        pl.when(pl.col(ROW).is_in(found.implode())).then(pl.lit(_TRUE)).otherwise(pl.lit(_FALSE))
    )
    yield numbered.with_columns(holds.alias(node.variable.name)).drop(ROW)


async def _fragment(context: ExecutionContext, node: plan.Fragment) -> Batches:
    store = await _load_fragment(context, node)
    pattern = await _with_services(context, node)
    yield await asyncio.to_thread(
        evaluate_fragment, pattern, node.variables, store, context.prologue
    )


async def _load_fragment(context: ExecutionContext, node: plan.Fragment) -> "joins.Store":
    frames = await gather(
        collect(solutions(context, fetch), column_names(fetch.variables)) for fetch in node.fetches
    )
    matches = list(zip(node.leaves, frames, strict=True))
    return await asyncio.to_thread(fragment_store, matches, node.graph_names)


async def _with_services(context: ExecutionContext, node: plan.Fragment) -> Pattern:
    """Put the answers of explicit SERVICE calls in their places."""
    pattern = node.pattern
    for call in node.services:
        names = column_names(call.variables)
        frame = await collect(solutions(context, call), names)
        pattern = replace_pattern(pattern, call.service, inline_values(frame, call.variables))
    return pattern


async def _reach(
    context: ExecutionContext, node: plan.Reach, bindings: pl.DataFrame | None
) -> Batches:
    names = column_names(node.left.variables)
    left = await collect(solutions(context, node.left, bindings), names)
    if not left.height:
        return
    store = await _load_fragment(context, node.path)
    starts = left.select(node.start.name).drop_nulls().unique(maintain_order=True)
    ends = await asyncio.to_thread(walk_path, node.path.pattern, node.path.variables, starts, store)
    yield join_solutions(left, ends)


async def _service_join(
    context: ExecutionContext, node: plan.ServiceJoin, bindings: pl.DataFrame | None
) -> Batches:
    """Ask each endpoint that the left side names, and join each with the rows that name it."""
    names = column_names(node.left.variables)
    left = await collect(solutions(context, node.left, bindings), names)
    endpoint = node.right.service.name
    if not isinstance(endpoint, Variable) or endpoint.name not in left.columns:
        raise ExecutionError(f"SERVICE {endpoint}: nothing in the query gives it a value")
    for (text,), rows in left.group_by(endpoint.name, maintain_order=True):
        right = await collect(
            call_service(context, node.right, rows, str(text) if text is not None else None),
            column_names(node.right.variables),
        )
        yield join_solutions(rows, right)
