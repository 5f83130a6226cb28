"""Rewriting the mapping set's file, in a thread of its own, after each decision.

Decisions that come while the file is being written are written together, right after that.
"""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from hereditary_kg.semantics.errors import SemanticsError
from hereditary_kg.semantics.sssom import write_mapping_set
from hereditary_kg.semantics.sssom.mapping_set import MappingSet

__all__ = ["Rewriter"]

_logger = logging.getLogger(__name__)


class Rewriter:
    """Keeps a file up to date.

    Args:
        path: the file, which is there.
        format: in which it is written; see `sssom.FORMATS`.
        current: gives what has to stand in it.
    """

    def __init__(self, path: Path, format: str, current: Callable[[], MappingSet]) -> None:  # noqa: A002
        self._path = path
        self._format = format
        self._current = current
        self._changed = threading.Condition()
        self._wanted = 0
        self._written = 0
        self._closing = False
        self._problem: str | None = None
        self._seen = _state(path)
        self._thread = threading.Thread(target=self._run, name="hkg-review", daemon=True)
        self._thread.start()

    @property
    def problem(self) -> str | None:
        """Why the file does not say what was decided; None where it does, or will in a moment."""
        return self._problem

    def request(self) -> None:
        """Have the file written; returns at once."""
        with self._changed:
            self._wanted += 1
            self._changed.notify_all()

    def wait(self) -> None:
        """Wait until what was requested is written, or cannot be."""
        with self._changed:
            wanted = self._wanted
            self._changed.wait_for(lambda: self._written >= wanted)

    def close(self) -> None:
        """Write what is left to write, and end the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._wanted > self._written or self._closing)
                wanted = self._wanted
                if wanted == self._written:
                    return
            self._problem = self._write()
            with self._changed:
                self._written = wanted
                self._changed.notify_all()

    def _write(self) -> str | None:
        kept = "Decisions are kept in the journal"
        try:
            if _state(self._path) != self._seen:
                return (
                    f"{self._path}: another program has changed the file, and it is left alone. "
                    f"{kept}; end this review and start it again to bring both together."
                )
            write_mapping_set(self._current(), self._path, self._format)
            self._seen = _state(self._path)
        except OSError as error:
            reason = error.strerror or str(error)
            return f"{self._path}: cannot be written: {reason}. {kept}; the next one tries again."
        except SemanticsError as error:
            return f"{error} {kept}."
        except Exception:
            _logger.exception("the mapping set cannot be written")
            return f"{self._path}: cannot be written, by a defect of hkg. {kept}."
        return None


def _state(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns
