"""A site's data described in VoID, which editors and catalogues read.

Source: W3C, Describing Linked Datasets with the VoID Vocabulary, sections 4 and 7.
"""

from collections import Counter
from typing import TYPE_CHECKING

from hereditary_kg.rdf.media_types import GraphFormat
from hereditary_kg.rdf.terms import RDF_TYPE, XSD
from hereditary_kg.sites.description import SiteDescription
from hereditary_kg.sites.graph_document import DCTERMS, VOID, write_graph
from hereditary_kg.sites.profile import Profile

if TYPE_CHECKING:
    from pyoxigraph import BlankNode, NamedNode

__all__ = ["describe_data"]


def describe_data(
    description: SiteDescription,
    profile: Profile | None,
    *,
    endpoint: str,
    document: str,
    graph_format: GraphFormat,
) -> bytes:
    """Write a site's VoID description.

    Args:
        description: the site's.
        profile: of its data; without it only the dataset's name and endpoint are told.
        endpoint: the URL that takes queries.
        document: the URL of this document; the dataset is named after it.
        graph_format: what to write.

    Returns:
        The document in UTF-8.
    """
    from pyoxigraph import BlankNode, Literal, NamedNode, Triple  # noqa: PLC0415 (slow to import)

    triples: list[Triple] = []
    dataset = NamedNode(f"{document}#dataset")

    def state(
        subject: "NamedNode | BlankNode", predicate: str, obj: "NamedNode | BlankNode | Literal"
    ) -> None:
        triples.append(Triple(subject, NamedNode(predicate), obj))

    def count(subject: "NamedNode | BlankNode", predicate: str, number: int) -> None:
        state(subject, predicate, Literal(str(number), datatype=NamedNode(f"{XSD}integer")))

    state(dataset, RDF_TYPE, NamedNode(f"{VOID}Dataset"))
    state(dataset, f"{DCTERMS}title", Literal(description.title))
    state(dataset, f"{DCTERMS}identifier", Literal(description.name))
    state(dataset, f"{VOID}sparqlEndpoint", NamedNode(endpoint))
    if profile is None:
        return write_graph(triples, graph_format)
    count(dataset, f"{VOID}triples", profile.triples)
    count(dataset, f"{VOID}distinctSubjects", profile.subjects)
    count(dataset, f"{VOID}properties", profile.all_predicates)
    count(dataset, f"{VOID}classes", profile.all_classes)
    for vocabulary in _vocabularies(profile):
        state(dataset, f"{VOID}vocabulary", NamedNode(vocabulary))
    for number, (iri, predicate) in enumerate(profile.predicates.items()):
        part = BlankNode(f"property{number}")
        state(dataset, f"{VOID}propertyPartition", part)
        state(part, f"{VOID}property", NamedNode(iri))
        count(part, f"{VOID}triples", predicate.triples)
        count(part, f"{VOID}distinctSubjects", predicate.subjects)
        count(part, f"{VOID}distinctObjects", predicate.objects)
    position = {iri: number for number, iri in enumerate(profile.predicates)}
    for number, (iri, instances) in enumerate(profile.classes.items()):
        part = BlankNode(f"class{number}")
        state(dataset, f"{VOID}classPartition", part)
        state(part, f"{VOID}class", NamedNode(iri))
        count(part, f"{VOID}entities", instances)
        for name, occurrences in _class_properties(profile, iri).items():
            inner = BlankNode(f"class{number}property{position[name]}")
            state(part, f"{VOID}propertyPartition", inner)
            state(inner, f"{VOID}property", NamedNode(name))
            count(inner, f"{VOID}triples", occurrences)
    return write_graph(triples, graph_format)


def _class_properties(profile: Profile, iri: str) -> dict[str, int]:
    """Give the properties of a class's instances with their triples.

    Characteristic sets tell them, and where these were merged, those of other subjects too.
    """
    found: Counter[str] = Counter()
    for each in profile.characteristic_sets:
        if iri in each.classes:
            found.update(each.occurrences)
    return dict(sorted(found.items()))


def _vocabularies(profile: Profile) -> list[str]:
    """Give the namespaces of the predicates and classes, which are vocabularies' by nature."""
    iris = (*profile.predicates, *profile.classes)
    return sorted({iri[: max(iri.rfind(mark) for mark in "#/:") + 1] for iri in iris} - {""})
