"""The unit of privacy: whose coming or going a model must hardly show."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hereditary_kg.embeddings.errors import PrivacyError
from hereditary_kg.embeddings.triples import TripleSet

__all__ = ["PrivacyUnits", "person_units", "triple_units"]


@dataclass(frozen=True, eq=False)
class PrivacyUnits:
    """Which triples belong together: they are one example, clipped together.

    Attributes:
        name: what a unit is, such as ``triple`` or ``person``; every figure of privacy names it.
        of_triples: for each triple the number of its unit, shape ``[n]``, ``int64``, from 0 on.
        count: how many units there are.
    """

    name: str
    of_triples: NDArray[np.int64]
    count: int


def triple_units(triples: TripleSet) -> PrivacyUnits:
    """Take each triple as a unit of its own."""
    return PrivacyUnits("triple", np.arange(len(triples), dtype=np.int64), len(triples))


def person_units(triples: TripleSet, persons: NDArray[np.int64]) -> PrivacyUnits:
    """Take all triples of a person as one unit.

    A triple that belongs to no person is a unit of its own: it is as private as a person's whole
    record.

    Args:
        triples: the triples.
        persons: for each entity the number of the person whom it belongs to, or -1 for an entity
            that belongs to nobody, such as a disease; shape ``[entities]``. Not only the person's
            own IRI belongs to a person, but also visits, samples and what else is part of a record.

    Raises:
        PrivacyError: the array has another shape, or a triple joins entities of two persons.
    """
    if persons.shape != (len(triples.entities),):
        raise PrivacyError(
            f"For each of {len(triples.entities)} entities it has to be said whose it is; the "
            f"array has the shape {list(persons.shape)}."
        )
    of_heads = persons[triples.triples[:, 0]]
    of_tails = persons[triples.triples[:, 2]]
    if two := int(np.count_nonzero((of_heads >= 0) & (of_tails >= 0) & (of_heads != of_tails))):
        raise PrivacyError(
            f"{two} triples join two persons, so that they belong to neither's record alone. "
            "Leave their predicates out of the selection, or count families as persons."
        )
    owners = np.maximum(of_heads, of_tails)
    nobody = owners < 0
    owners[nobody] = owners.max(initial=-1) + 1 + np.arange(np.count_nonzero(nobody))
    different, of_triples = np.unique(owners, return_inverse=True)
    return PrivacyUnits("person", of_triples.astype(np.int64), len(different))
