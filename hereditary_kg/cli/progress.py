"""Signs of life on standard error, while something takes longer than a second.

Nothing is shown where standard error is no terminal, or with --quiet.
"""

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from hereditary_kg.cli.settings import Settings, open_console

if TYPE_CHECKING:
    from pathlib import Path

    from rich.progress import ProgressColumn

    from hereditary_kg.execution.engine import AsyncFederation
    from hereditary_kg.federation.transport import (
        FetchedProfile,
        ServiceIdentity,
        Transport,
        TransportRequest,
        TransportResponse,
    )
    from hereditary_kg.sites.loading import Progress

__all__ = ["RequestCounter", "open_watched_federation", "show_requests", "show_step"]

_PATIENCE = 1.0
_PAUSE = 0.2


@contextmanager
def show_step(
    settings: Settings, description: str, unit: Literal["bytes", "triples"]
) -> "Iterator[Progress]":
    """Show a progress bar while a block works, and give what reports to it."""
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = open_console(stderr=True)
    amount: ProgressColumn = DownloadColumn() if unit == "bytes" else MofNCompleteColumn()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        amount,
        TimeRemainingColumn(),
        TextColumn("{task.fields[label]}", style="dim"),
    )
    disable = settings.quiet or not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=disable) as bars:
        task = bars.add_task(description, total=None, label="")

        def report(done: int, total: int, label: str) -> None:
            bars.update(task, completed=done, total=total, label=label)

        yield report


@dataclass
class RequestCounter:
    """How many requests were sent, and to whom some are still open.

    Attributes:
        sent: requests sent so far.
        waiting: open requests by member.
    """

    sent: int = 0
    waiting: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        names = ", ".join(name for name, count in self.waiting.items() if count > 0)
        text = f"{self.sent:,} request{'' if self.sent == 1 else 's'} so far"
        return f"{text}, waiting for {names}" if names else text


class _CountedTransport:
    """A transport that tells a counter what passes through it."""

    def __init__(self, name: str, transport: "Transport", counter: RequestCounter) -> None:
        self._name = name
        self._transport = transport
        self._counter = counter

    @asynccontextmanager
    async def send(self, request: "TransportRequest") -> "AsyncGenerator[TransportResponse, None]":
        self._counter.sent += 1
        self._counter.waiting[self._name] += 1
        try:
            async with self._transport.send(request) as response:
                yield response
        finally:
            self._counter.waiting[self._name] -= 1

    async def fetch_profile(self, etag: str | None) -> "FetchedProfile | None":
        return await self._transport.fetch_profile(etag)

    async def identify(self) -> "ServiceIdentity":
        return await self._transport.identify()

    async def close(self) -> None:
        await self._transport.close()


def open_watched_federation(path: "Path", counter: RequestCounter) -> "AsyncFederation":
    """Open a federation whose requests are counted.

    Raises:
        FederationError: the description, or something it names, cannot be used.
    """
    from hereditary_kg.execution.engine import AsyncFederation
    from hereditary_kg.federation.member import Member

    opened = AsyncFederation.open(path)

    def watch(member: Member) -> Member:
        transport = _CountedTransport(member.name, member.transport, counter)
        return Member(member.description, transport)

    services = {address: watch(service) for address, service in opened.services.items()}
    members = [*map(watch, opened.members)]
    return AsyncFederation(opened.description, members, services, opened.hub)


@asynccontextmanager
async def show_requests(settings: Settings, counter: RequestCounter) -> AsyncIterator[None]:
    """Show, while a block runs that takes longer than a second, what is being waited for."""
    import asyncio

    console = open_console(stderr=True)
    if settings.quiet or not console.is_terminal:
        yield
        return

    async def show() -> None:
        await asyncio.sleep(_PATIENCE)
        with console.status(str(counter)) as status:
            while True:
                await asyncio.sleep(_PAUSE)
                status.update(str(counter))

    task = asyncio.create_task(show())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
