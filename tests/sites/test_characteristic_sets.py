from collections import Counter, defaultdict

import pyoxigraph as ox
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hereditary_kg.rdf.terms import RDF_TYPE
from hereditary_kg.sites.characteristic_sets import star_cardinality
from hereditary_kg.sites.profiling import profile_store
from hereditary_kg.sites.set_merging import merge_sets
from hereditary_kg.sites.shared_namespaces import SharingPolicy

EX = "http://example.org/"
POLICY = SharingPolicy(namespaces=(EX + "code/",))


def store_of(triples):
    store = ox.Store()
    for subject, predicate, target in triples:
        node = ox.NamedNode(target) if isinstance(target, str) else ox.Literal(target)
        store.add(ox.Quad(ox.NamedNode(subject), ox.NamedNode(predicate), node))
    return store


# Kinds of subjects, each of at least three: the classes, and the triples per predicate.
_KIND = st.tuples(
    st.sets(st.sampled_from([EX + "A", EX + "B"])),
    st.dictionaries(st.sampled_from([EX + "p", EX + "q", EX + "r"]), st.integers(1, 3)),
    st.integers(3, 6),
).filter(lambda kind: kind[0] or kind[1])


@st.composite
def graphs(draw):
    triples, number = [], 0
    for classes, counts, subjects in draw(st.lists(_KIND, min_size=1, max_size=5)):
        for _ in range(subjects):
            subject = f"{EX}s/{number}"
            number += 1
            triples += [(subject, RDF_TYPE, each) for each in classes]
            for predicate, count in counts.items():
                triples += [
                    (subject, predicate, f"{EX}code/{(number + each) % 7}") for each in range(count)
                ]
    return triples


@given(graphs(), st.sets(st.sampled_from([EX + "p", EX + "q", EX + "r"]), min_size=1))
def test_stars_of_one_multivalued_predicate_a_set_are_counted_exactly(triples, predicates):
    store = store_of(triples)
    profile = profile_store(store, "1", policy=POLICY)
    patterns = " ".join(f"?s <{iri}> ?o{at} ." for at, iri in enumerate(sorted(predicates)))
    found = next(
        iter(store.query(f"SELECT (COUNT(DISTINCT ?s) AS ?n) (COUNT(*) AS ?m) {{ {patterns} }}"))
    )
    rows, subjects = star_cardinality(profile, sorted(predicates), {})
    assert subjects == pytest.approx(int(found["n"].value))
    by_subject = defaultdict(Counter)
    for subject, predicate, _ in triples:
        by_subject[subject][predicate] += 1
    if len(predicates) == 1 or all(max(each.values()) == 1 for each in by_subject.values()):
        assert rows == pytest.approx(int(found["m"].value))


@given(graphs(), st.sampled_from([EX + "A", EX + "B", EX + "none"]))
def test_instances_of_a_class_are_counted_exactly(triples, iri):
    store = store_of(triples)
    profile = profile_store(store, "1", policy=POLICY)
    instances = len({s for s, p, o in triples if (p, o) == (RDF_TYPE, iri)})
    assert star_cardinality(profile, [], {}, [iri]) == (
        pytest.approx(instances),
        pytest.approx(instances),
    )


@given(graphs(), st.integers(0, 8))
def test_counted_constants_are_estimated_by_their_count(triples, code):
    store = store_of(triples)
    profile = profile_store(store, "1", policy=POLICY)
    if EX + "p" not in profile.predicates:
        return
    iri = f"{EX}code/{code}"
    held = len({s for s, p, o in triples if (p, o) == (EX + "p", iri)})
    rows, _ = star_cardinality(profile, [EX + "p"], {EX + "p": f"<{iri}>"})
    if held >= 3 or held == 0:
        assert rows == pytest.approx(held)
    else:
        assert rows > 0


def links_of(store):
    profile = profile_store(store, "1")
    sets = profile.characteristic_sets
    return {
        (sets[link.source].classes, link.predicate, sets[link.target].classes): link.triples
        for link in profile.links
    }


def test_links_count_the_triples_between_sets():
    triples = []
    for number in range(12):
        person, visit = f"{EX}person/{number % 4}", f"{EX}visit/{number}"
        triples += [(person, RDF_TYPE, EX + "Person"), (visit, RDF_TYPE, EX + "Visit")]
        triples += [(visit, EX + "of", person), (visit, EX + "n", number)]
    assert links_of(store_of(triples)) == {((EX + "Visit",), EX + "of", (EX + "Person",)): 12}


def test_links_of_many_triples_are_estimated_from_a_sample():
    triples = []
    for number in range(6000):
        person, visit = f"{EX}person/{number % 2000}", f"{EX}visit/{number}"
        triples += [(person, RDF_TYPE, EX + "Person"), (visit, RDF_TYPE, EX + "Visit")]
        triples += [(visit, EX + "of", person)]
    assert links_of(store_of(triples)) == {((EX + "Visit",), EX + "of", (EX + "Person",)): 6000}


_SIGNATURES = st.lists(
    st.tuples(
        st.integers(1, 5),
        st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 3), min_size=1),
        st.sets(st.sampled_from("XY")),
    ),
    max_size=12,
)


@given(_SIGNATURES, st.integers(1, 6))
def test_merged_sets_keep_every_subject_and_every_predicate(signatures, most):
    given = [(key, *signature) for key, signature in enumerate(signatures)]
    sets, places = merge_sets(given, most)
    total = sum(subjects for _, subjects, _, _ in given)
    if total < 3:
        assert (sets, places) == ((), {})
        return
    assert len(sets) <= most
    assert sum(each.subjects for each in sets) == total
    assert all(each.subjects >= 3 for each in sets)
    for key, _, predicates, classes in given:
        home = sets[places[key]]
        assert predicates.keys() <= set(home.predicates)
        assert classes <= set(home.classes)
    for name in "abcdef":
        triples = sum(count * each.get(name, 0) for _, count, each, _ in given)
        assert sum(each.occurrences.get(name, 0) for each in sets) == triples
    assert merge_sets(given[::-1], most)[0] == sets


def test_rare_sets_go_into_the_smallest_superset():
    rows = [
        ("ab", 9, {"a": 1, "b": 1}, ()),
        ("abc", 5, {"a": 1, "b": 2, "c": 1}, ()),
        ("a", 1, {"a": 3}, ()),
    ]
    sets, places = merge_sets(rows)
    assert [(each.predicates, each.subjects) for each in sets] == [
        (("a", "b"), 10),
        (("a", "b", "c"), 5),
    ]
    assert sets[0].occurrences == {"a": 12, "b": 9}
    assert places == {"ab": 0, "abc": 1, "a": 0}
