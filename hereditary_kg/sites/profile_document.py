"""The JSON form of a profile.

It is compact: predicates and classes are named by their position in the profile, and the hashes
of all filters stand in it once, with the members of each filter chosen from them.
"""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hereditary_kg.sites.characteristic_sets import CharacteristicSet, Link
from hereditary_kg.sites.code_censuses import CodeCensus, CodeList, pack_codes, unpack_codes
from hereditary_kg.sites.errors import SiteError
from hereditary_kg.sites.profile import PROFILE_FORMAT, PredicateProfile, Profile, Unlisted
from hereditary_kg.sites.term_filters import (
    HASH_BYTES,
    TermFilter,
    pack_members,
    split_hashes,
    unpack_members,
)

__all__ = ["read_profile", "write_profile"]


def write_profile(profile: Profile) -> bytes:
    """Write a profile; the same one always gives the same bytes."""
    predicates = {iri: profile.predicates[iri] for iri in sorted(profile.predicates)}
    classes = sorted(profile.classes)
    filters = _FilterWriter(
        each
        for known in predicates.values()
        for each in (known.subject_filter, known.object_filter)
        if each is not None
    )
    predicate_at = {iri: position for position, iri in enumerate(predicates)}
    class_at = {iri: position for position, iri in enumerate(classes)}
    document = {
        "format": PROFILE_FORMAT,
        "stamp": profile.stamp,
        "triples": profile.triples,
        "subjects": profile.subjects,
        "predicates": {iri: _predicate_entry(known, filters) for iri, known in predicates.items()},
        "classes": {iri: profile.classes[iri] for iri in classes},
        "named_graphs": profile.named_graphs,
        "graph_triples": dict(profile.graph_triples),
        "characteristic_sets": [
            {
                "predicates": [predicate_at[iri] for iri in each.predicates],
                "occurrences": [each.occurrences[iri] for iri in each.predicates],
                "classes": [class_at[iri] for iri in each.classes],
                "subjects": each.subjects,
            }
            for each in profile.characteristic_sets
        ],
        "links": [
            [link.source, predicate_at[link.predicate], link.target, link.triples]
            for link in profile.links
        ],
        "unlisted_predicates": _unlisted_entry(profile.unlisted_predicates),
        "unlisted_classes": _unlisted_entry(profile.unlisted_classes),
        "unlisted_graphs": _unlisted_entry(profile.unlisted_graphs),
        "unlisted_predicate": None
        if profile.unlisted_predicate is None
        else _predicate_entry(profile.unlisted_predicate, filters),
        "filter_namespaces": filters.namespaces,
        "filter_hashes": base64.b64encode(b"".join(filters.hashes)).decode(),
    }
    text = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode() + b"\n"


class _FilterWriter:
    """Holds what all filters of a profile have in common."""

    def __init__(self, filters: Iterable[TermFilter]) -> None:
        hashes: set[bytes] = set()
        namespaces: set[tuple[str, ...]] = set()
        for each in filters:
            hashes.update(split_hashes(each.hashes))
            namespaces.add(each.namespaces)
        self.hashes = sorted(hashes)
        self.namespaces = sorted(namespaces)
        self._position = {each: position for position, each in enumerate(self.hashes)}
        self._packed: dict[bytes, str] = {}

    def entry(self, each: TermFilter | None) -> dict[str, Any] | None:
        """Write one filter."""
        if each is None:
            return None
        # The predicates that all terms have, labels and parents, have the same subjects.
        packed = self._packed.get(each.hashes)
        if packed is None:
            members = [self._position[member] for member in split_hashes(each.hashes)]
            packed = self._packed[each.hashes] = pack_members(members, len(self.hashes))
        return {
            "namespaces": self.namespaces.index(each.namespaces),
            "literals": each.literals,
            "members": packed,
        }


def _unlisted_entry(unlisted: Unlisted) -> list[Any]:
    return [unlisted.count, unlisted.uses, unlisted.namespaces]


def _predicate_entry(known: PredicateProfile, filters: _FilterWriter) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "triples": known.triples,
        "subjects": known.subjects,
        "objects": known.objects,
        "subject_namespaces": known.subject_namespaces,
        "object_namespaces": known.object_namespaces,
        "datatypes": known.datatypes,
        "languages": known.languages,
        "blank_subjects": known.blank_subjects,
        "blank_objects": known.blank_objects,
        "iri_objects": known.iri_objects,
        "literal_objects": known.literal_objects,
    }
    optional = {
        "subject_filter": filters.entry(known.subject_filter),
        "object_filter": filters.entry(known.object_filter),
        "number_range": known.number_range,
        "date_range": known.date_range,
        "object_counts": dict(known.object_counts) or None,
        "codes": None if known.codes is None else _census_entry(known.codes),
    }
    return entry | {key: value for key, value in optional.items() if value is not None}


def _census_entry(census: CodeCensus) -> dict[str, Any]:
    lists = {
        namespace: [each.triples, pack_codes(each.codes)]
        for namespace, each in census.lists.items()
    }
    return {"lists": lists, "others": census.others}


