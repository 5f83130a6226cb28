"""Codes in RDF: statement by statement, whatever the size of the data."""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from pyoxigraph import BlankNode, Literal, NamedNode, Quad, RdfFormat, Triple, serialize

from hereditary_kg.semantics.data_conversion.data_files import DataFormat, open_packed
from hereditary_kg.semantics.data_conversion.keeping import Keep
from hereditary_kg.semantics.data_conversion.loss_report import LossReport
from hereditary_kg.semantics.data_conversion.outcomes import CodeConverter, Outcome, Standing
from hereditary_kg.semantics.errors import IdentifierError
from hereditary_kg.semantics.identifiers import iri_of
from hereditary_kg.sites.reading import identify_file, read_statements

__all__ = ["RdfPlaces", "convert_rdf", "mapping_statements"]


_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_OWL = "http://www.w3.org/2002/07/owl#"
_RDFS = "http://www.w3.org/2000/01/rdf-schema#"
_SKOS = "http://www.w3.org/2004/02/skos/core#"
_TYPE = _RDF + "type"
_ABOUT_TERMS = (
    _RDFS,
    _OWL,
    _SKOS,
    "http://www.geneontology.org/formats/oboInOwl#",
    "http://purl.obolibrary.org/obo/IAO_",
)
"""What predicates begin with that speak of a term itself, not of what it is said of."""

_FORMATS = {
    "ttl": RdfFormat.TURTLE,
    "nt": RdfFormat.N_TRIPLES,
    "nq": RdfFormat.N_QUADS,
    "trig": RdfFormat.TRIG,
    "rdf": RdfFormat.RDF_XML,
    "owl": RdfFormat.RDF_XML,
    "xml": RdfFormat.RDF_XML,
    "jsonld": RdfFormat.JSON_LD,
}
_PREFIX = re.compile(rb"^\s*@?prefix\s+([\w.-]*):\s*<([^>]*)>", re.IGNORECASE | re.MULTILINE)
_HEAD = 1 << 16
_MATCHES = {
    Standing.EXACT: "exactMatch",
    Standing.BROADER: "broadMatch",
    Standing.NARROWER: "narrowMatch",
}

_Node = NamedNode | BlankNode | Literal | Triple


@dataclass(frozen=True)
class RdfPlaces:
    """Where codes stand.

    Attributes:
        objects: the predicates whose objects are codes: IRIs, or literals.
        subjects: the predicates whose subjects are codes.

    With neither, every IRI at either end of a statement that is a code of a known vocabulary is
    one; statements that describe terms (labels, hierarchies) are left as they are.
    """

    objects: frozenset[str] = frozenset()
    subjects: frozenset[str] = frozenset()

    @property
    def everywhere(self) -> bool:
        """Whether no predicates were chosen."""
        return not self.objects and not self.subjects


@dataclass
class _Rewriting:
    """The conversion of one file."""

    converter: CodeConverter
    places: RdfPlaces
    keep: Keep
    report: LossReport
    used: dict[str, Outcome] = field(default_factory=dict)

    def rewrite(self, statement: Quad) -> Iterator[Quad]:
        subjects: Iterable[_Node] = (statement.subject,)
        objects: Iterable[_Node] = (statement.object,)
        predicate = statement.predicate.value
        if self._is_coded(statement, predicate, at_object=False):
            subjects = self._converted(statement.subject, f"^{predicate}")
        if self._is_coded(statement, predicate, at_object=True):
            objects = self._converted(statement.object, predicate)
        original = statement.subject, statement.object
        pairs = dict.fromkeys((subject, target) for subject in subjects for target in objects)
        if self.keep is Keep.CODES:
            pairs.setdefault(original)
        for subject, target in pairs:
            yield Quad(subject, statement.predicate, target, statement.graph_name)  # type: ignore[arg-type]

    def _is_coded(self, statement: Quad, predicate: str, *, at_object: bool) -> bool:
        node = statement.object if at_object else statement.subject
        if not self.places.everywhere:
            return predicate in (self.places.objects if at_object else self.places.subjects)
        if not isinstance(node, NamedNode) or predicate.startswith(_ABOUT_TERMS):
            return False
        if predicate == _TYPE:
            return self._is_coded_class(statement, at_object=at_object)
        return self.converter.recognise(node.value)

    def _is_coded_class(self, statement: Quad, *, at_object: bool) -> bool:
        """Say whether a class is a code, or a term is an instance of something but a class."""
        kind = statement.object
        if not isinstance(kind, NamedNode) or kind.value.startswith((_OWL, _RDFS, _SKOS, _RDF)):
            return False
        node = kind if at_object else statement.subject
        if not isinstance(node, NamedNode) or not self.converter.recognise(node.value):
            return False
        # Classes of a data model have no code that the hub could know.
        outcome = self.converter.convert(node.value)
        known = self.converter.hub.vocabularies
        return bool(outcome and outcome.code and outcome.code.partition(":")[0] in known)

    def _converted(self, node: _Node, place: str) -> tuple[_Node, ...]:
        if not isinstance(node, NamedNode | Literal):
            return (node,)
        outcome = self.converter.convert(node.value)
        if outcome is None:
            return (node,)
        self.report.add(place, outcome)
        targets = self.converter.targets(outcome)
        if not targets:
            return (node,)
        if outcome.changed:
            self.used.setdefault(outcome.name, outcome)
        written = (self.converter.written(node.value, target) for target in targets)
        if isinstance(node, Literal):
            # A literal that already is the code keeps its datatype.
            return tuple(node if text == node.value else Literal(text) for text in written)
        return tuple(NamedNode(text) for text in written)


