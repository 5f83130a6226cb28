"""Terms as people read them: short IRIs, plain literals, nothing that a terminal obeys."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from hereditary_kg.rdf.terms import IRI, XSD, Literal, parse_term

__all__ = ["DisplayedTerm", "cut_text", "display_term", "shorten_iri", "tame_text"]

_LOCAL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_-])?")
# Control characters, and those that turn the direction of what follows.
_COMMANDS = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]+")
_NUMBERS = frozenset(
    XSD + name for name in ("integer", "decimal", "double", "float", "int", "long", "short")
)


@dataclass(frozen=True)
class DisplayedTerm:
    """A term made ready for a table.

    Attributes:
        text: what is shown.
        is_number: whether it belongs to the right of its column.
        keeps_end: whether its end says more than its beginning, where it must be cut.
        language: its language tag, or None.
    """

    text: str
    is_number: bool = False
    keeps_end: bool = False
    language: str | None = None


def display_term(text: str | None, prefixes: Mapping[str, str]) -> DisplayedTerm:
    """Make a canonical term ready for a table; unbound is empty."""
    if text is None:
        return DisplayedTerm("")
    match parse_term(text):
        case IRI(value):
            return DisplayedTerm(tame_text(shorten_iri(value, prefixes)), keeps_end=True)
        case Literal(lexical, datatype, language):
            return DisplayedTerm(tame_text(lexical), datatype in _NUMBERS, language=language)
        case _:
            return DisplayedTerm(text, keeps_end=True)


def shorten_iri(iri: str, prefixes: Mapping[str, str]) -> str:
    """Write an IRI with the prefix of the longest namespace that fits, else in angles.

    >>> shorten_iri("http://example.org/a1", {"ex": "http://example.org/"})
    'ex:a1'
    """
    for namespace, prefix in _by_length(tuple(prefixes.items())):
        if iri.startswith(namespace) and _LOCAL.fullmatch(iri, len(namespace)):
            return f"{prefix}:{iri[len(namespace) :]}"
    return f"<{iri}>"


def cut_text(text: str, width: int, *, keep_end: bool = False) -> str:
    """Cut a text to so many terminal columns, at its beginning if its end is to stay.

    >>> cut_text("<http://example.org/a1>", 10, keep_end=True)
    '<….org/a1>'
    """
    from rich.cells import cell_len, set_cell_size

    if cell_len(text) <= width:
        return text
    if not keep_end:
        return set_cell_size(text, max(0, width - 1)).rstrip() + "…"
    head = "<…" if text.startswith("<") else "…"
    while cell_len(head + text) > width and text:
        text = text[1:]
    return head + text


@lru_cache(maxsize=8)
def _by_length(prefixes: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    pairs = ((namespace, prefix) for prefix, namespace in prefixes if namespace)
    return tuple(sorted(pairs, key=lambda pair: (-len(pair[0]), pair[1])))


def tame_text(text: str) -> str:
    """Take out what a terminal would obey."""
    return _COMMANDS.sub(" ", text)
