"""Profiles of awkward data stay small, and say that their lists are open."""

import pyoxigraph as ox
import pytest

from hereditary_kg.rdf.terms import RDF_TYPE
from hereditary_kg.sites.namespaces import admits
from hereditary_kg.sites.profile import Profile
from hereditary_kg.sites.profiling import profile_store
from hereditary_kg.sites.published_names import ListLimits
from hereditary_kg.sites.shared_namespaces import SharingPolicy

EX = "http://example.org/"
CLASSES, PREDICATES, GRAPHS = 5_000, 2_000, 2_500
LIMITS = ListLimits(
    predicates=50, classes=50, graphs=25, namespaces=200, counts=200, set_entries=800
)


def triples():
    """Yield data with many names of each kind, and as many namespaces."""
    for number in range(3 * CLASSES):
        subject = ox.NamedNode(f"http://h{number % 89}.example/a/{number}")
        kind = ox.NamedNode(f"{EX}C{number % CLASSES}")
        predicate = ox.NamedNode(f"{EX}p{number % PREDICATES}")
        yield ox.Quad(subject, ox.NamedNode(RDF_TYPE), kind)
        target = ox.NamedNode(f"http://t{number % 97}.example/b/{number}")
        yield ox.Quad(subject, predicate, target)
        yield ox.Quad(subject, predicate, ox.Literal(number))
        graph = ox.NamedNode(f"{EX}graph/{number % GRAPHS}")
        yield ox.Quad(subject, predicate, target, graph)


@pytest.fixture(scope="module")
def awkward() -> ox.Store:
    store = ox.Store()
    store.bulk_extend(triples())
    return store


@pytest.fixture(scope="module")
def profile(awkward) -> Profile:
    return profile_store(awkward, "1", policy=SharingPolicy((EX,)), limits=LIMITS)


def test_no_list_is_longer_than_its_limit(profile):
    assert len(profile.predicates) <= LIMITS.predicates + 1
    assert RDF_TYPE in profile.predicates
    assert len(profile.classes) == LIMITS.classes
    assert len(profile.named_graphs) == LIMITS.graphs
    ends = [
        namespace
        for known in profile.predicates.values()
        for namespace in (*known.subject_namespaces, *known.object_namespaces)
    ]
    assert len(ends) <= LIMITS.namespaces
    assert sum(len(each.predicates) for each in profile.characteristic_sets) <= LIMITS.set_entries
    assert sum(len(known.object_counts) for known in profile.predicates.values()) <= LIMITS.counts


def test_the_rest_is_summed_up(profile):
    assert profile.unlisted_classes.count == CLASSES - LIMITS.classes
    assert profile.unlisted_classes.uses == 3 * (CLASSES - LIMITS.classes)
    assert profile.unlisted_graphs.count == GRAPHS - LIMITS.graphs
    assert profile.all_graph_triples == 3 * CLASSES
    listed = sum(known.triples for known in profile.predicates.values())
    assert listed + profile.unlisted_predicates.uses == profile.triples


def test_what_is_unlisted_is_admitted_with_its_terms(awkward, profile):
    for quad in awkward.quads_for_pattern(None, None, None, ox.DefaultGraph()):
        known = profile.predicate(quad.predicate.value)
        assert known is not None
        assert admits(known.subject_namespaces, quad.subject.value)
        if isinstance(quad.object, ox.NamedNode):
            assert admits(known.object_namespaces, quad.object.value)
    for number in range(0, CLASSES, 77):
        assert profile.instances(f"{EX}C{number}") == 3
    assert profile.may_have_graph(f"{EX}graph/{GRAPHS - 1}")
    assert profile.predicate("http://elsewhere.example/p") is None


def test_the_profile_is_small(awkward, profile):
    data = awkward.dump(format=ox.RdfFormat.N_QUADS)
    assert len(profile.to_json()) < 0.025 * len(data)
    assert Profile.from_json(profile.to_json()) == profile
