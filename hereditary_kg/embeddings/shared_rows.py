"""Rows that several sites have: which of a site's rows are which of everybody's."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hereditary_kg.embeddings.errors import TrainingError

__all__ = ["SharedRows"]


@dataclass(frozen=True, eq=False)
class SharedRows:
    """Which of a site's rows are shared, and as which.

    Args:
        own: numbers of the site's rows, shape ``[k]``.
        shared: the number that all sites know each of them by, ascending, shape ``[k]``.
        total: how many shared rows there are at all sites.

    Raises:
        TrainingError: they do not belong together.
    """

    own: NDArray[np.int64]
    shared: NDArray[np.int64]
    total: int

    def __post_init__(self) -> None:
        fits = len(self.own) == len(self.shared) == len(np.unique(self.own))
        if not (fits and (np.diff(self.shared) > 0).all()):
            raise TrainingError("Shared rows are numbered twice or out of order. Align anew.")
        if len(self.shared) and not 0 <= self.shared[0] <= self.shared[-1] < self.total:
            raise TrainingError(f"A shared row is none of {self.total}. Align anew.")

    def within(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Find those of some shared rows that the site has.

        Args:
            rows: numbers of shared rows, ascending, shape ``[n]``.

        Returns:
            the places in ``rows``, and the site's own rows there, of the same length.
        """
        _, places, own = np.intersect1d(rows, self.shared, assume_unique=True, return_indices=True)
        return places, self.own[own]

    def with_inverses(self, relations: int) -> "SharedRows":
        """Give the map of a model that has a second row for each relation.

        Args:
            relations: how many relations the site has.
        """
        return SharedRows(
            np.concatenate([self.own, self.own + relations]),
            np.concatenate([self.shared, self.shared + self.total]),
            2 * self.total,
        )
