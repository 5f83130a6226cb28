"""Namespaces are finer where there is much, never too many, and always cover all IRIs."""

import pyoxigraph as ox
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hereditary_kg.rdf.terms import RDF_TYPE
from hereditary_kg.sites import shared_constants
from hereditary_kg.sites.adaptive_namespaces import MOST_NAMESPACES, choose_namespaces, fold_rare
from hereditary_kg.sites.namespaces import admits
from hereditary_kg.sites.profiling import profile_store
from hereditary_kg.sites.shared_namespaces import SharingPolicy

CODES = "http://codes.example/"
TEXTS = st.text(st.sampled_from("ab/#"), min_size=1, max_size=6)
COUNTS = st.dictionaries(TEXTS, st.integers(1, 50), max_size=40)


@given(COUNTS, COUNTS, st.integers(1, 12))
def test_beginnings_cover_everything_and_are_few(counts, finer, most):
    found = choose_namespaces(counts, finer, most)
    assert len(found) <= most
    assert all(admits(found, text) for text in {**counts, **finer})
    assert not any(a != b and a.startswith(b) for a in found for b in found)


@given(COUNTS)
def test_few_namespaces_are_all_given_back(counts):
    kept = {a for a in counts if not any(a != b and a.startswith(b) for b in counts)}
    assert choose_namespaces(counts) == tuple(sorted(kept))


@given(st.dictionaries(TEXTS, st.integers(1, 5), min_size=1))
def test_rare_beginnings_are_folded(counts):
    folded = fold_rare({CODES + text: n for text, n in counts.items()}, CODES)
    assert sum(folded.values()) == sum(counts.values())
    assert all(count >= 3 or text == CODES for text, count in folded.items())
    assert all(admits(tuple(folded), CODES + text) for text in counts)


def test_the_largest_are_told_apart_first():
    counts = {f"http://large.example/{c}/": 1000 for c in "abcd"}
    counts |= {f"http://h{n:03}.example/": 1 for n in range(200)}
    found = choose_namespaces(counts, most=8)
    assert {f"http://large.example/{c}/" for c in "abcd"} <= set(found)
    assert len(found) <= 8


@pytest.fixture
def without_filters(monkeypatch):
    """As where there are too many constants for a filter."""
    monkeypatch.setattr(shared_constants, "MOST_TERMS", -1)


def coded(codes, *, described):
    """Make a store of patients with codes."""
    store = ox.Store()
    for number, code in enumerate(codes):
        patient = ox.NamedNode(f"http://clinic.example/patient/{number}")
        store.add(ox.Quad(patient, ox.NamedNode("http://v.example/code"), ox.NamedNode(code)))
        if described:
            kind = ox.NamedNode("http://www.w3.org/2002/07/owl#Class")
            store.add(ox.Quad(ox.NamedNode(code), ox.NamedNode(RDF_TYPE), kind))
    return store


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.builds(
            "{}{}".format,
            st.sampled_from([CODES, CODES + "x/", "http://a.example/"]),
            st.text(st.sampled_from("Aa1_/"), max_size=7),
        ),
        min_size=1,
        max_size=60,
    ),
    st.booleans(),
)
def test_ends_cover_all_their_iris(without_filters, codes, described):
    policy = SharingPolicy((CODES,), base_iri="http://clinic.example/")
    profile = profile_store(coded(codes, described=described), "1", policy=policy)
    known = profile.predicates["http://v.example/code"]
    assert known.object_filter is None
    assert all(admits(known.object_namespaces, code) for code in codes)
    assert len(known.object_namespaces) <= MOST_NAMESPACES
    if described:
        ends = profile.predicates[RDF_TYPE].subject_namespaces
        assert all(admits(ends, code) for code in codes)
    few = len(codes) < 3
    assert known.subject_namespaces == (f"http://clinic.example/{'' if few else 'patient/'}",)


def test_a_large_public_namespace_without_a_filter_is_refined(without_filters):
    codes = [f"{CODES}{letter}{n:05}" for letter in "PQ" for n in range(0, 20_000, 400)]
    store = coded([*codes, "http://rare.example/x"], described=False)
    known = profile_store(store, "1", policy=SharingPolicy((CODES,))).predicates[
        "http://v.example/code"
    ]
    fine = [each for each in known.object_namespaces if each.startswith(CODES)]
    assert fine == [f"{CODES}{letter}{digit}" for letter in "PQ" for digit in "01"]
    assert all(sum(code.startswith(each) for code in codes) >= 3 for each in fine)
    assert not admits(known.object_namespaces, f"{CODES}R00001")
    assert admits(known.object_namespaces, f"{CODES}P00400")


def test_namespaces_of_patients_are_not_refined(without_filters):
    people = [f"http://clinic.example/patient/{name}{n}" for name in "abc" for n in range(50)]
    profile = profile_store(coded(people, described=False), "1")
    known = profile.predicates["http://v.example/code"]
    assert known.object_namespaces == ("http://clinic.example/patient/",)
