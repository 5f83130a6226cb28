"""Words that mean about the same: of one stem, misspelt, or learnt from synonyms.

What is learnt comes from names that are given for one term, as ``cardiac valve`` and ``heart
valve``: where all but one word of each are the same, the two may stand for one another; where one
name has one word more, it may be left out.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from hereditary_kg.semantics.matching.lexicon import Lexicon, Name

__all__ = ["Relations", "Strength", "are_opposite", "relations_between"]

_OPPOSITES = (
    "left right",
    "anterior posterior",
    "superior inferior",
    "upper lower",
    "medial lateral",
    "internal external",
    "inner outer",
    "proximal distal",
    "dorsal ventral",
    "cranial caudal",
    "superficial deep",
    "ascending descending",
    "afferent efferent",
    "major minor",
    "male female",
    "dominant recessive autosomal mitochondrial",
    "acute chronic subacute",
    "primary secondary tertiary",
    "benign malignant",
    "infantile juvenile adult neonatal",
    "early late",
    "complete incomplete partial",
    "typical atypical",
    "hard soft",
    "small large",
    "gray white",
    "central peripheral",
    "congenital acquired",
    "maternal paternal",
    "excess deficiency",
    "syndromic nonsyndromic",
    "visceral parietal",
    "motor sensory",
    "artery vein nerve muscle bone vertebra ligament",
    "foot hand",
    "leg arm",
    "toe finger",
    "hindlimb forelimb",
    "alpha beta gamma delta epsilon",
)
_GROUPS = {word: group for group, line in enumerate(_OPPOSITES) for word in line.split()}
_PARTED = ("hyper", "hypo", "intra", "inter", "supra", "infra", "pre", "post", "epi", "endo")
_STEM = 4
_STRENGTH_OF_STEM = 0.85
_STRENGTH_OF_ENDINGS = 0.95
_ENDING = re.compile(
    r"(?<=[a-z]{4})(ian|ine|ous|eal|ial|ual|ary|oid|ic|al|ar|us|um|is|on|ea|e|a|y|o)$"
)
_LEARNT = 0.95
_LONG = 8
_TIMES = 4
"""As how many synonyms a misspelling counts."""


def are_opposite(one: str, other: str) -> bool:
    """Tell whether two words say that two things are not the same."""
    if one == other:
        return False
    if one[0].isdigit() and other[0].isdigit():
        return True
    if len(one) == 1 and len(other) == 1:
        return True
    group = _GROUPS.get(one)
    return group is not None and group == _GROUPS.get(other)


Strength = tuple[float, str, str]
"""How likely two words mean the same, negated so that the likest are the first, and the words."""


@dataclass
class Relations:
    """Which words may stand for which, between two terminologies.

    Attributes:
        substitutions: how often two words (in the alphabet's order) stood for one another.
        omissions: how often a word could be left out.
        seen: how often a word was there to be left out.
    """

    substitutions: Counter[tuple[str, str]] = field(default_factory=Counter)
    omissions: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)
    _known: dict[tuple[str, str], float] = field(default_factory=dict)
    _learnt: dict[str, set[str]] = field(default_factory=dict)

    def strengths(self, ones: Iterable[str], others: Iterable[str]) -> list["Strength"]:
        """Give the words of two names that may mean the same, the likest first."""
        others = list(others)
        found = []
        for one in ones:
            learnt = self._learnt.get(one)
            for other in others:
                if one[0] == other[0] or (learnt and other in learnt):
                    strength = self._cached(one, other)
                    if strength:
                        found.append((-strength, one, other))
        found.sort()
        return found

    def _cached(self, one: str, other: str) -> float:
        key = (one, other) if one < other else (other, one)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._strength(*key)
        return found

    def omissible(self, word: str) -> float:
        """Tell how often a word may be left out, from 0 to 1."""
        count = self.omissions.get(word)
        return count / (self.seen[word] + 2) if count else 0.0

    def _strength(self, one: str, other: str) -> float:
        if are_opposite(one, other):
            return 0.0
        count = self.substitutions[one, other]
        learnt = _LEARNT * count / (count + 0.7) if count else 0.0
        return max(learnt, _similar(one, other))

    def learn(self, groups: Iterable[tuple[Name, ...]]) -> None:
        """Learn from names that stand, group by group, for one thing."""
        for names in groups:
            substituted: set[tuple[str, str]] = set()
            omitted: set[str] = set()
            bags = sorted({name.bag for name in names})
            for place, one in enumerate(bags):
                for other in bags[place + 1 :]:
                    mine, theirs = _difference(one, other)
                    if len(mine) == len(theirs) == 1 and len(one) > 1:
                        pair = (mine[0], theirs[0])
                        substituted.add(pair if pair[0] < pair[1] else (pair[1], pair[0]))
                    elif len(mine) + len(theirs) == 1:
                        omitted.update(mine or theirs)
            self.substitutions.update(substituted)
            self.omissions.update(omitted)
            self.seen.update({word for bag in bags for word in bag} if len(bags) > 1 else ())
        self._index()

    def _index(self) -> None:
        for one, other in self.substitutions:
            self._learnt.setdefault(one, set()).add(other)
            self._learnt.setdefault(other, set()).add(one)
        self._known.clear()


def _difference(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[list[str], list[str]]:
    mine, theirs = list(one), list(other)
    for word in one:
        if word in theirs:
            theirs.remove(word)
            mine.remove(word)
    return mine, theirs


def _similar(one: str, other: str) -> float:
    """Tell whether two words are likely of one stem, as ``carpal`` and ``carpus``."""
    shorter, longer = sorted((one, other), key=len)
    if len(shorter) < _STEM or not (one.isalpha() and other.isalpha()) or one[0] != other[0]:
        return 0.0
    heads = {next((p for p in _PARTED if w.startswith(p)), None) for w in (one, other)}
    if len(heads) > 1 and None not in heads:
        return 0.0
    stems = {_ENDING.sub("", word) for word in (one, other)}
    if len(stems) == 1:
        return _STRENGTH_OF_ENDINGS
    common = next((i for i, (x, y) in enumerate(zip(one, other, strict=False)) if x != y), None)
    prefix = len(shorter) if common is None else common
    if prefix >= _STEM and len(shorter) - prefix <= 3 and len(longer) - prefix <= 4:
        return _STRENGTH_OF_STEM * min(1.0, prefix / (0.8 * len(shorter)))
    return 0.0


def relations_between(one: Lexicon, other: Lexicon) -> Relations:
    """Learn relations from the synonyms of two lexicons."""
    relations = Relations()
    relations.substitutions.update(_misspelt(one.vocabulary, other.vocabulary))
    relations.learn(one.names_of)
    relations.learn(other.names_of)
    return relations


def _misspelt(ones: frozenset[str], others: frozenset[str]) -> dict[tuple[str, str], int]:
    """Find words of one side alone that are a word of the other but for one letter.

    Such words have a beginning in common that is the same when one letter is left out.
    """
    found = {}
    for alone, known in ((ones - others, others), (others - ones, ones)):
        without: dict[str, list[str]] = {}
        for word in sorted(known):
            if len(word) >= _LONG and word.isalpha():
                for shorter in _shortened(word):
                    without.setdefault(shorter, []).append(word)
        for word in sorted(alone):
            if len(word) >= _LONG and word.isalpha():
                for shorter in _shortened(word):
                    for other in without.get(shorter, ()):
                        if abs(len(word) - len(other)) <= 1 and word[:2] == other[:2]:
                            found[min(word, other), max(word, other)] = _TIMES
    return found


def _shortened(word: str) -> set[str]:
    return {word, *(word[:place] + word[place + 1 :] for place in range(len(word)))}
