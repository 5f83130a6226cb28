"""How a plan is put into words: labels, names of members, reasons, amounts."""

from collections.abc import Callable, Iterable, Sequence

from hereditary_kg.planning.explanation.record import Cost, PlanStep, Reason

__all__ = [
    "cut_text",
    "write_amount",
    "write_bytes",
    "write_chosen",
    "write_cost",
    "write_estimate",
    "write_excluded",
    "write_label",
    "write_members",
    "write_place",
]

_DETAIL_WIDTH = 100
_NAMED = 3
_KILOBYTE = 1000

_PLURALS = {
    "does": "do",
    "gives": "give",
    "has": "have",
    "holds": "hold",
    "is": "are",
    "may": "may",
    "publishes": "publish",
    "uses": "use",
}


def cut_text(text: str, width: int = _DETAIL_WIDTH) -> str:
    """Cut a text to so many characters."""
    return text if len(text) <= width else text[: width - 1] + "…"


def write_amount(number: int, noun: str) -> str:
    """Write a number of things."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def write_bytes(size: int) -> str:
    """Write a size in the unit that suits it.

    >>> [write_bytes(size) for size in (999, 1500, 12_345_678)]
    ['999 B', '1.5 kB', '12.3 MB']
    """
    number = float(size)
    for unit in ("B", "kB", "MB"):
        if number < _KILOBYTE:
            return f"{number:,.0f} {unit}" if unit == "B" else f"{number:,.1f} {unit}"
        number /= _KILOBYTE
    return f"{number:,.1f} GB"


def write_estimate(rows: float) -> str:
    """Write estimated rows."""
    return f"{rows:,.0f}" if rows >= 1 or rows == 0 else "<1"


def write_members(names: Sequence[str], everyone: int = 0, most: int = _NAMED) -> str:
    """Name members, the first of them where they are many.

    >>> write_members(["a", "b", "c", "d", "e"])
    'a, b, c (+2)'

    Args:
        names: the members.
        everyone: how many members there are in all; 0 where that is not known.
        most: how many are named.
    """
    if everyone > 2 and len(names) == everyone:
        return f"all {everyone}"
    # One more name is no longer than how many are left.
    if len(names) <= most + 1:
        return ", ".join(names)
    return f"{', '.join(names[:most])} (+{len(names) - most})"


def write_label(
    step: PlanStep, shorten: Callable[[str], str], *, numbers: bool = True, everyone: int = 0
) -> str:
    """Write a step in one line.

    Args:
        step: the step.
        shorten: makes IRIs short.
        numbers: whether its rows belong to it.
        everyone: how many members the federation has; a step that asks all of them says so.
    """
    text = step.title
    if step.members:
        text += f" @ {write_members(step.members, everyone)}"
    if step.detail:
        text += f": {cut_text(shorten(step.detail))}"
    sizes = []
    if numbers and step.estimate is not None:
        sizes.append(f"~{write_estimate(step.estimate)} rows")
    if numbers and step.rows is not None:
        sizes.append(f"{step.rows:,} actual")
    return f"{text}  [{', '.join(sizes)}]" if sizes else text


def write_place(step: PlanStep, shorten: Callable[[str], str]) -> str:
    """Name a step briefly: by the number of its query, where it has one.

    Args:
        step: the step.
        shorten: makes IRIs short.
    """
    if step.number is None:
        return write_label(step, shorten, numbers=False)
    return f"[{step.number}] {step.title} @ {write_members(step.members)}"


def write_cost(cost: Cost) -> str:
    """Write what requests have cost in one line."""
    parts = [
        write_amount(cost.requests, "request"),
        write_amount(cost.rows, "row") + " fetched",
        write_bytes(cost.bytes),
        f"{cost.milliseconds:,.1f} ms",
    ]
    if cost.failures:
        parts.append(f"{cost.failures:,} failed")
    return ", ".join(parts)


def write_chosen(step: PlanStep) -> str:
    """Say why a step's members are asked; nothing where that is not known."""
    if not step.chosen:
        return ""
    patterns = {reason.pattern for reason in step.chosen}
    if len(patterns) > 1:
        who = "it" if len(step.members) == 1 else "each"
        return f"{who} may match all {len(patterns)} patterns"
    return "; ".join(map(_chosen, step.chosen))


def _chosen(reason: Reason) -> str:
    amounts = [number for number in reason.triples if number is not None]
    if len(reason.members) == 1:
        amount = f" ({write_amount(amounts[0], 'triple')})" if amounts else ""
        return f"{reason.members[0]} {reason.text}{amount}"
    amount = ""
    if amounts:
        least, most = min(amounts), max(amounts)
        spread = f"{most:,}" if least == most else f"{least:,} to {most:,}"
        amount = f" ({spread} triples each)"
    return f"{_plural(reason.members, reason.text)}{amount}"


def write_excluded(reasons: Iterable[Reason]) -> str:
    """Say why members are not asked, those with one reason together."""
    reasons = tuple(reasons)
    several = len({reason.pattern for reason in reasons}) > 1
    parts = []
    for reason in reasons:
        where = f" of {reason.pattern}" if several and reason.pattern else ""
        if len(reason.members) == 1:
            name = reason.members[0]
            is_verb = reason.text.partition(" ")[0] in _PLURALS
            parts.append(f"{name}{'' if is_verb else ':'} {reason.text}{where}")
        else:
            parts.append(_plural(reason.members, reason.text) + where)
    return "; ".join(parts)


def _plural(members: Sequence[str], text: str) -> str:
    first, _, rest = text.partition(" ")
    names = write_amount(len(members), "member") if len(members) > _NAMED else _enumerate(members)
    if first in _PLURALS:
        return f"{names} {_PLURALS[first]} {rest}"
    return f"{names}: {text}"


def _enumerate(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
