"""SSSOM/RDF as Turtle.

Source: https://mapping-commons.github.io/sssom/spec-formats-rdf/, with the older forms that it
allows to be read.
"""

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyoxigraph as ox

from hereditary_kg.semantics.errors import IdentifierError, UnreadableFileError
from hereditary_kg.semantics.identifiers import iri_of, normalise
from hereditary_kg.semantics.sssom.json_format import mappings_frame, split_values
from hereditary_kg.semantics.sssom.mapping_set import ROW, MappingSet, parts
from hereditary_kg.semantics.sssom.slots import (
    BUILT_IN_PREFIXES,
    DATES,
    ENTITIES,
    ENTITY_TYPES,
    IRIS,
    MAPPING_SLOTS,
    MULTIVALUED,
    NUMBERS,
    PROPERTIES,
    SET_SLOTS,
)

__all__ = ["parse_turtle", "to_turtle"]

SSSOM = "https://w3id.org/sssom/"
XSD = "http://www.w3.org/2001/XMLSchema#"
RDF_TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
NOT = f"{SSSOM}NegatedPredicate"
_SLOTS = {PROPERTIES.get(name, SSSOM + name): name for name in (*SET_SLOTS, *MAPPING_SLOTS)} | {
    # What was written before the format had been specified.
    "http://purl.org/pav/authoredOn": "mapping_date",
    f"{SSSOM}subject_id": "subject_id",
    f"{SSSOM}predicate_id": "predicate_id",
    f"{SSSOM}object_id": "object_id",
}
_TYPES = {iri: name for name, iri in ENTITY_TYPES.items()}

_Node = ox.NamedNode | ox.BlankNode
_Facts = dict[str, dict[str, list[Any]]]


def parse_turtle(path: Path, content: bytes) -> MappingSet:
    """Read SSSOM/RDF.

    Raises:
        UnreadableFileError: it is not Turtle, or has not exactly one mapping set.
    """
    parser = ox.parse(content, ox.RdfFormat.TURTLE, base_iri=f"file:///{path.name}")
    facts: _Facts = {}
    try:
        for quad in parser:
            about = facts.setdefault(str(quad.subject), {})
            about.setdefault(quad.predicate.value, []).append(quad.object)
    except SyntaxError as error:
        place = f"{path}:{error.lineno}:{error.offset}" if error.lineno else str(path)
        raise UnreadableFileError(place, f"it is not Turtle: {error.msg}.") from error
    kind = ox.NamedNode(f"{SSSOM}MappingSet")
    sets = [name for name, said in facts.items() if kind in said.get(RDF_TYPE, ())]
    if len(sets) != 1:
        raise UnreadableFileError(str(path), f"it has {len(sets)} mapping sets, not one.")
    prefixes = {name: iri for name, iri in dict(parser.prefixes).items() if name}
    reading = _Reading(facts, prefixes)
    metadata = reading.slots(sets[0], properties={})
    properties = reading.extensions(sets[0])
    if sets[0].startswith("<"):
        metadata["mapping_set_id"] = sets[0][1:-1]
    if prefixes:
        metadata["curie_map"] = prefixes
    mappings = [
        reading.slots(str(node), properties) for node in facts[sets[0]].get(f"{SSSOM}mappings", ())
    ]
    return MappingSet(metadata, mappings_frame(mappings), path.name)


