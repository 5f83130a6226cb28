"""The names of a terminology's terms as words, and what each of them weighs."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from hereditary_kg.semantics.matching.words import words_of
from hereditary_kg.semantics.terminology import Terminology

__all__ = ["FIELDS", "Lexicon", "Name", "WordWeights", "lexicons_of"]

FIELDS: Mapping[str, str] = {
    "label": "rdfs:label",
    "exact": "oboInOwl:hasExactSynonym",
    "related": "oboInOwl:hasRelatedSynonym",
    "broad": "oboInOwl:hasBroadSynonym",
    "narrow": "oboInOwl:hasNarrowSynonym",
    "previous": "oboInOwl:hasRelatedSynonym",
}
"""Kinds of names, with the property that SSSOM's match fields name."""

_WEIGHTS: Mapping[str, float] = {
    "label": 1.0,
    "exact": 0.95,
    "previous": 0.85,
    "related": 0.8,
    "broad": 0.65,
    "narrow": 0.65,
}


@dataclass(frozen=True, slots=True)
class Name:
    """A name of a term.

    Attributes:
        term: the term's place in the lexicon.
        text: as it is written.
        kind: ``label`` or the synonym's scope.
        weight: how far it can be relied on, up to 1.
        words: its words in their order.
        bag: its words in the alphabet's order.
        joined: its words in one.
    """

    term: int
    text: str
    kind: str
    weight: float
    words: tuple[str, ...]
    bag: tuple[str, ...]
    joined: str


@dataclass(frozen=True)
class Lexicon:
    """The terms of one side that can be matched, and their names.

    Attributes:
        ids: the terms that are not obsolete, in the alphabet's order.
        labels: their labels.
        names: their names, each of a term's bags once: the one with the greatest weight.
        parents: per term its direct parents; what it is a part of among them.
    """

    ids: tuple[str, ...]
    labels: tuple[str, ...]
    names: tuple[Name, ...]
    parents: tuple[tuple[int, ...], ...]

    @cached_property
    def names_of(self) -> tuple[tuple[Name, ...], ...]:
        """The names by term."""
        found: list[list[Name]] = [[] for _ in self.ids]
        for name in self.names:
            found[name.term].append(name)
        return tuple(tuple(each) for each in found)

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """All words of all names."""
        return frozenset(word for name in self.names for word in name.bag)

    @cached_property
    def children(self) -> tuple[tuple[int, ...], ...]:
        """Per term its direct children."""
        found: list[list[int]] = [[] for _ in self.ids]
        for child, parents in enumerate(self.parents):
            for parent in parents:
                found[parent].append(child)
        return tuple(tuple(each) for each in found)


@dataclass(frozen=True)
class WordWeights:
    """How much a word tells: its inverse document frequency among the terms of both sides.

    Attributes:
        terms: how many terms there are.
        values: the weight of each word.
    """

    terms: int
    values: Mapping[str, float]

    @classmethod
    def of(cls, *lexicons: Lexicon) -> "WordWeights":
        """Weigh the words of lexicons."""
        counts: Counter[str] = Counter()
        for lexicon in lexicons:
            for names in lexicon.names_of:
                counts.update({word for name in names for word in name.bag})
        terms = sum(len(each.ids) for each in lexicons)
        return cls(terms, {word: math.log1p(terms / count) for word, count in counts.items()})


def lexicons_of(one: Terminology, other: Terminology) -> tuple[Lexicon, Lexicon]:
    """Read the names of two terminologies.

    Two words that stand side by side are one where either side writes them so: ``hind limb`` is
    ``hindlimb``. Where both sides say what is part of what, this counts as hierarchy here.
    """
    names = [_spoken(each) for each in (one, other)]
    known = {word for side in names for _, _, _, words in side for word in words}
    # Hierarchies are compared: what only one side says would look like disagreement.
    with_parts = one.parts.height > 0 and other.parts.height > 0
    return (
        _lexicon(one, names[0], known, with_parts=with_parts),
        _lexicon(other, names[1], known, with_parts=with_parts),
    )


_Spoken = tuple[str, str, str, tuple[str, ...]]


def _spoken(terminology: Terminology) -> list[_Spoken]:
    """Give the names of terms that are not obsolete: term, text, kind, words."""
    terms = terminology.terms.filter(~pl.col("obsolete").fill_null(value=False))
    ids = set(terms["id"])
    labels = [
        (name, label, "label") for name, label in terms.select("id", "label").iter_rows() if label
    ]
    kinds = set(terminology.synonyms["scope"].unique())
    # Scopes tell nothing where a terminology has only one: it does not tell them apart.
    single = len(kinds - {"previous"}) == 1
    synonyms = [
        (name, text, "exact" if single and scope != "previous" else scope)
        for name, text, scope in terminology.synonyms.iter_rows()
        if name in ids and text
    ]
    spoken = [(name, text, kind, words_of(text)) for name, text, kind in [*labels, *synonyms]]
    return [each for each in spoken if each[3]]


def _lexicon(
    terminology: Terminology, spoken: Iterable[_Spoken], known: set[str], *, with_parts: bool
) -> Lexicon:
    terms = terminology.terms.filter(~pl.col("obsolete").fill_null(value=False)).sort("id")
    ids = tuple(map(str, terms["id"]))
    places = {name: place for place, name in enumerate(ids)}
    best: dict[tuple[int, tuple[str, ...]], Name] = {}
    for term, text, kind, plain in spoken:
        words = _compounded(plain, known)
        weight = _WEIGHTS.get(kind, _WEIGHTS["related"])
        name = Name(places[term], text, kind, weight, words, tuple(sorted(words)), "".join(words))
        key = (name.term, name.bag)
        if key not in best or _rank(name) < _rank(best[key]):
            best[key] = name
    names = sorted(best.values(), key=lambda name: (name.term, _rank(name)))
    parents: list[set[int]] = [set() for _ in ids]
    edges = [*terminology.edges.iter_rows()]
    if with_parts:
        edges += terminology.parts.iter_rows()
    for child, parent in edges:
        if child in places and parent in places and child != parent:
            parents[places[child]].add(places[parent])
    return Lexicon(
        ids,
        tuple(label or "" for label in terms["label"]),
        tuple(names),
        tuple(tuple(sorted(each)) for each in parents),
    )


def _rank(name: Name) -> tuple[float, str]:
    return -name.weight, name.text


def _compounded(words: tuple[str, ...], known: set[str]) -> tuple[str, ...]:
    """Join neighbours that are known as one word."""
    found: list[str] = []
    place = 0
    while place < len(words):
        pair = words[place] + words[place + 1] if place + 1 < len(words) else ""
        if len(pair) > 5 and pair.isalpha() and pair in known:
            found.append(pair)
            place += 2
        else:
            found.append(words[place])
            place += 1
    return tuple(found)
