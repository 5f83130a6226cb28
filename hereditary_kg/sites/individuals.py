"""Which IRIs are of persons and things, and not of terms, by what a store says of them."""

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from hereditary_kg.rdf.terms import RDF_TYPE
from hereditary_kg.sites.graph_document import VOID
from hereditary_kg.sites.namespaces import authority_end
from hereditary_kg.sites.shared_namespaces import TERM_CLASSES, is_defining

if TYPE_CHECKING:
    from pyoxigraph import NamedNode, Store

__all__ = ["Individuals"]

_SEPARATOR = re.compile("[/#:?]")
# Vocabularies and home pages are named in such triples, and nobody is.
_OF_DOCUMENTS = (
    VOID,
    "http://purl.org/dc/",
    "http://xmlns.com/foaf/0.1/homepage",
    "http://xmlns.com/foaf/0.1/page",
)


class Individuals:
    """Tells individuals from terms.

    An individual is a subject that is not defined as a term (it has another type, or other data
    than labels, parents and mappings), an object of such data, or a named graph. What is below its
    IRI (``…/anna#genome``, ``…/anna/visit/1``) names it as well.
    """

    def __init__(self, store: "Store", graphs: Iterable[str] = ()) -> None:
        """Take what tells.

        Args:
            store: is asked, in its named graphs too; it must not change meanwhile.
            graphs: the names of graphs that may be an individual's.
        """
        self._store = store
        self._graphs = frozenset(graphs)
        self._described: dict[str, bool | None] = {}
        self._known: dict[str, bool] = {}

    def is_described(self, iri: str) -> bool:
        """Say whether there are data about an IRI, and not as a term."""
        return self._describe(iri) is True

    def above(self, iri: str) -> str | None:
        """Give the shortest IRI of an individual that an IRI has a separator behind, if any."""
        return next(filter(self._is_one, _beginnings(iri)), None)

    def cut(self, namespace: str) -> str:
        """Shorten a namespace so that it names no individual."""
        found = self.above(namespace)
        if found is None:
            return namespace
        kept = found.rstrip("/#:?")
        start = authority_end(namespace)
        return namespace[: max(start, *(kept.rfind(mark) + 1 for mark in "/#:?"))]

    def _is_one(self, iri: str) -> bool:
        known = self._known.get(iri)
        if known is None:
            described = self._describe(iri)
            known = self._is_mentioned(iri) if described is None else described
            self._known[iri] = known
        return known

    def _describe(self, iri: str) -> bool | None:
        """Say whether a subject is an individual; None where it is no subject."""
        if iri not in self._described:
            self._described[iri] = self._read_description(_node(iri))
        return self._described[iri]

    def _read_description(self, node: "NamedNode | None") -> bool | None:
        if node is None:
            return None
        types = {
            str(quad.object.value)
            for quad in self._store.quads_for_pattern(node, _node(RDF_TYPE), None, None)
            if hasattr(quad.object, "value")
        }
        if types:
            return not types <= TERM_CLASSES
        said = [quad.predicate.value for quad in self._store.quads_for_pattern(node, None, None)]
        return not is_defining(said) if said else None

    def _is_mentioned(self, iri: str) -> bool:
        node = _node(iri)
        if node is None or iri in self._graphs:
            return node is not None
        return any(
            not (
                is_defining((quad.predicate.value,))
                or quad.predicate.value.startswith(_OF_DOCUMENTS)
            )
            for quad in self._store.quads_for_pattern(None, None, node, None)
        )


def _beginnings(iri: str) -> Iterator[str]:
    """Yield how an IRI begins, before and behind each separator; not its host alone."""
    start = authority_end(iri)
    for match in _SEPARATOR.finditer(iri, start):
        if match.start() > start:
            yield iri[: match.start()]
            yield iri[: match.end()]


def _node(iri: str) -> "NamedNode | None":
    from pyoxigraph import NamedNode  # noqa: PLC0415 (slow to import)

    try:
        return NamedNode(iri)
    except ValueError:
        return None