def read_profile(document: bytes) -> Profile:
    """Read what `write_profile` wrote.

    Raises:
        SiteError: it is no profile, or one of another format.
    """
    try:
        table = json.loads(document)
        version = table.pop("format")
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise SiteError("this is no site profile; build it again") from error
    if version != PROFILE_FORMAT:
        raise SiteError(
            f"the site profile has format {version!r}, and this version reads "
            f"{PROFILE_FORMAT}; build it again with `hkg site profile`, or update the older side"
        )
    try:
        return _read_table(table)
    except (ValueError, KeyError, AttributeError, TypeError, IndexError) as error:
        raise SiteError(f"the site profile is broken ({error}); build it again") from error


def _read_table(table: Mapping[str, Any]) -> Profile:
    filters = _FilterReader(table["filter_namespaces"], table["filter_hashes"])
    predicates = {
        iri: _read_predicate(entry, filters) for iri, entry in table["predicates"].items()
    }
    classes = {iri: _count(count) for iri, count in table["classes"].items()}
    rest = table["unlisted_predicate"]
    names, class_names = sorted(predicates), sorted(classes)
    sets = tuple(_read_set(each, names, class_names) for each in table["characteristic_sets"])
    return Profile(
        stamp=_text(table["stamp"]),
        triples=_count(table["triples"]),
        subjects=_count(table["subjects"]),
        predicates=predicates,
        classes=classes,
        named_graphs=_texts(table["named_graphs"]),
        graph_triples={iri: _count(count) for iri, count in table["graph_triples"].items()},
        characteristic_sets=sets,
        links=tuple(_read_link(each, names, len(sets)) for each in table["links"]),
        unlisted_predicates=_read_unlisted(table["unlisted_predicates"]),
        unlisted_classes=_read_unlisted(table["unlisted_classes"]),
        unlisted_graphs=_read_unlisted(table["unlisted_graphs"]),
        unlisted_predicate=None if rest is None else _read_predicate(rest, filters),
    )


def _read_unlisted(entry: Sequence[Any]) -> Unlisted:
    count, uses, namespaces = entry
    return Unlisted(_count(count), _count(uses), _texts(namespaces))


class _FilterReader:
    """Reads filters out of what they have in common."""

    def __init__(self, namespaces: Any, hashes: Any) -> None:
        self._namespaces = [_texts(each) for each in namespaces]
        packed = base64.b64decode(_text(hashes), validate=True)
        if len(packed) % HASH_BYTES:
            raise ValueError("its hashes are cut off")
        self._hashes = split_hashes(packed)
        if any(a >= b for a, b in zip(self._hashes, self._hashes[1:], strict=False)):
            raise ValueError("its hashes are out of order")

    def read(self, entry: Mapping[str, Any] | None) -> TermFilter | None:
        """Read one filter."""
        if entry is None:
            return None
        return TermFilter(
            namespaces=self._namespaces[_count(entry["namespaces"])],
            hashes=b"".join(unpack_members(_text(entry["members"]), self._hashes)),
            literals=_flag(entry["literals"]),
        )


def _read_predicate(entry: Mapping[str, Any], filters: _FilterReader) -> PredicateProfile:
    numbers = entry.get("number_range")
    dates = entry.get("date_range")
    return PredicateProfile(
        triples=_count(entry["triples"]),
        subjects=_count(entry["subjects"]),
        objects=_count(entry["objects"]),
        subject_namespaces=_texts(entry["subject_namespaces"]),
        object_namespaces=_texts(entry["object_namespaces"]),
        datatypes=_texts(entry["datatypes"]),
        languages=_texts(entry["languages"]),
        blank_subjects=_flag(entry["blank_subjects"]),
        blank_objects=_flag(entry["blank_objects"]),
        iri_objects=_flag(entry["iri_objects"]),
        literal_objects=_flag(entry["literal_objects"]),
        subject_filter=filters.read(entry.get("subject_filter")),
        object_filter=filters.read(entry.get("object_filter")),
        number_range=None if numbers is None else _pair([float(each) for each in numbers]),
        date_range=None if dates is None else _pair(_texts(dates)),
        object_counts={
            term: _count(count) for term, count in entry.get("object_counts", {}).items()
        },
        codes=_read_census(entry["codes"]) if "codes" in entry else None,
    )


def _read_census(entry: Mapping[str, Any]) -> CodeCensus:
    lists = {
        namespace: CodeList(
            unpack_codes(_text(packed)), None if triples is None else _count(triples)
        )
        for namespace, (triples, packed) in entry["lists"].items()
    }
    return CodeCensus(lists, _count(entry["others"]))


def _read_set(
    entry: Mapping[str, Any], predicates: Sequence[str], classes: Sequence[str]
) -> CharacteristicSet:
    held = tuple(predicates[_count(position)] for position in entry["predicates"])
    return CharacteristicSet(
        predicates=held,
        classes=tuple(classes[_count(position)] for position in entry["classes"]),
        subjects=_count(entry["subjects"]),
        occurrences=dict(zip(held, map(_count, entry["occurrences"]), strict=True)),
    )


def _read_link(entry: Sequence[Any], predicates: Sequence[str], sets: int) -> Link:
    source, predicate, target, triples = map(_count, entry)
    if max(source, target) >= sets:
        raise ValueError("a link leads to a characteristic set that is missing")
    return Link(source, predicates[predicate], target, triples)


def _pair(values: Sequence[Any]) -> tuple[Any, Any]:
    low, high = values
    if low > high:
        raise ValueError(f"the range from {low} to {high} is empty")
    return low, high


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError(f"{value!r} is no count")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _texts(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list):
        raise TypeError(f"{values!r} is no list")
    return tuple(map(_text, values))


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is neither true nor false")
    return value
