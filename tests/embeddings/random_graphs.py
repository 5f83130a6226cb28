"""Small random graphs for the tests of training and ranking."""

import numpy as np

from hereditary_kg.embeddings.triples import TripleSet


def random_triples(
    entities: int = 30, relations: int = 4, triples: int = 150, seed: int = 0
) -> TripleSet:
    """Draw triples; some questions have several answers."""
    drawn = np.random.default_rng(seed)
    rows = np.stack(
        [
            drawn.integers(entities, size=triples),
            drawn.integers(relations, size=triples),
            drawn.integers(entities, size=triples) // 2,
        ],
        axis=1,
    )
    return TripleSet(
        tuple(f"e{number}" for number in range(entities)),
        tuple(f"r{number}" for number in range(relations)),
        rows,
    )


def split(triples: TripleSet, share: float = 0.2, seed: int = 0) -> tuple[TripleSet, TripleSet]:
    """Deal triples into a larger and a smaller part."""
    chosen = np.random.default_rng(seed).random(len(triples)) < share
    return triples.select(~chosen), triples.select(chosen)
