"""What can go wrong with embeddings and their training.

::

    EmbeddingError
    ├── PrivacyError                privacy cannot be accounted for, or its settings make no sense
    │   └── PrivacyBudgetError      one more step would spend more than was granted
    ├── SecureAggregationError      sites cannot add up their updates in secret
    │   ├── FixedPointError         numbers cannot be added without overflow, or are no numbers
    │   ├── ProtocolOrderError      a step comes before its turn, or a second time
    │   ├── RefusedMessageError     a message is malformed, foreign, replayed or wrongly signed
    │   └── TooFewSitesError        fewer sites than the threshold, or than a site accepts
    └── TripleError                 triples cannot be read, or are not what they are said to be
"""

__all__ = [
    "EmbeddingError",
    "FixedPointError",
    "PrivacyBudgetError",
    "PrivacyError",
    "ProtocolOrderError",
    "RefusedMessageError",
    "SecureAggregationError",
    "TooFewSitesError",
    "TripleError",
]


class EmbeddingError(Exception):
    """Something about embeddings or their training is wrong."""


class PrivacyError(EmbeddingError):
    """Privacy cannot be accounted for, or its settings make no sense."""


class PrivacyBudgetError(PrivacyError):
    """One more step would spend more privacy than was granted."""


class SecureAggregationError(EmbeddingError):
    """Sites cannot add up their updates in secret."""


class FixedPointError(SecureAggregationError):
    """Numbers cannot be added in fixed point without overflow, or are no numbers."""


class ProtocolOrderError(SecureAggregationError):
    """A step of the protocol comes before its turn, or a second time."""


class RefusedMessageError(SecureAggregationError):
    """A message is malformed, too long, foreign to the run, replayed or wrongly signed."""


class TooFewSitesError(SecureAggregationError):
    """Fewer sites take part than the threshold, or than a site accepts."""


class TripleError(EmbeddingError):
    """Triples cannot be read, or are not what they are said to be."""
