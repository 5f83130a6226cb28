"""What can go wrong with embeddings and their training.

::

    EmbeddingError
    ├── TripleError                      triples cannot be read, or are not what they are said to be
    ├── SelectionError                   a selection is wrong, or selects nothing
    ├── SplitError                       a split, or a way to handle redundancy, is not possible
    ├── PartitionError                   triples cannot be dealt over sites as asked
    └── AlignmentError                   the sites' vocabularies cannot be brought together
        ├── AlignmentKeyError            the sites' common key cannot be read or written
        ├── UnalignedVocabulariesError   sites identify their terms in different ways
        ├── SingleSiteError              there is nobody to share a term with
        ├── NothingSharedError           a site shares no entity with others
        └── IntersectionError            a message of an intersection is not what it should be
"""

__all__ = [
    "AlignmentError",
    "AlignmentKeyError",
    "EmbeddingError",
    "IntersectionError",
    "NothingSharedError",
    "PartitionError",
    "SelectionError",
    "SingleSiteError",
    "SplitError",
    "TripleError",
    "UnalignedVocabulariesError",
]


class EmbeddingError(Exception):
    """Something about embeddings or their training is wrong."""


class TripleError(EmbeddingError):
    """Triples cannot be read, or are not what they are said to be."""


class SelectionError(EmbeddingError):
    """A selection of training triples is wrong, or selects nothing."""


class SplitError(EmbeddingError):
    """A split, or a way to handle redundant relations, is not possible."""


class PartitionError(EmbeddingError):
    """Triples cannot be dealt over sites as asked."""


class AlignmentError(EmbeddingError):
    """The vocabularies of the sites cannot be brought together."""


class AlignmentKeyError(AlignmentError):
    """The key that the sites have in common cannot be read or written."""


class UnalignedVocabulariesError(AlignmentError):
    """Sites identify their terms in different ways, so that equal terms would not meet."""


class SingleSiteError(AlignmentError):
    """There is one site alone, and nobody to share a term with."""


class NothingSharedError(AlignmentError):
    """A site shares no entity with the others."""


class IntersectionError(AlignmentError):
    """A message of a private set intersection is not what it should be."""
