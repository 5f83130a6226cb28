"""What a conversion of data lost: a line for each code at each place."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import polars as pl

from hereditary_kg.semantics.data_conversion.outcomes import (
    CodeConverter,
    Currency,
    Outcome,
    Standing,
)

__all__ = ["LOSSES", "LossLine", "LossReport", "Totals"]

LOSSES = pl.Schema(
    {
        "place": pl.String,
        "code": pl.String,
        "label": pl.String,
        "relation": pl.String,
        "distance": pl.Int64,
        "currency": pl.String,
        "converted": pl.Boolean,
        "target": pl.String,
        "target_label": pl.String,
        "other_targets": pl.String,
        "occurrences": pl.Int64,
        "note": pl.String,
        "way": pl.String,
        "mappings": pl.String,
    }
)
"""A loss report's columns.

``place`` is a predicate (``^`` before it: at its subject), a column, or a path in a phenopacket;
``code`` the canonical CURIE, or the text where it is none; ``other_targets`` are as near as
``target``; ``mappings`` names mapping sets with rows (``identifier#row``), and hierarchies, that
the conversion is based on. Several values are parted by ``|``.
"""


@dataclass(frozen=True)
class LossLine:
    """What became of one code at one place.

    Attributes:
        place: where; see `LOSSES`.
        outcome: what became of it.
        occurrences: how often it stands there.
    """

    place: str
    outcome: Outcome
    occurrences: int

    @property
    def code(self) -> str:
        """The canonical code, or the text where it is none or a gene symbol."""
        return self.outcome.name


@dataclass(frozen=True)
class Totals:
    """How many codes, and occurrences of codes, there were.

    Attributes:
        codes: distinct codes by standing.
        occurrences: their occurrences, by standing.
        replaced: distinct obsolete codes with a replacement, and their occurrences.
        obsolete: distinct obsolete codes without one, and their occurrences.
        unconverted: occurrences of codes that stay as they are because nothing stands for them.
    """

    codes: Mapping[Standing, int]
    occurrences: Mapping[Standing, int]
    replaced: tuple[int, int]
    obsolete: tuple[int, int]
    unconverted: int


@dataclass
class LossReport:
    """Gathers what becomes of codes.

    Attributes:
        converter: what converts them.
    """

    converter: CodeConverter
    _counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    _outcomes: dict[tuple[str, str], Outcome] = field(default_factory=dict)

    def add(self, place: str, outcome: Outcome, times: int = 1) -> None:
        """Note that a code stands at a place, so many times."""
        key = (place, outcome.name)
        self._counts[key] += times
        self._outcomes.setdefault(key, outcome)

    @property
    def lines(self) -> Iterator[LossLine]:
        """The lines, ordered by place and code."""
        for key in sorted(self._counts):
            yield LossLine(key[0], self._outcomes[key], self._counts[key])

    def totals(self, place: str | None = None) -> Totals:
        """Sum up, over all places or one of them.

        Distinct codes are distinct over all places.
        """
        lines = [line for line in self.lines if place in (None, line.place)]
        codes = {line.code: line.outcome for line in lines}
        occurrences: Counter[Standing] = Counter()
        for line in lines:
            occurrences[line.outcome.standing] += line.occurrences
        return Totals(
            Counter(outcome.standing for outcome in codes.values()),
            occurrences,
            _currency(lines, Currency.REPLACED),
            _currency(lines, Currency.OBSOLETE),
            sum(line.occurrences for line in lines if not line.outcome.converted),
        )

    @property
    def places(self) -> tuple[str, ...]:
        """Where codes were found."""
        return tuple(sorted({place for place, _ in self._counts}))

    def frame(self) -> pl.DataFrame:
        """Give the lines as a table; see `LOSSES`."""
        rows = [self._row(line) for line in self.lines]
        return pl.DataFrame(rows, schema=LOSSES, orient="row")

    def _row(self, line: LossLine) -> tuple[object, ...]:
        outcome, converter = line.outcome, self.converter
        first = outcome.conversions[0] if outcome.conversions else None
        target = first.target if first else None
        others = [each.target for each in outcome.conversions[1:] if each.target]
        return (
            line.place,
            line.code,
            converter.label(outcome.code) if outcome.code else None,
            outcome.standing.value,
            outcome.distance if first else None,
            outcome.currency.value,
            outcome.converted,
            target,
            converter.label(target) if target else None,
            "|".join(others) or None,
            line.occurrences,
            outcome.note or None,
            (converter.way(first) or None) if first else None,
            ("|".join(converter.mappings(first)) or None) if first else None,
        )


def _currency(lines: list[LossLine], currency: Currency) -> tuple[int, int]:
    hit = [line for line in lines if line.outcome.currency is currency]
    return len({line.code for line in hit}), sum(line.occurrences for line in hit)
