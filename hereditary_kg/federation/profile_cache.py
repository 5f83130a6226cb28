"""A member's profile, fetched when needed and known to be current or not used."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from hereditary_kg.federation.errors import UnusableAnswerError
from hereditary_kg.federation.transport import FetchedProfile, Transport
from hereditary_kg.sites.errors import SiteError
from hereditary_kg.sites.profile import Profile

__all__ = ["ABSENCE_AGE", "ProfileCache"]

ABSENCE_AGE = 600.0
"""Seconds for which a member that published no profile is not asked for one again, where a file
stands in. The file itself is looked at as often as a profile would be."""


class ProfileCache:
    """Holds the last profile of a member.

    The member's own profile comes first; the file that the federation description names stands
    in where the member publishes none. A profile of other data than the member answers from
    would make the planner leave out a member that has something to say, so it is not used.
    """

    def __init__(
        self,
        transport: Transport,
        file: Path | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transport = transport
        self._file = file
        self._clock = clock
        self._etag: str | None = None
        self._profile: Profile | None = None
        self._checked_at: float | None = None
        self._data_version: str | None = None
        self._absent_at: float | None = None
        self._file_state: tuple[int, int] | None = None

    @property
    def stamp(self) -> str | None:
        """The stamp of the profile, current or not; None where there is none."""
        return self._profile.stamp if self._profile is not None else None

    @property
    def usable(self) -> Profile | None:
        """The profile fetched last, if the member is not known to have other data."""
        if self._profile is None or self.is_stale:
            return None
        return self._profile

    @property
    def is_stale(self) -> bool:
        """Whether the member has answered from other data than the profile describes."""
        return (
            self._profile is not None
            and self._data_version is not None
            and self._profile.stamp != self._data_version
        )

    @property
    def is_present(self) -> bool:
        """Whether there is a profile, current or not."""
        return self._profile is not None

    @property
    def is_verified(self) -> bool:
        """Whether the member has named the version of its data in an answer."""
        return self._data_version is not None

    @property
    def is_unverified(self) -> bool:
        """Whether a file's profile is used of which nobody says whether it is of these data."""
        return self._file_state is not None and self.is_present and not self.is_verified

    def note_data_version(self, version: str) -> None:
        """Take the version of the data that an answer came from."""
        if version != self._data_version:
            self._data_version = version
            if self.is_stale:
                self._checked_at = self._absent_at = None

    def note_counts(self, stamp: str | None) -> None:
        """Take the stamp that the member's counts give now; None where that is not known.

        Unlike another version of a site's data, it is no reason to ask for the profile again:
        only a new file helps.
        """
        self._data_version = stamp

    def is_fresh(self, max_age: float) -> bool:
        """Whether the member was asked at most `max_age` seconds ago."""
        return self._checked_at is not None and self._clock() - self._checked_at <= max_age

    async def refresh(self, *, ask: bool = True) -> None:
        """Find out whether the profile has changed, and take the new one.

        Args:
            ask: whether the member is asked even if it lately published none.

        Raises:
            TransportError: the member cannot be asked, or its profile not be read.
        """
        before = self._profile
        if not ask and self._is_absent():
            self._profile = await self._read_file()
        else:
            fetched = await self._transport.fetch_profile(self._etag)
            self._absent_at = self._clock() if fetched is None else None
            if fetched is None:
                self._etag = None
                self._profile = await self._read_file()
            elif fetched.content is not None:
                self._profile = await _parse(fetched)
                self._etag = fetched.etag
                self._file_state = None
        if before and self._profile and before.stamp != self._profile.stamp:
            # The new profile is later news of the data than any answer so far.
            self._data_version = None
        self._checked_at = self._clock()

    def _is_absent(self) -> bool:
        """Whether the member lately published no profile, and a file stands in for it."""
        if self._file is None or self._absent_at is None:
            return False
        return self._clock() - self._absent_at <= ABSENCE_AGE

    async def _read_file(self) -> Profile | None:
        if self._file is None:
            return None
        try:
            found = await asyncio.to_thread(self._file.stat)
            state = (found.st_mtime_ns, found.st_size)
            if state == self._file_state:
                return self._profile
            content = await asyncio.to_thread(self._file.read_bytes)
        except OSError as error:
            self._file_state = None
            raise UnusableAnswerError(
                f"its profile {self._file} cannot be read: {error.strerror}"
            ) from error
        profile = await _parse(FetchedProfile(None, content))
        self._file_state = state
        return profile


async def _parse(fetched: FetchedProfile) -> Profile:
    try:
        return await asyncio.to_thread(Profile.from_json, fetched.content or b"")
    except SiteError as error:
        raise UnusableAnswerError(f"its profile cannot be read: {error}") from error
