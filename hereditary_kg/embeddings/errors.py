"""What can go wrong with embeddings and their training.

::

    EmbeddingError
    ├── TripleError        triples cannot be read, or are not what they are said to be
    ├── UnknownNameError   there is no model, loss or optimiser of that name
    ├── ModelError         vectors do not fit a model, or each other
    ├── TrainingError      a training cannot be set up, or went wrong
    └── EvaluationError    a ranking or a calibration cannot be computed
"""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import TypeVar

__all__ = [
    "EmbeddingError",
    "EvaluationError",
    "ModelError",
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
