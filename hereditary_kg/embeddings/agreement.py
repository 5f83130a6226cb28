"""What the sites of a run have agreed on so far: how far each shared row is from its start."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hereditary_kg.embeddings.strategies import Kind

__all__ = ["Agreement"]


class Agreement:
    """The sum of all rounds' mean changes, which is what a site needs that has missed rounds.

    Args:
        sizes: how many shared rows of each kind there are.
        columns: the names of what is exchanged, and how many numbers a row of each has.
        bits: 16 where sites are told numbers of half precision, to send half as much; the
            agreement is of such numbers itself, so that server and sites have the same.
    """

    def __init__(
        self, sizes: Mapping[Kind, int], columns: Mapping[str, int], bits: int = 32
    ) -> None:
        self._sizes = dict(sizes)
        kind = np.float16 if bits == 16 else np.float32
        self.offsets: dict[str, NDArray[np.floating[Any]]] = {
            name: np.zeros((self._sizes[_kind(name)], width), dtype=kind)
            for name, width in columns.items()
            if not name.endswith("/weight")
        }

    def add(
        self, rows: Mapping[Kind, NDArray[np.int64]], means: Mapping[str, NDArray[np.float64]]
    ) -> None:
        """Add a round's mean changes of some rows."""
        for name, mean in means.items():
            chosen = rows[_kind(name)]
            self.offsets[name][chosen] = self.offsets[name][chosen] + mean

    def agreed_rows(self) -> dict[Kind, NDArray[np.int64]]:
        """Give the numbers of the rows that some round has changed.

        Of the others, those that too few sites have and those whose turn has not come, each site
        keeps what it has learned by itself.
        """
        return {kind: np.flatnonzero(self.offsets[kind].any(axis=1)) for kind in self._sizes}

    def part(self, rows: Mapping[Kind, NDArray[np.int64]]) -> dict[str, NDArray[np.floating[Any]]]:
        """Give the offsets of some rows, of the kinds that are among them."""
        return {
            name: values[rows[_kind(name)]]
            for name, values in self.offsets.items()
            if _kind(name) in rows
        }


def _kind(name: str) -> Kind:
    return "entities" if name.partition("/")[0] == "entities" else "relations"
