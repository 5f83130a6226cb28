"""What can go wrong with terminologies and mappings.

::

    SemanticsError
    ├── IdentifierError      an identifier has no known prefix
    ├── UnreadableFileError  a file is not what it is said to be; nothing of it is used
    ├── HubError             a compiled hub is missing, damaged, or of another format
    │   └── HubWriteError    a hub cannot be written; the one that was there is as it was
    ├── UnknownTermError     the hub has no such term or vocabulary
    └── ReviewError          a decision cannot be taken, or not be kept
        └── ReviewBusyError  another process reviews the mapping set
"""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Self

__all__ = [
    "HubError",
    "HubWriteError",
    "IdentifierError",
    "ReviewBusyError",
    "ReviewError",
    "SemanticsError",
    "UnknownTermError",
    "UnreadableFileError",
]


class SemanticsError(Exception):
    """Something about a terminology or a mapping is wrong."""


class IdentifierError(SemanticsError):
    """An identifier has no known prefix."""


class UnreadableFileError(SemanticsError):
    """A file cannot be read as what it is said to be.

    Args:
        place: the file, with its line and column where they are known.
        reason: what is wrong.
        remedy: what to do.
    """

    def __init__(self, place: str, reason: str, remedy: str = "") -> None:
        super().__init__(f"{place}: {reason}" + (f" {remedy}" if remedy else ""))

    @classmethod
    def of_several(cls, errors: "Sequence[UnreadableFileError]") -> Self:
        """Make one error of those of several files."""
        told = "".join(f"\n  {error}" for error in errors)
        return cls(f"{len(errors)} files", f"they cannot be read:{told}")


class HubError(SemanticsError):
    """A compiled hub cannot be used."""


class HubWriteError(HubError):
    """A hub cannot be written; the one that was there before is as it was."""


class UnknownTermError(SemanticsError):
    """The hub has no such term or vocabulary.

    Args:
        what: "term", "vocabulary" and the like.
        name: what was asked for.
        known: what there is; the nearest of it are named.
    """

    def __init__(self, what: str, name: str, known: Sequence[str] = ()) -> None:
        near = get_close_matches(name, known, n=3)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        super().__init__(f"The hub has no {what} {name}.{hint}")


class ReviewError(SemanticsError):
    """A decision of a reviewer cannot be taken, or not be kept; the message says why."""


class ReviewBusyError(ReviewError):
    """Another process reviews the mapping set."""
