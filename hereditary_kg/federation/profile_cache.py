"""A member's profile, fetched when needed and known to be current or not used."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from hereditary_kg.federation.errors import UnusableAnswerError
from hereditary_kg.federation.transport import FetchedProfile, Transport
from hereditary_kg.sites.errors import SiteError
from hereditary_kg.sites.profile import Profile

__all__ = ["ProfileCache"]


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

    def note_data_version(self, version: str) -> None:
        """Take the version of the data that an answer came from."""
        if version != self._data_version:
            self._data_version = version
            if self.is_stale:
                self._checked_at = None

    def is_fresh(self, max_age: float) -> bool:
        """Whether the member was asked at most `max_age` seconds ago."""
        return self._checked_at is not None and self._clock() - self._checked_at <= max_age

    async def refresh(self) -> None:
        """Ask the member whether its profile has changed, and take the new one.

        Raises:
            TransportError: the member cannot be asked, or its profile not be read.
        """
        before = self._profile
        fetched = await self._transport.fetch_profile(self._etag)
        if fetched is None:
            self._etag = None
            self._profile = await self._read_file()
        elif fetched.content is not None:
            self._profile = await _parse(fetched)
            self._etag = fetched.etag
        if before and self._profile and before.stamp != self._profile.stamp:
            # The new profile is later news of the data than any answer so far.
            self._data_version = None
        self._checked_at = self._clock()

    async def _read_file(self) -> Profile | None:
        if self._file is None:
            return None
        try:
            content = await asyncio.to_thread(self._file.read_bytes)
        except OSError as error:
            raise UnusableAnswerError(
                f"its profile {self._file} cannot be read: {error.strerror}"
            ) from error
        return await _parse(FetchedProfile(None, content))


async def _parse(fetched: FetchedProfile) -> Profile:
    try:
        return await asyncio.to_thread(Profile.from_json, fetched.content or b"")
    except SiteError as error:
        raise UnusableAnswerError(f"its profile cannot be read: {error}") from error
