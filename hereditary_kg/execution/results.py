"""The answer to a federated query."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import polars as pl

from hereditary_kg.execution.certificates import Certificate
from hereditary_kg.execution.preparation import PreparedQuery
from hereditary_kg.execution.timings import Timings
from hereditary_kg.planning.conversion_reports import trace_codes
from hereditary_kg.planning.explanation import Explanation
from hereditary_kg.rdf.graph_writing import write_triples
from hereditary_kg.rdf.media_types import GraphFormat
from hereditary_kg.rdf.native_values import native_columns
from hereditary_kg.rdf.terms import Term, parse_term

if TYPE_CHECKING:
    import pandas as pd
    import rdflib

__all__ = ["Result"]


@dataclass(frozen=True, eq=False)
class Result:
    """An answer, its certificate, its plan and where the time went.

    Attributes:
        kind: ``solutions`` (SELECT), ``boolean`` (ASK) or ``graph`` (CONSTRUCT).
        variables: the columns: the query's variables, or subject, predicate, object.
        frame: the rows as canonical term texts, null for unbound; one row says yes to ASK.
        certificate: what the answer is worth.
        timings: where the time went.
        prepared: the stages of planning behind it.
    """

    kind: Literal["solutions", "boolean", "graph"]
    variables: tuple[str, ...]
    frame: pl.DataFrame
    certificate: Certificate
    timings: Timings
    prepared: PreparedQuery
    _explain: Callable[[], Explanation]

    @cached_property
    def plan(self) -> Explanation:
        """What was asked of whom, with estimated and actual rows; made when first wanted."""
        return self._explain()

    def __len__(self) -> int:
        return self.frame.height

    def __bool__(self) -> bool:
        """The answer to an ASK; else whether there is any row."""
        return bool(self.frame.height)

    def __iter__(self) -> Iterator[dict[str, Term]]:
        """Iterate over rows: the bound variables and their terms."""
        if not self.variables:
            yield from ({} for _ in range(self.frame.height))
            return
        for row in self.frame.iter_rows(named=True):
            yield {name: parse_term(text) for name, text in row.items() if text is not None}

    def __repr__(self) -> str:
        return f"<Result: {self.frame.height} rows; {self.certificate.statement}>"

    def trace(self, row: int) -> pl.DataFrame:
        """Give the mappings behind a row.

        Args:
            row: its number, from 0.

        Returns:
            A line for each of the members' codes that the row may rest on: those that stand for
            the codes that the query asks for, and for those that the row shows. ``variable`` is
            null for codes that the row does not show; ``mappings`` are mapping sets and rows.

        Raises:
            IndexError: there is no such row.
        """
        shown = self.frame.row(row, named=True)
        return trace_codes(self.certificate.conversions, shown)

    def to_polars(self, *, native: bool = True) -> pl.DataFrame:
        """Give the rows as a Polars frame.

        Args:
            native: numbers, dates and booleans as such, IRIs and strings without their
                delimiters; False keeps the canonical text of every term.
        """
        return native_columns(self.frame) if native else self.frame

    def to_pandas(self, *, native: bool = True) -> "pd.DataFrame":
        """Give the rows as a pandas frame; needs the extra ``hereditary-kg[pandas]``."""
        return self.to_polars(native=native).to_pandas()

    def to_graph(self) -> "rdflib.Graph":
        """Give the triples of a CONSTRUCT or DESCRIBE as an rdflib graph.

        Raises:
            TypeError: the answer is no graph.
        """
        if self.kind != "graph":
            raise TypeError(f"the answer is of the kind {self.kind!r}; only a graph has triples")
        import rdflib  # noqa: PLC0415 - takes a third of a second, and few answers are graphs

        document = write_triples(self.frame, GraphFormat.NTRIPLES)
        return rdflib.Graph().parse(data=document, format="nt")

    def write(self, path: str | Path, names: Sequence[str] | None = None) -> None:
        """Write the rows to a Parquet file with native columns.

        Args:
            path: the file.
            names: which columns; None for all.
        """
        frame = self.to_polars()
        (frame if names is None else frame.select(names)).write_parquet(path)
