"""What is said of an empty answer: where its rows were lost, and what may help."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["Diagnosis", "Loss", "LossKind"]

LossKind = Literal["pattern", "join", "filter", "minus", "slice", "values", "service"]


@dataclass(frozen=True)
class Loss:
    """One place at which rows were lost.

    Attributes:
        kind: what kind of place.
        patterns: the patterns or the condition, as SPARQL.
        text: what happened there, in a sentence.
        notes: examples, and what may help.
    """

    kind: LossKind
    patterns: tuple[str, ...]
    text: str
    notes: tuple[str, ...] = ()

    def to_dict(self, shorten: Callable[[str], str] = str) -> dict[str, Any]:
        """Give the loss as plain values.

        Args:
            shorten: makes the IRIs in a text short.
        """
        return {
            "kind": self.kind,
            "patterns": list(map(shorten, self.patterns)),
            "text": shorten(self.text),
            "notes": list(map(shorten, self.notes)),
        }


@dataclass(frozen=True)
class Diagnosis:
    """Why an answer is empty.

    Attributes:
        losses: where rows were lost; none where the pattern has rows after all.
        failures: members that failed while this was found out, and how.
        queries: how many queries were asked of the federation for it.
        requests: how many requests to members they were.
        unfinished: why there may be more to say, or None.
        is_empty: whether the query's pattern has no solution.
    """

    losses: tuple[Loss, ...]
    failures: Mapping[str, str] = field(default_factory=dict)
    queries: int = 0
    requests: int = 0
    unfinished: str | None = None
    is_empty: bool = True

    @property
    def effort(self) -> str:
        """What it took to find that out, in a sentence."""
        queries = _count(self.queries, "query", "queries")
        requests = _count(self.requests, "request")
        return f"Found out with {queries} to the federation, {requests} to members."

    @property
    def cautions(self) -> tuple[str, ...]:
        """What to know besides: a query with rows, members that failed, an early end."""
        told = []
        if not self.is_empty:
            told.append("The query's pattern has solutions: no rows were lost.")
        for name, error in self.failures.items():
            told.append(f"{name} failed, and what it holds is missing here: {error}")
        if self.unfinished is not None:
            told.append(f"There may be more to say: {self.unfinished}.")
        return tuple(told)

    def __str__(self) -> str:
        return self.to_text()

    def to_dict(self, shorten: Callable[[str], str] = str) -> dict[str, Any]:
        """Give the diagnosis as plain values, ready for JSON.

        Args:
            shorten: makes the IRIs in a text short.
        """
        return {
            "empty": self.is_empty,
            "losses": [loss.to_dict(shorten) for loss in self.losses],
            "failures": dict(self.failures),
            "queries": self.queries,
            "requests": self.requests,
            "unfinished": self.unfinished,
        }

    def to_text(self, shorten: Callable[[str], str] = str) -> str:
        """Write the diagnosis for people.

        Args:
            shorten: makes the IRIs in a text short.
        """
        lines = []
        for loss in self.losses:
            lines += [shorten(loss.text), *(f"    {shorten(p)}" for p in loss.patterns)]
            lines += [f"  - {shorten(note)}" for note in loss.notes]
            lines.append("")
        return "\n".join([*lines, *self.cautions, self.effort])


def _count(number: int, noun: str, plural: str | None = None) -> str:
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
