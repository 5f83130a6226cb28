"""Why a filter dropped all rows: which of its conditions, and what they were tried on."""

from collections.abc import Iterator

import polars as pl

from hereditary_kg.execution.losses import Loss
from hereditary_kg.execution.part_questions import Questioner
from hereditary_kg.execution.term_differences import find_near_pair, name_difference
from hereditary_kg.rdf.terms import IRI, XSD, XSD_STRING, Literal, parse_term
from hereditary_kg.sparql.algebra import (
    Call,
    Expression,
    Filter,
    FunctionCall,
    Pattern,
    Variable,
    conjuncts,
)
from hereditary_kg.sparql.printing import expression_text
from hereditary_kg.sparql.variables import expression_variables, scope_variables

__all__ = ["explain_dropping_filter"]

_SAMPLED = 1000
_COMPARISONS = frozenset(("=", "<", ">", "<=", ">=", "IN"))
_NUMERIC = frozenset(
    XSD + name for name in ("integer", "decimal", "double", "float", "int", "long", "short")
)


async def explain_dropping_filter(
    questioner: Questioner, condition: Expression, pattern: Pattern
) -> Loss:
    """Say why no row of ``pattern``, which has rows, passes ``condition``.

    Raises:
        QuestionsEndedError: no more may be asked.
    """
    parts = tuple(conjuncts(condition))
    alone = parts
    if len(parts) > 1:
        alone = tuple([p for p in parts if not await questioner.has_rows(Filter(p, pattern))])
    if alone:
        several = "these filters, and each of them lets none pass:"
        one = "this filter, and none of them passes it:"
        text = f"Rows reach {one if len(alone) == 1 else several}"
    else:
        text = "Rows reach these filters, and none passes all of them together:"
    blamed = alone or parts
    scope = scope_variables(pattern)
    read = {v for part in blamed for v in expression_variables(part, into_exists=False)}
    columns = [v for v in scope if v in read] or list(scope[:3])
    frame = await questioner.sample(pattern, columns, _SAMPLED) if columns else pl.DataFrame()
    notes = [*_example(frame), *(hint for part in blamed for hint in _hints(part, frame))]
    written = tuple(map(_filter_text, blamed))
    return Loss("filter", written, text, tuple(dict.fromkeys(notes)))


def _filter_text(condition: Expression) -> str:
    text = expression_text(condition)
    # Operators are written in parentheses already.
    return f"FILTER{text}" if text.startswith("(") else f"FILTER({text})"


def _example(frame: pl.DataFrame) -> Iterator[str]:
    """Show the first of the rows that are dropped."""
    if not frame.height:
        return
    row = frame.sort(frame.columns).row(0)
    told = (
        f"?{name} = {'unbound' if value is None else value}"
        for name, value in zip(frame.columns, row, strict=True)
    )
    yield f"A row that is dropped: {', '.join(told)}."


def _hints(expression: Expression, frame: pl.DataFrame) -> Iterator[str]:
    """Say what may be wrong with comparisons of a variable with a constant."""
    match expression:
        case Call(name, arguments) if name in _COMPARISONS:
            variables = [
                a for a in arguments if isinstance(a, Variable) and a.name in frame.columns
            ]
            constants = [a for a in arguments if isinstance(a, IRI | Literal)]
            for variable in variables:
                values = set(frame[variable.name].drop_nulls())
                yield from _comparison(variable, constants, values)
        case Call(_, arguments) | FunctionCall(_, arguments):
            for argument in arguments:
                yield from _hints(argument, frame)
        case _:
            return


def _comparison(
    variable: Variable, constants: list[IRI | Literal], values: set[str]
) -> Iterator[str]:
    if not values:
        yield f"{variable} is unbound in all the rows that were looked at."
        return
    pair = find_near_pair(map(str, constants), values)
    if pair is not None:
        yield f"{variable} is {pair[1]}, not {pair[0]}: {name_difference(*pair)}."
    held = [term for term in map(parse_term, sorted(values)) if isinstance(term, Literal)]
    numbers = [c for c in constants if isinstance(c, Literal) and c.datatype in _NUMERIC]
    texts = [c for c in constants if isinstance(c, Literal) and c.datatype == XSD_STRING]
    if numbers and held and not any(term.datatype in _NUMERIC for term in held):
        yield (
            f"{variable} is no number (but {held[0]}), and a comparison with a number then "
            f"fails: write xsd:decimal({variable}) if its texts are numbers."
        )
    elif texts and held and all(term.language is not None for term in held):
        yield f"Texts of {variable} have a language tag: compare STR({variable}) instead."
    elif texts and held and all(term.datatype in _NUMERIC for term in held):
        yield f"{variable} is a number: compare it with one, without quotation marks."
