"""A site's part in one run, from its triples to a model of its own: no transport is in it."""

import json
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hereditary_kg.embeddings.alignment import (
    OfferedVocabulary,
    RowMap,
    SiteAlignment,
    SiteVocabulary,
    VocabularyOffer,
)
from hereditary_kg.embeddings.alignment_keys import AlignmentKey
from hereditary_kg.embeddings.errors import PrivacyBudgetError, TrainingError
from hereditary_kg.embeddings.label_kinds import Namespaces
from hereditary_kg.embeddings.local_training import LocalTraining
from hereditary_kg.embeddings.models import EmbeddingModel
from hereditary_kg.embeddings.privacy import PrivateTraining
from hereditary_kg.embeddings.ranking import RankingMetrics, rank_triples
from hereditary_kg.embeddings.shared_rows import SharedRows
from hereditary_kg.embeddings.site_learner import Contribution, SiteLearner, weigh_rows
from hereditary_kg.embeddings.site_training import make_training
from hereditary_kg.embeddings.splitting import Split
from hereditary_kg.embeddings.strategies import Kind
from hereditary_kg.embeddings.training_plan import TrainingPlan

__all__ = ["LearningSite", "RoundReport", "SiteSession", "site_seed"]


@dataclass(frozen=True, eq=False)
class LearningSite:
    """What a site brings to a run.

    Args:
        name: the site's name.
        split: its triples.
        namespaces: whose terms are everybody's.
        key: what the sites have in common, and the server has not.
        names: what public entities are called, for people; never sent.
    """

    name: str
    split: Split
    namespaces: Namespaces
    key: AlignmentKey
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RoundReport:
    """What a site tells of a round; sums over its validation triples, never single ranks.

    Attributes:
        triples: the site's training triples.
        loss: the mean loss of the round's last epoch; not a number where the site trains privately,
            for losses have no noise.
        epsilon: what the site has spent of differential privacy; 0 where it trains without.
        ranks: how many ranks were looked at; 0 where this round was not to be looked at.
        reciprocal_ranks: the sum of their reciprocals.
        hits_at_10: how many are at most 10.
    """

    triples: int
    loss: float
    epsilon: float = 0.0
    ranks: int = 0
    reciprocal_ranks: float = 0.0
    hits_at_10: int = 0


