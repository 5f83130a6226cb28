"""Other clients, and their answers in the form that ours are compared in."""

import warnings
from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["Row", "canonical_rows", "rdflib_rows", "rdflib_terms", "wrapper_rows", "wrapper_terms"]

Row = tuple[str | None, ...]

# Terms of SPARQLWrapper: (type, value, datatype, language), as hashable as its users make them.
Term = tuple[str, str, str | None, str | None] | None


def wrapper_rows(url: str, query: str, variables: Sequence[str]) -> list[tuple[Term, ...]]:
    """Ask with SPARQLWrapper and JSON."""
    from SPARQLWrapper import JSON, POST, SPARQLWrapper

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        client = SPARQLWrapper(url, returnFormat=JSON)
        client.setMethod(POST)
        client.setQuery(query)
        answer: Any = client.queryAndConvert()
    return [
        tuple(_term(binding.get(name)) for name in variables)
        for binding in answer["results"]["bindings"]
    ]


def _term(cell: dict[str, str] | None) -> Term:
    if cell is None:
        return None
    return cell["type"], cell["value"], cell.get("datatype"), cell.get("xml:lang")


def rdflib_rows(url: str, query: str, variables: Sequence[str], results: str) -> list[Any]:
    """Ask with rdflib's SPARQLStore; rows of rdflib's terms."""
    from rdflib import Graph
    from rdflib.plugins.stores.sparqlstore import SPARQLStore

    # Such a store sends its queries by POST if it is told so, and reads XML if it is not.
    store = SPARQLStore(url, method="POST", returnFormat=results)
    return [tuple(row[name] for name in variables) for row in Graph(store).query(query)]


def wrapper_terms(rows: Iterable[tuple[Term, ...]]) -> set[Row]:
    """Bring SPARQLWrapper's rows to canonical text."""

    def text(term: Term) -> str | None:
        if term is None:
            return None
        kind, value, datatype, language = term
        if kind == "uri":
            return f"<{value}>"
        if kind == "bnode":
            return f"_:{value}"
        suffix = f"@{language}" if language else f"^^<{datatype}>" if datatype else ""
        return f'"{value}"{suffix}'

    return {tuple(map(text, row)) for row in rows}


def rdflib_terms(rows: Iterable[tuple[Any, ...]]) -> set[Row]:
    """Bring rdflib's rows to canonical text."""
    return {tuple(None if term is None else term.n3() for term in row) for row in rows}


def canonical_rows(frame: Any) -> list[Row]:
    """Give the rows of a frame of canonical terms."""
    return frame.rows()
