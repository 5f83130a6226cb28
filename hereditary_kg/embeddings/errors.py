"""What can go wrong with embeddings and their training.

::

    EmbeddingError
    ├── TripleError                      triples cannot be read, or are not what they are said to be
    ├── SelectionError                   a selection is wrong, or selects nothing
    ├── SplitError                       a split, or a way to handle redundancy, is not possible
    ├── PartitionError                   triples cannot be dealt over sites as asked
    ├── UnknownNameError                 there is no model, loss, optimiser or strategy of that name
    ├── ModelError                       vectors do not fit a model, or each other
    ├── TrainingError                    a training cannot be set up, or went wrong
    │   ├── TrainingDescriptionError     a training description is wrong
    │   └── AbsentSitesError             sites do not answer where all of them have to
    ├── EvaluationError                  a ranking or a calibration cannot be computed
    ├── PredictionError                  links cannot be predicted, or not be written as asked
    ├── StrategyError                    a strategy of exchange makes no sense
    ├── AlignmentError                   the sites' vocabularies cannot be brought together
    │   ├── AlignmentKeyError            the sites' common key cannot be read or written
    │   ├── UnalignedVocabulariesError   sites identify their terms in different ways
    │   ├── SingleSiteError              there is nobody to share a term with
    │   ├── NothingSharedError           a site shares no entity with others
    │   └── IntersectionError            a message of an intersection is not what it should be
    ├── SecureAggregationError           sites cannot add up their updates in secret
    │   ├── FixedPointError              numbers cannot be added without overflow, or are no numbers
    │   ├── ProtocolOrderError           a step comes before its turn, or a second time
    │   ├── RefusedMessageError          a message is malformed, foreign, replayed or wrongly signed
    │   └── TooFewSitesError             fewer sites than the threshold, or than a site accepts
    └── PrivacyError                     privacy cannot be accounted for, or its settings are wrong
        └── PrivacyBudgetError           one more step would spend more than was granted
"""

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import TypeVar

__all__ = [
    "AbsentSitesError",
    "AlignmentError",
    "AlignmentKeyError",
    "EmbeddingError",
    "EvaluationError",
    "FixedPointError",
    "IntersectionError",
    "ModelError",
    "NothingSharedError",
    "PartitionError",
    "PredictionError",
    "PrivacyBudgetError",
    "PrivacyError",
    "ProtocolOrderError",
    "RefusedMessageError",
    "SecureAggregationError",
    "SelectionError",
    "SingleSiteError",
    "SplitError",
    "StrategyError",
    "TooFewSitesError",
    "TrainingDescriptionError",
    "TrainingError",
    "TripleError",
    "UnalignedVocabulariesError",
    "UnknownNameError",
    "resolve",
]

Value = TypeVar("Value")


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


class UnknownNameError(EmbeddingError):
    """There is nothing of that kind with that name."""


class ModelError(EmbeddingError):
    """Vectors do not fit a model, or each other."""


class TrainingError(EmbeddingError):
    """A training cannot be set up, or went wrong."""


class TrainingDescriptionError(TrainingError):
    """A training description is wrong."""


class AbsentSitesError(TrainingError):
    """Sites do not answer where all of them have to.

    Args:
        message: what happened, and what each of the sites said.
        nodes: the sites' nodes.
        refused: whether one of them did answer, and said why it takes no part.
    """

    def __init__(self, message: str, nodes: Collection[int], *, refused: bool) -> None:
        super().__init__(message)
        self.nodes = frozenset(nodes)
        self.refused = refused


class EvaluationError(EmbeddingError):
    """A ranking or a calibration cannot be computed."""


class PredictionError(EmbeddingError):
    """Links cannot be predicted, or not be written as asked."""


class StrategyError(EmbeddingError):
    """A strategy of exchange makes no sense."""


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
