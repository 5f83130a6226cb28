"""Members that keep every literal as it is written, unlike Oxigraph's stores.

rdflib evaluates their queries. It normalises literals, too, unless it is told not to: use
:func:`exact_literals` around whatever makes or asks such a member.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pyoxigraph as ox
import rdflib

from hereditary_kg.federation.description import MemberDescription
from hereditary_kg.federation.member import Member
from hereditary_kg.federation.transport import (
    ScriptedAnswer,
    ScriptedTransport,
    TransportRequest,
)
from hereditary_kg.rdf.terms import IRI, BlankNode, Literal, Term

__all__ = ["RDFLIB_WARNINGS", "exact_literals", "exact_member"]

RDFLIB_WARNINGS = r"ignore:Dataset\.:DeprecationWarning"
"""What rdflib says of its own use of its own data sets."""


@contextmanager
def exact_literals() -> Iterator[None]:
    """Let rdflib keep lexical forms."""
    before = rdflib.NORMALIZE_LITERALS
    rdflib.NORMALIZE_LITERALS = False
    try:
        yield
    finally:
        rdflib.NORMALIZE_LITERALS = before


def exact_member(name: str, quads: Iterable[ox.Quad]) -> Member:
    """Make a member without a profile that holds these quads."""
    dataset = rdflib.Dataset()
    for quad in quads:
        graph = dataset
        if isinstance(quad.graph_name, ox.NamedNode):
            graph = dataset.graph(rdflib.URIRef(quad.graph_name.value))
        graph.add((_term(quad.subject), _term(quad.predicate), _term(quad.object)))

    def answer(request: TransportRequest) -> ScriptedAnswer:
        result = dataset.query(request.query)
        if result.type == "ASK":
            document = f'{{"head": {{}}, "boolean": {str(result.askAnswer).lower()}}}'
            return ScriptedAnswer(document, media_type="application/sparql-results+json")
        names = [str(variable) for variable in result.vars]
        lines = ["\t".join(f"?{name}" for name in names)]
        lines += ["\t".join(map(_text, row)) for row in result]
        return ScriptedAnswer("\n".join(lines) + "\n")

    return Member(MemberDescription(name), ScriptedTransport(answer))


def _term(term: ox.NamedNode | ox.BlankNode | ox.Literal) -> rdflib.term.Node:
    match term:
        case ox.NamedNode():
            return rdflib.URIRef(term.value)
        case ox.BlankNode():
            return rdflib.BNode(term.value)
        case _ if term.language is not None:
            return rdflib.Literal(term.value, lang=term.language)
        case _ if term.datatype.value == "http://www.w3.org/2001/XMLSchema#string":
            return rdflib.Literal(term.value)
        case _:
            return rdflib.Literal(term.value, datatype=rdflib.URIRef(term.datatype.value))


def _text(term: rdflib.term.Node | None) -> str:
    return "" if term is None else _known(term).text


def _known(term: rdflib.term.Node) -> Term:
    match term:
        case rdflib.URIRef():
            return IRI(str(term))
        case rdflib.BNode():
            return BlankNode(str(term))
        case _ if term.language is not None:
            return Literal(str(term), language=term.language)
        case _ if term.datatype is not None:
            return Literal(str(term), str(term.datatype))
        case _:
            return Literal(str(term))
