"""A member in this process: a site's directory, or an Oxigraph store.

pyoxigraph cannot stop a query from outside. A query that nobody waits for any more ends when
it next writes a piece of its answer; one that writes nothing (a long aggregate) goes on in its
thread until it is done, though nothing waits for it. The threads are daemons, so that they do
not hold up the end of the program either. Sites whose queries must have hard limits are served
(`hereditary_kg.sites`) and reached over HTTP.
"""

import asyncio
import itertools
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import IO, Protocol, cast

import pyoxigraph as ox

from hereditary_kg.federation.errors import (
    TransportError,
    TruncatedAnswerError,
    UnreachableError,
    UnusableAnswerError,
)
from hereditary_kg.federation.transport.protocol import (
    DATA_VERSION_HEADER,
    FetchedProfile,
    ServiceIdentity,
    TransportRequest,
    TransportResponse,
)
from hereditary_kg.rdf.media_types import GraphFormat, ResultFormat, negotiate
from hereditary_kg.sites.errors import SiteError
from hereditary_kg.sites.evaluation import evaluate
from hereditary_kg.sites.frames import Job, Refusal
from hereditary_kg.sites.profiling import profile_store
from hereditary_kg.sites.site import Site

__all__ = ["EmbeddedTransport"]

# Pieces that the evaluation may be ahead of its reader.
_PIECES_AHEAD = 16
_PIECE_SIZE = 1 << 16
# Rows that trickle are handed on at least this often, in seconds.
_LONGEST_HOLD = 0.02

_STORE_NUMBERS = itertools.count(1)


class EmbeddedTransport:
    """Evaluates queries in threads of this process.

    A store's data must not change as long as the transport is in use: its data version is
    that of the transport. A site is opened with the first request and held against loads
    until `close`.
    """

    def __init__(self, source: ox.Store | Site) -> None:
        """Take the data.

        Args:
            source: a store, or a site, of which only the directory is taken.
        """
        self._source: _Source = (
            _StoreSource(source) if isinstance(source, ox.Store) else _SiteSource(source)
        )

    @asynccontextmanager
    async def send(self, request: TransportRequest) -> AsyncIterator[TransportResponse]:
        """Evaluate the query; its answer comes in pieces, a bounded number of them ahead."""
        pipe = _Pipe(asyncio.get_running_loop())
        threading.Thread(
            target=_evaluate,
            args=(self._source, request, pipe),
            name="hkg-embedded-query",
            daemon=True,
        ).start()
        try:
            start = await pipe.take()
            if isinstance(start, TransportError):
                raise start
            if not isinstance(start, _Start):
                raise UnusableAnswerError(f"the evaluation gave no answer: {start!r}")
            headers = {DATA_VERSION_HEADER: start.version, "Content-Type": start.media_type}
            yield TransportResponse(start.status, start.media_type, headers, pipe.read())
        finally:
            pipe.abandon()

    async def fetch_profile(self, etag: str | None) -> FetchedProfile | None:
        """Read the site's profile, or build the store's."""
        try:
            return await asyncio.to_thread(self._source.profile, etag)
        except (SiteError, OSError) as error:
            raise UnusableAnswerError(str(error)) from error

    async def identify(self) -> ServiceIdentity:
        """Name Oxigraph and the site's title."""
        software = f"pyoxigraph/{ox.__version__}"
        return ServiceIdentity(software, await asyncio.to_thread(self._source.title))

    async def close(self) -> None:
        """Let go of a site; the next request opens it again."""
        self._source.close()


class _Source(Protocol):
    def current(self) -> tuple[ox.Store, str]:
        """Give the store and the version of its data."""

    def profile(self, etag: str | None) -> FetchedProfile | None: ...

    def title(self) -> str | None: ...

    def close(self) -> None: ...


class _StoreSource:
    def __init__(self, store: ox.Store) -> None:
        self._store = store
        self._version = f"store-{next(_STORE_NUMBERS)}"

    def current(self) -> tuple[ox.Store, str]:
        return self._store, self._version

    def profile(self, etag: str | None) -> FetchedProfile | None:
        if etag == self._version:
            return FetchedProfile(etag, None)
        profile = profile_store(self._store, self._version)
        return FetchedProfile(self._version, profile.to_json())

    def title(self) -> str | None:
        return None

    def close(self) -> None:
        pass


