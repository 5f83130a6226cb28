"""Identifiers: whatever way they are written, one canonical CURIE.

Which vocabularies are known, how their prefixes and IRIs are spelt, and what their local
identifiers look like stands in ``prefixes.json``, which ``python -m ontologies.prefixes`` builds
from bioregistry's data; it is an extended prefix map as curies has them, and is read here without
that library, since planning a query starts here as well. Two ways lead to the same result:
`normalise` for one text, and `normalise_column`, which works on a column's distinct values at once.
"""

import json
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files

import polars as pl

from hereditary_kg.semantics.errors import IdentifierError

__all__ = [
    "canonical_prefix",
    "iri_of",
    "iris_of",
    "known_vocabularies",
    "normalise",
    "normalise_column",
    "vocabulary_of",
]

# Python's and Polars' expressions in common: replacements are written with ${1}.
_MARKS = (r"[†*+!]+$", "")
_CATEGORY = (r"\.?-$", "")
_LOCAL_RULES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "OMIM": ((r"^[*#+%^]+", ""),),
    "OMIMPS": ((r"^PS", ""),),
    "GARD": ((r"^0+(\d)", "${1}"),),
    "ICD10": (_MARKS, _CATEGORY, (r"^([A-Z]\d\d)(\d{1,2})$", "${1}.${2}")),
    "ICD10CM": (_MARKS, _CATEGORY, (r"^([A-Z][0-9A-Z]{2})([0-9A-Z]{1,4})$", "${1}.${2}")),
    "ICD9CM": (_CATEGORY, (r"^(\d{3}|V\d\d|E\d{3})(\d{1,2})$", "${1}.${2}")),
}
"""What is made of a local identifier before it is checked: titles of OMIM's kinds of entries,
leading zeros, daggers and asterisks, dots that are left out (G122 is G12.2)."""

_UPPER = frozenset({"ICD10", "ICD10CM", "ICD9CM", "ICDO", "UMLS"})
_SERIES = r"^PS\d{6}$"
"""OMIM's phenotypic series are a vocabulary of their own."""

_VERSION = re.compile(r"_?\d{4}_\d{1,2}_\d{1,2}$")
"""What UMLS and DOID hang on a prefix: ``SNOMEDCT_US_2025_09_01``."""

_SHORT_FORM = re.compile(r"^([A-Za-z][A-Za-z.]*)_(\w[\w.-]*)$")
_NAMESPACE = r"^<?(.*[/#_:=])([^/#_:=]+?)>?$"


@cache
def _records() -> Mapping[str, Mapping[str, object]]:
    """The prefix map's records by canonical prefix."""
    text = files("hereditary_kg.semantics").joinpath("prefixes.json").read_text(encoding="utf-8")
    return {record["prefix"]: record for record in json.loads(text)}


@cache
def _namespaces() -> Mapping[str, str]:
    """Beginning of IRIs -> canonical prefix."""
    found: dict[str, str] = {}
    for prefix, record in _records().items():
        found.update(dict.fromkeys((record["uri_prefix"], *_spellings(record)), prefix))  # type: ignore[arg-type]
    return found


