"""The journal of a review: each entry is on the disk before it counts.

A file of JSON lines beside the mapping set. Nothing in it is ever changed; an entry takes another
back by naming its number. A last line that breaks off was never confirmed to anybody, and is cut
off when the journal is opened.
"""

import errno
import fcntl
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from hereditary_kg.semantics.errors import ReviewBusyError, ReviewError, UnreadableFileError

__all__ = ["Entry", "Journal", "journal_path"]

_FORMAT = 1

Pair = tuple[str, str]


def journal_path(mapping_set: Path) -> Path:
    """Give where the journal of a mapping set's review lies."""
    return mapping_set.with_name(f"{mapping_set.name}.review.jsonl")


@dataclass(frozen=True)
class Entry:
    """One thing that somebody did.

    Attributes:
        number: from 1.
        kind: a `Decision`'s value; ``undo``; or ``recall``, which takes up again what was skipped.
        reviewer: who, as `Reviewer.text`.
        time: when, in UTC (``2026-01-31T12:00:00Z``).
        pair: canonical CURIEs of subject and object; empty for ``recall``.
        role: as what, for a decision.
        undone: the number of the entry that is taken back.
        before: the pair's rows as they were before anybody decided, with the first decision on it.
    """

    number: int
    kind: str
    reviewer: str
    time: str
    pair: Pair = ("", "")
    role: str = ""
    undone: int | None = None
    before: tuple[Mapping[str, str], ...] = ()

    def to_json(self) -> bytes:
        """Give the entry as a line, with its line break."""
        plain: dict[str, Any] = {
            "number": self.number,
            "kind": self.kind,
            "reviewer": self.reviewer,
            "time": self.time,
            "subject": self.pair[0],
            "object": self.pair[1],
            "role": self.role,
            "undone": self.undone,
            "before": [dict(row) for row in self.before],
        }
        return orjson.dumps({key: value for key, value in plain.items() if value}) + b"\n"

    @classmethod
    def from_json(cls, line: bytes) -> "Entry":
        """Read what `to_json` wrote.

        Raises:
            ValueError, KeyError, TypeError, AttributeError: it is something else.
        """
        plain = orjson.loads(line)
        return cls(
            int(plain["number"]),
            str(plain["kind"]),
            str(plain["reviewer"]),
            str(plain["time"]),
            (str(plain.get("subject", "")), str(plain.get("object", ""))),
            str(plain.get("role", "")),
            plain.get("undone"),
            tuple(dict(row) for row in plain.get("before", ())),
        )


class Journal:
    """A journal, open to one process at a time.

    Args:
        path: the file; made if need be.
        columns: the mapping set's columns, which a new journal takes down.

    Attributes:
        columns: those that the mapping set had when the journal was begun.
        entries: what stood in it when it was opened.

    Raises:
        ReviewBusyError: another process has it open.
        ReviewError: it cannot be opened.
        UnreadableFileError: a line in it is damaged.
    """

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self._path = path
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise ReviewError(f"{path}: cannot be opened: {error.strerror}.") from error
        try:
            self._lock()
            self.columns, self.entries = self._read(tuple(columns))
        except BaseException:
            os.close(self._file)
            raise

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in {errno.EAGAIN, errno.EACCES}:
                raise ReviewError(f"{self._path}: cannot be locked: {error.strerror}.") from error
            raise ReviewBusyError(
                f"{self._path}: another process reviews this mapping set. Use its page, or end it."
            ) from error

    def _read(self, columns: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[Entry, ...]]:
        with os.fdopen(os.dup(self._file), "rb") as stream:
            content = stream.read()
        lines = content.splitlines(keepends=True)
        if lines and not lines[-1].endswith(b"\n"):
            os.ftruncate(self._file, len(content) - len(lines.pop()))
        if not lines:
            self._write(orjson.dumps({"journal": _FORMAT, "columns": columns}) + b"\n")
            self._sync_directory()
            return columns, ()
        entries = [self._parsed(number, line) for number, line in enumerate(lines[1:], start=1)]
        return self._head(lines[0]), tuple(entries)

    def _head(self, line: bytes) -> tuple[str, ...]:
        try:
            head = orjson.loads(line)
            if head["journal"] == _FORMAT:
                return tuple(map(str, head["columns"]))
        except (ValueError, KeyError, TypeError) as error:
            raise self._damaged(1) from error
        reason = f"this journal has format {head['journal']!r}, and this version reads {_FORMAT}."
        raise UnreadableFileError(str(self._path), reason)

    def _parsed(self, number: int, line: bytes) -> Entry:
        try:
            entry = Entry.from_json(line)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._damaged(number + 1) from error
        if entry.number != number:
            raise self._damaged(number + 1)
        return entry

    def _damaged(self, line: int) -> UnreadableFileError:
        return UnreadableFileError(
            f"{self._path}:{line}",
            "the journal is damaged here.",
            "Take it from a backup, or move it away: what the mapping set says stays.",
        )

    def append(self, entry: Entry) -> None:
        """Write an entry; when this returns, it is on the disk.

        Raises:
            ReviewError: it cannot be written, for example because the disk is full. The journal
                is as it was.
        """
        self._write(entry.to_json())

    def _write(self, line: bytes) -> None:
        end = os.lseek(self._file, 0, os.SEEK_END)
        try:
            written = 0
            while written < len(line):
                written += os.write(self._file, line[written:])
            os.fsync(self._file)
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._file, end)
            reason = error.strerror or str(error)
            raise ReviewError(
                f"{self._path}: the decision cannot be written: {reason}. It does not count; "
                "make room, and decide again."
            ) from error

    def _sync_directory(self) -> None:
        directory = os.open(self._path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def close(self) -> None:
        """Let others open it."""
        os.close(self._file)
