"""Solution sequences as columns, and the operators of the algebra on them.

A solution sequence is a Polars frame: a column a variable (its name without ``?``), a row a
solution, a cell the canonical text of a term (:mod:`hereditary_kg.rdf.terms`) or null where
the variable is unbound. A sequence without variables is a frame of width zero and the height
of its solutions.

SPARQL's joins are not SQL's: an unbound variable is compatible with every term. Each
operator therefore splits both sides by which of the shared columns are bound; where all are
(nearly always) that is one ordinary join.

Source: SPARQL 1.1 Query Language, sections 18.3 to 18.5.
"""

from collections.abc import Iterable, Iterator, Sequence

import polars as pl

__all__ = [
    "ROW",
    "bound_columns",
    "compatible_rows",
    "distinct",
    "empty_solutions",
    "join_pieces",
    "join_solutions",
    "restrict",
    "subtract_solutions",
    "unit_solution",
    "unite_solutions",
    "with_columns_of",
    "without_rows",
]

ROW = ".row"
"""Name of the column that numbers rows where an operator must find them again."""


def empty_solutions(names: Iterable[str]) -> pl.DataFrame:
    """Give a sequence of no solution over ``names``."""
    return pl.DataFrame(schema=dict.fromkeys(names, pl.String))


def unit_solution() -> pl.DataFrame:
    """Give the sequence of the one empty solution."""
    return pl.DataFrame(height=1)


