"""A mapping set: SSSOM's metadata and rows, as they stand in the file and as they are meant."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import polars as pl

from hereditary_kg.semantics.findings import Finding
from hereditary_kg.semantics.hub import MAPPINGS
from hereditary_kg.semantics.identifiers import canonical_prefix, normalise_column
from hereditary_kg.semantics.sssom.slots import BUILT_IN_PREFIXES, MATCH_TYPES, PROPAGATABLE

if TYPE_CHECKING:
    from hereditary_kg.semantics.sssom.tsv import Original

__all__ = ["ROW", "MappingSet", "joined", "parts"]

ROW = "row"
"""The column, beside SSSOM's, that says which mapping of the file a row is, from 1."""

NO_TERM = "sssom:NoTermFound"


def parts(value: object) -> list[str]:
    """Give the values of a slot with several, whether it was written as a list or as one."""
    if value is None:
        return []
    return [str(each) for each in value] if isinstance(value, list | tuple) else [str(value)]


def joined(value: object) -> str:
    """Put the values of a slot into one cell."""
    return "|".join(each.replace("|", "\\|") for each in parts(value))


@dataclass(frozen=True)
class MappingSet:
    """Mappings with what is said of them.

    Attributes:
        metadata: the set's slots as they are written: texts, lists of texts, and ``curie_map``.
        rows: one mapping a row, all columns of the file as text, null where a cell is empty, and
            `ROW` (null for mappings that were added).
        file: the name of the file.
        findings: what was wrong with the file's form.
        original: the file's text, so that what was not changed is written as it was.
    """

    metadata: Mapping[str, object] = field(default_factory=dict)
    rows: pl.DataFrame = field(default_factory=lambda: pl.DataFrame({ROW: []}))
    file: str = ""
    findings: tuple[Finding, ...] = ()
    original: "Original | None" = None

    @property
    def id(self) -> str:
        """The set's identifier, or the file's name where it has none."""
        return str(self.metadata.get("mapping_set_id") or self.file)

    @cached_property
    def curie_map(self) -> Mapping[str, str]:
        """Prefixes that are declared or built in, with their namespaces."""
        declared = self.metadata.get("curie_map")
        return {**BUILT_IN_PREFIXES, **(declared if isinstance(declared, dict) else {})}

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the file."""
        return tuple(name for name in self.rows.columns if name != ROW)

    def with_rows(self, rows: pl.DataFrame) -> "MappingSet":
        """Give the set with other rows; those with the same `ROW` and cells stay as they were."""
        return replace(self, rows=rows)

    def with_metadata(self, **slots: object) -> "MappingSet":
        """Give the set with other values for some slots; None takes one away."""
        merged = {**self.metadata, **slots}
        return replace(
            self, metadata={name: value for name, value in merged.items() if value is not None}
        )

    def propagated(self) -> "MappingSet":
        """Give the set with what is said of it and meant of its mappings said of each of them.

        A slot that any mapping has a value for stays where it is. Source: SSSOM, SSSOM/TSV,
        "Propagation".
        """
        moved = {
            name: joined(value)
            for name, value in self.metadata.items()
            if name in PROPAGATABLE and not self._has_values(name)
        }
        rows = self.rows.with_columns(pl.lit(text).alias(name) for name, text in moved.items())
        kept = {name: value for name, value in self.metadata.items() if name not in moved}
        return replace(self, rows=rows, metadata=kept)

    def condensed(self) -> "MappingSet":
        """Give the set with what all mappings share said once. Source: as `propagated`."""
        moved: dict[str, object] = {}
        for name in PROPAGATABLE & set(self.columns):
            values = self.rows[name].unique()
            shared = values[0] if len(values) == 1 else None
            if shared is not None and self.metadata.get(name) in (None, shared):
                moved[name] = shared
        return replace(self.with_metadata(**moved), rows=self.rows.drop(moved))

    def _has_values(self, name: str) -> bool:
        return name in self.rows.columns and self.rows[name].null_count() < self.rows.height

    def slot(self, name: str) -> pl.Series:
        """Give a column as it is meant: propagated, and ``match_type`` as a justification."""
        if self._has_values(name):
            return self.rows[name]
        if name == "mapping_justification" and self._has_values("match_type"):
            old = self.rows["match_type"]
            return old.replace_strict(MATCH_TYPES, default=None, return_dtype=pl.String).alias(name)
        value = self.metadata.get(name) if name in PROPAGATABLE or name == "license" else None
        text = joined(value) if value is not None else None
        return pl.Series(name, [text] * self.rows.height, dtype=pl.String)

    @cached_property
    def prefixes(self) -> Mapping[str, str | None]:
        """The prefixes of subjects and objects, with the vocabulary that each is taken for.

        A known name counts, whatever it is declared as; another is taken for the vocabulary whose
        namespace it is declared as, for itself if it is declared at all, and else for none.
        """
        ends = pl.concat([self.slot("subject_id"), self.slot("object_id")]).drop_nulls()
        names = ends.filter(~ends.str.contains("://", literal=True)).str.split_exact(":", 1)
        heads = names.struct[0].unique().to_list() if len(names) else []
        return {name: self._vocabulary(name) for name in sorted(heads)}

    def _vocabulary(self, name: str) -> str | None:
        known = canonical_prefix(name)
        if known or name not in self.curie_map:
            return known
        # A namespace cannot be looked up alone: an identifier in it can.
        probe = pl.Series([self.curie_map[name] + local for local in ("1", "0000001", "C1", "A00")])
        found = normalise_column(probe).drop_nulls()
        return str(found[0]).partition(":")[0] if len(found) else name

    def canonical(self, name: str) -> pl.Series:
        """Give a column of identifiers as canonical CURIEs; null where there is none."""
        column = self.slot(name)
        heads = column.str.split_exact(":", 1).struct[0]
        taken = {name: vocabulary for name, vocabulary in self.prefixes.items() if vocabulary}
        renamed = {name: to for name, to in taken.items() if canonical_prefix(name) is None}
        if not renamed:
            return normalise_column(column)
        locals_ = column.str.splitn(":", 2).struct[1]
        prefixes = heads.replace_strict(renamed, default=None, return_dtype=pl.String)
        written = pl.select(pl.concat_str(prefixes, pl.lit(":"), locals_)).to_series()
        known = normalise_column(column.zip_with(written.is_null(), written))
        kept = prefixes.is_in([name for name, to in renamed.items() if name == to]).fill_null(
            value=False
        )
        return known.zip_with(~kept, column).alias(name)

    @cached_property
    def rejected(self) -> pl.Series:
        """Of each mapping, whether those who reviewed it rather reject it.

        Source: SSSOM, slot ``reviewer_agreement``: from -1 (full disagreement) to 1.
        """
        agreement = self.slot("reviewer_agreement").cast(pl.Float64, strict=False)
        return (agreement < 0).fill_null(value=False).alias("rejected")

    def to_hub_rows(self, *, negated: bool = False, rejected: bool = True) -> pl.DataFrame:
        """Give the mappings as the hub keeps them; see `MAPPINGS`.

        Left out are mappings of literals, of what has no known or declared prefix, and with
        ``sssom:NoTermFound``: `validate` names them. Predicates stay as they are.

        Args:
            negated: give those with ``predicate_modifier: Not`` instead, which say that something
                is not so.
            rejected: whether those that their reviewers reject are among them.
        """
        rows = pl.Series(range(1, self.rows.height + 1), dtype=pl.UInt32)
        numbers = self.rows[ROW].cast(pl.UInt32) if ROW in self.rows.columns else rows
        frame = pl.DataFrame(
            {
                "subject": self.canonical("subject_id"),
                "predicate": normalise_column(self.slot("predicate_id")),
                "object": self.canonical("object_id"),
                "justification": normalise_column(self.slot("mapping_justification")),
                "confidence": self.slot("confidence").cast(pl.Float64, strict=False),
                "author": _first(self.slot("author_id"), self.slot("author_label")),
                "reviewer": _first(self.slot("reviewer_id"), self.slot("reviewer_label")),
                "number": numbers.zip_with(numbers.is_not_null(), rows),
                "licence": self._licences(),
                "modifier": self.slot("predicate_modifier"),
            }
        )
        if not rejected:
            frame = frame.filter(~self.rejected)
        said = (pl.col("modifier") == "Not").fill_null(value=False)
        whole = pl.col("subject", "predicate", "object")
        frame = frame.filter(said if negated else ~said).drop_nulls(
            ["subject", "predicate", "object"]
        )
        frame = frame.filter(pl.all_horizontal(whole != NO_TERM))
        source = pl.concat_str(pl.lit(f"{self.id}#"), "number").alias("source")
        return frame.with_columns(source).select(list(MAPPINGS))

    def _licences(self) -> pl.Series:
        own = self.slot("license")
        whole = self.metadata.get("license")
        return own.fill_null(str(whole)) if whole else own


def _first(one: pl.Series, other: pl.Series) -> pl.Series:
    return one.zip_with(one.is_not_null(), other)
