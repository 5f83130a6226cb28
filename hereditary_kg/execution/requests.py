"""From a plan's request to members' answers: bindings in blocks, and union of the members."""

from collections.abc import Iterator, Mapping
from contextlib import aclosing
from dataclasses import replace

import polars as pl

from hereditary_kg.execution.blocks import ask_in_blocks
from hereditary_kg.execution.context import ExecutionContext
from hereditary_kg.execution.request_series import RequestSeries
from hereditary_kg.execution.streams import Batches, distinct_batches, merge
from hereditary_kg.execution.sub_queries import SubQueryTemplate
from hereditary_kg.execution.translated_answers import native_bindings, translated_rows
from hereditary_kg.execution.value_routing import ValueRouter
from hereditary_kg.execution.whole_answers import read_whole
from hereditary_kg.federation.block_sizes import FIRST_BLOCK, LARGEST_BLOCK
from hereditary_kg.federation.errors import MemberError
from hereditary_kg.planning import plan
from hereditary_kg.rdf.solutions import restrict
from hereditary_kg.semantics.translation import Translation
from hereditary_kg.sparql.algebra import Pattern, Variable
from hereditary_kg.sparql.variables import certain_variables, scope_variables

__all__ = ["BLOCK", "LARGEST_BLOCK", "ask_members", "ask_pattern", "bindable_columns", "blocks"]

BLOCK = FIRST_BLOCK
"""Bindings in one request to a member of which nothing is known yet."""


def bindable_columns(node: plan.Fetch, bindings: pl.DataFrame | None) -> list[str]:
    """Give the columns of ``bindings`` that can restrict the request.

    The pattern must always bind the variable, or restricting it would lose solutions; and a
    blank node cannot be named in a query.
    """
    if bindings is None:
        return []
    certain = {variable.name for variable in node.certain}
    return [
        name
        for name in bindings.columns
        if name in certain and not bindings[name].str.starts_with("_:").any()
    ]


def blocks(bindings: pl.DataFrame, size: int = BLOCK) -> Iterator[pl.DataFrame]:
    """Cut bindings into blocks of ``size``."""
    for offset in range(0, bindings.height, size):
        yield bindings.slice(offset, size)


def ask_members(
    context: ExecutionContext,
    node: plan.Fetch,
    bindings: pl.DataFrame | None,
    step: plan.Node | None = None,
) -> Batches:
    """Ask every member of ``node``, with ``bindings`` if they help, and unite the answers.

    Args:
        context: the running query.
        node: what is asked of whom.
        bindings: rows that the answers will be joined with.
        step: the step of the plan that the requests are for, where it is not ``node``.
    """
    names = [variable.name for variable in node.variables]
    keys = _keys(node, bindings)
    columns = [] if keys is None else keys.columns
    written: dict[tuple[Pattern, int | None], SubQueryTemplate] = {}

    def template(name: str) -> SubQueryTemplate:
        pattern = node.own_patterns.get(name, node.pattern)
        # Rows that become one are no measure for how many are enough.
        limit = None if name in node.told_apart else node.limit
        if (pattern, limit) not in written:
            written[pattern, limit] = SubQueryTemplate(
                replace(node, pattern=pattern, limit=limit),
                columns,
                source=context.source,
                prologue=context.prologue,
            )
        return written[pattern, limit]

    streams = [
        _ask(
            RequestSeries(
                context, context.members[name], _purpose(keys), context.step(step or node)
            ),
            template(name),
            own,
            node,
        )
        for name, own in _routed(node, keys)
    ]
    answers = merge(streams)
    if not node.distinct:
        return answers
    return distinct_batches(answers, names, context.memory.hold(node))


def _keys(node: plan.Fetch, bindings: pl.DataFrame | None) -> pl.DataFrame | None:
    """Give the different bindings that can restrict the request, None where none can."""
    columns = bindable_columns(node, bindings)
    if not columns or bindings is None:
        return None
    return bindings.select(columns).unique(maintain_order=True)


def _routed(
    node: plan.Fetch, keys: pl.DataFrame | None
) -> Iterator[tuple[str, pl.DataFrame | None]]:
    """Yield the members that are asked, each with the bindings that it may match."""
    if keys is None or len(node.members) == 1:
        yield from ((name, keys) for name in node.members)
        return
    router = ValueRouter(node, keys)
    for name in node.members:
        own = router.keys_for(name)
        if own.height:
            yield name, own


def _purpose(keys: pl.DataFrame | None) -> str:
    return "scan" if keys is None else "bind join"


async def _ask(
    series: RequestSeries,
    template: SubQueryTemplate,
    keys: pl.DataFrame | None,
    node: plan.Fetch,
) -> Batches:
    context, name = series.context, series.member.name
    if name in context.failures:
        return
    rows = 0
    try:
        async with aclosing(_translate(series, template, keys, node)) as batches:
            async for batch in batches:
                rows += batch.height
                if batch.height:
                    yield batch
        if keys is None and not rows and node.limit != 0:
            context.note_empty(name, node.own_patterns.get(name, node.pattern))
    except MemberError as error:
        context.fail(error)


async def _translate(
    series: RequestSeries,
    template: SubQueryTemplate,
    keys: pl.DataFrame | None,
    node: plan.Fetch,
) -> Batches:
    """Ask in the member's own terms, and answer in the user's."""
    name = series.member.name
    translated = node.translated.get(name)
    if translated is None:
        native = keys
    else:
        native = None if keys is None else native_bindings(keys, translated)
        if native is not None and not native.height:
            return
    answer = _read(series, template, native, node)
    if translated is not None:
        answer = _translated(answer, translated, keys)
    if name in node.told_apart:
        names = [variable.name for variable in node.variables]
        answer = distinct_batches(answer, names, series.context.memory.hold(node))
    async with aclosing(answer) as batches:
        async for batch in batches:
            yield batch


async def _translated(
    answer: Batches, translated: Mapping[Variable, Translation], keys: pl.DataFrame | None
) -> Batches:
    async with aclosing(answer) as batches:
        async for batch in batches:
            yield translated_rows(batch, translated, keys)


async def _read(
    series: RequestSeries,
    template: SubQueryTemplate,
    keys: pl.DataFrame | None,
    node: plan.Fetch,
) -> Batches:
    names = [variable.name for variable in node.variables]
    if keys is None:
        name = series.member.name
        exact = None if name in node.own_patterns else node.exact_rows.get(name)
        answer = read_whole(series, template.write(), expected=node.estimate.rows, exact=exact)
    else:
        answer = ask_in_blocks(series, template, keys)
    async with aclosing(answer) as batches:
        async for batch in batches:
            yield restrict(batch, names)


async def ask_pattern(
    context: ExecutionContext, endpoint: str, pattern: Pattern, bindings: pl.DataFrame | None
) -> Batches:
    """Ask the endpoint of an explicit SERVICE for ``pattern``; its failures are raised.

    Raises:
        MemberError: the endpoint failed.
    """
    variables = scope_variables(pattern)
    certain = certain_variables(pattern)
    node = plan.Fetch(pattern, (endpoint,), variables, certain, distinct=False)
    keys = _keys(node, bindings)
    template = SubQueryTemplate(
        node, [] if keys is None else keys.columns, prologue=context.prologue
    )
    series = RequestSeries(context, context.services[endpoint], _purpose(keys))
    async with aclosing(_read(series, template, keys, node)) as batches:
        async for batch in batches:
            yield batch
