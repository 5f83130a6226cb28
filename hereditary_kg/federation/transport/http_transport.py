"""A member behind a SPARQL 1.1 Protocol endpoint.

Source: SPARQL 1.1 Protocol, section 2.1.2 (query via POST with URL-encoded parameters).
"""

import asyncio
import base64
import math
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from hereditary_kg.federation.errors import (
    RefusedError,
    StatusError,
    TransportTimeoutError,
    TruncatedAnswerError,
    UnreachableError,
    UnusableAnswerError,
)
from hereditary_kg.federation.retry import read_retry_after
from hereditary_kg.federation.transport.content_decoding import (
    ACCEPTED_ENCODINGS,
    decode_content,
    is_checked_encoding,
)
from hereditary_kg.federation.transport.protocol import (
    FetchedProfile,
    ServiceIdentity,
    TransportRequest,
    TransportResponse,
)
from hereditary_kg.federation.transport.service_description import read_service_description

__all__ = ["Credentials", "HttpTransport"]

PROFILE_PATH = "/.well-known/hkg-profile"
_CONNECT_SECONDS = 10.0
_MOST_REDIRECTS = 3
_LARGEST_PROFILE = 256 << 20
_LARGEST_DESCRIPTION = 1 << 20
_READ_BUFFER = 1 << 18


@dataclass(frozen=True)
class Credentials:
    """What a member wants to know before it answers; never shown in text.

    Attributes:
        username: name for HTTP Basic authentication.
        password: password for it.
        token: bearer token; instead of name and password.
    """

    username: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)

    def headers(self) -> dict[str, str]:
        """Give the request headers that carry them."""
        if self.token is not None:
            return {"Authorization": f"Bearer {self.token}"}
        if self.username is not None:
            # RFC 7617, section 2.1: in UTF-8, as every server of today reads it.
            pair = f"{self.username}:{self.password or ''}".encode()
            return {"Authorization": f"Basic {base64.b64encode(pair).decode('ascii')}"}
        return {}


