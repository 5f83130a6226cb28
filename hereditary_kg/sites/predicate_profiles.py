"""What stands around each predicate, out of what was measured."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace

import polars as pl

from hereditary_kg.rdf.terms import RDF_LANG_STRING
from hereditary_kg.sites.adaptive_namespaces import (
    MOST_NAMESPACES,
    choose_namespaces,
    fold_rare,
)
from hereditary_kg.sites.code_censuses import CodeCensus
from hereditary_kg.sites.individuals import Individuals
from hereditary_kg.sites.namespaces import generalise_namespaces
from hereditary_kg.sites.object_measures import ObjectMeasure
from hereditary_kg.sites.profile import PredicateProfile
from hereditary_kg.sites.published_names import NameRules
from hereditary_kg.sites.shared_constants import SharedConstants
from hereditary_kg.sites.shared_namespaces import FEWEST_USERS
from hereditary_kg.sites.subject_measures import SubjectMeasures
from hereditary_kg.sites.term_filters import TermFilter
from hereditary_kg.sites.value_ranges import widen_dates, widen_numbers

__all__ = ["PredicateDescriber", "bound_namespaces", "keys_by_predicate", "mean_predicate"]

_LARGE_SHARE = 20
_MOST_LISTED = 64


def keys_by_predicate(subjects: SubjectMeasures) -> Mapping[str, list[int]]:
    """Give, per predicate, the keys of the signatures that have it."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    for key, signature in subjects.signatures.items():
        for iri in signature.predicates:
            found[iri].append(key)
    return found


@dataclass(frozen=True)
class PredicateDescriber:
    """Describes predicates.

    Attributes:
        subjects: the site's subjects.
        keys: per predicate the keys of its subjects' signatures.
        objects: per predicate its objects.
        shared: what may be said about constants.
        rules: which names may be listed.
        is_public: tells namespaces of vocabularies from others.
        individuals: those whose IRIs may not show.
        censuses: predicate -> its codes that may be listed.
    """

    subjects: SubjectMeasures
    keys: Mapping[str, list[int]]
    objects: Mapping[str, ObjectMeasure]
    shared: SharedConstants
    rules: NameRules
    is_public: Callable[[str], bool]
    individuals: Individuals
    censuses: Mapping[str, CodeCensus]

    def describe(self, iri: str) -> PredicateProfile:
        """Describe one predicate."""
        subjects, objects, keys = self.subjects, self.objects[iri], self.keys[iri]
        held = sum(subjects.counts[key] for key in keys)
        numbers, dates = objects.numbers, objects.dates
        return PredicateProfile(
            triples=objects.triples,
            subjects=held,
            objects=objects.objects,
            subject_namespaces=self._subject_namespaces(iri),
            object_namespaces=self._object_namespaces(iri),
            datatypes=self.rules.datatypes(objects.datatypes),
            languages=_languages(objects.languages),
            blank_subjects=not subjects.blank.isdisjoint(keys),
            blank_objects=objects.blank > 0,
            iri_objects=bool(objects.namespaces),
            literal_objects=bool(objects.datatypes),
            subject_filter=self.shared.subjects.get(iri),
            object_filter=self.shared.objects.get(iri),
            number_range=widen_numbers(*numbers)
            if numbers
            and _fewest_subjects(held, objects.triples, objects.number_triples) >= FEWEST_USERS
            else None,
            date_range=widen_dates(*dates)
            if dates
            and _fewest_subjects(held, objects.triples, objects.date_triples) >= FEWEST_USERS
            else None,
            object_counts=self.shared.counts.get(iri, {}),
            codes=self.censuses.get(iri),
        )

    def _subject_namespaces(self, iri: str) -> tuple[str, ...]:
        counts: Counter[str] = Counter()
        for key in self.keys[iri]:
            counts.update(self.subjects.namespaces[key])
        public = self._refined(counts, self.shared.subjects.get(iri))
        beginnings: dict[str, dict[str, int]] = {}
        if public:
            keys = pl.Series(self.keys[iri], dtype=pl.UInt64)
            terms = self.subjects.terms.filter(pl.col("key").is_in(keys.implode()))
            told = terms.group_by("scope", "beginning").len()
            for scope, text, count in told.iter_rows():
                beginnings.setdefault(scope, {})[text] = count
        return self._generalise(counts, public, beginnings)

    def _object_namespaces(self, iri: str) -> tuple[str, ...]:
        counts = Counter(self.objects[iri].namespaces)
        public = self._refined(counts, self.shared.objects.get(iri))
        constants = self.objects[iri].constants
        return self._generalise(
            counts, public, {scope: each.beginnings for scope, each in constants.items()}
        )

    def _refined(self, counts: Mapping[str, int], held: TermFilter | None) -> list[str]:
        """Give the public namespaces that are large at an end, and that no filter covers."""
        total = sum(counts.values())
        covered = () if held is None else held.namespaces
        return [
            public
            for public in self.shared.public
            if not public.startswith(covered) and _within(counts, public) * _LARGE_SHARE > total
        ]

    def _generalise(
        self,
        counts: Counter[str],
        public: Iterable[str],
        beginnings: Mapping[str, Mapping[str, int]],
    ) -> tuple[str, ...]:
        finer: dict[str, int] = {}
        for namespace in public:
            told = {
                text: count
                for scope, texts in beginnings.items()
                if scope.startswith(namespace)
                for text, count in texts.items()
            }
            # Only where the beginnings are those of all its IRIs can they stand for it.
            if sum(told.values()) < _within(counts, namespace):
                continue
            finer |= fold_rare(told, namespace)
            for each in [each for each in counts if each.startswith(namespace)]:
                del counts[each]
        return generalise_namespaces(
            counts, self.is_public, finer=finer, individuals=self.individuals
        )


