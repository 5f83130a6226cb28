"""Reviewing in a terminal: both terms side by side, and single keys."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hereditary_kg.semantics.errors import ReviewError
from hereditary_kg.semantics.review.candidates import meaning
from hereditary_kg.semantics.review.decisions import Decision, Role
from hereditary_kg.semantics.review.reviewers import Reviewer
from hereditary_kg.semantics.review.session import Item, ReviewSession, View
from hereditary_kg.semantics.review.term_cards import Neighbour, TermCard

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

    from hereditary_kg.semantics.review.claims import Claim

__all__ = ["KEYS", "read_keys", "run_terminal"]

KEYS = {
    "e": Decision.EXACT,
    "b": Decision.BROAD,
    "n": Decision.NARROW,
    "c": Decision.CLOSE,
    "0": Decision.NOT,
    "s": Decision.SKIP,
}
_ENDS = {"q", "\x03", "\x04", ""}
_HELP = (
    "e exact: the same   b broad: the right one is broader   n narrow: the right one is narrower\n"
    "c close: near, and none of these   0 not: no mapping, and never proposed again\n"
    "s skip   u undo   r take up what you skipped   q quit   ? this help"
)
_WORDS = {
    Decision.EXACT: "means the same as",
    Decision.BROAD: "is a kind of",
    Decision.NARROW: "is broader than",
    Decision.CLOSE: "is close to",
    Decision.NOT: "is not",
}
_ROLES = {
    Role.SECOND: "You are the second reader; you are not told what the first has decided.",
    Role.ARBITER: "Two readers disagree: your decision is the one that counts.",
}
_MOST = 6
"""Synonyms of one kind, neighbours and claims that are shown: a terminal has few lines."""


@contextmanager
def read_keys() -> Iterator[Callable[[], str]]:
    """Have the terminal give keys one by one, and as before afterwards."""
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        yield lambda: sys.stdin.read(1)
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def run_terminal(
    session: ReviewSession, reviewer: Reviewer, console: "Console", key: Callable[[], str]
) -> None:
    """Review until the reviewer quits.

    Args:
        session: the review; stays open.
        reviewer: who types.
        console: where pairs are shown.
        key: gives the next key; an empty text where there are no more.
    """
    view = session.view(reviewer)
    note = "? explains the keys."
    while True:
        _show(console, view, note)
        pressed = key().lower()
        if pressed in _ENDS:
            return
        try:
            view, note = _act(session, reviewer, view, pressed)
        except ReviewError as error:
            view, note = session.view(reviewer), str(error)


def _act(session: ReviewSession, reviewer: Reviewer, view: View, pressed: str) -> tuple[View, str]:
    if pressed == "u":
        return session.undo(reviewer), "Taken back."
    if pressed == "r" and view.item is None:
        return session.recall(reviewer), ""
    if pressed in KEYS and view.item is not None:
        decision = KEYS[pressed]
        left, right = (card.label or card.id for card in view.item.cards)
        after = session.decide(reviewer, view.item.assignment.pair, decision)
        return after, f"Saved: {left} | {right}: {decision.value}"
    if pressed == "?":
        return view, _HELP
    return view, f"{pressed!r} decides nothing; ? explains the keys."


def _show(console: "Console", view: View, note: str) -> None:
    console.clear()
    progress = view.progress
    counts = [f"{progress.settled:,} of {progress.total:,} pairs decided"]
    counts += [f"{progress.half:,} half"] if progress.half else []
    counts += [f"{progress.disputed:,} disputed"] if progress.disputed else []
    console.print(" · ".join(counts), style="dim")
    if view.problem:
        console.print(view.problem, style="bold red")
    console.print()
    for part in _item(view.item) if view.item else [_nothing(view)]:
        console.print(part)
    console.print()
    console.print(note, style="dim")
    console.print("e exact  b broad  n narrow  c close  0 not  s skip  u undo  ? keys  q quit")


def _nothing(view: View) -> str:
    if view.progress.settled == view.progress.total:
        return "All is decided."
    skipped = view.progress.skipped
    again = f" You skipped {skipped:,}: r takes them up again." if skipped else ""
    return f"Nothing for you at the moment.{again}"


def _item(item: Item) -> "Iterator[RenderableType]":
    from rich.table import Table
    from rich.text import Text

    if item.assignment.role in _ROLES:
        votes = "; ".join(f"{each.reviewer.text}: {each.decision.value}" for each in item.votes)
        yield Text(f"{_ROLES[item.assignment.role]} {votes}".strip(), "yellow")
    left, right = (card.label or card.id for card in item.cards)
    said = [meaning(row) for row in item.candidate.rows]
    words = " or ".join(
        dict.fromkeys(
            _WORDS[decision] if decision else row.get("predicate_id", "")
            for decision, row in zip(said, item.candidate.rows, strict=True)
        )
    )
    yield Text.assemble("Proposed: ", left, " ", (words, "bold cyan"), " ", right)
    yield Text(_stakes(item), "dim")
    yield from _claims("Others say otherwise", item.claims.disagreeing, "yellow")
    yield Text()
    both = Table.grid(expand=True, padding=(0, 3, 0, 0))
    both.add_column(ratio=1)
    both.add_column(ratio=1)
    both.add_row(*(_card(card) for card in item.cards))
    yield both
    yield from _claims("Others say the same", item.claims.agreeing, "bold")


def _stakes(item: Item) -> str:
    weight = item.weight
    counts = [f"{weight.records:,} records with these codes"] if weight.records else []
    counts += [f"{weight.below:,} records with codes below them"] if weight.below else []
    queries = f"; saved queries: {', '.join(weight.queries)}" if weight.queries else ""
    return f"{', '.join(counts) or 'No records with these codes or below them'}{queries}."


def _card(card: TermCard) -> "Text":
    from rich.text import Text

    shown = Text()
    shown.append(f"{card.id}  {card.terminology or 'in no terminology of the hub'}\n", "dim")
    shown.append(card.label or card.id, "bold underline" if card.label in card.shared else "bold")
    if card.obsolete:
        replaced = ", ".join(_named(each) for each in card.replaced_by)
        shown.append(f"\nObsolete{f', replaced by {replaced}' if replaced else ''}", "bold red")
    shown.append(f"\n{card.definition or 'No definition.'}", "" if card.definition else "dim")
    for scope, texts in card.synonyms.items():
        shown.append(f"\n{scope}: ", "dim")
        for place, text in enumerate(texts[:_MOST]):
            shown.append("; " if place else "")
            shown.append(text, "underline" if text in card.shared else "")
        shown.append(f" and {len(texts) - _MOST:,} more" if len(texts) > _MOST else "", "dim")
    neighbours = (
        ("parents", card.parents),
        ("part of", card.wholes),
        ("children", card.children),
    )
    for title, terms in neighbours:
        if terms:
            shown.append(f"\n{title}: ", "dim")
            shown.append("; ".join(_named(each) for each in terms[:_MOST]))
            count = card.child_count if title == "children" else len(terms)
            shown.append(f" and {count - _MOST:,} more" if count > _MOST else "", "dim")
    return shown


def _named(term: Neighbour) -> str:
    return f"{term.label or ''} {term.id}".strip()


def _claims(title: str, claims: "Sequence[Claim]", style: str) -> "Iterator[Text]":
    from rich.text import Text

    if claims:
        yield Text(f"\n{title}", style)
        yield from (_claim(claim) for claim in claims[:_MOST])


def _claim(claim: "Claim") -> "Text":
    from rich.text import Text

    denied = "not " if claim.denied else ""
    predicate = claim.predicate.removeprefix("skos:").removesuffix("Match")
    left = f"{claim.subject_label or ''} {claim.subject}".strip()
    right = f"{claim.object_label or ''} {claim.object}".strip()
    facts = (
        (claim.justification or "").removeprefix("semapv:"),
        "" if claim.confidence is None else f"confidence {claim.confidence:g}",
        claim.author or "",
        claim.source or "",
    )
    told = " · ".join(each for each in facts if each)
    return Text.assemble(
        f"  {left} {denied}", (predicate, "bold"), f" {right}", (f"  {told}", "dim")
    )
