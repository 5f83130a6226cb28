"""From the signatures of subjects to a bounded number of characteristic sets.

Source: Neumann and Moerkotte, ICDE 2011, section 3.3 (merging rare sets).
"""

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from hereditary_kg.sites.characteristic_sets import CharacteristicSet
from hereditary_kg.sites.shared_namespaces import FEWEST_USERS

__all__ = ["MOST_SETS", "merge_sets"]

MOST_SETS = 256
"""A profile has no more characteristic sets than this."""

_MOST_COMPARED = 4096

Key = TypeVar("Key", bound=Hashable)


@dataclass
class _Group:
    """Signatures that go into one set."""

    members: frozenset[str]
    subjects: int = 0
    occurrences: Counter[str] = field(default_factory=Counter)
    keys: list[Hashable] = field(default_factory=list)

    def add(self, other: "_Group") -> None:
        self.members |= other.members
        self.subjects += other.subjects
        self.occurrences.update(other.occurrences)
        self.keys += other.keys


def merge_sets(
    signatures: Iterable[tuple[Key, int, Mapping[str, int], Collection[str]]],
    most: int = MOST_SETS,
) -> tuple[tuple[CharacteristicSet, ...], dict[Key, int]]:
    """Gather signatures into characteristic sets, and merge the rare ones into others.

    A set is rare if it has fewer than three subjects, or if there are more frequent ones than
    fit. It goes into the smallest set that has all that it has; where there is none, into the
    one that has most in common with it, which then has what it has besides.

    Args:
        signatures: for each its key, how many subjects have it, how many triples each of them
            has by predicate, and its classes.
        most: how many sets there may be.

    Returns:
        The sets, that of most subjects first, and for each key the position of its set. Both
        are empty where there are fewer than three subjects in all.
    """
    groups: dict[frozenset[str], _Group] = {}
    for key, subjects, predicates, classes in signatures:
        # No predicate has a space in it: classes are told apart by one.
        members = frozenset((*predicates, *(" " + iri for iri in classes)))
        counted = Counter({iri: each * subjects for iri, each in predicates.items()})
        group = groups.setdefault(members, _Group(members))
        group.add(_Group(members, subjects, counted, [key]))
    ordered = sorted(groups.values(), key=_rank)
    kept = [group for group in ordered[:most] if group.subjects >= FEWEST_USERS]
    rare = ordered[len(kept) :]
    if not kept and rare:
        kept, rare = rare[:1], rare[1:]
    kept_before = [_Group(group.members) for group in kept]
    for group in rare[:_MOST_COMPARED]:
        kept[_nearest(group, kept_before)].add(group)
    for group in rare[_MOST_COMPARED:]:
        kept[0].add(group)
    if sum(group.subjects for group in kept) < FEWEST_USERS:
        return (), {}
    kept.sort(key=_rank)
    position = {key: index for index, group in enumerate(kept) for key in group.keys}
    return tuple(map(_publish, kept)), position  # type: ignore[return-value]


def _rank(group: _Group) -> tuple[int, list[str]]:
    return -group.subjects, sorted(group.members)


def _nearest(group: _Group, kept: list[_Group]) -> int:
    """Choose the set into which a rare one goes; among equals the one of most subjects."""
    supersets = [
        (len(other.members), position)
        for position, other in enumerate(kept)
        if group.members <= other.members
    ]
    if supersets:
        return min(supersets)[1]
    return (
        max(
            (len(group.members & other.members) / len(group.members | other.members), -position)
            for position, other in enumerate(kept)
        )[1]
        * -1
    )


def _publish(group: _Group) -> CharacteristicSet:
    predicates = tuple(sorted(each for each in group.members if not each.startswith(" ")))
    return CharacteristicSet(
        predicates=predicates,
        classes=tuple(sorted(each[1:] for each in group.members if each.startswith(" "))),
        subjects=group.subjects,
        occurrences={iri: group.occurrences[iri] for iri in predicates},
    )
