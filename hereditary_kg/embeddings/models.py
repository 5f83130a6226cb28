"""Link-prediction models: vectors of entities and relations, and how they score a triple.

Each model here turns head and relation into one vector, the query for tails, and relation and tail
into another, the query for heads, and compares it with the vectors of entities. So any number of
candidates is scored at once, and a model is three small functions.

Complex vectors are stored as real ones of twice the length, real and imaginary parts in turns.
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor

from hereditary_kg.embeddings.comparisons import (
    Comparison,
    EuclideanDistance,
    InnerProduct,
    ManhattanDistance,
)
from hereditary_kg.embeddings.errors import ModelError, resolve

__all__ = ["MODELS", "EmbeddingModel", "ScoringFunction", "choose_device"]

Query = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class ScoringFunction:
    """How a model scores triples.

    Attributes:
        name: the model's name in the literature.
        comparison: how queries and entities are compared.
        tail_query: from heads and relations, ``[b, d]`` each, the queries for tails.
        head_query: from relations and tails, ``[b, d]`` each, the queries for heads.
        complex: whether two neighbouring numbers are a complex one.
        unit_relations: whether each complex number of a relation has the modulus 1.
    """

    name: str
    comparison: Comparison
    tail_query: Query
    head_query: Query
    complex: bool = False
    unit_relations: bool = False


class EmbeddingModel:
    """Vectors of entities and relations, which score triples.

    Args:
        scoring: the scoring function, or its name: see ``MODELS``.
        entities: shape ``[n, d]``, ``float32``.
        relations: shape ``[m, d]``, ``float32``; for a reciprocal model ``[2 * m, d]``: the vectors
            of relations first, then those of their inverses, in the same order.
        reciprocal: whether heads are scored by the inverse relation (Lacroix et al. 2018,
            *Canonical tensor decomposition for knowledge base completion*).

    Raises:
        ModelError: the shapes do not fit.
        UnknownNameError: there is no model of that name.
    """

    def __init__(
        self,
        scoring: ScoringFunction | str,
        entities: Tensor,
        relations: Tensor,
        *,
        reciprocal: bool = False,
    ) -> None:
        if isinstance(scoring, str):
            scoring = resolve("model", scoring, MODELS)
        if entities.dim() != 2 or relations.dim() != 2 or entities.shape[1] != relations.shape[1]:
            raise ModelError(
                f"Vectors of entities {tuple(entities.shape)} and of relations "
                f"{tuple(relations.shape)} do not fit each other. Give one row each, of one length."
            )
        _check_dimension(scoring, entities.shape[1])
        if reciprocal and len(relations) % 2:
            raise ModelError(
                f"A reciprocal model has two rows a relation, which {len(relations)} rows cannot "
                "be. Give the relations' rows, then their inverses'."
            )
        self.scoring = scoring
        self.reciprocal = reciprocal
        self.entities = entities
        self.relations = _unit(relations) if scoring.unit_relations else relations

    @classmethod
    def initialise(
        cls,
        scoring: ScoringFunction | str,
        entities: int,
        relations: int,
        dimension: int,
        *,
        reciprocal: bool = False,
        seed: int = 0,
        scale: float | None = None,
        entity_scale: float | None = None,
        device: torch.device | str | None = None,
    ) -> "EmbeddingModel":
        """Make a model with random vectors.

        Args:
            scoring: the scoring function, or its name: see ``MODELS``.
            entities: how many there are.
            relations: how many there are, without inverses.
            dimension: real numbers a vector; a complex one counts as two.
            reciprocal: whether heads are scored by the inverse relation.
            seed: what the vectors are drawn by; the same on every device.
            scale: the standard deviation of each number; by default so that vectors have the
                length 1 (distances), or products of three of them are small (inner products).
                Relations of unit modulus have random phases instead.
            entity_scale: the same for entities, where it is another.
            device: where the vectors are; by default ``choose_device()``.

        Raises:
            ModelError: the dimension does not fit.
            UnknownNameError: there is no model of that name.
        """
        if isinstance(scoring, str):
            scoring = resolve("model", scoring, MODELS)
        _check_dimension(scoring, dimension)
        if scale is None:
            scale = dimension**-0.5 if scoring.comparison.is_distance else 0.1
        drawn = torch.Generator().manual_seed(seed)
        length = scale if entity_scale is None else entity_scale
        rows = torch.randn(entities, dimension, generator=drawn) * length
        kinds = torch.randn(relations * (1 + reciprocal), dimension, generator=drawn) * scale
        place = choose_device(device)
        return cls(scoring, rows.to(place), kinds.to(place), reciprocal=reciprocal)

    @property
    def dimension(self) -> int:
        """Real numbers a vector."""
        return self.entities.shape[1]

    @property
    def relation_count(self) -> int:
        """How many relations there are, without inverses."""
        return len(self.relations) // (1 + self.reciprocal)

    def constrain_relations(self, rows: Tensor) -> None:
        """Bring vectors of relations that changed back to what the model allows, in place.

        Args:
            rows: their numbers, shape ``[k]``.
        """
        if self.scoring.unit_relations:
            self.relations.index_copy_(0, rows, _unit(self.relations.index_select(0, rows)))

    def tail_queries(self, heads: Tensor, relations: Tensor) -> Tensor:
        """Give the queries for tails of numbered heads and relations: ``[b]`` to ``[b, d]``."""
        return self.scoring.tail_query(self.entities[heads], self.relations[relations])

    def head_queries(self, relations: Tensor, tails: Tensor) -> Tensor:
        """Give the queries for heads of numbered relations and tails: ``[b]`` to ``[b, d]``."""
        if self.reciprocal:
            return self.tail_queries(tails, relations + self.relation_count)
        return self.scoring.head_query(self.relations[relations], self.entities[tails])

    def score_tails(
        self, heads: Tensor, relations: Tensor, candidates: Tensor | None = None
    ) -> Tensor:
        """Score candidate tails of heads and relations.

        Args:
            heads: numbers of entities, shape ``[b]``.
            relations: numbers of relations, shape ``[b]``.
            candidates: numbers of entities, shape ``[n]``; by default all.

        Returns:
            shape ``[b, n]``; the higher the better.
        """
        return self._score(self.tail_queries(heads, relations), candidates)

    def score_heads(
        self, relations: Tensor, tails: Tensor, candidates: Tensor | None = None
    ) -> Tensor:
        """Score candidate heads of relations and tails.

        Args:
            relations: numbers of relations, shape ``[b]``.
            tails: numbers of entities, shape ``[b]``.
            candidates: numbers of entities, shape ``[n]``; by default all.

        Returns:
            shape ``[b, n]``; the higher the better.
        """
        return self._score(self.head_queries(relations, tails), candidates)

    def _score(self, queries: Tensor, candidates: Tensor | None) -> Tensor:
        rows = self.entities if candidates is None else self.entities[candidates]
        return self.scoring.comparison.exact_scores(queries, rows)


def choose_device(device: torch.device | str | None = None) -> torch.device:
    """Give the device asked for; by default a GPU where there is one."""
    if device is not None:
        return torch.device(device)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _check_dimension(scoring: ScoringFunction, dimension: int) -> None:
    if dimension < 1 or (scoring.complex and dimension % 2):
        raise ModelError(
            f"{scoring.name} has no vectors of dimension {dimension}. "
            + ("Take an even one: two numbers are a complex one." if scoring.complex else "")
        )


def _as_complex(rows: Tensor) -> Tensor:
    return torch.view_as_complex(rows.reshape(len(rows), -1, 2))


def _unit(rows: Tensor) -> Tensor:
    pairs = _as_complex(rows.contiguous())
    modulus = pairs.abs()
    # A zero has no direction: it becomes 1, which turns nothing.
    unit = torch.where(modulus > 0, pairs / modulus.clamp_min(1e-30), torch.ones_like(pairs))
    return torch.view_as_real(unit).flatten(1)


def _turn(rows: Tensor, by: Tensor) -> Tensor:
    return torch.view_as_real(_as_complex(rows) * _as_complex(by)).flatten(-2)


def _turn_back(by: Tensor, rows: Tensor) -> Tensor:
    return torch.view_as_real(_as_complex(rows) * _as_complex(by).conj()).flatten(-2)


def _add(heads: Tensor, relations: Tensor) -> Tensor:
    return heads + relations


def _subtract(relations: Tensor, tails: Tensor) -> Tensor:
    return tails - relations


MODELS = MappingProxyType(
    {
        scoring.name: scoring
        for scoring in (
            # Bordes et al. 2013, Translating embeddings for modeling multi-relational data
            ScoringFunction("TransE", ManhattanDistance(), _add, _subtract),
            ScoringFunction("TransE-L2", EuclideanDistance(), _add, _subtract),
            # Yang et al. 2015, Embedding entities and relations for learning and inference
            ScoringFunction("DistMult", InnerProduct(), torch.mul, torch.mul),
            # Trouillon et al. 2016, Complex embeddings for simple link prediction
            ScoringFunction("ComplEx", InnerProduct(), _turn, _turn_back, complex=True),
            # Sun et al. 2019, RotatE, with the Euclidean norm as in PyKEEN
            ScoringFunction(
                "RotatE",
                EuclideanDistance(),
                _turn,
                _turn_back,
                complex=True,
                unit_relations=True,
            ),
        )
    }
)
"""The models by name. ``TransE`` has the Manhattan norm, ``TransE-L2`` the Euclidean one."""
