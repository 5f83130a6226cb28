"""Filters over the constants that a site shares, out of what was measured.

`sites.shared_namespaces` says by which rules.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from hereditary_kg.sites.namespaces import cut_numbered
from hereditary_kg.sites.object_measures import MOST_COUNTED, MOST_TEXTS, ObjectMeasure
from hereditary_kg.sites.shared_namespaces import (
    FEWEST_USERS,
    SharingPolicy,
    is_well_known,
    is_well_known_whole,
)
from hereditary_kg.sites.subject_measures import NAMESPACE_PARTS, SubjectMeasures
from hereditary_kg.sites.term_filters import TermFilter, hash_term, split_hashes

__all__ = [
    "MOST_TERMS",
    "SharedConstants",
    "public_namespaces",
    "share_constants",
    "vocabulary_stems",
]

MOST_TERMS = 200_000
"""An end with more shared constants than this has no filter."""

_FEWEST_HASHES = 20_000
_TRIPLES_A_HASH = 8
_SUBJECTS_A_TEXT = 10


@dataclass
class SharedConstants:
    """What a site's profile says about constants.

    Attributes:
        namespaces: the namespaces that filters cover, sorted.
        subjects: predicate -> the filter of its subjects.
        objects: predicate -> the filter of its objects.
        counts: predicate -> canonical text of a constant -> triples.
        public: the namespaces that hold terms only, also those too large for filters, sorted.
    """

    namespaces: tuple[str, ...] = ()
    subjects: dict[str, TermFilter] = field(default_factory=dict)
    objects: dict[str, TermFilter] = field(default_factory=dict)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    public: tuple[str, ...] = ()


def vocabulary_stems(
    policy: SharingPolicy, subjects: SubjectMeasures, names: Iterable[str]
) -> frozenset[str]:
    """Give the stems that may turn out to hold terms only, well-known terminologies besides.

    Args:
        policy: the site's.
        subjects: its subjects.
        names: the IRIs of its predicates and classes that may be named.
    """
    stems = subjects.term_stems | _stems_of(names)
    return frozenset(filter(policy.may_detect, stems - subjects.individual_stems))


def public_namespaces(shared: SharedConstants, names: Iterable[str]) -> Callable[[str], bool]:
    """Give what tells namespaces of vocabularies from others.

    Args:
        shared: what is shared.
        names: the IRIs of the predicates and classes that are listed, whose own namespaces are
            public, but not what lies below them.
    """
    stems = _stems_of(names)
    return lambda namespace: (
        namespace in stems or is_well_known_whole(namespace) or namespace.startswith(shared.public)
    )


def share_constants(
    policy: SharingPolicy,
    subjects: SubjectMeasures,
    objects: Mapping[str, ObjectMeasure],
    names: Collection[str],
    most_counts: int,
) -> SharedConstants:
    """Build the filters and counts of the predicates that are listed.

    Args:
        policy: the site's.
        subjects: its subjects.
        objects: per predicate its objects; of all predicates.
        names: the predicates and classes that are listed.
        most_counts: how many constants are counted in all.
    """
    detected = _detect(policy, subjects, objects, names) if policy.detects else set()
    public = {*policy.namespaces, *detected}
    most = _most_hashes(objects)
    shared = _bound(public, subjects, objects, most)
    found = SharedConstants(tuple(sorted(shared)), public=tuple(sorted(public)))
    listed = {iri: measure for iri, measure in objects.items() if iri in names}
    if shared:
        found.subjects.update(_subject_filters(subjects, found.namespaces, listed))
    for iri, measure in listed.items():
        scopes = [scope for scope in measure.constants if scope.startswith(found.namespaces)]
        texts = _enumerate(measure) if policy.detects else {}
        hashes = set(map(hash_term, texts))
        for scope in scopes:
            hashes.update(split_hashes(measure.constants[scope].hashes))
        if (shared or texts) and len(hashes) <= MOST_TERMS:
            joined = b"".join(sorted(hashes))
            found.objects[iri] = TermFilter(found.namespaces, joined, bool(texts))
        if iri in found.objects:
            frequent = dict(texts)
            for scope in scopes:
                frequent |= measure.constants[scope].frequent
            ranked = sorted(frequent.items(), key=lambda item: (-item[1], item[0]))
            found.counts[iri] = dict(ranked[:MOST_COUNTED])
    _drop_largest(found, 2 * most)
    _keep_most_frequent(found.counts, most_counts)
    return found


def _drop_largest(found: SharedConstants, most: int) -> None:
    """Leave out the largest filters until what all of them hold is not too much."""
    kept = [(len(held), kind, iri) for kind, held, iri in _all_filters(found)]
    total = sum(size for size, *_ in kept)
    for size, kind, iri in sorted(kept, reverse=True):
        if total <= most:
            break
        total -= size
        if kind == "subjects":
            del found.subjects[iri]
        else:
            del found.objects[iri]
            found.counts.pop(iri, None)


def _all_filters(found: SharedConstants) -> Iterable[tuple[str, TermFilter, str]]:
    for kind, filters in (("subjects", found.subjects), ("objects", found.objects)):
        for iri, held in filters.items():
            yield kind, held, iri


def _keep_most_frequent(counts: dict[str, dict[str, int]], most: int) -> None:
    """Shorten the lists of counted constants, all of them alike, until they are few enough."""
    kept = MOST_COUNTED
    while kept and sum(min(kept, len(each)) for each in counts.values()) > most:
        kept //= 2
    for iri, each in counts.items():
        counts[iri] = dict(list(each.items())[:kept])


def _detect(
    policy: SharingPolicy,
    subjects: SubjectMeasures,
    objects: Mapping[str, ObjectMeasure],
    names: Collection[str],
) -> set[str]:
    """Detect the namespaces that hold nothing but terms."""
    vocabulary = vocabulary_stems(policy, subjects, names)
    seen = subjects.term_stems | subjects.untyped_stems | subjects.individual_stems
    seen = seen.union(*(measure.stems for measure in objects.values())) | vocabulary
    candidates = {
        stem
        for stem in seen
        if stem not in subjects.individual_stems
        and policy.may_detect(stem)
        and (stem in vocabulary or is_well_known(stem))
    }
    users = _count_users(objects, candidates)
    uncoded = _uncoded_scopes(subjects, objects)
    known = _known_terms(subjects, names)
    detected: set[str] = set()
    # The longest first, for a namespace is only as good as those within it.
    for stem in sorted(candidates, key=lambda each: (-len(each), each)):
        counted = users[stem]
        all_known = (
            stem in vocabulary
            and stem not in subjects.untyped_stems
            and all(each in known for each in counted)
        )
        are_used_codes = (
            is_well_known(stem)
            and stem not in uncoded
            and sum(counted.values()) >= FEWEST_USERS * len(counted)
        )
        if not (all_known or are_used_codes):
            continue
        within = (each for each in seen if each != stem and each.startswith(stem))
        if all(each in detected or each.startswith(policy.namespaces) for each in within):
            detected.add(stem)
    return detected


def _count_users(
    objects: Mapping[str, ObjectMeasure], stems: Collection[str]
) -> Mapping[str, Counter[bytes]]:
    """Count, per stem and object, the subjects that have it: at least those of one predicate."""
    users: defaultdict[str, Counter[bytes]] = defaultdict(Counter)
    for measure in objects.values():
        for scope, constants in measure.constants.items():
            if scope in stems:
                counted = users[scope]
                for each, count in zip(
                    split_hashes(constants.hashes), constants.counts, strict=True
                ):
                    counted[each] = max(counted[each], count)
    return users


def _uncoded_scopes(subjects: SubjectMeasures, objects: Mapping[str, ObjectMeasure]) -> set[str]:
    """Give the scopes in which there is something that does not end like a code."""
    uncoded = {
        scope
        for measure in objects.values()
        for scope, constants in measure.constants.items()
        if not constants.are_codes
    }
    if not subjects.terms.is_empty():
        uncoded.update(subjects.terms.filter(~subjects.terms["is_code"])["scope"])
    return uncoded


def _known_terms(subjects: SubjectMeasures, names: Iterable[str]) -> set[bytes]:
    """Give the hashes of what is listed as predicate or class, or defined as a term."""
    known = {hash_term(f"<{iri}>") for iri in names}
    for key, hashed in _hashes_by_key(subjects, None).items():
        if subjects.signatures[key].is_term:
            known.update(hashed)
    return known


def _hashes_by_key(
    subjects: SubjectMeasures, namespaces: tuple[str, ...] | None
) -> dict[int, list[bytes]]:
    """Give the hashes of subjects that may be shared; of some namespaces where these are given."""
    found: defaultdict[int, list[bytes]] = defaultdict(list)
    if subjects.terms.is_empty():
        return found
    for scope, hashed, key, *_ in subjects.terms.iter_rows():
        if namespaces is None or scope.startswith(namespaces):
            found[key].append(hashed)
    return found


def _subject_filters(
    subjects: SubjectMeasures, namespaces: tuple[str, ...], predicates: Iterable[str]
) -> Iterator[tuple[str, TermFilter]]:
    """Give the filters of predicates' subjects; none where there would be too many hashes."""
    hashes = _hashes_by_key(subjects, namespaces)
    keys: defaultdict[str, list[int]] = defaultdict(list)
    for key in hashes:
        for iri in subjects.signatures[key].predicates:
            keys[iri].append(key)
    # Terms mostly have all of the same predicates, so that these have the same filter.
    known: dict[tuple[int, ...], TermFilter] = {}
    for iri in predicates:
        having = tuple(keys[iri])
        if having not in known:
            joined = b"".join(sorted(set().union(*(hashes[key] for key in having))))
            known[having] = TermFilter(namespaces, joined)
        if len(known[having]) <= MOST_TERMS:
            yield iri, known[having]


