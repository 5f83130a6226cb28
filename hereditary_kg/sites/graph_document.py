"""Writing the few small graphs by which a service describes itself."""

from typing import TYPE_CHECKING

from hereditary_kg.rdf.media_types import GraphFormat

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyoxigraph import Triple

__all__ = ["DCTERMS", "SD", "VOID", "write_graph"]

VOID = "http://rdfs.org/ns/void#"
SD = "http://www.w3.org/ns/sparql-service-description#"
DCTERMS = "http://purl.org/dc/terms/"

_PREFIXES = {
    "void": VOID,
    "sd": SD,
    "dcterms": DCTERMS,
    "formats": "http://www.w3.org/ns/formats/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}


def write_graph(triples: "Iterable[Triple]", graph_format: GraphFormat) -> bytes:
    """Write triples as a document in UTF-8."""
    from pyoxigraph import RdfFormat, serialize  # noqa: PLC0415 (slow to import)

    formats = {
        GraphFormat.TURTLE: RdfFormat.TURTLE,
        GraphFormat.NTRIPLES: RdfFormat.N_TRIPLES,
        GraphFormat.JSONLD: RdfFormat.JSON_LD,
        GraphFormat.RDFXML: RdfFormat.RDF_XML,
    }
    return serialize(triples, format=formats[graph_format], prefixes=_PREFIXES) or b""
