"""OWL in functional syntax and OWL/XML, read by py-horned-owl."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from hereditary_kg.semantics.errors import UnreadableFileError
from hereditary_kg.semantics.readers.rdf import OWL, RDF_TYPE, RDFS, Value, read_triples
from hereditary_kg.semantics.readers.reading import Reading
from hereditary_kg.semantics.readers.sources import decode, line_of

__all__ = ["read_owl"]

_NAMES = {"ofn": "OWL in functional syntax", "owx": "OWL/XML"}


def read_owl(
    path: Path,
    content: bytes,
    syntax: Literal["ofn", "owx"],
    prefixes: dict[str, str] | None = None,
) -> Reading:
    """Read an ontology.

    Args:
        path: for messages.
        content: the file.
        syntax: ``ofn`` for functional syntax, ``owx`` for OWL/XML.
        prefixes: prefixes beside those that the file declares.

    Raises:
        UnreadableFileError: it is not of that syntax.
    """
    import pyhornedowl  # noqa: PLC0415

    text = decode(path, content)
    try:
        ontology = pyhornedowl.open_ontology_from_string(text, syntax)
    except ValueError as error:
        place, reason = _explained(path, content, str(error))
        raise UnreadableFileError(place, f"it is not {_NAMES[syntax]}: {reason}.") from error
    declared = dict(re.findall(r"Prefix\(\s*([\w.-]+):\s*=\s*<([^>]*)>", text))
    # The library gives axioms in no order.
    triples = sorted(_triples(ontology), key=repr)
    return read_triples(path, triples, declared | (prefixes or {}))


def _explained(path: Path, content: bytes, message: str) -> tuple[str, str]:
    """Take place and reason out of what py-horned-owl prints of its parsers' errors."""
    position = re.search(r"line_col: Pos\(\((\d+), (\d+)\)\)", message)
    expected = re.search(r"positives: \[([^\]]*)\]", message)
    if position:
        reason = f"expected {expected[1]}" if expected and expected[1] else "it cannot be parsed"
        return f"{path}:{position[1]}:{position[2]}", reason
    offset = re.search(r"(?:BytePosition|Pos)\((\d+)\)", message)
    place = f"{path}:{line_of(content, int(offset[1]))}" if offset else str(path)
    return place, message.removeprefix("Failed to open ontology: ")


def _triples(ontology: Any) -> Iterator[tuple[str, str, Value]]:
    """Give what is said of named classes as the triples that OWL's mapping to RDF gives."""
    iri = ontology.get_iri()
    about = str(iri) if iri else "_:ontology"
    yield about, RDF_TYPE, Value(f"{OWL}Ontology")
    version = ontology.get_version_iri()
    if version:
        yield about, f"{OWL}versionIRI", Value(str(version))
    for component in ontology.get_components():
        axiom = component.component
        match type(axiom).__name__:
            case "OntologyAnnotation":
                annotation = axiom.first
                yield about, str(annotation.ap.first), _value(annotation.av)
            case "DeclareClass":
                yield str(axiom.first.first), RDF_TYPE, Value(f"{OWL}Class")
            case "SubClassOf":
                yield from _superclass(_name(axiom.sub), axiom.sup)
            case "EquivalentClasses" | "DisjointClasses" as kind:
                predicate = f"{OWL}{'equivalentClass' if kind[0] == 'E' else 'disjointWith'}"
                names = [name for each in axiom.first if (name := _name(each))]
                for place, one in enumerate(names):
                    yield from ((one, predicate, Value(other)) for other in names[place + 1 :])
            case "AnnotationAssertion":
                yield str(axiom.subject), str(axiom.ann.ap.first), _value(axiom.ann.av)


def _superclass(child: str | None, parent: Any) -> Iterator[tuple[str, str, Value]]:
    """Give a named superclass, or a restriction with a named property and class."""
    name = _name(parent)
    if child and name:
        yield child, f"{RDFS}subClassOf", Value(name)
    elif child and type(parent).__name__ == "ObjectSomeValuesFrom":
        relation, filler = parent.ope, _name(parent.bce)
        if type(relation).__name__ == "ObjectProperty" and filler:
            node = f"_:{relation.first} some {filler}"
            yield child, f"{RDFS}subClassOf", Value(node)
            yield node, f"{OWL}onProperty", Value(str(relation.first))
            yield node, f"{OWL}someValuesFrom", Value(filler)


def _name(expression: Any) -> str | None:
    """Give the IRI of a named class."""
    return str(expression.first) if type(expression).__name__ == "Class" else None


def _value(value: Any) -> Value:
    name = type(value).__name__
    if "Literal" in name:
        return Value(value.literal, literal=True, language=getattr(value, "lang", "") or "")
    return Value(str(value) if name != "AnonymousIndividual" else f"_:{value.first}")
