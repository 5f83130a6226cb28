"""A member's profile as the user sees its data: with codes, values and predicates converted.

Planning asks profiles which terms there can be. So what they say of a converted predicate is what
is true of the view (:mod:`hereditary_kg.semantics.query_conversion`), or nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from hereditary_kg.rdf.terms import IRI, Literal
from hereditary_kg.semantics.query_conversion import ConvertedPredicate, MemberConversion
from hereditary_kg.sites.characteristic_sets import CharacteristicSet, Link
from hereditary_kg.sites.profile import PredicateProfile, Profile

__all__ = ["converted_profile"]

# More namespaces than that help nobody to tell members apart.
_MOST_NAMESPACES = 64


def converted_profile(profile: Profile, conversion: MemberConversion) -> Profile:
    """Give the profile of the view.

    Args:
        profile: the member's.
        conversion: how its data are seen.
    """
    predicates = {
        iri: known for iri, known in profile.predicates.items() if iri not in conversion.hidden
    }
    for iri, seen in conversion.predicates.items():
        found = [
            _converted(known, each)
            for each in seen
            if (known := profile.predicate(each.native.value)) is not None
        ]
        if found:
            predicates[iri] = _united(found)
    names = {each.native.value: iri for iri, seen in conversion.predicates.items() for each in seen}
    sets, links = _renamed(profile, names, conversion)
    return replace(profile, predicates=predicates, characteristic_sets=sets, links=links)


def _converted(known: PredicateProfile, seen: ConvertedPredicate) -> PredicateProfile:
    """Say of a predicate's objects what is known of them once they are converted."""
    if seen.translation is None:
        return known
    if seen.translation.is_identity and seen.translation.asked is None:
        return known
    if seen.translation.asked is not None:
        # What the member does not list may be anything.
        return replace(
            known,
            object_namespaces=(),
            datatypes=(),
            languages=(),
            iri_objects=True,
            literal_objects=True,
            object_filter=None,
            number_range=None,
            date_range=None,
            object_counts={},
            codes=None,
        )
    terms = {pair.user for pair in seen.translation.pairs}
    iris = [term for term in terms if isinstance(term, IRI)]
    literals = [term for term in terms if isinstance(term, Literal)]
    return replace(
        known,
        triples=known.triples,
        objects=len(terms),
        object_namespaces=_namespaces(iris),
        datatypes=tuple(sorted({term.datatype for term in literals})),
        languages=tuple(sorted({term.language for term in literals if term.language})),
        blank_objects=known.blank_objects,
        iri_objects=bool(iris),
        literal_objects=bool(literals),
        object_filter=None,
        number_range=None,
        date_range=None,
        object_counts={},
        codes=None,
    )


def _namespaces(iris: Iterable[IRI]) -> tuple[str, ...]:
    """Give what the IRIs begin with; nothing where that is too much to say."""
    found = {_namespace(iri.value) for iri in iris}
    return tuple(sorted(found)) if len(found) <= _MOST_NAMESPACES else ()


def _namespace(iri: str) -> str:
    return iri[: max(iri.rfind(mark) for mark in "/#_:") + 1]


def _united(known: Sequence[PredicateProfile]) -> PredicateProfile:
    """Give what is true of several predicates that are seen as one."""
    first, *others = known
    for other in others:
        first = PredicateProfile(
            triples=first.triples + other.triples,
            subjects=first.subjects + other.subjects,
            objects=first.objects + other.objects,
            subject_namespaces=_both(first.subject_namespaces, other.subject_namespaces),
            object_namespaces=_both_objects(first, other),
            datatypes=tuple(sorted({*first.datatypes, *other.datatypes})),
            languages=tuple(sorted({*first.languages, *other.languages})),
            blank_subjects=first.blank_subjects or other.blank_subjects,
            blank_objects=first.blank_objects or other.blank_objects,
            iri_objects=first.iri_objects or other.iri_objects,
            literal_objects=first.literal_objects or other.literal_objects,
        )
    return first


def _both(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    """Unite namespaces, of which none at all means that they are not known."""
    return tuple(sorted({*first, *second})) if first and second else ()


def _both_objects(first: PredicateProfile, second: PredicateProfile) -> tuple[str, ...]:
    if first.iri_objects and second.iri_objects:
        return _both(first.object_namespaces, second.object_namespaces)
    return first.object_namespaces if first.iri_objects else second.object_namespaces


def _renamed(
    profile: Profile, names: Mapping[str, str], conversion: MemberConversion
) -> tuple[tuple[CharacteristicSet, ...], tuple[Link, ...]]:
    """Give the characteristic sets and links by the user's predicates; none where they merge."""
    if any(len(seen) > 1 for seen in conversion.predicates.values()):
        return (), ()
    renamed = any(native != user for native, user in names.items())
    gone = conversion.hidden.difference(names)
    if not renamed and not gone:
        sets = profile.characteristic_sets
    else:
        sets = tuple(_renamed_set(each, names, gone) for each in profile.characteristic_sets)
    # What a converted code links to is another node, or none.
    links = tuple(link for link in profile.links if link.predicate not in conversion.hidden)
    return sets, links


def _renamed_set(
    known: CharacteristicSet, names: Mapping[str, str], gone: frozenset[str]
) -> CharacteristicSet:
    return replace(
        known,
        predicates=tuple(sorted(names.get(p, p) for p in known.predicates if p not in gone)),
        occurrences={names.get(p, p): n for p, n in known.occurrences.items() if p not in gone},
    )
