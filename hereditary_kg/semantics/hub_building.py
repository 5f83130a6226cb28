"""From what was read from files to one hub, whatever the order in which they were read."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from hereditary_kg.semantics.errors import UnknownTermError
from hereditary_kg.semantics.findings import Finding, Kind
from hereditary_kg.semantics.hub import MAPPINGS, Hub
from hereditary_kg.semantics.readers.icd10 import same_codes
from hereditary_kg.semantics.terminology import TERMS, Terminology, empty_frame

__all__ = ["Built", "Material", "build_hub", "version_key"]

SEPARATOR = "|"
"""Parts several values of one mapping, as in SSSOM's tables."""

_JOINED = ("justification", "author", "reviewer", "source", "licence")


@dataclass(frozen=True)
class Material:
    """What a file gave.

    Attributes:
        terminologies: the one that the file is about first, others that it mentions behind it.
        mappings: see `MAPPINGS`.
        sources: title, version and licence of the mapping sets, by their identifiers.
        labels: of the terms that mappings name, as the file writes them.
    """

    terminologies: Sequence[Terminology] = ()
    mappings: pl.DataFrame = field(default_factory=lambda: empty_frame(MAPPINGS))
    sources: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Built:
    """A hub, and what a curator should look at."""

    hub: Hub
    findings: tuple[Finding, ...]


def build_hub(materials: Iterable[Material], versions: Mapping[str, str] | None = None) -> Built:
    """Put together what files gave.

    Of a vocabulary that files give in several versions, the newest counts; files that are about it
    come before files that only mention some of its terms. Files of the same version add up.
    A mapping that several sets have is there once, with all its sources. Where there are both
    ICD-10 and ICD-10-CM, the categories that they share are mapped.

    Args:
        materials: in any order: it makes no difference.
        versions: the version that counts of a vocabulary, where it is not to be the newest.

    Raises:
        UnknownTermError: a version is asked for that no file has.
    """
    given = list(materials)
    wanted = dict(versions or {})
    findings: list[Finding] = []
    offers: dict[str, list[tuple[bool, Terminology]]] = {}
    for material in given:
        for place, each in enumerate(material.terminologies):
            offers.setdefault(each.name, []).append((place == 0, each))
    for name in wanted:
        if name not in offers:
            raise UnknownTermError("terminology", name, sorted(offers))
    terminologies = {
        name: _chosen(name, offers[name], wanted.get(name), findings) for name in sorted(offers)
    }
    if {"ICD10", "ICD10CM"} <= terminologies.keys():
        given.append(_same_in_icd10(terminologies["ICD10"], terminologies["ICD10CM"]))
    mappings = _united([material.mappings for material in given])
    sources: dict[str, Mapping[str, str]] = {}
    for material in sorted(given, key=lambda each: sorted(each.sources)):
        for name, facts in material.sources.items():
            sources[name] = max(sources.get(name, {}), facts, key=lambda each: sorted(each.items()))
    labels = _labels(given, terminologies, mappings)
    hub = Hub(terminologies, mappings, dict(sorted(sources.items())), labels)
    return Built(hub, tuple(sorted(findings, key=str)))


def _same_in_icd10(who: Terminology, clinical: Terminology) -> Material:
    """Map the categories that ICD-10 and ICD-10-CM share."""
    mappings = same_codes(who, clinical)
    names = mappings["source"].str.replace(r"#\d+$", "").unique().to_list()
    title = "Categories with the same code and title in ICD-10 and ICD-10-CM"
    facts = {"title": title, "version": "", "licence": "", "file": ""}
    return Material(mappings=mappings, sources=dict.fromkeys(names, facts))


def version_key(version: str) -> tuple[tuple[int, ...], str]:
    """Order versions by the numbers in them, and then by their text.

    >>> sorted(["releases/2025-02-04", "2026-05-05", "v2.10", "v2.9", ""], key=version_key)
    ['', 'v2.9', 'v2.10', 'releases/2025-02-04', '2026-05-05']
    """
    return tuple(int(digits) for digits in re.findall(r"\d+", version)), version


