"""Evaluating one query over a store and writing its answer, in whatever process that is."""

from collections.abc import Callable
from typing import IO, TYPE_CHECKING, TypeAlias

from hereditary_kg.rdf.media_types import GraphFormat, ResultFormat
from hereditary_kg.sites.dataset import choose_dataset
from hereditary_kg.sites.frames import Job, Refusal
from hereditary_kg.sites.query_guard import (
    QueryRefusedError,
    check_query,
    describe_syntax_error,
)

if TYPE_CHECKING:
    from pyoxigraph import QueryBoolean, QuerySolutions, QueryTriples, Store

__all__ = ["evaluate"]

# The names in pyoxigraph of our formats.
_RESULT_FORMATS = {
    ResultFormat.JSON: "JSON",
    ResultFormat.XML: "XML",
    ResultFormat.TSV: "TSV",
    ResultFormat.CSV: "CSV",
}
_GRAPH_FORMATS = {
    GraphFormat.TURTLE: "TURTLE",
    GraphFormat.NTRIPLES: "N_TRIPLES",
    GraphFormat.JSONLD: "JSON_LD",
    GraphFormat.RDFXML: "RDF_XML",
}

_Results: TypeAlias = "QueryBoolean | QuerySolutions | QueryTriples"
_Serialiser: TypeAlias = Callable[[IO[bytes]], object]


def evaluate(job: Job, store: "Store", scratch: "Store") -> tuple[str, _Serialiser] | Refusal:
    """Start to answer a query.

    Args:
        job: the query and the formats that its asker takes.
        store: the data.
        scratch: an empty store, on which the query is checked first.

    Returns:
        The media type and a function that writes the answer to a binary file (and may still
        fail, with OSError or RuntimeError); or why there is no answer.
    """
    try:
        check_query(job.query, scratch, job.base)
        results = _query(job, store)
    except QueryRefusedError as error:
        return Refusal(400, str(error))
    except SyntaxError as error:
        return Refusal(400, describe_syntax_error(job.query, error))
    except (RuntimeError, ValueError, OSError) as error:
        # Oxigraph has one class for what a query gets wrong and for a store that is broken.
        if isinstance(error, OSError) or "orruption" in str(error):
            return Refusal(500, "The store cannot be read; its operator must repair it.")
        return Refusal(400, f"The query cannot be answered: {error}")
    return _choose_format(job, results)


def _query(job: Job, store: "Store") -> _Results:
    dataset = choose_dataset(job, store)
    return dataset.store.query(
        job.query,
        base_iri=job.base,
        default_graph=dataset.default_graph,
        named_graphs=dataset.named_graphs,
    )


def _choose_format(job: Job, results: _Results) -> tuple[str, _Serialiser] | Refusal:
    from pyoxigraph import (  # noqa: PLC0415 (slow to import)
        QueryResultsFormat,
        QueryTriples,
        RdfFormat,
    )

    if isinstance(results, QueryTriples):
        if job.graph_format is None:
            return _not_acceptable("graph", GraphFormat)
        graph_format = GraphFormat.named(job.graph_format)
        rdf_format: RdfFormat = getattr(RdfFormat, _GRAPH_FORMATS[graph_format])
        return graph_format.media_type, lambda file: results.serialize(file, rdf_format)
    if job.result_format is None:
        return _not_acceptable("table of results", ResultFormat)
    result_format = ResultFormat.named(job.result_format)
    table_format: QueryResultsFormat = getattr(QueryResultsFormat, _RESULT_FORMATS[result_format])
    return result_format.media_type, lambda file: results.serialize(file, table_format)


def _not_acceptable(what: str, formats: type[GraphFormat] | type[ResultFormat]) -> Refusal:
    offered = ", ".join(each.media_type for each in formats)
    return Refusal(406, f"This query's answer is a {what}, offered as {offered}.")
