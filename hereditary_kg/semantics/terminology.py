"""A terminology: the terms of one vocabulary in one version, as columns."""

from dataclasses import dataclass, field

import polars as pl

__all__ = ["EDGES", "PARTS", "SYNONYMS", "TERMS", "Terminology", "empty_frame"]

TERMS = pl.Schema(
    [
        ("id", pl.String()),
        ("label", pl.String()),
        ("definition", pl.String()),
        ("obsolete", pl.Boolean()),
        ("replaced_by", pl.List(pl.String())),
    ]
)
"""Terms: canonical CURIE, preferred label and definition (null where there is none)."""

SYNONYMS = pl.Schema({"id": pl.String, "text": pl.String, "scope": pl.String})
"""Synonyms; the scope is ``exact``, ``narrow``, ``broad`` or ``related``, as in OBO, or
``previous`` for a gene symbol or name that has been given up."""

EDGES = pl.Schema({"child": pl.String, "parent": pl.String})
"""Direct ``is a`` edges."""

PARTS = pl.Schema({"part": pl.String, "whole": pl.String})
"""Direct ``part of`` edges. A part is no kind of its whole: they are no part of the hierarchy."""


def empty_frame(schema: pl.Schema) -> pl.DataFrame:
    """Make a frame without rows."""
    return pl.DataFrame(schema=schema)


@dataclass(frozen=True)
class Terminology:
    """The terms of one vocabulary.

    Attributes:
        name: its canonical prefix (``MONDO``). Terms of other vocabularies are left out.
        version: the release, as the file says it; empty where it does not.
        terms: see `TERMS`; each identifier once.
        synonyms: see `SYNONYMS`.
        edges: see `EDGES`; both ends are terms, and no edge stands twice.
        title: what it is called.
        licence: under which it may be used; empty where the file does not say.
        source: the name of the file it was read from.
        parts: see `PARTS`; both ends are terms, and no edge stands twice.
    """

    name: str
    version: str = ""
    terms: pl.DataFrame = field(default_factory=lambda: empty_frame(TERMS))
    synonyms: pl.DataFrame = field(default_factory=lambda: empty_frame(SYNONYMS))
    edges: pl.DataFrame = field(default_factory=lambda: empty_frame(EDGES))
    title: str = ""
    licence: str = ""
    source: str = ""
    parts: pl.DataFrame = field(default_factory=lambda: empty_frame(PARTS))

    def sorted(self) -> "Terminology":
        """Give the same terminology with rows in one order, whatever order they were read in."""
        return Terminology(
            self.name,
            self.version,
            self.terms.sort("id"),
            self.synonyms.unique().sort("id", "scope", "text"),
            self.edges.unique().sort("child", "parent"),
            self.title,
            self.licence,
            self.source,
            self.parts.unique().sort("part", "whole"),
        )
