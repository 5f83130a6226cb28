"""OWL and SKOS as RDF: RDF/XML, Turtle, N-Triples, read by pyoxigraph.

Terms are named classes and SKOS concepts. Only asserted ``rdfs:subClassOf`` between named classes
and ``skos:broader`` are hierarchy (``skos:broaderTransitive`` where a file has no other). What a
class is a part of (``BFO:0000050``) is kept apart.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyoxigraph as ox

from hereditary_kg.semantics.errors import UnreadableFileError
from hereditary_kg.semantics.readers.reading import Document, Draft, Reading, assemble, is_part_of

__all__ = ["Value", "read_rdf", "read_triples"]

RDF_TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
OWL = "http://www.w3.org/2002/07/owl#"
SKOS = "http://www.w3.org/2004/02/skos/core#"
OIO = "http://www.geneontology.org/formats/oboInOwl#"
OBO = "http://purl.obolibrary.org/obo/"
DCTERMS = "http://purl.org/dc/terms/"
DC = "http://purl.org/dc/elements/1.1/"

CLASSES = frozenset({f"{OWL}Class", f"{RDFS}Class", f"{SKOS}Concept"})
LABELS = (f"{SKOS}prefLabel", f"{RDFS}label")
DEFINITIONS = (
    f"{OBO}IAO_0000115",
    f"{SKOS}definition",
    f"{OIO}hasDefinition",
    f"{RDFS}comment",
)
SCOPES = {
    f"{OIO}hasExactSynonym": "exact",
    f"{OIO}hasNarrowSynonym": "narrow",
    f"{OIO}hasBroadSynonym": "broad",
    f"{OIO}hasRelatedSynonym": "related",
    f"{OBO}IAO_0000118": "related",
    f"{SKOS}altLabel": "exact",
    # Misspellings and the like: to be found by, not to be shown.
    f"{SKOS}hiddenLabel": "related",
}
REPLACED = (f"{OBO}IAO_0100001", f"{DCTERMS}isReplacedBy")
MATCHES = {
    **{
        f"{SKOS}{name}Match": f"skos:{name}Match"
        for name in ("exact", "broad", "narrow", "close", "related")
    },
    f"{OIO}hasDbXref": "oboInOwl:hasDbXref",
    f"{OWL}equivalentClass": "owl:equivalentClass",
}
OBSOLETE_PARENTS = (f"{OIO}ObsoleteClass", f"{OIO}ObsoleteProperty")
_TRUE = frozenset({"true", "1"})


@dataclass(frozen=True, slots=True)
class Value:
    """The object of a triple: a literal's or a node's text."""

    text: str
    literal: bool = False
    language: str = ""


@dataclass(slots=True)
class _Graph:
    """Values by predicate and subject, as far as they are of use."""

    values: dict[str, dict[str, list[Value]]] = field(default_factory=dict)

    def add(self, subject: str, predicate: str, value: Value) -> None:
        self.values.setdefault(predicate, {}).setdefault(subject, []).append(value)

    def of(self, predicate: str, subject: str) -> list[Value]:
        return self.values.get(predicate, {}).get(subject, [])

    def texts(self, predicate: str, subject: str) -> list[Value]:
        """Give literals; of a node that stands for one, as OBO's first OWL had them, its label."""
        found = []
        for value in self.of(predicate, subject):
            if value.literal:
                found.append(value)
            else:
                found += [each for each in self.of(LABELS[1], value.text) if each.literal]
        return found


def read_rdf(
    path: Path, content: bytes, format_: ox.RdfFormat, prefixes: dict[str, str] | None = None
) -> Reading:
    """Read an ontology or a thesaurus that is written as RDF.

    Raises:
        UnreadableFileError: it is not of the format; line and column are named.
    """
    parser = ox.parse(content, format_, base_iri=path.name and f"file:///{path.name}")
    try:
        triples = list(_triples(parser))
    except SyntaxError as error:
        place = f"{path}:{error.lineno}:{error.offset}" if error.lineno else str(path)
        raise UnreadableFileError(place, f"it is not {format_.name}: {error.msg}.") from error
    except (ValueError, OSError) as error:
        raise UnreadableFileError(str(path), f"it is not {format_.name}: {error}.") from error
    declared = {**dict(parser.prefixes), **(prefixes or {})}
    return read_triples(path, triples, declared)


def _triples(parser: Iterable[ox.Quad]) -> Iterator[tuple[str, str, Value]]:
    literal = ox.Literal
    for quad in parser:
        subject, value = quad.subject, quad.object
        if isinstance(value, literal):
            end = Value(value.value, literal=True, language=value.language or "")
        else:
            end = Value(_node(value))
        yield _node(subject), quad.predicate.value, end


