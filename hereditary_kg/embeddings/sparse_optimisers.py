"""Optimisers that touch only the rows that a batch has gradients for.

The state has one row for each row of the parameters, so that it can travel with them, be kept back
or be forgotten row by row.
"""

from collections.abc import Callable
from types import MappingProxyType
from typing import Protocol

import torch
from torch import Tensor

from hereditary_kg.embeddings.errors import resolve

__all__ = ["OPTIMISERS", "RowAdagrad", "RowAdam", "RowOptimiser", "make_optimiser"]


class RowOptimiser(Protocol):
    """An optimiser of one matrix of parameters, by rows."""

    state: dict[str, Tensor]
    """By name; each has as many rows as the parameters."""

    def step(self, parameters: Tensor, rows: Tensor, gradients: Tensor, rate: float) -> None:
        """Change some rows, in place.

        Args:
            parameters: shape ``[n, d]``.
            rows: numbers of different rows, shape ``[k]``.
            gradients: shape ``[k, d]``.
            rate: the learning rate.
        """


class RowAdagrad:
    """Adagrad with one sum of squares a row (Lerer et al. 2019, *PyTorch-BigGraph*, section 4.2).

    The state of a row is a single number, which is next to nothing to send.
    """

    def __init__(self, parameters: Tensor) -> None:
        self.state = {"mean_squares": parameters.new_zeros(len(parameters), 1)}

    def step(self, parameters: Tensor, rows: Tensor, gradients: Tensor, rate: float) -> None:
        """Change some rows, in place."""
        sums = self.state["mean_squares"]
        squares = gradients.square().mean(1, keepdim=True).add_(sums.index_select(0, rows))
        sums.index_copy_(0, rows, squares)
        parameters.index_add_(0, rows, gradients * squares.add(1e-20).rsqrt_().mul_(-rate))


class RowAdam:
    """Adam whose averages stand still while a row has no gradient ("lazy" Adam).

    Kingma and Ba 2015; the correction of the averages' beginning counts the steps of each row.
    """

    def __init__(self, parameters: Tensor, betas: tuple[float, float] = (0.9, 0.999)) -> None:
        self.betas = betas
        self.state = {
            "means": torch.zeros_like(parameters),
            "squares": torch.zeros_like(parameters),
            "steps": parameters.new_zeros(len(parameters), 1),
        }

    def step(self, parameters: Tensor, rows: Tensor, gradients: Tensor, rate: float) -> None:
        """Change some rows, in place."""
        first, second = self.betas
        steps = self.state["steps"].index_select(0, rows).add_(1)
        means = self.state["means"].index_select(0, rows).lerp_(gradients, 1 - first)
        squares = self.state["squares"].index_select(0, rows).mul_(second)
        squares.addcmul_(gradients, gradients, value=1 - second)
        for name, values in (("steps", steps), ("means", means), ("squares", squares)):
            self.state[name].index_copy_(0, rows, values)
        sizes = rate / (1 - first**steps)
        roots = (squares / (1 - second**steps)).sqrt_().add_(1e-8)
        parameters.index_add_(0, rows, (means / roots).mul_(-sizes))


OPTIMISERS: MappingProxyType[str, Callable[[Tensor], RowOptimiser]] = MappingProxyType(
    {"adagrad": RowAdagrad, "adam": RowAdam}
)
"""The optimisers by name."""


def make_optimiser(name: str, parameters: Tensor) -> RowOptimiser:
    """Make an optimiser by its name: see ``OPTIMISERS``.

    Raises:
        UnknownNameError: there is no optimiser of that name.
    """
    return resolve("optimiser", name, OPTIMISERS)(parameters)
