"""Expressions at the mediator, evaluated by Oxigraph.

There is no second implementation of SPARQL's functions here. Rows go to Oxigraph as inline
data, only the columns an expression reads and each combination of terms once; what comes
back is row numbers and new terms. Columns that an expression does not compute never make
the journey, so their lexical forms stay as the members gave them.

Inline data cannot hold blank nodes. Rows that have some go into a scratch store instead, a
triple a cell.

Source: SPARQL 1.1 Query Language, sections 17, 11 and 15.1.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import IO, TYPE_CHECKING, Any, cast

import polars as pl

from hereditary_kg.execution.errors import ExecutionError
from hereditary_kg.execution.exact_terms import unwrap_terms, wrap_rows
from hereditary_kg.execution.memory import evaluation_memory
from hereditary_kg.planning.rules.filters import is_stable
from hereditary_kg.rdf.solutions import ROW, restrict
from hereditary_kg.rdf.tsv_reading import parse_tsv
from hereditary_kg.sparql.algebra import Aggregate, Expression, OrderKey, Variable
from hereditary_kg.sparql.printing import expression_text
from hereditary_kg.sparql.variables import expression_variables

if TYPE_CHECKING:
    import pyoxigraph

__all__ = [
    "EVALUATED_ROWS",
    "NUMBER",
    "evaluate_text",
    "extend_rows",
    "filter_rows",
    "group_rows",
    "has_blank_nodes",
    "number_rows",
    "row_numbers",
    "rows_text",
    "sort_rows",
]

EVALUATED_ROWS = 32_768
"""Rows that are given to Oxigraph at once where it need not see all of them."""

NUMBER = f"{Variable.HIDDEN}number"
_GROUP = f"{Variable.HIDDEN}group"
_VALUE = f"{Variable.HIDDEN}value"
_FORM = f"{Variable.HIDDEN}form"
_ROW_IRI = "urn:hkg:row:"
_COLUMN_IRI = "urn:hkg:column:"
_ROWS_GRAPH = "urn:hkg:rows"
_COUNTED = ("COUNT",)
_SET_AGGREGATES = ("MIN", "MAX", "SAMPLE")


def filter_rows(frame: pl.DataFrame, condition: Expression, prologue: str = "") -> pl.DataFrame:
    """Keep the rows for which ``condition`` is true (not false, not an error)."""
    if not frame.height:
        return frame
    numbered, rows = _numbered(frame, [condition])
    rows, (condition,) = wrap_rows(rows, [condition])
    kept = _evaluate_in_parts(rows, f"FILTER({expression_text(condition)})", (), prologue)
    numbers = row_numbers(kept)
    chosen = numbered.filter(pl.col(ROW).is_in(numbers.implode()))
    return restrict(chosen, frame.columns)


def extend_rows(
    frame: pl.DataFrame, variable: Variable, expression: Expression, prologue: str = ""
) -> pl.DataFrame:
    """Add a column with the value of ``expression``, null where it is an error."""
    if variable.name in frame.columns:
        raise ExecutionError(f"{variable} has a value already")
    names = [*frame.columns, variable.name]
    if not frame.height:
        return restrict(frame, names)
    if isinstance(expression, Variable) and expression.name in frame.columns:
        return frame.with_columns(frame[expression.name].alias(variable.name))
    numbered, rows = _numbered(frame, [expression])
    rows, (expression,) = wrap_rows(rows, [expression], term=True)
    bound = f"BIND({expression_text(expression)} AS ?{variable.name})"
    values = _evaluate_in_parts(rows, bound, (variable.name,), prologue)
    values = values.select(_row_numbers(), pl.col(variable.name))
    extended = numbered.join(values, on=ROW, how="left", maintain_order="left")
    return restrict(extended, names)


def sort_rows(frame: pl.DataFrame, keys: Sequence[OrderKey], prologue: str = "") -> pl.DataFrame:
    """Sort by SPARQL's order of terms (section 15.1); equal rows keep their order."""
    if frame.height < 2:
        return frame
    numbered, rows = _numbered(frame, [key.expression for key in keys])
    rows, expressions = wrap_rows(rows, [key.expression for key in keys])
    order = " ".join(
        f"{'DESC' if key.descending else 'ASC'}({expression_text(expression)})"
        for key, expression in zip(keys, expressions, strict=True)
    )
    ordered = row_numbers(_evaluate(rows, "", (), f"ORDER BY {order}", prologue=prologue))
    ranks = pl.DataFrame({ROW: ordered, ".rank": pl.arange(0, len(ordered), eager=True)})
    ranked = numbered.join(ranks, on=ROW, how="left", maintain_order="left")
    return restrict(ranked.sort(".rank", maintain_order=True), frame.columns)


