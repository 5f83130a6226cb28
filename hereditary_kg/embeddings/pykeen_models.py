"""PyKEEN's models: ours as theirs, and any of theirs trained by PyKEEN's own loop.

Importing this module imports PyKEEN, which takes seconds; nothing else here needs it.
"""

import math
import time
import warnings
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import torch
from pykeen.losses import loss_resolver
from pykeen.models import ComplEx, DistMult, Model, RotatE, TransE, model_resolver
from pykeen.training import NonFiniteLossError, SLCWATrainingLoop
from pykeen.training.callbacks import TrainingCallback
from pykeen.triples import CoreTriplesFactory
from torch import Tensor

from hereditary_kg.embeddings.errors import ModelError, TrainingError, UnknownNameError, resolve
from hereditary_kg.embeddings.local_training import EpochProgress, Progress
from hereditary_kg.embeddings.models import EmbeddingModel, choose_device
from hereditary_kg.embeddings.triples import TripleSet

__all__ = ["PyKEENScorer", "PyKEENTraining", "to_pykeen", "to_triples_factory"]

_CLASSES: Mapping[str, tuple[Callable[..., Model], Mapping[str, Any], int]] = MappingProxyType(
    {
        # the class, its settings, and how many of our numbers are one of its dimensions
        "TransE": (TransE, {"scoring_fct_norm": 1}, 1),
        "TransE-L2": (TransE, {"scoring_fct_norm": 2}, 1),
        "DistMult": (DistMult, {}, 1),
        "ComplEx": (ComplEx, {}, 2),
        "RotatE": (RotatE, {}, 2),
    }
)
_OPTIMISERS = MappingProxyType({"adagrad": torch.optim.Adagrad, "adam": torch.optim.Adam})


def to_triples_factory(triples: TripleSet, *, inverses: bool = False) -> CoreTriplesFactory:
    """Give triples to PyKEEN, under the same numbers.

    Args:
        triples: the triples.
        inverses: whether PyKEEN makes an inverse of each relation.
    """
    return CoreTriplesFactory(
        torch.from_numpy(triples.triples),
        num_entities=len(triples.entities),
        num_relations=len(triples.relations),
        create_inverse_triples=inverses,
    )


def to_pykeen(model: EmbeddingModel, triples: TripleSet) -> Model:
    """Give a model as PyKEEN's class with the same vectors, which scores alike.

    PyKEEN numbers the inverse of a relation next to the relation; the rows of a reciprocal model
    are put into that order. Use ``predict_h`` and ``predict_t``, which know of inverses.

    Args:
        model: the model; its vectors are copied.
        triples: triples with the model's numbers of entities and relations.

    Raises:
        ModelError: PyKEEN has no such class, or the triples have other numbers.
    """
    name = model.scoring.name
    if name not in _CLASSES:
        raise ModelError(f"PyKEEN has no class for {name!r}. It has: {', '.join(_CLASSES)}.")
    if (len(triples.entities), len(triples.relations)) != (
        len(model.entities),
        model.relation_count,
    ):
        raise ModelError("The triples have other entities or relations than the model has.")
    make, settings, numbers = _CLASSES[name]
    theirs = make(
        triples_factory=to_triples_factory(triples, inverses=model.reciprocal),
        embedding_dim=model.dimension // numbers,
        random_seed=0,
        **settings,
    )
    relations = model.relations
    if model.reciprocal:
        relations = torch.stack(relations.chunk(2), dim=1).flatten(0, 1)
    weights = _weights(theirs)
    with torch.no_grad():
        weights["entities"].copy_(model.entities)
        weights["relations"].copy_(relations)
    return theirs.eval()


