"""Predicted links of several models beside each other, with an ensemble of them, as one table.

The ensemble has one of two rules. *Mean*: the mean of the calibrated probabilities of all models
that know relation, head and tail. *Fusion*: the sum of ``1 / (60 + rank)`` over the models that
rank the link among their best (Cormack, Clarke and Büttcher 2009, *Reciprocal rank fusion
outperforms Condorcet and individual rank learning methods*), which needs no probabilities.
"""

from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hereditary_kg.embeddings.alignment_keys import AlignmentKey
from hereditary_kg.embeddings.errors import PredictionError, UnknownNameError
from hereditary_kg.embeddings.known_links import KnownLinks
from hereditary_kg.embeddings.link_reasons import LinkReasons, ReasonFinder
from hereditary_kg.embeddings.prediction import (
    LinkPredictor,
    LinkQuestion,
    PredictedLink,
    read_namespaces,
)
from hereditary_kg.embeddings.saved_models import SavedModel
from hereditary_kg.embeddings.triples import Triple

if TYPE_CHECKING:
    from hereditary_kg.embeddings.ranking import Side

__all__ = [
    "ENSEMBLE",
    "EnsembleRule",
    "NamedModel",
    "PublishedLinks",
    "collect_names",
    "predict_links",
]

ENSEMBLE = "ensemble"
"""What stands for a model's name in the ensemble's rows."""
EnsembleRule = Literal["mean", "fusion"]

_DEPTH = 10
"""An ensemble is made of this many times the links that are asked for, of each model."""
_FUSION = 60
_NEAR = pl.Struct({"head": pl.String, "tail": pl.String, "similarity": pl.Float64})
_PATH = pl.Struct({"relations": pl.List(pl.String), "through": pl.List(pl.String)})
_COLUMNS: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "model": pl.String,
    "rank": pl.Int64,
    "head": pl.String,
    "relation": pl.String,
    "tail": pl.String,
    "head_name": pl.String,
    "tail_name": pl.String,
    "score": pl.Float64,
    "probability": pl.Float64,
    "nearest": pl.List(_NEAR),
    "paths": pl.List(_PATH),
}


@dataclass(frozen=True, eq=False)
class NamedModel:
    """A model, and what it is called in tables.

    Attributes:
        name: different from that of every other model.
        saved: the model.
    """

    name: str
    saved: SavedModel

    @property
    def iri(self) -> str:
        """What the model is called in RDF: the digest of its vectors (RFC 6920)."""
        digest = sha256()
        for rows in (self.saved.model.entities, self.saved.model.relations):
            digest.update(rows.detach().cpu().contiguous().numpy().tobytes())
        return f"ni:///sha-256;{urlsafe_b64encode(digest.digest()).decode().rstrip('=')}"


@dataclass(frozen=True, eq=False)
class PublishedLinks:
    """What other sites have published of their known links.

    Attributes:
        links: a file's content each.
        key: the key of the sites.
    """

    links: tuple[KnownLinks, ...]
    key: AlignmentKey

    def contains(self, triples: Sequence[Triple]) -> NDArray[np.bool_]:
        """Say of each triple whether it is known at any of the sites; at which is not said."""
        found = np.zeros(len(triples), dtype=np.bool_)
        for links in self.links:
            found |= links.contains(triples, self.key)
        return found


