"""The terminology hub: terminologies and the mappings between them, ready to be asked.

A hub is a directory: ``hub.json`` says what went in and in which versions, and a few Arrow files
hold the columns. The same input gives the same bytes.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from sys import intern
from typing import NamedTuple

import polars as pl

from hereditary_kg.semantics.errors import UnknownTermError
from hereditary_kg.semantics.terminology import TERMS, Terminology, empty_frame

__all__ = ["BROAD", "EXACT", "GENERALISED", "MAPPINGS", "NARROW", "REPLACED", "Hub", "Step", "Term"]

MAPPINGS = pl.Schema(
    {
        "subject": pl.String,
        "predicate": pl.String,
        "object": pl.String,
        "justification": pl.String,
        "confidence": pl.Float64,
        "author": pl.String,
        "reviewer": pl.String,
        "source": pl.String,
        "licence": pl.String,
    }
)
"""Mappings: canonical CURIEs of both ends and of the predicate (``skos:exactMatch``).

``source`` is the mapping set's identifier, and where in its file the row stands, as
``identifier#row``; inferred rows name those they were inferred from.
"""

EXACT = "skos:exactMatch"
BROAD = "skos:broadMatch"
NARROW = "skos:narrowMatch"
REPLACED = "IAO:0100001"

GENERALISED: Mapping[str, str] = {
    "owl:equivalentClass": EXACT,
    "owl:equivalentProperty": EXACT,
    "owl:sameAs": EXACT,
    "rdfs:subClassOf": BROAD,
    "rdfs:subPropertyOf": BROAD,
    "sssom:superClassOf": NARROW,
    "skos:broader": BROAD,
    "skos:narrower": NARROW,
}
"""Predicates that imply one of SKOS'. Source: SSSOM, chain rules RG1 and RG2."""


class Step(NamedTuple):
    """One step from a term to another.

    Attributes:
        start: where it begins.
        predicate: ``skos:exactMatch``, ``skos:broadMatch`` (``end`` is broader), or
            ``rdfs:subClassOf`` (``end`` is a parent), or ``IAO:0100001`` (``end`` stands in
            the place of an obsolete ``start``).
        end: where it leads.
        mapping: the number of the mapping's row in `Hub.mappings`; None for a step that a
            terminology says.
    """

    start: str
    predicate: str
    end: str
    mapping: int | None = None


