"""What stands on the card of a step in a plan's picture, and what its tooltip says."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from hereditary_kg.planning.explanation.pattern_lines import lay_out_lines
from hereditary_kg.planning.explanation.record import Explanation, PlanStep
from hereditary_kg.planning.explanation.wording import (
    cut_text,
    write_amount,
    write_bytes,
    write_chosen,
    write_cost,
    write_estimate,
    write_excluded,
)

__all__ = ["Card", "make_card"]

_DETAIL_COLUMNS = 38
_DETAIL_LINES = 8
_NAME_LENGTH = 22
_MOST_NAMES = 6
_NOTICEABLE = 10.0
"""The q-error from which on a plan is worth another look."""


@dataclass(frozen=True)
class Card:
    """The texts of one card.

    Attributes:
        title: what the step does.
        members: the names of those who are asked, shortened, and the last one "+17" where there
            are too many of them.
        detail: lines of SPARQL.
        rows: the rows that it gave, or those that are expected where it has not run.
        expected: the rows that were expected, where it has run.
        error: the q-error, where it is large.
        cost: requests, bytes and time.
        tooltip: everything, without limits.
    """

    title: str
    members: tuple[str, ...]
    detail: tuple[str, ...]
    rows: str
    expected: str
    error: str
    cost: str
    tooltip: str


def make_card(explanation: Explanation, step: PlanStep) -> Card:
    """Put the card of a step together."""
    number = "" if step.number is None else f"[{step.number}] "
    error = step.q_error
    return Card(
        number + step.title,
        _names(step.members),
        _detail(explanation, step),
        _rows(step),
        _expected(step),
        f"q-error {error:,.0f}" if error is not None and error >= _NOTICEABLE else "",
        _cost(step),
        _tooltip(explanation, step),
    )


def _names(members: Sequence[str]) -> tuple[str, ...]:
    shown = members if len(members) <= _MOST_NAMES else members[: _MOST_NAMES - 1]
    names = [cut_text(name, _NAME_LENGTH) for name in shown]
    if len(shown) < len(members):
        names.append(f"+{len(members) - len(shown)}")
    return tuple(names)


def _detail(explanation: Explanation, step: PlanStep) -> tuple[str, ...]:
    """Break the detail into lines, a triple a line where it is a pattern that members match."""
    if not step.members:
        return _cut(_wrapped(explanation.shorten(step.detail)))
    laid_out = map(explanation.shorten, lay_out_lines(step.detail))
    parts = [_wrapped(line.removesuffix(" .")) for line in laid_out]
    shown = parts.pop(0) if parts else []
    if len(shown) > _DETAIL_LINES:
        return _cut(shown)
    # A triple stands there whole or not at all.
    while parts and len(shown) + len(parts[0]) + (len(parts) > 1) <= _DETAIL_LINES:
        shown += parts.pop(0)
    return (*shown, f"… and {len(parts)} more") if parts else tuple(shown)


def _cut(lines: list[str]) -> tuple[str, ...]:
    if len(lines) <= _DETAIL_LINES:
        return tuple(lines)
    kept = lines[:_DETAIL_LINES]
    return (*kept[:-1], cut_text(kept[-1] + " …", _DETAIL_COLUMNS))


def _wrapped(line: str) -> list[str]:
    depth = len(line) - len(line.lstrip())
    # Pictures keep no other white space at the beginning of a line.
    indent = "\N{NO-BREAK SPACE}" * depth
    return textwrap.wrap(
        line.lstrip(),
        _DETAIL_COLUMNS,
        initial_indent=indent,
        subsequent_indent=indent + "\N{NO-BREAK SPACE}" * 2,
        break_on_hyphens=False,
    )


def _rows(step: PlanStep) -> str:
    if step.unasked:
        return "not asked"
    if step.rows is not None:
        return write_amount(step.rows, "row")
    return "" if step.estimate is None else f"~{write_estimate(step.estimate)} rows"


def _expected(step: PlanStep) -> str:
    if step.estimate is None or step.rows is None:
        return ""
    return f"{write_estimate(step.estimate)} expected"


def _cost(step: PlanStep) -> str:
    if step.cost is None or not step.cost.requests:
        return ""
    cost = step.cost
    parts = [
        write_amount(cost.requests, "request"),
        write_bytes(cost.bytes),
        f"{cost.milliseconds:,.0f} ms",
    ]
    return ", ".join(parts) + (f", {cost.failures:,} failed" if cost.failures else "")


def _tooltip(explanation: Explanation, step: PlanStep) -> str:
    lines = [f"{step.title}: {step.detail}" if step.detail else step.title]
    if step.members:
        lines.append(f"Asked: {', '.join(step.members)}")
    chosen = write_chosen(step)
    if chosen:
        lines.append(f"Why: {chosen}")
    if step.excluded:
        lines.append(f"Excluded: {write_excluded(step.excluded)}")
    rows = ", ".join(filter(None, (_rows(step), _expected(step))))
    if rows:
        lines.append(rows)
    if step.q_error is not None:
        lines.append(f"q-error {step.q_error:,.1f}")
    if step.cost is not None and step.cost.requests:
        lines.append(write_cost(step.cost) + (", with bindings" if step.cost.bound else ""))
    if step.first_row is not None and step.last_row is not None:
        lines.append(f"First row after {step.first_row:,.0f} ms, last {step.last_row:,.0f} ms")
    for query in step.queries:
        named = [f"{', '.join(query.members)}:"] if len(step.queries) > 1 else []
        lines += ["", *named, query.text]
    return explanation.shorten("\n".join(lines))
