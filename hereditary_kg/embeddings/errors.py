"""What can go wrong with embeddings and their training.

::

    EmbeddingError
    ├── TripleError                 triples cannot be read, or are not what they are said to be
    ├── UnknownNameError            there is no model, loss or optimiser of that name
    ├── ModelError                  vectors do not fit a model, or each other
    ├── TrainingError               a training cannot be set up, or went wrong
    ├── EvaluationError             a ranking or a calibration cannot be computed
    ├── SecureAggregationError      sites cannot add up their updates in secret
    │   ├── FixedPointError         numbers cannot be added without overflow, or are no numbers
    │   ├── ProtocolOrderError      a step comes before its turn, or a second time
    │   ├── RefusedMessageError     a message is malformed, foreign, replayed or wrongly signed
    │   └── TooFewSitesError        fewer sites than the threshold, or than a site accepts
    └── PrivacyError                privacy cannot be accounted for, or its settings make no sense
        └── PrivacyBudgetError      one more step would spend more than was granted
"""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import TypeVar

__all__ = [
    "EmbeddingError",
    "EvaluationError",
    "FixedPointError",
    "ModelError",
    "PrivacyBudgetError",
    "PrivacyError",
    "ProtocolOrderError",
    "RefusedMessageError",
    "SecureAggregationError",
    "TooFewSitesError",
    "TrainingError",
    "TripleError",
    "UnknownNameError",
    "resolve",
]

Value = TypeVar("Value")


class EmbeddingError(Exception):
    """Something about embeddings or their training is wrong."""


class TripleError(EmbeddingError):
    """Triples cannot be read, or are not what they are said to be."""


class UnknownNameError(EmbeddingError):
    """There is nothing of that kind with that name."""


class ModelError(EmbeddingError):
    """Vectors do not fit a model, or each other."""


class TrainingError(EmbeddingError):
    """A training cannot be set up, or went wrong."""


class EvaluationError(EmbeddingError):
    """A ranking or a calibration cannot be computed."""


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


class PrivacyError(EmbeddingError):
    """Privacy cannot be accounted for, or its settings make no sense."""


class PrivacyBudgetError(PrivacyError):
    """One more step would spend more privacy than was granted."""


def resolve(kind: str, name: str, choices: Mapping[str, Value]) -> Value:
    """Find something by its name; upper and lower case are the same.

    Args:
        kind: what it is, for the message: ``"model"``.
        name: what was asked for.
        choices: what there is.

    Raises:
        UnknownNameError: there is nothing with that name; the nearest ones are listed.
    """
    known = {choice.lower(): choice for choice in choices}
    if name.lower() in known:
        return choices[known[name.lower()]]
    near = get_close_matches(name.lower(), known, n=3) or sorted(known)
    listed = ", ".join(known[choice] for choice in near)
    raise UnknownNameError(f"There is no {kind} {name!r}. Take one of: {listed}.")
