"""SPARQL text with short terms, to be read by people: prefixed names, plain numbers."""

import re
from collections.abc import Mapping

from hereditary_kg.rdf.terms import XSD
from hereditary_kg.sparql.algebra import Variable

__all__ = ["shorten_terms"]

_NUMBER = re.compile(rf'"([+-]?\d+(?:\.\d+)?|true|false)"\^\^<{XSD}(?:integer|decimal|boolean)>')
_DATATYPE = re.compile(rf"\^\^<{XSD}(\w+)>")


def shorten_terms(text: str, prefixes: Mapping[str, str]) -> str:
    """Write IRIs, numbers and the variables that stand for nothing of the user's short.

    >>> shorten_terms("?a <urn:e:p> <urn:e:a/b>", {"ex": "urn:e:"})
    '?a ex:p <urn:e:a/b>'
    """
    text = text.replace(f"?{Variable.HIDDEN}", "?_")
    text = _NUMBER.sub(r"\1", text)
    text = _DATATYPE.sub(r"^^xsd:\1", text)
    for prefix, namespace in sorted(prefixes.items(), key=lambda item: (-len(item[1]), item[0])):
        text = _with_prefix(text, prefix, namespace)
    return text


def _with_prefix(text: str, prefix: str, namespace: str) -> str:
    start = "<" + namespace
    pieces = text.split(start)
    shortened = pieces[0]
    for piece in pieces[1:]:
        local, closing, behind = piece.partition(">")
        plain = closing and local.replace("_", "").replace("-", "").isalnum()
        shortened += f"{prefix}:{local}{behind}" if plain else start + piece
    return shortened
