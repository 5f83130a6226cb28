"""A plan as a picture: one SVG document that needs nothing else to be shown."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape

from hereditary_kg.planning.explanation.cards import Card, make_card
from hereditary_kg.planning.explanation.record import Explanation, PlanStep
from hereditary_kg.planning.explanation.svg_style import COLOURS, PLAN_STYLE
from hereditary_kg.planning.explanation.tree_layout import Box, lay_out_tree
from hereditary_kg.planning.explanation.wording import cut_text, write_amount, write_cost

__all__ = ["draw_svg"]

# Pixels.
_WIDTH = 300
_MARGIN = 20
_PADDING = 12
_STRIPE = 5
_LINE = 16
_CHIP = 18
_LETTER = 6.7
_ROOM = 1100
_ANCHOR = 26
_GUTTER = 13
_CORNER = 8
_THINNEST, _THICKEST = 1.5, 10.0
_MOST_IN_LEGEND = 24

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def draw_svg(explanation: Explanation) -> str:
    """Draw a plan as an SVG document.

    The answer is above, what members are asked below it; the lines between them are the
    thicker the more rows there are. Each member has one colour. What has no room on a card, such
    as the query itself, stands in its tooltip.
    """
    steps = explanation.steps()
    places = {id(step): place for place, step in enumerate(steps)}
    cards = [make_card(explanation, step) for step in steps]
    names = explanation.members or tuple(dict.fromkeys(n for s in steps for n in s.members))
    colours = {name: f"m{place % COLOURS}" for place, name in enumerate(names)}

    def box(step: PlanStep) -> Box:
        place = places[id(step)]
        return Box(place, _WIDTH, _height(cards[place]), tuple(map(box, step.steps)))

    head = _heading(explanation, colours)
    root = lay_out_tree(box(explanation.root), _ROOM)
    boxes = tuple(root.walk())
    width = max(*(each.x + each.width for each in boxes), _WIDTH * 2) + 2 * _MARGIN
    top = _MARGIN + len(head) * (_LINE + 4) + _MARGIN
    height = top + max(each.y + each.height for each in boxes) + _MARGIN
    drawn = [*_head_lines(head), f'<g transform="translate({_MARGIN} {top})">']
    for each in boxes:
        drawn += [_edge(each, child, steps[child.key]) for child in each.children]
    for each in boxes:
        drawn += _card(each, steps[each.key], cards[each.key], colours)
    drawn.append("</g>")
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="plan" width="{width:.0f}" '
        f'height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
        f'aria-label="{_text(explanation.label(explanation.root))}">'
    )
    style = f"<style>{PLAN_STYLE}</style>"
    back = '<rect class="back" width="100%" height="100%"/>'
    return "\n".join((opening, style, back, *drawn, "</svg>"))


def _text(text: str) -> str:
    return escape(_ILLEGAL.sub("\ufffd", text))


# The head: totals, and which colour is whose


def _heading(explanation: Explanation, colours: Mapping[str, str]) -> list[str]:
    """Give the lines of the head, each as the content of a group."""
    asked = explanation.asked()
    lines = []
    everyone = len(explanation.members) or len(asked)
    of_all = f"asks {len(asked):,} of {write_amount(everyone, 'member')}"
    if explanation.cost is not None:
        of_all = f"asked {of_all[5:]}: {write_cost(explanation.cost)}"
    lines.append(f'<text class="title">The plan {_text(of_all)}</text>')
    worst = explanation.worst()
    if worst is not None:
        label = cut_text(explanation.place(worst), 70)
        lines.append(
            f'<text class="soft">largest q-error {worst.q_error or 0:,.1f} at {_text(label)}</text>'
        )
    shown = asked[:_MOST_IN_LEGEND]
    if len(shown) > 1:
        lines += _legend(shown, len(asked) - len(shown), colours)
    return lines


def _legend(names: Sequence[str], more: int, colours: Mapping[str, str]) -> Iterator[str]:
    """Yield lines of coloured names."""
    line, x = "", 0.0
    for name in names:
        shown = cut_text(name, 28)
        if x and x + _chip_width(shown) > 2 * _WIDTH:
            yield line
            line, x = "", 0.0
        line += _chip(shown, colours.get(name, "mediator"), x, -13)
        x += _chip_width(shown) + 6
    if more:
        line += f'<text class="soft" x="{x:.0f}">and {more:,} more</text>'
    yield line


def _head_lines(lines: Sequence[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        y = _MARGIN + (number + 1) * (_LINE + 4) - 6
        yield f'<g transform="translate({_MARGIN} {y})">{line}</g>'


# Cards


def _height(card: Card) -> float:
    lines = 1 + len(card.detail) + bool(card.expected) + bool(card.cost)
    rows = len(_chip_rows(card.members))
    return 2 * _PADDING + lines * _LINE + rows * (_CHIP + 4) + (2 if rows else -2)


def _card(box: Box, step: PlanStep, card: Card, colours: Mapping[str, str]) -> Iterator[str]:
    look = "card asks" if step.members else "card"
    yield f'<g transform="translate({box.x:.0f} {box.y:.0f})">'
    yield f"<title>{_text(card.tooltip)}</title>"
    yield f'<rect class="{look}" width="{box.width}" height="{box.height:.0f}" rx="6"/>'
    yield from _stripe(box.height, [colours.get(name, "mediator") for name in step.members])
    x = _PADDING + _STRIPE
    y = _PADDING + 11.0
    yield f'<text class="title" x="{x}" y="{y:.0f}">{_text(card.title)}</text>'
    right = box.width - _PADDING
    yield f'<text class="soft" x="{right}" y="{y:.0f}" text-anchor="end">{_text(card.rows)}</text>'
    names = dict(zip(card.members, step.members, strict=False))
    for row in _chip_rows(card.members):
        y += _CHIP + 4
        for name, place in row:
            owner = names.get(name, "")
            colour = "mediator" if name.startswith("+") else colours.get(owner, "mediator")
            yield _chip(name, colour, x + place, y - 13)
    y += 4 if card.members else 0
    for line in card.detail:
        y += _LINE
        yield f'<text class="code" x="{x}" y="{y:.0f}">{_text(line)}</text>'
    if card.expected:
        y += _LINE
        error = f'<tspan class="off" dx="8">{_text(card.error)}</tspan>' if card.error else ""
        yield f'<text class="soft" x="{x}" y="{y:.0f}">{_text(card.expected)}{error}</text>'
    if card.cost:
        y += _LINE
        yield f'<text class="soft" x="{x}" y="{y:.0f}">{_text(card.cost)}</text>'
    yield "</g>"


def _stripe(height: float, colours: Sequence[str]) -> Iterator[str]:
    """Draw the left edge of a card in the colours of those who are asked."""
    shown = tuple(dict.fromkeys(colours)) or ("mediator",)
    part = (height - 12) / len(shown)
    for number, colour in enumerate(shown):
        y = 6 + number * part
        yield f'<rect class="{colour}" y="{y:.1f}" width="{_STRIPE}" height="{part:.1f}"/>'


def _chip_width(name: str) -> float:
    return len(name) * _LETTER + 14


def _chip_rows(names: Sequence[str]) -> list[list[tuple[str, float]]]:
    """Break names into rows that fit a card, each name with its place in the row."""
    rows: list[list[tuple[str, float]]] = []
    x = math.inf
    for name in names:
        if x + _chip_width(name) > _WIDTH - 2 * _PADDING - _STRIPE:
            rows.append([])
            x = 0.0
        rows[-1].append((name, x))
        x += _chip_width(name) + 5
    return rows


def _chip(name: str, colour: str, x: float, y: float) -> str:
    width = _chip_width(name)
    return (
        f'<rect class="{colour}" x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{_CHIP}" '
        f'rx="9"/><text class="name" x="{x + width / 2:.0f}" y="{y + 13:.0f}" '
        f'text-anchor="middle">{_text(name)}</text>'
    )


# Lines


def _edge(parent: Box, child: Box, step: PlanStep) -> str:
    """Draw the line from a step to the one that takes its rows."""
    rows = step.estimate if step.rows is None else step.rows
    weight = _THINNEST
    if rows:
        weight = min(_THICKEST, _THINNEST + 1.4 * math.log10(1 + rows))
    bottom = parent.y + parent.height
    if parent.stacked:
        begin, end = child.y + _ANCHOR, parent.x + _GUTTER
        path = f"M{child.x:.0f} {begin:.0f}H{end + _CORNER:.0f}q-{_CORNER} 0 -{_CORNER} -{_CORNER}"
    else:
        end = parent.x + _ANCHOR
        path = f"M{child.x + _ANCHOR:.0f} {child.y:.0f}"
        if child.x != parent.x:
            middle = (bottom + child.y) / 2
            path += f"V{middle + _CORNER:.0f}q0 -{_CORNER} -{_CORNER} -{_CORNER}H{end:.0f}"
    look = "edge idle" if step.unasked else "edge"
    return f'<path class="{look}" stroke-width="{weight:.1f}" d="{path}V{bottom:.0f}"/>'