def _spellings(record: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(record["uri_prefix_synonyms"])  # type: ignore[arg-type]


def _folded(name: str) -> str:
    return re.sub(r"[-_. ]", "", name.casefold())


@cache
def _names() -> Mapping[str, str]:
    """Folded spelling of a prefix -> canonical prefix."""
    found: dict[str, str] = {}
    for prefix, record in _records().items():
        found[_folded(prefix)] = prefix
        for name in record["prefix_synonyms"]:  # type: ignore[attr-defined]
            found.setdefault(_folded(name), prefix)
    return found


@cache
def _rules(prefix: str) -> tuple[tuple[str, str], ...]:
    """What is replaced in a vocabulary's local identifiers, in order."""
    names = sorted(name for name, owner in _names().items() if owner == prefix)
    # The prefix once more, as in HGNC:HGNC:5 and ORDO:Orphanet_558.
    own = rf"^(?i:{'|'.join(map(re.escape, names))})[:_]"
    return ((own, ""), *_LOCAL_RULES.get(prefix, ()))


@cache
def _pattern(prefix: str) -> str:
    """What a vocabulary's local identifiers look like; anything without white space if unsaid."""
    pattern = str(_records()[prefix].get("pattern", r"^\S+$"))
    return rf"^(?:{pattern.removeprefix('^').removesuffix('$')})$"


@lru_cache(maxsize=4096)
def canonical_prefix(name: str) -> str | None:
    """Give the canonical prefix for any spelling of one; None where it is not known.

    >>> canonical_prefix("orphanet.ordo"), canonical_prefix("SNOMEDCT_US_2025_09_01")
    ('ORPHA', 'SNOMEDCT')
    """
    names = _names()
    return names.get(_folded(name)) or names.get(_folded(_VERSION.sub("", name)))


def known_vocabularies() -> tuple[str, ...]:
    """Give the canonical prefixes of all vocabularies that are known."""
    return tuple(sorted(_records()))


@lru_cache(maxsize=1 << 16)
def normalise(text: str, default: str | None = None) -> str:
    """Give the canonical CURIE for a CURIE in any spelling, or for an IRI.

    >>> normalise("Orphanet:803"), normalise("http://purl.obolibrary.org/obo/NCIT_C34373")
    ('ORPHA:803', 'NCIT:C34373')
    >>> normalise("ICD10WHO:G122"), normalise("g12.2", "ICD10")
    ('ICD10:G12.2', 'ICD10:G12.2')

    Args:
        text: the CURIE or IRI, also in angle brackets.
        default: the vocabulary of identifiers that have no prefix.

    Raises:
        IdentifierError: the prefix is not known, or what follows is not an identifier of that
            vocabulary.
    """
    prefix, local = _parted(text.strip(), default)
    found = _canonical(prefix, local) if prefix else None
    if found is not None:
        return found
    if prefix is None:
        known = "its prefix or namespace is not among the known ones"
        raise IdentifierError(f"{text!r} is no identifier of a known vocabulary: {known}.")
    raise IdentifierError(
        f"{text!r} is no identifier of {prefix}: what follows the prefix has to look like "
        f"{_pattern(prefix)}."
    )


def _parted(text: str, default: str | None) -> tuple[str | None, str]:
    """Part a text into canonical prefix and local identifier as it is written."""
    if "://" in text:
        return _parted_iri(text.removeprefix("<").removesuffix(">"))
    head, colon, local = text.partition(":")
    if colon:
        return canonical_prefix(head), local
    short = _SHORT_FORM.match(text)
    if short and (prefix := canonical_prefix(short[1])):
        return prefix, short[2]
    return default, text


def _parted_iri(iri: str) -> tuple[str | None, str]:
    # The longest namespace counts, as it does for curies.
    for end in range(len(iri) - 1, 0, -1):
        prefix = _namespaces().get(iri[:end])
        if prefix:
            return prefix, iri[end:]
    return None, ""


def _canonical(prefix: str, local: str) -> str | None:
    if prefix == "OMIM" and re.match(_SERIES, local):
        prefix = "OMIMPS"
    if prefix in _UPPER:
        local = local.upper()
    for pattern, replacement in _rules(prefix):
        local = re.sub(pattern, replacement.replace("${", r"\g<").replace("}", ">"), local)
    return f"{prefix}:{local}" if re.fullmatch(_pattern(prefix), local, re.ASCII) else None


def normalise_column(column: pl.Series, default: str | None = None) -> pl.Series:
    """Give the canonical CURIE for each value of a column, as `normalise` does.

    Args:
        column: of strings; CURIEs and IRIs may be mixed.
        default: the vocabulary of identifiers that have no prefix.

    Returns:
        A column of the same name and length, null where `normalise` would raise an error.
    """
    distinct = column.cast(pl.String).drop_nulls().unique()
    found = _normalised(distinct, default)
    values = column.cast(pl.String).to_frame("text").lazy()
    joined = values.join(found.lazy(), on="text", how="left", maintain_order="left")
    return joined.collect()["curie"].alias(column.name)


def _normalised(distinct: pl.Series, default: str | None) -> pl.DataFrame:
    frame = pl.DataFrame({"text": distinct}).with_columns(
        pl.col("text").str.strip_chars().alias("trimmed")
    )
    iri = pl.col("trimmed").str.contains("://", literal=True)
    pieces = pl.col("trimmed").str.extract_groups(_NAMESPACE)
    halves = pl.col("trimmed").str.splitn(":", 2)
    frame = frame.with_columns(
        pl.when(iri).then(pieces.struct[0]).otherwise(halves.struct[0]).alias("head"),
        pl.when(iri).then(pieces.struct[1]).otherwise(halves.struct[1]).alias("local"),
        iri.alias("iri"),
    ).with_columns(pl.col("local").is_null().alias("odd"))
    frame = _with_prefix(frame)
    simple = frame.filter(~pl.col("odd") & pl.col("prefix").is_not_null())
    # Odd ones: no colon at all, or an IRI whose namespace does not end where it seems to.
    odd = frame.filter(pl.col("odd") | (pl.col("iri") & pl.col("prefix").is_null()))["text"]
    others = [_or_none(text, default) for text in odd.to_list()]
    parts = [_checked(group) for group in simple.partition_by("prefix", maintain_order=False)]
    rest = pl.DataFrame(
        {"text": odd, "curie": others}, schema={"text": pl.String, "curie": pl.String}
    )
    return pl.concat([rest, *parts])


def _with_prefix(frame: pl.DataFrame) -> pl.DataFrame:
    heads = frame.select("iri", "head").unique()
    prefixes = [
        (None if head is None else _namespaces().get(head) if iri else canonical_prefix(head))
        for iri, head in heads.iter_rows()
    ]
    heads = heads.with_columns(pl.Series("prefix", prefixes, dtype=pl.String))
    frame = frame.join(heads, on=["iri", "head"], how="left", nulls_equal=True)
    series = (pl.col("prefix") == "OMIM") & pl.col("local").str.contains(_SERIES)
    return frame.with_columns(
        pl.when(series).then(pl.lit("OMIMPS")).otherwise("prefix").alias("prefix")
    )


def _checked(group: pl.DataFrame) -> pl.DataFrame:
    """Write local identifiers of one vocabulary canonically, and check them."""
    prefix = group["prefix"][0]
    local = pl.col("local")
    if prefix in _UPPER:
        local = local.str.to_uppercase()
    for pattern, replacement in _rules(prefix):
        local = local.str.replace(pattern, replacement)
    # Digits are ASCII's, as they are for Python's re.ASCII.
    pattern = _pattern(prefix).replace(r"\d", "[0-9]").replace(r"\w", "[0-9A-Za-z_]")
    curie = pl.when(local.str.contains(pattern)).then(pl.concat_str(pl.lit(f"{prefix}:"), local))
    return group.select("text", curie.alias("curie"))


def _or_none(text: str, default: str | None) -> str | None:
    try:
        return normalise(text, default)
    except IdentifierError:
        return None


def vocabulary_of(curie: str) -> str:
    """Give the vocabulary of a canonical CURIE.

    >>> vocabulary_of("ICD10:G12.2")
    'ICD10'

    Raises:
        IdentifierError: the text has no prefix.
    """
    prefix, colon, _ = curie.partition(":")
    if not colon:
        raise IdentifierError(f"{curie!r} is no CURIE: it has no prefix.")
    return prefix


def iri_of(curie: str) -> str:
    """Give the canonical IRI for a canonical CURIE.

    >>> iri_of("ORPHA:803")
    'http://www.orpha.net/ORDO/Orphanet_803'

    Raises:
        IdentifierError: the vocabulary is not known.
    """
    return iris_of(curie)[0]


@lru_cache(maxsize=1 << 14)
def iris_of(curie: str) -> tuple[str, ...]:
    """Give all IRIs that are known for a canonical CURIE, the canonical one first.

    Raises:
        IdentifierError: the vocabulary is not known.
    """
    prefix = vocabulary_of(curie)
    record = _records().get(prefix)
    if record is None:
        raise IdentifierError(f"No IRIs are known for the vocabulary of {curie!r}.")
    local = curie[len(prefix) + 1 :]
    starts = (str(record["uri_prefix"]), *_spellings(record))
    return tuple(dict.fromkeys(start + local for start in starts))
