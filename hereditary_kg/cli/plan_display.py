"""A plan as a tree that fits the terminal, with its row counts in columns at the right."""

from typing import TYPE_CHECKING

from hereditary_kg.cli.term_display import cut_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hereditary_kg.planning.explanation import Explanation, PlanStep

__all__ = ["draw_plan"]

_COLUMN = 10


def draw_plan(explanation: "Explanation", member_count: int, width: int) -> str:
    """Draw a plan for people.

    Args:
        explanation: the plan.
        member_count: how many members the federation has; a step that asks all says so.
        width: columns that a line has at most.
    """
    lines = list(_tree(explanation, explanation.root, member_count, "", ""))
    has_run = explanation.root.rows is not None
    heads = ("estimated", "actual") if has_run else ("estimated",)
    room = width - _COLUMN * len(heads)
    drawn = [" " * room + "".join(head.rjust(_COLUMN) for head in heads)]
    for words, step in lines:
        numbers = ["" if step.estimate is None else _round(step.estimate)]
        if has_run:
            numbers.append(f"{step.rows or 0:,}")
        counts = "".join(number.rjust(_COLUMN) for number in numbers)
        drawn.append((cut_text(words, room - 1).ljust(room) + counts).rstrip())
    return "\n".join(drawn)


def _tree(
    explanation: "Explanation", step: "PlanStep", member_count: int, first: str, rest: str
) -> "Iterator[tuple[str, PlanStep]]":
    words = step.title
    if step.members:
        everyone = len(step.members) == member_count > 2
        words += " @ " + (f"all {member_count}" if everyone else ", ".join(step.members))
    if step.detail:
        words += f": {explanation.shorten(step.detail)}"
    yield first + words, step
    for position, below in enumerate(step.steps):
        is_last = position == len(step.steps) - 1
        corner, bar = ("└─ ", "   ") if is_last else ("├─ ", "│  ")
        yield from _tree(explanation, below, member_count, rest + corner, rest + bar)


def _round(number: float) -> str:
    return f"{number:,.0f}" if number >= 1 or number == 0 else "<1"
