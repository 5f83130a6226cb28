"""Answers that compare: what a test expects, what Oxigraph gives, what the federation gives.

Literals compare in the form in which a store keeps them. Oxigraph keeps the value of numbers,
booleans and dates and not how it was written (``"01"^^xsd:integer`` comes back as ``1``), so
that a manifest's own form is lost as soon as its data are loaded.

Blank nodes compare up to their labels: two answers are the same if there is one renaming for
the whole answer.

Source: SPARQL 1.1 Query Results XML, JSON, CSV and TSV formats; the vocabulary of result sets
of the Data Access Working Group (http://www.w3.org/2001/sw/DataAccess/tests/result-set#).
"""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import networkx as nx
import pyoxigraph as ox

from hereditary_kg.rdf.terms import Literal, parse_term
from tests.conformance.manifests import published

__all__ = [
    "Answer",
    "Graph",
    "Table",
    "expected_answer",
    "kept_form",
    "read_oxigraph",
    "same_answer",
]

Row = tuple[str | None, ...]


@dataclass(frozen=True)
class Table:
    """Solutions.

    Attributes:
        variables: the columns, sorted.
        rows: canonical term texts, None for unbound.
        ordered: whether the order of rows counts.
    """

    variables: tuple[str, ...]
    rows: tuple[Row, ...]
    ordered: bool = False


@dataclass(frozen=True)
class Graph:
    """Triples, as canonical texts."""

    triples: frozenset[Row]


Answer = bool | Table | Graph


# Reading


def expected_answer(path: Path) -> Answer:
    """Read a file with an expected answer; the order of its rows counts where it gives one."""
    content = path.read_bytes()
    match path.suffix:
        case ".srx":
            return read_oxigraph(ox.parse_query_results(content, ox.QueryResultsFormat.XML))
        case ".srj":
            return read_oxigraph(ox.parse_query_results(content, ox.QueryResultsFormat.JSON))
        case ".tsv":
            return read_oxigraph(ox.parse_query_results(content, ox.QueryResultsFormat.TSV))
        case ".csv":
            return read_csv(content)
        case _:
            return _read_rdf(path)


def read_csv(content: bytes) -> Table:
    """Read CSV results; all that they say of a term is its text."""
    variables, *rows = csv.reader(io.StringIO(content.decode(), newline=""))
    cells = (tuple(cell if cell.startswith("_:") else _csv_form(cell) for cell in r) for r in rows)
    return _table(variables, cells)


def _csv_form(cell: str) -> str:
    try:
        number = float(cell)
    except ValueError:
        return Literal(cell).text
    return Literal(repr(number)).text


def read_oxigraph(results: ox.QuerySolutions | ox.QueryBoolean | ox.QueryTriples) -> Answer:
    """Read what pyoxigraph gives, for a query or for a document of results."""
    if isinstance(results, ox.QueryBoolean):
        return bool(results)
    if isinstance(results, ox.QueryTriples):
        return Graph(frozenset(tuple(map(_text, triple)) for triple in results))
    variables = [variable.value for variable in results.variables]
    return _table(variables, (tuple(map(_text, solution)) for solution in results))


def _read_rdf(path: Path) -> Answer:
    store = ox.Store()
    store.load(path=str(path), base_iri=published(path))
    names = {"rs": "http://www.w3.org/2001/sw/DataAccess/tests/result-set#"}
    boolean = list(store.query("SELECT ?value { ?set rs:boolean ?value }", prefixes=names))
    if boolean:
        return boolean[0]["value"].value == "true"
    sets = list(store.query("SELECT ?set { ?set a rs:ResultSet }", prefixes=names))
    if not sets:
        return Graph(
            frozenset((_text(q.subject), _text(q.predicate), _text(q.object)) for q in store)
        )
    variables = [
        row["name"].value
        for row in store.query("SELECT ?name { ?set rs:resultVariable ?name }", prefixes=names)
    ]
    cells: dict[str, dict[str, str | None]] = {}
    indexes: dict[str, int] = {}
    solutions = """
        SELECT ?solution ?index ?name ?value {
            ?set rs:solution ?solution
            OPTIONAL { ?solution rs:index ?index }
            OPTIONAL { ?solution rs:binding [ rs:variable ?name ; rs:value ?value ] }
        }"""
    for row in store.query(solutions, prefixes=names):
        solution = cells.setdefault(str(row["solution"]), {})
        if row["name"] is not None:
            solution[row["name"].value] = _text(row["value"])
        if row["index"] is not None:
            indexes[str(row["solution"])] = int(row["index"].value)
    order = sorted(cells, key=lambda solution: indexes.get(solution, 0))
    rows = (tuple(cells[solution].get(name) for name in variables) for solution in order)
    return _table(variables, rows, ordered=bool(indexes))


