"""Reading requests of the SPARQL 1.1 Protocol.

Source: SPARQL 1.1 Protocol, section 2.1 (query operation).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import parse_qsl

from aiohttp import web

from hereditary_kg.rdf.media_types import essence

__all__ = ["QueryRequest", "ServiceError", "read_query_request"]

_FORM = "application/x-www-form-urlencoded"
_QUERY = "application/sparql-query"
_UPDATE = "application/sparql-update"

# Plain ASCII is UTF-8 too, and some clients name it.
_UTF_8 = {"utf-8", "utf8", "us-ascii", "ascii"}

_ABSOLUTE_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^<>\"{}|^`\\\x00-\x20]*")

_PROTOCOL_PARAMETERS = {"query", "update", "default-graph-uri", "named-graph-uri"}

_Parameters: TypeAlias = Sequence[tuple[str, str]]


class ServiceError(Exception):
    """A request is answered by an error.

    Attributes:
        status: the HTTP status.
        text: what the asker reads, as plain text.
        headers: further headers.
    """

    def __init__(self, status: int, text: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.headers = dict(headers or {})


@dataclass(frozen=True)
class QueryRequest:
    """A query as the protocol delivers it.

    Attributes:
        query: the text.
        default_graphs: IRIs whose merge is the default graph; with ``named_graphs`` they
            override the query's own FROM and FROM NAMED.
        named_graphs: IRIs of the named graphs.
        accept: the Accept header; None where there is none.
        base: what relative IRIs in the query are relative to, where it has no BASE: the
            endpoint's own URL (RFC 3986, section 5.1.3).
        options: parameters that the protocol does not know, such as an endpoint's own, the last
            value of each; those in the URL of a POST count too.
    """

    query: str
    default_graphs: tuple[str, ...] = field(default=())
    named_graphs: tuple[str, ...] = field(default=())
    accept: str | None = None
    base: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)


async def read_query_request(request: web.Request) -> QueryRequest | None:
    """Read the query out of an HTTP request.

    Returns:
        The query; None for a GET or HEAD without one, which asks for the service description.

    Raises:
        ServiceError: 400, 413 or 415, with a text that says what is wrong.
    """
    in_url = _parse_parameters(request.rel_url.raw_query_string, "URL")
    if request.method in {"GET", "HEAD"}:
        if not in_url:
            return None
        return _build(request, in_url, None, in_url)
    media_type = essence(request.headers.get("Content-Type", ""))
    if media_type == _FORM:
        in_form = _parse_parameters(await _read_text(request), "form")
        return _build(request, in_form, None, [*in_url, *in_form])
    if media_type == _QUERY:
        charset = request.charset or "utf-8"
        if charset.lower() not in _UTF_8:
            raise ServiceError(415, f"A query is UTF-8 text (section 2.1.3), not {charset}.")
        return _build(request, in_url, await _read_text(request), in_url)
    if media_type == _UPDATE:
        raise ServiceError(
            400, "This endpoint only answers queries; it takes no SPARQL 1.1 Update."
        )
    raise ServiceError(
        415,
        f"POST a query as {_QUERY} or as a form ({_FORM}), not as {media_type or 'nothing'}.",
        {"Accept-Post": f"{_QUERY}, {_FORM}"},
    )


def _build(
    request: web.Request, parameters: _Parameters, body: str | None, options: _Parameters
) -> QueryRequest:
    names = [name for name, _ in parameters]
    if "update" in names:
        raise ServiceError(
            400, "This endpoint only answers queries; it takes no SPARQL 1.1 Update."
        )
    queries = [value for name, value in parameters if name == "query"]
    if body is not None:
        queries.append(body)
    if len(queries) != 1:
        raise ServiceError(
            400,
            "The parameter 'query' is missing."
            if not queries
            else f"There must be one query, and here are {len(queries)}.",
        )
    return QueryRequest(
        query=queries[0],
        default_graphs=_graphs(parameters, "default-graph-uri"),
        named_graphs=_graphs(parameters, "named-graph-uri"),
        accept=", ".join(request.headers.getall("Accept", [])) or None,
        options={name: value for name, value in options if name not in _PROTOCOL_PARAMETERS},
    )


def _graphs(parameters: _Parameters, name: str) -> tuple[str, ...]:
    # Forms in browsers send their empty fields too.
    graphs = tuple(dict.fromkeys(value for key, value in parameters if key == name and value))
    for graph in graphs:
        if not _ABSOLUTE_IRI.fullmatch(graph):
            raise ServiceError(400, f"The parameter '{name}' must hold an absolute IRI.")
    return graphs


def _parse_parameters(text: str, where: str) -> _Parameters:
    try:
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=1000)
    except (UnicodeDecodeError, ValueError) as error:
        raise ServiceError(400, f"The parameters in the {where} cannot be decoded.") from error


async def _read_text(request: web.Request) -> str:
    try:
        body = await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise ServiceError(413, "The request's body is larger than this endpoint takes.") from error
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise ServiceError(400, "The request's body is not UTF-8 text.") from error
