"""A scratch store of the triples that a pattern can touch, and what Oxigraph says of it."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import polars as pl

from hereditary_kg.execution.residual import evaluate_text
from hereditary_kg.rdf.solutions import restrict
from hereditary_kg.sparql.algebra import Pattern, TriplePattern, Variable
from hereditary_kg.sparql.printing import select_text

if TYPE_CHECKING:
    import pyoxigraph

__all__ = ["evaluate_fragment", "fragment_store"]


def fragment_store(
    matches: Iterable[tuple[TriplePattern, pl.DataFrame]],
) -> "pyoxigraph.Store":
    """Load the matches of triple patterns into a store, each triple once.

    Args:
        matches: triple patterns without paths, each with its solutions.
    """
    import pyoxigraph  # noqa: PLC0415 - start-up is part of the product

    store = pyoxigraph.Store()
    for triple, solutions in matches:
        cells = [
            pl.col(end.name) if isinstance(end, Variable) else pl.lit(str(end))
            for end in (triple.subject, triple.predicate, triple.object)
        ]
        line = pl.concat_str(*cells, pl.lit(".\n"), separator=" ").alias("line")
        lines = solutions.select(line)["line"] if solutions.width else [_constant_line(triple)]
        if solutions.height:
            document = "".join(lines).encode()
            store.extend(pyoxigraph.parse(document, format=pyoxigraph.RdfFormat.N_TRIPLES))
    return store


def _constant_line(triple: TriplePattern) -> str:
    return f"{triple.subject} {triple.predicate} {triple.object} .\n"


def evaluate_fragment(
    pattern: Pattern, variables: tuple[Variable, ...], store: "pyoxigraph.Store"
) -> pl.DataFrame:
    """Evaluate ``pattern`` over ``store``."""
    answer = evaluate_text(select_text(pattern, variables), store)
    return restrict(answer, [variable.name for variable in variables])