def bound_namespaces(
    profiles: Mapping[str, PredicateProfile], most: int
) -> dict[str, PredicateProfile]:
    """Make the lists of namespaces shorter, all of them alike, until they are short enough."""
    kept = MOST_NAMESPACES
    ends = [
        namespaces
        for each in profiles.values()
        for namespaces in (each.subject_namespaces, each.object_namespaces)
    ]
    while kept > 1 and sum(min(kept, len(each)) for each in ends) > most:
        kept //= 2
    return {
        iri: replace(
            each,
            subject_namespaces=_shortened(each.subject_namespaces, kept),
            object_namespaces=_shortened(each.object_namespaces, kept),
        )
        for iri, each in profiles.items()
    }


def mean_predicate(profiles: Collection[PredicateProfile]) -> PredicateProfile | None:
    """Describe what may stand around any of several predicates; None where there is none.

    The counts are means, so that each of the predicates is estimated as an average one.
    """
    if not profiles:
        return None
    number = len(profiles)
    with_iris = [each for each in profiles if each.iri_objects]
    with_literals = [each for each in profiles if each.literal_objects]
    return PredicateProfile(
        triples=max(1, round(sum(each.triples for each in profiles) / number)),
        subjects=max(1, round(sum(each.subjects for each in profiles) / number)),
        objects=max(1, round(sum(each.objects for each in profiles) / number)),
        subject_namespaces=_united([each.subject_namespaces for each in profiles]),
        object_namespaces=_united([each.object_namespaces for each in with_iris]),
        datatypes=_all_or_none(each.datatypes for each in with_literals),
        languages=_all_or_none(
            each.languages
            for each in with_literals
            if not each.datatypes or RDF_LANG_STRING in each.datatypes
        ),
        blank_subjects=any(each.blank_subjects for each in profiles),
        blank_objects=any(each.blank_objects for each in profiles),
        iri_objects=bool(with_iris),
        literal_objects=bool(with_literals),
    )


def _within(counts: Mapping[str, int], beginning: str) -> int:
    return sum(count for text, count in counts.items() if text.startswith(beginning))


def _fewest_subjects(subjects: int, triples: int, of_kind: int) -> int:
    """How many subjects have a value of a kind at least: each other one takes another triple."""
    return subjects - (triples - of_kind)


def _languages(found: Collection[str]) -> tuple[str, ...]:
    """Give language tags; none, which stands for not known, where one is somebody's own."""
    own = any("x" in tag.split("-") for tag in found)
    return () if own or len(found) > _MOST_LISTED else tuple(sorted(found))


def _shortened(namespaces: tuple[str, ...], most: int) -> tuple[str, ...]:
    if len(namespaces) <= most:
        return namespaces
    return choose_namespaces(dict.fromkeys(namespaces, 1), most=most)


def _united(ends: Collection[tuple[str, ...]]) -> tuple[str, ...]:
    if not all(ends):
        return ()
    return choose_namespaces(Counter(text for namespaces in ends for text in namespaces))


def _all_or_none(lists: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """Unite lists; none, which stands for not known, where one of them is not known."""
    kept = tuple(lists)
    united = {text for each in kept for text in each}
    return tuple(sorted(united)) if all(kept) and len(united) <= _MOST_LISTED else ()
