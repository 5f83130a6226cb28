"""The columnar operators against the specification's definitions, written as loops."""

from collections import Counter

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hereditary_kg.rdf.solutions import (
    ROW,
    compatible_rows,
    distinct,
    join_pieces,
    join_solutions,
    restrict,
    subtract_solutions,
    unite_solutions,
)

NAMES = ("x", "y", "z")
Solution = tuple[tuple[str, str], ...]


def frames(names: tuple[str, ...]) -> st.SearchStrategy[pl.DataFrame]:
    cell = st.sampled_from(["<urn:a>", "<urn:b>", '"1"', None])
    row = st.tuples(*[cell] * len(names))
    return st.lists(row, max_size=6).map(
        lambda rows: (
            pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
            if names
            else pl.DataFrame(height=len(rows))
        )
    )


any_frame = st.lists(st.sampled_from(NAMES), unique=True, max_size=3).map(tuple).flatmap(frames)


def solutions(frame: pl.DataFrame) -> list[dict[str, str]]:
    if not frame.width:
        return [{} for _ in range(frame.height)]
    return [{k: v for k, v in row.items() if v is not None} for row in frame.iter_rows(named=True)]


def bag(rows: list[dict[str, str]]) -> Counter[Solution]:
    return Counter(tuple(sorted(row.items())) for row in rows)


def compatible(a: dict[str, str], b: dict[str, str]) -> bool:
    return all(b[name] == term for name, term in a.items() if name in b)


@given(any_frame, any_frame)
def test_join_is_the_bag_of_compatible_merges(left: pl.DataFrame, right: pl.DataFrame) -> None:
    expected = [a | b for a in solutions(left) for b in solutions(right) if compatible(a, b)]
    assert bag(solutions(join_solutions(left, right))) == bag(expected)


@given(any_frame, any_frame)
def test_minus_keeps_what_no_overlapping_solution_excludes(
    left: pl.DataFrame, right: pl.DataFrame
) -> None:
    expected = [
        a
        for a in solutions(left)
        if not any(compatible(a, b) and a.keys() & b.keys() for b in solutions(right))
    ]
    assert bag(solutions(subtract_solutions(left, right))) == bag(expected)


@given(any_frame, any_frame)
def test_compatible_rows_are_those_with_a_partner(left: pl.DataFrame, right: pl.DataFrame) -> None:
    expected = {
        i for i, a in enumerate(solutions(left)) if any(compatible(a, b) for b in solutions(right))
    }
    numbered = (
        left.with_row_index(ROW)
        if left.width
        else pl.DataFrame({ROW: list(range(left.height))}, schema={ROW: pl.UInt32})
    )
    assert set(compatible_rows(numbered, right)) == expected


@given(any_frame, any_frame)
def test_union_keeps_every_solution(left: pl.DataFrame, right: pl.DataFrame) -> None:
    united = unite_solutions([left, right], NAMES)
    assert united.columns == list(NAMES)
    assert bag(solutions(united)) == bag(solutions(left) + solutions(right))


@pytest.mark.parametrize("height", [0, 1, 3])
def test_restriction_to_no_variable_keeps_the_rows(height: int) -> None:
    frame = pl.DataFrame({"x": ["<urn:a>"] * height}, schema={"x": pl.String})
    assert restrict(frame, []).shape == (height, 0)


def test_distinct_keeps_the_first_coming() -> None:
    frame = pl.DataFrame({"x": ["<urn:b>", "<urn:a>", "<urn:b>", None, None]})
    assert distinct(frame)["x"].to_list() == ["<urn:b>", "<urn:a>", None]


@given(any_frame, any_frame, st.integers(1, 5))
def test_a_join_in_pieces_is_the_join(left: pl.DataFrame, right: pl.DataFrame, rows: int) -> None:
    pieces = list(join_pieces(left, right, rows))
    joined = [row for piece in pieces for row in solutions(join_solutions(piece, right))]
    assert bag(joined) == bag(solutions(join_solutions(left, right)))
    assert sum(piece.height for piece in pieces) == left.height


def test_pieces_follow_where_the_matches_are() -> None:
    left = pl.DataFrame({"k": ["<urn:cold>"] * 90 + ["<urn:hot>"] * 10})
    right = pl.DataFrame({"k": ["<urn:hot>"] * 50, "v": [f'"{n}"' for n in range(50)]})
    heights = [join_solutions(piece, right).height for piece in join_pieces(left, right, 100)]
    assert sum(heights) == 500
    assert max(heights) <= 150
