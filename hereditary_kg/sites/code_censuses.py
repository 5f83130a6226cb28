"""Code censuses: all codes of public vocabularies that stand at a predicate.

A federation that is asked in other codes than a site has needs to know which ones it has. So a
profile lists them, under the rules by which it publishes constants (`sites.shared_namespaces`),
and two more: of namespaces that are detected only those of well-known terminologies, and only what
looks like a code. Predicates of definitions (labels, parents, mappings) have no census.
"""

import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from hereditary_kg.sites.object_measures import ObjectMeasure
from hereditary_kg.sites.shared_namespaces import SharingPolicy, is_defining

__all__ = ["CodeCensus", "CodeList", "pack_codes", "take_censuses", "unpack_codes"]

_FEWEST_CODES = 2_000
_TRIPLES_A_CODE = 16
_DIGITS = string.digits + string.ascii_lowercase


@dataclass(frozen=True)
class CodeList:
    """Codes in one namespace.

    Attributes:
        codes: what follows the namespace in each code's IRI, sorted.
        triples: how many triples have them; None where they were not counted.
    """

    codes: tuple[str, ...]
    triples: int | None = None


@dataclass(frozen=True)
class CodeCensus:
    """The codes at one predicate.

    Attributes:
        lists: by namespace.
        others: how many distinct objects, blank nodes apart, are not listed.
    """

    lists: Mapping[str, CodeList] = field(default_factory=dict)
    others: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether all objects are listed, blank nodes apart."""
        return not self.others

    @property
    def iris(self) -> tuple[str, ...]:
        """The IRIs of the codes, sorted."""
        found = (start + code for start, each in self.lists.items() for code in each.codes)
        return tuple(sorted(found))

    def __len__(self) -> int:
        return sum(len(each.codes) for each in self.lists.values())


def take_censuses(
    policy: SharingPolicy,
    objects: Mapping[str, ObjectMeasure],
    public: Sequence[str],
    most: int,
) -> dict[str, CodeCensus]:
    """Take the censuses of predicates.

    Args:
        policy: what the site lets be said.
        objects: the objects of the predicates that are listed.
        public: the namespaces that hold terms only.
        most: how many codes are listed at most.

    Returns:
        Predicate -> census. The longest are left out until a profile with the others is small.
    """
    found: dict[str, CodeCensus] = {}
    for iri, measure in objects.items():
        if not is_defining((iri,)) and (census := _census(policy, measure, tuple(public))):
            found[iri] = census
    triples = sum(measure.triples for measure in objects.values())
    room = min(most, max(_FEWEST_CODES, triples // _TRIPLES_A_CODE))
    kept: dict[str, CodeCensus] = {}
    for iri, census in sorted(found.items(), key=lambda item: (len(item[1]), item[0])):
        room -= len(census)
        if room < 0:
            break
        kept[iri] = census
    return kept


def _census(
    policy: SharingPolicy, measure: ObjectMeasure, public: tuple[str, ...]
) -> CodeCensus | None:
    listed = {
        scope: constants
        for scope, constants in sorted(measure.constants.items())
        if scope.startswith(public) and policy.may_list(scope) and constants.codes
    }
    lists = {
        scope: CodeList(
            tuple(constants.codes or ()), sum(constants.counts) if measure.counted else None
        )
        for scope, constants in listed.items()
    }
    if not lists:
        return None
    codes = sum(len(each.codes) for each in lists.values())
    return CodeCensus(lists, measure.objects - measure.blank - codes)


def pack_codes(codes: Iterable[str]) -> str:
    """Write sorted codes so that each says only where it differs from the one before.

    >>> pack_codes(["105400", "105401", "612069"])
    '0105400 51 0612069'
    """
    parts: list[str] = []
    before = ""
    for code in codes:
        shared = 0
        most = min(len(code), len(before), len(_DIGITS) - 1)
        while shared < most and code[shared] == before[shared]:
            shared += 1
        parts.append(_DIGITS[shared] + code[shared:])
        before = code
    return " ".join(parts)


def unpack_codes(packed: str) -> tuple[str, ...]:
    """Read what `pack_codes` wrote.

    Raises:
        ValueError: it is something else.

    >>> unpack_codes("0105400 51 0612069")
    ('105400', '105401', '612069')
    """
    found: list[str] = []
    before = ""
    for part in packed.split(" "):
        shared = _DIGITS.index(part[:1] or " ")
        if shared > len(before):
            raise ValueError("a list of codes is broken")
        before = before[:shared] + part[1:]
        found.append(before)
    if any(one >= other for one, other in pairwise(found)):
        raise ValueError("a list of codes is out of order")
    return tuple(found)
