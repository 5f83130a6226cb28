"""Ranges of values, rounded outward so that no single value shows.

The end of a range is the most telling number there is: the age of the oldest patient. So ends
lie on a coarse grid, and never on a value itself.
"""

import math
import re

__all__ = ["widen_dates", "widen_numbers"]

_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_LAST_YEAR = 9997


def widen_numbers(low: float, high: float) -> tuple[float, float] | None:
    """Round a range of numbers outward to the power of ten below its width.

    Args:
        low: the lowest value.
        high: the highest.

    Returns:
        A multiple below the lowest and one above the highest, neither of them a value; None
        where a value is not finite or the range too large to write.

    >>> widen_numbers(3, 97), widen_numbers(90, 90), widen_numbers(-0.5, 0.4)
    ((0.0, 100.0), (80.0, 100.0), (-0.6, 0.5))
    """
    if not (math.isfinite(low) and math.isfinite(high)):
        return None
    width = high - low or abs(low) or 1.0
    if not 1e-200 < width < 1e200 or max(abs(low), abs(high)) / width > 1e12:
        return None
    exponent = math.floor(math.log10(width))
    return (
        _on_grid(math.ceil(low / 10.0**exponent) - 1, exponent),
        _on_grid(math.floor(high / 10.0**exponent) + 1, exponent),
    )


def _on_grid(multiple: int, exponent: int) -> float:
    return float(f"{multiple}e{exponent}")


def widen_dates(first: str, last: str) -> tuple[str, str] | None:
    """Round a range of dates outward to whole years.

    A day's margin is kept on both sides, for a date in a time zone may be one of the next day
    in another.

    Args:
        first: the earliest, beginning with ``YYYY-MM-DD``.
        last: the latest.

    Returns:
        The first day of the year in which the range begins, and of the year after it ends; None
        where a date is not of the years 2 to 9997.

    >>> widen_dates("1931-05-06", "2023-12-30T10:00:00Z"), widen_dates("1990-01-01", "1990-12-31")
    (('1931-01-01', '2024-01-01'), ('1989-01-01', '1992-01-01'))
    """
    start, end = _DAY.match(first), _DAY.match(last)
    if start is None or end is None:
        return None
    year, next_year = int(start[1]), int(end[1]) + 1
    if start[0].endswith("-01-01"):
        year -= 1
    if end[0].endswith("-12-31"):
        next_year += 1
    if year < 1 or next_year > _LAST_YEAR:
        return None
    return f"{year:04d}-01-01", f"{next_year:04d}-01-01"
