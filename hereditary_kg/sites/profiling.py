"""Building a site's profile out of its store.

Two questions are put to the store: what each subject has (`sites.subject_measures`), and what
the objects of each predicate are (`sites.object_measures`). Oxigraph groups both, so that each
distinct term is written out once and not once a triple.

Memory holds, in Oxigraph, some 350 bytes a distinct subject, or a distinct object of the
predicates that are measured together, if they are grouped; here 16 bytes a subject, and 8 an
object that is listed.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from hereditary_kg.rdf.terms import RDF_TYPE
from hereditary_kg.sites.loading import Progress
from hereditary_kg.sites.namespaces import generalise_namespaces, may_overlap
from hereditary_kg.sites.object_measures import ObjectMeasure, measure_objects
from hereditary_kg.sites.profile import PredicateProfile, Profile
from hereditary_kg.sites.profile_state import ProfileState
from hereditary_kg.sites.set_links import count_links
from hereditary_kg.sites.set_merging import merge_sets
from hereditary_kg.sites.shared_constants import (
    SharedConstants,
    public_namespaces,
    share_constants,
    vocabulary_stems,
)
from hereditary_kg.sites.shared_namespaces import FEWEST_USERS, SharingPolicy
from hereditary_kg.sites.subject_measures import SubjectMeasures, measure_subjects
from hereditary_kg.sites.value_ranges import widen_dates, widen_numbers

if TYPE_CHECKING:
    from pyoxigraph import QuerySolution, QuerySolutions, Store

__all__ = ["measure_store", "profile_store"]


def profile_store(
    store: "Store",
    stamp: str,
    progress: Progress | None = None,
    policy: SharingPolicy | None = None,
) -> Profile:
    """Measure the default graph of a store.

    Args:
        store: the store; it must not change meanwhile.
        stamp: the version of its data.
        progress: told the triples measured.
        policy: what may be said about constants; only what is detected where none is given.

    Returns:
        The profile; the same data give the same one.
    """
    return measure_store(store, stamp, policy or SharingPolicy(), progress=progress)[0]


def measure_store(
    store: "Store",
    stamp: str,
    policy: SharingPolicy,
    *,
    earlier: ProfileState | None = None,
    progress: Progress | None = None,
) -> tuple[Profile, ProfileState]:
    """Measure the default graph of a store, without what an earlier measure still tells.

    Data are only ever added to a site, so a predicate with as many triples as before has the
    same ones, and its objects are not looked at again. The subjects are, for any of them may
    have something new.

    Args:
        store: the store; it must not change meanwhile.
        stamp: the version of its data.
        policy: what may be said about constants.
        earlier: what was measured before data were added to the store, if anything.
        progress: told the triples measured.

    Returns:
        The profile, which is the same whatever was measured earlier, and what to keep for the
        next time.
    """
    predicates = _count_by(store, "SELECT ?p (COUNT(*) AS ?n) { ?s ?p ?o } GROUP BY ?p", "p")
    classes = _count_instances(store)
    total = sum(predicates.values())
    steps = _Steps(progress, total)
    subjects = measure_subjects(store, predicates, classes, policy.namespaces)
    steps.report(total // 2, "subjects")
    vocabulary = vocabulary_stems(policy, subjects, (*predicates, *classes))
    state = ProfileState(stamp, policy.namespaces, tuple(sorted(vocabulary)), {})
    if earlier is not None and earlier.fits(state):
        state.objects.update(
            (iri, measure)
            for iri, measure in earlier.objects.items()
            if predicates.get(iri) == measure.triples
        )
    steps.report(sum(predicates[iri] for iri in state.objects) // 2, "objects")
    missing = {iri: count for iri, count in predicates.items() if iri not in state.objects}
    state.objects.update(
        measure_objects(
            store,
            missing,
            policy.namespaces,
            vocabulary,
            lambda triples, iri: steps.report(triples // 2, iri),
        )
    )
    state = replace(state, objects=dict(sorted(state.objects.items())))
    profile = _assemble(
        store, stamp, policy, _Measures(predicates, classes, subjects, state.objects)
    )
    steps.report(total, "")
    return profile, state


class _Steps:
    """Tells how far the measuring has come; never more than all."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress = progress
        self._total = total
        self._done = 0

    def report(self, triples: int, label: str) -> None:
        self._done = min(self._total, self._done + triples)
        if self._progress is not None:
            self._progress(self._done, self._total, label)


@dataclass(frozen=True)
class _Measures:
    """Everything that was measured."""

    predicates: Mapping[str, int]
    classes: Mapping[str, int]
    subjects: SubjectMeasures
    objects: Mapping[str, ObjectMeasure]


