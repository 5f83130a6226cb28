"""Building a site's profile out of its store.

Two questions are put to the store: what each subject has (`sites.subject_measures`), and what
the objects of each predicate are (`sites.object_measures`). Oxigraph groups both, so that each
distinct term is written out once and not once a triple.

Memory holds, in Oxigraph, some 350 bytes a distinct subject, or a distinct object of the
predicates that are measured together, if they are grouped; here 16 bytes a subject, and 8 an
object that is listed.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, cast

from hereditary_kg.rdf.terms import RDF_TYPE
from hereditary_kg.sites.characteristic_sets import CharacteristicSet
from hereditary_kg.sites.code_censuses import take_censuses
from hereditary_kg.sites.individuals import Individuals
from hereditary_kg.sites.loading import Progress
from hereditary_kg.sites.namespaces import may_overlap
from hereditary_kg.sites.object_measures import ObjectMeasure, measure_objects
from hereditary_kg.sites.predicate_profiles import (
    PredicateDescriber,
    bound_namespaces,
    keys_by_predicate,
    mean_predicate,
)
from hereditary_kg.sites.profile import PredicateProfile, Profile
from hereditary_kg.sites.profile_state import ProfileState
from hereditary_kg.sites.published_names import ListLimits, NameRules, sum_up
from hereditary_kg.sites.set_links import count_links
from hereditary_kg.sites.set_merging import MOST_SETS, merge_sets
from hereditary_kg.sites.shared_constants import (
    public_namespaces,
    share_constants,
    vocabulary_stems,
)
from hereditary_kg.sites.shared_namespaces import FEWEST_USERS, SharingPolicy
from hereditary_kg.sites.subject_measures import SubjectMeasures, measure_subjects

if TYPE_CHECKING:
    from pyoxigraph import QuerySolution, QuerySolutions, Store

__all__ = ["measure_store", "profile_store"]


def profile_store(
    store: "Store",
    stamp: str,
    progress: Progress | None = None,
    policy: SharingPolicy | None = None,
    *,
    graphs: Mapping[str, int] | None = None,
    limits: ListLimits | None = None,
) -> Profile:
    """Measure the default graph of a store.

    Args:
        store: the store; it must not change meanwhile.
        stamp: the version of its data.
        progress: told the triples measured.
        policy: what may be said about constants; only what is detected where none is given.
        graphs: the named graphs with their triples; those of the store where none are given.
        limits: how much is listed at most.

    Returns:
        The profile; the same data give the same one.
    """
    policy = policy or SharingPolicy()
    return measure_store(store, stamp, policy, progress=progress, graphs=graphs, limits=limits)[0]


def measure_store(
    store: "Store",
    stamp: str,
    policy: SharingPolicy,
    *,
    earlier: ProfileState | None = None,
    progress: Progress | None = None,
    graphs: Mapping[str, int] | None = None,
    limits: ListLimits | None = None,
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
        graphs: the named graphs with their triples; those of the store where none are given.
        limits: how much is listed at most.

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
    graphs = _count_graphs(store) if graphs is None else graphs
    own_graphs = (iri for iri in graphs if not iri.startswith(policy.namespaces))
    individuals = Individuals(store, own_graphs)
    rules = NameRules(policy, individuals, limits or ListLimits())
    held = {
        iri: sum(subjects.counts[key] for key in keys)
        for iri, keys in keys_by_predicate(subjects).items()
    }
    names = frozenset(rules.predicates(predicates, held) | rules.classes(classes))
    vocabulary = vocabulary_stems(policy, subjects, names)
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
    measured = _Measures(
        predicates, classes, graphs, subjects, state.objects, names, rules, individuals
    )
    profile = _assemble(store, stamp, policy, measured)
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
    """Everything that was measured, and by which rules it is published."""

    predicates: Mapping[str, int]
    classes: Mapping[str, int]
    graphs: Mapping[str, int]
    subjects: SubjectMeasures
    objects: Mapping[str, ObjectMeasure]
    names: frozenset[str]
    rules: NameRules
    individuals: Individuals


def _assemble(store: "Store", stamp: str, policy: SharingPolicy, measured: _Measures) -> Profile:
    subjects, rules, limits = measured.subjects, measured.rules, measured.rules.limits
    names = measured.names
    shared = share_constants(policy, subjects, measured.objects, names, limits.counts)
    is_public = public_namespaces(shared, names)
    keys = keys_by_predicate(subjects)
    listed = {iri for iri in measured.predicates if iri in names}
    censuses = take_censuses(
        policy,
        {iri: each for iri, each in measured.objects.items() if iri in listed},
        shared.public,
        limits.codes,
    )
    describer = PredicateDescriber(
        subjects, keys, measured.objects, shared, rules, is_public, measured.individuals, censuses
    )
    described = {iri: describer.describe(iri) for iri in sorted(measured.predicates)}
    profiles = bound_namespaces(
        {iri: each for iri, each in described.items() if iri in listed}, limits.namespaces
    )
    classes = rules.classes(measured.classes, shared.public)
    graphs = rules.graphs(measured.graphs)
    told = {iri for iri in classes if measured.classes[iri] >= FEWEST_USERS}
    sets, places = _merge_within(
        [
            (
                key,
                subjects.counts[key],
                {iri: n for iri, n in signature.predicates.items() if iri in listed},
                signature.classes & told,
            )
            for key, signature in subjects.signatures.items()
        ],
        limits.set_entries,
    )
    told_apart = {each for counted in subjects.namespaces.values() for each in counted}
    inner = {
        iri: known.triples
        for iri, known in profiles.items()
        if _may_lead_to_subjects(known, told_apart)
    }
    triples = sum(measured.predicates.values())
    sum_rest = partial(sum_up, is_public=is_public, individuals=measured.individuals)
    return Profile(
        stamp=stamp,
        triples=triples,
        subjects=subjects.counts.total(),
        predicates=profiles,
        classes={iri: count for iri, count in measured.classes.items() if iri in classes},
        named_graphs=tuple(sorted(graphs)),
        graph_triples={iri: measured.graphs[iri] for iri in sorted(graphs)},
        characteristic_sets=sets,
        links=count_links(store, inner, subjects.members, places, triples),
        unlisted_predicates=sum_rest(measured.predicates, listed),
        unlisted_classes=sum_rest(measured.classes, classes),
        unlisted_graphs=sum_rest(measured.graphs, graphs),
        unlisted_predicate=mean_predicate(
            [each for iri, each in described.items() if iri not in listed]
        ),
    )


def _merge_within(
    signatures: Sequence[tuple[int, int, Mapping[str, int], Collection[str]]], most: int
) -> tuple[tuple[CharacteristicSet, ...], dict[int, int]]:
    """Merge signatures into so few sets that these have no more predicates in all than ``most``."""
    number = MOST_SETS
    sets, places = merge_sets(signatures, number)
    while number > 1 and sum(len(each.predicates) for each in sets) > most:
        number //= 2
        sets, places = merge_sets(signatures, number)
    return sets, places


def _may_lead_to_subjects(known: PredicateProfile, namespaces: Collection[str]) -> bool:
    if known.blank_objects:
        return True
    if not known.iri_objects:
        return False
    return may_overlap(known.object_namespaces, namespaces)


def _count_by(store: "Store", query: str, variable: str) -> dict[str, int]:
    """Run a query for a term and a number ``?n``; give the numbers by name, sorted."""
    solutions: Iterator[QuerySolution] = cast("QuerySolutions", store.query(query))
    return dict(sorted((each[variable].value, int(each["n"].value)) for each in solutions))


def _count_graphs(store: "Store") -> dict[str, int]:
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
