"""``hkg map diff``: what changes from one version to another, and which saved queries with it."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from click.exceptions import Exit

from hereditary_kg.cli.errors import INCOMPLETE
from hereditary_kg.cli.hub_files import hub_option
from hereditary_kg.cli.output_files import check_output, open_output
from hereditary_kg.cli.settings import Settings, common_options, open_console, pass_settings
from hereditary_kg.cli.tables import make_table
from hereditary_kg.cli.term_display import cut_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl
    from rich.console import Console

    from hereditary_kg.semantics.drift import QueryDrift, Snapshot

__all__ = ["diff"]

_VERSION = click.Path(path_type=Path, exists=True)
_WIDEST = 56
"""Characters of a term's or mapping's name in a table."""

_OF_QUERIES = ("codes_lost", "codes_gained", "records_lost", "records_gained")


@click.command()
@click.argument("old", metavar="OLD", type=_VERSION)
@click.argument("new", metavar="NEW", type=_VERSION)
@hub_option
@click.option(
    "--queries",
    "queries",
    type=click.Path(path_type=Path),
    metavar="DIRECTORY",
    help="Where saved queries (.rq) lie: those that ask for other codes now are told.",
)
@click.option(
    "--records",
    "records",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="How many records have which code: a table of code and number, or a site's profile. May "
    "be given several times; numbers are added up.",
)
@click.option(
    "-O",
    "--output-format",
    type=click.Choice(("table", "tsv", "json"), case_sensitive=False),
    default="table",
    show_default=True,
    metavar="FORMAT",
    help="table, tsv or json.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="OUT",
    help="Where it is written; else standard output.",
)
@click.option(
    "--max-rows",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    metavar="NUMBER",
    help="How many changes of one kind a table shows; 0 for all.",
)
@common_options
@pass_settings
def diff(
    settings: Settings,
    *,
    old: Path,
    new: Path,
    hub_path: Path | None,
    queries: Path | None,
    records: tuple[Path, ...],
    output_format: str,
    output: Path | None,
    max_rows: int,
) -> None:
    """Show what changes from OLD to NEW: two terminologies, two mapping sets, or two hubs.

    Terms that are gone (with and without replacement), new, relabelled or have other parents;
    mappings that are gone, new or say something else; and saved queries that ask for other codes,
    with all below them. The hub, where there is one, says what else is the same or narrower; OLD
    and NEW take their place in it one after the other.

    The exit code is 3 where anything has changed.
    """
    from hereditary_kg.semantics.drift import find_changes, read_snapshot

    settings.start_logging()
    check_output(output)
    before, after = read_snapshot(old), read_snapshot(new)
    changes = find_changes(before, after)
    drifts = _drifts(before, after, hub_path, queries, records) if queries else ()
    changed = [each for each in drifts if each.changed]
    with open_output(output) as stream:
        if output_format == "tsv":
            stream.write(_tsv(changes, changed))
        elif output_format == "json":
            stream.write(_json(before, after, changes, drifts))
        else:
            import io

            shown = io.StringIO()
            console = open_console(file=shown) if output else open_console()
            _print(console, changes, drifts, max_rows)
            stream.write(shown.getvalue().encode())
    if changes.height or changed:
        raise Exit(INCOMPLETE)


def _drifts(
    old: "Snapshot",
    new: "Snapshot",
    hub_path: Path | None,
    queries: Path,
    records: tuple[Path, ...],
) -> "Sequence[QueryDrift]":
    from hereditary_kg.cli.hub_files import open_hub
    from hereditary_kg.semantics.drift import both_in_place, find_query_drift
    from hereditary_kg.semantics.hub import Hub
    from hereditary_kg.semantics.record_counts import read_record_counts
    from hereditary_kg.semantics.saved_queries import read_saved_queries

    hub = Hub() if hub_path is None and not Path("hub").is_dir() else open_hub(hub_path)
    counts = read_record_counts(records) if records else None
    saved = read_saved_queries(queries)
    return find_query_drift(saved, *both_in_place(hub, old, new), counts)


def _tsv(changes: "pl.DataFrame", drifts: "Sequence[QueryDrift]") -> bytes:
    import polars as pl

    rows = [
        {
            "change": "query asks for other codes",
            "id": each.name,
            "before": str(each.before),
            "after": str(each.after),
            "codes_lost": len(each.lost),
            "codes_gained": len(each.gained),
            "records_lost": each.records_lost,
            "records_gained": each.records_gained,
        }
        for each in drifts
    ]
    schema = {**changes.schema, **dict.fromkeys(_OF_QUERIES, pl.Int64())}
    whole = pl.concat([changes, pl.DataFrame(rows, schema=schema)], how="diagonal")
    return whole.write_csv(separator="\t").encode()


def _json(
    old: "Snapshot",
    new: "Snapshot",
    changes: "pl.DataFrame",
    drifts: "Sequence[QueryDrift]",
) -> bytes:
    import json

    counts = {row[0]: row[1] for row in changes["change"].value_counts(sort=True).iter_rows()}
    told = {
        "old": _version(old),
        "new": _version(new),
        "counts": counts,
        "changes": changes.to_dicts(),
        "queries": [asdict(each) for each in drifts],
    }
    return json.dumps(told, indent=2, ensure_ascii=False).encode() + b"\n"


def _version(snapshot: "Snapshot") -> dict[str, object]:
    versions = {name: each.version for name, each in sorted(snapshot.terminologies.items())}
    return {"name": snapshot.name, "terminologies": versions}


def _print(
    console: "Console",
    changes: "pl.DataFrame",
    drifts: "Sequence[QueryDrift]",
    max_rows: int,
) -> None:
    if changes.is_empty():
        console.print("No term and no mapping has changed.")
    for (kind,), rows in changes.group_by("change", maintain_order=True):
        table = make_table(str(kind), "before → after", folded="before → after")
        for row in rows.head(max_rows or rows.height).iter_rows(named=True):
            names = (row["id"], row["label"], row["object"])
            name = " ".join(each for each in names if each)
            table.add_row(cut_text(name, _WIDEST), f"{row['before'] or ''} → {row['after'] or ''}")
        console.print(table)
        more = f", the first {max_rows:,} shown" if max_rows and rows.height > max_rows else ""
        console.print(f"{rows.height:,}{more}\n", style="dim")
    if drifts:
        _print_drifts(console, drifts)


def _print_drifts(console: "Console", drifts: "Sequence[QueryDrift]") -> None:
    numbers = ("codes before", "after", "lost", "gained", "records lost", "gained ")
    table = make_table("saved query", *numbers, right=numbers, folded="saved query")
    for each in drifts:
        records = (each.records_lost, each.records_gained)
        table.add_row(
            each.name,
            *(f"{n:,}" for n in (each.before, each.after, len(each.lost), len(each.gained))),
            *("" if n is None else f"{n:,}" for n in records),
        )
    console.print(table)
    changed = sum(each.changed for each in drifts)
    console.print(f"{changed:,} of {len(drifts):,} saved queries ask for other codes.")
