"""A plan as a tree that fits the terminal, with its row counts in columns at the right."""

import textwrap
from typing import TYPE_CHECKING

from hereditary_kg.cli.query_layout import lay_out_query
from hereditary_kg.cli.term_display import cut_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hereditary_kg.execution.timings import Timings
    from hereditary_kg.planning.explanation import Explanation, PlanStep

__all__ = ["draw_plan", "write_legend", "write_queries", "write_totals"]

_COLUMN = 10
_NARROWEST = 24
_MOST_LINES = 4
_MOST_PATTERN_LINES = 8


def draw_plan(
    explanation: "Explanation",
    member_count: int,
    width: int | None,
    *,
    reasons: bool = False,
    numbered: bool = False,
) -> str:
    """Draw a plan for people.

    Args:
        explanation: the plan.
        member_count: how many members the federation has; a step that asks all says so.
        width: columns that a line has at most; None for as many as it needs.
        reasons: whether to say why members are asked or not, and what that has cost.
        numbered: whether the numbers of the queries are shown.
    """
    has_run = explanation.root.rows is not None
    compared = has_run and explanation.worst() is not None
    heads = ["estimated", *(["actual"] if has_run else []), *(["q-error"] if compared else [])]
    room = None if width is None else width - _COLUMN * len(heads)
    lines: list[tuple[str, list[str]]] = []
    for first, further, step in _chains(explanation.root, "", ""):
        words = _words(explanation, step, member_count, numbered=numbered)
        label = None if room is None else room - 1
        patterns: list[str] = []
        if reasons and step.members and not _fits(first + words, label):
            words = words.removesuffix(_behind(explanation, step))
            patterns = _pattern_lines(explanation, step, width, further + "  ")
        label_lines = _wrapped(words, label, first, further, cut=not reasons)
        lines.append((label_lines[0], _numbers(step, len(heads))))
        lines += [(line, []) for line in (*label_lines[1:], *patterns)]
        if reasons:
            notes = _notes(explanation, step)
            broken = (_wrapped(note, width, further, further) for note in notes)
            lines += [(line, []) for part in broken for line in part]
    if room is None:
        room = max(len(words) for words, numbers in lines if numbers) + 2
    drawn = ["rows:".rjust(room) + "".join(head.rjust(_COLUMN) for head in heads)]
    for words, numbers in lines:
        counts = "".join(number.rjust(_COLUMN) for number in numbers)
        drawn.append((words.ljust(room) + counts).rstrip() if counts else words)
    return "\n".join(drawn)


def _chains(step: "PlanStep", first: str, rest: str) -> "Iterator[tuple[str, str, PlanStep]]":
    """Yield each step with what stands before its first line, and before its further ones.

    A step with one input has it right below, without a corner, so that long chains of
    operators take no width.
    """
    bar = "│  " if len(step.steps) > 1 else "   "
    yield first, rest + bar, step
    if len(step.steps) == 1:
        yield from _chains(step.steps[0], rest, rest)
        return
    for position, below in enumerate(step.steps):
        last = position == len(step.steps) - 1
        corner, behind = ("└─ ", "   ") if last else ("├─ ", "│  ")
        yield from _chains(below, rest + corner, rest + behind)


def _wrapped(
    text: str, width: int | None, first: str, further: str, *, cut: bool = False
) -> list[str]:
    """Break a text into lines of ``width`` columns at most, or cut it to one."""
    if width is None:
        return [first + text]
    if cut:
        return [cut_text(first + text, width)]
    lines = textwrap.wrap(
        text,
        max(width, len(further) + _NARROWEST),
        initial_indent=first,
        subsequent_indent=further + "  ",
        break_on_hyphens=False,
    )
    if len(lines) > _MOST_LINES:
        lines = [*lines[: _MOST_LINES - 1], cut_text(lines[_MOST_LINES - 1] + " …", width)]
    return lines


def _numbers(step: "PlanStep", columns: int) -> list[str]:
    from hereditary_kg.planning.explanation.wording import write_estimate

    estimate = "" if step.estimate is None else write_estimate(step.estimate)
    rows = "" if step.rows is None else f"{step.rows:,}"
    if step.unasked:
        rows = "not asked"
    error = "" if step.q_error is None else f"{step.q_error:,.1f}"
    return [estimate, rows, error][:columns]


def _words(
    explanation: "Explanation", step: "PlanStep", member_count: int, *, numbered: bool
) -> str:
    from hereditary_kg.planning.explanation.wording import write_members

    words = f"[{step.number}] " if numbered and step.number is not None else ""
    words += step.title
    if step.members:
        words += f" @ {write_members(step.members, member_count)}"
    return words + _behind(explanation, step)


