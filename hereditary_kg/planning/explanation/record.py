"""The neutral record of a plan, from which text, JSON, Mermaid and SVG are made."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hereditary_kg.planning.explanation.short_terms import shorten_terms

__all__ = ["Cost", "Explanation", "MembersQuery", "PlanStep", "Reason", "q_error"]


def q_error(estimate: float, rows: int) -> float:
    """Say by what factor an estimate is off; 1 is exact.

    One is added to both, so that the factor is finite where nothing was found.

    Source: Moerkotte, Neumann and Steidl, Preventing Bad Plans by Bounding the Impact of
    Cardinality Estimation Errors, PVLDB 2009.
    """
    larger, smaller = max(estimate, rows), min(estimate, rows)
    return (larger + 1) / (smaller + 1)


@dataclass(frozen=True)
class Reason:
    """Why members are asked for a pattern, or why not.

    Attributes:
        text: in the third person singular, as in "does not use the predicate".
        pattern: the triple or path pattern.
        members: whom it holds for, in the federation's order.
        triples: of those who are asked, how many triples they may give; None where they
            have no profile.
    """

    text: str
    pattern: str
    members: tuple[str, ...]
    triples: tuple[int | None, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Give the reason as plain values."""
        told: dict[str, Any] = {"reason": self.text, "pattern": self.pattern}
        told["members"] = list(self.members)
        return told | ({"triples": list(self.triples)} if self.triples else {})


@dataclass(frozen=True)
class Cost:
    """What the requests for one step, or for a whole query, have cost.

    Attributes:
        requests: how many were sent, repetitions included.
        rows: solutions received; more than a step's own where members hold the same ones.
        bytes: size of the answers after content decoding.
        milliseconds: for how long at least one of them was open.
        failures: how many of them failed.
        bound: whether they carried bindings of another step.
    """

    requests: int = 0
    rows: int = 0
    bytes: int = 0
    milliseconds: float = 0.0
    failures: int = 0
    bound: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Give the cost as plain values."""
        return {
            "requests": self.requests,
            "rows": self.rows,
            "bytes": self.bytes,
            "milliseconds": round(self.milliseconds, 1),
            "failures": self.failures,
            "bound": self.bound,
        }


@dataclass(frozen=True)
class MembersQuery:
    """What some of a step's members are asked.

    Attributes:
        members: who.
        text: the query, bindings apart.
    """

    members: tuple[str, ...]
    text: str

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain values."""
        return {"members": list(self.members), "query": self.text}


@dataclass(frozen=True)
class PlanStep:
    """One node of a plan.

    Attributes:
        title: what it does, in a few words.
        detail: on what: a pattern, a condition, variables.
        members: who is asked; empty for the mediator itself.
        estimate: expected rows, None where there is no estimate.
        rows: actual rows, None before the plan has run.
        query: what members match, as a query; None for the mediator itself.
        queries: what they are asked: less than `query` where they cannot match all of it, or
            leave copies out. Members that are asked the same stand together.
        steps: what it takes its input from.
        number: of its query among those of the plan, from 1.
        chosen: why ``members`` are asked.
        excluded: why the other members are not.
        cost: what its requests have cost; None for the mediator, and before the plan has run.
        comparable: whether ``estimate`` and ``rows`` are about the same: not where bindings of
            another step restricted it, and not where the rest of it was not wanted.
        first_row: milliseconds after the start at which its first row came.
        last_row: and its last one.
    """

    title: str
    detail: str = ""
    members: tuple[str, ...] = ()
    estimate: float | None = None
    rows: int | None = None
    query: str | None = None
    steps: tuple["PlanStep", ...] = ()
    number: int | None = None
    chosen: tuple[Reason, ...] = ()
    excluded: tuple[Reason, ...] = ()
    cost: Cost | None = None
    comparable: bool = True
    first_row: float | None = None
    last_row: float | None = None
    queries: tuple[MembersQuery, ...] = ()

    @property
    def q_error(self) -> float | None:
        """By what factor the estimate is off; None where it cannot be compared."""
        if self.estimate is None or self.rows is None or not self.comparable:
            return None
        return q_error(self.estimate, self.rows)

    @property
    def unasked(self) -> bool:
        """Whether the plan has run without needing this step's members."""
        return bool(self.members) and self.cost is not None and not self.cost.requests

    def walk(self) -> Iterator["PlanStep"]:
        """Yield the step and all below it, each before what it takes its input from."""
        yield self
        for step in self.steps:
            yield from step.walk()

    def to_dict(self) -> dict[str, Any]:
        """Give the step and all below it as plain values."""
        return {
            "title": self.title,
            "detail": self.detail,
            "number": self.number,
            "members": list(self.members),
            "chosen": [reason.to_dict() for reason in self.chosen],
            "excluded": [reason.to_dict() for reason in self.excluded],
            "estimate": _rounded(self.estimate),
            "rows": self.rows,
            "q_error": _rounded(self.q_error, 2),
            "cost": None if self.cost is None else self.cost.to_dict(),
            "first_row": _rounded(self.first_row),
            "last_row": _rounded(self.last_row),
            "query": self.query,
            "queries": [query.to_dict() for query in self.queries],
            "steps": [step.to_dict() for step in self.steps],
        }


