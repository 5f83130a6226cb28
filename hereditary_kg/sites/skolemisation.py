"""Blank nodes become IRIs of the site, so that others can refer to them.

Source: RDF 1.1 Concepts, section 3.5 (Replacing Blank Nodes with IRIs).
"""

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from pyoxigraph import BlankNode, NamedNode, Quad

__all__ = ["Skolemiser"]

_T = TypeVar("_T")


class Skolemiser:
    """Gives the blank nodes of one file their IRIs, numbered in order of appearance.

    Args:
        base_iri: the site's.
        digest: the file's, so that blank nodes of two files never meet and a file that is
            loaded twice adds nothing.
    """

    def __init__(self, base_iri: str, digest: str) -> None:
        from pyoxigraph import BlankNode, NamedNode, Quad  # noqa: PLC0415 (slow to import)

        self._prefix = f"{base_iri}.well-known/genid/{digest[:20]}-"
        self._nodes: dict[str, NamedNode] = {}
        self._blank_node, self._named_node, self._quad = BlankNode, NamedNode, Quad

    def convert(self, quad: "Quad") -> "Quad":
        """Replace the blank nodes of a statement."""
        return self._quad(
            self._replace(quad.subject),
            quad.predicate,
            self._replace(quad.object),
            self._replace(quad.graph_name),
        )

    def _replace(self, term: "BlankNode | _T") -> "NamedNode | _T":
        if not isinstance(term, self._blank_node):
            return term
        node = self._nodes.get(term.value)
        if node is None:
            node = self._named_node(f"{self._prefix}{len(self._nodes)}")
            self._nodes[term.value] = node
        return node
