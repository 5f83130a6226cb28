"""Bindings in the text of a request: as inline data, or as a filter that means the same."""

import polars as pl

from hereditary_kg.federation.binding_forms import BindingKeyword

__all__ = ["LARGEST_FILTER", "write_bindings"]

LARGEST_FILTER = 200
"""The most bindings in a filter. Parsers nest expressions, and many end at some depth."""


def write_bindings(block: pl.DataFrame, keyword: BindingKeyword) -> str:
    """Write bindings so that they can stand in a group.

    A filter keeps just the solutions that would join with the inline data, if they bind every
    column: IRIs are equal only if they are the same, and literals are compared by
    ``sameTerm``, for ``=`` would compare their values.

    Args:
        block: terms in canonical text, nothing unbound, each row once; at least one.
        keyword: the form.
    """
    return _values_text(block) if keyword == "values" else _filter_text(block)


def _values_text(block: pl.DataFrame) -> str:
    head = " ".join(f"?{name}" for name in block.columns)
    row = pl.concat_str(
        pl.lit("("), pl.concat_str(*map(pl.col, block.columns), separator=" "), pl.lit(")")
    )
    return f"VALUES ({head}) {{ {_joined(block, row, ' ')} }}"


def _filter_text(block: pl.DataFrame) -> str:
    if block.width == 1:
        name = block.columns[0]
        is_iri = block[name].str.starts_with("<")
        iris, literals = block.filter(is_iri), block.filter(~is_iri)
        conditions = [f"?{name} IN ({_joined(iris, pl.col(name), ', ')})"] if iris.height else []
        if literals.height:
            conditions.append(_joined(literals, _equality(name), " || "))
        return f"FILTER({' || '.join(conditions)})"
    row = pl.concat_str(
        pl.lit("("), pl.concat_str(*map(_equality, block.columns), separator=" && "), pl.lit(")")
    )
    return f"FILTER({_joined(block, row, ' || ')})"


def _equality(name: str) -> pl.Expr:
    term = pl.col(name)
    return (
        pl.when(term.str.starts_with("<"))
        .then(pl.concat_str(pl.lit(f"?{name} = "), term))
        .otherwise(pl.concat_str(pl.lit(f"sameTerm(?{name}, "), term, pl.lit(")")))
    )


def _joined(block: pl.DataFrame, expression: pl.Expr, separator: str) -> str:
    return separator.join(block.select(expression.alias("row"))["row"].to_list())
