"""What a site keeps of one profiling for the next; it never leaves the site."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from hereditary_kg.sites.object_measures import ObjectMeasure

__all__ = ["ProfileState"]

_FORMAT = 3


@dataclass(frozen=True)
class ProfileState:
    """The measures of objects, and by which rules they were made.

    Attributes:
        stamp: the version of the data that were measured.
        declared: the namespaces that were declared as shared.
        vocabulary: the stems that might have turned out to be shared, sorted.
        objects: per predicate the measure of its objects.
    """

    stamp: str
    declared: tuple[str, ...]
    vocabulary: tuple[str, ...]
    objects: dict[str, ObjectMeasure]

    def fits(self, other: "ProfileState") -> bool:
        """Say whether the measures of one can stand beside those of the other."""
        return (self.declared, self.vocabulary) == (other.declared, other.vocabulary)

    def to_json(self) -> bytes:
        """Write the state."""
        plain = {
            "format": _FORMAT,
            "stamp": self.stamp,
            "declared": self.declared,
            "vocabulary": self.vocabulary,
            "objects": {iri: measure.to_plain() for iri, measure in self.objects.items()},
        }
        return json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, document: bytes) -> "ProfileState | None":
        """Read what `to_json` wrote; None where it is of another format, or broken.

        A state only saves time, so nothing is lost without one.
        """
        try:
            plain: Mapping[str, object] = json.loads(document)
            return cls._read(plain) if plain["format"] == _FORMAT else None
        except (ValueError, KeyError, TypeError, AttributeError):
            return None

    @classmethod
    def _read(cls, plain: Mapping[str, object]) -> "ProfileState":
        stamp, objects = plain["stamp"], plain["objects"]
        declared, vocabulary = plain["declared"], plain["vocabulary"]
        if not (isinstance(stamp, str) and isinstance(objects, dict)):
            raise TypeError("this is no state of a profile")
        if not (isinstance(declared, list) and isinstance(vocabulary, list)):
            raise TypeError("this is no state of a profile")
        return cls(
            stamp,
            tuple(declared),
            tuple(vocabulary),
            {iri: ObjectMeasure.from_plain(entry) for iri, entry in objects.items()},
        )
