"""CONSTRUCT: from solutions and a template to triples.

Source: SPARQL 1.1 Query Language, section 16.2.
"""

from collections.abc import Sequence

import polars as pl

from hereditary_kg.rdf.terms import BlankNode
from hereditary_kg.sparql.algebra import Path, TriplePattern, Variable, VariableOrTerm

__all__ = ["TRIPLE_COLUMNS", "construct_triples"]

TRIPLE_COLUMNS = ("subject", "predicate", "object")


def construct_triples(frame: pl.DataFrame, template: Sequence[TriplePattern]) -> pl.DataFrame:
    """Put every solution into the template.

    Triples with an unbound variable, a literal as subject or a predicate that is no IRI are
    left out; a blank node of the template is another one for each solution; the result is a
    set.

    Returns:
        A frame of the columns :data:`TRIPLE_COLUMNS`.
    """
    numbered = frame.with_row_index(".number")
    parts = []
    for triple in template:
        ends = (triple.subject, triple.predicate, triple.object)
        columns = [
            _cell(end, numbered).alias(name) for end, name in zip(ends, TRIPLE_COLUMNS, strict=True)
        ]
        parts.append(numbered.select(columns))
    if not parts:
        return pl.DataFrame(schema=dict.fromkeys(TRIPLE_COLUMNS, pl.String))
    triples = pl.concat(parts).drop_nulls()
    legal = ~pl.col("subject").str.starts_with('"') & pl.col("predicate").str.starts_with("<")
    return triples.filter(legal).unique(maintain_order=True)


def _cell(end: VariableOrTerm | Path, numbered: pl.DataFrame) -> pl.Expr:
    if isinstance(end, Variable):
        if end.name not in numbered.columns:
            return pl.repeat(None, pl.len(), dtype=pl.String)
        return pl.col(end.name)
    if isinstance(end, BlankNode):
        # No member's name has an underscore, so no member's blank node has such a label.
        return pl.concat_str(pl.lit(f"_:new_{end.label}."), pl.col(".number"))
    return pl.repeat(str(end), pl.len(), dtype=pl.String)
