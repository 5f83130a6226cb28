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

_RESULT_SET = "http://www.w3.org/2001/sw/DataAccess/tests/result-set#"

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
    triples = list(ox.parse(path=str(path), base_iri=published(path)))
    found: dict[tuple[object, str], list] = {}
    for triple in triples:
        found.setdefault((triple.subject, triple.predicate.value), []).append(triple.object)
    sets = [t.subject for t in triples if t.object == ox.NamedNode(f"{_RESULT_SET}ResultSet")]
    if not sets:
        return Graph(
            frozenset((_text(t.subject), _text(t.predicate), _text(t.object)) for t in triples)
        )

    def values(subject: object, name: str) -> list:
        return found.get((subject, _RESULT_SET + name), [])

    for boolean in values(sets[0], "boolean"):
        return boolean.value == "true"
    variables = [name.value for name in values(sets[0], "resultVariable")]
    solutions = values(sets[0], "solution")
    indexes = {solution: int(i.value) for solution in solutions for i in values(solution, "index")}
    rows = []
    for solution in sorted(solutions, key=lambda solution: indexes.get(solution, 0)):
        cells = {
            values(binding, "variable")[0].value: _text(values(binding, "value")[0])
            for binding in values(solution, "binding")
        }
        rows.append(tuple(cells.get(name) for name in variables))
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


def same_answer(
    ours: Answer, expected: Answer, *, ordered: bool, lax: bool = False, exact: bool = False
) -> bool:
    """Whether two answers are the same, up to the labels of blank nodes.

    Args:
        ours: the one answer.
        expected: the other one.
        ordered: whether the query orders its rows; it counts if both answers have an order.
        lax: whether duplicates may be missing (REDUCED).
        exact: whether lexical forms count that stores do not keep.
    """
    match ours, expected:
        case bool(), bool():
            return ours == expected
        case Graph(ours_triples), Graph(expected_triples):
            return _same_rows(ours_triples, expected_triples, exact=exact)
        case Table(), Table() if ours.variables == expected.variables:
            rows: tuple[Iterable[Row], Iterable[Row]] = (ours.rows, expected.rows)
            if lax:
                rows = (set(ours.rows), set(expected.rows))
            elif ordered and ours.ordered and expected.ordered:
                rows = (_numbered(ours.rows), _numbered(expected.rows))
            return _same_rows(*rows, exact=exact)
        case _:
            return False


def _numbered(rows: Iterable[Row]) -> Iterator[Row]:
    return ((str(number), *row) for number, row in enumerate(rows))


def _same_rows(ours: Iterable[Row], expected: Iterable[Row], *, exact: bool) -> bool:
    """Compare multisets of rows up to one renaming of their blank nodes."""
    counts = [
        Counter(row if exact else tuple(map(kept_form, row)) for row in rows)
        for rows in (ours, expected)
    ]
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
