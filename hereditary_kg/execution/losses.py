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

    def to_dict(self) -> dict[str, Any]:
        """Give the loss as plain values."""
        return {
            "kind": self.kind,
            "patterns": list(self.patterns),
            "text": self.text,
            "notes": list(self.notes),
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

    def to_dict(self) -> dict[str, Any]:
        """Give the diagnosis as plain values, ready for JSON."""
        return {
            "empty": self.is_empty,
            "losses": [loss.to_dict() for loss in self.losses],
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
        if not self.is_empty:
            lines.append(
                "The query's pattern has solutions; its answer is not empty for want of them."
            )
        for loss in self.losses:
            lines += [shorten(loss.text), *(f"    {shorten(p)}" for p in loss.patterns)]
            lines += [f"  - {shorten(note)}" for note in loss.notes]
            lines.append("")
        for name, error in self.failures.items():
            lines.append(f"{name} failed, and what it holds is missing here: {error}")
        if self.unfinished is not None:
            lines.append(f"There may be more to say: {self.unfinished}.")
        counted = [_count(self.queries, "query", "queries"), _count(self.requests, "request")]
        lines.append(f"Found out with {counted[0]} to the federation, {counted[1]} to members.")
        return "\n".join(lines)


def _count(number: int, noun: str, plural: str | None = None) -> str:
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
