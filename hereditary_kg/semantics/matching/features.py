"""What speaks for and against each pair of terms, as figures.

Two rounds: names and evidence of a pair alone (`BASE`); then, with what the first round takes for
the same, the pair among its rivals and in both hierarchies (`FULL`).
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from hereditary_kg.semantics.matching.candidates import name_pairs
from hereditary_kg.semantics.matching.comparing import Likeness, compare
from hereditary_kg.semantics.matching.evidence import Shared, shared_evidence
from hereditary_kg.semantics.matching.lexicon import Lexicon, WordWeights
from hereditary_kg.semantics.matching.relations import Relations, relations_between
from hereditary_kg.semantics.matching.structure import Hierarchy, Structure

__all__ = [
    "BASE",
    "FULL",
    "Candidate",
    "Pair",
    "contextual",
    "find_candidates",
    "mutual_best",
    "names_alone",
    "without_rivals",
]

Pair = tuple[int, int]

BASE = (
    "constant",
    "equal",
    "score",
    "high",
    "nearly",
    "covered",
    "opposite",
    "numbered",
    "weight",
    "labels",
    "more",
    "telling",
    "rivals",
    "gene",
    "genes differ",
    "gene and names",
    "only gene",
    "phenotype",
    "phenotypes differ",
)
"""The features of the first round."""

FULL = (
    "constant",
    "base",
    "margin one",
    "margin other",
    "above",
    "above differs",
    "below",
    "below differs",
    "violated",
)
"""The features of the second round."""

_ROUNDS = 2
_CERTAIN = 0.9
_MOST_RIVALS = 8
_FLOOR = 0.25
_MARGIN = 3.0
_NO_RIVAL = -2.0
"""The score of the rival that a term without any is given: having none proves little."""


@dataclass(slots=True)
class Candidate:
    """A pair of terms that may be the same.

    Attributes:
        pair: the terms by their places.
        likeness: that of their likest names.
        equals: how many pairs of their names are equal.
        base: the features of the first round.
        full: those of the second.
        gene: the cosine of their causal genes; None where nothing is said of one of them.
        phenotype: that of their phenotypes.
    """

    pair: Pair
    likeness: Likeness
    equals: int = 0
    base: tuple[float, ...] = ()
    full: tuple[float, ...] = ()
    gene: float | None = None
    phenotype: float | None = None


@dataclass
class _Names:
    """The likest names of pairs of terms."""

    best: dict[Pair, Likeness] = field(default_factory=dict)
    equals: Counter[Pair] = field(default_factory=Counter)

    def add(self, likeness: Likeness) -> None:
        pair = (likeness.one.term, likeness.other.term)
        if likeness.equal:
            self.equals[pair] += 1
        known = self.best.get(pair)
        if known is None or _order(likeness) < _order(known):
            self.best[pair] = likeness


def _order(likeness: Likeness) -> tuple[float, str, str]:
    return -likeness.value, likeness.one.text, likeness.other.text


def find_candidates(
    one: Lexicon,
    other: Lexicon,
    evidence: tuple[pl.DataFrame, pl.DataFrame] | None = None,
    on_step: Callable[[str], None] = lambda _: None,
) -> list[Candidate]:
    """Find pairs of terms that may be the same, with the features of the first round.

    Args:
        one: the one side.
        other: the other side.
        evidence: frames like `EVIDENCE`, of either side.
        on_step: is told what is being done.
    """
    on_step("words")
    weights = WordWeights.of(one, other)
    relations = relations_between(one, other)
    names = _Names()
    for round_ in range(_ROUNDS):
        on_step(f"names, round {round_ + 1}")
        pairs = name_pairs(one, other, weights, relations)
        names = _compared(one, other, pairs, weights, relations)
        if round_ + 1 < _ROUNDS:
            sure = _anchors(names)
            relations.learn(one.names_of[x] + other.names_of[y] for x, y in sure)
    on_step("evidence")
    shared = shared_evidence(one, other, evidence, list(names.best))
    sides = (one, other)
    _add_evident(sides, names, shared, weights, relations)
    kept = _strongest(names, shared)
    on_step("features")
    postings = (_Postings(one), _Postings(other))
    return [_described(pair, names, shared, weights, postings) for pair in kept]


def _compared(
    one: Lexicon,
    other: Lexicon,
    pairs: Iterable[tuple[int, int]],
    weights: WordWeights,
    relations: Relations,
) -> _Names:
    names = _Names()
    for x, y in pairs:
        names.add(compare(one.names[x], other.names[y], weights, relations))
    return names


def _anchors(names: _Names) -> list[Pair]:
    """Give pairs that are each other's best by name, and surely so."""
    values = {pair: likeness.value for pair, likeness in names.best.items()}
    return [pair for pair in mutual_best(values) if values[pair] >= _CERTAIN]


def mutual_best(values: Mapping[Pair, float]) -> list[Pair]:
    """Give pairs that no other pair of either term comes up to, in their order."""
    best: dict[tuple[int, int], list[float]] = {}
    for (x, y), value in values.items():
        for key in ((0, x), (1, y)):
            two = best.setdefault(key, [-math.inf, -math.inf])
            if value > two[0]:
                two[:] = [value, two[0]]
            elif value > two[1]:
                two[1] = value
    return sorted(
        pair
        for pair, value in values.items()
        if all(
            value >= best[key][0] and value > best[key][1] for key in ((0, pair[0]), (1, pair[1]))
        )
    )


def _add_evident(
    sides: tuple[Lexicon, Lexicon],
    names: _Names,
    shared: Shared,
    weights: WordWeights,
    relations: Relations,
) -> None:
    """Add pairs that evidence alone brings together, with whatever likeness their names have."""
    evident = {pair for cosines in shared.cosines.values() for pair in cosines}
    for x, y in sorted(evident - names.best.keys()):
        for mine in sides[0].names_of[x]:
            for theirs in sides[1].names_of[y]:
                names.add(compare(mine, theirs, weights, relations))


