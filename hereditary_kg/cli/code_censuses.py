"""Which codes a site's profile lists, predicate by predicate and vocabulary by vocabulary."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hereditary_kg.cli.tables import make_table
from hereditary_kg.cli.term_display import shorten_iri

if TYPE_CHECKING:
    from rich.console import Console

    from hereditary_kg.semantics.hub import Hub
    from hereditary_kg.sites.code_censuses import CodeCensus
    from hereditary_kg.sites.profile import Profile

__all__ = ["describe_codes", "print_codes"]


def describe_codes(profile: "Profile", hub: "Hub | None" = None) -> list[dict[str, Any]]:
    """Describe the codes at each predicate in plain values, ready for JSON.

    Args:
        profile: the site's.
        hub: with it, ``known`` says how many of the codes it knows.
    """
    rows = [
        {"predicate": iri} | row
        for iri, known in sorted(profile.predicates.items())
        if known.codes is not None
        for row in _by_vocabulary(known.codes, hub)
    ]
    return sorted(rows, key=lambda row: (row["predicate"], -row["codes"], row["vocabulary"]))


def _by_vocabulary(census: "CodeCensus", hub: "Hub | None") -> list[dict[str, Any]]:
    import polars as pl

    from hereditary_kg.semantics.identifiers import normalise_column, vocabulary_of

    found: dict[str, dict[str, Any]] = {}
    for namespace, each in census.lists.items():
        names = normalise_column(pl.Series([namespace + code for code in each.codes]))
        vocabularies = [namespace if name is None else vocabulary_of(name) for name in names]
        for vocabulary in set(vocabularies):
            own = [n for n, v in zip(names, vocabularies, strict=True) if v == vocabulary]
            # Triples were counted by namespace.
            triples = each.triples if len(own) == len(names) else None
            row = {
                "vocabulary": vocabulary,
                "codes": len(own),
                "triples": triples,
                "complete": census.is_whole,
            }
            if hub is not None:
                row["known"] = sum(name in hub for name in own)
            before = found.get(vocabulary)
            found[vocabulary] = row if before is None else _added(before, row)
    return list(found.values())


def _added(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Add up two namespaces of one vocabulary."""
    added = {key: one[key] + other[key] for key in ("codes", "known") if key in one}
    counts = (one["triples"], other["triples"])
    added["triples"] = None if None in counts else sum(counts)
    return dict(one) | added


def print_codes(
    console: "Console", rows: Sequence[Mapping[str, Any]], prefixes: Mapping[str, str]
) -> None:
    """Print what `describe_codes` gives; nothing where no codes are listed."""
    if not rows:
        return
    with_hub = "known" in rows[0]
    heads = ["codes at", "vocabulary", "codes", "triples"] + (["in the hub"] if with_hub else [])
    table = make_table(*heads, right=heads[2:], folded="codes at")
    for row in rows:
        cells = [
            shorten_iri(row["predicate"], prefixes),
            row["vocabulary"],
            f"{row['codes']:,}" + ("" if row["complete"] else " and others"),
            "" if row["triples"] is None else f"{row['triples']:,}",
        ]
        if with_hub:
            cells.append(f"{row['known']:,} ({100 * row['known'] / row['codes']:.0f} %)")
        table.add_row(*cells)
    console.print()
    console.print(table)
