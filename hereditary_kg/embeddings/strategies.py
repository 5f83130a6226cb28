"""How the vectors of several sites become one set: what is exchanged, and how it is weighed.

What a site sends is the weighted *change* of its rows since the last round, and what comes back is
the weighted mean of the changes. With equal starting rows that is the weighted mean of the vectors
(FedAvg: McMahan et al. 2017), and it stays defined where a row is not exchanged in every round.

A mean over sites moves a row less far than training on all their triples in one place would. So the
mean change may be lengthened (a server's learning rate above 1: Reddi et al. 2021, *Adaptive
Federated Optimization*), here by a power of how many sites own the row. Adagrad divides by the root
of the sum of squares: n sites that train side by side from the same state add up to the root of n
times as much as one optimiser that sees all their gradients, so that their mean falls short of it
by the root of n, and the exponent 0.5 makes up for that.

Sources: FedE (Chen et al. 2021, *FedE: Embedding Knowledge Graphs in Federated Setting*): entity
vectors, weighed by existence. FedR (Zhang et al. 2022, *Efficient Federated Learning on Knowledge
Graphs via Privacy-preserving Relation Embedding Aggregation*): relation vectors. FedProx (Li et al.
2020): a pull towards the vectors that a round began with. Personalisation: interpolation with a
site's own vectors (Mansour et al. 2020, *Three Approaches for Personalization*, section 3).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hereditary_kg.embeddings.errors import StrategyError, resolve

__all__ = ["STRATEGIES", "Kind", "Strategy", "Weighting", "resolve_strategy"]

Weighting = Literal["existence", "triples"]
Kind = Literal["entities", "relations"]


@dataclass(frozen=True)
class Strategy:
    """What is exchanged between sites, and how.

    Args:
        name: what it is called.
        kinds: whose vectors are exchanged: of entities, of relations, of both, of none.
        weighting: a row counts once for each site that has it, or by the site's triples with it.
        own_share: how much of a site's own vectors it keeps when the mean comes back, 0 to 1.
        proximal: FedProx's factor of the squared distance from the vectors a round began with.
        exchanged_share: which share of the shared rows is exchanged in a round, above 0 to 1. The
            rows are the same at all sites, drawn by the run's seed and the round, so that secure
            aggregation can sum them, and each row comes about equally often.
        optimiser_state: whether the optimiser's state of rows is averaged as well.
        owner_exponent: the mean change of a row's vector is multiplied by the number of its owners
            to this power, 0 to 1: 0 takes the mean, 1 the sum.

    Raises:
        StrategyError: a number is outside of its bounds.
    """

    name: str
    kinds: tuple[Kind, ...] = ("entities",)
    weighting: Weighting = "existence"
    own_share: float = 0.0
    proximal: float = 0.0
    exchanged_share: float = 1.0
    optimiser_state: bool = True
    owner_exponent: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.own_share < 1:
            raise StrategyError(f"own_share is {self.own_share}; it must be at least 0, below 1.")
        if self.proximal < 0:
            raise StrategyError(f"proximal is {self.proximal}; it must not be negative.")
        if not 0 <= self.owner_exponent <= 1:
            raise StrategyError(
                f"owner_exponent is {self.owner_exponent}; it must be at least 0, at most 1."
            )
        if not 0 < self.exchanged_share <= 1:
            raise StrategyError(
                f"exchanged_share is {self.exchanged_share}; it must be above 0, at most 1."
            )

    def rows(
        self, sizes: Mapping[Kind, int], round_number: int, seed: int
    ) -> dict[Kind, NDArray[np.int64]]:
        """Give the shared rows of each kind that are exchanged in a round.

        Args:
            sizes: how many shared rows of each kind there are.
            round_number: from 1.
            seed: the run's.
        """
        return {kind: self.exchanged_rows(sizes[kind], round_number, seed) for kind in self.kinds}

    def exchanged_rows(self, rows: int, round_number: int, seed: int) -> NDArray[np.int64]:
        """Give the shared rows that are exchanged in a round, ascending, the same for all sites.

        The rows are dealt into blocks once an epoch of blocks, so that each row is in exactly one
        of them.

        Args:
            rows: how many shared rows there are.
            round_number: from 1.
            seed: the run's.
        """
        blocks = min(round(1 / self.exchanged_share), max(rows, 1))
        if blocks == 1:
            return np.arange(rows, dtype=np.int64)
        epoch, block = divmod(round_number - 1, blocks)
        order = np.random.default_rng([seed, rows, epoch]).permutation(rows)
        return np.sort(order[block::blocks]).astype(np.int64)


STRATEGIES: Mapping[str, Strategy] = {
    strategy.name: strategy
    for strategy in (
        Strategy("alone", kinds=()),
        Strategy("entities"),
        Strategy("relations", kinds=("relations",)),
        Strategy("both", kinds=("entities", "relations")),
        Strategy("by-triples", weighting="triples"),
        Strategy("personalised", own_share=0.3),
        Strategy("proximal", proximal=0.01),
        Strategy("sparsified", exchanged_share=0.25),
    )
}
"""Strategies by name. ``alone`` exchanges nothing, and is what the others are compared with."""

_OF_THE_LITERATURE = {
    theirs: replace(STRATEGIES[ours], owner_exponent=0.0)
    for theirs, ours in (("FedE", "entities"), ("FedR", "relations"), ("FedProx", "proximal"))
}
"""As their authors have them: the mean."""


def resolve_strategy(name: str, **changes: Any) -> Strategy:
    """Give the strategy of a name, with some of its numbers changed.

    Args:
        name: one of `STRATEGIES`, or FedE, FedR, FedProx.
        changes: fields of `Strategy`.

    Raises:
        UnknownNameError: there is none of that name.
        StrategyError: a number is outside of its bounds.
    """
    return replace(resolve("strategy", name, {**STRATEGIES, **_OF_THE_LITERATURE}), **changes)
