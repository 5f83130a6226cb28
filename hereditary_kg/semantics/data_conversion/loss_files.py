"""Loss reports as files: a table, and RDF.

In RDF each line is a mapping, reified as SSSOM has it (``owl:Axiom``), that was derived
(``prov:wasDerivedFrom``) from the mappings of the hub; the totals are quality measurements (DQV) of
the converted data.
"""

from collections.abc import Iterator
from typing import IO

from pyoxigraph import BlankNode, Literal, NamedNode, RdfFormat, Triple, serialize

from hereditary_kg.semantics.data_conversion.loss_report import LossLine, LossReport
from hereditary_kg.semantics.data_conversion.outcomes import Standing
from hereditary_kg.semantics.errors import IdentifierError
from hereditary_kg.semantics.identifiers import iri_of

__all__ = ["LOSS", "write_loss_table", "write_loss_turtle"]

LOSS = "urn:hkg:loss:"
"""The namespace of what only loss reports say."""

_PREFIXES = {
    "dcterms": "http://purl.org/dc/terms/",
    "dqv": "http://www.w3.org/ns/dqv#",
    "loss": LOSS,
    "owl": "http://www.w3.org/2002/07/owl#",
    "prov": "http://www.w3.org/ns/prov#",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "semapv": "https://w3id.org/semapv/vocab/",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "sssom": "https://w3id.org/sssom/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
_MATCHES = {
    "exact": "skos:exactMatch",
    "broader": "skos:broadMatch",
    "narrower": "skos:narrowMatch",
}
_Node = NamedNode | BlankNode | Literal


def write_loss_table(report: LossReport, stream: IO[bytes]) -> None:
    """Write a report as TSV, one line for each code at each place."""
    report.frame().write_csv(stream, separator="\t")


def write_loss_turtle(report: LossReport, stream: IO[bytes], source: str, target: str) -> None:
    """Write a report as Turtle.

    Args:
        report: the report.
        stream: where it goes.
        source: the IRI of the data that were converted.
        target: the IRI of the converted data.
    """
    triples = _triples(report, NamedNode(source), NamedNode(target))
    serialize(triples, stream, RdfFormat.TURTLE, prefixes=_PREFIXES)


def _triples(report: LossReport, source: NamedNode, target: NamedNode) -> Iterator[Triple]:
    activity = BlankNode("conversion")
    yield from _about(
        target, [("rdf:type", _named("prov:Entity")), ("prov:wasDerivedFrom", source)]
    )
    yield Triple(target, _named("prov:wasGeneratedBy"), activity)
    yield from _about(
        activity,
        [
            ("rdf:type", _named("prov:Activity")),
            ("rdfs:label", Literal(f"conversion of codes to {report.converter.vocabulary}")),
            ("prov:used", source),
        ],
    )
    totals = report.totals()
    for standing in Standing:
        metric = _named(f"loss:{standing.value}Occurrences")
        yield from _measurement(target, metric, totals.occurrences.get(standing, 0), standing.value)
    for number, (line, row) in enumerate(
        zip(report.lines, report.frame().iter_rows(named=True), strict=True), 1
    ):
        yield from _line(BlankNode(f"line{number}"), line, row, activity)


def _measurement(target: NamedNode, metric: NamedNode, count: int, name: str) -> Iterator[Triple]:
    node = BlankNode(f"measurement{name}")
    yield from _about(
        node,
        [
            ("rdf:type", _named("dqv:QualityMeasurement")),
            ("dqv:computedOn", target),
            ("dqv:isMeasurementOf", metric),
            ("dqv:value", Literal(count)),
        ],
    )
    yield Triple(target, _named("dqv:hasQualityMeasurement"), node)
    yield from _about(
        metric,
        [
            ("rdf:type", _named("dqv:Metric")),
            ("rdfs:label", Literal(f"occurrences of codes: {name}")),
        ],
    )


def _line(
    node: BlankNode, line: LossLine, row: dict[str, object], activity: BlankNode
) -> Iterator[Triple]:
    facts: list[tuple[str, _Node]] = [
        ("rdf:type", _named("loss:Line")),
        ("prov:wasGeneratedBy", activity),
        ("loss:place", Literal(line.place)),
        ("loss:code", Literal(line.code)),
        ("loss:relation", _named(f"loss:{row['relation']}")),
        ("loss:currency", _named(f"loss:{row['currency']}")),
        ("loss:converted", Literal(bool(row["converted"]))),
        ("loss:occurrences", Literal(line.occurrences)),
    ]
    if row["distance"] is not None:
        facts.append(("loss:distance", Literal(line.outcome.distance)))
    if row["note"]:
        facts.append(("rdfs:comment", Literal(str(row["note"]))))
    targets = [str(row["target"])] if row["target"] else []
    if targets:
        targets += str(row["other_targets"] or "").split("|") if row["other_targets"] else []
        facts += [
            ("rdf:type", _named("owl:Axiom")),
            ("owl:annotatedSource", _node(line.outcome.code or line.code)),
            ("owl:annotatedProperty", _named(_MATCHES[str(row["relation"])])),
            ("sssom:mapping_justification", _named("semapv:MappingChaining")),
            *(("owl:annotatedTarget", _node(code)) for code in targets[:1]),
            *(("loss:otherTarget", _node(code)) for code in targets[1:]),
        ]
    for name in str(row["mappings"] or "").split("|") if row["mappings"] else []:
        is_iri = "://" in name and " " not in name
        facts.append(
            ("prov:wasDerivedFrom", NamedNode(name))
            if is_iri
            else ("dcterms:source", Literal(name))
        )
    yield from _about(node, facts)


def _about(node: NamedNode | BlankNode, facts: list[tuple[str, _Node]]) -> Iterator[Triple]:
    for predicate, value in facts:
        yield Triple(node, _named(predicate), value)


def _named(name: str) -> NamedNode:
    prefix, _, local = name.partition(":")
    return NamedNode(_PREFIXES[prefix] + local)


def _node(code: str) -> NamedNode | Literal:
    try:
        return NamedNode(iri_of(code))
    except IdentifierError:
        return Literal(code)
