"""What can go wrong with embeddings and their training.

::

    EmbeddingError
    └── TripleError     triples cannot be read, or are not what they are said to be
"""

__all__ = ["EmbeddingError", "TripleError"]


class EmbeddingError(Exception):
    """Something about embeddings or their training is wrong."""


class TripleError(EmbeddingError):
    """Triples cannot be read, or are not what they are said to be."""