def convert_rdf(
    source: Path,
    target: IO[bytes],
    written: DataFormat,
    converter: CodeConverter,
    *,
    places: RdfPlaces | None = None,
    keep: Keep = Keep.MAPPINGS,
    on_read: Callable[[int], None] = lambda _: None,
) -> LossReport:
    """Convert the codes of a file of RDF.

    Two codes that become one at the same subject give the same statement twice, which is one in a
    graph. Literals that are codes stay literals.

    Args:
        source: the file.
        target: where converted data go.
        written: in which format and packing.
        converter: what converts codes.
        places: where codes stand.
        keep: what stays of the original codes: nothing, each statement as it was beside the
            converted one, or one statement of the mapping a code, as SSSOM writes mappings.
        on_read: told now and then how many bytes of the file have been read.

    Raises:
        LoadError: the file is broken, with the place.
    """
    report = LossReport(converter)
    rewriting = _Rewriting(converter, places or RdfPlaces(), keep, report)
    file = identify_file(source)

    def statements() -> Iterator[Quad]:
        for statement in read_statements(file, rename_blank_nodes=False, on_read=on_read):
            yield from rewriting.rewrite(statement)
        if keep is Keep.MAPPINGS:
            yield from mapping_statements(converter, rewriting.used.values())

    kind = _FORMATS[written.extension]
    prefixes = _prefixes(source, file.compressed)
    with open_packed(target, written.packing, "w") as stream:
        if kind.supports_datasets:
            serialize(statements(), stream, kind, prefixes=prefixes)
        else:
            serialize((each.triple for each in statements()), stream, kind, prefixes=prefixes)
    return report


def _prefixes(path: Path, compressed: bool) -> dict[str, str]:
    """Give the prefixes that a file declares at its beginning, so that they can be used again."""
    import gzip  # noqa: PLC0415 - only here

    with gzip.open(path) if compressed else path.open("rb") as stream:
        found = _PREFIX.findall(stream.read(_HEAD))
    pairs = {prefix.decode(): iri.decode("utf-8", "replace") for prefix, iri in found}
    return {prefix: iri for prefix, iri in pairs.items() if "://" in iri}


def mapping_statements(converter: CodeConverter, outcomes: Iterable[Outcome]) -> Iterator[Quad]:
    """Say for each code that was converted by which mapping.

    Source: SSSOM, OWL reification of mappings (``owl:Axiom``); PROV-O, ``prov:wasDerivedFrom``.
    """
    for outcome in sorted(outcomes, key=lambda each: each.name):
        if outcome.code is None or outcome.symbol:
            continue
        for conversion in outcome.conversions[: None if converter.every else 1]:
            if conversion.target is None:
                continue
            node = BlankNode(_label(outcome.code, conversion.target))
            justification = "https://w3id.org/semapv/vocab/MappingChaining"
            facts: list[tuple[str, _Node]] = [
                (_TYPE, NamedNode(_OWL + "Axiom")),
                (_OWL + "annotatedSource", _node(outcome.code)),
                (_OWL + "annotatedProperty", NamedNode(_SKOS + _MATCHES[outcome.standing])),
                (_OWL + "annotatedTarget", _node(conversion.target)),
                ("https://w3id.org/sssom/mapping_justification", NamedNode(justification)),
                (_RDFS + "comment", Literal(converter.way(conversion))),
            ]
            for name in converter.mappings(conversion):
                basis = NamedNode(name) if "://" in name and " " not in name else Literal(name)
                derived = "http://www.w3.org/ns/prov#wasDerivedFrom"
                source = "http://purl.org/dc/terms/source"
                facts.append((derived if isinstance(basis, NamedNode) else source, basis))
            for predicate, value in facts:
                yield Quad(node, NamedNode(predicate), value)


def _label(code: str, target: str) -> str:
    """Name a mapping's node, the same for the same mapping and like no other."""
    return "mapping" + hashlib.sha256(f"{code} {target}".encode()).hexdigest()[:24]


def _node(code: str) -> NamedNode | Literal:
    try:
        return NamedNode(iri_of(code))
    except IdentifierError:
        return Literal(code)
