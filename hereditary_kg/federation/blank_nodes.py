"""Blank nodes of several members told apart."""

import polars as pl

__all__ = ["scope_blank_nodes"]

# Rows up to which a column is looked through faster cell by cell than by an expression.
_FEW = 512

# BLANK_NODE_LABEL of N-Triples without its non-ASCII part: whatever else a member uses
# (Virtuoso: nodeID://b10001) is encoded.
_LEGAL_LABEL = r"^_:[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_-])?$"


def scope_blank_nodes(frame: pl.DataFrame, scope: str) -> pl.DataFrame:
    """Give every blank node the name of its scope: ``_:x`` becomes ``_:clinic.x``.

    Labels that N-Triples does not allow become ``_:clinic..`` and their UTF-8 bytes in
    hexadecimal; no legal label begins with a dot, so different labels stay different.

    Args:
        frame: solutions in canonical text, as one member answered them.
        scope: within what equal labels mean one node: the member's name (letters, digits and
            hyphens), with a dot and the number of the answer where labels hold for one answer.

    Returns:
        The frame itself where it has no blank node.
    """
    columns = [column.name for column in frame if _has_blank_nodes(column)]
    if not columns:
        return frame
    return frame.with_columns(_scope(pl.col(name), scope) for name in columns)


def _has_blank_nodes(column: pl.Series) -> bool:
    if len(column) > _FEW:
        return bool(column.str.starts_with("_:").any())
    return any(text is not None and text.startswith("_:") for text in column.to_list())


def _scope(column: pl.Expr, scope: str) -> pl.Expr:
    label = column.str.slice(2)
    encoded = label.cast(pl.Binary).bin.encode("hex")
    return (
        pl.when(~column.str.starts_with("_:"))
        .then(column)
        .when(column.str.contains(_LEGAL_LABEL))
        .then(pl.format(f"_:{scope}.{{}}", label))
        .otherwise(pl.format(f"_:{scope}..{{}}", encoded))
    )
