r"""RDF terms and their one canonical text.

Everywhere in this package a term travels as text: its N-Triples form with exactly five
escapes in literals (``\t``, ``\n``, ``\r``, ``\"`` and ``\\``), every other character as
itself, ``xsd:string`` left out, and the language tag in lower case. Two terms are the same
RDF term exactly when their canonical texts are the same string, so joins are string joins.

Source: RDF 1.1 Concepts, section 3; RDF 1.1 N-Triples, section 3.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from hereditary_kg.rdf.errors import RdfError

__all__ = [
    "IRI",
    "RDF_LANG_STRING",
    "RDF_TYPE",
    "XSD",
    "XSD_STRING",
    "BlankNode",
    "Literal",
    "Term",
    "TermError",
    "escape_literal",
    "parse_term",
    "unescape_literal",
]

XSD = "http://www.w3.org/2001/XMLSchema#"
XSD_STRING = XSD + "string"
RDF_LANG_STRING = "http://www.w3.org/1999/02/22-rdf-syntax-ns#langString"
RDF_TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"


class TermError(RdfError):
    """A text is not an RDF term in N-Triples form."""


_ESCAPES = {"\t": "\\t", "\n": "\\n", "\r": "\\r", '"': '\\"', "\\": "\\\\"}
_ESCAPE_TABLE = str.maketrans(_ESCAPES)
_ECHAR = {"t": "\t", "b": "\b", "n": "\n", "r": "\r", "f": "\f", '"': '"', "'": "'", "\\": "\\"}
_ESCAPED = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))", re.DOTALL)


def escape_literal(lexical: str) -> str:
    """Write a lexical form as it stands between quotes in canonical text."""
    return lexical.translate(_ESCAPE_TABLE)


def unescape_literal(text: str) -> str:
    r"""Undo every escape that N-Triples and Turtle allow (``\n``, ``\b``, ``\u00e9`` …)."""
    if "\\" not in text:
        return text

    def replace(match: re.Match[str]) -> str:
        code = match.group(1) or match.group(2)
        if code:
            return chr(int(code, 16))
        try:
            return _ECHAR[match.group(3)]
        except KeyError as error:
            raise TermError(f"unknown escape \\{match.group(3)} in {text!r}") from error

    return _ESCAPED.sub(replace, text)


@dataclass(frozen=True)
class IRI:
    """An absolute IRI."""

    value: str

    @cached_property
    def text(self) -> str:
        """The canonical text."""
        return f"<{self.value}>"

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class BlankNode:
    """A blank node; its label means something only inside one member."""

    label: str

    @cached_property
    def text(self) -> str:
        """The canonical text."""
        return f"_:{self.label}"

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Literal:
    """A literal: lexical form, datatype IRI and, for language-tagged strings, the tag."""

    lexical: str
    datatype: str = XSD_STRING
    language: str | None = None

    def __post_init__(self) -> None:
        """Bring the language tag to lower case and set its datatype."""
        if self.language is not None:
            object.__setattr__(self, "language", self.language.lower())
            object.__setattr__(self, "datatype", RDF_LANG_STRING)

    @cached_property
    def text(self) -> str:
        """The canonical text."""
        quoted = f'"{escape_literal(self.lexical)}"'
        if self.language is not None:
            return f"{quoted}@{self.language}"
        if self.datatype == XSD_STRING:
            return quoted
        return f"{quoted}^^<{self.datatype}>"

    def __str__(self) -> str:
        return self.text


Term: TypeAlias = IRI | BlankNode | Literal

_TERM = re.compile(
    r"""<(?P<iri>[^<>"{}|^`\x00-\x20]*)>
      | _:(?P<label>\S+)
      | "(?P<lexical>(?:[^"\\]|\\.)*)"
        (?:@(?P<language>[A-Za-z]+(?:-[A-Za-z0-9]+)*) | \^\^<(?P<datatype>[^<>\s]*)>)?""",
    re.VERBOSE | re.DOTALL,
)


def parse_term(text: str) -> Term:
    """Read one term from its N-Triples text.

    Raises:
        TermError: the text is no such term.

    >>> parse_term('"5"^^<http://www.w3.org/2001/XMLSchema#integer>').lexical
    '5'
    """
    match = _TERM.fullmatch(text)
    if match is None:
        raise TermError(f"not an RDF term in N-Triples form: {text!r}")
    if match["iri"] is not None:
        return IRI(unescape_literal(match["iri"]))
    if match["label"] is not None:
        return BlankNode(match["label"])
    lexical = unescape_literal(match["lexical"])
    return Literal(lexical, match["datatype"] or XSD_STRING, match["language"])