def _chosen(
    name: str,
    offers: Sequence[tuple[bool, Terminology]],
    wanted: str | None,
    findings: list[Finding],
) -> Terminology:
    """Choose among the terminologies of one name."""
    versions = sorted({each.version for _, each in offers}, key=version_key)
    if wanted is not None and wanted not in versions:
        raise UnknownTermError(f"version of {name}", wanted, versions)
    if wanted is None:
        best = max((about, version_key(each.version)) for about, each in offers)
        wanted = best[1][1]
        taken = [each for offer, each in offers if (offer, each.version) == (best[0], wanted)]
    else:
        taken = [each for _, each in offers if each.version == wanted]
    others = [version for version in versions if version != wanted]
    findings += [_passed_over(name, version, wanted, offers) for version in others]
    return _merged(sorted(taken, key=_order))


def _passed_over(
    name: str, version: str, wanted: str, offers: Sequence[tuple[bool, Terminology]]
) -> Finding:
    files = sorted({each.source for _, each in offers if each.version == version})
    text = (
        f"{name} {version or 'without version'} is left out, for there is "
        f"{wanted or 'one without version'}."
    )
    return Finding(Kind.OTHER_VERSION, files[0] if files else "", text)


def _order(terminology: Terminology) -> tuple[int, str, str]:
    """Order files of one version: the one with the most terms is believed first."""
    return (-terminology.terms.height, terminology.source, terminology.title)


def _merged(parts: Sequence[Terminology]) -> Terminology:
    """Add terminologies of one version up."""
    first = parts[0]
    if len(parts) == 1:
        return first.sorted()
    terms = pl.concat([each.terms.select(list(TERMS)) for each in parts])
    return Terminology(
        first.name,
        first.version,
        terms.unique("id", keep="first", maintain_order=True),
        pl.concat([each.synonyms for each in parts]),
        pl.concat([each.edges for each in parts]),
        first.title,
        _all(each.licence for each in parts),
        _all(each.source for each in parts),
        pl.concat([each.parts for each in parts]),
    ).sorted()


def _all(texts: Iterable[str]) -> str:
    return SEPARATOR.join(dict.fromkeys(text for text in texts if text))


def _united(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Give each mapping once, in one order, with everything that was said of it."""
    rows = pl.concat([empty_frame(MAPPINGS), *frames])
    ends = ["subject", "predicate", "object"]
    # Most mappings stand once, and need no joining of texts.
    alone = pl.struct(ends).is_unique()
    single = rows.filter(alone)
    several = rows.filter(~alone).sort(list(MAPPINGS), nulls_last=True)
    said = [pl.col(name).drop_nulls().str.join(SEPARATOR) for name in _JOINED]
    joined = several.group_by(ends).agg(pl.col("confidence").max(), *said)
    # What was joined before is taken apart again, so that nothing is said twice.
    once = [pl.col(name).str.split(SEPARATOR).list.unique().list.sort() for name in _JOINED]
    texts = [each.list.join(SEPARATOR).replace("", None) for each in once]
    joined = joined.with_columns(texts).select(list(MAPPINGS))
    return pl.concat([single, joined]).sort(ends).rechunk()


def _labels(
    materials: Sequence[Material],
    terminologies: Mapping[str, Terminology],
    mappings: pl.DataFrame,
) -> dict[str, str]:
    """Give the labels of terms that no terminology has; the first in the alphabet of several."""
    ends = pl.concat([mappings["subject"], mappings["object"]]).unique().to_frame("id")
    known = pl.concat([empty_frame(TERMS), *(each.terms for each in terminologies.values())])
    unknown = set(ends.join(known.select("id"), on="id", how="anti")["id"].to_list())
    found: dict[str, str] = {}
    for material in materials:
        for name, label in material.labels.items():
            if name in unknown:
                found[name] = min(label, found.get(name, label))
    return dict(sorted(found.items()))
