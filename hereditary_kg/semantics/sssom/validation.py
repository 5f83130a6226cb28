"""What a mapping set says that SSSOM does not allow, or that no one can use, with row numbers."""

from collections.abc import Collection, Iterator
from difflib import get_close_matches

import polars as pl

from hereditary_kg.semantics.findings import Finding, Kind, shortened
from hereditary_kg.semantics.identifiers import canonical_prefix, normalise_column
from hereditary_kg.semantics.sssom.mapping_set import ROW, MappingSet
from hereditary_kg.semantics.sssom.slots import (
    DATES,
    ENTITY_TYPES,
    JUSTIFICATIONS,
    MAPPING_SLOTS,
    MATCH_TYPES,
    NUMBERS,
    PREDICATES,
    SET_SLOTS,
)
from hereditary_kg.semantics.sssom.tsv import line_of_row

__all__ = ["validate"]

_LITERAL = "rdfs literal"
_OLD_COLUMNS = frozenset({"match_type", "match_term_type"})


def validate(mapping_set: MappingSet, *, limit: int = 100) -> tuple[Finding, ...]:
    """Check a mapping set against SSSOM's rules.

    Source: SSSOM 1.1, the classes MappingSet and Mapping with their rules; SSSOM/TSV.

    Args:
        mapping_set: what is checked.
        limit: how many findings of one kind are given; for the rest there is one more.
    """
    check = _Check(mapping_set)
    found = [*mapping_set.findings, *check.metadata(), *check.rows()]
    return tuple(shortened(found, limit))


