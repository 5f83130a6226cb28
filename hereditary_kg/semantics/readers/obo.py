"""OBO 1.4, read by fastobo.

Source: https://owlcollab.github.io/oboformat/doc/obo-syntax.html. Only asserted ``is_a`` is
hierarchy: releases are classified already, and an ``intersection_of`` may name a farther ancestor.
``relationship: part_of`` is kept apart from it.
"""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hereditary_kg.semantics.errors import UnreadableFileError
from hereditary_kg.semantics.readers.reading import Document, Draft, Reading, assemble, is_part_of
from hereditary_kg.semantics.readers.sources import decode

__all__ = ["read_obo"]

_MATCHES = frozenset(
    f"skos:{name}Match" for name in ("exact", "broad", "narrow", "close", "related")
)

_TERMS_OF = {"is_a": "parents", "disjoint_from": "disjoint", "replaced_by": "replaced_by"}


def read_obo(path: Path, content: bytes, prefixes: dict[str, str] | None = None) -> Reading:
    """Read an OBO file.

    Identifiers that a term has taken over (``alt_id``) become obsolete terms that are replaced by
    it, as in OBO's translation to OWL.

    Raises:
        UnreadableFileError: it is not OBO; line and column are named.
    """
    import fastobo  # noqa: PLC0415

    text = decode(path, content)
    try:
        document = fastobo.load(io.BytesIO(text.encode()))
    except SyntaxError as error:
        place = f"{path}:{error.lineno}" if error.lineno else str(path)
        raise UnreadableFileError(place, f"it is not OBO: {error.msg}.") from error
    except (ValueError, OSError) as error:
        raise UnreadableFileError(str(path), f"it is not OBO: {error}.") from error
    described = _described(path, document.header, prefixes or {})
    lines = _lines(text)
    drafts = [
        draft
        for frame in document
        if isinstance(frame, fastobo.term.TermFrame)
        for draft in _drafts(frame, lines)
    ]
    return assemble(drafts, described)


def _lines(text: str) -> dict[str, Iterator[int]]:
    """Identifier -> the lines in which terms of it begin, in order."""
    found: dict[str, list[int]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("id:"):
            found.setdefault(line[3:].split("!")[0].strip(), []).append(number)
    return {name: iter(numbers) for name, numbers in found.items()}


def _described(path: Path, header: Any, prefixes: dict[str, str]) -> Document:
    version = title = licence = iri = ""
    for clause in header:
        tag, value = clause.raw_tag(), clause.raw_value()
        if tag == "data-version":
            version = value
        elif tag == "ontology":
            iri = f"http://purl.obolibrary.org/obo/{value.removesuffix('.obo')}.owl"
        elif tag == "idspace":
            prefix, _, rest = value.partition(" ")
            prefixes.setdefault(prefix, rest.split(" ")[0])
        elif tag == "property_value":
            relation, _, rest = value.partition(" ")
            literal = re.sub(r'^"(.*)"( \S+)?$', r"\1", rest)
            if relation.endswith(("title", "/title")):
                title = literal
            elif relation.endswith("license"):
                licence = literal
    return Document(path.name, _release(version), title, licence, iri, prefixes)


def _release(version: str) -> str:
    """Take the date out of hp/releases/2025-01-16 and the like."""
    date = re.search(r"\d{4}-\d{2}-\d{2}", version)
    return date[0] if date else version


def _drafts(frame: Any, lines: dict[str, Iterator[int]]) -> Iterator[Draft]:
    draft = Draft(_text(frame.id))
    draft.line = next(lines.get(str(frame.id), iter(())), None)
    alternatives = []
    for clause in frame:
        match clause.raw_tag():
            case "name":
                draft.label = clause.name
            case "def":
                draft.definition = clause.definition
            case "synonym":
                draft.synonyms.append((clause.synonym.desc, clause.synonym.scope.lower()))
            case "is_a" | "disjoint_from" | "replaced_by" as tag:
                getattr(draft, _TERMS_OF[tag]).append(_text(clause.term))
            case "relationship" if is_part_of(_text(clause.typedef)):
                draft.wholes.append(_text(clause.term))
            case "is_obsolete":
                draft.obsolete = clause.obsolete
            case "alt_id":
                alternatives.append(_text(clause.alt_id))
            case "xref":
                draft.mappings.append(("oboInOwl:hasDbXref", _text(clause.xref.id)))
            case "equivalent_to":
                draft.mappings.append(("owl:equivalentClass", _text(clause.term)))
            case "property_value":
                _add_property(draft, clause.property_value)
    yield draft
    for name in alternatives:
        yield Draft(name, obsolete=True, replaced_by=[draft.id], line=draft.line, implied=True)


def _add_property(draft: Draft, pair: Any) -> None:
    relation, value = _text(pair.relation), pair.value
    predicate = relation.replace("http://www.w3.org/2004/02/skos/core#", "skos:")
    if predicate in _MATCHES:
        draft.mappings.append((predicate, value if isinstance(value, str) else _text(value)))


def _text(identifier: Any) -> str:
    """Give an identifier as it is meant, without OBO's escapes."""
    if hasattr(identifier, "prefix"):
        return f"{identifier.prefix}:{identifier.local}"
    return str(getattr(identifier, "unescaped", identifier))
