"""From a plan's request to members' answers: blocks of bindings, and union of the members.

Bindings travel as inline data in front of the pattern. They restrict it to solutions that can
join; they never change what is a solution. So they go as deep into the pattern as they can:
through projections, groupings by the bound variables and the left sides of optionals, down
to the basic graph patterns, which a store then answers by look-ups instead of a scan.
"""

from collections.abc import Iterator
from contextlib import aclosing
from itertools import count

import polars as pl

from hereditary_kg.execution.context import ExecutionContext
from hereditary_kg.execution.streams import Batches, distinct_batches, merge
from hereditary_kg.federation.errors import MemberError
from hereditary_kg.planning import plan
from hereditary_kg.rdf.solutions import restrict
from hereditary_kg.sparql.algebra import (
    Distinct,
    Extend,
    Filter,
    Group,
    Join,
    LeftJoin,
    Minus,
    OrderBy,
    Pattern,
    Project,
    Reduced,
    Slice,
    Values,
    Variable,
    with_children,
)
from hereditary_kg.sparql.printing import group_text, select_text
from hereditary_kg.sparql.variables import certain_variables, scope_variables

__all__ = ["BLOCK", "ask_members", "ask_pattern", "bindable_columns", "blocks", "request_text"]

BLOCK = 1000
"""Bindings in one request. A member looks one up in about 5 microseconds, a request costs
some milliseconds: at this size the request's own cost no longer counts."""

_ROW = f"{Variable.HIDDEN}row"


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
    """Cut bindings into blocks."""
    for offset in range(0, bindings.height, size):
        yield bindings.slice(offset, size)


def request_text(node: plan.Fetch, columns: list[str], source: str = "") -> tuple[str, str]:
    """Write the request of ``node`` around a place for bindings.

    Args:
        node: what is asked.
        columns: the columns that bindings will come in.
        source: dataset clauses, each with a space after it.

    Returns:
        The texts before and behind the bindings; without ``columns`` the second is empty.
    """
    pattern: Pattern = node.pattern
    if columns:
        marker = _marker(pattern)
        pattern = _with_marker(pattern, {Variable(name) for name in columns}, marker)
    # Around a projection of its own, a second one would make it a sub-select, whose order a
    # member need not keep.
    projected = pattern if _shows(pattern, node.variables) else Project(pattern, node.variables)
    if node.limit is not None:
        projected = Slice(projected, 0, node.limit)
    text = select_text(projected, source=source)
    if not columns:
        return text, ""
    before, _, behind = text.partition(group_text(marker))
    return before, behind


def _shows(pattern: Pattern, variables: tuple[Variable, ...]) -> bool:
    while isinstance(pattern, Slice | Distinct | Reduced):
        pattern = pattern.pattern
    return isinstance(pattern, Project) and pattern.variables == variables


def _marker(pattern: Pattern) -> Values:
    """Give inline data whose text stands nowhere in ``pattern``, not in a literal either."""
    text = group_text(pattern)
    markers = (Values((Variable(f"{Variable.HIDDEN}block{n}"),), ()) for n in count())
    return next(marker for marker in markers if group_text(marker) not in text)


def _with_marker(pattern: Pattern, bound: set[Variable], marker: Values) -> Pattern:
    match pattern:
        case Project() | Distinct() | Reduced() | OrderBy() | Filter() | Extend():
            return with_children(pattern, (_with_marker(pattern.pattern, bound, marker),))
        case Group(inner, keys) if bound <= set(keys):
            return with_children(pattern, (_with_marker(inner, bound, marker),))
        case LeftJoin(left, right, condition):
            return LeftJoin(_with_marker(left, bound, marker), right, condition)
        case Minus(left, right):
            return Minus(_with_marker(left, bound, marker), right)
        case Join(parts):
            return Join((marker, *parts))
        case _:
            return Join((marker, pattern))


def _block_text(block: pl.DataFrame) -> str:
    head = " ".join(f"?{name}" for name in block.columns)
    row = pl.concat_str(
        pl.lit("("), pl.concat_str(*map(pl.col, block.columns), separator=" "), pl.lit(")")
    )
    rows = " ".join(block.select(row.alias("row"))["row"].to_list())
    return f"VALUES ({head}) {{ {rows} }}"


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
    texts, purpose = _texts(node, bindings, context.source, context.prologue)
    streams = [
        _ask(context, member, text, names, purpose, context.step(step or node))
        for text in texts
        for member in node.members
    ]
    answers = merge(streams)
    if not node.distinct:
        return answers
    return distinct_batches(answers, names, context.memory.hold(node))


def _texts(
    node: plan.Fetch, bindings: pl.DataFrame | None, source: str, prologue: str
) -> tuple[list[str], str]:
    """Write the requests of ``node``, and name their purpose."""
    columns = bindable_columns(node, bindings)
    before, behind = request_text(node, columns, source)
    if not columns or bindings is None:
        return [prologue + before], "scan"
    keys = bindings.select(columns).unique(maintain_order=True)
    return [prologue + before + _block_text(block) + behind for block in blocks(keys)], "bind join"


async def _ask(
    context: ExecutionContext, name: str, text: str, names: list[str], purpose: str, step: int
) -> Batches:
    if name in context.failures:
        return
    stream = context.members[name].select(
        text,
        names or [_ROW],
        deadline=context.deadline,
        log=context.log,
        purpose=purpose,
        step=step,
        expected_version=context.versions.get(name),
    )
    try:
        async with aclosing(stream) as batches:
            async for batch in batches:
                context.check_labels(name)
                if batch.height:
                    yield restrict(batch, names)
    except MemberError as error:
        context.fail(error)


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
    names = [variable.name for variable in variables]
    texts, purpose = _texts(node, bindings, "", context.prologue)
    for text in texts:
        stream = context.services[endpoint].select(
            text, names or [_ROW], deadline=context.deadline, log=context.log, purpose=purpose
        )
        async with aclosing(stream) as batches:
            async for batch in batches:
                yield restrict(batch, names)
