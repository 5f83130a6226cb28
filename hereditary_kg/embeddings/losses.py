"""Losses over one positive and the negatives that many positives share, with their derivatives.

A loss gives its derivative by each score. An example's part of every gradient is linear in these
derivatives, so whoever weighs, clips or leaves out examples scales a row of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn.functional import softplus

from hereditary_kg.embeddings.errors import resolve

__all__ = [
    "LOSSES",
    "Loss",
    "LossDerivatives",
    "SelfAdversarialLoss",
    "SoftmaxLoss",
    "make_loss",
]


class LossDerivatives(NamedTuple):
    """A loss, and its derivatives by the scores.

    Attributes:
        losses: one an example, shape ``[b]``.
        positive: the derivative by each positive's score, shape ``[b]``.
        negative: the derivative by each negative's score, shape ``[b, n]``.
    """

    losses: Tensor
    positive: Tensor
    negative: Tensor


class Loss(Protocol):
    """A loss of examples with one positive and shared negatives each."""

    def derive(self, positive: Tensor, negative: Tensor) -> LossDerivatives:
        """Give the losses and their derivatives.

        Args:
            positive: scores, shape ``[b]``.
            negative: scores, shape ``[b, n]``; minus infinity for one that must not count.
        """


@dataclass(frozen=True)
class SelfAdversarialLoss:
    """Self-adversarial negative sampling (Sun et al. 2019, RotatE, equation 5).

    ::

        -log sigmoid(margin + positive) - sum of p_i * log sigmoid(-negative_i - margin)

    where ``p`` is the softmax of the negatives' scores times ``temperature``, taken as constant.

    Args:
        margin: the distance at which a triple is as likely true as not; 0 for inner products.
        temperature: how much more hard negatives weigh; 0 weighs all alike.
    """

    margin: float = 9.0
    temperature: float = 1.0

    def derive(self, positive: Tensor, negative: Tensor) -> LossDerivatives:
        """Give the losses and their derivatives."""
        weights = torch.softmax(negative * self.temperature, dim=1)
        if self.temperature == 0:
            counted = torch.isfinite(negative).to(negative)
            weights = counted / counted.sum(1, keepdim=True).clamp_min(1)
        weights = torch.nan_to_num(weights, nan=0.0)  # no negative at all is left
        shifted = negative + self.margin
        losses = softplus(-positive - self.margin) + (weights * softplus(shifted)).sum(1)
        return LossDerivatives(
            losses, -torch.sigmoid(-positive - self.margin), weights.mul_(shifted.sigmoid_())
        )


@dataclass(frozen=True)
class SoftmaxLoss:
    """The cross entropy of the positive among itself and the negatives.

    Over all entities this is the 1-vs-all loss (Ruffinelli et al. 2020, *You can teach an old dog
    new tricks*); over a sample it is the sampled softmax.
    """

    def derive(self, positive: Tensor, negative: Tensor) -> LossDerivatives:
        """Give the losses and their derivatives."""
        total = torch.logaddexp(positive, torch.logsumexp(negative, dim=1))
        return LossDerivatives(
            total - positive,
            torch.expm1(positive - total),
            torch.exp(negative - total[:, None]),
        )


LOSSES: MappingProxyType[str, Callable[..., Loss]] = MappingProxyType(
    {"self-adversarial": SelfAdversarialLoss, "softmax": SoftmaxLoss}
)
"""The losses by name."""


def make_loss(name: str, **settings: float) -> Loss:
    """Make a loss by its name: see ``LOSSES``.

    Raises:
        UnknownNameError: there is no loss of that name.
    """
    return resolve("loss", name, LOSSES)(**settings)
