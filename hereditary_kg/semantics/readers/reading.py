"""From what a file says about its terms to terminologies, whatever the format is.

A reader of a format makes a `Draft` a term, with identifiers as they are written; `assemble` makes
terminologies of them, and findings of what does not fit together.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import networkx as nx
import polars as pl

from hereditary_kg.semantics.findings import Finding, Kind, shortened
from hereditary_kg.semantics.hub import MAPPINGS
from hereditary_kg.semantics.identifiers import canonical_prefix, normalise_column
from hereditary_kg.semantics.terminology import (
    EDGES,
    PARTS,
    SYNONYMS,
    TERMS,
    Terminology,
    empty_frame,
)

__all__ = ["DISJOINT", "Document", "Draft", "Reading", "assemble", "is_part_of"]

_PART_OF = re.compile(r"(^|[/#:])(BFO[_:]0000050|(UNDEFINED_)?part_of)$")
"""BFO's property, its short name in OBO, and what converters made of that without an identifier."""

DISJOINT = pl.Schema({"one": pl.String, "other": pl.String})
"""Pairs of terms that nothing can be both of."""


@dataclass(slots=True)
class Draft:
    """What a file says about one term; identifiers are as they are written.

    Attributes:
        id: the term.
        label: its preferred label.
        definition: its definition.
        obsolete: whether it is no longer to be used.
        replaced_by: what stands in its place.
        synonyms: texts with their scope.
        parents: what it is a kind of.
        wholes: what it is a part of.
        mappings: predicate (canonical) and the other term.
        disjoint: terms that nothing can be both of.
        line: where it stands in the file.
        implied: whether the file only names it as merged into another.
    """

    id: str
    label: str | None = None
    definition: str | None = None
    obsolete: bool = False
    replaced_by: list[str] = field(default_factory=list)
    synonyms: list[tuple[str, str]] = field(default_factory=list)
    parents: list[str] = field(default_factory=list)
    wholes: list[str] = field(default_factory=list)
    mappings: list[tuple[str, str]] = field(default_factory=list)
    disjoint: list[str] = field(default_factory=list)
    line: int | None = None
    implied: bool = False


@dataclass(frozen=True)
class Document:
    """What a file says about itself.

    Attributes:
        file: its name.
        version: the release.
        title: what the terminology is called.
        licence: under which it may be used.
        iri: the ontology's own; mappings are said to come from there.
        prefixes: prefixes that the file or the caller declares, with their namespaces.
    """

    file: str
    version: str = ""
    title: str = ""
    licence: str = ""
    iri: str = ""
    prefixes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Reading:
    """What was read from a file.

    Attributes:
        terminologies: the one with the most terms first.
        mappings: cross-references and mappings that the file has; see `MAPPINGS` of the hub. A
            parent that belongs to another vocabulary is ``skos:broadMatch``.
        disjoint: see `DISJOINT`.
        findings: what a curator should look at.
    """

    terminologies: tuple[Terminology, ...]
    mappings: pl.DataFrame = field(default_factory=lambda: empty_frame(MAPPINGS))
    disjoint: pl.DataFrame = field(default_factory=lambda: empty_frame(DISJOINT))
    findings: tuple[Finding, ...] = ()

    @property
    def main(self) -> Terminology:
        """The terminology that the file is about: the one with the most terms."""
        return self.terminologies[0]


def is_part_of(relation: str) -> bool:
    """Tell whether a relation, by its IRI or its short name, says what a term is a part of."""
    return _PART_OF.search(relation) is not None


def assemble(drafts: Iterable[Draft], document: Document) -> Reading:
    """Make terminologies of what a file says about its terms.

    Args:
        drafts: the terms in the file's order.
        document: what the file says about itself.
    """
    return _Assembly(list(drafts), document).reading()