def _rounded(number: float | None, digits: int = 1) -> float | None:
    return None if number is None else round(number, digits)


@dataclass(frozen=True)
class Explanation:
    """A plan ready to be shown.

    Attributes:
        root: its last step.
        prefixes: for short IRIs.
        members: every member of the federation, in its order; empty where that is not known.
        cost: what all requests of the query have cost; None before the plan has run.
        beside: what those requests have cost that are for no step, such as probes.
    """

    root: PlanStep
    prefixes: Mapping[str, str] = field(default_factory=dict)
    members: tuple[str, ...] = ()
    cost: Cost | None = None
    beside: Cost | None = None

    def steps(self) -> tuple[PlanStep, ...]:
        """Give all steps, each before what it takes its input from."""
        return tuple(self.root.walk())

    def asked(self) -> tuple[str, ...]:
        """Give the members that the plan asks, in the federation's order.

        Where it has run these are the ones whom it did ask.
        """
        steps = (step for step in self.steps() if not step.unasked)
        names = dict.fromkeys(name for step in steps for name in step.members)
        known = {name: place for place, name in enumerate(self.members)}
        return tuple(sorted(names, key=lambda name: known.get(name, len(known))))

    def queries(self) -> tuple[PlanStep, ...]:
        """Give the steps that ask members, by their numbers."""
        numbered = (step for step in self.steps() if step.number is not None)
        return tuple(sorted(numbered, key=lambda step: step.number or 0))

    def worst(self) -> PlanStep | None:
        """Give the step with the largest q-error, None where nothing can be compared."""
        compared = [step for step in self.steps() if step.q_error is not None]
        return max(compared, key=lambda step: step.q_error or 0, default=None)

    def to_dict(self) -> dict[str, Any]:
        """Give the plan as plain values, ready for JSON."""
        return self.root.to_dict()

    def totals(self) -> dict[str, Any]:
        """Give what the whole plan has cost as plain values, ready for JSON."""
        worst = self.worst()
        return {
            "members": len(self.members),
            "asked": list(self.asked()),
            "cost": None if self.cost is None else self.cost.to_dict(),
            "beside": None if self.beside is None else self.beside.to_dict(),
            "q_error": None if worst is None else _rounded(worst.q_error, 2),
            "q_error_at": None if worst is None else self.place(worst),
        }

    def to_text(self) -> str:
        """Draw the plan as a tree of lines."""
        return "\n".join(first + self.label(step) for first, _, step in self.tree())

    def __str__(self) -> str:
        return self.to_text()

    def tree(self) -> Iterator[tuple[str, str, PlanStep]]:
        """Yield each step with what stands before its first line, and before its further ones."""
        return _tree(self.root, "", "")

    def label(self, step: PlanStep, *, numbers: bool = True) -> str:
        """Write one step in one line."""
        # The writers build on this record.
        from hereditary_kg.planning.explanation.wording import write_label  # noqa: PLC0415

        return write_label(step, self.shorten, numbers=numbers)

    def place(self, step: PlanStep) -> str:
        """Name one step briefly, by the number of its query where it has one."""
        from hereditary_kg.planning.explanation.wording import write_place  # noqa: PLC0415

        return write_place(step, self.shorten)

    def shorten(self, text: str) -> str:
        """Write the IRIs in ``text`` with the prefixes at hand."""
        return shorten_terms(text, self.prefixes)

    def to_mermaid(self) -> str:
        """Draw the plan as a Mermaid flow chart."""
        from hereditary_kg.planning.explanation.mermaid import draw_mermaid  # noqa: PLC0415

        return draw_mermaid(self)

    def to_svg(self) -> str:
        """Draw the plan as a picture that needs nothing else to be shown."""
        from hereditary_kg.planning.explanation.svg import draw_svg  # noqa: PLC0415

        return draw_svg(self)


def _tree(step: PlanStep, first: str, rest: str) -> Iterator[tuple[str, str, PlanStep]]:
    yield first, rest + ("│  " if step.steps else "   "), step
    for position, below in enumerate(step.steps):
        last = position == len(step.steps) - 1
        corner, bar = ("└─ ", "   ") if last else ("├─ ", "│  ")
        yield from _tree(below, rest + corner, rest + bar)