class _Check:
    """The checks of one mapping set."""

    def __init__(self, mapping_set: MappingSet) -> None:
        self.set = mapping_set
        self.file = mapping_set.file or mapping_set.id

    # The set

    def metadata(self) -> Iterator[Finding]:
        metadata = self.set.metadata
        for name in ("mapping_set_id", "license"):
            if not metadata.get(name):
                yield self._of_set(Kind.MISSING_VALUE, f"the set has no {name}")
        if not isinstance(metadata.get("curie_map", {}), dict):
            yield self._of_set(Kind.BAD_VALUE, "curie_map is no map of prefixes to namespaces")
        extensions = self._extensions()
        for name in metadata:
            if name not in SET_SLOTS and name not in extensions:
                yield self._of_set(Kind.UNKNOWN_COLUMN, f"SSSOM has no slot {name!r} for a set")
        for name in self.set.columns:
            if name not in MAPPING_SLOTS and name not in extensions | _OLD_COLUMNS:
                hint = _nearest(name, MAPPING_SLOTS)
                yield self._of_set(Kind.UNKNOWN_COLUMN, f"SSSOM has no column {name!r}{hint}")
        for name in DATES:
            value = metadata.get(name)
            if isinstance(value, str) and not _is_date(pl.Series([value]))[0]:
                yield self._of_set(Kind.BAD_VALUE, f"{name} {value!r} is no date (2026-01-31)")
        yield from self._prefixes()

    def _extensions(self) -> set[str]:
        definitions = self.set.metadata.get("extension_definitions") or ()
        each = definitions if isinstance(definitions, list) else ()
        return {one.get("slot_name", "") for one in each if isinstance(one, dict)}

    def _prefixes(self) -> Iterator[Finding]:
        for name, vocabulary in self.set.prefixes.items():
            declared = self.set.curie_map.get(name)
            if vocabulary is None or declared is None:
                known = (
                    f"; it is taken for {vocabulary}" if vocabulary else "; its rows are left out"
                )
                text = f"the prefix {name!r} is not declared{known}"
                yield self._of_set(Kind.UNKNOWN_PREFIX, text)
            elif canonical_prefix(vocabulary) is None:
                text = f"the prefix {name!r} ({declared}) is of no known vocabulary; kept as it is"
                yield self._of_set(Kind.UNKNOWN_PREFIX, text)
            else:
                yield from self._conflict(name, vocabulary, declared)

    def _conflict(self, name: str, vocabulary: str, declared: str) -> Iterator[Finding]:
        probes = pl.Series([declared + local for local in ("1", "0000001", "C1", "A00", "100000")])
        owners = normalise_column(probes).drop_nulls().str.split_exact(":", 1).struct[0].unique()
        others = sorted(owner for owner in owners.to_list() if owner != vocabulary)
        if others and vocabulary not in owners.to_list():
            text = (
                f"{name!r} is declared as {declared}, which is {others[0]}'s; read as {vocabulary}"
            )
            yield self._of_set(Kind.PREFIX_CONFLICT, text)

    def _of_set(self, kind: Kind, text: str) -> Finding:
        return Finding(kind, self.file, text)

    # The rows

    def rows(self) -> Iterator[Finding]:
        yield from self._required()
        yield from self._identifiers()
        yield from self._vocabulary()
        yield from self._values()
        yield from self._reviews()
        yield from self._duplicates()

    def _where(self, mask: pl.Series, kind: Kind, text: pl.Series | str) -> Iterator[Finding]:
        """Make a finding of each row where a mask is true; text may be one for each row."""
        for place in mask.fill_null(value=False).arg_true().to_list():
            number = self.set.rows[ROW][place] if ROW in self.set.rows.columns else place + 1
            said = text if isinstance(text, str) else text[place]
            line = line_of_row(self.set, number) if number else None
            yield Finding(kind, self.file, said, line, number or place + 1)

    def _required(self) -> Iterator[Finding]:
        for end in ("subject", "object"):
            literal = (self.set.slot(f"{end}_type") == _LITERAL).fill_null(value=False)
            names, labels = self.set.slot(f"{end}_id"), self.set.slot(f"{end}_label")
            missing = names.is_null() & ~literal
            yield from self._where(missing, Kind.MISSING_VALUE, f"{end}_id is missing")
            missing = labels.is_null() & literal
            text = f"{end}_label is missing, and {end}_type is {_LITERAL}"
            yield from self._where(missing, Kind.MISSING_VALUE, text)
            text = f"the {end} is a literal; the hub keeps terms only"
            yield from self._where(literal, Kind.LITERAL, text)
        for name in ("predicate_id", "mapping_justification"):
            missing = self.set.slot(name).is_null()
            yield from self._where(missing, Kind.MISSING_VALUE, f"{name} is missing")

    def _identifiers(self) -> Iterator[Finding]:
        for name in ("subject_id", "object_id"):
            column = self.set.slot(name)
            heads = column.str.split_exact(":", 1).struct[0]
            known = [one for one, vocabulary in self.set.prefixes.items() if vocabulary]
            iri = column.str.contains("://", literal=True).fill_null(value=False)
            bad = column.is_not_null() & self.set.canonical(name).is_null()
            bad &= heads.is_in(known) | iri
            text = f"{name} " + column.fill_null("") + " is no identifier of its vocabulary"
            yield from self._where(bad, Kind.BAD_IDENTIFIER, text)

    def _vocabulary(self) -> Iterator[Finding]:
        for name, what, allowed, kind in (
            ("predicate_id", "predicate", PREDICATES, Kind.UNKNOWN_PREDICATE),
            (
                "mapping_justification",
                "justification",
                JUSTIFICATIONS,
                Kind.UNKNOWN_JUSTIFICATION,
            ),
        ):
            column = self.set.slot(name)
            names = normalise_column(column)
            names = names.zip_with(names.is_not_null(), column)
            wrong = names.is_not_null() & ~names.is_in(list(allowed))
            texts = {
                value: f"SSSOM and SEMAPV have no {what} {value}" + _nearest(value, allowed)
                for value in column.filter(wrong).unique().to_list()
            }
            text = column.replace_strict(texts, default="", return_dtype=pl.String)
            yield from self._where(wrong, kind, text)
        modifiers = self.set.slot("predicate_modifier")
        text = "predicate_modifier " + modifiers.fill_null("") + " is not Not"
        yield from self._where(modifiers != "Not", Kind.BAD_VALUE, text)
        for name in ("subject_type", "object_type", "predicate_type"):
            column = self.set.slot(name)
            wrong = column.is_not_null() & ~column.is_in(list(ENTITY_TYPES))
            text = f"{name} " + column.fill_null("") + " is none of SSSOM's types"
            yield from self._where(wrong, Kind.BAD_VALUE, text)
        if "match_type" in self.set.columns:
            column = self.set.slot("match_type")
            wrong = column.is_not_null() & ~column.is_in(list(MATCH_TYPES))
            text = "match_type " + column.fill_null("") + " is none that SSSOM had"
            yield from self._where(wrong, Kind.BAD_VALUE, text)

    def _values(self) -> Iterator[Finding]:
        for name, (least, most) in NUMBERS.items():
            if name in self.set.columns:
                column = self.set.rows[name]
                number = column.cast(pl.Float64, strict=False)
                fits = number.is_between(least, most).fill_null(value=False)
                text = f"{name} " + column.fill_null("") + f" is not between {least} and {most}"
                yield from self._where(column.is_not_null() & ~fits, Kind.BAD_VALUE, text)
        for name in DATES:
            if name in self.set.columns:
                column = self.set.rows[name]
                wrong = column.is_not_null() & ~_is_date(column)
                text = f"{name} " + column.fill_null("") + " is no date (2026-01-31)"
                yield from self._where(wrong, Kind.BAD_VALUE, text)

    def _reviews(self) -> Iterator[Finding]:
        nobody = self.set.slot("reviewer_id").is_null() & self.set.slot("reviewer_label").is_null()
        for name in ("review_date", "reviewer_agreement"):
            if name in self.set.columns:
                alone = self.set.rows[name].is_not_null() & nobody
                text = f"{name} is there, and neither reviewer_id nor reviewer_label"
                yield from self._where(alone, Kind.MISSING_VALUE, text)

    def _duplicates(self) -> Iterator[Finding]:
        rows = self.set.rows.select(pl.exclude(ROW, "record_id"))
        keys = ["subject_id", "predicate_id", "object_id"]
        if not set(keys) <= set(rows.columns):
            return
        optional = ("predicate_modifier", "mapping_justification", "author_id", "mapping_tool")
        said = [*keys, *(name for name in optional if name in rows.columns)]
        numbers = rows.select(*said).with_row_index("place")
        first = numbers.with_columns(pl.col("place").min().over(said).alias("first"))
        again = first["place"] != first["first"]
        where = (first["first"] + 1).cast(pl.String)
        ends = rows["subject_id"].fill_null("") + " and " + rows["object_id"].fill_null("")
        text = "the same mapping as in row " + where + ": " + ends
        yield from self._where(again, Kind.DUPLICATE_MAPPING, text)


def _is_date(column: pl.Series) -> pl.Series:
    shaped = column.str.contains(r"^\d{4}-\d{2}-\d{2}$")
    dates = column.str.to_date("%Y-%m-%d", strict=False).is_not_null()
    return (shaped & dates).fill_null(value=False)


def _nearest(name: str, known: Collection[str]) -> str:
    folded = {each.casefold(): each for each in known}
    near = get_close_matches(name.casefold(), list(folded), n=1)
    return f"; did you mean {folded[near[0]]}?" if near else ""