class _Assembly:
    """The work of `assemble`."""

    def __init__(self, drafts: Sequence[Draft], document: Document) -> None:
        self.document = document
        self.findings: list[Finding] = []
        self.names = _Names(document, drafts)
        self.drafts = self._merged(drafts)

    def reading(self) -> Reading:
        vocabularies = Counter(name.partition(":")[0] for name in self.drafts)
        frames = self._frames()
        terminologies = [
            self._terminology(name, frames)
            for name, _ in sorted(vocabularies.items(), key=lambda each: (-each[1], each[0]))
        ]
        mappings, disjoint = self._mappings(), self._disjoint()
        self._report_labels()
        self._report_cycles(frames[2])
        findings = (*self.names.findings(), *shortened(self.findings))
        return Reading(tuple(terminologies), mappings, disjoint, findings)

    def _find(self, kind: Kind, text: str, draft: Draft) -> None:
        self.findings.append(Finding(kind, self.document.file, text, draft.line))

    def _merged(self, drafts: Sequence[Draft]) -> dict[str, Draft]:
        merged: dict[str, Draft] = {}
        for draft in drafts:
            name = self.names.of(draft.id)
            if name is None:
                continue
            first = merged.get(name)
            if first is None:
                merged[name] = draft
            elif first.implied or draft.implied:
                merged[name] = _union(draft, first) if first.implied else _union(first, draft)
            else:
                where = f" (first in line {first.line})" if first.line else ""
                self._find(Kind.DUPLICATE_TERM, f"{name} is defined again{where}; joined", draft)
                merged[name] = _union(first, draft)
        return merged

    def _frames(self) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]:
        terms = [
            (name, each.label, each.definition, each.obsolete, self._known(each.replaced_by))
            for name, each in self.drafts.items()
        ]
        synonyms = [
            (name, text, scope)
            for name, each in self.drafts.items()
            for text, scope in each.synonyms
        ]
        return (
            pl.DataFrame(terms, schema=TERMS, orient="row"),
            pl.DataFrame(synonyms, schema=SYNONYMS, orient="row").unique(maintain_order=True),
            pl.DataFrame(list(self._edges()), schema=EDGES, orient="row").unique(
                maintain_order=True
            ),
            pl.DataFrame(list(self._parts()), schema=PARTS, orient="row").unique(
                maintain_order=True
            ),
        )

    def _known(self, names: Iterable[str]) -> list[str]:
        found = (self.names.of(name) for name in names)
        return list(dict.fromkeys(name for name in found if name))

    def _edges(self) -> Iterator[tuple[str, str]]:
        for name, draft in self.drafts.items():
            for parent in self._known(draft.parents):
                if not _same_vocabulary(name, parent):
                    continue
                if parent in self.drafts:
                    yield name, parent
                else:
                    text = f"{name} has the parent {parent}, which the file does not define"
                    self._find(Kind.DANGLING_PARENT, text, draft)

    def _parts(self) -> Iterator[tuple[str, str]]:
        for name, draft in self.drafts.items():
            for whole in self._known(draft.wholes):
                if whole in self.drafts and _same_vocabulary(name, whole):
                    yield name, whole

    def _terminology(self, name: str, frames: Sequence[pl.DataFrame]) -> Terminology:
        start = f"{name}:"
        terms, synonyms, edges, parts = frames
        document = self.document
        return Terminology(
            name,
            document.version,
            terms.filter(pl.col("id").str.starts_with(start)),
            synonyms.filter(pl.col("id").str.starts_with(start)),
            edges.filter(pl.col("child").str.starts_with(start)),
            document.title,
            document.licence,
            document.file,
            parts.filter(pl.col("part").str.starts_with(start)),
        ).sorted()

    def _mappings(self) -> pl.DataFrame:
        origin = self.document.iri or self.document.file
        rows = []
        for number, (name, draft) in enumerate(self.drafts.items(), 1):
            foreign = [
                ("skos:broadMatch", parent)
                for parent in self._known(draft.parents)
                if not _same_vocabulary(name, parent)
            ]
            found = [(predicate, self.names.of(end)) for predicate, end in draft.mappings]
            place = f"{origin}#{draft.line or number}"
            rows += [(name, predicate, end, place) for predicate, end in [*foreign, *found] if end]
        frame = pl.DataFrame(
            rows, schema=["subject", "predicate", "object", "source"], orient="row"
        )
        return frame.select(
            pl.col("subject", "predicate", "object").cast(pl.String),
            pl.lit("semapv:UnspecifiedMatching").alias("justification"),
            pl.lit(None, pl.Float64).alias("confidence"),
            pl.lit(None, pl.String).alias("author"),
            pl.lit(None, pl.String).alias("reviewer"),
            pl.col("source").cast(pl.String),
            pl.lit(self.document.licence or None, pl.String).alias("licence"),
        ).unique(subset=["subject", "predicate", "object"], keep="first", maintain_order=True)

    def _disjoint(self) -> pl.DataFrame:
        pairs = {
            (min(name, other), max(name, other))
            for name, draft in self.drafts.items()
            for other in self._known(draft.disjoint)
        }
        return pl.DataFrame(sorted(pairs), schema=DISJOINT, orient="row")

    def _report_labels(self) -> None:
        for name, draft in self.drafts.items():
            if not draft.label and not draft.obsolete:
                self._find(Kind.MISSING_LABEL, f"{name} has no label", draft)

    def _report_cycles(self, edges: pl.DataFrame) -> None:
        pairs = zip(edges["child"].to_list(), edges["parent"].to_list(), strict=True)
        graph: nx.DiGraph[str] = nx.DiGraph(pairs)
        for part in nx.strongly_connected_components(graph):
            first = min(part)
            if len(part) > 1 or graph.has_edge(first, first):
                circle = nx.find_cycle(graph.subgraph(part), first)
                way = " is a ".join([*(start for start, _ in circle), circle[-1][1]])
                self._find(Kind.CYCLE, way, self.drafts[first])


