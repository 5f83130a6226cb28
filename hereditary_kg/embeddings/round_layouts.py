"""How the tensors of a training are written in a round of secure aggregation."""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from hereditary_kg.embeddings.errors import SecureAggregationError
from hereditary_kg.embeddings.secure_aggregation import (
    FixedPoint,
    RoundLayout,
    RowSpace,
    RunSettings,
    ServerProtocol,
    SiteProtocol,
    TensorLayout,
    default_owners,
    default_threshold,
)
from hereditary_kg.embeddings.sparse_optimisers import make_optimiser
from hereditary_kg.embeddings.strategies import Kind
from hereditary_kg.embeddings.training_plan import TrainingPlan

__all__ = [
    "exchangeable",
    "lay_out_round",
    "owners_and_threshold",
    "plan_run",
    "tensor_columns",
]

_VECTOR_LIMIT = {32: 8.0, 16: 4.0}
"""How far a number of a row moves between two exchanges at most; what goes beyond is cut off.

In a first epoch vectors move by up to 4: on FB15k-237 a quarter of the numbers of TransE move by
more than 0.5, and one in a hundred by more than 1.3.
"""

_LIMITS = {"weight": 1.0, "mean_squares": 256.0, "means": 4.0, "squares": 4.0, "steps": 2.0**14}
"""How far the others change in a round at most: of squares that is the root, of an optimiser's
steps those that a row takes part in."""


def plan_run(
    plan: TrainingPlan, run: bytes, sites: tuple[str, ...], sizes: Mapping[Kind, int]
) -> RunSettings:
    """Give what the sites of a run have to agree to.

    Args:
        plan: the training.
        run: 16 bytes that no other run has.
        sites: the sites' names.
        sizes: how many shared rows of each kind there are.
    """
    owners, threshold = owners_and_threshold(plan, len(sites))
    return RunSettings(
        run,
        tuple(sorted(sites)),
        threshold,
        owners,
        tuple(RowSpace(kind, rows) for kind, rows in sorted(sizes.items())),
    )


def owners_and_threshold(plan: TrainingPlan, sites: int) -> tuple[int, int]:
    """Give how many sites have to contribute to a row, and how many updates open a sum."""
    owners = plan.minimum_owners or default_owners(sites)
    return owners, max(default_threshold(sites), owners)


def tensor_columns(plan: TrainingPlan) -> dict[str, int]:
    """Give the names of what a round exchanges, and how many numbers a row of each has."""
    strategy, found = plan.exchange(), {}
    state = make_optimiser(plan.optimiser, torch.zeros(1, plan.dimension)).state
    widths = {name: values.shape[1] for name, values in state.items()}
    for kind in strategy.kinds:
        found[str(kind)] = plan.dimension
        if strategy.optimiser_state:
            found |= {f"{kind}/{name}": width for name, width in widths.items()}
        if strategy.weighting == "triples":
            found[f"{kind}/weight"] = 1
    return found


def lay_out_round(
    plan: TrainingPlan, rows: Mapping[Kind, NDArray[np.int64]], sites: int
) -> RoundLayout:
    """Give what a round exchanges and how it is coded; all sites and the server come to the same.

    Args:
        plan: the training.
        rows: for each kind the numbers of the shared rows that are exchanged.
        sites: how many take part.

    Raises:
        SecureAggregationError: there are no such rows.
    """
    if not any(len(chosen) for chosen in rows.values()):
        raise SecureAggregationError(
            "There is no row that enough of the sites have, so that nothing can be exchanged. "
            "Wait for the sites that are missing, or ask for fewer owners of a row."
        )
    tensors = [
        TensorLayout(name, name.partition("/")[0], columns, _coding(name, plan, sites))
        for name, columns in tensor_columns(plan).items()
    ]
    return RoundLayout({str(kind): chosen for kind, chosen in rows.items()}, tensors)


def exchangeable(
    rows: Mapping[Kind, NDArray[np.int64]], protocol: SiteProtocol | ServerProtocol
) -> dict[Kind, NDArray[np.int64]]:
    """Leave out the rows that too few sites have, whoever may drop out."""
    return {
        kind: np.intersect1d(chosen, protocol.exchangeable_rows(kind), assume_unique=True)
        for kind, chosen in rows.items()
    }


def _coding(name: str, plan: TrainingPlan, sites: int) -> FixedPoint:
    part = name.partition("/")[2]
    if not part:
        bits = plan.residue_bits
        return FixedPoint.finest(_VECTOR_LIMIT[bits], sites, bits)
    return FixedPoint.finest(_LIMITS[part], sites)
