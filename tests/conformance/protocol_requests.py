"""The W3C's tests of the SPARQL 1.1 Protocol: requests, and what must come back.

Source: the manifest of the folder ``protocol`` in the suite of SPARQL 1.1, whose head describes
its vocabulary; HTTP Vocabulary in RDF 1.0.
"""

import http.client
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pyoxigraph as ox

__all__ = ["ProtocolTest", "Request", "Response", "read_protocol_tests", "send"]

_MF = "http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#"
_HT = "http://www.w3.org/2011/http#"
_CNT = "http://www.w3.org/2011/content#"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
# What the manifest's paths begin with, where the endpoint under test is meant.
_ENDPOINT = "/sparql/"


@dataclass(frozen=True)
class Request:
    """One HTTP request and what the test says of its response.

    Attributes:
        method: GET, POST or what the test tries.
        parameters: the query string, empty or with its question mark.
        headers: all headers that the test names; nothing else is sent but what HTTP needs.
        body: the body as it is encoded; None for none.
        statuses: the first digits of the statuses that are right.
        form: ``boolean``, ``tabular``, ``RDF`` or None.
        boolean: the answer of an ASK, where the test names one.
    """

    method: str
    parameters: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    statuses: frozenset[str] = frozenset("2")
    form: str | None = None
    boolean: bool | None = None


@dataclass(frozen=True)
class ProtocolTest:
    """Requests that are sent one after the other."""

    name: str
    requests: tuple[Request, ...]

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Response:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def media_type(self) -> str:
        """The content type without its parameters."""
        return self.headers.get_content_type()


def read_protocol_tests(manifest: Path) -> tuple[ProtocolTest, ...]:
    """Read a manifest; no tests where it is absent."""
    if not manifest.is_file():
        return ()
    graph = _Graph(manifest)
    kind = ox.NamedNode(f"{_MF}Manifest")
    (head,) = graph.subjects(f"{_RDF}type", kind)
    return tuple(
        ProtocolTest(
            entry.value.rpartition("#")[2],
            tuple(map(graph.request, graph.requests(entry))),
        )
        for entry in graph.members(graph.value(head, f"{_MF}entries"))
    )


class _Graph:
    def __init__(self, path: Path) -> None:
        self._store = ox.Store()
        self._store.load(path.read_bytes(), base_iri="urn:manifest", format=ox.RdfFormat.TURTLE)

    def subjects(self, predicate: str, value: ox.NamedNode) -> list:
        found = self._store.quads_for_pattern(None, ox.NamedNode(predicate), value, None)
        return [quad.subject for quad in found]

    def values(self, subject: object, predicate: str) -> list:
        found = self._store.quads_for_pattern(subject, ox.NamedNode(predicate), None, None)
        return [quad.object for quad in found]

    def value(self, subject: object, predicate: str):
        found = self.values(subject, predicate)
        return found[0] if found else None

    def members(self, head: object) -> Iterator:
        while head != ox.NamedNode(f"{_RDF}nil"):
            yield self.value(head, f"{_RDF}first")
            head = self.value(head, f"{_RDF}rest")

    def requests(self, entry: object) -> Iterator:
        return self.members(self.value(self.value(entry, f"{_MF}action"), f"{_HT}requests"))

    def request(self, node: object) -> Request:
        path = self.value(node, f"{_HT}absolutePath").value
        assert path.startswith(_ENDPOINT), path
        response = self.value(node, f"{_HT}resp")
        statuses = self.values(response, f"{_MF}expectedStatus")
        form = self.value(response, f"{_MF}expectedFormat")
        boolean = self.value(response, f"{_MF}expectedBoolean")
        return Request(
            self.value(node, f"{_HT}methodName").value,
            path.removeprefix(_ENDPOINT),
            dict(self._headers(node)),
            self._body(self.value(node, f"{_HT}body")),
            frozenset(status.value.rpartition("StatusCode")[2][0] for status in statuses),
            form.value if form is not None else None,
            boolean.value == "true" if boolean is not None else None,
        )

    def _headers(self, request: object) -> Iterator[tuple[str, str]]:
        head = self.value(request, f"{_HT}headers")
        for header in self.members(head) if head is not None else ():
            name, value = (self.value(header, f"{_HT}field{end}") for end in ("Name", "Value"))
            yield name.value, value.value

    def _body(self, body: object) -> bytes | None:
        if body is None:
            return None
        encoding = self.value(body, f"{_CNT}characterEncoding").value
        return self.value(body, f"{_CNT}chars").value.encode(encoding)


def send(endpoint: str, request: Request) -> Response:
    """Send a request with its own headers alone, which clients for people would add to."""
    place = urlsplit(endpoint)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=60)
    try:
        connection.putrequest(
            request.method, place.path + request.parameters, skip_accept_encoding=True
        )
        for name, value in request.headers.items():
            connection.putheader(name, value)
        if request.body is not None:
            connection.putheader("Content-Length", str(len(request.body)))
        connection.endheaders(request.body)
        response = connection.getresponse()
        return Response(response.status, response.msg, response.read())
    finally:
        connection.close()