def _strongest(names: _Names, shared: Shared) -> list[Pair]:
    """Leave out pairs with too many stronger rivals."""
    values = {
        pair: likeness.value + sum(shared.of(kind, pair) or 0 for kind in shared.told)
        for pair, likeness in names.best.items()
    }
    ranks: Counter[tuple[int, int]] = Counter()
    kept = []
    for pair in sorted(values, key=lambda each: (-values[each], each)):
        keys = ((0, pair[0]), (1, pair[1]))
        if values[pair] >= _FLOOR and min(ranks[key] for key in keys) < _MOST_RIVALS:
            kept.append(pair)
            ranks.update(keys)
    return sorted(kept)


class _Postings:
    """Which terms have a word in one of their names."""

    def __init__(self, lexicon: Lexicon) -> None:
        found: defaultdict[str, set[int]] = defaultdict(set)
        for name in lexicon.names:
            for word in name.bag:
                found[word].add(name.term)
        self._terms = {word: frozenset(terms) for word, terms in found.items()}
        self._known: dict[frozenset[str], int] = {}

    def count(self, words: frozenset[str]) -> int:
        """Tell how many terms have all the words."""
        found = self._known.get(words)
        if found is None:
            sets = sorted((self._terms.get(word, frozenset()) for word in words), key=len)
            found = self._known[words] = len(frozenset.intersection(*sets)) if sets else 0
        return found


def _described(
    pair: Pair,
    names: _Names,
    shared: Shared,
    weights: WordWeights,
    postings: tuple[_Postings, _Postings],
) -> Candidate:
    best = names.best[pair]
    equals = names.equals[pair]
    gene, phenotype = shared.of("gene", pair), shared.of("phenotype", pair)
    common = (best.common, best.common_other)
    rivals = 0.0
    if not best.equal:
        bags = (best.one.bag, best.other.bag)
        counts = [
            0 if len(words) == len(set(bag)) and words else side.count(words) if words else 99
            for side, words, bag in zip(postings, common, bags, strict=True)
        ]
        rivals = math.log1p(sum(max(0, count - 1) for count in counts))
    telling = sum(weights.values[word] for words in common for word in words) / (
        2 * math.log1p(weights.terms)
    )
    features = (
        1.0,
        float(best.equal),
        best.score,
        max(0.0, best.score - 0.75) * 4,
        max(0.0, best.score - 0.9) * 10,
        best.covered,
        float(min(best.opposite, 2)),
        float(best.numbered),
        best.weight,
        float(best.one.kind == best.other.kind == "label"),
        math.log1p(max(0, equals - 1)),
        min(telling, 2.5),
        min(rivals, 4.0),
        gene or 0.0,
        float(gene == 0.0),
        (gene or 0.0) * best.score,
        (gene or 0.0) * float(best.score < 0.25),
        phenotype or 0.0,
        0.0 if phenotype is None else max(0.0, 0.3 - phenotype) / 0.3,
    )
    return Candidate(pair, best, equals, features, (), gene, phenotype)


def contextual(
    candidates: Sequence[Candidate],
    scores: Sequence[float],
    hierarchies: tuple[Hierarchy, Hierarchy],
    least: float,
) -> list[Candidate]:
    """Give candidates with the features of the second round.

    Args:
        candidates: the candidates.
        scores: what the first round says of them, as logits.
        hierarchies: both hierarchies.
        least: the logit from which on pairs that are each other's best are taken for the same.
    """
    values = {each.pair: score for each, score in zip(candidates, scores, strict=True)}
    anchors = {x: y for x, y in mutual_best(values) if values[x, y] >= least}
    structure = Structure(*hierarchies, anchors)
    tops = _tops(values)
    return [
        replace(each, full=_context_features(each.pair, values[each.pair], structure, tops))
        for each in candidates
    ]


_Tops = Mapping[tuple[int, int], tuple[float, float]]


def _tops(values: Mapping[Pair, float]) -> _Tops:
    """Give each term's two best scores, the side first in the key."""
    found: dict[tuple[int, int], tuple[float, float]] = {}
    for (x, y), value in values.items():
        for key in ((0, x), (1, y)):
            first, second = found.get(key, (_NO_RIVAL, _NO_RIVAL))
            found[key] = (value, first) if value > first else (first, max(second, value))
    return found


def _context_features(
    pair: Pair, score: float, structure: Structure, tops: _Tops
) -> tuple[float, ...]:
    margins = []
    for key in ((0, pair[0]), (1, pair[1])):
        first, second = tops[key]
        rival = second if score >= first else first
        margins.append(max(-_MARGIN, min(_MARGIN, score - rival)))
    agreement = structure.agreement(pair)
    above, below = agreement.above, agreement.below
    return (
        1.0,
        score,
        *margins,
        above or 0.0,
        0.0 if above is None else 1 - above,
        below or 0.0,
        0.0 if below is None else 1 - below,
        float(agreement.violated),
    )


def names_alone(base: Sequence[float]) -> tuple[float, ...]:
    """Give the features of the first round as if there were no evidence."""
    names = BASE.index("gene")
    return (*base[:names], *(0.0 for _ in base[names:]))


def without_rivals(full: Sequence[float]) -> tuple[float, ...]:
    """Give the features of the second round as if neither term had another candidate."""
    context = dict(zip(FULL, full, strict=True))
    margin = max(-_MARGIN, min(_MARGIN, context["base"] - _NO_RIVAL))
    return tuple((context | {"margin one": margin, "margin other": margin}).values())
