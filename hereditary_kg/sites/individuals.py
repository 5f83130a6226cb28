"""Which IRIs are of persons and things, and not of terms, by what a store says of them."""

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Literal, TypeAlias

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
_OF_INDIVIDUALS = (
    "http://www.w3.org/2002/07/owl#differentFrom",
    "http://www.w3.org/2002/07/owl#sameAs",
)

_Kind: TypeAlias = Literal["individual", "labelled", "term", "unknown"]


class Individuals:
    """Tells individuals from terms.

    An individual is a subject that is not defined as a term, an object of such data, or a named
    graph. What is below its IRI (``…/anna#genome``, ``…/anna/visit/1``) names it as well.
    """

    def __init__(self, store: "Store", graphs: Iterable[str] = ()) -> None:
        """Take what tells.

        Args:
            store: is asked, in its named graphs too; it must not change meanwhile.
            graphs: the names of graphs that may be an individual's.
        """
        self._store = store
        self._graphs = frozenset(graphs)
        self._kinds: dict[str, _Kind] = {}
        self._known: dict[str, bool] = {}

    def is_described(self, iri: str) -> bool:
        """Say whether there are other data about an IRI than labels, parents and mappings."""
        return self._kind(iri) == "individual"

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
            kind = self._kind(iri)
            known = self._is_mentioned(iri) if kind == "unknown" else kind != "term"
            self._known[iri] = known
        return known

    def _kind(self, iri: str) -> "_Kind":
        if iri not in self._kinds:
            node = _node(iri)
            self._kinds[iri] = "unknown" if node is None else self._read_kind(node)
        return self._kinds[iri]

    def _read_kind(self, node: "NamedNode") -> "_Kind":
        typed = self._store.quads_for_pattern(node, _node(RDF_TYPE), None, None)
        types = {quad.object for quad in typed}
        if types:
            return "term" if all(map(_is_term_class, types)) else "individual"
        said = [quad.predicate.value for quad in self._store.quads_for_pattern(node, None, None)]
        if not said:
            return "unknown"
        return "labelled" if is_defining(said) else "individual"

    def _is_mentioned(self, iri: str) -> bool:
        node = _node(iri)
        if node is None or iri in self._graphs:
            return node is not None
        found = self._store.quads_for_pattern(None, None, node, None)
        return any(_tells_of_individual(quad.predicate.value) for quad in found)


def _tells_of_individual(predicate: str) -> bool:
    """Whether what is the object of a predicate may be a person."""
    if predicate in _OF_INDIVIDUALS:
        return True
    return not (is_defining((predicate,)) or predicate.startswith(_OF_DOCUMENTS))


def _is_term_class(term: object) -> bool:
    return getattr(term, "value", None) in TERM_CLASSES


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
