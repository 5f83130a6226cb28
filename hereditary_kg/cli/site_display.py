"""What a site is and what it holds, as plain values and for people."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hereditary_kg.cli.code_censuses import describe_codes, print_codes
from hereditary_kg.cli.tables import make_table
from hereditary_kg.cli.term_display import shorten_iri

if TYPE_CHECKING:
    from rich.console import Console

    from hereditary_kg.semantics.hub import Hub
    from hereditary_kg.sites.profile import Profile
    from hereditary_kg.sites.site import Site

__all__ = ["describe_site", "print_profile", "print_site"]

_MOST = 10


def describe_site(site: "Site", hub: "Hub | None" = None) -> dict[str, Any]:
    """Describe a site in plain values, ready for JSON.

    Counts of predicates (triples) and classes (instances) come from its profile, and are None
    where that is not one of the data as they are now.

    Args:
        site: the site.
        hub: with it, it is said how many of its codes the hub knows.

    Raises:
        SiteError: something of it cannot be read.
    """
    description = site.description
    loads = site.loads()
    profile = site.profile()
    return {
        "name": description.name,
        "title": description.title,
        "directory": str(site.directory),
        "base_iri": description.base_iri,
        "created": description.created.isoformat(),
        "statements": loads[-1].total if loads else 0,
        "stamp": site.stamp(),
        "profile": site.profile_state(),
        "predicates": None
        if profile is None
        else {iri: entry.triples for iri, entry in profile.predicates.items()},
        "classes": None if profile is None else dict(profile.classes),
        "named_graphs": None if profile is None else dict(profile.graph_triples),
        "codes": None if profile is None else describe_codes(profile, hub),
        "unlisted": None if profile is None else _count_unlisted(profile),
        "loads": [
            {
                "time": load.time,
                "skolemised": load.skolemised,
                "total": load.total,
                "files": [
                    {"name": file.name, "statements": file.triples, "sha256": file.sha256}
                    for file in load.files
                ],
            }
            for load in loads
        ],
    }


def print_site(console: "Console", described: Mapping[str, Any]) -> None:
    """Print what `describe_site` gives."""
    from hereditary_kg.sparql.iris import WELL_KNOWN_PREFIXES

    facts = make_table("site", described["name"], folded=described["name"])
    for key in ("title", "directory", "base_iri", "created"):
        facts.add_row(key.replace("_", " ").replace("iri", "IRI"), described[key])
    facts.add_row("statements", f"{described['statements']:,}")
    facts.add_row("data version", described["stamp"])
    facts.add_row("profile", described["profile"])
    console.print(facts)
    if described["profile"] != "current":
        console.print(f"\n`hkg site profile {described['directory']}` builds the profile.")
    for key, head, unit in (
        ("predicates", "predicate", "triples"),
        ("classes", "class", "instances"),
        ("named_graphs", "named graph", "triples"),
    ):
        if described[key]:
            _print_counts(console, described[key], head, unit, WELL_KNOWN_PREFIXES)
    print_codes(console, described["codes"] or (), WELL_KNOWN_PREFIXES)
    _print_unlisted(console, described["unlisted"] or {})
    if described["loads"]:
        console.print()
        loads = make_table("loaded", "file", "statements", right=("statements",), folded="file")
        for load in described["loads"][-_MOST:]:
            for file in load["files"]:
                loads.add_row(load["time"], file["name"], f"{file['statements']:,}")
        console.print(loads)


def print_profile(
    console: "Console",
    profile: "Profile",
    *,
    declared: Sequence[str] = (),
    stored: int = 0,
    advice: str = "",
    hub: "Hub | None" = None,
) -> None:
    """Print what a profile says, and what of it others may object to.

    Args:
        console: where.
        profile: the profile.
        declared: the namespaces that somebody declared as shared.
        stored: the bytes that the data take; 0 where that is not known.
        advice: how to keep constants back.
        hub: with it, it is said how many of the codes the hub knows.
    """
    from hereditary_kg.sparql.iris import WELL_KNOWN_PREFIXES

    counts = {iri: known.triples for iri, known in profile.predicates.items()}
    if counts:
        _print_counts(console, counts, "predicate", "triples", WELL_KNOWN_PREFIXES)
    print_codes(console, describe_codes(profile, hub), WELL_KNOWN_PREFIXES)
    _print_unlisted(console, _count_unlisted(profile))
    facts = make_table("profile", "")
    facts.add_row("characteristic sets", f"{len(profile.characteristic_sets):,}")
    facts.add_row("links between them", f"{len(profile.links):,}")
    size = len(profile.to_json())
    share = f", {100 * size / stored:.2g} % of the store" if stored else ""
    facts.add_row("size", f"{size / 1000:,.1f} kB{share}")
    console.print()
    console.print(facts)
    _print_shared(console, profile, declared, advice, WELL_KNOWN_PREFIXES)


def _print_shared(
    console: "Console",
    profile: "Profile",
    declared: Sequence[str],
    advice: str,
    prefixes: Mapping[str, str],
) -> None:
    """Print which constants are published, and how to keep them back."""
    filters = [
        each
        for known in profile.predicates.values()
        for each in (known.subject_filter, known.object_filter)
        if each is not None
    ]
    namespaces = sorted({namespace for each in filters for namespace in each.namespaces})
    texts = [
        iri
        for iri, known in profile.predicates.items()
        if known.object_filter is not None and known.object_filter.literals
    ]
    console.print()
    if not namespaces and not texts:
        console.print("No constants are published.")
        return
    table = make_table("published as hashes", "because", folded="published as hashes")
    for namespace in namespaces:
        table.add_row(f"{namespace}…", "declared" if namespace in declared else "detected")
    for iri in texts:
        table.add_row(f"texts of {shorten_iri(iri, prefixes)}", "few values")
    console.print(table)
    console.print(
        "The most frequent of these stand in the profile in clear, with their counts, and so do "
        f"codes at the predicates above. {advice}",
        style="dim",
    )


def _count_unlisted(profile: "Profile") -> dict[str, int]:
    return {
        "predicates": profile.unlisted_predicates.count,
        "classes": profile.unlisted_classes.count,
        "named_graphs": profile.unlisted_graphs.count,
    }


def _print_unlisted(console: "Console", counts: Mapping[str, int]) -> None:
    """Print how many names the profile keeps to itself."""
    kinds = {key.replace("_", " "): count for key, count in counts.items() if count}
    if kinds:
        told = ", ".join(f"{count:,} {kind}" for kind, count in kinds.items())
        console.print(
            f"\nNot named in the profile, for they may tell of persons or are too many: {told}.",
            style="dim",
        )


def _print_counts(
    console: "Console",
    counts: Mapping[str, int],
    head: str,
    unit: str,
    prefixes: Mapping[str, str],
) -> None:
    table = make_table(head, unit, right=(unit,), folded=head)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    for iri, count in ordered[:_MOST]:
        table.add_row(shorten_iri(iri, prefixes), f"{count:,}")
    console.print()
    console.print(table)
    if len(ordered) > _MOST:
        more = f"… and {len(ordered) - _MOST:,} more; `hkg site info -O json` lists all"
        console.print(more, style="dim")
