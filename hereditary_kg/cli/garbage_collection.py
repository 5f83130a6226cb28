"""Garbage collection in a process that serves a federation for long.

Profiles are a few hundred thousand objects that live as long as the process. Python's collector
looks at all of them in each full collection, in the middle of some query, which takes a tenth of
a second with 200 members and finds nothing. So they are taken out of its sight (`gc.freeze`).
They are freed all the same once nobody refers to them any more.

That is a setting of the whole process, and so for the command line only: the library leaves the
collector of other people's processes alone.
"""

import asyncio
import gc
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from hereditary_kg.federation.member import Member

__all__ = ["frozen_profiles"]

_INTERVAL = 5.0
"""Seconds between two looks at what profiles there are."""


@asynccontextmanager
async def frozen_profiles(
    members: Sequence[Member], interval: float = _INTERVAL
) -> AsyncIterator[None]:
    """Keep the garbage collector from looking at profiles, while members have the same ones.

    Args:
        members: whose profiles these are.
        interval: seconds after which new ones are noticed.
    """
    task = asyncio.create_task(_keep_frozen(members, interval))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        gc.unfreeze()


async def _keep_frozen(members: Sequence[Member], interval: float) -> None:
    frozen: set[tuple[str, str]] = set()
    while True:
        current = {
            (member.name, profile.stamp)
            for member in members
            if (profile := member.known_profile) is not None
        }
        # That a profile is gone is no reason to stop for a collection.
        if not current <= frozen:
            # What has become garbage since the last time would never be found again.
            gc.unfreeze()
            gc.collect()
            gc.freeze()
            frozen = current
        await asyncio.sleep(interval)
