"""The best links that are not known yet, by a model that was trained.

A question has a relation, and a head, a tail or neither. Candidates are entities that the relation
has at that end in a known triple, or those of given namespaces. Left out is what is known at the
site, what is known at other sites (see `known_links`), and links of an entity with itself where the
relation has no such link.

Where neither end is given, each candidate head is asked for its tails, and all answers are compared
by their probabilities: scores of different questions say little about each other.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import Tensor

from hereditary_kg.embeddings.calibration import Calibration
from hereditary_kg.embeddings.errors import ModelError, PredictionError, UnknownNameError
from hereditary_kg.embeddings.label_kinds import Namespaces
from hereditary_kg.embeddings.ranking import Side, known_answers, score_questions
from hereditary_kg.embeddings.saved_models import SavedModel
from hereditary_kg.embeddings.triples import Triple

__all__ = [
    "LinkPredictor",
    "LinkQuestion",
    "PredictedLink",
    "read_calibration",
    "read_namespaces",
]

_SCORES = 2**22
"""Scores that are held at once, 16 MiB."""
_FIRST_LOOK = 64
"""Links beyond those asked for that are kept at first, since some may be known elsewhere."""

Excluded = Callable[[Sequence[Triple]], NDArray[np.bool_]]


@dataclass(frozen=True)
class LinkQuestion:
    """What is asked for.

    Attributes:
        relation: its label.
        head: the label of the head, or None where heads are asked for.
        tail: the label of the tail, or None where tails are asked for.
        head_namespaces: what labels of candidate heads begin with; None: heads of the relation
            in known triples.
        tail_namespaces: the same of tails.
        local: whether entities of the site's own, such as persons, are asked for as well.
    """

    relation: str
    head: str | None = None
    tail: str | None = None
    head_namespaces: tuple[str, ...] | None = None
    tail_namespaces: tuple[str, ...] | None = None
    local: bool = False


@dataclass(frozen=True)
class PredictedLink:
    """A link that is not known.

    Attributes:
        head: its label.
        relation: its label.
        tail: its label.
        rank: 1 for the best one of the question, among candidates that are not known.
        score: the model's; the higher the better, within one question.
        probability: see `calibration`; None where the model has no calibration.
    """

    head: str
    relation: str
    tail: str
    rank: int
    score: float
    probability: float | None

    @property
    def triple(self) -> Triple:
        """The labels of head, relation and tail."""
        return (self.head, self.relation, self.tail)


def read_namespaces(about: Mapping[str, object]) -> Namespaces:
    """Read whose terms are everybody's from what is told of a model; nobody's where nothing is.

    Raises:
        ModelError: what is told cannot be read.
    """
    told = about.get("namespaces", {})
    if not isinstance(told, Mapping):
        raise ModelError("The model's namespaces cannot be read. Train it anew.")
    return Namespaces(tuple(told.get("shared", ())), tuple(told.get("local", ())))


def read_calibration(about: Mapping[str, object]) -> Calibration | None:
    """Read the calibration from what is told of a model, if it has one.

    Raises:
        ModelError: what is told cannot be read.
    """
    told = about.get("calibration")
    if told is None:
        return None
    try:
        return Calibration(**{name: float(value) for name, value in told.items()})  # type: ignore[attr-defined]
    except (AttributeError, TypeError, ValueError) as error:
        raise ModelError("The model's calibration cannot be read. Train it anew.") from error


class LinkPredictor:
    """Predicts links by one model.

    Args:
        saved: the model.
        excluded: says of triples whether they are known elsewhere; by default none is.

    Raises:
        ModelError: what is told of the model cannot be read.
    """

    def __init__(self, saved: SavedModel, excluded: Excluded | None = None) -> None:
        self.saved = saved
        self.calibration = read_calibration(saved.about)
        namespaces = read_namespaces(saved.about)
        self.public_entities = namespaces.mark_public(saved.known.entities)
        self.public_relations = namespaces.mark_public(saved.known.relations)
        self._excluded = excluded

    def predict(self, question: LinkQuestion, count: int) -> list[PredictedLink]:
        """Give the best links that are not known, best first.

        Args:
            question: what is asked for.
            count: at most how many.

        Raises:
            UnknownNameError: the model doesn't know the relation or an end; the nearest are named.
            PredictionError: both ends are given.
            EvaluationError: a score is not a number.
        """
        asked = self._read(question)
        wanted = count + (_FIRST_LOOK if self._excluded else 0)
        while True:
            answers, all_there = self._best(asked, wanted)
            new = self._without_excluded(answers)
            if len(new) >= count or all_there:
                return [
                    PredictedLink(*triple, rank, answer.score, self._chance(answer.order))
                    for rank, (triple, answer) in enumerate(new[:count], start=1)
                ]
            wanted *= 4

    @torch.no_grad()
    def rate(self, triples: Sequence[Triple], side: Side = "tail") -> list[float | None]:
        """Give the probability of each triple as an answer of its question.

        Args:
            triples: labels of triples that are not known at the site.
            side: which end the question asks for.

        Returns:
            the probabilities; None where the model doesn't know one of the labels, or has no
            calibration.
        """
        known = self.saved.known
        rated: list[float | None] = [None] * len(triples)
        rows = [
            (place, *numbers)
            for place, triple in enumerate(triples)
            if None not in (numbers := self._numbers(triple))
        ]
        if self.calibration is None or not rows:
            return rated
        table = np.array(rows, dtype=np.int64)
        keys, answers = table[:, 1:3], table[:, 3]
        if side == "head":
            keys, answers = table[:, 2:], table[:, 1]
        queries, asking = np.unique(keys, axis=0, return_inverse=True)
        asking = asking.reshape(-1)
        step = max(1, _SCORES // len(known.entities))
        for first in range(0, len(queries), step):
            order = self._order(self._score(side, queries[first : first + step]))
            mine = np.flatnonzero((asking >= first) & (asking < first + step))
            picked = order[asking[mine] - first, answers[mine]].tolist()
            for place, share in zip(table[mine, 0].tolist(), picked, strict=True):
                rated[place] = self._chance(share)
        return rated

    def _numbers(self, triple: Triple) -> tuple[int | None, int | None, int | None]:
        head, relation, tail = triple
        entities, relations = self.saved.known.entity_numbers, self.saved.known.relation_numbers
        return entities.get(head), relations.get(relation), entities.get(tail)

    def _read(self, question: LinkQuestion) -> "_Questions":
        if question.head is not None and question.tail is not None:
            raise PredictionError("Both ends of the link are given. Give one of them, or none.")
        known = self.saved.known
        shown = self.public_entities | question.local
        relation = _find("relation", question.relation, known.relation_numbers, self._relations())
        rows = known.triples[known.triples[:, 1] == relation]
        heads = self._candidates(rows[:, 0], question.head_namespaces) & shown
        tails = self._candidates(rows[:, 2], question.tail_namespaces) & shown
        loops = bool((rows[:, 0] == rows[:, 2]).any())
        if question.tail is not None:
            tail = self._find_entity(question.tail, shown, tails)
            return _Questions("head", np.array([[relation, tail]]), heads, loops)
        if question.head is not None:
            head = self._find_entity(question.head, shown, heads)
            return _Questions("tail", np.array([[head, relation]]), tails, loops)
        asked = np.flatnonzero(heads)
        queries = np.stack([asked, np.full(len(asked), relation)], axis=1)
        return _Questions("tail", queries, tails, loops)

    def _relations(self) -> list[str]:
        """Give relations that may be named: public ones, if there are some."""
        names = self.saved.known.relations
        public = [name for name, shown in zip(names, self.public_relations, strict=True) if shown]
        return public or list(names)

    def _find_entity(self, label: str, shown: NDArray[np.bool_], first: NDArray[np.bool_]) -> int:
        """Find an entity; where there is none, name the nearest that may stand at its place."""
        entities = self.saved.known.entities
        places = np.flatnonzero(first if (first & shown).any() else shown).tolist()
        numbers = self.saved.known.entity_numbers
        visible = {label: numbers[label]} if label in numbers and shown[numbers[label]] else {}
        return _find("entity", label, visible, [entities[place] for place in places])

    def _candidates(
        self, seen: NDArray[np.int64], namespaces: tuple[str, ...] | None
    ) -> NDArray[np.bool_]:
        entities = self.saved.known.entities
        if namespaces is not None:
            return np.fromiter(
                (e.startswith(namespaces) for e in entities), np.bool_, len(entities)
            )
        found = np.zeros(len(entities), dtype=np.bool_)
        found[seen] = True
        return found

    @torch.no_grad()
    def _best(self, asked: "_Questions", count: int) -> tuple[list["_Answer"], bool]:
        """Give the best answers of all questions together, and whether there are no more."""
        refused = torch.from_numpy(~asked.allowed).to(self.saved.model.entities.device)
        end = 0 if asked.side == "tail" else 1
        best: list[_Answer] = []
        more = False
        step = max(1, _SCORES // max(1, len(refused)))
        for first in range(0, len(asked.queries), step):
            queries = asked.queries[first : first + step]
            scores = self._score(asked.side, queries)
            order = self._order(scores).masked_fill(refused, -torch.inf)
            if not asked.loops:
                order[np.arange(len(queries)), queries[:, end]] = -torch.inf
            flat = order.reshape(-1)
            top = torch.topk(flat, min(count, len(flat)))
            for place in top.indices[torch.isfinite(top.values)].tolist():
                row, answer = divmod(place, len(refused))
                triple = (*queries[row].tolist(), answer)
                if asked.side == "head":
                    triple = (answer, *queries[row].tolist())
                best.append(_Answer(float(flat[place]), triple, float(scores[row, answer])))
            more |= int(torch.isfinite(flat).sum()) > count or len(best) > count
            best.sort(key=lambda answer: (-answer.order, answer.triple))
            del best[count:]
        return best, not more

    def _score(self, side: Side, queries: NDArray[np.int64]) -> Tensor:
        """Score all entities, minus infinity for what is known at the site."""
        model, known = self.saved.model, self.saved.known
        scores = score_questions(model, side, queries, model.entities.device)
        # Heads that ask are in ascending order, so that these questions are as well.
        query, answer = known_answers(side, queries, [known])
        scores[torch.from_numpy(query), torch.from_numpy(answer)] = -torch.inf
        return scores

    def _order(self, scores: Tensor) -> Tensor:
        """Make scores of several questions comparable, where there is a calibration."""
        if self.calibration is None:
            return scores
        shares = torch.log_softmax(scores / self.calibration.temperature, dim=1)
        # Where all is known, shares are no numbers.
        return torch.nan_to_num(shares, nan=-torch.inf, neginf=-torch.inf)

    def _chance(self, log_share: float) -> float | None:
        if self.calibration is None:
            return None
        return float(expit(log_share + self.calibration.bias))

    def _without_excluded(self, answers: list["_Answer"]) -> list[tuple[Triple, "_Answer"]]:
        entities, relations = self.saved.known.entities, self.saved.known.relations
        links = [
            ((entities[head], relations[kind], entities[tail]), answer)
            for answer in answers
            for head, kind, tail in [answer.triple]
        ]
        if self._excluded is None or not links:
            return links
        gone = self._excluded([triple for triple, _ in links]).tolist()
        return [link for link, known in zip(links, gone, strict=True) if not known]


class _Questions(NamedTuple):
    """Questions of one side, as numbers.

    Attributes:
        side: which end is asked for.
        queries: ascending rows of head and relation, or one of relation and tail. Shape ``[q, 2]``.
        allowed: which entities may be answers. Shape ``[n]``.
        loops: whether an entity may be linked with itself.
    """

    side: Side
    queries: NDArray[np.int64]
    allowed: NDArray[np.bool_]
    loops: bool


class _Answer(NamedTuple):
    """A link that is not known, and by what it is compared with others."""

    order: float
    triple: tuple[int, int, int]
    score: float


def _find(kind: str, label: str, numbers: Mapping[str, int], names: Sequence[str]) -> int:
    if label in numbers:
        return numbers[label]
    near = get_close_matches(label, names, n=3, cutoff=0.4) or sorted(names)[:3]
    listed = f"The nearest are: {', '.join(near)}." if near else "There is none that may be named."
    own = " --local looks among the site's own entities as well." if kind == "entity" else ""
    raise UnknownNameError(f"The model has no {kind} {label!r} to show. {listed}{own}")
