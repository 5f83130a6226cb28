"""What the objects of each predicate are, each distinct one looked at once.

Oxigraph groups by object; rare predicates are asked for together. Where nearly every triple has
an object of its own (names, records), objects are listed and not counted: Oxigraph lists them in
the order in which it keeps them, which it reads twice as fast, and the same ones next to each
other, so that it need not remember them all to tell them apart.
"""

import base64
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

import polars as pl

from hereditary_kg.rdf.canonical import canonicalise_tokens
from hereditary_kg.rdf.datatypes import NUMBERS
from hereditary_kg.rdf.terms import RDF_LANG_STRING, XSD, XSD_STRING
from hereditary_kg.sites.namespaces import cut_numbered
from hereditary_kg.sites.shared_namespaces import CODE, FEWEST_USERS, is_well_known
from hereditary_kg.sites.store_columns import read_columns
from hereditary_kg.sites.subject_measures import (
    add_stems,
    beginning_of,
    cut_stems,
    declared_namespace,
    namespace_of_stem,
)
from hereditary_kg.sites.term_filters import hash_term, split_hashes

if TYPE_CHECKING:
    from pyoxigraph import Store

__all__ = [
    "MOST_CODES",
    "MOST_COUNTED",
    "MOST_TEXTS",
    "Constants",
    "ObjectMeasure",
    "measure_objects",
]

MOST_TEXTS = 32
"""Texts of more than this many distinct values are no enumeration."""

MOST_COUNTED = 64
"""So many constants of a predicate are counted, the most frequent ones."""

MOST_CODES = 100_000
"""More codes than this of one predicate and scope are not kept in clear."""

_BATCH = 50_000
"""Rare predicates are measured together up to this many triples."""

_SAMPLE = 2_000
_MOSTLY = 0.95

_BOOLEAN = XSD + "boolean"
_NUMBERS = tuple(sorted(f"^^<{datatype}>" for datatype in NUMBERS))
_DATES = tuple(f"^^<{XSD}{name}>" for name in ("date", "dateTime", "dateTimeStamp"))


@dataclass
class Constants:
    """The objects of a predicate in one scope (a namespace that may be shared).

    Attributes:
        hashes: those of the distinct objects, one behind the other.
        counts: as many numbers of triples; 1 where they were not counted.
        frequent: canonical text -> triples, of the most frequent ones.
        are_codes: whether all of them end like a code.
        beginnings: how they begin (`subject_measures.beginning_of`) -> distinct objects.
        codes: what follows the scope in each of them, sorted; None where they are not kept: more
            than `MOST_CODES`, not all of them codes, or in a scope whose codes are not listed.
    """

    hashes: bytes = b""
    counts: list[int] = field(default_factory=list)
    frequent: dict[str, int] = field(default_factory=dict)
    are_codes: bool = True
    beginnings: dict[str, int] = field(default_factory=dict)
    codes: list[str] | None = field(default_factory=list)


@dataclass
class ObjectMeasure:
    """The objects of one predicate.

    Attributes:
        triples: how many triples the predicate has.
        objects: how many distinct objects.
        blank: how many of them are blank nodes.
        namespaces: namespace, cut before digits -> distinct IRIs.
        stems: the stems of the IRIs, cut before digits.
        datatypes: those of the literals.
        languages: their language tags.
        texts: canonical text -> triples, of strings with and without language; None where there
            are more than `MOST_TEXTS`.
        numbers: the lowest and highest number; None where there is none, or one of them cannot
            be read.
        number_objects: how many objects are numbers.
        number_triples: how many triples have a number, at least.
        dates: the first and last date, likewise.
        date_objects: how many objects are dates.
        date_triples: how many triples have a date, at least.
        constants: scope -> the objects in it.
        counted: whether the triples of each object were counted.
    """

    triples: int = 0
    objects: int = 0
    blank: int = 0
    namespaces: dict[str, int] = field(default_factory=dict)
    stems: set[str] = field(default_factory=set)
    datatypes: set[str] = field(default_factory=set)
    languages: set[str] = field(default_factory=set)
    texts: dict[str, int] | None = field(default_factory=dict)
    numbers: tuple[float, float] | None = None
    number_objects: int = 0
    number_triples: int = 0
    dates: tuple[str, str] | None = None
    date_objects: int = 0
    date_triples: int = 0
    constants: dict[str, Constants] = field(default_factory=dict)
    counted: bool = True

    def to_plain(self) -> dict[str, Any]:
        """Give the measure in plain values, ready for JSON."""
        plain = asdict(self)
        for key in ("stems", "datatypes", "languages"):
            plain[key] = sorted(plain[key])
        for entry in plain["constants"].values():
            entry["hashes"] = base64.b64encode(entry["hashes"]).decode()
        return plain

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "ObjectMeasure":
        """Read what `to_plain` gave.

        Raises:
            ValueError: it is something else.
        """
        try:
            values = {each.name: plain[each.name] for each in fields(cls)}
            for key in ("stems", "datatypes", "languages"):
                values[key] = set(values[key])
            for key in ("numbers", "dates"):
                values[key] = None if values[key] is None else tuple(values[key])
            values["constants"] = {
                scope: Constants(**entry | {"hashes": base64.b64decode(entry["hashes"])})
                for scope, entry in values["constants"].items()
            }
            return cls(**values)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("this is no measure of a predicate's objects") from error