def _node(node: object) -> str:
    if isinstance(node, ox.NamedNode):
        return node.value
    return str(node)


def read_triples(
    path: Path, triples: Iterable[tuple[str, str, Value]], prefixes: dict[str, str]
) -> Reading:
    """Read terms out of triples; blank nodes begin with ``_:``."""
    graph = _Graph()
    for subject, predicate, value in triples:
        graph.add(subject, predicate, value)
    types = graph.values.get(RDF_TYPE, {})
    names = [
        name
        for name, kinds in types.items()
        if not name.startswith("_:") and any(kind.text in CLASSES for kind in kinds)
    ]
    document = _described(path, graph, prefixes)
    drafts = {name: _draft(graph, name) for name in names if not _is_builtin(name)}
    _add_hierarchy(graph, drafts)
    return assemble(drafts.values(), document)


def _is_builtin(name: str) -> bool:
    return name.startswith((OWL, RDFS, SKOS, OIO)) or name in OBSOLETE_PARENTS


def _described(path: Path, graph: _Graph, prefixes: dict[str, str]) -> Document:
    types = graph.values.get(RDF_TYPE, {})
    kinds = (f"{OWL}Ontology", f"{SKOS}ConceptScheme")
    about = [name for kind in kinds for name, has in types.items() if Value(kind) in has]
    iri = about[0] if about else ""
    version = _first(graph, iri, (f"{OWL}versionInfo", f"{OWL}versionIRI"))
    title = _first(graph, iri, (f"{DCTERMS}title", f"{DC}title", LABELS[0], LABELS[1]))
    licence = _first(graph, iri, (f"{DCTERMS}license", f"{DC}rights", f"{DCTERMS}rights"))
    return Document(path.name, version, title, " ".join(licence.split()), iri, prefixes)


def _first(graph: _Graph, subject: str, predicates: Iterable[str]) -> str:
    found = (value.text for predicate in predicates for value in graph.of(predicate, subject))
    return next(found, "")


def _draft(graph: _Graph, name: str) -> Draft:
    labels = sorted(
        (value for predicate in LABELS for value in graph.texts(predicate, name)), key=_language
    )
    definitions = [value for predicate in DEFINITIONS for value in graph.texts(predicate, name)]
    deprecated = any(value.text in _TRUE for value in graph.of(f"{OWL}deprecated", name))
    draft = Draft(name, labels[0].text if labels else None)
    draft.definition = definitions[0].text if definitions else None
    parents = {value.text for value in graph.of(f"{RDFS}subClassOf", name)}
    draft.obsolete = deprecated or not parents.isdisjoint(OBSOLETE_PARENTS)
    draft.replaced_by = [value.text for each in REPLACED for value in graph.of(each, name)]
    draft.synonyms = [(value.text, "exact") for value in labels[1:] if value.text != draft.label]
    draft.synonyms += [
        (value.text, scope)
        for predicate, scope in SCOPES.items()
        for value in graph.texts(predicate, name)
    ]
    draft.mappings = [
        (match, value.text)
        for predicate, match in MATCHES.items()
        for value in graph.of(predicate, name)
        if not value.text.startswith("_:")
    ]
    draft.disjoint = _named(graph.of(f"{OWL}disjointWith", name))
    return draft


def _language(value: Value) -> int:
    """Order labels: English, without a language, any other."""
    language = value.language.casefold()
    return 0 if language == "en" or language.startswith("en-") else 2 if language else 1


def _named(values: Iterable[Value]) -> list[str]:
    return [value.text for value in values if not value.literal and not value.text.startswith("_:")]


def _wholes(graph: _Graph, name: str) -> Iterator[str]:
    """Give what a class is a part of, as OWL says it: in a restriction that it is a subclass of."""
    for parent in graph.of(f"{RDFS}subClassOf", name):
        relations = graph.of(f"{OWL}onProperty", parent.text)
        if any(is_part_of(relation.text) for relation in relations):
            yield from _named(graph.of(f"{OWL}someValuesFrom", parent.text))


def _add_hierarchy(graph: _Graph, drafts: dict[str, Draft]) -> None:
    broader, narrower = f"{SKOS}broader", f"{SKOS}narrower"
    if broader not in graph.values and narrower not in graph.values:
        broader, narrower = f"{SKOS}broaderTransitive", f"{SKOS}narrowerTransitive"
    for name, draft in drafts.items():
        parents = _named([*graph.of(f"{RDFS}subClassOf", name), *graph.of(broader, name)])
        draft.parents = [each for each in parents if not _is_builtin(each)]
        draft.wholes = list(_wholes(graph, name))
    for name, values in graph.values.get(narrower, {}).items():
        for child in _named(values):
            if child in drafts:
                drafts[child].parents.append(name)
