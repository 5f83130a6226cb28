"""Predicted links for people who look into them: names, codes, and below each link why."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hereditary_kg.cli.tables import make_table
from hereditary_kg.cli.term_display import tame_text

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console, RenderableType

__all__ = ["print_links"]

_NEAREST = 1
_PATHS = 2
_LAST_PART = re.compile(r"[^/#]+$")


def print_links(console: "Console", links: "pl.DataFrame", names: Mapping[str, str]) -> None:
    """Print a table a model, with the best reasons below each link.

    Args:
        console: where.
        links: a table of `predict_links`.
        names: what entities are called.
    """
    for (model, relation), rows in links.group_by("model", "relation", maintain_order=True):
        console.print(f"{model}: {tame_text(str(relation))}", style="bold")
        right = ("rank", "score", "probability")
        table = make_table("rank", "link", "score", "probability", right=right, folded="link")
        table.columns[1].ratio = 1
        table.expand = True
        for row in rows.iter_rows(named=True):
            chance = row["probability"]
            table.add_row(
                str(row["rank"]),
                _describe_link(row, names),
                f"{row['score']:.3f}",
                "" if chance is None else f"{chance:.3f}",
            )
        console.print(table)


def _describe_link(row: Mapping[str, Any], names: Mapping[str, str]) -> "RenderableType":
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    head, tail = row["head"], row["tail"]
    reasons = Table.grid(padding=(0, 1, 0, 0))
    reasons.add_column(no_wrap=True, style="dim")
    reasons.add_column(overflow="fold")
    for near in row["nearest"][:_NEAREST]:
        told = f"{_name(near['head'], names)} → {_name(near['tail'], names)}"
        reasons.add_row("alike", Text(f"{told} ({near['similarity']:.2f})"))
    for path in row["paths"][:_PATHS]:
        reasons.add_row("path", Text(_describe_path(path, row["relation"], names)))
    title = Text(overflow="fold")
    for before, end in (("", head), (" → ", tail)):
        title.append(f"{before}{_name(end, names)}", style="bold")
        if end in names:
            title.append(f" {_code(end)}", style="dim")
    return Group(title, reasons)


def _describe_path(path: Mapping[str, Sequence[str]], asked: str, names: Mapping[str, str]) -> str:
    """Write the steps of a path as arrows, without both ends; plain ones are of what is asked."""
    steps = [_draw_step(relation, asked) for relation in path["relations"]]
    stops = [_name(stop, names) for stop in path["through"]]
    pairs = zip(steps, stops, strict=False)
    return " ".join([part for pair in pairs for part in pair] + [steps[-1]])


def _draw_step(relation: str, asked: str) -> str:
    name = relation.removeprefix("^")
    found = _LAST_PART.search(name)
    shaft = "" if name == asked else tame_text(found.group() if found else name)
    if relation.startswith("^"):
        return f"←{shaft}-" if shaft else "←"
    return f"-{shaft}→" if shaft else "→"


def _name(entity: str, names: Mapping[str, str]) -> str:
    """Give what an entity is called, else its code."""
    return tame_text(names[entity]) if entity in names else _code(entity)


def _code(entity: str) -> str:
    """Give an IRI of a known vocabulary as its CURIE, and everything else as it is."""
    from hereditary_kg.semantics.errors import IdentifierError
    from hereditary_kg.semantics.identifiers import normalise

    if "://" not in entity:
        return tame_text(entity)
    try:
        return normalise(entity)
    except IdentifierError:
        return tame_text(f"<{entity}>")