def measure_objects(
    store: "Store",
    predicates: Mapping[str, int],
    declared: Sequence[str],
    vocabulary: Collection[str],
    report: Callable[[int, str], None],
) -> dict[str, ObjectMeasure]:
    """Measure the objects of predicates.

    Args:
        store: the store.
        predicates: which, with the triples of each.
        declared: the namespaces that are shared whatever they are used for.
        vocabulary: stems, cut before digits, that may turn out to be shared; those of well-known
            terminologies are besides.
        report: is told the triples measured in each step, and a predicate of it.

    Returns:
        The measure of each.
    """
    measured: dict[str, ObjectMeasure] = {}
    for batch in _batches(predicates):
        counts = {iri: predicates[iri] for iri in batch}
        reader = _ObjectReader(counts, declared, vocabulary)
        if len(batch) > 1 or not _are_mostly_distinct(store, batch[0]):
            read_columns(store, reader.query, ("number", "object", "triples"), reader.take)
        elif not _read_listed(store, batch[0], reader):
            reader = _ObjectReader(counts, declared, vocabulary)
            query = f"SELECT DISTINCT ?object {{ ?s <{batch[0]}> ?object }}"
            read_columns(store, query, ("object",), reader.take_uncounted)
        measured.update(reader.finish())
        report(sum(predicates[iri] for iri in batch), batch[0])
    return measured