def group_rows(
    frame: pl.DataFrame,
    keys: Sequence[Variable],
    aggregates: Sequence[tuple[Variable, Aggregate]],
    prologue: str = "",
) -> pl.DataFrame:
    """Group rows and aggregate each group (section 11).

    Without keys all rows, also none, are one group. Counting, and adding counts, is done on the
    columns; every other aggregate is Oxigraph's.
    """
    names = [key.name for key in keys]
    missing = [name for name in names if name not in frame.columns]
    frame = restrict(frame, [*frame.columns, *missing])
    groups, numbered = _groups(frame, names)
    result = groups
    for variable, aggregate in aggregates:
        if aggregate.name in _COUNTED and isinstance(aggregate.argument, Variable | None):
            column = _count(numbered, groups, aggregate, names)
        else:
            sums = _sum_of_counts(numbered, groups, aggregate)
            column = _aggregate(numbered, groups, aggregate, prologue) if sums is None else sums
        result = result.with_columns(column.alias(variable.name))
    return restrict(result, [*names, *(variable.name for variable, _ in aggregates)])


def _groups(frame: pl.DataFrame, names: list[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give the groups' keys, numbered, and the rows with their group's number."""
    if not names:
        whole = pl.DataFrame({ROW: [0]}, schema={ROW: pl.UInt32})
        zeros = pl.DataFrame({ROW: pl.repeat(0, frame.height, dtype=pl.UInt32, eager=True)})
        numbered = pl.concat([frame, zeros], how="horizontal") if frame.width else zeros
        return whole, numbered
    groups = frame.select(names).unique(maintain_order=True).with_row_index(ROW)
    numbered = frame.join(groups, on=names, how="left", nulls_equal=True)
    return groups, numbered


def _count(
    numbered: pl.DataFrame, groups: pl.DataFrame, aggregate: Aggregate, names: list[str]
) -> pl.Series:
    argument = aggregate.argument
    rows = numbered
    if isinstance(argument, Variable):
        if argument.name not in rows.columns:
            rows = rows.clear()
        else:
            rows = rows.select(ROW, argument.name).filter(pl.col(argument.name).is_not_null())
    elif aggregate.distinct:
        rows = rows.select([ROW, *(n for n in rows.columns if n != ROW and n not in names)])
    if aggregate.distinct:
        rows = rows.unique()
    counts = rows.group_by(ROW).len(".count")
    joined = groups.join(counts, on=ROW, how="left", maintain_order="left")
    return joined.select(_integer(pl.col(".count").fill_null(0)).alias(".count"))[".count"]


def _sum_of_counts(
    numbered: pl.DataFrame, groups: pl.DataFrame, aggregate: Aggregate
) -> pl.Series | None:
    """Add numbers such as counts are; None where it is another aggregate, or of other terms."""
    argument = aggregate.argument
    if aggregate.name != "SUM" or aggregate.distinct or not isinstance(argument, Variable):
        return None
    if argument.name not in numbered.columns:
        return None
    values = numbered.select(ROW, pl.col(argument.name).str.extract(_COUNT).cast(pl.Int64))
    largest = values[argument.name].max()
    if values[argument.name].null_count() or (
        isinstance(largest, int) and largest * values.height > _LARGEST_SUM
    ):
        return None
    sums = values.group_by(ROW).agg(pl.col(argument.name).sum().alias(".sum"))
    joined = groups.join(sums, on=ROW, how="left", maintain_order="left")
    return joined.select(_integer(pl.col(".sum").fill_null(0)).alias(".sum"))[".sum"]


# Whole numbers in canonical form, of which a few thousand can be added.
_COUNT = r'^"(0|[1-9][0-9]{0,14})"\^\^<http://www\.w3\.org/2001/XMLSchema#integer>$'
_LARGEST_SUM = 2**62


def _integer(column: pl.Expr) -> pl.Expr:
    suffix = '"^^<http://www.w3.org/2001/XMLSchema#integer>'
    return pl.concat_str(pl.lit('"'), column.cast(pl.String), pl.lit(suffix))


def _aggregate(
    numbered: pl.DataFrame, groups: pl.DataFrame, aggregate: Aggregate, prologue: str
) -> pl.Series:
    read = [v.name for v in expression_variables(aggregate) if v.name in numbered.columns]
    rows = numbered.select([ROW, *sorted(read)])
    if aggregate.distinct or aggregate.name in _SET_AGGREGATES:
        rows = rows.unique(maintain_order=True)
    # A number a row keeps equal rows apart; the group's number stands beside it.
    rows = rows.rename({ROW: ".group"}).with_columns(_integer(pl.col(".group")).alias(_GROUP))
    rows = rows.drop(".group").with_row_index(ROW)
    given = rows
    rows, (rewritten,) = wrap_rows(given, [aggregate])
    exact = rewritten != aggregate
    if exact and isinstance(rewritten, Aggregate) and isinstance(aggregate.argument, Variable):
        # The rows of a group are distinct already, by term.
        rewritten = replace(rewritten, distinct=False)
    head = f"({expression_text(rewritten)} AS ?{_VALUE})"
    if groups.columns == [ROW] and not rows.height:
        return _evaluate(rows, "", (), head=head, prologue=prologue)[_VALUE]
    values = _evaluate(rows, "", (_GROUP,), f"GROUP BY ?{_GROUP}", head=head, prologue=prologue)
    if exact and aggregate.name in _SET_AGGREGATES:
        values = _with_forms(given, aggregate, values, prologue)
    numbers = pl.col(_GROUP).str.extract('"([0-9]+)"').cast(pl.UInt32).alias(ROW)
    found = values.select(numbers, pl.col(_VALUE))
    return groups.join(found, on=ROW, how="left", maintain_order="left")[_VALUE]


def _with_forms(
    rows: pl.DataFrame, aggregate: Aggregate, values: pl.DataFrame, prologue: str
) -> pl.DataFrame:
    """Give each group's value in the form in which it stands in the group's first row with it."""
    if aggregate.argument is None:
        return values
    wrapped, (value,) = wrap_rows(rows, [aggregate.argument])
    _, (term,) = wrap_rows(rows, [aggregate.argument], term=True)
    bound = f"BIND({expression_text(value)} AS ?{_VALUE}) BIND({expression_text(term)} AS ?{_FORM})"
    forms = _evaluate(wrapped, bound, (_GROUP, _VALUE, _FORM), prologue=prologue)
    forms = forms.sort(_row_numbers()).unique([_GROUP, _VALUE], keep="first").drop(NUMBER)
    found = values.join(forms, on=[_GROUP, _VALUE], how="left", maintain_order="left")
    return found.with_columns(pl.coalesce(_FORM, _VALUE).alias(_VALUE))


# Rows out and back


def _numbered(
    frame: pl.DataFrame, expressions: Iterable[Expression]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Number the rows by what the expressions read of them; see :func:`number_rows`."""
    expressions = list(expressions)
    read = {v.name for e in expressions for v in expression_variables(e)}
    columns = [name for name in frame.columns if name in read]
    if all(map(is_stable, expressions)):
        return number_rows(frame, columns)
    numbered = frame.with_row_index(ROW)
    return numbered, numbered.select([ROW, *columns])


def number_rows(frame: pl.DataFrame, columns: Sequence[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give rows that agree on ``columns`` the same number.

    Returns:
        The frame with a column :data:`ROW`, and each combination of ``columns`` once with its
        number.
    """
    if not columns:
        zeros = pl.DataFrame({ROW: pl.repeat(0, frame.height, dtype=pl.UInt32, eager=True)})
        numbered = pl.concat([frame, zeros], how="horizontal") if frame.width else zeros
        return numbered, zeros.head(1)
    rows = frame.select(columns).unique(maintain_order=True).with_row_index(ROW)
    numbered = frame.join(rows, on=columns, how="left", nulls_equal=True, maintain_order="left")
    return numbered, rows


def _evaluate_in_parts(
    rows: pl.DataFrame, inside: str, names: Sequence[str], prologue: str
) -> pl.DataFrame:
    """Evaluate what concerns each row alone; for many rows at once it takes much memory."""
    parts = rows.iter_slices(EVALUATED_ROWS)
    return pl.concat([_evaluate(part, inside, names, prologue=prologue) for part in parts])


def _evaluate(
    rows: pl.DataFrame,
    inside: str,
    names: Sequence[str],
    behind: str = "",
    *,
    head: str | None = None,
    prologue: str = "",
) -> pl.DataFrame:
    """Evaluate a query over ``rows``: their number, and the columns ``names`` of each."""
    shown = " ".join(f"?{name}" for name in names)
    shown = f"?{NUMBER} {shown}" if head is None else f"{shown} {head}"
    columns = [name for name in rows.columns if name != ROW]
    if has_blank_nodes(rows, columns):
        import pyoxigraph  # noqa: PLC0415 - start-up is part of the product

        store = pyoxigraph.Store()
        load_rows(rows, store)
        source = cells_text(columns)
    else:
        store = None
        source = rows_text(rows, columns)
    return evaluate_text(f"{prologue}SELECT {shown} WHERE {{ {source} {inside} }} {behind}", store)


def rows_text(rows: pl.DataFrame, columns: Sequence[str]) -> str:
    """Write numbered rows as inline data."""
    head = " ".join(f"?{name}" for name in (NUMBER, *columns))
    cells = [pl.col(name).fill_null("UNDEF") for name in columns]
    row = pl.concat_str(pl.lit("("), pl.concat_str(ROW, *cells, separator=" "), pl.lit(")"))
    body = "\n".join(rows.select(row.alias("row"))["row"].to_list()) if rows.height else ""
    return f"VALUES ({head}) {{ {body} }}"


def has_blank_nodes(rows: pl.DataFrame, columns: Sequence[str]) -> bool:
    """Whether any cell of ``columns`` is a blank node."""
    return any(bool(rows[name].str.starts_with("_:").any()) for name in columns)


def load_rows(rows: pl.DataFrame, store: "pyoxigraph.Store") -> None:
    """Load numbered rows into a graph of their own in ``store``, a triple a bound cell."""
    import pyoxigraph  # noqa: PLC0415 - start-up is part of the product

    lines: list[str] = []
    subject = pl.concat_str(pl.lit(f"<{_ROW_IRI}"), ROW, pl.lit("> "))
    cells = {ROW: _integer(pl.col(ROW))}
    cells |= {name: pl.col(name) for name in rows.columns if name != ROW}
    for name, cell in cells.items():
        predicate = pl.lit(f"<{_COLUMN_IRI}{name}> ")
        triple = pl.concat_str(subject, predicate, cell, pl.lit(f" <{_ROWS_GRAPH}> .\n"))
        lines.extend(rows.select(triple.alias("triple"))["triple"].drop_nulls())
    document = "".join(lines).encode()
    store.extend(pyoxigraph.parse(document, format=pyoxigraph.RdfFormat.N_QUADS))


def cells_text(columns: Sequence[str]) -> str:
    """Write the pattern that gives the rows loaded by :func:`load_rows` back."""
    cells = " ".join(
        f"OPTIONAL {{ ?hkg__cells <{_COLUMN_IRI}{name}> ?{name} }}" for name in columns
    )
    numbered = f"?hkg__cells <{_COLUMN_IRI}{ROW}> ?{NUMBER}"
    return f"{{ SELECT * WHERE {{ GRAPH <{_ROWS_GRAPH}> {{ {numbered} {cells} }} }} }}"


def evaluate_text(
    text: str,
    store: "pyoxigraph.Store | None" = None,
    substitutions: "dict[pyoxigraph.Variable, Any] | None" = None,
) -> pl.DataFrame:
    """Evaluate a SELECT by Oxigraph, over its own data alone or over ``store``.

    Raises:
        MemoryLimitError: the inline data or the answer are too much (see :mod:`.memory`).
    """
    import pyoxigraph  # noqa: PLC0415 - start-up is part of the product

    # A store of graphs without triples is false as a truth value.
    data = pyoxigraph.Store() if store is None else store
    with evaluation_memory(len(text)) as document:
        results = data.query(text, substitutions=substitutions)
        if not isinstance(results, pyoxigraph.QuerySolutions):
            raise ExecutionError("only SELECT is evaluated at the mediator")
        try:
            results.serialize(cast("IO[bytes]", document), format=pyoxigraph.QueryResultsFormat.TSV)
        finally:
            # An error's traceback would take it to another thread, where it must not end.
            del results
        return unwrap_terms(parse_tsv(bytes(document.content)))


def _row_numbers() -> pl.Expr:
    return pl.col(NUMBER).str.extract('"([0-9]+)"').cast(pl.UInt32).alias(ROW)


def row_numbers(frame: pl.DataFrame) -> pl.Series:
    """Give the row numbers in an answer over :func:`rows_text`."""
    return frame.select(_row_numbers())[ROW]