class PyKEENScorer:
    """A PyKEEN model that is ranked as ours are."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def score_tails(
        self, heads: Tensor, relations: Tensor, candidates: Tensor | None = None
    ) -> Tensor:
        """Score candidate tails, by default all: ``[b]`` and ``[b]`` to ``[b, n]``."""
        asked = torch.stack([heads, relations], dim=1)
        scores: Tensor = self.model.predict_t(asked, tails=candidates)
        return scores

    def score_heads(
        self, relations: Tensor, tails: Tensor, candidates: Tensor | None = None
    ) -> Tensor:
        """Score candidate heads, by default all: ``[b]`` and ``[b]`` to ``[b, n]``."""
        asked = torch.stack([relations, tails], dim=1)
        scores: Tensor = self.model.predict_h(asked, heads=candidates)
        return scores


class PyKEENTraining:
    """Trains any PyKEEN model by PyKEEN's sLCWA loop, behind the interface of ``LocalTraining``.

    The rows of entities and of relations can be read and replaced: ``"entities"`` and
    ``"relations"``, and where a model has several vectors each, ``"entities.1"`` and so on. What
    belongs to no row (ConvE's filters) stays where it is.

    Args:
        name: PyKEEN's name of the model.
        triples: the triples.
        settings: what PyKEEN's class takes, ``embedding_dim`` and others.
        loss: PyKEEN's name of the loss; by default the model's own.
        optimiser: ``"adagrad"`` or ``"adam"``.
        learning_rate: the optimiser's.
        negatives: for each positive.
        batch_size: positives a batch.
        seed: what vectors and negatives are drawn by.
        device: where to train; by default ``choose_device()``.
        progress: called after each epoch.

    Raises:
        ModelError: the model's vectors are no rows, or it doesn't take the settings.
        TrainingError: there are no triples.
        UnknownNameError: there is no model, loss or optimiser of that name.
    """

    def __init__(
        self,
        name: str,
        triples: TripleSet,
        settings: Mapping[str, Any] | None = None,
        *,
        loss: str | None = None,
        optimiser: str = "adagrad",
        learning_rate: float = 0.1,
        negatives: int = 64,
        batch_size: int = 256,
        seed: int = 0,
        device: torch.device | str | None = None,
        progress: Progress | None = None,
    ) -> None:
        if not len(triples):
            raise TrainingError("There is no triple to train on. Look at what was selected.")
        self.epoch = 0
        self._batch_size = batch_size
        self._progress = progress
        self._factory = to_triples_factory(triples)
        make_optimiser = resolve("optimiser", optimiser, _OPTIMISERS)
        chosen = {"loss": _look_up("loss", loss_resolver, loss)} if loss else {}
        make = _look_up("model", model_resolver, name)
        try:
            self.model: Model = make(
                triples_factory=self._factory, random_seed=seed, **chosen, **(settings or {})
            ).to(choose_device(device))
        except (TypeError, ValueError) as error:
            raise ModelError(f"PyKEEN's {name} cannot be made so: {error}") from error
        self._weights = _weights(self.model)
        self._optimiser = make_optimiser(self.model.get_grad_params(), lr=learning_rate)
        self._start_optimiser()
        self._loop = SLCWATrainingLoop(
            model=self.model,
            triples_factory=self._factory,
            optimizer=self._optimiser,
            negative_sampler_kwargs={"num_negs_per_pos": negatives},
            automatic_memory_optimization=False,
        )
        self._hooks: list[Any] = []

    @property
    def scorer(self) -> PyKEENScorer:
        """The model, to be ranked."""
        return PyKEENScorer(self.model)

    def parameters(self) -> dict[str, Tensor]:
        """Give the vectors of entities and of relations, by name."""
        return {name: weight.detach() for name, weight in self._weights.items()}

    def optimiser_state(self) -> dict[str, Tensor]:
        """Give the optimiser's state that belongs to rows, ``"entities/..."`` and so on."""
        return {
            f"{name}/{state}": values
            for name, weight in self._weights.items()
            for state, values in self._optimiser.state[weight].items()
            if isinstance(values, Tensor) and values.shape == weight.shape
        }

    def assign(self, name: str, values: Tensor, rows: Tensor | None = None) -> None:
        """Replace rows of vectors or of the optimiser's state by copies of others.

        Raises:
            ModelError: there is nothing of that name, or the shape is another.
        """
        known = self.parameters() | self.optimiser_state()
        if name not in known:
            raise ModelError(f"There is no {name!r} to assign. There are: {', '.join(known)}.")
        target = known[name]
        rows = torch.arange(len(target)) if rows is None else rows
        if tuple(values.shape) != (len(rows), *target.shape[1:]):
            raise ModelError(f"The values for {name} have the shape {tuple(values.shape)}.")
        target.index_copy_(0, rows.to(target.device), values.to(target))
        if "/" not in name:
            self.model.post_parameter_update()

    def pull_towards(self, vectors: Mapping[str, Tensor], weight: float) -> None:
        """Add FedProx's proximal term, over all rows: PyKEEN's gradients are dense.

        Raises:
            ModelError: there is no parameter of that name, or its shape is another.
        """
        for name, values in vectors.items():
            if name not in self._weights or values.shape != self._weights[name].shape:
                raise ModelError(
                    f"There is no parameter {name!r} of the shape {tuple(values.shape)}."
                )
        for hook in self._hooks:
            hook.remove()
        self._hooks = [
            _pull(self._weights[name], values, weight) for name, values in vectors.items() if weight
        ]

    def train(self, epochs: int) -> list[float]:
        """Train on for some epochs, and give the mean loss of each, as PyKEEN computes it.

        Raises:
            TrainingError: a loss is not a number.
        """
        if epochs < 1:
            return []
        try:
            with warnings.catch_warnings():
                # PyKEEN's loop uses what its data loader calls deprecated.
                warnings.simplefilter("ignore", DeprecationWarning)
                losses = self._loop.train(
                    triples_factory=self._factory,
                    num_epochs=self.epoch + epochs,
                    batch_size=self._batch_size,
                    continue_training=True,
                    use_tqdm=False,
                    pin_memory=self.model.device.type == "cuda",
                    callbacks=[] if self._progress is None else [_Teller(self._progress)],
                )
        except NonFiniteLossError as error:
            raise TrainingError(
                f"PyKEEN's loss is not a number any more ({error}). Lower the learning rate and "
                "start from vectors of an earlier epoch."
            ) from error
        found = [float(loss) for loss in (losses or [])[self.epoch :]]
        self.epoch += len(found)
        if not all(math.isfinite(loss) for loss in found):
            raise TrainingError(
                "PyKEEN's loss is not a number any more. Lower the learning rate and start from "
                "vectors of an earlier epoch."
            )
        return found

    def _start_optimiser(self) -> None:
        """Make the optimiser's state by an empty step.

        PyKEEN throws vectors away when it begins a training, and continues one only if its
        optimiser has a state.
        """
        for weight in self.model.get_grad_params():
            weight.grad = torch.zeros_like(weight)
        self._optimiser.step()
        self._optimiser.zero_grad()
        for state in self._optimiser.state.values():
            for values in state.values():
                if isinstance(values, Tensor):
                    values.zero_()


class _Teller(TrainingCallback):
    """Tells of each epoch."""

    def __init__(self, progress: Progress) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._progress_told = progress
        self._started = time.perf_counter()

    def post_epoch(self, epoch: int, epoch_loss: float, **_: Any) -> None:
        now = time.perf_counter()
        self._progress_told(EpochProgress(epoch, float(epoch_loss), now - self._started))
        self._started = now


def _pull(parameter: Tensor, towards: Tensor, weight: float) -> Any:
    """Add the proximal term to a parameter's gradients, until the hook is removed."""
    target = towards.detach().clone().to(parameter)
    return parameter.register_hook(  # type: ignore[no-untyped-call]
        lambda gradient: gradient + weight * (parameter.detach() - target)
    )


def _look_up(kind: str, resolver: Any, name: str) -> Any:
    try:
        return resolver.lookup(name)
    except KeyError:
        resolve(kind, name, resolver.lookup_dict)
        raise UnknownNameError(f"PyKEEN has no {kind} {name!r}.") from None


def _weights(model: Model) -> dict[str, torch.nn.Parameter]:
    """Find the matrices whose rows are entities or relations."""
    found: dict[str, torch.nn.Parameter] = {}
    for kind in ("entity", "relation"):
        plural = {"entity": "entities", "relation": "relations"}[kind]
        for number, vectors in enumerate(getattr(model, f"{kind}_representations", ())):
            own = dict(vectors.named_parameters())
            if set(own) == {"_embeddings.weight"}:
                name = plural if number == 0 else f"{plural}.{number}"
                found[name] = own["_embeddings.weight"]
    if not {"entities", "relations"} <= set(found):
        raise ModelError(
            f"{type(model).__name__} has no vector of its own for each entity and relation, so "
            "sites have no rows to exchange. Take a model with embeddings."
        )
    return found