def _batches(predicates: Mapping[str, int]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for iri in sorted(predicates, key=lambda iri: (-predicates[iri], iri)):
        if batch and size + predicates[iri] > _BATCH:
            yield batch
            batch, size = [], 0
        batch.append(iri)
        size += predicates[iri]
    if batch:
        yield batch


def _are_mostly_distinct(store: "Store", predicate: str) -> bool:
    """Whether nearly every triple of a predicate has another object, by the first of them.

    Oxigraph keeps triples with the same object together, so the first ones have as few different
    objects as any.
    """
    kept: list[int] = []
    query = f"SELECT ?object {{ ?s <{predicate}> ?object }} LIMIT {_SAMPLE}"
    read_columns(store, query, ("object",), lambda frame: kept.append(frame.n_unique()))
    return sum(kept) >= _MOSTLY * _SAMPLE


def _read_listed(store: "Store", predicate: str, reader: "_ObjectReader") -> bool:
    """Read the objects of a predicate as they are listed, without those that stand twice.

    Returns:
        Whether the same objects stood next to each other, as stores on disk keep them; if they
        did not, the reader has taken some of them twice.
    """
    hashes: list[pl.Series] = []
    last: list[str] = []

    def take(frame: pl.DataFrame) -> None:
        objects = frame["object"]
        before = objects.shift(fill_value=last.pop() if last else None)
        last.append(objects[-1])
        frame = frame.filter(objects.ne_missing(before))
        hashes.append(frame["object"].hash())
        reader.take_uncounted(frame)

    read_columns(store, f"SELECT ?object {{ ?s <{predicate}> ?object }}", ("object",), take)
    kept = pl.concat(hashes)
    return kept.n_unique() == len(kept)


class _ObjectReader:
    def __init__(
        self, predicates: Mapping[str, int], declared: Sequence[str], vocabulary: Collection[str]
    ) -> None:
        self._predicates = list(predicates)
        self._declared = declared
        self._vocabulary = vocabulary
        self._measures = [ObjectMeasure(triples=predicates[iri]) for iri in self._predicates]
        self._broken_numbers: set[int] = set()
        self._broken_dates: set[int] = set()

    @property
    def query(self) -> str:
        """The query for ``?number`` (of the predicate), ``?object`` and ``?triples``."""
        listed = " ".join(f"(<{iri}> {number})" for number, iri in enumerate(self._predicates))
        return (
            f"SELECT ?number ?object (COUNT(*) AS ?triples) {{ VALUES (?p ?number) {{ {listed} }} "
            "?s ?p ?object } GROUP BY ?number ?object"
        )

    def take_uncounted(self, frame: pl.DataFrame) -> None:
        """Take distinct objects of the only predicate."""
        self._measures[0].counted = False
        self.take(frame.select(pl.lit("0").alias("number"), "object", pl.lit("1").alias("triples")))

    def take(self, frame: pl.DataFrame) -> None:
        """Take distinct objects with their counts."""
        frame = frame.with_columns(pl.col("number", "triples").cast(pl.Int64))
        for first, take in (
            ("<", self._take_iris),
            ('"', self._take_quoted),
            ("_", self._take_blank),
        ):
            begins = frame["object"].str.starts_with(first)
            if begins.all():
                take(frame)
                return
            if begins.any():
                take(frame.filter(begins))
                frame = frame.filter(~begins)
        self._take_bare(frame)

    def _take_blank(self, frame: pl.DataFrame) -> None:
        for number, count in frame.group_by("number").len().iter_rows():
            self._measures[number].objects += count
            self._measures[number].blank += count

    def _take_iris(self, frame: pl.DataFrame) -> None:
        frame = add_stems(frame, "object")
        for number, stem, is_namespace, count in (
            frame.group_by("number", "stem", "is_namespace").len().iter_rows()
        ):
            measure = self._measures[number]
            measure.objects += count
            measure.stems.add(cut_numbered(stem))
            namespace = cut_numbered(namespace_of_stem(stem, is_namespace=is_namespace))
            measure.namespaces[namespace] = measure.namespaces.get(namespace, 0) + count
        cut = cut_stems(frame["stem"])
        stems = [stem for stem in cut.unique() if self._may_share(stem)]
        if not stems and not self._declared:
            return
        frame = frame.with_columns(cut)
        shared = pl.when(pl.col("stem").is_in(stems)).then(pl.col("stem"))
        scope = pl.coalesce(declared_namespace("object", self._declared), shared)
        frame = frame.with_columns(scope.alias("scope")).filter(pl.col("scope").is_not_null())
        for (number, name), part in frame.group_by("number", "scope"):
            self._take_constants(self._measures[number], name, part)

    def _may_share(self, stem: str) -> bool:
        return stem in self._vocabulary or is_well_known(stem)

    def _take_constants(self, measure: ObjectMeasure, scope: str, frame: pl.DataFrame) -> None:
        constants = measure.constants.setdefault(scope, Constants())
        constants.hashes += b"".join(map(hash_term, frame["object"]))
        constants.counts.extend(frame["triples"])
        for text, count in (
            frame.select(beginning_of("object", "scope").alias("text"))
            .group_by("text")
            .len()
            .iter_rows()
        ):
            constants.beginnings[text] = constants.beginnings.get(text, 0) + count
        constants.are_codes &= frame["object"].str.contains(CODE).all()
        is_listed = constants.are_codes and (is_well_known(scope) or scope in self._declared)
        if constants.codes is None or not is_listed:
            constants.codes = None
        else:
            rest = frame["object"].str.slice(len(scope) + 1).str.strip_suffix(">")
            constants.codes.extend(rest)
            if len(constants.codes) > MOST_CODES:
                constants.codes = None
        counted = frame.filter(pl.col("triples") >= FEWEST_USERS).top_k(
            MOST_COUNTED, by=["triples", "object"]
        )
        constants.frequent |= dict(counted.select("object", "triples").iter_rows())

    def _take_quoted(self, frame: pl.DataFrame) -> None:
        frame = _split_literals(frame)
        endings: set[str] = set()
        for number, ending, count in frame.group_by("number", "ending").len().iter_rows():
            endings.add(ending)
            measure = self._measures[number]
            measure.objects += count
            if ending.startswith("^"):
                measure.datatypes.add(ending[3:-1])
                continue
            measure.datatypes.add(RDF_LANG_STRING if ending else XSD_STRING)
            if ending:
                measure.languages.add(ending[1:].lower())
            if measure.texts is not None and count + len(measure.texts) > MOST_TEXTS:
                measure.texts = None
        if any(not ending.startswith("^") for ending in endings):
            self._take_texts(frame)
        if not endings.isdisjoint(_NUMBERS):
            self._take_numbers(frame.filter(pl.col("ending").is_in(_NUMBERS)))
        if not endings.isdisjoint(_DATES):
            self._take_dates(frame.filter(pl.col("ending").is_in(_DATES)))

    def _take_texts(self, frame: pl.DataFrame) -> None:
        few = [number for number, each in enumerate(self._measures) if each.texts is not None]
        if not few:
            return
        rows = frame.filter(pl.col("number").is_in(few) & ~pl.col("ending").str.starts_with("^"))
        tokens = canonicalise_tokens(rows["object"])
        for number, text, triples in zip(rows["number"], tokens, rows["triples"], strict=True):
            texts = self._measures[number].texts
            if texts is not None:
                texts[text] = texts.get(text, 0) + triples

    def _take_bare(self, frame: pl.DataFrame) -> None:
        term = pl.col("object")
        datatype = (
            pl.when(term.is_in(["true", "false"]))
            .then(pl.lit(_BOOLEAN))
            .when(term.str.contains("[eE]"))
            .then(pl.lit(XSD + "double"))
            .when(term.str.contains(".", literal=True))
            .then(pl.lit(XSD + "decimal"))
            .otherwise(pl.lit(XSD + "integer"))
        )
        frame = frame.with_columns(datatype.alias("datatype"), term.alias("lexical"))
        for number, name, count in frame.group_by("number", "datatype").len().iter_rows():
            self._measures[number].objects += count
            self._measures[number].datatypes.add(name)
        self._take_numbers(frame.filter(pl.col("datatype") != _BOOLEAN))

    def _take_numbers(self, frame: pl.DataFrame) -> None:
        lexical = pl.col("lexical").str.strip_prefix("+")
        value = lexical.cast(pl.Float64, strict=False).alias("value")
        readable = (value.is_finite() & value.is_not_nan()).fill_null(value=False)
        groups = frame.group_by("number").agg(
            value.min().alias("low"),
            value.max().alias("high"),
            readable.all().alias("readable"),
            pl.col("triples").sum(),
            pl.len(),
        )
        for number, low, high, is_readable, triples, objects in groups.iter_rows():
            measure = self._measures[number]
            measure.number_objects += objects
            measure.number_triples += triples
            if not is_readable:
                self._broken_numbers.add(number)
            elif measure.numbers is None:
                measure.numbers = (low, high)
            else:
                measure.numbers = (min(low, measure.numbers[0]), max(high, measure.numbers[1]))

    def _take_dates(self, frame: pl.DataFrame) -> None:
        day = pl.col("lexical").str.extract("^([0-9]{4}-[0-9]{2}-[0-9]{2})").alias("day")
        groups = frame.group_by("number").agg(
            day.min().alias("first"),
            day.max().alias("last"),
            day.is_null().any().alias("broken"),
            pl.col("triples").sum(),
            pl.len(),
        )
        for number, first, last, is_broken, triples, objects in groups.iter_rows():
            measure = self._measures[number]
            measure.date_objects += objects
            measure.date_triples += triples
            if is_broken:
                self._broken_dates.add(number)
            elif measure.dates is None:
                measure.dates = (first, last)
            else:
                measure.dates = (min(first, measure.dates[0]), max(last, measure.dates[1]))

    def finish(self) -> dict[str, ObjectMeasure]:
        for number in self._broken_numbers:
            self._measures[number].numbers = None
        for number in self._broken_dates:
            self._measures[number].dates = None
        for measure in self._measures:
            # What was not counted is told where all objects are of the kind.
            if measure.number_objects == measure.objects:
                measure.number_triples = measure.triples
            if measure.date_objects == measure.objects:
                measure.date_triples = measure.triples
            measure.namespaces = dict(sorted(measure.namespaces.items()))
            for constants in measure.constants.values():
                _order(constants)
        return dict(zip(self._predicates, self._measures, strict=True))


def _order(constants: Constants) -> None:
    """Bring constants into an order that the store has no part in."""
    rows = sorted(zip(split_hashes(constants.hashes), constants.counts, strict=True))
    constants.hashes = b"".join(each for each, _ in rows)
    constants.counts = [count for _, count in rows]
    if constants.codes is not None:
        constants.codes.sort()
    frequent = sorted(constants.frequent.items(), key=lambda item: (-item[1], item[0]))
    constants.frequent = dict(frequent[:MOST_COUNTED])


def _split_literals(frame: pl.DataFrame) -> pl.DataFrame:
    """Add what stands between the quotes of literals, and what stands behind them."""
    term = pl.col("object")
    parts = term.str.splitn('"', 3).struct
    frame = frame.with_columns(
        parts.field("field_1").alias("lexical"),
        parts.field("field_2").alias("ending"),
        term.str.contains('\\"', literal=True).alias("escaped"),
    )
    if not frame["escaped"].any():
        return frame.drop("escaped")
    ending = term.str.extract(r'"(@[^"]*|\^\^<[^"]*>)$').fill_null("")
    escaped = frame.filter(pl.col("escaped")).with_columns(ending.alias("ending"))
    return pl.concat([frame.filter(~pl.col("escaped")), escaped]).drop("escaped")
