"""A site's training in a run: plain, or with differential privacy and a ledger."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from hereditary_kg.embeddings.errors import PrivacyError
from hereditary_kg.embeddings.label_kinds import Namespaces
from hereditary_kg.embeddings.local_training import LocalTraining
from hereditary_kg.embeddings.models import EmbeddingModel
from hereditary_kg.embeddings.privacy import (
    PrivacyLedger,
    PrivacyUnits,
    PrivateTraining,
    SampledGaussian,
    calibrate_noise,
    person_units,
    triple_units,
)
from hereditary_kg.embeddings.training_plan import TrainingPlan
from hereditary_kg.embeddings.triples import TripleSet

__all__ = ["find_persons", "make_training"]


def make_training(
    model: EmbeddingModel,
    triples: TripleSet,
    plan: TrainingPlan,
    seed: int,
    *,
    namespaces: Namespaces,
    ledger: Path | None,
) -> LocalTraining:
    """Make a site's training as the plan has it.

    With a budget of privacy, a step draws as many units as a batch has triples, on average, and has
    as much noise as makes the planned rounds spend the budget.

    Args:
        model: the model, changed in place.
        triples: what is trained on.
        plan: the run's plan.
        seed: the site's own.
        namespaces: whose terms are everybody's; all others belong to persons.
        ledger: the file in which spent privacy is counted.

    Raises:
        PrivacyError: there is a budget and no ledger, or the ledger is of another unit.
        TrainingError: there are no triples.
    """
    budget = plan.budget()
    if budget is None:
        return LocalTraining(model, triples, plan.options(seed))
    if ledger is None:
        raise PrivacyError(
            "Spent privacy is counted in a file that outlives the run, and this site has no "
            "directory for it. Configure one, or ask for a run without epsilon."
        )
    units = _units(triples, plan, namespaces)
    rate = min(1.0, plan.batch_size / max(units.count, 1))
    steps = plan.rounds * plan.local_epochs * max(1, round(1 / rate))
    noise = calibrate_noise(budget, rate, steps)
    return PrivateTraining(
        model,
        triples,
        units,
        SampledGaussian(rate, noise),
        PrivacyLedger(ledger, units.name, budget),
        clipping_norm=plan.clipping_norm,
        options=plan.options(seed),
    )


def find_persons(triples: TripleSet, namespaces: Namespaces) -> NDArray[np.int64]:
    """Number the records of persons: what is not everybody's, and hangs together without that.

    A person's visits and samples are local as the person is, and are joined to it by triples
    between local entities. Two persons that such triples join count as one.

    Args:
        triples: the site's triples.
        namespaces: whose terms are everybody's.

    Returns:
        for each entity the number of its record, -1 for everybody's terms, shape ``[entities]``.
    """
    local = ~namespaces.mark_public(triples.entities)
    heads, tails = triples.triples[:, 0], triples.triples[:, 2]
    within = local[heads] & local[tails]
    size = len(triples.entities)
    links = (np.ones(int(within.sum()), dtype=np.int8), (heads[within], tails[within]))
    _, parts = connected_components(coo_array(links, shape=(size, size)), directed=False)
    return np.where(local, parts, -1).astype(np.int64)


def _units(triples: TripleSet, plan: TrainingPlan, namespaces: Namespaces) -> PrivacyUnits:
    if plan.privacy_unit == "person":
        return person_units(triples, find_persons(triples, namespaces))
    return triple_units(triples)
