"""Saved queries, and which codes they ask for.

A code stands in a query as an IRI, as a prefixed name, or as the text of a literal; whether the
query counts what is narrower, it says in too many ways to tell from its text, so that whoever asks
what a query depends on takes what is below its codes as well.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hereditary_kg.semantics.errors import IdentifierError, UnreadableFileError
from hereditary_kg.semantics.hub import Hub
from hereditary_kg.semantics.identifiers import normalise
from hereditary_kg.sparql.errors import SparqlError
from hereditary_kg.sparql.lexing import Token, read_tokens

__all__ = ["SavedQuery", "codes_below", "codes_of_query", "read_saved_queries"]

_NO_CODES = frozenset({"rdf", "rdfs", "owl", "xsd", "skos", "sssom", "semapv", "oboInOwl", "IAO"})
"""Vocabularies of what a query is written with, and not of what it asks for."""


@dataclass(frozen=True)
class SavedQuery:
    """A query that somebody keeps.

    Attributes:
        name: of its file, without the extension.
        codes: the codes that it names, as canonical CURIEs.
    """

    name: str
    codes: frozenset[str] = field(default_factory=frozenset)


def read_saved_queries(directory: Path) -> tuple[SavedQuery, ...]:
    """Read the queries (``.rq``, ``.sparql``) of a directory and those below it, by their names.

    Raises:
        UnreadableFileError: there is no such directory, or a file is no text in SPARQL's tokens.
    """
    if not directory.is_dir():
        raise UnreadableFileError(
            str(directory), "there is no such directory.", "Name one with .rq files."
        )
    paths = sorted(each for each in directory.rglob("*") if each.suffix in {".rq", ".sparql"})
    return tuple(_read(path, directory) for path in paths)


def _read(path: Path, directory: Path) -> SavedQuery:
    name = path.relative_to(directory).with_suffix("").as_posix()
    try:
        return SavedQuery(name, codes_of_query(path.read_text(encoding="utf-8")))
    except (SparqlError, UnicodeDecodeError, OSError) as error:
        raise UnreadableFileError(str(path), f"it is no query: {error}") from error


def codes_of_query(text: str) -> frozenset[str]:
    """Find the codes that a query names.

    Args:
        text: SPARQL.

    Raises:
        SparqlSyntaxError: something in it is no token of SPARQL.
    """
    tokens = read_tokens(text)
    prefixes, rest = _parted(tokens)
    found: set[str] = set()
    for token in rest:
        try:
            code = normalise(_identifier(token, prefixes))
        except IdentifierError:
            continue
        if code.partition(":")[0] not in _NO_CODES:
            found.add(code)
    return frozenset(found)


def _parted(tokens: Iterable[Token]) -> tuple[Mapping[str, str], list[Token]]:
    """Part a query into its prefixes and the tokens that may be codes."""
    prefixes: dict[str, str] = {}
    rest: list[Token] = []
    before: list[Token] = []
    for token in tokens:
        match [*(each.kind for each in before[-2:]), token.kind]:
            case ["word", "name", "iri"] if before[-2].text.casefold() == "prefix":
                prefixes[before[-1].text] = token.text[1:-1]
                rest.pop()
            case _ if token.kind in {"iri", "name", "string"}:
                rest.append(token)
        before.append(token)
    return prefixes, rest


def _identifier(token: Token, prefixes: Mapping[str, str]) -> str:
    if token.kind == "iri":
        return token.text[1:-1]
    if token.kind == "string":
        return token.text.strip("'\"")
    head, _, local = token.text.partition(":")
    namespace = prefixes.get(f"{head}:")
    return token.text if namespace is None else namespace + local.replace("\\", "")


def codes_below(hub: Hub, codes: Iterable[str]) -> frozenset[str]:
    """Give codes with all that are the same or narrower, of all vocabularies of a hub."""
    seen: set[str] = set()
    front = set(codes)
    while front:
        same = {name for code in front for name in hub.exact(code)} - seen
        seen |= same
        front = set(_narrower(hub, same)) - seen
    return frozenset(seen)


def _narrower(hub: Hub, codes: Iterable[str]) -> Iterator[str]:
    return (step.end for code in codes for step in hub.narrower(code))
