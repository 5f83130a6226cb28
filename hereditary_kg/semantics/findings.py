"""What a curator should look at in a file that could be read all the same."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Finding", "Kind", "shortened"]


class Kind(StrEnum):
    """What sort of thing was found."""

    UNKNOWN_PREFIX = "unknown prefix"
    BAD_IDENTIFIER = "bad identifier"
    """The prefix is known, and what follows is not an identifier of that vocabulary."""
    PREFIX_CONFLICT = "prefix conflict"
    """A file expands a known prefix to the IRI of another vocabulary."""
    DUPLICATE_TERM = "duplicate term"
    DANGLING_PARENT = "dangling parent"
    MISSING_LABEL = "missing label"
    CYCLE = "cyclic hierarchy"
    MISSING_VALUE = "missing value"
    UNKNOWN_PREDICATE = "unknown predicate"
    UNKNOWN_JUSTIFICATION = "unknown justification"
    UNKNOWN_COLUMN = "unknown column"
    BAD_VALUE = "bad value"
    DUPLICATE_MAPPING = "duplicate mapping"
    LITERAL = "literal entity"
    BAD_ROW = "bad row"
    """A row has more or fewer cells than there are columns, or a quotation that never ends."""
    OTHER_VERSION = "other version"
    """A vocabulary was given in several versions, of which one counts."""
    CONTRADICTION = "contradiction"
    AMBIGUOUS = "ambiguous"
    """A term is the same as two different ones of one vocabulary."""


@dataclass(frozen=True)
class Finding:
    """One thing to look at.

    Attributes:
        kind: what sort of thing it is.
        file: the name of the file.
        text: what is wrong, with the identifiers concerned.
        line: its line in the file, from 1, where it has one.
        row: the number of the mapping or of the table's row, from 1, where it has one.
    """

    kind: Kind
    file: str
    text: str
    line: int | None = None
    row: int | None = None

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        row = "" if self.row is None else f" (row {self.row})"
        return f"{place}{row}: {self.kind}: {self.text}"


def shortened(findings: Sequence[Finding], limit: int = 20) -> Iterator[Finding]:
    """Leave out what would drown the rest: after some of one kind, one line for all others."""
    counts: Counter[Kind] = Counter()
    for finding in findings:
        counts[finding.kind] += 1
        if counts[finding.kind] <= limit:
            yield finding
    for kind, count in counts.items():
        if count > limit:
            yield Finding(kind, findings[0].file, f"{count - limit} more of the same kind")
