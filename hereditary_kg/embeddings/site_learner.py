"""One site's part in a training across sites, whatever carries the messages."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hereditary_kg.embeddings.errors import TrainingError
from hereditary_kg.embeddings.local_training import Training
from hereditary_kg.embeddings.shared_rows import SharedRows
from hereditary_kg.embeddings.strategies import Kind, Strategy, Weighting

__all__ = ["WEIGHT_CAP", "Contribution", "SiteLearner", "mean_changes", "weigh_rows"]

WEIGHT_CAP = 1024
"""Triples with a row beyond which a site's weight for it does not grow."""


@dataclass(frozen=True, eq=False)
class Contribution:
    """What a site adds to a round's sums.

    Attributes:
        owned: for each kind, which of the round's rows the site has: ``bool``, shape ``[n]``.
        tensors: for each name, weighted changes in the round's rows, 0 where the site has none:
            ``float32``, shape ``[n, columns]``. ``…/weight`` has the weights themselves.
    """

    owned: dict[str, NDArray[np.bool_]]
    tensors: dict[str, NDArray[np.float32]]


class SiteLearner:
    """One site's part in the training of a model with others, wherever the others are.

    Rounds go: `train`, `contribute`, and, once the mean of all contributions is there, `receive`.
    Rows that are not shared never leave.

    Args:
        training: the site's own training; its shared rows are replaced by the common start.
        maps: the shared rows of each kind that the strategy exchanges.
        start: for each kind the vectors that all sites start from, shape ``[total, d]``.
        weights: for each kind the weight of each of the site's rows, above 0 to 1, shape ``[n]``:
            see `weigh_rows`.
        strategy: what is exchanged, and how.
        seed: the run's, the same at all sites.
    """

    def __init__(
        self,
        training: Training,
        maps: Mapping[Kind, SharedRows],
        start: Mapping[Kind, Tensor],
        *,
        weights: Mapping[Kind, NDArray[np.float32]],
        strategy: Strategy,
        seed: int,
    ) -> None:
        self.training = training
        self.strategy = strategy
        self._maps = {kind: maps[kind] for kind in strategy.kinds}
        self._weights = weights
        self._seed = seed
        self._consensus: dict[str, Tensor] = {}
        for kind, rows in self._maps.items():
            shared, own = torch.from_numpy(rows.shared), torch.from_numpy(rows.own)
            self._consensus[kind] = start[kind].clone()
            training.assign(kind, start[kind][shared], own)
            for name, values in self._states(kind).items():
                self._consensus[name] = values.new_zeros(rows.total, *values.shape[1:])

    def rows(self, round_number: int) -> dict[Kind, NDArray[np.int64]]:
        """Give the shared rows of each kind that a round exchanges."""
        return {
            kind: self.strategy.exchanged_rows(rows.total, round_number, self._seed)
            for kind, rows in self._maps.items()
        }

    def columns(self) -> dict[str, int]:
        """Give the names of what is exchanged, and how many numbers a row of each has."""
        found = {name: values.shape[1] for name, values in self._consensus.items()}
        if self.strategy.weighting == "triples":
            found |= {f"{kind}/weight": 1 for kind in self._maps}
        return found

    def train(self, epochs: int) -> list[float]:
        """Train a round's epochs on the site's own triples, and give their mean losses.

        Raises:
            TrainingError: a loss is not a number.
        """
        if self.strategy.proximal:
            self.training.pull_towards(self.training.parameters(), self.strategy.proximal)
        return self.training.train(epochs)

    def contribute(self, round_number: int) -> Contribution:
        """Give the weighted changes of the rows that a round exchanges."""
        owned: dict[str, NDArray[np.bool_]] = {}
        tensors: dict[str, NDArray[np.float32]] = {}
        for kind, rows in self.rows(round_number).items():
            places, own = self._maps[kind].within(rows)
            owned[kind] = np.zeros(len(rows), dtype=np.bool_)
            owned[kind][places] = True
            weights = self._weights[kind][own]
            if self.strategy.weighting == "triples":
                tensors[f"{kind}/weight"] = _spread(weights[:, None], places, len(rows))
            for name, values in self._exchanged(kind).items():
                now = values.index_select(0, torch.from_numpy(own))
                before = self._consensus[name][torch.from_numpy(rows[places])]
                change = (now - before).cpu().numpy() * weights[:, None]
                tensors[name] = _spread(change, places, len(rows))
        return Contribution(owned, tensors)

    def receive(self, round_number: int, means: Mapping[str, NDArray[np.floating[Any]]]) -> None:
        """Take the mean change of each row that a round exchanged.

        Args:
            round_number: the round.
            means: for each name but the weights', shape ``[n, columns]``; 0 for rows that nobody
                changed.

        Raises:
            TrainingError: it has another shape than the round's rows, or is not finite.
        """
        for kind, rows in self.rows(round_number).items():
            places, own = self._maps[kind].within(rows)
            own_rows, shared_rows = torch.from_numpy(own), torch.from_numpy(rows)
            for name, values in self._exchanged(kind).items():
                mean = torch.from_numpy(np.asarray(means[name], dtype=np.float32))
                consensus = self._consensus[name]
                if mean.shape != (len(rows), consensus.shape[1]) or not mean.isfinite().all():
                    raise TrainingError(
                        f"What came back for {name} in round {round_number} is not finite, or not "
                        f"{len(rows)} rows of {consensus.shape[1]}. Nothing of it was taken."
                    )
                consensus.index_add_(0, shared_rows, mean.to(consensus))
                common = consensus[torch.from_numpy(rows[places])]
                kept = self.strategy.own_share if name == kind else 0.0
                mixed = torch.lerp(common, values.index_select(0, own_rows), kept)
                self.training.assign(name, mixed, own_rows)

    def state(self) -> dict[str, Tensor]:
        """Give what a checkpoint has to hold beside the training's own vectors and state."""
        return {f"consensus/{name}": values for name, values in self._consensus.items()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a checkpoint's state; the training is restored by itself."""
        for name, values in self._consensus.items():
            values.copy_(state[f"consensus/{name}"])

    def _exchanged(self, kind: Kind) -> dict[str, Tensor]:
        return {kind: self.training.parameters()[kind], **self._states(kind)}

    def _states(self, kind: Kind) -> dict[str, Tensor]:
        if not self.strategy.optimiser_state:
            return {}
        state = self.training.optimiser_state()
        return {name: values for name, values in state.items() if name.startswith(f"{kind}/")}


def mean_changes(
    sums: Mapping[str, NDArray[np.floating[Any]]], owners: Mapping[str, NDArray[np.integer[Any]]]
) -> dict[str, NDArray[np.float64]]:
    """Turn the sums of all sites' contributions into means.

    Args:
        sums: for each name of `Contribution.tensors`, shape ``[n, columns]``.
        owners: for each kind, how many sites contributed to each row, shape ``[n]``.

    Returns:
        for each name but the weights', shape ``[n, columns]``; 0 where nobody contributed.
    """
    means = {}
    for name, total in sums.items():
        kind, _, part = name.partition("/")
        if part == "weight":
            continue
        weights = sums.get(f"{kind}/weight", owners[kind][:, None])
        means[name] = np.divide(
            total, weights, out=np.zeros(total.shape), where=np.asarray(owners[kind] > 0)[:, None]
        )
    return means


def weigh_rows(
    weighting: Weighting,
    triples: NDArray[np.int64],
    entities: int,
    relations: int,
    *,
    reciprocal: bool,
) -> dict[Kind, NDArray[np.float32]]:
    """Weigh each row of a site: 1 by existence, or its triples as a share of `WEIGHT_CAP`.

    Args:
        weighting: the strategy's.
        triples: shape ``[n, 3]``.
        entities: how many the site has.
        relations: how many the site has.
        reciprocal: whether the model has a second row for each relation.
    """
    ends = np.bincount(triples[:, [0, 2]].reshape(-1), minlength=entities)
    kinds = np.tile(np.bincount(triples[:, 1], minlength=relations), 2 if reciprocal else 1)
    if weighting == "existence":
        ends, kinds = np.full_like(ends, WEIGHT_CAP), np.full_like(kinds, WEIGHT_CAP)
    return {
        "entities": (np.clip(ends, 1, WEIGHT_CAP) / WEIGHT_CAP).astype(np.float32),
        "relations": (np.clip(kinds, 1, WEIGHT_CAP) / WEIGHT_CAP).astype(np.float32),
    }


def _spread(
    values: NDArray[np.floating[Any]], places: NDArray[np.int64], length: int
) -> NDArray[np.float32]:
    spread = np.zeros((length, values.shape[1]), dtype=np.float32)
    spread[places] = values
    return spread