class _Names:
    """Canonical names for the identifiers of a file."""

    _OWN = re.compile(r"^[A-Za-z_][\w.-]*:[^\s/][^\s]*$")

    def __init__(self, document: Document, drafts: Sequence[Draft]) -> None:
        self.document = document
        self._unknown: dict[str, list[str]] = {}
        self._lines = {draft.id: draft.line for draft in drafts}
        texts = {text for draft in drafts for text in _identifiers(draft)}
        column = pl.Series(sorted(texts), dtype=pl.String)
        found = zip(column.to_list(), normalise_column(column).to_list(), strict=True)
        self._defined = {draft.id for draft in drafts}
        self._names = {text: name or self._unknown_name(text) for text, name in found}

    @cached_property
    def _prefixes(self) -> Sequence[tuple[str, str]]:
        """Declared namespaces, the longest first; what has no prefix gets none here."""
        pairs = [(iri, prefix) for prefix, iri in self.document.prefixes.items() if prefix and iri]
        return sorted(pairs, key=lambda pair: -len(pair[0]))

    def of(self, text: str) -> str | None:
        """Give the canonical name; None for what is no identifier."""
        return self._names.get(text)

    def _unknown_name(self, text: str) -> str | None:
        name = self._as_declared(text)
        prefix = name.partition(":")[0] if name else text.partition(":")[0][:40]
        # Terms and parents are kept under their own prefix; a cross-reference is of no use so.
        self._unknown.setdefault(prefix, []).append(text)
        return name if name and text in self._defined else None

    def _as_declared(self, text: str) -> str | None:
        for iri, prefix in self._prefixes:
            if text.startswith(iri) and len(text) > len(iri):
                return f"{prefix}:{text[len(iri) :]}"
        if "://" not in text:
            return text if self._OWN.match(text) else None
        # .../obo/XAO_0000001, or what stands before the last # or /.
        short = re.match(r".*/([A-Za-z]+)_(\d+)$", text)
        if short:
            return f"{short[1]}:{short[2]}"
        namespace, _, local = re.sub(r"[/#](?=[^/#]*$)", "\0", text).partition("\0")
        prefix = re.sub(r"\W", "_", re.sub(r"\.\w{2,4}$", "", namespace.rpartition("/")[2]))
        return f"{prefix}:{local}" if prefix and local else None

    def findings(self) -> Iterator[Finding]:
        for prefix, texts in sorted(self._unknown.items()):
            used = [text for text in texts if text in self._defined]
            line = self._lines.get(used[0]) if used else None
            kept = "kept as they are" if used else "left out"
            text = f"{prefix!r}: {len(texts)} identifiers are {kept}, the first is {texts[0]}"
            kind = Kind.BAD_IDENTIFIER if canonical_prefix(prefix) else Kind.UNKNOWN_PREFIX
            yield Finding(kind, self.document.file, text, line)


def _identifiers(draft: Draft) -> Iterator[str]:
    yield draft.id
    yield from draft.parents
    yield from draft.wholes
    yield from draft.replaced_by
    yield from draft.disjoint
    for _, end in draft.mappings:
        yield end


def _same_vocabulary(one: str, other: str) -> bool:
    return one.partition(":")[0] == other.partition(":")[0]


def _union(first: Draft, second: Draft) -> Draft:
    return Draft(
        first.id,
        first.label or second.label,
        first.definition or second.definition,
        first.obsolete,
        [*first.replaced_by, *second.replaced_by],
        [*first.synonyms, *second.synonyms],
        [*first.parents, *second.parents],
        [*first.wholes, *second.wholes],
        [*first.mappings, *second.mappings],
        [*first.disjoint, *second.disjoint],
        first.line,
        first.implied and second.implied,
    )
