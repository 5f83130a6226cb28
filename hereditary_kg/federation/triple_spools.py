"""A file of triples that were read from a member, on their way into a store of our own."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import polars as pl

if TYPE_CHECKING:
    from pyoxigraph import Store

__all__ = ["TripleSpool"]

_COLUMNS = ("s", "p", "o")
_DATATYPE = r'"\^\^<([^<>]*)>$'


class TripleSpool:
    """Takes triples in any order, twice too, and gives a store of them.

    One file and not many, because a store gives blank nodes new labels with each file.

    Attributes:
        datatypes: predicate IRI -> the datatypes of its literals, but for those of texts.
    """

    def __init__(self, directory: Path) -> None:
        """Begin an empty spool in a directory that outlives it."""
        self.datatypes: defaultdict[str, set[str]] = defaultdict(set)
        self._path = directory / "triples.nt"
        self._store = directory / "store"
        self._file = self._path.open("wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def add(self, frame: pl.DataFrame) -> None:
        """Add triples: columns s, p and o of canonical terms."""
        frame.select(*_COLUMNS, pl.lit(".").alias("end")).write_csv(
            self._file, include_header=False, separator=" ", quote_style="never"
        )
        typed = (
            frame.lazy()
            .select("p", datatype=pl.col("o").str.extract(_DATATYPE))
            .drop_nulls()
            .unique()
            .collect()
        )
        for predicate, datatype in typed.iter_rows():
            self.datatypes[predicate[1:-1]].add(datatype)

    def load(self, without: Iterable[str]) -> "Store":
        """Load the triples.

        Args:
            without: IRIs of predicates whose triples are left out.
        """
        from pyoxigraph import NamedNode, RdfFormat, Store  # noqa: PLC0415 (slow to import)

        self._file.close()
        store = Store(str(self._store))
        # What the member holds it holds, be its IRIs and language tags right or not.
        store.bulk_load(path=str(self._path), format=RdfFormat.N_TRIPLES, lenient=True)
        for iri in without:
            for quad in list(store.quads_for_pattern(None, NamedNode(iri), None)):
                store.remove(quad)
        return store
