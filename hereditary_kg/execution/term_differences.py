"""Terms that people take for the same, and what keeps them apart.

Two members that mean the same thing often write it differently: ``http`` and ``https``, a
number and its digits as a text, a label with and without its language tag. Joins and filters
compare terms, so nothing matches, and nothing says why.
"""

import difflib
import re
from collections.abc import Iterable
from urllib.parse import unquote

from hereditary_kg.rdf.terms import IRI, RDF_LANG_STRING, XSD, XSD_STRING, Literal, Term, parse_term

__all__ = ["find_near_pair", "local_name", "name_difference", "nearest_names"]

_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*://(?:www\.)?", re.IGNORECASE)
_CODE = re.compile(r"\d{3}")
_SIMILAR = 0.72
_NUMERIC = frozenset(
    XSD + name for name in ("integer", "decimal", "double", "float", "int", "long")
)


def local_name(iri: str) -> str:
    """Give the part of an IRI behind its namespace.

    >>> local_name("http://example.org/terms#age")
    'age'
    """
    return re.split(r"[#/:]", iri.rstrip("#/"))[-1]


def nearest_names(iri: str, known: Iterable[str], most: int = 3) -> tuple[str, ...]:
    """Give the known IRIs that may have been meant, the nearest first.

    Names are compared behind their namespaces, for those are long and alike. Codes with
    numbers are only found in another namespace: a code near another one means something else.
    """
    name = local_name(iri).casefold()
    ranked = []
    for other in known:
        theirs = local_name(other).casefold()
        if _plain(theirs) == _plain(name):
            likeness = 2.0
        elif _CODE.search(name):
            continue
        else:
            matcher = difflib.SequenceMatcher(None, name, theirs)
            if matcher.real_quick_ratio() < _SIMILAR or matcher.quick_ratio() < _SIMILAR:
                continue
            likeness = matcher.ratio()
        if likeness >= _SIMILAR and other != iri:
            beginning = iri[: len(iri) - len(name)]
            ranked.append((-likeness, not other.startswith(beginning), other))
    return tuple(other for _, _, other in sorted(ranked)[:most])


def find_near_pair(left: Iterable[str], right: Iterable[str]) -> tuple[str, str] | None:
    """Find a term on each side that people would take for the same one.

    Args:
        left: canonical texts of terms.
        right: the same of the other side, without any of ``left``.

    Returns:
        The first such pair, or None.
    """
    ours, theirs = sorted(set(left)), sorted(set(right))
    for key in (_spelling, _name):
        known = {found: text for text in reversed(theirs) if (found := key(parse_term(text)))}
        for text in ours:
            found = key(parse_term(text))
            if found in known and known[found] != text:
                return text, known[found]
    return None


def name_difference(left: str, right: str) -> str:
    """Say what keeps two terms apart that people would take for the same.

    Args:
        left: canonical text of a term.
        right: canonical text of another one.
    """
    match parse_term(left), parse_term(right):
        case IRI(ours), IRI(theirs):
            return _iri_difference(ours, theirs)
        case Literal() as ours, Literal() as theirs:
            return _literal_difference(ours, theirs)
        case (IRI(), Literal()) | (Literal(), IRI()):
            return "one is an IRI, the other a text"
        case _:
            return "one is a blank node, which no other member can have"


def _iri_difference(ours: str, theirs: str) -> str:
    schemes = [text.partition("://")[0] for text in (ours, theirs)]
    if ours.partition("://")[2] == theirs.partition("://")[2]:
        return f"they differ by {schemes[0]} and {schemes[1]} only"
    if ours.rstrip("/#") == theirs.rstrip("/#"):
        return "they differ by their last character only"
    if ours.casefold() == theirs.casefold():
        return "they differ by capital and small letters only"
    if _spelling(IRI(ours)) == _spelling(IRI(theirs)):
        return "they differ by their spelling only (such as http and https, # and /, or %-escapes)"
    return "they have the same name in different namespaces"


def _literal_difference(ours: Literal, theirs: Literal) -> str:
    if ours.language != theirs.language:
        return f"one {_kind(ours)}, the other {_kind(theirs)}"
    if ours.datatype != theirs.datatype:
        numeric = {ours.datatype, theirs.datatype} <= _NUMERIC
        told = f"one {_kind(ours)}, the other {_kind(theirs)}"
        return f"{told}: equal as numbers, but not the same term" if numeric else told
    if ours.lexical.casefold() == theirs.lexical.casefold():
        return "they differ by capital and small letters only"
    return "they differ by white space or punctuation only"


def _kind(literal: Literal) -> str:
    if literal.language is not None:
        return f"has the language tag @{literal.language}"
    if literal.datatype == XSD_STRING:
        return "is a plain text"
    if literal.datatype.startswith(XSD):
        return f"is an xsd:{literal.datatype.removeprefix(XSD)}"
    return f"is a <{literal.datatype}>"


def _spelling(term: Term) -> str:
    """Write a term without what people do not see in it."""
    match term:
        case IRI(value):
            return _SCHEME.sub("", unquote(value)).replace("#", "/").rstrip("/").casefold()
        case Literal(lexical, datatype, _) if datatype in (XSD_STRING, RDF_LANG_STRING):
            return _SCHEME.sub("", " ".join(lexical.split())).casefold()
        case Literal(lexical):
            return lexical.strip().casefold()
        case _:
            return ""


def _name(term: Term) -> str:
    """Write a term without its namespace, as in ``HP:0001250`` for an IRI of OBO's."""
    match term:
        case IRI(value):
            return _plain(local_name(unquote(value)).casefold())
        case Literal(lexical):
            return _plain(lexical.strip().casefold()) if _CODE.search(lexical) else ""
        case _:
            return ""


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name)