class HttpTransport:
    """Asks one endpoint: keep-alive connections, gzip, no proxy, no cookies, no foreign host.

    It has one client session for each event loop that uses it. `close` closes the session of
    the running loop, and has to be called there before the loop ends.
    """

    def __init__(self, url: str, credentials: Credentials | None = None) -> None:
        """Take the address; nothing is opened before the first request.

        Args:
            url: the endpoint's address.
            credentials: what to authenticate with.
        """
        self.url = url
        self._credentials = credentials or Credentials()
        self._sessions: dict[asyncio.AbstractEventLoop, aiohttp.ClientSession] = {}

    @asynccontextmanager
    async def send(self, request: TransportRequest) -> AsyncIterator[TransportResponse]:
        """POST the query as a form; redirects within the same host are followed."""
        parameters = [("query", request.query)]
        parameters += [("default-graph-uri", graph) for graph in request.default_graphs]
        parameters += [("named-graph-uri", graph) for graph in request.named_graphs]
        headers = {
            "Accept": request.accept,
            "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
        }
        body = urlencode(parameters).encode("ascii")
        response = await self._request("POST", URL(self.url), headers, body, request.timeout)
        try:
            yield TransportResponse(
                status=response.status,
                media_type=response.headers.get("Content-Type", ""),
                headers=response.headers,
                chunks=_read_body(response),
                delimited=_is_delimited(response),
            )
        finally:
            response.close()

    async def fetch_profile(self, etag: str | None) -> FetchedProfile | None:
        """GET the profile from the endpoint's host.

        Whatever is no JSON document counts as no profile: many servers answer unknown paths
        with a page, be it one of status 500, a redirect to a login or 401.
        """
        url = URL(self.url).origin().with_path(PROFILE_PATH)
        headers = {"Accept": "application/json"}
        if etag is not None:
            headers["If-None-Match"] = etag
        response = await self._get(url, headers)
        try:
            if response.status == 304:
                return FetchedProfile(etag, None)
            # Virtuoso, whose own path that is, answers such a page for want of a procedure.
            no_path = response.status == 500 and response.content_type == "text/html"
            if response.status == 429 or (response.status >= 500 and not no_path):
                raise StatusError(
                    f"{url} answered {response.status} {response.reason}",
                    response.status,
                    read_retry_after(response.headers.get("Retry-After")),
                )
            if response.status != 200 or response.content_type != "application/json":
                return None
            content = await _read_limited(response, _LARGEST_PROFILE)
            return FetchedProfile(response.headers.get("ETag"), content)
        finally:
            response.close()

    async def identify(self) -> ServiceIdentity:
        """GET the service description; the Server header where there is none."""
        headers = {"Accept": "text/turtle, application/n-triples;q=0.9"}
        response = await self._get(URL(self.url), headers)
        try:
            software = response.headers.get("Server")
            if response.status != 200:
                return ServiceIdentity(software)
            try:
                content = await _read_limited(response, _LARGEST_DESCRIPTION)
            except UnusableAnswerError:
                return ServiceIdentity(software)
            title, triples = read_service_description(content, response.content_type, self.url)
            return ServiceIdentity(software, title, triples)
        finally:
            response.close()

    async def close(self) -> None:
        """Close the session of the running event loop."""
        session = self._sessions.pop(asyncio.get_running_loop(), None)
        if session is not None:
            await session.close()

    async def _get(self, url: URL, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        return await self._request("GET", url, headers, None, math.inf)

    async def _request(
        self,
        method: str,
        url: URL,
        headers: Mapping[str, str],
        body: bytes | None,
        timeout: float,
    ) -> aiohttp.ClientResponse:
        # Only connecting is limited here; `Member` limits every wait.
        limits = aiohttp.ClientTimeout(total=None, sock_connect=min(_CONNECT_SECONDS, timeout))
        for _ in range(_MOST_REDIRECTS + 1):
            with _mapped_errors(url):
                response = await self._session().request(
                    method,
                    url,
                    headers={**headers, **self._credentials.headers()},
                    data=body,
                    timeout=limits,
                    allow_redirects=False,
                )
            target = response.headers.get("Location")
            if response.status not in {301, 302, 307, 308} or target is None:
                return response
            response.close()
            url = _follow(url, target)
        raise UnusableAnswerError(f"{self.url} redirects more than {_MOST_REDIRECTS} times")

    def _session(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        session = self._sessions.get(loop)
        if session is None:
            session = aiohttp.ClientSession(
                # `Member` limits the number of requests; a second limit here could only
                # make one wait where nobody counts the time.
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=30),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": "hereditary_kg", "Accept-Encoding": ACCEPTED_ENCODINGS},
                auto_decompress=False,
                read_bufsize=_READ_BUFFER,
                trust_env=False,
            )
            self._sessions[loop] = session
        return session


def _is_delimited(response: aiohttp.ClientResponse) -> bool:
    """Whether the body's end is marked, by length, last chunk or the encoding itself."""
    headers = response.headers
    return (
        "Content-Length" in headers
        or headers.get("Transfer-Encoding", "").lower().endswith("chunked")
        or is_checked_encoding(headers.get("Content-Encoding", ""))
    )


async def _read_body(response: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
    encoding = response.headers.get("Content-Encoding", "")
    with _mapped_errors(response.url, begun=True):
        async with aclosing(decode_content(response.content.iter_any(), encoding)) as chunks:
            async for chunk in chunks:
                yield chunk


async def _read_limited(response: aiohttp.ClientResponse, limit: int) -> bytes:
    content = bytearray()
    async with aclosing(_read_body(response)) as chunks:
        async for chunk in chunks:
            content += chunk
            if len(content) > limit:
                raise UnusableAnswerError(
                    f"{_shown(response.url)} answered with more than {limit >> 20} MiB"
                )
    return bytes(content)


def _follow(url: URL, location: str) -> URL:
    """Give a redirect's target if it is the same server, or its TLS twin."""
    try:
        target = url.join(URL(location))
    except ValueError as error:
        raise UnusableAnswerError(f"{_shown(url)} redirects to no address: {location!r}") from error
    same_server = target.origin() == url.origin()
    to_tls = url.scheme == "http" and target.scheme == "https" and url.host == target.host
    if same_server or to_tls:
        return target
    raise RefusedError(
        f"{_shown(url)} redirects to {_shown(target)}, another server; this is not followed: "
        "if that is right, put the new address into the federation description"
    )


def _shown(url: URL) -> str:
    """Write an address for a message, without the parts that may hold a secret."""
    return str(url.with_user(None).with_query(None).with_fragment(None))


@contextmanager
def _mapped_errors(url: URL, *, begun: bool = False) -> Iterator[None]:
    """Turn aiohttp's errors into this package's; `begun` once an answer has begun."""
    try:
        yield
    except (aiohttp.ServerTimeoutError, TimeoutError) as error:
        # An expired deadline arrives here as a cancellation, never as a TimeoutError.
        raise TransportTimeoutError(f"{_shown(url)} took too long to connect") from error
    except aiohttp.ClientConnectorDNSError as error:
        raise UnreachableError(f"no host {url.host!r}; check the address") from error
    except aiohttp.ClientConnectorCertificateError as error:
        raise UnreachableError(
            f"the TLS certificate of {_shown(url)} is not trusted: {error.certificate_error}"
        ) from error
    except aiohttp.ClientConnectorError as error:
        raise UnreachableError(
            f"cannot connect to {_shown(url)}: {error.strerror or error}; is it running?"
        ) from error
    except (aiohttp.ClientPayloadError, aiohttp.ClientConnectionError, ConnectionError) as error:
        if begun:
            raise TruncatedAnswerError(
                f"{_shown(url)} closed the connection in the middle of the answer"
            ) from error
        raise UnreachableError(f"{_shown(url)} closed the connection without an answer") from error
    except aiohttp.ClientError as error:
        raise UnusableAnswerError(f"{_shown(url)} does not speak HTTP: {error}") from error
