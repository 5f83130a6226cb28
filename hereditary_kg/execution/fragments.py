"""A scratch store of the triples that a pattern can touch, and what Oxigraph says of it.

Bindings come to a pattern as inline data. Inline data cannot hold blank nodes; a row that has
some is put into the pattern by substitution, one row at a time.

Source: SPARQL 1.1 Query Language, section 18.6 (substitute).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import polars as pl

from hereditary_kg.execution.exact_terms import wrap_pattern, wrap_term, wrap_terms
from hereditary_kg.execution.residual import (
    EVALUATED_ROWS,
    NUMBER,
    evaluate_text,
    row_numbers,
    rows_text,
)
from hereditary_kg.planning.leaves import Leaf, pattern_leaves
from hereditary_kg.rdf.solutions import ROW
from hereditary_kg.rdf.terms import IRI, BlankNode, Literal, Term, parse_term
from hereditary_kg.sparql.algebra import (
    TRUE,
    Call,
    Expression,
    Minus,
    Pattern,
    Project,
    Variable,
)
from hereditary_kg.sparql.printing import group_text
from hereditary_kg.sparql.rewriting import rewrite_expressions
from hereditary_kg.sparql.variables import mentioned_variables, walk

if TYPE_CHECKING:
    import pyoxigraph

    Store: TypeAlias = pyoxigraph.Store
    StoreTerm: TypeAlias = (
        pyoxigraph.NamedNode | pyoxigraph.BlankNode | pyoxigraph.Literal | pyoxigraph.Triple
    )

__all__ = [
    "add_graphs",
    "add_nodes",
    "load_matches",
    "marked_rows",
    "open_store",
    "walk_from",
    "walk_texts",
]

_BLOCK = 1000


def open_store(graph_names: Iterable[IRI] = ()) -> "Store":
    """Make an empty store.

    Args:
        graph_names: named graphs that exist, whether a triple of them is loaded or not.
    """
    import pyoxigraph  # noqa: PLC0415 - start-up is part of the product

    store = pyoxigraph.Store()
    for name in graph_names:
        store.add_graph(pyoxigraph.NamedNode(name.value))
    return store


def add_graphs(store: "Store", names: pl.Series) -> None:
    """Make named graphs, of which no triple may be loaded.

    Args:
        store: the store.
        names: canonical texts.
    """
    import pyoxigraph  # noqa: PLC0415 - start-up is part of the product

    for term in map(parse_term, names):
        if isinstance(term, IRI):
            store.add_graph(pyoxigraph.NamedNode(term.value))


def load_matches(store: "Store", leaf: Leaf, solutions: pl.DataFrame) -> None:
    """Load matches of a triple pattern into a store, which keeps each triple once.

    Args:
        store: the store.
        leaf: the pattern, without a path.
        solutions: its matches.
    """
    if solutions.height:
        _load_lines(store, "".join(_quads(leaf, wrap_terms(solutions))))


def _load_lines(store: "Store", lines: str) -> None:
    import pyoxigraph  # noqa: PLC0415 - start-up is part of the product

    n_quads = pyoxigraph.RdfFormat.N_QUADS
    if "_:" in lines:
        # Loading gives blank nodes other labels.
        store.extend(pyoxigraph.parse(lines, format=n_quads))
    else:
        # Other threads, and so other requests, go on meanwhile.
        store.load(lines, format=n_quads)


def _quads(leaf: Leaf, solutions: pl.DataFrame) -> Iterable[str]:
    ends = [leaf.triple.subject, leaf.triple.predicate, leaf.triple.object]
    if leaf.graph is not None:
        ends.append(leaf.graph)
    if not solutions.width:
        return (" ".join(str(wrap_term(end)) for end in ends) + " .\n",)
    cells = [
        pl.col(end.name) if isinstance(end, Variable) else pl.lit(str(wrap_term(end)))
        for end in ends
    ]
    line = pl.concat_str(*cells, pl.lit(".\n"), separator=" ").alias("line")
    return solutions.select(line)["line"]


def walk_texts(
    pattern: Pattern, variables: Sequence[Variable], start: str, terms: pl.Series
) -> Iterator[str]:
    """Write queries for a path from given terms, some hundred at a time.

    Args:
        pattern: the path pattern alone.
        variables: its variables.
        start: the one to start from.
        terms: where to start from, without blank nodes, which cannot be written.
    """
    head = " ".join(f"?{variable.name}" for variable in variables)
    group = group_text(wrap_pattern(pattern))
    starts = wrap_terms(terms.to_frame()).to_series()
    for offset in range(0, len(starts), _BLOCK):
        data = " ".join(f"({term})" for term in starts.slice(offset, _BLOCK))
        yield f"SELECT {head} WHERE {{ VALUES (?{start}) {{ {data} }} {group} }}"


def walk_from(
    pattern: Pattern, variables: Sequence[Variable], start: str, term: str, store: "Store"
) -> pl.DataFrame:
    """Evaluate a path from one term, which may be a blank node."""
    head = " ".join(f"?{variable.name}" for variable in variables)
    text = f"SELECT {head} WHERE {{ {group_text(wrap_pattern(pattern))} }}"
    return evaluate_text(text, store, substitutions({start: term}))


def add_nodes(pattern: Pattern, terms: pl.Series, store: "Store") -> None:
    """Make terms that are nodes of the merge nodes of the store as well.

    A path of zero length connects nodes only, and the store has only the edges that the path
    walks. The triple that names a node has a predicate of its own; a path that can walk any
    predicate has all triples, and so all nodes, already.
    """
    (leaf,) = pattern_leaves(pattern)
    if not leaf.zero_length or leaf.walks_anything:
        return
    if leaf.graph is None:
        graphs = [""]
    elif isinstance(leaf.graph, IRI):
        graphs = [f" {leaf.graph.text}"]
    else:
        graphs = [f" {name}" for name in store.named_graphs()]
    marker = IRI("urn:hkg:node").text
    terms = wrap_terms(terms.to_frame()).to_series()
    lines = "".join(f"{marker} {marker} {term}{graph} .\n" for graph in graphs for term in terms)
    _load_lines(store, lines)


def marked_rows(
    rows: pl.DataFrame, pattern: Pattern, store: "Store", prologue: str = ""
) -> pl.Series:
    """Give the numbers of the rows for which ``EXISTS { pattern }`` holds over ``store``.

    Args:
        rows: numbered rows (a column :data:`ROW`), only the columns that the pattern mentions.
        pattern: the pattern of EXISTS.
        store: what it is evaluated over.
        prologue: a BASE declaration, or nothing.
    """
    rows, pattern = wrap_terms(rows), wrap_pattern(pattern)
    columns = [name for name in rows.columns if name != ROW]
    # Oxigraph hands the row's own bindings to both sides of a MINUS inside EXISTS, where the
    # row's number would count as a variable that they share.
    one_by_one = any(isinstance(node, Minus) for node in walk(pattern))
    blank = pl.any_horizontal(
        [pl.lit(value=one_by_one), *(pl.col(name).str.starts_with("_:") for name in columns)]
    ).fill_null(value=False)
    plain = rows.filter(~blank)
    exists = f"FILTER EXISTS {{ {group_text(pattern)} }}"
    found: list[int] = []
    for block in plain.iter_slices(EVALUATED_ROWS):
        text = f"{prologue}SELECT ?{NUMBER} WHERE {{ {rows_text(block, columns)} {exists} }}"
        found += row_numbers(evaluate_text(text, store)).to_list()
    for row in rows.filter(blank).iter_rows(named=True):
        cells = {name: row[name] for name in columns if row[name] is not None}
        tested = f"FILTER EXISTS {{ {group_text(_with_bound(pattern, cells))} }}"
        if _exists(cells, tested, store, prologue):
            found.append(row[ROW])
    return pl.Series(ROW, found, dtype=pl.UInt32)


def _with_bound(pattern: Pattern, cells: Mapping[str, str]) -> Pattern:
    """Replace BOUND of what a row binds by true: Oxigraph decides it before it substitutes."""
    hidden = {
        variable
        for node in walk(pattern)
        if isinstance(node, Project)
        for variable in mentioned_variables(node.pattern) - set(node.variables)
    }

    def replaced(expression: Expression) -> Expression:
        match expression:
            case Call("BOUND", (Variable(name) as variable,)) if name in cells:
                return expression if variable in hidden else TRUE
            case _:
                return expression

    return rewrite_expressions(pattern, replaced)


def _exists(cells: Mapping[str, str], exists: str, store: "Store", prologue: str) -> bool:
    """Whether a filter with EXISTS holds for one row."""
    if not any(text.startswith("_:") for text in cells.values()):
        head = " ".join(f"?{name}" for name in cells)
        data = f"VALUES ({head}) {{ ({' '.join(cells.values())}) }}"
        text = f"{prologue}SELECT (1 AS ?{NUMBER}) WHERE {{ {data} {exists} }}"
        return bool(evaluate_text(text, store).height)
    # Oxigraph substitutes only for variables that the query projects and reads.
    read = (f"?{name} (STR(?{name}) AS ?{NUMBER}{i})" for i, name in enumerate(cells))
    text = f"{prologue}SELECT {' '.join(read)} WHERE {{ {exists} }}"
    return bool(evaluate_text(text, store, substitutions(cells)).height)


def substitutions(cells: Mapping[str, str]) -> "dict[pyoxigraph.Variable, StoreTerm]":
    """Give the substitutions that put canonical terms in the places of variables."""
    import pyoxigraph  # noqa: PLC0415 - start-up is part of the product

    return {
        pyoxigraph.Variable(name): _store_term(parse_term(text)) for name, text in cells.items()
    }


def _store_term(term: Term) -> "StoreTerm":
    """Give a term as Oxigraph's."""
    import pyoxigraph  # noqa: PLC0415 - start-up is part of the product

    match term:
        case IRI(value):
            return pyoxigraph.NamedNode(value)
        case BlankNode(label):
            return pyoxigraph.BlankNode(label)
        case Literal(lexical, _, str(language)):
            return pyoxigraph.Literal(lexical, language=language)
        case Literal(lexical, datatype, _):
            return pyoxigraph.Literal(lexical, datatype=pyoxigraph.NamedNode(datatype))