def _assemble(store: "Store", stamp: str, policy: SharingPolicy, measured: _Measures) -> Profile:
    subjects = measured.subjects
    shared = share_constants(policy, subjects, measured.objects, measured.classes)
    is_public = public_namespaces(shared, (*measured.predicates, *measured.classes))
    profiles = {
        iri: _describe_predicate(iri, measured, shared, is_public)
        for iri in sorted(measured.predicates)
    }
    told = {iri for iri, count in measured.classes.items() if count >= FEWEST_USERS}
    sets, places = merge_sets(
        (key, subjects.counts[key], signature.predicates, signature.classes & told)
        for key, signature in subjects.signatures.items()
    )
    inner = {
        iri: known.triples
        for iri, known in profiles.items()
        if _may_lead_to_subjects(known, measured)
    }
    graphs = _count_by_graph(store)
    triples = sum(measured.predicates.values())
    return Profile(
        stamp=stamp,
        triples=triples,
        subjects=subjects.counts.total(),
        predicates=profiles,
        classes=measured.classes,
        named_graphs=tuple(graphs),
        graph_triples=graphs,
        characteristic_sets=sets,
        links=count_links(store, inner, subjects.members, places, triples),
    )


def _describe_predicate(
    iri: str, measured: _Measures, shared: SharedConstants, is_public: Callable[[str], bool]
) -> PredicateProfile:
    subjects, objects = measured.subjects, measured.objects[iri]
    keys = [key for key, each in subjects.signatures.items() if iri in each.predicates]
    held = sum(subjects.counts[key] for key in keys)
    namespaces: Counter[str] = Counter()
    for key in keys:
        namespaces.update(subjects.namespaces[key])
    numbers, dates = objects.numbers, objects.dates
    return PredicateProfile(
        triples=objects.triples,
        subjects=held,
        objects=objects.objects,
        subject_namespaces=generalise_namespaces(namespaces, is_public),
        object_namespaces=generalise_namespaces(objects.namespaces, is_public),
        datatypes=tuple(sorted(objects.datatypes)),
        languages=tuple(sorted(objects.languages)),
        blank_subjects=not subjects.blank.isdisjoint(keys),
        blank_objects=objects.blank > 0,
        iri_objects=bool(objects.namespaces),
        literal_objects=bool(objects.datatypes),
        subject_filter=shared.subjects.get(iri),
        object_filter=shared.objects.get(iri),
        number_range=widen_numbers(*numbers)
        if numbers
        and _fewest_subjects(held, objects.triples, objects.number_triples) >= FEWEST_USERS
        else None,
        date_range=widen_dates(*dates)
        if dates and _fewest_subjects(held, objects.triples, objects.date_triples) >= FEWEST_USERS
        else None,
        object_counts=shared.counts.get(iri, {}),
    )


def _fewest_subjects(subjects: int, triples: int, of_kind: int) -> int:
    """How many subjects have a value of a kind at least: each other one takes another triple."""
    return subjects - (triples - of_kind)


def _may_lead_to_subjects(known: PredicateProfile, measured: _Measures) -> bool:
    if known.blank_objects:
        return True
    if not known.iri_objects:
        return False
    namespaces = {each for counted in measured.subjects.namespaces.values() for each in counted}
    return may_overlap(known.object_namespaces, namespaces)


def _count_by(store: "Store", query: str, variable: str) -> dict[str, int]:
    """Run a query for a term and a number ``?n``; give the numbers by name, sorted."""
    solutions: Iterator[QuerySolution] = cast("QuerySolutions", store.query(query))
    return dict(sorted((each[variable].value, int(each["n"].value)) for each in solutions))


def _count_by_graph(store: "Store") -> dict[str, int]:
    """Count the triples of each named graph, sorted."""
    if next(store.named_graphs(), None) is None:
        # Oxigraph would read all triples to find that none is in a named graph.
        return {}
    return _count_by(store, "SELECT ?g (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } } GROUP BY ?g", "g")


def _count_instances(store: "Store") -> dict[str, int]:
    """Count the instances of each class: of the IRIs among the types, sorted."""
    from pyoxigraph import NamedNode  # noqa: PLC0415 (slow to import)

    query = f"SELECT ?c (COUNT(*) AS ?n) {{ ?s <{RDF_TYPE}> ?c }} GROUP BY ?c"
    solutions: Iterator[QuerySolution] = cast("QuerySolutions", store.query(query))
    return dict(
        sorted(
            (each["c"].value, int(each["n"].value))
            for each in solutions
            if isinstance(each["c"], NamedNode)
        )
    )
