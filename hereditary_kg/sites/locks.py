"""The lock of a site: many may read its store at once, or one may write it.

The lock is advisory (``flock``) and dies with its process, so that a killed server leaves no
stale lock behind.
"""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from hereditary_kg.sites.errors import SiteBusyError, SiteError

__all__ = ["LOCK_FILE", "SiteLock"]

LOCK_FILE = "lock"


class SiteLock:
    """A held lock; released by ``release`` or at the end of a ``with`` block."""

    def __init__(self, directory: Path, *, exclusive: bool) -> None:
        """Take the lock at once or not at all.

        Raises:
            SiteBusyError: another holder is in the way.
            SiteError: the lock file cannot be opened.
        """
        try:
            flags = (os.O_RDWR | os.O_CREAT) if exclusive else os.O_RDONLY
            self._descriptor = os.open(directory / LOCK_FILE, flags | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise SiteError(
                f"{directory / LOCK_FILE}: the site cannot be locked: {error.strerror}"
            ) from error
        try:
            kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
            fcntl.flock(self._descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self.release()
            if exclusive:
                raise SiteBusyError(
                    f"{directory}: the site is being served or read, so that its data cannot "
                    "change now; stop the service (or close the Site object), then load again"
                ) from error
            raise SiteBusyError(
                f"{directory}: data are being loaded into the site; try again when that is done"
            ) from error

    def release(self) -> None:
        """Give the lock back; a second call does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()
