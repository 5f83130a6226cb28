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
    rows = " ".join(f"({' '.join(row)})" for row in block.iter_rows())
    return f"VALUES ({head}) {{ {rows} }}"


def _filter_text(block: pl.DataFrame) -> str:
    if block.width == 1:
        name, terms = block.columns[0], block.to_series().to_list()
        iris = [term for term in terms if term.startswith("<")]
        conditions = [f"?{name} IN ({', '.join(iris)})"] if iris else []
        conditions += [_equality(name, term) for term in terms if not term.startswith("<")]
        return f"FILTER({' || '.join(conditions)})"
    names = block.columns
    rows = (" && ".join(map(_equality, names, row)) for row in block.iter_rows())
    return f"FILTER({' || '.join(f'({row})' for row in rows)})"


def _equality(name: str, term: str) -> str:
    return f"?{name} = {term}" if term.startswith("<") else f"sameTerm(?{name}, {term})"
