"""Writing tables of triples as RDF documents.

Source: RDF 1.1 N-Triples, Turtle and XML Syntax; JSON-LD 1.1. All but N-Triples are written
by Oxigraph's serialisers.
"""

import re
from collections.abc import Mapping
from io import BytesIO

import polars as pl

from hereditary_kg.rdf.canonical import quote_excerpt
from hereditary_kg.rdf.errors import GraphError
from hereditary_kg.rdf.media_types import GraphFormat
from hereditary_kg.rdf.result_writing import find_illegal_in_xml
from hereditary_kg.rdf.term_columns import is_iri, is_literal

__all__ = ["write_triples"]

_COLUMNS = ("subject", "predicate", "object")
_PREFIX = re.compile(r"(?:[^\W\d_](?:[\w.-]*[\w-])?)?")
_NAMESPACE = re.compile(r'[^\x00-\x20<>"{}|^`\\]+')
# The part of a predicate that becomes an element name of RDF/XML.
_ELEMENT_NAME = r"[\p{L}_][\p{L}\p{M}\p{N}_.-]*>$"


def write_triples(
    triples: pl.DataFrame,
    graph_format: str | GraphFormat,
    prefixes: Mapping[str, str] | None = None,
) -> bytes:
    """Write a graph; a triple that stands in several rows is written once, sorted by subject.

    Args:
        triples: string columns ``subject``, ``predicate`` and ``object`` of canonical terms.
        graph_format: ``turtle``, ``ntriples``, ``jsonld`` or ``rdfxml``.
        prefixes: namespaces by prefix, used by Turtle and RDF/XML.

    Raises:
        GraphError: a row is no triple (a term is missing, a subject is a literal, a predicate
            no IRI), a prefix is ill-formed, or RDF/XML cannot hold a term.
    """
    written_format = GraphFormat.named(graph_format)
    _check_triples(triples)
    _check_prefixes(prefixes or {})
    if written_format is GraphFormat.RDFXML:
        _check_for_rdf_xml(triples)
        # A node identifier begins with a letter there, a label may begin with a digit.
        triples = triples.with_columns(pl.col("subject", "object").str.replace("^_:", "_:b"))
    ntriples = _write_ntriples(triples.select(_COLUMNS).unique().sort(_COLUMNS))
    if written_format is GraphFormat.NTRIPLES:
        return ntriples
    # Importing it takes a tenth of a second, which only this needs.
    import pyoxigraph  # noqa: PLC0415

    serialiser_formats = {
        GraphFormat.TURTLE: pyoxigraph.RdfFormat.TURTLE,
        GraphFormat.JSONLD: pyoxigraph.RdfFormat.JSON_LD,
        GraphFormat.RDFXML: pyoxigraph.RdfFormat.RDF_XML,
    }
    try:
        # Lenient: whether an IRI is of its scheme's form is not for the writer to judge.
        quads = pyoxigraph.parse(ntriples, pyoxigraph.RdfFormat.N_TRIPLES, lenient=True)
        document = pyoxigraph.serialize(
            (quad.triple for quad in quads),
            format=serialiser_formats[written_format],
            prefixes=dict(prefixes or {}),
        )
    except (SyntaxError, ValueError, OSError) as error:
        raise GraphError(f"cannot write the graph as {written_format.value}: {error}") from error
    return document or b""


def _write_ntriples(triples: pl.DataFrame) -> bytes:
    """Canonical terms are N-Triples already."""
    buffer = BytesIO()
    triples.with_columns(end=pl.lit(".")).write_csv(
        buffer, include_header=False, separator=" ", quote_style="never"
    )
    return buffer.getvalue()


def _check_triples(triples: pl.DataFrame) -> None:
    missing = [name for name in _COLUMNS if name not in triples.columns]
    if missing:
        raise GraphError(f"a table of triples has no column {missing[0]!r}")
    subject, predicate = pl.col("subject"), pl.col("predicate")
    wrong = triples.select(_COLUMNS).filter(
        pl.any_horizontal(pl.col(_COLUMNS).is_null()) | is_literal(subject) | ~is_iri(predicate)
    )
    if wrong.height:
        row = " ".join("(unbound)" if term is None else term for term in wrong.row(0))
        raise GraphError(
            f"not an RDF triple: {quote_excerpt(row)}; a subject is an IRI or a blank node, "
            "a predicate an IRI, and none is unbound"
        )


def _check_prefixes(prefixes: Mapping[str, str]) -> None:
    for prefix, namespace in prefixes.items():
        if _PREFIX.fullmatch(prefix) is None:
            raise GraphError(f"{prefix!r} is not a prefix that Turtle can hold")
        if _NAMESPACE.fullmatch(namespace) is None:
            raise GraphError(f"the prefix {prefix!r} stands for {namespace!r}, which is no IRI")


def _check_for_rdf_xml(triples: pl.DataFrame) -> None:
    nameless = triples["predicate"].unique()
    nameless = nameless.filter(~nameless.str.contains(_ELEMENT_NAME))
    if len(nameless):
        raise GraphError(
            f"RDF/XML cannot hold the predicate {nameless[0]}, which ends in no XML name; "
            "write Turtle instead"
        )
    for name in _COLUMNS:
        illegal = find_illegal_in_xml(triples[name])
        if illegal is not None:
            raise GraphError(
                f"RDF/XML cannot hold the character {illegal} of an {name}; write Turtle instead"
            )
