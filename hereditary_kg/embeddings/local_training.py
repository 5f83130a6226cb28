"""Training on the triples of one place.

A batch of triples shares its negatives, so that scoring is a product of matrices (Lerer et al.
2019, *PyTorch-BigGraph*), and only the rows that a batch touches are read and written.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from hereditary_kg.embeddings.errors import ModelError, TrainingError, resolve
from hereditary_kg.embeddings.gradients import batch_gradients
from hereditary_kg.embeddings.losses import Loss, SoftmaxLoss
from hereditary_kg.embeddings.models import MODELS, EmbeddingModel, ScoringFunction
from hereditary_kg.embeddings.sparse_optimisers import make_optimiser
from hereditary_kg.embeddings.triples import TripleSet

__all__ = [
    "EpochProgress",
    "LocalTraining",
    "Progress",
    "Training",
    "TrainingOptions",
    "suggest_options",
]


@dataclass(frozen=True)
class EpochProgress:
    """How far a training is.

    Attributes:
        epoch: the one that has just ended, counted from 1 since the training began.
        loss: its mean loss over the triples and both sides.
        seconds: how long it took.
    """

    epoch: int
    loss: float
    seconds: float


Progress = Callable[[EpochProgress], None]


class Training(Protocol):
    """A training whose vectors others may read and replace between epochs."""

    def parameters(self) -> dict[str, Tensor]:
        """Give the vectors: ``"entities"``, ``[n, d]``, and ``"relations"``, ``[m, d]``."""

    def optimiser_state(self) -> dict[str, Tensor]:
        """Give the optimiser's state, ``"entities/..."`` and ``"relations/..."``.

        Each has as many rows as the parameters.
        """

    def assign(self, name: str, values: Tensor, rows: Tensor | None = None) -> None:
        """Replace rows of a parameter or of the optimiser's state by copies of others.

        Args:
            name: what ``parameters`` or ``optimiser_state`` calls it.
            values: shape ``[k, ...]``.
            rows: numbers of the rows, shape ``[k]``; by default all.

        Raises:
            ModelError: there is nothing of that name, or the shape is another.
        """

    def pull_towards(self, vectors: Mapping[str, Tensor], weight: float) -> None:
        """From now on add ``weight / 2`` times the squared distance from vectors to the loss.

        This is the proximal term of FedProx (Li et al. 2020, *Federated optimization in
        heterogeneous networks*), over the rows that a batch touches.

        Args:
            vectors: copies are kept; a parameter that is not named is not pulled.
            weight: the paper's mu; 0 ends it.

        Raises:
            ModelError: there is no parameter of that name, or its shape is another.
        """

    def train(self, epochs: int) -> list[float]:
        """Train on.

        Args:
            epochs: how many times each triple is seen.

        Returns:
            the mean loss of each epoch.

        Raises:
            TrainingError: a loss is not a number.
        """


@dataclass(frozen=True)
class TrainingOptions:
    """How to train; see ``suggest_options`` for what suits a model.

    Attributes:
        loss: what is made small.
        negatives: entities drawn for each batch, with replacement; those drawn twice count once.
            Each is a wrong head and a wrong tail for all triples of the batch. None: all entities
            (1-vs-all).
        batch_size: triples a batch.
        optimiser: ``"adagrad"`` or ``"adam"``.
        learning_rate: how far a step goes; of relations as well, unless they have their own.
        relation_learning_rate: the same for relations.
        n3: weight of the nuclear 3-norm; for inner products.
        seed: what batches and negatives are drawn by. Same seed, same vectors, bit by bit, on a CPU
            with as many threads; GPUs add in no fixed order.
    """

    loss: Loss = field(default_factory=SoftmaxLoss)
    negatives: int | None = 512
    batch_size: int = 1024
    optimiser: str = "adagrad"
    learning_rate: float = 0.2
    relation_learning_rate: float | None = None
    n3: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.batch_size < 1 or (self.negatives is not None and self.negatives < 1):
            raise TrainingError("A batch has at least one triple and one negative.")
        rates = (self.learning_rate, self.relation_learning_rate or self.learning_rate)
        if not all(math.isfinite(rate) and rate > 0 for rate in rates):
            raise TrainingError(f"Learning rates are above 0, not {rates}.")
        if self.n3 < 0:
            raise TrainingError(f"The weight n3 is at least 0, not {self.n3}.")


def suggest_options(scoring: ScoringFunction | str, seed: int = 0) -> TrainingOptions:
    """Give options that suit a model: those that did best on FB15k-237's validation triples.

    Args:
        scoring: the scoring function, or its name.
        seed: what batches and negatives are drawn by.

    Raises:
        UnknownNameError: there is no model of that name.
    """
    if isinstance(scoring, str):
        scoring = resolve("model", scoring, MODELS)
    if scoring.comparison.is_distance:
        return TrainingOptions(seed=seed)
    # Without the norm inner products learn the training triples by heart.
    return TrainingOptions(learning_rate=0.1, n3=0.05, seed=seed)


class LocalTraining:
    """Trains a model on a set of triples.

    Where an epoch begins is all that its draws depend on: a training that is taken up again, by its
    ``epoch``, its parameters and its optimiser's state, goes on as if it had never stopped.

    Args:
        model: the model, whose vectors are changed in place; on its device.
        triples: the triples; numbers are rows of the model.
        options: how to train; by default what ``suggest_options`` gives.
        progress: called after each epoch.

    Raises:
        TrainingError: there are no triples, or the model has other numbers of rows.
    """

    def __init__(
        self,
        model: EmbeddingModel,
        triples: TripleSet,
        options: TrainingOptions | None = None,
        *,
        progress: Progress | None = None,
    ) -> None:
        if not len(triples):
            raise TrainingError("There is no triple to train on. Look at what was selected.")
        sizes = (len(model.entities), model.relation_count)
        if sizes != (len(triples.entities), len(triples.relations)):
            raise TrainingError(
                f"The model has {sizes[0]} entities and {sizes[1]} relations, the triples have "
                f"{len(triples.entities)} and {len(triples.relations)}. Make the model for these."
            )
        self.model = model
        self.options = options or suggest_options(model.scoring)
        self.epoch = 0
        self._progress = progress
        self._device = model.entities.device
        self._triples = torch.from_numpy(triples.triples).to(self._device)
        self._optimisers = {
            name: make_optimiser(self.options.optimiser, values)
            for name, values in self.parameters().items()
        }
        self._anchors: dict[str, Tensor] = {}
        self._pull = 0.0

    def parameters(self) -> dict[str, Tensor]:
        """Give the vectors: ``"entities"``, ``[n, d]``, and ``"relations"``, ``[m, d]``."""
        return {"entities": self.model.entities, "relations": self.model.relations}

    def optimiser_state(self) -> dict[str, Tensor]:
        """Give the optimiser's state, ``"entities/..."`` and ``"relations/..."``, by rows."""
        return {
            f"{name}/{state}": values
            for name, optimiser in self._optimisers.items()
            for state, values in optimiser.state.items()
        }

    def assign(self, name: str, values: Tensor, rows: Tensor | None = None) -> None:
        """Replace rows of a parameter or of the optimiser's state by copies of others.

        Vectors of relations are brought to what the model allows: for RotatE, to unit modulus.

        Raises:
            ModelError: there is nothing of that name, or the shape is another.
        """
        known = self.parameters() | self.optimiser_state()
        if name not in known:
            raise ModelError(f"There is no {name!r} to assign. There are: {', '.join(known)}.")
        target = known[name]
        if rows is None:
            rows = torch.arange(len(target))
        rows = rows.to(self._device)
        _check_shape(name, values, (len(rows), *target.shape[1:]))
        target.index_copy_(0, rows, values.to(target))
        if name == "relations":
            self.model.constrain_relations(rows)

    def pull_towards(self, vectors: Mapping[str, Tensor], weight: float) -> None:
        """Add FedProx's proximal term: ``weight / 2`` times the squared distance from vectors.

        Raises:
            ModelError: there is no parameter of that name, or its shape is another.
        """
        known = self.parameters()
        for name, values in vectors.items():
            if name not in known:
                raise ModelError(f"There is no parameter {name!r}: {', '.join(known)}.")
            _check_shape(name, values, tuple(known[name].shape))
        self._pull = weight
        self._anchors = {
            name: values.detach().clone().to(known[name])
            for name, values in vectors.items()
            if weight
        }

    @torch.no_grad()
    def train(self, epochs: int) -> list[float]:
        """Train on for some epochs, and give the mean loss of each.

        Raises:
            TrainingError: a loss is not a number.
        """
        losses = []
        for _ in range(epochs):
            started = time.perf_counter()
            losses.append(self._train_epoch())
            if self._progress is not None:
                seconds = time.perf_counter() - started
                self._progress(EpochProgress(self.epoch, losses[-1], seconds))
        return losses

    def _train_epoch(self) -> float:
        options = self.options
        # One stream of numbers for each epoch: resuming needs no state of a generator.
        drawn = torch.Generator().manual_seed((options.seed << 32) + self.epoch)
        order = torch.randperm(len(self._triples), generator=drawn).to(self._device)
        total = torch.zeros((), device=self._device)
        for batch in torch.split(order, options.batch_size):
            total += self._step(self._triples[batch], self._draw(drawn))
        self.epoch += 1
        loss = float(total) / (2 * len(self._triples))
        if not math.isfinite(loss):
            raise TrainingError(
                f"The loss of epoch {self.epoch} is {loss}. Lower the learning rate (it is "
                f"{options.learning_rate:g}) and start from vectors of an earlier epoch."
            )
        return loss

    def _draw(self, drawn: torch.Generator) -> Tensor:
        count = len(self.model.entities)
        if self.options.negatives is None:
            return torch.arange(count, device=self._device)
        numbers = torch.randint(count, (self.options.negatives,), generator=drawn)
        different: Tensor = torch.unique(numbers)
        return different.to(self._device)

    def _step(self, triples: Tensor, negatives: Tensor) -> Tensor:
        """Take one step, and give the sum of the batch's losses."""
        options = self.options
        found = batch_gradients(self.model, triples, negatives, options.loss, n3=options.n3)
        rates = (options.learning_rate, options.relation_learning_rate or options.learning_rate)
        parameters = self.parameters()
        for name, rate in zip(parameters, rates, strict=True):
            rows, values = found.entities if name == "entities" else found.relations
            values = values.div_(len(triples))
            if name in self._anchors:
                current = parameters[name].index_select(0, rows)
                values += (current - self._anchors[name].index_select(0, rows)) * self._pull
            self._optimisers[name].step(parameters[name], rows, values, rate)
        self.model.constrain_relations(found.relations.rows)
        return found.loss


def _check_shape(name: str, values: Tensor, expected: tuple[int, ...]) -> None:
    if tuple(values.shape) != expected:
        raise ModelError(
            f"The values for {name} have the shape {tuple(values.shape)}, not {expected}. "
            "Give one row for each that is replaced."
        )