class SiteSession:
    """One site in one run.

    The steps are `offer`, `align`, then `begin_round` and `contribute` once a round, `receive` for
    the last round's means, and `finish`.

    Args:
        site: the site's data.
        plan: the run's plan.
        ledger: the file in which spent privacy is counted, where the plan has a budget.

    Attributes:
        refused_rounds: rounds that the budget had no room for, so that nothing was trained.
    """

    def __init__(self, site: LearningSite, plan: TrainingPlan, ledger: Path | None = None) -> None:
        self.site = site
        self.plan = plan
        self._ledger = ledger
        self.alignment: SiteAlignment | None = None
        self.refused_rounds = 0
        self._offered: OfferedVocabulary | None = None
        self._learner: SiteLearner | None = None
        self._training: LocalTraining | None = None
        self._best: tuple[float, int, dict[str, Tensor]] | None = None

    def offer(self) -> VocabularyOffer:
        """Give the keyed identifiers of the site's public terms."""
        vocabulary = SiteVocabulary.of_triples(
            self.site.name, self.site.split.training, self.site.namespaces
        )
        self._offered = vocabulary.offer(self.site.key, self.plan.run)
        return self._offered.offer

    def align(self, answer: RowMap) -> SiteAlignment:
        """Learn which rows are shared, and take the common start.

        Raises:
            AlignmentError: the answer does not belong to the offer.
            TrainingError: nothing was offered before, or there is nothing to train on.
        """
        if self._offered is None:
            raise TrainingError("The site has offered nothing yet. Start the run anew.")
        alignment = self._offered.read_answer(answer)
        triples, plan = self.site.split.training, self.plan
        strategy = plan.exchange()
        own_seed = site_seed(self.site.name, plan.seed)
        entities, relations = len(triples.entities), len(triples.relations)
        model = plan.initialise(entities, relations, own_seed)
        start = plan.initialise(
            max(alignment.entity_rows, 1), max(alignment.relation_rows, 1), plan.seed
        )
        self._training = make_training(
            model,
            triples,
            plan,
            own_seed,
            namespaces=self.site.namespaces,
            ledger=self._ledger,
        )
        kinds = _shared(alignment.relations, max(alignment.relation_rows, 1))
        maps: dict[Kind, SharedRows] = {
            "entities": _shared(alignment.entities, max(alignment.entity_rows, 1)),
            "relations": kinds.with_inverses(relations) if plan.reciprocal else kinds,
        }
        self._learner = SiteLearner(
            self._training,
            maps,
            {"entities": start.entities, "relations": start.relations},
            weights=weigh_rows(
                strategy.weighting,
                triples.triples,
                entities,
                relations,
                reciprocal=plan.reciprocal,
            ),
            strategy=strategy,
            seed=plan.seed,
        )
        self.alignment = alignment
        return alignment

    @property
    def learner(self) -> SiteLearner:
        """What the site exchanges.

        Raises:
            TrainingError: the site has not been aligned yet.
        """
        if self._learner is None:
            raise TrainingError("The site is not aligned yet. Start the run anew.")
        return self._learner

    @property
    def training(self) -> LocalTraining:
        """The site's training.

        Raises:
            TrainingError: the site has not been aligned yet.
        """
        if self._training is None:
            raise TrainingError("The site is not aligned yet. Start the run anew.")
        return self._training

    @property
    def model(self) -> EmbeddingModel:
        """The site's model as it is now."""
        return self.training.model

    def receive(
        self,
        rows: Mapping[Kind, NDArray[np.int64]],
        offsets: Mapping[str, NDArray[np.floating[Any]]],
    ) -> None:
        """Take what all sites agree on in some rows: see `SiteLearner.receive`."""
        self.learner.receive(rows, offsets)

    def train(self) -> float:
        """Train a round's epochs, and give the last one's mean loss.

        Returns:
            the loss; not a number where it must not be told, or where the budget of privacy is
            spent and nothing was trained.
        """
        try:
            loss = self.learner.train(self.plan.local_epochs)[-1]
        except PrivacyBudgetError:
            self.refused_rounds += 1
            return math.nan
        return math.nan if self.plan.epsilon else loss

    @property
    def epsilon(self) -> float:
        """What the site has spent of differential privacy; 0 where it trains without."""
        training = self.training
        return training.ledger.epsilon if isinstance(training, PrivateTraining) else 0.0

    def contribute(self, rows: Mapping[Kind, NDArray[np.int64]]) -> Contribution:
        """Give the weighted changes of some shared rows: see `SiteLearner.contribute`."""
        return self.learner.contribute(rows)

    def look(self, round_number: int) -> RankingMetrics | None:
        """Rank the validation triples under the site's own filter, and keep the best model so far.

        Returns:
            the metrics of both sides; none where the site has no validation triples.
        """
        split = self.site.split
        if not len(split.validation):
            return None
        filters = (split.training, split.testing)
        found = rank_triples(self.model, split.validation, filters).metrics()
        if self._best is None or found.mean_reciprocal_rank > self._best[0]:
            vectors = {name: rows.clone() for name, rows in self.training.parameters().items()}
            self._best = (found.mean_reciprocal_rank, round_number, vectors)
        return found

    def spent(self) -> dict[str, float | str]:
        """Give what a model card says of differential privacy; nothing where there was none."""
        if not self.plan.epsilon:
            return {}
        return {"epsilon": self.epsilon, "delta": self.plan.delta, "unit": self.plan.privacy_unit}

    def report(self, loss: float, metrics: RankingMetrics | None) -> RoundReport:
        """Sum up a round for the server."""
        triples = len(self.site.split.training)
        if metrics is None:
            return RoundReport(triples, loss, self.epsilon)
        return RoundReport(
            triples,
            loss,
            self.epsilon,
            metrics.count,
            metrics.mean_reciprocal_rank * metrics.count,
            round(metrics.hits_at_10 * metrics.count),
        )

    def finish(self) -> tuple[int, float]:
        """Go back to the vectors that were best on the validation triples.

        Returns:
            their round and mean reciprocal rank; 0 and not a number where nothing was looked at.
        """
        if self._best is None:
            return 0, math.nan
        rank, number, vectors = self._best
        for name, rows in vectors.items():
            self.training.assign(name, rows)
        return number, rank

    def notes(self) -> dict[str, str]:
        """Give what a checkpoint of this site in this run is known by."""
        split = self.site.split
        labels = "\n".join((*split.training.entities, "", *split.training.relations))
        digest = sha256(labels.encode())
        digest.update(split.training.triples.tobytes())
        return {
            "site": self.site.name,
            "plan": json.dumps(self.plan.settings(), sort_keys=True),
            "data": digest.hexdigest(),
        }

    def snapshot(self) -> dict[str, Tensor]:
        """Give all that the site needs to go on from here."""
        training = self.training
        tensors = {
            **{f"parameters/{name}": rows for name, rows in training.parameters().items()},
            **{f"state/{name}": rows for name, rows in training.optimiser_state().items()},
            **self.learner.state(),
            "epoch": torch.tensor([training.epoch]),
        }
        if self._best is not None:
            rank, number, vectors = self._best
            tensors["best"] = torch.tensor([rank, float(number)], dtype=torch.float64)
            tensors |= {f"best/{name}": rows for name, rows in vectors.items()}
        return tensors

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from a snapshot of this site in this run; it has to be aligned before."""
        training = self.training
        for name in training.parameters():
            training.assign(name, tensors[f"parameters/{name}"])
        for name in training.optimiser_state():
            training.assign(name, tensors[f"state/{name}"])
        self.learner.restore(tensors)
        training.epoch = int(tensors["epoch"])
        if "best" in tensors:
            rank, number = tensors["best"].tolist()
            vectors = {name: tensors[f"best/{name}"] for name in training.parameters()}
            self._best = (rank, int(number), vectors)


def site_seed(site: str, seed: int) -> int:
    """Give the seed of a site's own draws, from the run's: different for each site's name."""
    return zlib.crc32(f"{seed} {site}".encode())


def _shared(numbers: NDArray[np.int64], total: int) -> SharedRows:
    """Turn the shared number of each own row, -1 for none, into pairs by ascending number."""
    own = np.flatnonzero(numbers >= 0)
    own = own[np.argsort(numbers[own], kind="stable")]
    return SharedRows(own.astype(np.int64), numbers[own], total)
