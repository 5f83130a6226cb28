"""Training on the triples of one place with differential privacy (DP-SGD, Abadi et al. 2016)."""

import math
import os
from dataclasses import replace

import torch
from torch import Tensor

from hereditary_kg.embeddings.errors import PrivacyError, TrainingError
from hereditary_kg.embeddings.local_training import (
    LocalTraining,
    Progress,
    TrainingOptions,
    suggest_options,
)
from hereditary_kg.embeddings.models import EmbeddingModel
from hereditary_kg.embeddings.privacy.accounting import SampledGaussian
from hereditary_kg.embeddings.privacy.clipped_gradients import clipped_gradients
from hereditary_kg.embeddings.privacy.ledger import PrivacyLedger
from hereditary_kg.embeddings.privacy.units import PrivacyUnits
from hereditary_kg.embeddings.triples import TripleSet

__all__ = ["PrivateTraining"]


class PrivateTraining(LocalTraining):
    """Trains a model so that it hardly shows whether a unit was there.

    Each step draws each unit by itself with the same probability, clips the gradient of each, adds
    Gaussian noise to every row of entities and relations, touched or not, and hands the sum to the
    optimiser. Since all that a step leaves behind is noisy, later steps, other sites and whoever
    reads the vectors or the optimiser's state learn no more than the ledger says. The losses that
    ``train`` gives are not noisy: they must not leave the site.

    Args:
        model: the model, whose vectors are changed in place. They must not stem from these triples
            in any other way than through the ledger.
        triples: the triples; numbers are rows of the model.
        units: which triples belong together.
        mechanism: sampling and noise of a step. An epoch is as many steps as see each unit once on
            average.
        ledger: what is spent, and may be.
        clipping_norm: what the gradient of a unit is clipped to.
        options: how to train; of its batch size nothing is taken, and ``n3`` has to be 0. By
            default what ``suggest_options`` gives, without ``n3``.
        noise_seed: what samples, negatives and noise are drawn by; by default a fresh one of the
            operating system. Whoever knows it can take the noise away: give one in experiments
            with public data only.
        progress: called after each epoch.

    Raises:
        PrivacyError: the units don't fit triples or ledger, or an option has no private form.
        TrainingError: there are no triples, or the model has other numbers of rows.
    """

    def __init__(
        self,
        model: EmbeddingModel,
        triples: TripleSet,
        units: PrivacyUnits,
        mechanism: SampledGaussian,
        ledger: PrivacyLedger,
        *,
        clipping_norm: float = 1.0,
        options: TrainingOptions | None = None,
        noise_seed: int | None = None,
        progress: Progress | None = None,
    ) -> None:
        chosen = options or replace(suggest_options(model.scoring), n3=0.0)
        super().__init__(model, triples, chosen, progress=progress)
        if len(units.of_triples) != len(triples):
            raise PrivacyError(
                f"Units are given for {len(units.of_triples)} triples, and there are "
                f"{len(triples)}. Make them of the same triples."
            )
        if units.name != ledger.unit:
            raise PrivacyError(
                f"The ledger counts privacy of a {ledger.unit}, and training that of a "
                f"{units.name}. Give both the same unit."
            )
        if self.options.n3:
            raise PrivacyError(
                "The weight n3 is of the rows that a triple names, which noise does not cover. "
                "Set it to 0 for private training."
            )
        if not (math.isfinite(clipping_norm) and clipping_norm > 0):
            raise PrivacyError(f"A clipping norm is above 0, not {clipping_norm:g}.")
        self.mechanism = mechanism
        self.ledger = ledger
        self.clipping_norm = clipping_norm
        self._units = torch.from_numpy(units.of_triples).to(self._device)
        self._unit_count = units.count
        self._draws = torch.Generator().manual_seed(
            int.from_bytes(os.urandom(8), "little", signed=True)
            if noise_seed is None
            else noise_seed
        )

    @property
    def steps_an_epoch(self) -> int:
        """How many steps see each unit once on average."""
        return max(1, round(1 / self.mechanism.sampling_rate))

    def train(self, epochs: int) -> list[float]:
        """Train on for some epochs, which are one round in the ledger.

        Raises:
            PrivacyBudgetError: the budget has no room for all of them; nothing was trained.
            TrainingError: a loss is not a number.
        """
        steps = epochs * self.steps_an_epoch
        self.ledger.spend(len(self.ledger.entries) + 1, self.mechanism, steps)
        return super().train(epochs)

    def _train_epoch(self) -> float:
        """Train on, and give the mean loss of the triples seen."""
        total, seen = torch.zeros((), device=self._device), 0
        for _ in range(self.steps_an_epoch):
            chosen = torch.rand(self._unit_count, generator=self._draws, dtype=torch.float64)
            sample = (chosen < self.mechanism.sampling_rate).to(self._device)
            triples = torch.nonzero(sample[self._units])[:, 0]
            total += self._private_step(triples)
            seen += len(triples)
        self.epoch += 1
        loss = float(total) / max(1, 2 * seen)
        if not math.isfinite(loss):
            raise TrainingError(
                f"The loss of epoch {self.epoch} is {loss}. Lower the learning rate (it is "
                f"{self.options.learning_rate:g}) and start from vectors of an earlier epoch; what "
                "was spent stays spent."
            )
        return loss

    def _private_step(self, places: Tensor) -> Tensor:
        options = self.options
        _, units = torch.unique(self._units[places], return_inverse=True)
        found = clipped_gradients(
            self.model,
            self._triples[places],
            units,
            self._draw(self._draws),
            options.loss,
            clipping_norm=self.clipping_norm,
        )
        rates = (options.learning_rate, options.relation_learning_rate or options.learning_rate)
        # The size of a sample tells who is in it: its expectation does not.
        expected = self.mechanism.sampling_rate * self._unit_count
        for (name, parameters), rate in zip(self.parameters().items(), rates, strict=True):
            values = found.entities if name == "entities" else found.relations
            values += self._noise(values)
            values /= expected
            if name in self._anchors:
                values += (parameters - self._anchors[name]) * self._pull
            rows = torch.arange(len(parameters), device=self._device)
            self._optimisers[name].step(parameters, rows, values, rate)
        self.model.constrain_relations(torch.arange(len(self.model.relations), device=self._device))
        return found.loss

    def _noise(self, values: Tensor) -> Tensor:
        scale = self.mechanism.noise_multiplier * self.clipping_norm
        return torch.randn(values.shape, generator=self._draws).to(values).mul_(scale)
