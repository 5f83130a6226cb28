"""What changes from one version of a terminology, a mapping set or a hub to another.

Terms that are gone, new, relabelled or have other parents; mappings that are gone, new or say
something else; and saved queries that ask for other codes than before.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import polars as pl

from hereditary_kg.semantics.hub import MAPPINGS, Hub
from hereditary_kg.semantics.hub_building import SEPARATOR
from hereditary_kg.semantics.hub_files import open_hub
from hereditary_kg.semantics.importing import read_file
from hereditary_kg.semantics.saved_queries import SavedQuery, codes_below
from hereditary_kg.semantics.terminology import Terminology, empty_frame

__all__ = [
    "CHANGES",
    "Change",
    "QueryDrift",
    "Snapshot",
    "both_in_place",
    "find_changes",
    "find_query_drift",
    "read_snapshot",
]


class Change(StrEnum):
    """What sort of change it is."""

    TERM_REPLACED = "term gone, replaced"
    TERM_GONE = "term gone, not replaced"
    TERM_NEW = "term new"
    RELABELLED = "term relabelled"
    REPARENTED = "term with other parents"
    MAPPING_GONE = "mapping gone"
    MAPPING_NEW = "mapping new"
    MAPPING_CHANGED = "mapping says something else"
    CONFIDENCE = "mapping with other confidence"


CHANGES = pl.Schema(
    {
        "change": pl.String,
        "id": pl.String,
        "label": pl.String,
        "object": pl.String,
        "before": pl.String,
        "after": pl.String,
    }
)
"""Changes: the term or the mapping's subject with its label, the mapping's object (null for a
term), and what was there before and is after: replacements, labels, parents that only one of them
has, or predicates."""


@dataclass(frozen=True)
class Snapshot:
    """One version of something.

    Attributes:
        name: of the file or directory.
        terminologies: by name.
        mappings: see `MAPPINGS`.
        denied: what is said not to be so; the same columns.
        is_hub: whether it is a compiled hub, and nothing beside it is needed.
    """

    name: str
    terminologies: Mapping[str, Terminology] = field(default_factory=dict)
    mappings: pl.DataFrame = field(default_factory=lambda: empty_frame(MAPPINGS))
    denied: pl.DataFrame = field(default_factory=lambda: empty_frame(MAPPINGS))
    is_hub: bool = False


def both_in_place(hub: Hub, old: Snapshot, new: Snapshot) -> tuple[Hub, Hub]:
    """Give a hub with each of two versions in the place of what it has of either.

    Compiled hubs need nothing beside them.
    """
    if old.is_hub and new.is_hub:
        return Hub(old.terminologies, old.mappings), Hub(new.terminologies, new.mappings)
    versions = (old, new)
    frames = [frame for each in versions for frame in (each.mappings, each.denied)]
    sets = pl.concat(frames).select(_set_of(pl.col("source")))["source"].unique().drop_nulls()
    kept = _without(hub.mappings, sets.to_list()) if len(sets) else hub.mappings
    one, other = (
        Hub(
            {**hub.terminologies, **each.terminologies},
            pl.concat([kept, each.mappings.select(list(MAPPINGS))]),
        )
        for each in versions
    )
    return one, other


def _without(mappings: pl.DataFrame, sets: list[str]) -> pl.DataFrame:
    """Leave out what only these sets say."""
    sources = pl.col("source").fill_null("").str.split(SEPARATOR)
    theirs = sources.list.eval(_set_of(pl.element()).is_in(sets)).list.all()
    return mappings.filter(~theirs)


def _set_of(source: pl.Expr) -> pl.Expr:
    return source.str.replace(r"#[^#]*$", "")


def read_snapshot(path: Path) -> Snapshot:
    """Read one version: a hub's directory, a terminology or a mapping set.

    Of a terminology's file its cross-references are left out: they are no curated mappings.

    Raises:
        UnreadableFileError: it is none of them.
        HubError: a directory holds no usable hub.
    """
    if path.is_dir():
        hub = open_hub(path)
        return Snapshot(path.name, hub.terminologies, hub.mappings, is_hub=True)
    read = read_file(path)
    if read.material.terminologies:
        # The others are only mentioned.
        main = read.material.terminologies[0]
        return Snapshot(path.name, {main.name: main})
    return Snapshot(path.name, {}, read.material.mappings, read.negated)


def find_changes(old: Snapshot, new: Snapshot) -> pl.DataFrame:
    """Find what changes from one version to another; see `CHANGES`.

    Terminologies that only one of them has are compared with nothing.
    """
    frames = [empty_frame(CHANGES)]
    for name in sorted({*old.terminologies, *new.terminologies}):
        one = old.terminologies.get(name, Terminology(name))
        other = new.terminologies.get(name, Terminology(name))
        frames.extend(_term_changes(one, other))
    frames.extend(_mapping_changes(old, new))
    order = {change.value: place for place, change in enumerate(Change)}
    rank = pl.col("change").replace_strict(order, return_dtype=pl.UInt8)
    return pl.concat(frames).sort(rank, "id", "object", nulls_last=True)


# Terms


def _term_changes(old: Terminology, new: Terminology) -> Iterable[pl.DataFrame]:
    before, after = old.terms, new.terms
    in_use = ~pl.col("obsolete").fill_null(value=False)
    current, still = before.filter(in_use), after.filter(in_use)
    gone = current.join(still, on="id", how="anti").join(
        after.select("id", pl.col("replaced_by").alias("by"), pl.lit("obsolete").alias("now")),
        on="id",
        how="left",
    )
    replaced = (pl.col("by").list.len() > 0).fill_null(value=False)
    yield _changes(
        gone.filter(replaced), Change.TERM_REPLACED, after=pl.col("by").list.sort().list.join(" ")
    )
    yield _changes(
        gone.filter(~replaced), Change.TERM_GONE, after=pl.col("now").fill_null("absent")
    )
    fresh = still.join(current, on="id", how="anti").join(
        before.select("id", pl.lit("obsolete").alias("was")), on="id", how="left"
    )
    yield _changes(fresh, Change.TERM_NEW, before=pl.col("was").fill_null("absent"))
    both = still.join(current.select("id", pl.col("label").alias("old")), on="id")
    other = both.filter(pl.col("label").ne_missing(pl.col("old")))
    yield _changes(other, Change.RELABELLED, before=pl.col("old"), after=pl.col("label"))
    yield _parent_changes(both, old.edges, new.edges)


def _parent_changes(terms: pl.DataFrame, old: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    lost = _listed(old.join(new, on=["child", "parent"], how="anti"), "lost")
    gained = _listed(new.join(old, on=["child", "parent"], how="anti"), "gained")
    moved = terms.join(lost, on="id", how="left").join(gained, on="id", how="left")
    moved = moved.filter(pl.col("lost").is_not_null() | pl.col("gained").is_not_null())
    return _changes(moved, Change.REPARENTED, before=pl.col("lost"), after=pl.col("gained"))


def _listed(edges: pl.DataFrame, name: str) -> pl.DataFrame:
    parents = pl.col("parent").sort().str.join(" ").alias(name)
    return edges.group_by(pl.col("child").alias("id")).agg(parents)


def _changes(
    rows: pl.DataFrame,
    change: Change,
    *,
    before: pl.Expr | None = None,
    after: pl.Expr | None = None,
) -> pl.DataFrame:
    nothing = pl.lit(None, dtype=pl.String)
    target = pl.col("object") if "object" in rows.columns else nothing
    return rows.select(
        pl.lit(change.value).alias("change"),
        "id",
        "label",
        target.alias("object"),
        (nothing if before is None else before).cast(pl.String).alias("before"),
        (nothing if after is None else after).cast(pl.String).alias("after"),
    ).cast(CHANGES)


# Mappings


def _mapping_changes(old: Snapshot, new: Snapshot) -> Iterable[pl.DataFrame]:
    labels = _labels((new, old))
    before, after = _statements(old), _statements(new)
    keys = ["id", "object"]
    for rows, change in (
        (before.join(after, on=keys, how="anti"), Change.MAPPING_GONE),
        (after.join(before, on=keys, how="anti"), Change.MAPPING_NEW),
    ):
        said = pl.col("said")
        gone = change is Change.MAPPING_GONE
        named = rows.join(labels, on="id", how="left")
        yield _changes(named, change, before=said if gone else None, after=None if gone else said)
    both = after.join(before, on=keys, suffix="_old").join(labels, on="id", how="left")
    other = pl.col("said") != pl.col("said_old")
    yield _changes(
        both.filter(other),
        Change.MAPPING_CHANGED,
        before=pl.col("said_old"),
        after=pl.col("said"),
    )
    surer = pl.col("confidence").ne_missing(pl.col("confidence_old"))
    yield _changes(
        both.filter(~other & surer),
        Change.CONFIDENCE,
        before=pl.col("confidence_old"),
        after=pl.col("confidence"),
    )


def _statements(snapshot: Snapshot) -> pl.DataFrame:
    """Give what is said of each pair, with the highest confidence."""
    said = snapshot.mappings.select("subject", "object", "predicate", "confidence")
    denied = snapshot.denied.select(
        "subject",
        "object",
        pl.concat_str(pl.lit("not "), "predicate").alias("predicate"),
        "confidence",
    )
    whole = pl.concat([said, denied]).rename({"subject": "id"})
    return whole.group_by("id", "object").agg(
        pl.col("predicate").unique().sort().str.join(" ").alias("said"),
        pl.col("confidence").max(),
    )


def _labels(snapshots: Iterable[Snapshot]) -> pl.DataFrame:
    frames = [
        each.terms.select("id", "label")
        for snapshot in snapshots
        for each in snapshot.terminologies.values()
    ]
    empty = pl.DataFrame(schema={"id": pl.String, "label": pl.String})
    return pl.concat([empty, *frames]).unique("id", keep="first", maintain_order=True)


# Queries


@dataclass(frozen=True)
class QueryDrift:
    """What a saved query asks for, before and after.

    Attributes:
        name: of the query.
        before: how many codes it asked for, with all below them.
        after: how many it asks for now.
        lost: codes that it no longer asks for.
        gained: codes that it asks for now only.
        records_lost: records with a lost code; None where no counts are known.
        records_gained: the same of the gained ones.
    """

    name: str
    before: int
    after: int
    lost: tuple[str, ...] = ()
    gained: tuple[str, ...] = ()
    records_lost: int | None = None
    records_gained: int | None = None

    @property
    def changed(self) -> bool:
        """Whether it asks for other codes."""
        return bool(self.lost or self.gained)


def find_query_drift(
    queries: Iterable[SavedQuery],
    old: Hub,
    new: Hub,
    counts: Mapping[str, int] | None = None,
) -> tuple[QueryDrift, ...]:
    """Find which codes queries ask for before and after, with what is the same or narrower.

    Args:
        queries: saved queries.
        old: terms and mappings as they were.
        new: terms and mappings as they are.
        counts: canonical CURIE -> records that have it, where they are known.
    """
    return tuple(_drift(query, old, new, counts) for query in queries if query.codes)


def _drift(query: SavedQuery, old: Hub, new: Hub, counts: Mapping[str, int] | None) -> QueryDrift:
    before, after = codes_below(old, query.codes), codes_below(new, query.codes)
    lost, gained = sorted(before - after), sorted(after - before)
    return QueryDrift(
        query.name,
        len(before),
        len(after),
        tuple(lost),
        tuple(gained),
        None if counts is None else sum(counts.get(code, 0) for code in lost),
        None if counts is None else sum(counts.get(code, 0) for code in gained),
    )