def _table(variables: Iterable[str], rows: Iterable[Row], *, ordered: bool = True) -> Table:
    variables = list(variables)
    places = sorted(range(len(variables)), key=variables.__getitem__)
    return Table(
        tuple(variables[i] for i in places),
        tuple(tuple(row[i] for i in places) for row in rows),
        ordered,
    )


def _text(term: object) -> str | None:
    return None if term is None else parse_term(str(term)).text


# Comparing


def same_answer(ours: Answer, expected: Answer, *, ordered: bool, lax: bool = False) -> bool:
    """Whether two answers are the same, up to the labels of blank nodes.

    Args:
        ours: the one answer.
        expected: the other one.
        ordered: whether the query orders its rows; it counts if both answers have an order.
        lax: whether duplicates may be missing (REDUCED).
    """
    match ours, expected:
        case bool(), bool():
            return ours == expected
        case Graph(ours_triples), Graph(expected_triples):
            return _same_rows(ours_triples, expected_triples)
        case Table(), Table():
            if ours.variables != expected.variables:
                return False
            if lax:
                return _same_rows(set(ours.rows), set(expected.rows))
            if ordered and ours.ordered and expected.ordered:
                return _same_rows(_numbered(ours.rows), _numbered(expected.rows))
            return _same_rows(ours.rows, expected.rows)
        case _:
            return False


def _numbered(rows: Iterable[Row]) -> Iterator[Row]:
    return ((str(number), *row) for number, row in enumerate(rows))


def _same_rows(ours: Iterable[Row], expected: Iterable[Row]) -> bool:
    """Compare multisets of rows up to one renaming of their blank nodes."""
    counts = [Counter(tuple(map(kept_form, row)) for row in rows) for rows in (ours, expected)]
    if counts[0] == counts[1]:
        return True
    left, right = map(_incidence, counts)
    return nx.vf2pp_is_isomorphic(left, right, node_label="label")


def _incidence(counts: Counter[Row]) -> "nx.Graph":
    """Make a graph of rows, their cells and the blank nodes in them."""
    graph: nx.Graph = nx.Graph()
    for number, (row, count) in enumerate(counts.items()):
        blank = [i for i, cell in enumerate(row) if cell is not None and cell.startswith("_:")]
        ground = tuple(None if i in blank else cell for i, cell in enumerate(row))
        graph.add_node(("row", number), label=str((ground, blank, count)))
        for place in blank:
            graph.add_node(("cell", number, place), label=f"cell {place}")
            graph.add_node(("node", row[place]), label="node")
            graph.add_edge(("row", number), ("cell", number, place))
            graph.add_edge(("cell", number, place), ("node", row[place]))
    return graph


@cache
def kept_form(text: str | None) -> str | None:
    """Give the form in which a store keeps a term."""
    if text is None or text.startswith(("<", "_:")) or not text.startswith('"'):
        return text
    literal = parse_term(text)
    assert isinstance(literal, Literal)
    store = ox.Store()
    node = ox.NamedNode("urn:kept")
    store.add(ox.Quad(node, node, _oxigraph_literal(literal)))
    (quad,) = store
    return _text(quad.object)


def _oxigraph_literal(literal: Literal) -> ox.Literal:
    if literal.language is not None:
        return ox.Literal(literal.lexical, language=literal.language)
    return ox.Literal(literal.lexical, datatype=ox.NamedNode(literal.datatype))
