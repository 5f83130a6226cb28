"""How well genes and diseases are found by models, by their number of links, and by phenotypes.

Whoever answers gives a score of every candidate, and minus infinity for what it does not know, so
that all answers are ranked among the same candidates. Ranks are realistic ones: a candidate that
cannot be told from others has the mean of their places.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags
from scipy.stats import rankdata

from benchmarks.biomedical_graph import HAS_PHENOTYPE, SUBCLASS_OF, BiomedicalGraph, Pair
from hereditary_kg.embeddings.models import EmbeddingModel
from hereditary_kg.embeddings.ranking import Side, score_questions
from hereditary_kg.embeddings.triples import TripleSet

__all__ = [
    "Answers",
    "FusedAnswers",
    "ModelAnswers",
    "NeighbourAnswers",
    "PopularAnswers",
    "bootstrap",
    "rank_answers",
]

_FUSION = 60
"""The constant of reciprocal rank fusion (Cormack et al. 2009)."""
_AT_ONCE = 64
"""Questions whose scores are held at once."""

Scores = NDArray[np.float32]


class Answers(Protocol):
    """What scores candidates."""

    def score(self, side: Side, asked: Sequence[str], candidates: Sequence[str]) -> Scores:
        """Score candidates as the genes (``"head"``) or the diseases (``"tail"``) of what is asked.

        Returns:
            shape ``[asked, candidates]``; the higher the better, minus infinity for the unknown.
        """


@dataclass(frozen=True, eq=False)
class ModelAnswers:
    """Answers of a model.

    Attributes:
        model: the model.
        known: triples with its labels.
        relation: the relation from genes to diseases.
    """

    model: EmbeddingModel
    known: TripleSet
    relation: str

    @torch.no_grad()
    def score(self, side: Side, asked: Sequence[str], candidates: Sequence[str]) -> Scores:
        """Score candidates; see `Answers`."""
        numbers, relation = self.known.entity_numbers, self.known.relation_numbers[self.relation]
        found = np.full((len(asked), len(candidates)), -np.inf, dtype=np.float32)
        places = [place for place, label in enumerate(asked) if label in numbers]
        if not places:
            return found
        columns = np.array([numbers.get(label, -1) for label in candidates])
        ends = np.array([numbers[asked[place]] for place in places])
        kinds = np.full_like(ends, relation)
        pairs = np.stack([kinds, ends] if side == "head" else [ends, kinds], axis=1)
        scores = score_questions(self.model, side, pairs).numpy()
        there = np.flatnonzero(columns >= 0)
        found[np.ix_(places, there)] = scores[:, columns[there]]
        return found


@dataclass(frozen=True, eq=False)
class FusedAnswers:
    """Answers of several sites, by reciprocal rank fusion.

    Attributes:
        members: whose answers they are.
    """

    members: Sequence[Answers]

    def score(self, side: Side, asked: Sequence[str], candidates: Sequence[str]) -> Scores:
        """Score candidates; see `Answers`."""
        found = np.zeros((len(asked), len(candidates)), dtype=np.float32)
        for member in self.members:
            ranks = rankdata(-member.score(side, asked, candidates), axis=1)
            found += (1 / (_FUSION + ranks)).astype(np.float32)
        return found


@dataclass(frozen=True, eq=False)
class PopularAnswers:
    """The same for every question: candidates by their number of known links.

    Attributes:
        pairs: the known links.
    """

    pairs: Collection[Pair]

    def score(self, side: Side, asked: Sequence[str], candidates: Sequence[str]) -> Scores:
        """Score candidates; see `Answers`."""
        counts = Counter(pair[0 if side == "head" else 1] for pair in self.pairs)
        row = np.array([counts[label] for label in candidates], dtype=np.float32)
        return np.tile(row, (len(asked), 1))


class NeighbourAnswers:
    """Genes of the diseases with the most similar phenotypes, of all sites' triples.

    Diseases are vectors of their phenotypes and all above them, weighed by their inverse document
    frequency, and compared by their cosine. A disease without phenotypes has those of all below
    it. A gene has the similarity of the most similar of its diseases; the number of its links
    decides between equal ones.

    Args:
        graph: whose phenotypes are compared.
        pairs: the known links.
    """

    def __init__(self, graph: BiomedicalGraph, pairs: Collection[Pair]) -> None:
        self._pairs = sorted(pairs)
        self._popular = PopularAnswers(pairs)
        self._rows = {label: number for number, label in enumerate(graph.diseases)}
        self._vectors = _phenotype_vectors(graph, self._rows)

    def score(self, side: Side, asked: Sequence[str], candidates: Sequence[str]) -> Scores:
        """Score genes; see `Answers`.

        Raises:
            ValueError: diseases are asked for.
        """
        if side != "head":
            raise ValueError("Neighbours by phenotypes answer questions about genes alone.")
        places = {label: number for number, label in enumerate(candidates)}
        pairs = [(gene, disease) for gene, disease in self._pairs if gene in places]
        linked = self._vectors[[self._rows[disease] for _, disease in pairs]]
        genes = np.array([places[gene] for gene, _ in pairs])
        near = (self._vectors[[self._rows[each] for each in asked]] @ linked.T).toarray()
        found = np.zeros((len(asked), len(candidates)), dtype=np.float32)
        for row, similarities in zip(found, near, strict=True):
            np.maximum.at(row, genes, similarities.astype(np.float32))
        return found + 1e-5 * self._popular.score(side, asked, candidates)


def _phenotype_vectors(graph: BiomedicalGraph, rows: Mapping[str, int]) -> csr_matrix:
    above: dict[str, set[str]] = defaultdict(set)
    for child, relation, parent in graph.sites["vocabulary"]:
        if relation == SUBCLASS_OF and child not in rows:
            above[child].add(parent)
    phenotypes: dict[str, set[str]] = defaultdict(set)
    for triples in graph.sites.values():
        for disease, relation, term in triples:
            if relation == HAS_PHENOTYPE:
                phenotypes[disease].add(term)
    own = {disease: _close(terms, above) for disease, terms in phenotypes.items()}
    columns: dict[str, int] = {}
    ends = []
    for disease, row in rows.items():
        terms = own.get(disease) or set().union(
            *(own.get(each, ()) for each in graph.hierarchy.below.get(disease, ()))
        )
        ends += [(row, columns.setdefault(term, len(columns))) for term in sorted(terms)]
    places = np.array(ends).T
    counts = csr_matrix((np.ones(len(ends)), places), shape=(len(rows), len(columns)))
    weighed = counts @ diags(np.log(len(own) / np.maximum(counts.sum(0).A1, 1)).clip(0))
    lengths = np.sqrt(weighed.multiply(weighed).sum(1).A1)
    return csr_matrix(diags(1 / np.maximum(lengths, 1e-12)) @ weighed)


def _close(terms: Iterable[str], above: Mapping[str, set[str]]) -> set[str]:
    """Add all that is above."""
    found: set[str] = set()
    open_ends = list(terms)
    while open_ends:
        term = open_ends.pop()
        if term not in found:
            found.add(term)
            open_ends += above.get(term, ())
    return found


def rank_answers(
    answers: Answers,
    side: Side,
    questions: Sequence[tuple[str, str]],
    candidates: Sequence[str],
    known: Mapping[str, Collection[str]],
) -> NDArray[np.float64]:
    """Rank the right answers of questions among all candidates that are not known to be right.

    Args:
        answers: whose answers are ranked.
        side: which end is asked for.
        questions: what is asked, and the right answer.
        candidates: different labels, the right answers among them.
        known: for what is asked, answers that don't count, except for the right one.

    Returns:
        the rank of each, shape ``[questions]``.
    """
    places = {label: number for number, label in enumerate(candidates)}
    ranks = np.empty(len(questions))
    for first in range(0, len(questions), _AT_ONCE):
        some = questions[first : first + _AT_ONCE]
        scores = answers.score(side, [asked for asked, _ in some], candidates)
        for number, (row, (asked, right)) in enumerate(zip(scores, some, strict=True), first):
            counted = np.ones(len(candidates), dtype=np.bool_)
            counted[[places[each] for each in known.get(asked, ()) if each in places]] = False
            counted[places[right]] = False
            others, value = row[counted], row[places[right]]
            ranks[number] = 1 + (others > value).sum() + (others == value).sum() / 2
    return ranks


def bootstrap(
    values: NDArray[np.float64], *, draws: int = 2000, seed: int = 0
) -> tuple[float, float, float]:
    """Give the mean of values and its interval of 95 %, by drawing the values again.

    Args:
        values: one for each link, shape ``[n]``.
        draws: how often they are drawn.
        seed: by what.
    """
    drawn = np.random.default_rng(seed).integers(len(values), size=(draws, len(values)))
    low, high = np.quantile(values[drawn].mean(axis=1), [0.025, 0.975])
    return float(values.mean()), float(low), float(high)
