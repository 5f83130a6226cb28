"""What a SPARQL service says about itself.

Source: SPARQL 1.1 Service Description; VoID, section 4.6 (statistics).
"""

import pyoxigraph as ox

__all__ = ["read_service_description"]

_TITLES = (
    "http://purl.org/dc/terms/title",
    "http://purl.org/dc/elements/1.1/title",
    "http://www.w3.org/2000/01/rdf-schema#label",
)
_TRIPLES = "http://rdfs.org/ns/void#triples"


def read_service_description(
    content: bytes, media_type: str, base_iri: str
) -> tuple[str | None, int | None]:
    """Read a service's title and its number of triples.

    The number is the greatest ``void:triples`` of the document: that of the whole data set,
    next to those of its partitions.

    Args:
        content: the description.
        media_type: its media type without parameters.
        base_iri: its address.

    Returns:
        The title and the number, each None where the document does not say, or where it is
        in no RDF format.
    """
    rdf_format = ox.RdfFormat.from_media_type(media_type)
    if rdf_format is None:
        return None, None
    titles: dict[str, str] = {}
    triples: int | None = None
    try:
        for quad in ox.parse(content, format=rdf_format, base_iri=base_iri):
            if not isinstance(quad.object, ox.Literal):
                continue
            value = quad.object.value
            if quad.predicate.value in _TITLES:
                titles.setdefault(quad.predicate.value, value)
            elif quad.predicate.value == _TRIPLES and value.isascii() and value.isdigit():
                triples = max(triples or 0, int(value))
    except (SyntaxError, ValueError):
        return None, None
    title = next((titles[predicate] for predicate in _TITLES if predicate in titles), None)
    return title, triples