@dataclass(frozen=True)
class Term:
    """A term of a terminology in the hub.

    Attributes:
        id: its canonical CURIE.
        label: its preferred label.
        definition: its definition.
        obsolete: whether it is no longer to be used.
        replaced_by: what stands in its place.
    """

    id: str
    label: str | None = None
    definition: str | None = None
    obsolete: bool = False
    replaced_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Hub:
    """Terminologies and mappings.

    Attributes:
        terminologies: by name; each name once.
        mappings: see `MAPPINGS`; in one order, and no row twice.
        sources: title, version and licence of each mapping set, by its identifier.
        labels: of terms that no terminology has, as mapping sets write them.
    """

    terminologies: Mapping[str, Terminology] = field(default_factory=dict)
    mappings: pl.DataFrame = field(default_factory=lambda: empty_frame(MAPPINGS))
    sources: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def _terms(self) -> pl.DataFrame:
        frames = [each.terms for each in self.terminologies.values()]
        return pl.concat(frames) if frames else empty_frame(TERMS)

    @cached_property
    def _positions(self) -> Mapping[str, int]:
        return {name: place for place, name in enumerate(map(intern, self._terms["id"]))}

    @cached_property
    def vocabularies(self) -> tuple[str, ...]:
        """The names of vocabularies of which there are terms, or codes in mappings."""
        ends = pl.concat([self.mappings["subject"], self.mappings["object"]])
        prefixes = ends.str.split_exact(":", 1).struct.field("field_0").unique().drop_nulls()
        return tuple(sorted({*self.terminologies, *prefixes.to_list()}))

    def __contains__(self, name: object) -> bool:
        return name in self._positions or name in self._exact or name in self._broad

    def term(self, name: str) -> Term:
        """Give a term; one that only mappings know has no definition.

        Raises:
            UnknownTermError: nothing knows it.
        """
        place = self._positions.get(name)
        if place is None:
            if name in self:
                return Term(name, self.labels.get(name))
            raise UnknownTermError("term", name)
        row = self._terms.row(place, named=True)
        replaced = tuple(row.pop("replaced_by") or ())
        return Term(**row, replaced_by=replaced)

    @cached_property
    def obsolete(self) -> frozenset[str]:
        """Terms that are no longer to be used."""
        return frozenset(self._terms.filter(pl.col("obsolete"))["id"].to_list())

    def is_current(self, name: str) -> bool:
        """Say whether a terminology has the term, and it is not obsolete."""
        return name in self._positions and name not in self.obsolete

    @cached_property
    def _replacements(self) -> Mapping[str, Sequence[str]]:
        replaced = self._terms.filter(pl.col("obsolete") & (pl.col("replaced_by").list.len() > 0))
        return dict(zip(replaced["id"].to_list(), replaced["replaced_by"].to_list(), strict=True))

    # Hierarchy

    @cached_property
    def _parents(self) -> Mapping[str, Sequence[str]]:
        return _adjacent(self._edges("child", "parent"))

    @cached_property
    def _children(self) -> Mapping[str, Sequence[str]]:
        return _adjacent(self._edges("parent", "child"))

    def _edges(self, start: str, end: str) -> Iterator[tuple[str, str]]:
        for each in self.terminologies.values():
            yield from zip(each.edges[start].to_list(), each.edges[end].to_list(), strict=True)

    def parents(self, name: str) -> Sequence[str]:
        """Give the direct parents of a term."""
        return self._parents.get(name, ())

    def children(self, name: str) -> Sequence[str]:
        """Give the direct children of a term."""
        return self._children.get(name, ())

    @cached_property
    def _wholes(self) -> Mapping[str, Sequence[str]]:
        return _adjacent(
            pair for each in self.terminologies.values() for pair in each.parts.iter_rows()
        )

    def wholes(self, name: str) -> Sequence[str]:
        """Give what a term is directly a part of; conversion and inclusion go without it."""
        return self._wholes.get(name, ())

    def ancestors(self, name: str) -> Mapping[str, int]:
        """Give all ancestors with the least number of edges to them, nearest first.

        A cycle does no harm: no term is its own ancestor.
        """
        return _reached(name, self._parents)

    def descendants(self, name: str) -> Mapping[str, int]:
        """Give all descendants with the least number of edges to them, nearest first."""
        return _reached(name, self._children)

    # Mappings

    @cached_property
    def _exact(self) -> Mapping[str, Sequence[tuple[str, int]]]:
        return self._mapped(EXACT, EXACT)

    @cached_property
    def _broad(self) -> Mapping[str, Sequence[tuple[str, int]]]:
        return self._mapped(BROAD, NARROW)

    @cached_property
    def _narrow(self) -> Mapping[str, Sequence[tuple[str, int]]]:
        return self._mapped(NARROW, BROAD)

    def _mapped(self, forward: str, backward: str) -> Mapping[str, Sequence[tuple[str, int]]]:
        found: dict[str, list[tuple[str, int]]] = {}
        said = self.mappings.lazy().with_row_index("row")
        said = said.select("row", pl.col("predicate").replace(GENERALISED), "subject", "object")
        rows = said.filter(pl.col("predicate").is_in([forward, backward])).collect()
        for row, predicate, subject, target in rows.iter_rows():
            start, end = intern(subject), intern(target)
            if predicate == forward:
                found.setdefault(start, []).append((end, row))
            if predicate == backward:
                found.setdefault(end, []).append((start, row))
        return found

    def exact(self, name: str) -> Mapping[str, tuple[Step, ...]]:
        """Give all terms that are the same as ``name``, itself among them, with the way there.

        ``skos:exactMatch`` is transitive; the way is one of the shortest, the first by the order
        of mappings. From an obsolete term ways lead to what stands in its place and, unless it is
        ``name`` itself, nowhere else.

        Source: SSSOM, chain rules RI1 and T1; SKOS Reference, section 10.3.
        """
        found: dict[str, tuple[Step, ...]] = {name: ()}
        waiting = deque((name,))
        while waiting:
            start = waiting.popleft()
            way = found[start]
            for end in self._replacements.get(start, ()):
                if end not in found:
                    found[end] = (*way, Step(start, REPLACED, end))
                    waiting.append(end)
            if start != name and start in self.obsolete:
                continue
            for end, row in self._exact.get(start, ()):
                if end not in found:
                    found[end] = (*way, Step(start, EXACT, end, row))
                    waiting.append(end)
        return found

    @cached_property
    def _replaced(self) -> Mapping[str, Sequence[str]]:
        pairs = ((new, old) for old, those in self._replacements.items() for new in those)
        return _adjacent(pairs)

    def at_or_above(self, names: Iterable[str]) -> AbstractSet[str]:
        """Give all terms from which steps to what is the same or narrower lead to some of these.

        Args:
            names: terms, which are among the answer.
        """
        return self._closure(names, self._parents, self._broad)

    def at_or_below(self, names: Iterable[str]) -> AbstractSet[str]:
        """Give all terms from which steps to what is the same or broader lead to some of these.

        Args:
            names: terms, which are among the answer.
        """
        return self._closure(names, self._children, self._narrow)

    def _closure(
        self,
        names: Iterable[str],
        said: Mapping[str, Sequence[str]],
        mapped: Mapping[str, Sequence[tuple[str, int]]],
    ) -> AbstractSet[str]:
        found = set(names)
        waiting = list(found)
        while waiting:
            name = waiting.pop()
            rows = chain(self._exact.get(name, ()), mapped.get(name, ()))
            terms = chain(said.get(name, ()), self._replaced.get(name, ()))
            for end in chain(terms, (end for end, _ in rows)):
                if end not in found:
                    found.add(end)
                    waiting.append(end)
        return found

    def broader(self, name: str) -> Iterable[Step]:
        """Give the steps to what is directly broader: parents, and broad mappings."""
        for parent in self.parents(name):
            yield Step(name, "rdfs:subClassOf", parent)
        for end, row in self._broad.get(name, ()):
            yield Step(name, BROAD, end, row)

    def narrower(self, name: str) -> Iterable[Step]:
        """Give the steps to what is directly narrower: children, and narrow mappings."""
        for child in self.children(name):
            yield Step(name, "hkg:superClassOf", child)
        for end, row in self._narrow.get(name, ()):
            yield Step(name, NARROW, end, row)


def _adjacent(edges: Iterable[tuple[str, str]]) -> Mapping[str, Sequence[str]]:
    found: dict[str, list[str]] = {}
    for start, end in edges:
        found.setdefault(intern(start), []).append(intern(end))
    return found


def _reached(name: str, adjacent: Mapping[str, Sequence[str]]) -> Mapping[str, int]:
    found = {name: 0}
    waiting = deque((name,))
    while waiting:
        start = waiting.popleft()
        for end in adjacent.get(start, ()):
            if end not in found:
                found[end] = found[start] + 1
                waiting.append(end)
    del found[name]
    return found
