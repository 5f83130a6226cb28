"""Query results of a store, as columns and piece by piece.

Oxigraph writes TSV faster than it makes Python objects, and Polars reads it faster still. What
stands in the columns are the tokens as Oxigraph writes them: short forms of numbers, everything
else in N-Triples form.
"""

from collections.abc import Callable, Sequence
from typing import IO, TYPE_CHECKING, cast

import polars as pl

if TYPE_CHECKING:
    from pyoxigraph import QuerySolutions, Store

__all__ = ["read_columns"]

_PIECE = 16 << 20


def read_columns(
    store: "Store",
    query: str,
    columns: Sequence[str],
    take: Callable[[pl.DataFrame], None],
) -> None:
    """Run a query and hand out its solutions in frames of some 16 MiB of text.

    Args:
        store: the store.
        query: a SELECT query whose variables are always bound.
        columns: its variables.
        take: is given each frame, of string columns, as soon as it is there.
    """
    from pyoxigraph import QueryResultsFormat  # noqa: PLC0415 (slow to import)

    reader = _Reader(columns, take)
    results = cast("QuerySolutions", store.query(query))
    results.serialize(cast("IO[bytes]", reader), QueryResultsFormat.TSV)
    reader.finish()


class _Reader:
    """Takes a TSV document in pieces."""

    def __init__(self, columns: Sequence[str], take: Callable[[pl.DataFrame], None]) -> None:
        self._schema = dict.fromkeys(columns, pl.String())
        self._take = take
        self._rest = bytearray()
        self._header = "\t".join(columns).encode() + b"\n"
        self._is_begun = False

    def write(self, part: bytes) -> int:
        self._rest += part
        if len(self._rest) >= _PIECE:
            self._hand_out()
        return len(part)

    def flush(self) -> None:
        """Do nothing: `finish` hands out what is left."""

    def finish(self) -> None:
        self._hand_out()

    def _hand_out(self) -> None:
        if not self._is_begun:
            del self._rest[: self._rest.find(b"\n") + 1]
            self._is_begun = True
        end = self._rest.rfind(b"\n") + 1
        if end:
            # A header in front keeps what comes from looking like a compressed document.
            with memoryview(self._rest) as rest:
                lines = b"".join((self._header, rest[:end]))
            del self._rest[:end]
            self._take(pl.read_csv(lines, separator="\t", quote_char=None, schema=self._schema))
