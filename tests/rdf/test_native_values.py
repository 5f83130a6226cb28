import datetime
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from term_strategies import solution_frames

from hereditary_kg.rdf.native_values import native_columns
from hereditary_kg.rdf.terms import XSD, parse_term

UTC = datetime.UTC


def native(datatype, *lexical):
    terms = [None if text is None else f'"{text}"^^<{XSD}{datatype}>' for text in lexical]
    return native_columns(pl.DataFrame({"x": terms}))["x"]


@pytest.mark.parametrize(
    ("datatype", "lexical", "dtype", "values"),
    [
        ("integer", ["1", None, "-007", "+5"], pl.Int64, [1, None, -7, 5]),
        ("unsignedByte", ["255"], pl.Int64, [255]),
        ("integer", [str(2**63)], pl.Decimal(38, 0), [Decimal(2**63)]),
        ("decimal", ["1.50", "-.25", "3"], pl.Decimal(38, 2), [Decimal("1.5"), Decimal("-.25"), 3]),
        ("double", ["1e3", "-INF", ".5"], pl.Float64, [1000.0, float("-inf"), 0.5]),
        ("float", ["1", "INF"], pl.Float64, [1.0, float("inf")]),
        (
            "boolean",
            ["true", "0", None, "false", "1"],
            pl.Boolean,
            [True, False, None, False, True],
        ),
        ("date", ["2020-02-29"], pl.Date, [datetime.date(2020, 2, 29)]),
        (
            "dateTime",
            ["2020-01-01T10:00:00.123456", "2020-01-01T10:00:00"],
            pl.Datetime("us"),
            [
                datetime.datetime(2020, 1, 1, 10, 0, 0, 123456),  # noqa: DTZ001
                datetime.datetime(2020, 1, 1, 10),  # noqa: DTZ001
            ],
        ),
        (
            "dateTime",
            ["2020-01-01T10:00:00Z", None, "2020-01-01T10:00:00.5+02:00"],
            pl.Datetime("us", "UTC"),
            [
                datetime.datetime(2020, 1, 1, 10, tzinfo=UTC),
                None,
                datetime.datetime(2020, 1, 1, 8, 0, 0, 500000, tzinfo=UTC),
            ],
        ),
    ],
)
def test_uniform_columns_get_their_own_type(datatype, lexical, dtype, values):
    column = native(datatype, *lexical)
    assert column.dtype == dtype
    assert column.to_list() == values


@pytest.mark.parametrize(
    ("datatype", "lexical"),
    [
        ("integer", ["1", "one"]),
        ("integer", [" 1 "]),
        ("integer", ["9" * 39]),
        ("decimal", ["1" * 20 + "." + "1" * 19]),
        ("decimal", ["1e3"]),
        ("double", ["1", "inf"]),
        ("boolean", ["true", "yes"]),
        ("date", ["2020-02-30"]),
        ("date", ["2020-01-01", "2020-01-01Z"]),
        ("dateTime", ["2020-01-01T10:00:00", "2020-01-01T10:00:00Z"]),
        ("dateTime", ["2020-01-01T24:00:00"]),
        ("dateTime", ["2020-01-01T10:00:00.1234567"]),
        ("dateTime", ["-0044-03-15T10:00:00"]),
        ("duration", ["P1D"]),
        ("string", ["a"]),
    ],
)
def test_what_no_type_holds_exactly_stays_as_it_was_written(datatype, lexical):
    column = native(datatype, *lexical)
    assert column.dtype == pl.String
    assert column.to_list() == lexical


def test_not_a_number():
    column = native("double", "NaN", "1")
    assert column.dtype == pl.Float64
    assert column.is_nan().to_list() == [True, False]


def test_integers_among_decimals_are_decimals_and_other_mixtures_text():
    frame = pl.DataFrame(
        {
            "a": [f'"1"^^<{XSD}integer>', f'"1.5"^^<{XSD}decimal>'],
            "b": [f'"1"^^<{XSD}integer>', f'"1.5"^^<{XSD}double>'],
            "c": [f'"1"^^<{XSD}integer>', '"1"'],
            "d": [f'"1"^^<{XSD}integer>', "<http://example.org/a>"],
        }
    )
    columns = native_columns(frame)
    assert columns["a"].to_list() == [Decimal(1), Decimal("1.5")]
    assert columns.select("b", "c", "d").rows() == [
        ("1", "1", "1"),
        ("1.5", "1", "http://example.org/a"),
    ]


def test_terms_of_other_kinds_become_text():
    frame = pl.DataFrame({"x": ["<http://example.org/a>", "_:b", '"a\\n\\"\\\\n"@en', None]})
    assert native_columns(frame)["x"].to_list() == ["http://example.org/a", "_:b", 'a\n"\\n', None]


def test_an_unbound_column_is_text():
    frame = pl.DataFrame({"x": [None, None]}, schema={"x": pl.String})
    assert native_columns(frame).equals(frame)


@given(frame=solution_frames())
def test_names_height_and_unbound_cells_stay(frame):
    columns = native_columns(frame)
    assert columns.columns == frame.columns
    assert columns.shape == frame.shape
    for name in frame.columns:
        assert columns[name].is_null().equals(frame[name].is_null())
        if columns[name].dtype == pl.String:
            for text, cell in zip(columns[name], frame[name], strict=True):
                if cell is not None and cell.startswith('"'):
                    assert text == parse_term(cell).lexical