def _most_hashes(objects: Mapping[str, ObjectMeasure]) -> int:
    triples = sum(measure.triples for measure in objects.values())
    return max(_FEWEST_HASHES, triples // _TRIPLES_A_HASH)


def _bound(
    namespaces: set[str],
    subjects: SubjectMeasures,
    objects: Mapping[str, ObjectMeasure],
    most: int,
) -> set[str]:
    """Leave the largest namespaces out until a profile with the rest is small enough."""
    terms: defaultdict[str, set[bytes]] = defaultdict(set)
    for measure in objects.values():
        for scope, constants in measure.constants.items():
            terms[scope].update(split_hashes(constants.hashes))
    if not subjects.terms.is_empty():
        for scope, hashed, *_ in subjects.terms.iter_rows():
            terms[scope].add(hashed)
    sizes = {
        namespace: sum(len(each) for scope, each in terms.items() if scope.startswith(namespace))
        for namespace in namespaces
    }
    kept = set(namespaces)
    for namespace in sorted(namespaces, key=lambda each: (-sizes[each], each)):
        if sum(len(each) for scope, each in terms.items() if scope.startswith(tuple(kept))) <= most:
            break
        # What it is part of goes with it, for that covers it too.
        kept = {each for each in kept if not namespace.startswith(each)}
    return kept


def _enumerate(measure: ObjectMeasure) -> dict[str, int]:
    """Give the texts at a predicate if they are values of an enumeration, else nothing."""
    texts = measure.texts
    if not texts or len(texts) > MOST_TEXTS or min(texts.values()) < FEWEST_USERS:
        return {}
    return texts if sum(texts.values()) >= _SUBJECTS_A_TEXT * len(texts) else {}


def _stems_of(iris: Iterable[str]) -> set[str]:
    """Give the stems of IRIs, cut before digits."""
    stems = set()
    for iri in iris:
        match = re.match(NAMESPACE_PARTS, f"<{iri}>")
        if match:
            stems.add(cut_numbered(match[1] + (match[2] or "")))
    return stems
