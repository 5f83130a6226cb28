"""What the subjects of a store are, each looked at once.

Oxigraph groups by subject and joins to each triple a number that stands for its predicate (and
class), so that what comes out is one line a subject: its IRI and its *signature*, the numbers of
its triples. Predicates are never written out, and a signature is taken apart once.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from hereditary_kg.rdf.terms import RDF_TYPE
from hereditary_kg.sites.namespaces import cut_numbered
from hereditary_kg.sites.shared_namespaces import CODE, TERM_CLASSES, is_defining
from hereditary_kg.sites.store_columns import read_columns
from hereditary_kg.sites.term_filters import hash_term

if TYPE_CHECKING:
    from pyoxigraph import Store

__all__ = [
    "NAMESPACE_PARTS",
    "Signature",
    "SubjectMeasures",
    "add_stems",
    "beginning_of",
    "cut_stems",
    "declared_namespace",
    "measure_subjects",
    "namespace_of_stem",
]

MOST_CLASSES = 512
"""More classes than this are not told apart in signatures: the rarest are left out."""

_TOLD_APART = 4

NAMESPACE_PARTS = r"^<(.*[#/:])([A-Za-z]+_)?([0-9]+>$)?"
"""An IRI's last separator and what is before it; the prefix of a code; a code's number.