def predict_links(
    models: Sequence[NamedModel],
    question: LinkQuestion,
    count: int,
    *,
    published: PublishedLinks | None = None,
    rule: EnsembleRule | None = None,
) -> pl.DataFrame:
    """Predict links by each model, and by an ensemble where there are several.

    What is known at the site of one model is left out of the predictions of all. A model that
    doesn't know the relation or an end has no links, as long as another one has.

    Args:
        models: at least one.
        question: what is asked for.
        count: at most how many links of each model.
        published: what other sites have published.
        rule: how the ensemble is made; by default the mean where all models have a calibration,
            and fusion otherwise.

    Returns:
        a row a link of a model: ``model``, ``rank``, ``head``, ``relation``, ``tail``,
        ``head_name`` and ``tail_name`` (null where no model has a name), ``score``,
        ``probability`` (null without calibration), ``nearest`` and ``paths`` (see `link_reasons`).
        The ensemble's rows come last. Its score is what it orders by, and its reasons are those of
        the model that gives the link the best rank.

    Raises:
        UnknownNameError: no model knows the relation and the end.
        PredictionError: the mean is asked for and a model has no calibration, both ends are given,
            or published links were made with another key.
    """
    known = [set(model.saved.known.labels()) for model in models]
    predictors = [
        LinkPredictor(model.saved, partial(_known_elsewhere, known, published))
        if published is not None or len(models) > 1
        else LinkPredictor(model.saved)
        for model in models
    ]
    calibrated = all(predictor.calibration for predictor in predictors)
    if rule == "mean" and not calibrated:
        raise PredictionError(
            "The mean of probabilities is asked for, and a model has no calibration. Ask for "
            "fusion, or train with more validation triples."
        )
    together = len(models) > 1
    found = _ask_all(predictors, question, count * _DEPTH if together else count)
    finders = [
        ReasonFinder(model.saved, read_namespaces(model.saved.about), local=question.local)
        for model in models
    ]
    names = collect_names(models)
    rows = [
        _row(model.name, link, reasons.find(link.triple), names)
        for model, links, reasons in zip(models, found, finders, strict=True)
        for link in links[:count]
    ]
    if together:
        chosen = rule or ("mean" if calibrated else "fusion")
        fused = _fuse(predictors, found, chosen, question)[:count]
        rows += _explain_fused(finders, found, fused, names)
    return pl.DataFrame(rows, schema=_COLUMNS, orient="row")


def collect_names(models: Sequence[NamedModel]) -> dict[str, str]:
    """Give what entities are called; where models differ, the first one has its way."""
    names: dict[str, str] = {}
    for model in reversed(models):
        names |= model.saved.names
    return names


def _ask_all(
    predictors: Sequence[LinkPredictor], question: LinkQuestion, count: int
) -> list[list[PredictedLink]]:
    found: list[list[PredictedLink]] = []
    unknown: list[UnknownNameError] = []
    for predictor in predictors:
        try:
            found.append(predictor.predict(question, count))
        except UnknownNameError as error:
            found.append([])
            unknown.append(error)
    if len(unknown) == len(predictors):
        raise unknown[0]
    return found


def _known_elsewhere(
    known: Sequence[set[Triple]], published: PublishedLinks | None, triples: Sequence[Triple]
) -> NDArray[np.bool_]:
    found = np.array([any(triple in each for each in known) for triple in triples], dtype=np.bool_)
    return found if published is None else found | published.contains(triples)


def _fuse(
    predictors: Sequence[LinkPredictor],
    found: Sequence[Sequence[PredictedLink]],
    rule: EnsembleRule,
    question: LinkQuestion,
) -> list[PredictedLink]:
    ranks = [{link.triple: link.rank for link in links} for links in found]
    triples = sorted({triple for each in ranks for triple in each})
    fusion = [sum(1 / (_FUSION + each[t]) for each in ranks if t in each) for t in triples]
    means: list[float | None] = [None] * len(triples)
    if rule == "mean":
        side: Side = "tail" if question.tail is None else "head"
        rated = [predictor.rate(triples, side) for predictor in predictors]
        for place, chances in enumerate(zip(*rated, strict=True)):
            given = [chance for chance in chances if chance is not None]
            means[place] = sum(given) / len(given)
    scores = [
        by_rank if mean is None else mean for by_rank, mean in zip(fusion, means, strict=True)
    ]
    order = sorted(range(len(triples)), key=lambda place: (-scores[place], triples[place]))
    return [
        PredictedLink(*triples[place], rank, scores[place], means[place])
        for rank, place in enumerate(order, start=1)
    ]


def _explain_fused(
    finders: Sequence[ReasonFinder],
    found: Sequence[Sequence[PredictedLink]],
    fused: Sequence[PredictedLink],
    names: Mapping[str, str],
) -> list[tuple[object, ...]]:
    best: dict[Triple, tuple[int, int]] = {}
    for number, links in enumerate(found):
        for link in links:
            best[link.triple] = min(best.get(link.triple, (link.rank, number)), (link.rank, number))
    return [
        _row(ENSEMBLE, link, finders[best[link.triple][1]].find(link.triple), names)
        for link in fused
    ]


def _row(
    model: str, link: PredictedLink, reasons: LinkReasons, names: Mapping[str, str]
) -> tuple[object, ...]:
    return (
        model,
        link.rank,
        link.head,
        link.relation,
        link.tail,
        names.get(link.head),
        names.get(link.tail),
        link.score,
        link.probability,
        [{"head": n.head, "tail": n.tail, "similarity": n.similarity} for n in reasons.nearest],
        [{"relations": p.relations, "through": p.through} for p in reasons.paths],
    )
