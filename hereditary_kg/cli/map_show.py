"""``hkg map show``: what the hub knows of a term."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from hereditary_kg.cli.errors import CommandError
from hereditary_kg.cli.hub_files import find_vocabulary, hub_option, open_hub
from hereditary_kg.cli.settings import (
    Settings,
    common_options,
    open_console,
    pass_settings,
    table_format_option,
)
from hereditary_kg.cli.tables import make_table

if TYPE_CHECKING:
    from rich.console import Console

    from hereditary_kg.semantics.hub import Hub

__all__ = ["describe_term", "show"]

_MOST = 20


@click.command()
@click.argument("term", metavar="TERM")
@hub_option
@click.option(
    "--to",
    "vocabularies",
    multiple=True,
    metavar="VOCABULARY",
    help="Show the conversion into this vocabulary only. May be given several times.",
)
@table_format_option
@common_options
@pass_settings
def show(
    settings: Settings,
    *,
    term: str,
    hub_path: Path | None,
    vocabularies: tuple[str, ...],
    output_format: str,
) -> None:
    """Show what the hub knows of TERM, an identifier in any spelling, an IRI or a label.

    Label, synonyms by their type, parents, what it is a part of, children, mappings with their
    sources, and what becomes of it in each vocabulary.
    """
    settings.start_logging()
    hub = open_hub(hub_path)
    targets = tuple(find_vocabulary(hub, name) for name in vocabularies)
    described = describe_term(hub, find_term(hub, term), targets)
    if output_format == "json":
        click.echo(json.dumps(described, indent=2, ensure_ascii=False))
    else:
        _print_term(open_console(), described)


def find_term(hub: "Hub", text: str) -> str:
    """Find the term that is meant by an identifier, an IRI or a label.

    Raises:
        CommandError: a label belongs to several terms.
        UnknownTermError: the hub has no such term.
    """
    import polars as pl

    from hereditary_kg.semantics.errors import IdentifierError, UnknownTermError
    from hereditary_kg.semantics.identifiers import normalise

    try:
        code = normalise(text)
    except IdentifierError:
        code = text
    if code in hub:
        return code
    wanted = text.casefold()
    current = pl.col("label").str.to_lowercase() == wanted
    found = [
        name
        for each in hub.terminologies.values()
        for name in map(str, each.terms.filter(current & ~pl.col("obsolete"))["id"])
    ]
    # Terms of terminologies come before those that mapping sets alone name.
    found = found or [name for name, label in hub.labels.items() if label.casefold() == wanted]
    if len(found) > 1:
        raise CommandError(
            f"{text!r} is the label of {len(found)} terms",
            f"Name one of them: {', '.join(sorted(found)[:_MOST])}.",
        )
    if found:
        return found[0]
    known = hub.terminologies.get(code.partition(":")[0])
    raise UnknownTermError("term", text, known.terms["id"].to_list() if known else ())


def describe_term(hub: "Hub", code: str, targets: tuple[str, ...] = ()) -> dict[str, Any]:
    """Describe a term in plain values, ready for JSON.

    Args:
        hub: the hub.
        code: a canonical CURIE that it has.
        targets: the vocabularies of which conversions are shown; empty for all that have one.
    """
    import polars as pl

    term = hub.term(code)
    terminology = hub.terminologies.get(code.partition(":")[0])
    synonyms: dict[str, list[str]] = {}
    if terminology is not None:
        for _, text, scope in terminology.synonyms.filter(pl.col("id") == code).iter_rows():
            synonyms.setdefault(scope, []).append(text)
    own = (pl.col("subject") == code) | (pl.col("object") == code)
    return {
        "id": code,
        "label": term.label,
        "definition": term.definition,
        "terminology": f"{terminology.name} {terminology.version}".strip() if terminology else None,
        "obsolete": term.obsolete,
        "replaced_by": [_named(hub, each) for each in term.replaced_by],
        "synonyms": synonyms,
        "parents": [_named(hub, each) for each in hub.parents(code)],
        "part of": [_named(hub, each) for each in hub.wholes(code)],
        "children": [_named(hub, each) for each in hub.children(code)],
        "ancestors": len(hub.ancestors(code)),
        "descendants": len(hub.descendants(code)),
        "mappings": hub.mappings.filter(own).sort("predicate", "subject", "object").to_dicts(),
        "conversions": _conversions(hub, code, targets),
    }


def _named(hub: "Hub", code: str) -> dict[str, str | None]:
    return {"id": code, "label": hub.term(code).label if code in hub else hub.labels.get(code)}


def _conversions(hub: "Hub", code: str, targets: tuple[str, ...]) -> list[dict[str, Any]]:
    from hereditary_kg.semantics.conversion import Converter

    found = []
    own = code.partition(":")[0]
    for vocabulary in targets or hub.vocabularies:
        if vocabulary == own and not targets:
            continue
        for each in Converter(hub, vocabulary).convert(code):
            if each.target is None and not targets:
                continue
            found.append(
                {
                    "vocabulary": vocabulary,
                    "relation": each.relation.value,
                    "distance": each.distance,
                    "target": each.target and _named(hub, each.target),
                    "way": [[step.predicate, step.end] for step in each.steps],
                }
            )
    return found


def _print_term(console: "Console", described: dict[str, Any]) -> None:
    facts = make_table("term", described["id"], folded=described["id"])
    facts.add_row("label", described["label"] or "")
    facts.add_row("terminology", described["terminology"] or "known from mappings only")
    if described["definition"]:
        facts.add_row("definition", described["definition"])
    if described["obsolete"]:
        replaced = ", ".join(_told(each) for each in described["replaced_by"])
        facts.add_row("obsolete", f"replaced by {replaced}" if replaced else "not replaced")
    for scope, texts in sorted(described["synonyms"].items()):
        facts.add_row(f"{scope} synonyms", "; ".join(texts))
    for key in ("parents", "part of", "children"):
        named = [_told(each) for each in described[key]]
        more = f"; and {len(named) - _MOST:,} more" if len(named) > _MOST else ""
        if named:
            facts.add_row(key, "; ".join(named[:_MOST]) + more)
    if described["terminology"]:
        facts.add_row("ancestors", f"{described['ancestors']:,}")
        facts.add_row("descendants", f"{described['descendants']:,}")
    console.print(facts)
    _print_mappings(console, described["mappings"])
    _print_conversions(console, described["conversions"])


def _told(named: dict[str, str | None]) -> str:
    return f"{named['id']} {named['label'] or ''}".strip()


def _print_mappings(console: "Console", mappings: list[dict[str, Any]]) -> None:
    if not mappings:
        return
    table = make_table("mapping", "", "", "justification", "source", folded="source")
    for each in mappings:
        table.add_row(
            each["subject"],
            each["predicate"],
            each["object"],
            (each["justification"] or "").removeprefix("semapv:"),
            each["source"] or "",
        )
    console.print()
    console.print(table)


def _print_conversions(console: "Console", conversions: list[dict[str, Any]]) -> None:
    table = make_table("converted to", "how", "code", right=(), folded="code")
    for each in conversions:
        steps = f" by {each['distance']}" if each["distance"] else ""
        code = _told(each["target"]) if each["target"] else ""
        table.add_row(each["vocabulary"], each["relation"] + steps, code)
    if conversions:
        console.print()
        console.print(table)