With a number, the first two are what `namespaces.namespace_of` gives; else the first alone is.
Together they are the IRI's *stem*: the IRIs that begin with a stem are those that have it, and
those whose stems begin with it.
"""


@dataclass(frozen=True)
class Signature:
    """What one or more subjects have: predicate -> triples, and classes.

    Attributes:
        predicates: how many triples each of the subjects has, by predicate IRI.
        classes: their classes, as far as signatures tell them apart.
    """

    predicates: Mapping[str, int]
    classes: frozenset[str]

    @property
    def is_term(self) -> bool:
        """Whether its subjects are defined as terms, and as nothing else."""
        return (
            bool(self.classes)
            and self.classes <= TERM_CLASSES
            and len(self.classes) == self.predicates[RDF_TYPE]
        )

    @property
    def is_untyped_definition(self) -> bool:
        """Whether its subjects have labels, parents or mappings, and neither type nor data."""
        return RDF_TYPE not in self.predicates and is_defining(tuple(self.predicates))


@dataclass
class SubjectMeasures:
    """What was found.

    Attributes:
        signatures: key -> signature; the keys are hashes and mean nothing else.
        counts: key -> subjects.
        namespaces: key -> namespace, cut before digits -> subjects with IRIs there.
        blank: the keys of blank nodes' signatures.
        members: the hashes of all subjects (``subject``), with ``key``.
        terms: of those that may be shared, ``scope`` (the declared namespace or else the stem,
            cut before digits), ``hash``, ``key``, ``is_code`` and ``beginning``
            (`beginning_of`).
        term_stems: the stems in which subjects are defined as terms.
        untyped_stems: those with untyped definitions.
        individual_stems: those with other subjects.
    """

    signatures: dict[int, Signature] = field(default_factory=dict)
    counts: Counter[int] = field(default_factory=Counter)
    namespaces: dict[int, Counter[str]] = field(default_factory=dict)
    blank: set[int] = field(default_factory=set)
    members: pl.DataFrame = field(default_factory=pl.DataFrame)
    terms: pl.DataFrame = field(default_factory=pl.DataFrame)
    term_stems: set[str] = field(default_factory=set)
    untyped_stems: set[str] = field(default_factory=set)
    individual_stems: set[str] = field(default_factory=set)


def add_stems(frame: pl.DataFrame, term: str) -> pl.DataFrame:
    """Add the stems of IRIs, and whether these are their namespaces; null for other terms.

    Args:
        frame: has a column of tokens.
        term: its name.

    Returns:
        The same rows, in another order, with ``stem`` and ``is_namespace``.
    """
    # Expressions that can be searched for from the end are several times as fast.
    coded = pl.col(term).str.contains(r"[#/:][A-Za-z]+_[^#/:]*>$")
    cut = pl.col(term).str.replace(r"[^#/:>]*>$", "").str.slice(1)
    iris = pl.when(pl.col(term).str.starts_with("<"))
    frame = frame.with_columns(
        iris.then(cut).alias("stem"), pl.lit(value=True).alias("is_namespace"), coded.alias("coded")
    )
    if not frame["coded"].any():
        return frame.drop("coded")
    parts = pl.col(term).str.extract_groups(NAMESPACE_PARTS).struct
    codes = frame.filter(pl.col("coded")).with_columns(
        (parts.field("1") + parts.field("2")).alias("stem"),
        parts.field("3").is_not_null().alias("is_namespace"),
    )
    return pl.concat([frame.filter(~pl.col("coded")), codes]).drop("coded")


def namespace_of_stem(stem: str, *, is_namespace: bool) -> str:
    """Give the namespace of the IRIs with a stem."""
    return stem if is_namespace else stem[: max(map(stem.rfind, "#/:")) + 1]


def declared_namespace(term: str, declared: Sequence[str]) -> pl.Expr:
    """Give the declared namespace that an IRI begins with; null where there is none.

    Args:
        term: the name of the column that holds the tokens.
        declared: the namespaces, none the beginning of another.
    """
    found: pl.Expr = pl.lit(None, pl.String)
    for namespace in declared:
        begins = pl.col(term).str.starts_with(f"<{namespace}")
        found = pl.when(begins).then(pl.lit(namespace)).otherwise(found)
    return found


def beginning_of(term: str, scope: str) -> pl.Expr:
    """Give how IRIs begin: with their scope and a few characters of what follows it.

    Args:
        term: the name of the column that holds the tokens.
        scope: the name of that of their scopes.
    """
    return (
        pl.col(term).str.slice(1, pl.col(scope).str.len_chars() + _TOLD_APART).str.strip_suffix(">")
    )


def cut_stems(stems: pl.Series) -> pl.Series:
    """Cut stems before digits that may number somebody (`namespaces.cut_numbered`)."""
    known = {stem: cut_numbered(stem) for stem in stems.unique() if stem is not None}
    return stems.replace(known)


def measure_subjects(
    store: "Store",
    predicates: Mapping[str, int],
    classes: Mapping[str, int],
    declared: Sequence[str],
) -> SubjectMeasures:
    """Measure the subjects of the default graph.

    Args:
        store: the store.
        predicates: per predicate its triples; all there are.
        classes: per class its instances; all there are.
        declared: namespaces whose IRIs are to be kept whatever they are.
    """
    reader = _SubjectReader(predicates, classes, declared)
    if predicates:
        read_columns(store, reader.query, ("subject", "signature"), reader.take)
    return reader.finish()


class _SubjectReader:
    def __init__(
        self, predicates: Mapping[str, int], classes: Mapping[str, int], declared: Sequence[str]
    ) -> None:
        frequent = sorted(classes, key=lambda iri: (iri not in TERM_CLASSES, -classes[iri], iri))
        self._classes = frequent[:MOST_CLASSES]
        self._predicates = sorted(predicates)
        # Where each type is a class that is told apart, classes say how many types there are.
        self._counts_types = sum(classes[iri] for iri in self._classes) == predicates.get(
            RDF_TYPE, 0
        )
        self._declared = tuple(declared)
        self._found = SubjectMeasures()
        self._members: list[pl.DataFrame] = []
        self._terms: list[pl.DataFrame] = []

    @property
    def query(self) -> str:
        """The query for ``?subject`` and ``?signature``.

        The subselects keep Oxigraph from going through the predicates one by one, with their
        subjects in no order: it reads all triples subject by subject instead and looks up the
        predicate's number, in less than half the time.
        """
        listed = [
            f'(<{iri}> "{number}")'
            for number, iri in enumerate(self._predicates)
            if not (self._counts_types and iri == RDF_TYPE)
        ]
        branches = [_join_numbers("SELECT ?subject ?of { ?subject ?of ?o }", listed)]
        if self._classes:
            listed = [f'(<{iri}> "c{number}")' for number, iri in enumerate(self._classes)]
            typed = f"SELECT ?subject ?of {{ ?subject <{RDF_TYPE}> ?of }}"
            branches.append(_join_numbers(typed, listed))
        united = " UNION ".join(branches)
        return f"SELECT ?subject (GROUP_CONCAT(?n) AS ?signature) {{ {united} }} GROUP BY ?subject"

    def take(self, frame: pl.DataFrame) -> None:
        """Take subjects with their signatures."""
        frame = add_stems(frame, "subject").with_columns(
            pl.col("subject").str.starts_with("_").alias("blank"),
            pl.col("signature").hash().alias("key"),
        )
        # One number to group by is several times as fast as four columns.
        stem = pl.col("stem").hash(1) + pl.col("is_namespace")
        groups = frame.group_by((pl.col("key") ^ stem.hash()).alias("group")).agg(
            pl.col("key", "stem", "is_namespace", "blank", "signature").first(),
            pl.len().alias("count"),
        )
        for group in groups.iter_rows(named=True):
            self._take_group(group)
        self._members.append(frame.select(pl.col("subject").hash(), "key"))
        keys = [key for key, signature in self._found.signatures.items() if _keeps(signature)]
        declared = declared_namespace("subject", self._declared)
        kept = pl.col("key").is_in(pl.Series(keys, dtype=pl.UInt64).implode())
        terms = frame.filter(~pl.col("blank") & (kept | declared.is_not_null()))
        scoped = terms.with_columns(
            pl.coalesce(declared, cut_stems(terms["stem"])).alias("scope"),
            pl.Series("hash", map(hash_term, terms["subject"]), dtype=pl.Binary),
        )
        self._terms.append(
            scoped.select(
                "scope",
                "hash",
                "key",
                pl.col("subject").str.contains(CODE).alias("is_code"),
                beginning_of("subject", "scope").alias("beginning"),
            )
        )

    def _take_group(self, group: Mapping[str, Any]) -> None:
        found = self._found
        key, stem = group["key"], group["stem"]
        if key not in found.signatures:
            found.signatures[key] = self._read_signature(group["signature"])
            found.namespaces[key] = Counter()
        found.counts[key] += group["count"]
        if group["blank"]:
            found.blank.add(key)
        if stem is None:
            return
        namespace = namespace_of_stem(stem, is_namespace=group["is_namespace"])
        found.namespaces[key][cut_numbered(namespace)] += group["count"]
        known = found.signatures[key]
        if known.is_term:
            found.term_stems.add(cut_numbered(stem))
        elif known.is_untyped_definition:
            found.untyped_stems.add(cut_numbered(stem))
        else:
            found.individual_stems.add(cut_numbered(stem))

    def _read_signature(self, text: str) -> Signature:
        numbers = Counter(text.strip('"').split(" "))
        predicates: dict[str, int] = {}
        classes: set[str] = set()
        for number, count in numbers.items():
            if number.startswith("c"):
                classes.add(self._classes[int(number[1:])])
            else:
                predicates[self._predicates[int(number)]] = count
        if self._counts_types and classes:
            predicates[RDF_TYPE] = len(classes)
        return Signature(dict(sorted(predicates.items())), frozenset(classes))

    def finish(self) -> SubjectMeasures:
        found = self._found
        if self._members:
            found.members = pl.concat(self._members)
            found.terms = pl.concat(self._terms)
        return found


def _join_numbers(select: str, numbers: Sequence[str]) -> str:
    return f"{{ {{ {select} }} VALUES (?of ?n) {{ {' '.join(numbers)} }} }}"


def _keeps(signature: Signature) -> bool:
    return signature.is_term or signature.is_untyped_definition
