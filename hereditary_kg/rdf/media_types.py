"""The formats of results and of graphs, their media types, and content negotiation.

Source: SPARQL 1.1 Query Results JSON, XML, CSV and TSV Formats; RDF 1.1 Turtle, N-Triples,
XML Syntax; JSON-LD 1.1; RFC 9110, section 12.5.1 (Accept).
"""

import difflib
import re
from collections.abc import Sequence
from enum import Enum
from typing import Self, TypeVar

from hereditary_kg.rdf.errors import UnknownFormatError

__all__ = ["Format", "GraphFormat", "ResultFormat", "essence", "negotiate"]


class Format(Enum):
    """A format that documents are written in.

    Attributes:
        value: the short name, ``json`` or ``turtle``.
        media_type: the registered media type, which answers carry.
        other_media_types: further media types by which clients ask for the format.
        extensions: usual file extensions with their dot, the first one preferred.
    """

    media_type: str
    other_media_types: tuple[str, ...]
    extensions: tuple[str, ...]

    def __new__(
        cls,
        name: str,
        media_type: str,
        other_media_types: tuple[str, ...],
        extensions: tuple[str, ...],
    ) -> Self:
        """Make a member whose value is its short name."""
        member = object.__new__(cls)
        member._value_ = name
        member.media_type = media_type
        member.other_media_types = other_media_types
        member.extensions = extensions
        return member

    @classmethod
    def named(cls, name: str | Self) -> Self:
        """Find a format by its short name or file extension (with or without the dot).

        A format is given back as it is, so that functions can take either.

        Raises:
            UnknownFormatError: there is none; the message lists those nearest to it.

        >>> GraphFormat.named("ttl")
        <GraphFormat.TURTLE: 'turtle'>
        """
        if isinstance(name, cls):
            return name
        wanted = str(name).lower().removeprefix(".")
        known: dict[str, Self] = {}
        for member in cls:
            for spelling in (member.value, *member.extensions):
                known.setdefault(spelling.removeprefix("."), member)
        if wanted in known:
            return known[wanted]
        near = difflib.get_close_matches(wanted, known) or [member.value for member in cls]
        raise UnknownFormatError(f"unknown format {name!r}; did you mean {' or '.join(near)}?")

    @classmethod
    def of_media_type(cls, content_type: str) -> Self | None:
        """Find the format of a Content-Type, whatever its parameters; None if there is none."""
        wanted = essence(content_type)
        for member in cls:
            if wanted == member.media_type or wanted in member.other_media_types:
                return member
        return None


class ResultFormat(Format):
    """The formats of solution sequences and booleans."""

    JSON = ("json", "application/sparql-results+json", ("application/json",), (".json", ".srj"))
    XML = (
        "xml",
        "application/sparql-results+xml",
        ("application/xml", "text/xml"),
        (".xml", ".srx"),
    )
    TSV = ("tsv", "text/tab-separated-values", (), (".tsv",))
    CSV = ("csv", "text/csv", (), (".csv",))


class GraphFormat(Format):
    """The formats of graphs."""

    TURTLE = ("turtle", "text/turtle", ("application/x-turtle",), (".ttl",))
    NTRIPLES = ("ntriples", "application/n-triples", ("text/plain",), (".nt",))
    JSONLD = ("jsonld", "application/ld+json", (), (".jsonld",))
    RDFXML = ("rdfxml", "application/rdf+xml", (), (".rdf", ".owl"))


_FormatT = TypeVar("_FormatT", bound=Format)

# Commas and semicolons inside quoted parameter values separate nothing.
_ELEMENT = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*")+')
_PARAMETER = re.compile(r'(?:[^;"]|"(?:[^"\\]|\\.)*")+')
_RANGE = re.compile(r"[\w!#$%&'*+.^`|~-]+/[\w!#$%&'*+.^`|~-]+")
_WEIGHT = re.compile(r"0(?:\.\d*)?|1(?:\.0*)?")


def essence(content_type: str) -> str:
    """Give a media type in lower case and without its parameters.

    >>> essence("Text/Turtle; charset=UTF-8")
    'text/turtle'
    """
    return content_type.partition(";")[0].strip().lower()


def negotiate(accept: str | None, offered: Sequence[_FormatT]) -> _FormatT | None:
    """Choose the offered format that an Accept header prefers.

    The highest weight wins; at equal weights the one that is named more exactly; then the one
    offered first. ``q=0`` excludes. A format's further media types count only where the header
    names them (``text/*`` asks for no ``text/xml`` that would arrive under another name).
    Parameters other than ``q`` are passed over, malformed elements of the header too.

    Args:
        accept: the header's value; None and empty stand for ``*/*``.
        offered: the formats to choose from, the preferred one first.

    Returns:
        The format, or None where the header accepts none of them (answer 406).

    >>> negotiate("text/csv;q=0.5, text/*", list(ResultFormat))
    <ResultFormat.TSV: 'tsv'>
    """
    if accept is None or not accept.strip():
        return offered[0] if offered else None
    weights = _read_accept(accept)
    best: _FormatT | None = None
    best_rank = (0.0, 0)
    for candidate in offered:
        rank = _rank(candidate, weights)
        if rank[0] > 0 and rank > best_rank:
            best, best_rank = candidate, rank
    return best


def _read_accept(accept: str) -> dict[str, float]:
    """Read the weights of the media ranges that a header names; the highest of a range's."""
    weights: dict[str, float] = {}
    for element in _ELEMENT.findall(accept):
        media_range, *parameters = (part.strip() for part in _PARAMETER.findall(element))
        weight = 1.0
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.strip().lower() == "q":
                match = _WEIGHT.fullmatch(value.strip())
                weight = float(match.group()) if match else -1.0
                break
        media_range = media_range.lower()
        if weight >= 0 and _RANGE.fullmatch(media_range):
            weights[media_range] = max(weight, weights.get(media_range, 0.0))
    return weights


def _rank(candidate: Format, weights: dict[str, float]) -> tuple[float, int]:
    """Give the weight of a format and how exactly it was named (2 type, 1 ``type/*``, 0)."""
    kind = candidate.media_type.partition("/")[0]
    rank = (0.0, 0)
    for specificity, media_range in ((2, candidate.media_type), (1, f"{kind}/*"), (0, "*/*")):
        if media_range in weights:
            rank = (weights[media_range], specificity)
            break
    if weights.get(candidate.media_type) == 0:
        return rank
    others = [(weights[other], 2) for other in candidate.other_media_types if other in weights]
    return max([rank, *others])
