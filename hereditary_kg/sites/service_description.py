"""What an endpoint says of itself where it is asked for nothing.

Source: SPARQL 1.1 Service Description, sections 2 and 3.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from hereditary_kg.rdf.media_types import GraphFormat
from hereditary_kg.rdf.terms import RDF_TYPE, XSD
from hereditary_kg.sites.graph_document import DCTERMS, SD, VOID, write_graph

if TYPE_CHECKING:
    from pyoxigraph import BlankNode, NamedNode

__all__ = ["describe_service"]

_FORMATS = "http://www.w3.org/ns/formats/"
_WRITTEN = (
    "SPARQL_Results_JSON",
    "SPARQL_Results_XML",
    "SPARQL_Results_TSV",
    "SPARQL_Results_CSV",
    "Turtle",
    "N-Triples",
    "JSON-LD",
    "RDF_XML",
)


def describe_service(
    *,
    title: str,
    endpoint: str,
    graph_format: GraphFormat,
    triples: int | None = None,
    graph_triples: Mapping[str, int] | None = None,
) -> bytes:
    """Write the description of an endpoint.

    Args:
        title: what people call it.
        endpoint: its URL.
        graph_format: what to write.
        triples: how many triples its default graph has; None where that is not known.
        graph_triples: the same of each named graph.

    Returns:
        The document in UTF-8.
    """
    from pyoxigraph import BlankNode, Literal, NamedNode, Triple  # noqa: PLC0415 (slow to import)

    stated: list[Triple] = []

    def state(
        subject: "NamedNode | BlankNode", predicate: str, obj: "NamedNode | BlankNode | Literal"
    ) -> None:
        stated.append(Triple(subject, NamedNode(predicate), obj))

    def describe_graph(graph: "BlankNode", count: int | None) -> None:
        state(graph, RDF_TYPE, NamedNode(f"{SD}Graph"))
        if count is not None:
            number = Literal(str(count), datatype=NamedNode(f"{XSD}integer"))
            state(graph, f"{VOID}triples", number)

    service, dataset, default = NamedNode(endpoint), BlankNode("dataset"), BlankNode("default")
    state(service, RDF_TYPE, NamedNode(f"{SD}Service"))
    state(service, f"{DCTERMS}title", Literal(title))
    state(service, f"{SD}endpoint", NamedNode(endpoint))
    state(service, f"{SD}supportedLanguage", NamedNode(f"{SD}SPARQL11Query"))
    for name in _WRITTEN:
        state(service, f"{SD}resultFormat", NamedNode(_FORMATS + name))
    state(service, f"{SD}defaultDataset", dataset)
    state(dataset, RDF_TYPE, NamedNode(f"{SD}Dataset"))
    state(dataset, f"{SD}defaultGraph", default)
    describe_graph(default, triples)
    for number, (name, count) in enumerate((graph_triples or {}).items()):
        named, graph = BlankNode(f"named{number}"), BlankNode(f"graph{number}")
        state(dataset, f"{SD}namedGraph", named)
        state(named, RDF_TYPE, NamedNode(f"{SD}NamedGraph"))
        state(named, f"{SD}name", NamedNode(name))
        state(named, f"{SD}graph", graph)
        describe_graph(graph, count)
    return write_graph(stated, graph_format)
