"""Draws that depend on labels and a seed alone, not on numbers nor on the order of rows.

Each label has a hash, each triple one of the hashes of its labels. To draw is to take what has
the smallest hashes. So two sites that number their labels differently, or a file whose lines come
in another order, make the same draw.
"""

from collections.abc import Iterable
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from hereditary_kg.embeddings.triples import TripleSet

__all__ = ["hash_labels", "hash_triples"]

# The increment and the multipliers of SplitMix64.
_INCREMENT = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


def hash_labels(labels: Iterable[str], seed: int, purpose: str) -> NDArray[np.uint64]:
    """Hash labels.

    Args:
        labels: the labels.
        seed: another seed gives hashes that have nothing to do with these.
        purpose: so does another purpose, so that a split does not depend on how triples were
            dealt under the same seed.

    Returns:
        One number a label, evenly spread. Shape ``[n]``.
    """
    start = blake2b(f"{purpose}\0{seed}\0".encode(), digest_size=8)
    digests = []
    for label in labels:
        hashed = start.copy()
        hashed.update(label.encode())
        digests.append(hashed.digest())
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)


def hash_triples(triples: TripleSet, seed: int, purpose: str) -> NDArray[np.uint64]:
    """Hash triples by their labels.

    Args:
        triples: the triples.
        seed: as of `hash_labels`.
        purpose: as of `hash_labels`.

    Returns:
        One number a triple, in the order of the rows. Shape ``[n]``.

    Source:
        The mixing function is that of SplitMix64 (Steele, Lea and Flood, Fast splittable
        pseudorandom number generators, 2014).
    """
    entities = hash_labels(triples.entities, seed, f"{purpose} entity")
    relations = hash_labels(triples.relations, seed, f"{purpose} relation")
    heads, kinds, tails = triples.triples.T
    mixed = _mix(entities[heads])
    mixed = _mix(mixed + relations[kinds])
    return _mix(mixed + entities[tails])


def _mix(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    mixed = numbers + _INCREMENT
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _FIRST
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND
    return mixed ^ (mixed >> np.uint64(31))
