"""The dataset that a query is asked over, its default graph a merge.

Oxigraph takes several default graphs as a union that keeps duplicates: a triple that two of them
hold is found twice. A merge is a set (SPARQL 1.1 Query Language, section 13.2; RDF 1.1 Semantics,
section 4.1), so where graphs overlap they are merged in memory first, within the worker's limit.
"""

import re
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from hereditary_kg.sites.frames import Job
from hereditary_kg.sites.query_guard import QueryRefusedError
from hereditary_kg.sparql.errors import SparqlError
from hereditary_kg.sparql.parsing import parse_query

if TYPE_CHECKING:
    from pyoxigraph import BlankNode, DefaultGraph, NamedNode, Store

__all__ = ["QueryDataset", "choose_dataset"]

_FROM = re.compile(r"\bFROM\b(?!\s*NAMED\b)", re.IGNORECASE)


@dataclass(frozen=True)
class QueryDataset:
    """A store, and which of its graphs a query sees.

    Attributes:
        store: the site's, or one made for the query.
        default_graph: the graphs of the default graph; None leaves it to query and store.
        named_graphs: the named graphs; None leaves them to query and store.
    """

    store: "Store"
    default_graph: "list[NamedNode | BlankNode | DefaultGraph] | None" = None
    named_graphs: "list[NamedNode | BlankNode] | None" = None


def choose_dataset(job: Job, store: "Store") -> QueryDataset:
    """Find the dataset of a query.

    The protocol's dataset stands in for the query's and for the store's as a whole: graphs that
    it does not name are not there (SPARQL 1.1 Protocol, section 2.1.4).

    Args:
        job: the query and the protocol's graphs.
        store: the site's data.

    Raises:
        QueryRefusedError: the query names several default graphs in a way that is not understood.
    """
    from pyoxigraph import NamedNode  # noqa: PLC0415 (slow to import)

    default, named = job.default_graphs, job.named_graphs
    if not default and not named:
        if len(_FROM.findall(job.query)) < 2:
            return QueryDataset(store)
        default, named = _read_clauses(job)
        if len(default) < 2:
            return QueryDataset(store)
    graphs = [NamedNode(iri) for iri in dict.fromkeys(default)]
    seen = [NamedNode(iri) for iri in dict.fromkeys(named)]
    if any(_overlap(store, first, second) for first, second in combinations(graphs, 2)):
        return _merge(store, graphs, seen)
    return QueryDataset(store, [*graphs], [*seen])


def _read_clauses(job: Job) -> tuple[tuple[str, ...], tuple[str, ...]]:
    try:
        dataset = parse_query(job.query, base=job.base).dataset
    except SparqlError as error:
        raise QueryRefusedError(
            "Several default graphs cannot be merged for this query; name them as "
            f"default-graph-uri in the request instead of by FROM. {error}"
        ) from error
    return (
        tuple(graph.value for graph in dataset.default),
        tuple(graph.value for graph in dataset.named),
    )


def _overlap(store: "Store", first: "NamedNode", second: "NamedNode") -> bool:
    return bool(
        store.query(f"ASK {{ GRAPH {first} {{ ?s ?p ?o }} GRAPH {second} {{ ?s ?p ?o }} }}")
    )


def _merge(store: "Store", graphs: "list[NamedNode]", seen: "list[NamedNode]") -> QueryDataset:
    from pyoxigraph import DefaultGraph, Quad, Store  # noqa: PLC0415 (slow to import)

    merged = Store()
    for graph in graphs:
        merged.bulk_extend(
            Quad(quad.subject, quad.predicate, quad.object)
            for quad in store.quads_for_pattern(None, None, None, graph)
        )
    for graph in seen:
        merged.bulk_extend(store.quads_for_pattern(None, None, None, graph))
    return QueryDataset(merged, [DefaultGraph()], [*seen])
