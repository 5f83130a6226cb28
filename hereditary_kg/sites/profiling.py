"""Building a site's profile out of its store.

Per predicate and end, Oxigraph finds the distinct terms and writes them out as TSV, which regular
expressions sum up a megabyte at a time. Memory holds the term ids (not the terms) of as many
predicates as there are threads.
"""

import os
import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, cast

from hereditary_kg.rdf.terms import RDF_LANG_STRING, RDF_TYPE, XSD, XSD_STRING
from hereditary_kg.sites.loading import Progress
from hereditary_kg.sites.namespaces import generalise_namespaces
from hereditary_kg.sites.profile import PredicateProfile, Profile

if TYPE_CHECKING:
    from pyoxigraph import QuerySolution, QuerySolutions, Store

__all__ = ["profile_store"]

_CHUNK = 1 << 20
# Each matches whole lines of a kind. The first cuts IRIs as `namespaces.namespace_of` does.
_IRI = re.compile(rb"^<(?:([^\n]*[#/:][A-Za-z]+_)[0-9]+|([^\n]*[#/:])[^\n#/:]*)>$", re.MULTILINE)
_QUOTED = re.compile(rb'^"[^\n]*"(|@[^\n]*|\^\^<[^\n]*>)$', re.MULTILINE)
_BARE = re.compile(rb'^[^<"?\n][^\n]*$', re.MULTILINE)
_SHORT_FORMS = {b"0": "integer", b".": "decimal", b"e": "double", b"t": "boolean"}


def profile_store(store: "Store", stamp: str, progress: Progress | None = None) -> Profile:
    """Measure the default graph of a store.

    Args:
        store: the store; it must not change meanwhile.
        stamp: the version of its data.
        progress: told the triples measured.

    Returns:
        The profile; the same data give the same one.
    """
    found = _select(store, "SELECT ?p (COUNT(*) AS ?n) { ?s ?p ?o } GROUP BY ?p")
    counts = {solution["p"].value: int(solution["n"].value) for solution in found}
    total = sum(counts.values())
    predicates: dict[str, PredicateProfile] = {}
    done = 0
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as threads:
        # The largest first, so that no thread is left alone with one at the end.
        ordered = sorted(counts, key=lambda iri: (-counts[iri], iri))
        tasks = {
            threads.submit(_profile_predicate, store, iri, counts[iri]): iri for iri in ordered
        }
        for task in as_completed(tasks):
            iri = tasks[task]
            predicates[iri] = task.result()
            done += counts[iri]
            if progress is not None:
                progress(done, total, iri)
    graphs = _count_graphs(store)
    return Profile(
        stamp=stamp,
        triples=total,
        subjects=_count(store, "SELECT (COUNT(DISTINCT ?s) AS ?n) { ?s ?p ?o }"),
        predicates=dict(sorted(predicates.items())),
        classes=_count_instances(store),
        named_graphs=tuple(graphs),
        graph_triples=graphs,
    )


def _profile_predicate(store: "Store", iri: str, triples: int) -> PredicateProfile:
    subjects = _measure(store, f"SELECT DISTINCT ?t {{ ?t <{iri}> ?o }}")
    objects = _measure(store, f"SELECT DISTINCT ?t {{ ?s <{iri}> ?t }}")
    return PredicateProfile(
        triples=triples,
        subjects=subjects.terms,
        objects=objects.terms,
        subject_namespaces=generalise_namespaces(subjects.namespaces, individuals=True),
        object_namespaces=generalise_namespaces(objects.namespaces, individuals=False),
        datatypes=tuple(sorted(objects.datatypes)),
        languages=tuple(sorted(objects.languages)),
        blank_subjects=subjects.blank > 0,
        blank_objects=objects.blank > 0,
        iri_objects=objects.namespaces.total() > 0,
        literal_objects=bool(objects.datatypes),
    )


@dataclass
class _Measure:
    """What distinct terms there are: how many, and of what kinds."""

    terms: int = 0
    blank: int = 0
    namespaces: Counter[str] = field(default_factory=Counter)
    datatypes: set[str] = field(default_factory=set)
    languages: set[str] = field(default_factory=set)


def _measure(store: "Store", query: str) -> _Measure:
    """Measure the terms that a query for one variable finds."""
    from pyoxigraph import QueryResultsFormat  # noqa: PLC0415 (slow to import)

    reader = _TermReader()
    results = cast("QuerySolutions", store.query(query))
    results.serialize(cast("IO[bytes]", reader), QueryResultsFormat.TSV)
    return reader.finish()


class _TermReader:
    """Takes a one-column TSV document in pieces and sums it up."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._terms = 0
        self._cuts: Counter[tuple[bytes, bytes]] = Counter()
        self._endings: Counter[bytes] = Counter()
        self._bare: Counter[bytes] = Counter()

    def write(self, part: bytes) -> int:
        self._rest += part
        if len(self._rest) >= _CHUNK:
            self._take()
        return len(part)

    def flush(self) -> None:
        """Do nothing: `finish` takes what is left."""

    def finish(self) -> _Measure:
        self._take()
        measure = _Measure(self._terms - 1)
        for (coded, cut), count in self._cuts.items():
            measure.namespaces[(coded or cut).decode()] += count
        for ending in self._endings:
            if ending.startswith(b"@"):
                measure.datatypes.add(RDF_LANG_STRING)
                measure.languages.add(ending[1:].decode().lower())
            else:
                measure.datatypes.add(ending[3:-1].decode() or XSD_STRING)
        for mark in self._bare:
            if mark == b"_":
                measure.blank = self._bare[mark]
            else:
                measure.datatypes.add(XSD + _SHORT_FORMS[mark])
        return measure

    def _take(self) -> None:
        end = self._rest.rfind(b"\n") + 1
        lines = bytes(self._rest[:end])
        del self._rest[:end]
        self._terms += lines.count(b"\n")
        self._cuts.update(_IRI.findall(lines))
        self._endings.update(_QUOTED.findall(lines))
        self._bare.update(_classify_bare(lines))


def _classify_bare(lines: bytes) -> Iterator[bytes]:
    """Classify the terms that stand without quotes and angles, by a mark each."""
    for term in _BARE.findall(lines):
        if term[:1] == b"_":
            yield b"_"
        elif term in {b"true", b"false"}:
            yield b"t"
        elif b"e" in term or b"E" in term:
            yield b"e"
        elif b"." in term:
            yield b"."
        else:
            yield b"0"


def _count_instances(store: "Store") -> dict[str, int]:
    query = f"""SELECT ?c (COUNT(DISTINCT ?s) AS ?n) {{ ?s <{RDF_TYPE}> ?c FILTER(isIRI(?c)) }}
        GROUP BY ?c"""
    return dict(
        sorted(
            (solution["c"].value, int(solution["n"].value)) for solution in _select(store, query)
        )
    )


def _count_graphs(store: "Store") -> dict[str, int]:
    query = "SELECT ?g (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } } GROUP BY ?g"
    return dict(
        sorted(
            (solution["g"].value, int(solution["n"].value)) for solution in _select(store, query)
        )
    )


def _count(store: "Store", query: str) -> int:
    return int(next(_select(store, query))["n"].value)


def _select(store: "Store", query: str) -> "Iterator[QuerySolution]":
    return cast("QuerySolutions", store.query(query))
