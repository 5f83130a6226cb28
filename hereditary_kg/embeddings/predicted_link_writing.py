"""Predicted links as files: tab-separated text, Parquet, and RDF.

In RDF a link is not asserted. It is an ``rdf:Statement`` with subject, predicate and object, and
with what was predicted: score, probability, rank, the model, and the activity that it was generated
by (PROV-O, W3C Recommendation 2013). The same prediction by the same models gives the same IRIs.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from types import MappingProxyType
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import polars as pl

from hereditary_kg.embeddings.errors import PredictionError
from hereditary_kg.embeddings.predicted_links import ENSEMBLE, NamedModel
from hereditary_kg.rdf.graph_writing import write_triples
from hereditary_kg.rdf.media_types import GraphFormat
from hereditary_kg.rdf.terms import XSD, escape_literal

__all__ = ["PREFIXES", "describe_path", "write_parquet", "write_rdf", "write_tsv"]

PREFIXES: Mapping[str, str] = MappingProxyType(
    {
        "hkg": "https://w3id.org/hereditary-kg/vocab#",
        "prov": "http://www.w3.org/ns/prov#",
        "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
        "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
        "xsd": XSD,
    }
)
"""The namespaces that are used in RDF."""

_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20<>\"{}|^`\\]+")

Row = Mapping[str, Any]


def write_tsv(links: pl.DataFrame) -> bytes:
    """Write a table of `predict_links` as tab-separated text, with reasons in words."""
    texts = [
        {
            **row,
            "nearest": " | ".join(
                f"{near['head']} {near['tail']} {near['similarity']:.3f}" for near in row["nearest"]
            ),
            "paths": " | ".join(map(describe_path, row["paths"])),
        }
        for row in links.iter_rows(named=True)
    ]
    schema = {name: kind if kind.is_numeric() else pl.String for name, kind in links.schema.items()}
    buffer = BytesIO()
    # Labels and names have no tab and no end of line: models are not written with such.
    pl.DataFrame(texts, schema=schema).write_csv(buffer, separator="\t", quote_style="never")
    return buffer.getvalue()


def describe_path(path: Row) -> str:
    """Write a path as SPARQL's property path, and what it goes through."""
    return f"{'/'.join(path['relations'])} through {' and '.join(path['through'])}"


def write_parquet(links: pl.DataFrame) -> bytes:
    """Write a table of `predict_links` as Parquet."""
    buffer = BytesIO()
    links.write_parquet(buffer, compression="zstd")
    return buffer.getvalue()


def write_rdf(
    links: pl.DataFrame, models: Sequence[NamedModel], graph_format: GraphFormat
) -> bytes:
    """Write a table of `predict_links` as RDF.

    Args:
        links: the table.
        models: those that it was made with.
        graph_format: the serialisation.

    Raises:
        PredictionError: a label is no IRI.
    """
    iris = {model.name: model.iri for model in models}
    triples = [
        triple for row in links.iter_rows(named=True) for triple in _describe_link(row, iris)
    ]
    for model in models:
        triples += _describe_model(model, iris[model.name])
    frame = pl.DataFrame(
        triples, schema=dict.fromkeys(("subject", "predicate", "object"), pl.String), orient="row"
    )
    return write_triples(frame, graph_format, PREFIXES)


def _describe_link(row: Row, iris: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    used = sorted(iris.values()) if row["model"] == ENSEMBLE else [iris[row["model"]]]
    activity = _name("prediction", row["model"], *used)
    link = _name("link", row["model"], *used, row["head"], row["relation"], row["tail"])
    yield link, _term("rdf:type"), _term("rdf:Statement")
    for role, end in (("subject", "head"), ("predicate", "relation"), ("object", "tail")):
        yield link, _term(f"rdf:{role}"), _iri(row[end])
    yield link, _term("hkg:rank"), _literal(str(row["rank"]), "integer")
    yield link, _term("hkg:score"), _literal(repr(row["score"]), "double")
    if row["probability"] is not None:
        yield link, _term("hkg:probability"), _literal(repr(row["probability"]), "double")
    yield link, _term("prov:wasGeneratedBy"), activity
    yield activity, _term("rdf:type"), _term("prov:Activity")
    yield activity, _term("rdfs:label"), _literal(f"prediction by {row['model']}")
    for model in used:
        yield link, _term("hkg:model"), f"<{model}>"
        yield activity, _term("prov:used"), f"<{model}>"


def _describe_model(model: NamedModel, iri: str) -> Iterator[tuple[str, str, str]]:
    yield f"<{iri}>", _term("rdf:type"), _term("prov:Entity")
    yield f"<{iri}>", _term("rdfs:label"), _literal(model.name)
    scoring = model.saved.model.scoring.name
    yield f"<{iri}>", _term("hkg:scoringFunction"), _literal(scoring)
    for name in ("run", "site"):
        if value := model.saved.about.get(name):
            yield f"<{iri}>", _term(f"hkg:{name}"), _literal(str(value))


def _name(*parts: str) -> str:
    return f"<urn:uuid:{uuid5(NAMESPACE_URL, chr(10).join(parts))}>"


def _term(name: str) -> str:
    prefix, _, local = name.partition(":")
    return f"<{PREFIXES[prefix]}{local}>"


def _literal(text: str, datatype: str | None = None) -> str:
    quoted = f'"{escape_literal(text)}"'
    return quoted if datatype is None else f"{quoted}^^<{XSD}{datatype}>"


def _iri(label: str) -> str:
    if not _IRI.fullmatch(label):
        raise PredictionError(
            f"The label {label!r} is no IRI, so that RDF cannot hold the link. Ask for tsv or "
            "parquet."
        )
    return f"<{label}>"
