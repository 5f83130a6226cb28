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
