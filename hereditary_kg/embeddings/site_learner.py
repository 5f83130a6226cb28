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

    Rounds go: `train`, `contribute`, and, once the sums of all contributions are there, `receive`.
    Rows that are not shared never leave.

    What is exchanged of squares, such as Adagrad's, is their root: a mean of roots keeps small
    numbers apart where sums are in fixed point.

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
        self._start: dict[str, Tensor] = {}
        for kind, rows in self._maps.items():
            shared, own = torch.from_numpy(rows.shared), torch.from_numpy(rows.own)
            self._start[kind] = start[kind].cpu()
            training.assign(kind, start[kind][shared], own)
            for name, values in self._states(kind).items():
                self._start[name] = torch.zeros(rows.total, *values.shape[1:])
        self._consensus = {name: values.clone() for name, values in self._start.items()}

    def sizes(self) -> dict[Kind, int]:
        """Give how many shared rows of each kind there are at all sites."""
        return {kind: rows.total for kind, rows in self._maps.items()}

    def owned(self) -> dict[Kind, NDArray[np.bool_]]:
        """Give for each kind which of the shared rows the site has, shape ``[total]``."""
        found = {}
        for kind, rows in self._maps.items():
            found[kind] = np.zeros(rows.total, dtype=np.bool_)
            found[kind][rows.shared] = True
        return found

    def rows(self, round_number: int) -> dict[Kind, NDArray[np.int64]]:
        """Give the shared rows of each kind that a round exchanges."""
        return self.strategy.rows(self.sizes(), round_number, self._seed)

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

    def contribute(self, rows: Mapping[Kind, NDArray[np.int64]]) -> Contribution:
        """Give the weighted changes of some shared rows.

        Args:
            rows: for each kind the numbers of shared rows that a round exchanges, ascending.
        """
        owned: dict[str, NDArray[np.bool_]] = {}
        tensors: dict[str, NDArray[np.float32]] = {}
        for kind, chosen in rows.items():
            places, own = self._maps[kind].within(chosen)
            owned[kind] = np.zeros(len(chosen), dtype=np.bool_)
            owned[kind][places] = True
            weights = self._weights[kind][own]
            if self.strategy.weighting == "triples":
                tensors[f"{kind}/weight"] = _spread(weights[:, None], places, len(chosen))
            for name, values in self._exchanged(kind).items():
                now = values.index_select(0, torch.from_numpy(own).to(values.device)).cpu()
                now = now.sqrt() if _is_square(name) else now
                before = self._consensus[name][torch.from_numpy(chosen[places])]
                change = (now - before).numpy() * weights[:, None]
                tensors[name] = _spread(change, places, len(chosen))
        return Contribution(owned, tensors)

    def receive(
        self,
        rows: Mapping[Kind, NDArray[np.int64]],
        offsets: Mapping[str, NDArray[np.floating[Any]]],
    ) -> None:
        """Take what all sites agree on in some rows.

        Args:
            rows: for each kind numbers of shared rows, ascending, shape ``[n]``: those that the
                last round exchanged, or all, where this site has missed a round.
            offsets: for each name but the weights', how far the rows are from the common start,
                shape ``[n, columns]``.

        Raises:
            TrainingError: it has another shape than these rows, or is not finite.
        """
        for kind, chosen in rows.items():
            for name in self._exchanged(kind):
                expected = (len(chosen), self._start[name].shape[1])
                given = offsets[name]
                if given.shape != expected or not np.isfinite(given).all():
                    raise TrainingError(
                        f"What came back for {name} is not finite, or not {expected[0]} rows of "
                        f"{expected[1]} numbers. Nothing of it was taken."
                    )
        for kind, chosen in rows.items():
            places, own = self._maps[kind].within(chosen)
            own_rows, shared = torch.from_numpy(own), torch.from_numpy(chosen)
            for name, values in self._exchanged(kind).items():
                offset = torch.from_numpy(np.asarray(offsets[name], dtype=np.float32))
                self._consensus[name][shared] = self._start[name][shared] + offset
                common = self._consensus[name][torch.from_numpy(chosen[places])].to(values)
                if _is_square(name):
                    common = common.clamp_min(0).square()
                kept = self.strategy.own_share if name == kind else 0.0
                current = values.index_select(0, own_rows.to(values.device))
                self.training.assign(name, torch.lerp(common, current, kept), own_rows)

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
    sums: Mapping[str, NDArray[np.floating[Any]]],
    owners: Mapping[str, NDArray[np.integer[Any]]],
    owner_exponent: float = 0.0,
) -> dict[str, NDArray[np.float64]]:
    """Turn the sums of all sites' contributions into means.

    Args:
        sums: for each name of `Contribution.tensors`, shape ``[n, columns]``.
        owners: for each kind, how many sites contributed to each row, shape ``[n]``.
        owner_exponent: the strategy's, by which means of vectors are lengthened.

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
        if name == kind:
            means[name] *= owners[kind][:, None] ** owner_exponent
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


def _is_square(name: str) -> bool:
    return name.endswith("squares")


def _spread(
    values: NDArray[np.floating[Any]], places: NDArray[np.int64], length: int
) -> NDArray[np.float32]:
    spread = np.zeros((length, values.shape[1]), dtype=np.float32)
    spread[places] = values
    return spread
