"""What every transport does: the seam between the mediator and whatever answers it."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

__all__ = [
    "DATA_VERSION_HEADER",
    "FetchedProfile",
    "ServiceIdentity",
    "Transport",
    "TransportRequest",
    "TransportResponse",
]

DATA_VERSION_HEADER = "HKG-Data-Version"


@dataclass(frozen=True)
class TransportRequest:
    """One SPARQL 1.1 Protocol query.

    Attributes:
        query: the query text.
        accept: the Accept header: the result formats wanted.
        timeout: seconds that the answer may take to begin, infinity for no limit. `Member`
            limits every wait itself; a transport needs this only for limits of its own.
        default_graphs: the protocol's ``default-graph-uri`` parameters.
        named_graphs: the protocol's ``named-graph-uri`` parameters.
    """

    query: str
    accept: str
    timeout: float
    default_graphs: tuple[str, ...] = ()
    named_graphs: tuple[str, ...] = ()


@dataclass(frozen=True)
class TransportResponse:
    """An answer that has begun.

    Attributes:
        status: the HTTP status, or what HTTP would call it.
        media_type: the whole Content-Type; empty where there is none.
        headers: the headers; `header` looks them up whatever their case.
        chunks: the body after content decoding. Raises `TransportError` where it breaks off.
        delimited: whether the transport can tell the body's end from a broken connection.
    """

    status: int
    media_type: str
    headers: Mapping[str, str]
    chunks: AsyncGenerator[bytes, None]
    delimited: bool = True

    def header(self, name: str) -> str | None:
        """Give a header's value, None where it is absent."""
        wanted = name.lower()
        return next((value for key, value in self.headers.items() if key.lower() == wanted), None)


@dataclass(frozen=True)
class FetchedProfile:
    """A member's profile as it publishes it.

    Attributes:
        etag: the version to ask with next time.
        content: the profile's JSON; None if it has not changed since the version asked with.
    """

    etag: str | None
    content: bytes | None = field(repr=False)


@dataclass(frozen=True)
class ServiceIdentity:
    """What a member says that it is.

    Attributes:
        software: the software that answers (HTTP: the Server header).
        title: its name in its own service description.
        triples: the number of triples according to its service description.
    """

    software: str | None = None
    title: str | None = None
    triples: int | None = None


class Transport(Protocol):
    """A way to one member."""

    def send(self, request: TransportRequest) -> AbstractAsyncContextManager[TransportResponse]:
        """Send a query; leaving the context gives up whatever has not been read.

        Raises:
            TransportError: on entering, if no answer begins.
        """

    async def fetch_profile(self, etag: str | None) -> FetchedProfile | None:
        """Fetch the member's profile unless it still is the one of `etag`.

        Returns:
            The profile; None where the member publishes none.

        Raises:
            TransportError: the member cannot be asked.
        """

    async def identify(self) -> ServiceIdentity:
        """Ask the member what it is; whatever it does not say is None.

        Raises:
            TransportError: the member cannot be asked.
        """

    async def close(self) -> None:
        """Close what is open in the running event loop; the transport stays usable."""
