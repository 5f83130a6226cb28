"""Property paths as immutable values.

Source: SPARQL 1.1 Query Language, section 9.1.
"""

from dataclasses import dataclass
from typing import TypeAlias

from hereditary_kg.rdf.terms import IRI

__all__ = [
    "AlternativePath",
    "InversePath",
    "NegatedPropertySet",
    "Path",
    "RepeatedPath",
    "SequencePath",
    "is_unbounded",
    "matches_zero_length",
    "path_predicates",
]


@dataclass(frozen=True)
class InversePath:
    """``^path``."""

    path: "Path"


@dataclass(frozen=True)
class SequencePath:
    """``first / second / …``."""

    steps: tuple["Path", ...]


@dataclass(frozen=True)
class AlternativePath:
    """``one | other | …``."""

    branches: tuple["Path", ...]


@dataclass(frozen=True)
class RepeatedPath:
    """``path*``, ``path+`` or ``path?`` by ``modifier``."""

    path: "Path"
    modifier: str


@dataclass(frozen=True)
class NegatedPropertySet:
    """``!(iri | ^iri | …)``: ``forward`` and ``inverse`` predicates that must not be used."""

    forward: tuple[IRI, ...]
    inverse: tuple[IRI, ...]


Path: TypeAlias = (
    IRI | InversePath | SequencePath | AlternativePath | RepeatedPath | NegatedPropertySet
)


def path_predicates(path: Path) -> tuple[IRI, ...] | None:
    """Give the predicates of the triples that ``path`` can walk; None where any may be."""
    match path:
        case IRI():
            return (path,)
        case NegatedPropertySet():
            return None
        case InversePath(inner) | RepeatedPath(inner):
            return path_predicates(inner)
        case SequencePath(parts) | AlternativePath(parts):
            found: dict[IRI, None] = {}
            for part in parts:
                predicates = path_predicates(part)
                if predicates is None:
                    return None
                found.update(dict.fromkeys(predicates))
            return tuple(found)


def matches_zero_length(path: Path) -> bool:
    """Whether ``path`` connects every node with itself (section 9.1)."""
    match path:
        case RepeatedPath(inner, modifier):
            return modifier in "*?" or matches_zero_length(inner)
        case InversePath(inner):
            return matches_zero_length(inner)
        case SequencePath(steps):
            return all(map(matches_zero_length, steps))
        case AlternativePath(branches):
            return any(map(matches_zero_length, branches))
        case _:
            return False


def is_unbounded(path: Path) -> bool:
    """Whether ``path`` can take any number of steps."""
    match path:
        case RepeatedPath(inner, modifier):
            return modifier in "*+" or is_unbounded(inner)
        case InversePath(inner):
            return is_unbounded(inner)
        case SequencePath(parts) | AlternativePath(parts):
            return any(map(is_unbounded, parts))
        case _:
            return False