class _SiteSource:
    def __init__(self, site: Site) -> None:
        # A handle of its own: closing it lets go of no store that others have open.
        self._site = Site.open(site.directory)
        self._lock = threading.Lock()
        self._opened: tuple[ox.Store, str] | None = None

    def current(self) -> tuple[ox.Store, str]:
        with self._lock:
            if self._opened is None:
                # The open store holds the site against loads, so that the stamp read after it
                # is that of the data in it.
                store = self._site.open_store()
                self._opened = (store, self._site.stamp())
            return self._opened

    def profile(self, etag: str | None) -> FetchedProfile | None:
        profile = self._site.profile()
        if profile is None:
            return None
        if profile.stamp == etag:
            return FetchedProfile(etag, None)
        return FetchedProfile(profile.stamp, profile.to_json())

    def title(self) -> str | None:
        return self._site.description.title

    def close(self) -> None:
        with self._lock:
            self._opened = None
            self._site.close()


@dataclass(frozen=True)
class _Start:
    """How an answer begins."""

    status: int
    media_type: str
    version: str


class _End:
    """The answer is complete."""


class _AbandonedError(Exception):
    """Nobody waits for the answer any more."""


class _Pipe:
    """Hands pieces from a thread to the event loop and holds the thread back."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._items: asyncio.Queue[_Start | bytes | Exception | _End] = asyncio.Queue()
        self._room = threading.Semaphore(_PIECES_AHEAD)
        self._abandoned = threading.Event()

    def put(self, item: _Start | bytes | Exception | _End) -> None:
        """Hand on an item, from the thread; waits for room.

        Raises:
            _AbandonedError: nobody takes it.
        """
        # Oxigraph writes once more after a write has failed: no wait once it is abandoned.
        if not self._abandoned.is_set():
            self._room.acquire()
        if self._abandoned.is_set():
            raise _AbandonedError
        try:
            self._loop.call_soon_threadsafe(self._items.put_nowait, item)
        except RuntimeError as error:
            raise _AbandonedError from error

    async def take(self) -> _Start | bytes | Exception | _End:
        """Take the next item, in the event loop."""
        item = await self._items.get()
        self._room.release()
        return item

    async def read(self) -> AsyncGenerator[bytes, None]:
        """Take the pieces up to the end."""
        while True:
            match await self.take():
                case bytes() as piece:
                    yield piece
                case Exception() as error:
                    raise TruncatedAnswerError(
                        f"the evaluation failed in the middle of the answer: {error}"
                    ) from error
                case _:
                    return

    def abandon(self) -> None:
        """Let the thread end at its next piece, from the event loop."""
        self._abandoned.set()
        self._room.release()


class _PieceWriter:
    """The file that an answer is serialised into: collects small writes into pieces."""

    def __init__(self, pipe: _Pipe) -> None:
        self._pipe = pipe
        self._held = bytearray()
        self._handed_on_at = time.monotonic()

    def write(self, data: bytes) -> int:
        self._held += data
        due = time.monotonic() - self._handed_on_at >= _LONGEST_HOLD
        if due or len(self._held) >= _PIECE_SIZE:
            self.flush()
        return len(data)

    def flush(self) -> None:
        if self._held:
            self._pipe.put(bytes(self._held))
            self._held.clear()
        self._handed_on_at = time.monotonic()


def _evaluate(source: _Source, request: TransportRequest, pipe: _Pipe) -> None:
    """Answer one request into a pipe, in a thread."""
    with suppress(_AbandonedError):
        try:
            try:
                store, version = source.current()
            except (SiteError, OSError) as error:
                pipe.put(UnreachableError(str(error)))
                return
            _serialise(store, version, request, pipe)
            pipe.put(_End())
        except _AbandonedError:
            raise
        except BaseException as error:
            # A panic in Rust is no Exception, and must reach the reader too.
            pipe.put(RuntimeError(f"{type(error).__name__}: {error}"))


def _serialise(store: ox.Store, version: str, request: TransportRequest, pipe: _Pipe) -> None:
    result_format = negotiate(request.accept, list(ResultFormat))
    graph_format = negotiate(request.accept, list(GraphFormat))
    job = Job(
        request.query,
        request.default_graphs,
        request.named_graphs,
        result_format.value if result_format else None,
        graph_format.value if graph_format else None,
    )
    begun = evaluate(job, store, ox.Store())
    if isinstance(begun, Refusal):
        pipe.put(_Start(begun.status, "text/plain; charset=utf-8", version))
        pipe.put(begun.text.encode())
        return
    media_type, serialise = begun
    pipe.put(_Start(200, media_type, version))
    writer = _PieceWriter(pipe)
    serialise(cast("IO[bytes]", writer))
    writer.flush()