def restrict(frame: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Keep the columns ``names`` in that order; missing ones come unbound."""
    if list(names) == frame.columns:
        return frame
    if not names:
        return pl.DataFrame(height=frame.height)
    return with_columns_of(frame, names).select(names)


def with_columns_of(frame: pl.DataFrame, names: Iterable[str]) -> pl.DataFrame:
    """Add the missing ones of ``names`` as unbound columns."""
    missing = [name for name in names if name not in frame.columns]
    if not missing:
        return frame
    unbound = pl.DataFrame(
        {name: pl.repeat(None, frame.height, dtype=pl.String, eager=True) for name in missing}
    )
    return pl.concat([frame, unbound], how="horizontal") if frame.width else unbound


def distinct(frame: pl.DataFrame) -> pl.DataFrame:
    """Give each solution once, in the order of its first coming."""
    return frame.unique(maintain_order=True)


def unite_solutions(frames: Sequence[pl.DataFrame], names: Sequence[str]) -> pl.DataFrame:
    """Give the bag union of ``frames`` over the columns ``names``."""
    if not frames:
        return empty_solutions(names)
    return pl.concat([restrict(frame, names) for frame in frames])


def bound_columns(frame: pl.DataFrame, names: Iterable[str]) -> list[str]:
    """Give those of ``names`` that every solution of ``frame`` binds."""
    return [name for name in names if name in frame.columns and not frame[name].null_count()]


def join_solutions(left: pl.DataFrame, right: pl.DataFrame) -> pl.DataFrame:
    """Join two sequences (section 18.5, Join), multiplicities included.

    Columns: those of ``left``, then those that only ``right`` has.
    """
    shared = [name for name in left.columns if name in right.columns]
    names = left.columns + [name for name in right.columns if name not in left.columns]
    if not left.height or not right.height:
        return with_columns_of(left.clear(), names)
    pieces = []
    for left_part, left_bound in _by_bound(left, shared):
        for right_part, right_bound in _by_bound(right, shared):
            on = [name for name in shared if name in left_bound and name in right_bound]
            # A column that only the right part binds takes its terms from there.
            taken = [name for name in shared if name in right_bound and name not in left_bound]
            ours = left_part.drop(taken)
            theirs = right_part.drop([n for n in shared if n not in on and n not in taken])
            joined = ours.join(theirs, on=on, how="inner") if on else _cross(ours, theirs)
            pieces.append(joined)
    return unite_solutions(pieces, names)


def join_pieces(left: pl.DataFrame, right: pl.DataFrame, rows: int) -> Iterator[pl.DataFrame]:
    """Cut ``left`` so that each piece's join with ``right`` has about ``rows`` rows at most.

    A join can be very much larger than its sides; in pieces it can be streamed, and stopped.
    One left row is never cut: its join has at most as many rows as ``right``.
    """
    if left.height < 2 or left.height * right.height <= rows:
        yield left
        return
    shared = [name for name in left.columns if name in right.columns]
    on = [name for name in bound_columns(left, shared) if name in bound_columns(right, shared)]
    if not on or len(on) < len(shared):
        # Where columns are sometimes unbound, every row may be compatible with every other.
        yield from left.iter_slices(max(1, rows // right.height))
        return
    theirs = right.group_by(on).len("theirs")
    matches = left.select(on).join(theirs, on=on, how="left", maintain_order="left")["theirs"]
    before = matches.cast(pl.UInt64).fill_null(0).cum_sum().shift(1, fill_value=0)
    if before[-1] + (matches[-1] or 0) <= rows:
        yield left
        return
    sizes = pl.DataFrame({"piece": before // rows}).group_by("piece", maintain_order=True).len()
    offset = 0
    for size in sizes["len"]:
        yield left.slice(offset, size)
        offset += size


def _cross(left: pl.DataFrame, right: pl.DataFrame) -> pl.DataFrame:
    if not left.width and not right.width:
        return pl.DataFrame(height=left.height * right.height)
    if not left.width:
        return pl.concat([right] * left.height)
    if not right.width:
        return pl.concat([left] * right.height)
    return left.join(right, how="cross")


def _by_bound(
    frame: pl.DataFrame, names: Sequence[str]
) -> Iterator[tuple[pl.DataFrame, frozenset[str]]]:
    """Split ``frame`` into parts in which each of ``names`` is always or never bound."""
    always = frozenset(bound_columns(frame, names))
    sometimes = [name for name in names if name not in always]
    if not sometimes:
        yield frame, always
        return
    masks = frame.select(pl.col(name).is_not_null() for name in sometimes)
    for values in masks.unique(maintain_order=True).rows():
        chosen = pl.all_horizontal(
            pl.col(name).is_not_null() == value
            for name, value in zip(sometimes, values, strict=True)
        )
        bound = {name for name, value in zip(sometimes, values, strict=True) if value}
        yield frame.filter(chosen), always | bound


def compatible_rows(left: pl.DataFrame, right: pl.DataFrame) -> pl.Series:
    """Give the :data:`ROW` numbers of ``left`` that some solution of ``right`` is compatible with.

    Args:
        left: a sequence with a column :data:`ROW`.
        right: a sequence without one.
    """
    return _matching_rows(left, right, disjoint_matches=True)


def subtract_solutions(left: pl.DataFrame, right: pl.DataFrame) -> pl.DataFrame:
    """Give ``left`` without what MINUS ``right`` excludes.

    A solution is excluded by a compatible one that shares a bound variable with it
    (section 18.5, Minus).
    """
    numbered = left.with_row_index(ROW)
    excluded = _matching_rows(numbered, right, disjoint_matches=False)
    return without_rows(numbered, excluded)


def without_rows(numbered: pl.DataFrame, rows: pl.Series) -> pl.DataFrame:
    """Drop the numbered rows, and the numbers."""
    kept = numbered.filter(~pl.col(ROW).is_in(rows.implode()))
    return restrict(kept, [name for name in numbered.columns if name != ROW])


def _matching_rows(
    numbered: pl.DataFrame, right: pl.DataFrame, *, disjoint_matches: bool
) -> pl.Series:
    shared = [name for name in numbered.columns if name in right.columns]
    found = [pl.Series(ROW, [], dtype=pl.UInt32)]
    theirs = distinct(restrict(right, shared))
    for left_part, left_bound in _by_bound(numbered, shared):
        for right_part, right_bound in _by_bound(theirs, shared):
            on = [name for name in shared if name in left_bound and name in right_bound]
            if on:
                found.append(left_part.join(right_part, on=on, how="semi")[ROW])
            elif disjoint_matches and right_part.height:
                found.append(left_part[ROW])
    return pl.concat([series.cast(pl.UInt32) for series in found]).unique()