class _Reading:
    """Slots out of triples."""

    def __init__(self, facts: _Facts, prefixes: Mapping[str, str]) -> None:
        self.facts = facts
        merged = {**BUILT_IN_PREFIXES, **prefixes}
        self.namespaces = sorted(
            ((iri, name) for name, iri in merged.items()), key=lambda pair: -len(pair[0])
        )

    def slots(self, node: str, properties: Mapping[str, str]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if node.startswith("<"):
            found["record_id"] = self._curie(node[1:-1])
        for predicate, values in self.facts.get(node, {}).items():
            name = _SLOTS.get(predicate) or properties.get(predicate)
            # Columns that SSSOM does not have are kept under its namespace.
            if name is None and predicate.startswith(SSSOM):
                name = predicate.removeprefix(SSSOM)
            if name is None or name in {"extension_definitions", "mappings"}:
                continue
            texts = [self._text(name, value) for value in values]
            found[name] = sorted(texts) if name in MULTIVALUED else texts[0]
        if self.facts.get(node, {}).get(f"{SSSOM}mappings"):
            found.pop("record_id", None)
            definitions = list(self._definitions(node))
            if definitions:
                found["extension_definitions"] = definitions
        return found

    def _definitions(self, node: str) -> Iterator[dict[str, str]]:
        for value in self.facts[node].get(f"{SSSOM}extension_definitions", ()):
            said = self.facts.get(str(value), {})
            yield {
                name: self._text(name, said[SSSOM + name][0])
                for name in ("slot_name", "property", "type_hint")
                if SSSOM + name in said
            }

    def extensions(self, node: str) -> dict[str, str]:
        """Give the properties of extension slots with the slots' names."""
        found = {}
        for value in self.facts[node].get(f"{SSSOM}extension_definitions", ()):
            said = self.facts.get(str(value), {})
            name, about = said.get(f"{SSSOM}slot_name"), said.get(f"{SSSOM}property")
            if name and about:
                found[about[0].value] = name[0].value
        return found

    def _text(self, name: str, value: Any) -> str:
        if isinstance(value, ox.NamedNode):
            if value.value == NOT:
                return "Not"
            if name.endswith("_type") and value.value in _TYPES:
                return _TYPES[value.value]
            if name == "sssom_version":
                return value.value.removeprefix(f"{SSSOM}version")
            return value.value if name in IRIS else self._curie(value.value)
        return str(value.value)

    def _curie(self, iri: str) -> str:
        for start, prefix in self.namespaces:
            if iri.startswith(start) and len(iri) > len(start):
                return f"{prefix}:{iri[len(start) :]}"
        try:
            return normalise(iri)
        except IdentifierError:
            return iri


def to_turtle(mapping_set: MappingSet) -> bytes:
    """Write SSSOM/RDF as Turtle.

    Raises:
        IdentifierError: an identifier's prefix is neither declared nor known.
    """
    written = io.BytesIO()
    prefixes = dict(mapping_set.curie_map)
    ox.serialize(_triples(mapping_set), written, ox.RdfFormat.TURTLE, prefixes=prefixes)
    return written.getvalue()


def _triples(mapping_set: MappingSet) -> Iterator[ox.Triple]:
    iri = mapping_set.metadata.get("mapping_set_id")
    about: _Node = ox.NamedNode(str(iri)) if iri else ox.BlankNode("set")
    kind = ox.NamedNode(RDF_TYPE)
    yield ox.Triple(about, kind, ox.NamedNode(f"{SSSOM}MappingSet"))
    definitions = _definitions(mapping_set)
    for number, each in enumerate(definitions):
        node = ox.BlankNode(f"extension{number}")
        yield ox.Triple(about, ox.NamedNode(f"{SSSOM}extension_definitions"), node)
        for name, text in each.items():
            iri_text = None if name == "slot_name" else _expand(mapping_set, text)
            value = ox.NamedNode(iri_text) if iri_text else ox.Literal(text)
            yield ox.Triple(node, ox.NamedNode(SSSOM + name), value)
    properties = {
        each["slot_name"]: _expand(mapping_set, each["property"])
        for each in definitions
        if "property" in each
    }
    elsewhere = {"curie_map", "mapping_set_id", "extension_definitions"}
    for name, said in mapping_set.metadata.items():
        if name in SET_SLOTS and name not in elsewhere:
            yield from _facts(mapping_set, about, name, parts(said), properties)
    yield from _mapping_triples(mapping_set, about, properties)


def _definitions(mapping_set: MappingSet) -> list[dict[str, str]]:
    said = mapping_set.metadata.get("extension_definitions")
    each = said if isinstance(said, list) else []
    return [one for one in each if isinstance(one, dict) and "slot_name" in one]


def _mapping_triples(
    mapping_set: MappingSet, about: _Node, properties: Mapping[str, str]
) -> Iterator[ox.Triple]:
    kind = ox.NamedNode(RDF_TYPE)
    for number, row in enumerate(mapping_set.rows.iter_rows(named=True), 1):
        record = row.get("record_id")
        node: _Node = ox.BlankNode(f"m{number}")
        if record:
            node = ox.NamedNode(_expand(mapping_set, record))
        yield ox.Triple(about, ox.NamedNode(f"{SSSOM}mappings"), node)
        yield ox.Triple(node, kind, ox.NamedNode("http://www.w3.org/2002/07/owl#Axiom"))
        for name, cell in row.items():
            if cell is not None and name not in {ROW, "record_id"}:
                values = split_values(cell) if name in MULTIVALUED else [cell]
                yield from _facts(mapping_set, node, name, values, properties)


def _facts(
    mapping_set: MappingSet,
    about: _Node,
    name: str,
    values: list[str],
    properties: Mapping[str, str],
) -> Iterator[ox.Triple]:
    predicate = properties.get(name) or PROPERTIES.get(name, SSSOM + name)
    for text in values:
        yield ox.Triple(about, ox.NamedNode(predicate), _object(mapping_set, name, text))


def _object(mapping_set: MappingSet, name: str, text: str) -> ox.NamedNode | ox.Literal:
    if name in ENTITIES:
        return ox.NamedNode(_expand(mapping_set, text))
    if name in IRIS and "://" in text:
        return ox.NamedNode(text)
    if name in DATES:
        return ox.Literal(text, datatype=ox.NamedNode(f"{XSD}date"))
    if name in NUMBERS:
        return ox.Literal(text, datatype=ox.NamedNode(f"{XSD}double"))
    if name == "predicate_modifier" and text == "Not":
        return ox.NamedNode(NOT)
    if name.endswith("_type") and text in ENTITY_TYPES:
        return ox.NamedNode(ENTITY_TYPES[text])
    if name == "sssom_version":
        return ox.NamedNode(f"{SSSOM}version{text}")
    return ox.Literal(text)


def _expand(mapping_set: MappingSet, text: str) -> str:
    prefix, _, local = text.partition(":")
    declared = mapping_set.curie_map.get(prefix)
    if declared and not local.startswith("//"):
        return declared + local
    return text if "://" in text else iri_of(normalise(text))
