"""What all sites of a run do alike, as one flat table that travels with the run."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from hereditary_kg.embeddings.errors import TrainingError
from hereditary_kg.embeddings.local_training import TrainingOptions
from hereditary_kg.embeddings.losses import make_loss
from hereditary_kg.embeddings.models import EmbeddingModel
from hereditary_kg.embeddings.privacy import PrivacyBudget
from hereditary_kg.embeddings.strategies import Strategy, resolve_strategy

__all__ = ["SETTING_PREFIX", "TrainingPlan"]

PRIVACY_UNITS = ("triple", "person")
RESIDUE_BITS = (16, 32)

SETTING_PREFIX = "training."
"""What the plan's keys begin with among the settings of a run."""

Value = bool | int | float | str


@dataclass(frozen=True)
class TrainingPlan:
    """What is trained, how it is exchanged, and how often it is looked at.

    Attributes:
        run: identifies the run at all sites; alignment keys are derived with it.
        model: its name: see `hereditary_kg.embeddings.models.MODELS`.
        dimension: real numbers a vector.
        reciprocal: whether heads are scored by inverse relations.
        entity_scale: the standard deviation of the numbers that entities' vectors begin with; 0:
            what suits the model. Small ones help under differential privacy, where a row that few
            triples name hardly moves, and a random start would stay.
        loss: its name: see `hereditary_kg.embeddings.losses.LOSSES`.
        margin: of the self-adversarial loss.
        temperature: of the self-adversarial loss.
        negatives: entities drawn for each batch; 0: all of them.
        batch_size: triples a batch.
        optimiser: its name: see `hereditary_kg.embeddings.sparse_optimisers.OPTIMISERS`.
        learning_rate: how far a step goes.
        n3: weight of the nuclear 3-norm.
        strategy: its name: see `hereditary_kg.embeddings.strategies.STRATEGIES`.
        own_share: a strategy's own number, changed; negative: as the strategy has it.
        proximal: the same.
        exchanged_share: the same.
        owner_exponent: the same.
        rounds: how often sites exchange.
        local_epochs: how often each site sees its triples between two exchanges.
        evaluate_every: rounds between two looks at the validation triples.
        patience: looks without a better one after which the run ends; 0: never.
        seed: what everything is drawn by.
        minimum_sites: fewer are not enough to begin, or to go on.
        secure: whether sums alone open (secure aggregation).
        minimum_owners: sites that have to contribute to a row; 0: three, or two of two.
        residue_bits: bits of a number of a vector that is exchanged: 32, or 16. What comes back is
            in half precision then.
        epsilon: what a site may spend of differential privacy in the run; 0: it trains without.
        delta: at which epsilon holds.
        privacy_unit: whose coming or going hardly shows: a ``"triple"``, or a ``"person"`` with the
            whole record.
        clipping_norm: what the gradient of a unit is clipped to.
        fallback: whether a site also trains alone, and keeps that model where it is the better one
            on its own validation triples.

    Raises:
        TrainingError: a number makes no sense.
        UnknownNameError: there is nothing of a name.
        StrategyError: a strategy's number is outside of its bounds.
        PrivacyError: epsilon or delta are out of their ranges.
    """

    run: str = "run"
    model: str = "ComplEx"
    dimension: int = 128
    reciprocal: bool = False
    entity_scale: float = 0.0
    loss: str = "softmax"
    margin: float = 9.0
    temperature: float = 1.0
    negatives: int = 512
    batch_size: int = 1024
    optimiser: str = "adagrad"
    learning_rate: float = 0.1
    n3: float = 0.0
    strategy: str = "entities"
    own_share: float = -1.0
    proximal: float = -1.0
    exchanged_share: float = -1.0
    owner_exponent: float = -1.0
    rounds: int = 20
    local_epochs: int = 1
    evaluate_every: int = 5
    patience: int = 0
    seed: int = 0
    minimum_sites: int = 2
    secure: bool = True
    minimum_owners: int = 0
    residue_bits: int = 32
    epsilon: float = 0.0
    delta: float = 1e-5
    privacy_unit: str = "triple"
    clipping_norm: float = 1.0
    fallback: bool = False

    def __post_init__(self) -> None:
        for name in ("dimension", "batch_size", "rounds", "local_epochs", "evaluate_every"):
            if getattr(self, name) < 1:
                raise TrainingError(f"{name} is {getattr(self, name)}; it must be at least 1.")
        for name in ("negatives", "patience", "seed", "minimum_owners"):
            if getattr(self, name) < 0:
                raise TrainingError(f"{name} is {getattr(self, name)}; it must not be negative.")
        if not (math.isfinite(self.entity_scale) and self.entity_scale >= 0):
            raise TrainingError(f"entity_scale is {self.entity_scale}; it must be 0 or more.")
        if self.minimum_sites < 2:
            raise TrainingError(
                f"minimum_sites is {self.minimum_sites}; a federation has two sites at least."
            )
        if self.residue_bits not in RESIDUE_BITS:
            raise TrainingError(f"residue_bits is {self.residue_bits}; it must be 16 or 32.")
        if self.privacy_unit not in PRIVACY_UNITS:
            raise TrainingError(
                f"privacy_unit is {self.privacy_unit!r}; it must be {' or '.join(PRIVACY_UNITS)}."
            )
        if self.epsilon and self.fallback:
            raise TrainingError(
                "fallback trains a second time on the same triples, which epsilon does not count. "
                "Switch one of both off."
            )
        # What cannot be made is told before a run begins.
        self.budget()
        self.options(0)
        self.exchange()
        self.initialise(1, 1, 0)

    def options(self, seed: int) -> TrainingOptions:
        """Give the options of a site's training.

        Args:
            seed: the site's own.
        """
        settings = {"margin": self.margin, "temperature": self.temperature}
        return TrainingOptions(
            loss=make_loss(self.loss, **(settings if self.loss == "self-adversarial" else {})),
            negatives=self.negatives or None,
            batch_size=self.batch_size,
            optimiser=self.optimiser,
            learning_rate=self.learning_rate,
            n3=self.n3,
            seed=seed,
        )

    @property
    def sums_are_masked(self) -> bool:
        """Whether secure aggregation is at work: it is asked for, and there is something to add."""
        return self.secure and bool(self.exchange().kinds)

    def budget(self) -> PrivacyBudget | None:
        """Give what a site may spend of differential privacy; None where it trains without.

        Raises:
            PrivacyError: epsilon or delta are out of their ranges.
        """
        return PrivacyBudget(self.epsilon, self.delta) if self.epsilon else None

    def privacy(self) -> dict[str, bool | float | str]:
        """Give what protects the sites, for manifests and cards."""
        told: dict[str, bool | float | str] = {"secure-aggregation": self.secure}
        if self.epsilon:
            told |= {"epsilon": self.epsilon, "delta": self.delta, "unit": self.privacy_unit}
        return told

    def exchange(self) -> Strategy:
        """Give the strategy, with the numbers that the plan changes."""
        names = ("own_share", "proximal", "exchanged_share", "owner_exponent")
        given = {name: getattr(self, name) for name in names}
        changes = {name: value for name, value in given.items() if value >= 0}
        return resolve_strategy(self.strategy, **changes)

    def initialise(self, entities: int, relations: int, seed: int) -> EmbeddingModel:
        """Make a model with random vectors.

        Args:
            entities: how many there are.
            relations: how many there are, without inverses.
            seed: what the vectors are drawn by.
        """
        return EmbeddingModel.initialise(
            self.model,
            entities,
            relations,
            self.dimension,
            reciprocal=self.reciprocal,
            seed=seed,
            entity_scale=self.entity_scale or None,
        )

    def settings(self) -> dict[str, Value]:
        """Give the plan as the flat table that travels with a run."""
        return {f"{SETTING_PREFIX}{name}": value for name, value in asdict(self).items()}

    def promises(self) -> dict[str, Value]:
        """Give what a run's manifest has to say beside the plan, for sites' policies to ask for."""
        privacy = {f"privacy.{name}": value for name, value in self.privacy().items()}
        return {"rounds": self.rounds, "minimum-sites": self.minimum_sites, **privacy}

    def check_promises(self, settings: Mapping[str, Any]) -> None:
        """See that the plan keeps what the rest of a run's settings says of it.

        A site's policy asks for ``privacy.secure-aggregation``; what is trained follows the plan.

        Raises:
            TrainingError: the two differ.
        """
        kept = self.promises()
        said = {
            key: value
            for key, value in settings.items()
            if key in ("rounds", "minimum-sites") or key.startswith("privacy.")
        }
        for key, value in said.items():
            if value != kept.get(key):
                raise TrainingError(
                    f"The run's manifest says {key} = {value}, and its plan means "
                    f"{kept.get(key, 'nothing of it')}. Do not take part; tell those who run the "
                    "server."
                )

    @classmethod
    def of_settings(cls, settings: Mapping[str, Any]) -> "TrainingPlan":
        """Read the plan from a run's settings; keys without `SETTING_PREFIX` are not the plan's.

        Raises:
            TrainingError: a key is unknown, or its value is of another type.
        """
        known = {name: type(value) for name, value in asdict(cls()).items()}
        found: dict[str, Any] = {}
        for key, value in settings.items():
            if not key.startswith(SETTING_PREFIX):
                continue
            name = key.removeprefix(SETTING_PREFIX)
            if name not in known:
                raise TrainingError(
                    f"The run's settings have {key}, which this version does not know. Install "
                    "the same version of hereditary-kg everywhere."
                )
            kind = known[name]
            whole = type(value) is int and kind is float
            if type(value) is not kind and not whole:
                raise TrainingError(
                    f"The run's setting {key} is {value!r}, which is no {kind.__name__}."
                )
            found[name] = kind(value)
        return cls(**found)