def _behind(explanation: "Explanation", step: "PlanStep") -> str:
    return f": {explanation.shorten(step.detail)}" if step.detail else ""


def _fits(text: str, width: int | None) -> bool:
    return width is None or len(text) <= width


def _pattern_lines(
    explanation: "Explanation", step: "PlanStep", width: int | None, margin: str
) -> list[str]:
    """Lay out the pattern that members are asked for, a triple a line; cut it where it is long."""
    from hereditary_kg.planning.explanation.pattern_lines import lay_out_lines

    laid_out = map(explanation.shorten, lay_out_lines(step.detail))
    lines = [part for line in laid_out for part in _hanging(line, width, margin)]
    if len(lines) > _MOST_PATTERN_LINES:
        kept = lines[: _MOST_PATTERN_LINES - 1]
        lines = [*kept, f"{margin}… {len(lines) - len(kept)} more lines, as --queries lists them"]
    return lines


def _hanging(line: str, width: int | None, margin: str) -> list[str]:
    """Break a line that is too long; what is too long by itself stays whole."""
    if _fits(margin + line, width):
        return [margin + line]
    depth = " " * (len(line) - len(line.lstrip()))
    return textwrap.wrap(
        line.lstrip(),
        max(width or 0, len(margin) + _NARROWEST),
        initial_indent=margin + depth,
        subsequent_indent=margin + depth + "    ",
        break_on_hyphens=False,
        break_long_words=False,
    )


def _notes(explanation: "Explanation", step: "PlanStep") -> "Iterator[str]":
    """Yield what is to be said of a step below it."""
    from hereditary_kg.planning.explanation.wording import (
        write_chosen,
        write_cost,
        write_excluded,
    )

    if step.cost is not None and step.cost.requests:
        bound = ", with bindings" if step.cost.bound else ""
        yield write_cost(step.cost) + bound
    chosen = write_chosen(step)
    if chosen:
        yield explanation.shorten(f"asked: {chosen}")
    if step.excluded:
        yield explanation.shorten(f"excluded: {write_excluded(step.excluded)}")


def write_queries(explanation: "Explanation") -> str:
    """List the queries of a plan by their numbers, laid out."""
    from hereditary_kg.planning.explanation.wording import write_members

    parts = []
    for step in explanation.queries():
        for query in step.queries:
            head = f"[{step.number}] asked of {write_members(query.members, most=10)}"
            if step.cost is not None and step.cost.bound:
                head += ", with bindings as VALUES"
            laid_out = lay_out_query(query.text, explanation.prefixes)
            parts.append(head + "\n" + textwrap.indent(laid_out, "    "))
    return "\n\n".join(parts)


def write_totals(explanation: "Explanation", timings: "Timings | None" = None) -> str:
    """Say what the whole plan has cost, and where its estimates were worst.

    Args:
        explanation: the plan.
        timings: where the time went, if it has run.
    """
    from hereditary_kg.planning.explanation.wording import write_amount, write_cost

    lines = []
    if explanation.cost is not None:
        asked = (
            f"{len(explanation.asked()):,} of {write_amount(len(explanation.members), 'member')}"
        )
        lines.append(f"Asked {asked}: {write_cost(explanation.cost)}.")
        if explanation.beside is not None and explanation.beside.requests:
            cost = write_cost(explanation.beside)
            lines.append(f"Of these beside the plan (probes, checks of copies): {cost}.")
    if timings is not None:
        lines.append(_write_timings(timings))
    worst = explanation.worst()
    if worst is not None:
        place = explanation.place(worst)
        lines.append(f"Largest q-error: {worst.q_error or 0:,.1f} at {place}")
    return "\n".join(lines)


def _write_timings(timings: "Timings") -> str:
    waiting = ""
    if timings.asking:
        waiting = f" (and {_milliseconds(timings.asking)} for probes and checks)"
    return (
        f"Time: parsing {_milliseconds(timings.parsing)}, planning "
        f"{_milliseconds(timings.planning)}{waiting}, then the first row after "
        f"{_milliseconds(timings.first_row)}; {_milliseconds(timings.total)} in all."
    )


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:,.1f} ms"


def write_legend(explanation: "Explanation") -> str:
    """Say what the columns of a plan that has run mean."""
    if explanation.worst() is None:
        return ""
    return (
        "q-error: the larger of estimated and actual rows over the smaller, one added to each; "
        "1 is exact.\nNone is given where bindings or a LIMIT kept a step from giving all its "
        "rows.\nms of requests: while at least one of them was open."
    )
