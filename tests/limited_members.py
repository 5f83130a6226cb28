"""Members that cap rows, refuse long requests or VALUES, and so on, over embedded stores."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace

import pyoxigraph as ox

from hereditary_kg.execution.engine import AsyncFederation
from hereditary_kg.federation.description import FederationDescription, MemberDescription
from hereditary_kg.federation.member import Member
from hereditary_kg.federation.retry import RetryPolicy
from hereditary_kg.federation.row_caps import ROW_CAP_HEADER
from hereditary_kg.federation.transport import (
    DATA_VERSION_HEADER,
    EmbeddedTransport,
    TransportRequest,
    TransportResponse,
)


@dataclass(frozen=True)
class Refusal:
    """An answer that is none."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()


class LimitedTransport(EmbeddedTransport):
    """A store that does not say which data it answers from, as few do.

    Attributes:
        cap: how many rows it gives; None for all.
        states_cap: whether it says so, as Virtuoso does.
        refuse: gives what a query is refused with, None to answer it.
        queries: every query so far.
    """

    def __init__(
        self,
        store: ox.Store,
        *,
        cap: int | None = None,
        states_cap: bool = False,
        refuse: Callable[[str], Refusal | None] = lambda query: None,
    ) -> None:
        super().__init__(store)
        self.cap = cap
        self.states_cap = states_cap
        self.refuse = refuse
        self.queries: list[str] = []

    @asynccontextmanager
    async def send(self, request: TransportRequest) -> AsyncIterator[TransportResponse]:
        self.queries.append(request.query)
        refusal = self.refuse(request.query)
        if refusal is not None:
            yield TransportResponse(
                refusal.status, "text/plain", dict(refusal.headers), _play(b"no, not that")
            )
            return
        async with super().send(request) as response:
            document = b"".join([chunk async for chunk in response.chunks])
            headers = {k: v for k, v in response.headers.items() if k != DATA_VERSION_HEADER}
            if "tab-separated" in response.media_type and self.cap is not None:
                lines = document.splitlines(keepends=True)
                if self.states_cap and len(lines) > self.cap:
                    headers[ROW_CAP_HEADER] = str(self.cap)
                document = b"".join(lines[: self.cap + 1])
            async with aclosing(_play(document)) as chunks:
                yield replace(response, headers=headers, chunks=chunks)


async def _play(document: bytes):
    # In pieces: rows are handed on before anybody knows how many there are.
    for start in range(0, len(document), 4096):
        yield document[start : start + 4096]


def limited_member(transport: LimitedTransport, name: str = "m0", **described) -> Member:
    """Make a member whose blank nodes keep their labels, and that is asked again at once."""
    description = MemberDescription(name, blank_nodes="stable", **described)
    return Member(description, transport, retry_policy=RetryPolicy(base=0.0))


def limited_federation(transports: Sequence[LimitedTransport], **described) -> AsyncFederation:
    """Make a federation of members named m0, m1 and so on."""
    members = [
        limited_member(transport, f"m{i}", **described) for i, transport in enumerate(transports)
    ]
    descriptions = tuple(member.description for member in members)
    return AsyncFederation(FederationDescription("limited", members=descriptions), members)
