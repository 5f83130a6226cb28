"""A profile built after a load is the one that is built from scratch."""

import gzip

import pyoxigraph as ox
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hereditary_kg.rdf.terms import RDF_TYPE, XSD
from hereditary_kg.sites import Site, SiteError, object_measures, profiling, store_columns
from hereditary_kg.sites.profile_state import ProfileState
from hereditary_kg.sites.shared_namespaces import SharingPolicy

EX = "http://example.org/"
OWL = "http://www.w3.org/2002/07/owl#"
HP = "http://purl.obolibrary.org/obo/HP_"

_SUBJECTS = [f"{EX}s/{n}" for n in range(5)] + [f"{HP}{n}" for n in range(3)] + [f"{EX}o#C"]
_OBJECTS = (
    [ox.NamedNode(iri) for iri in _SUBJECTS]
    + [ox.Literal(n) for n in (1, 2, 30)]
    + [ox.Literal("a"), ox.Literal('b "c"'), ox.Literal("a", language="en"), ox.Literal(1.5)]
    + [ox.Literal("2024-01-02", datatype=ox.NamedNode(XSD + "date")), ox.BlankNode("b")]
)
_TRIPLE = st.one_of(
    st.tuples(
        st.sampled_from(_SUBJECTS),
        st.sampled_from([EX + "p", EX + "q", EX + "r", OWL + "sameAs"]),
        st.sampled_from(_OBJECTS),
    ),
    st.tuples(
        st.sampled_from(_SUBJECTS),
        st.just(RDF_TYPE),
        st.sampled_from([OWL + "Class", EX + "Person", EX + "o#C"]).map(ox.NamedNode),
    ),
)


@given(
    st.lists(st.lists(_TRIPLE, max_size=25), min_size=2, max_size=3),
    st.sampled_from(
        [SharingPolicy(), SharingPolicy((HP,)), SharingPolicy((EX + "s/1",), detects=False)]
    ),
)
def test_an_incremental_profile_equals_one_from_scratch(loads, policy):
    store = ox.Store()
    earlier = None
    for number, triples in enumerate(loads):
        for subject, predicate, target in triples:
            store.add(ox.Quad(ox.NamedNode(subject), ox.NamedNode(predicate), target))
        profile, state = profiling.measure_store(store, str(number), policy, earlier=earlier)
        scratch, fresh = profiling.measure_store(store, str(number), policy)
        assert profile.to_json() == scratch.to_json()
        assert state == fresh
        earlier = ProfileState.from_json(state.to_json())
        assert earlier == state


def test_only_predicates_with_new_triples_are_measured_again(site, write, monkeypatch):
    site.load([write("a.nt", f'<{EX}s> <{EX}p> "1" .\n<{EX}s> <{EX}q> "1" .\n')])
    site.build_profile()
    measured = []
    original = profiling.measure_objects

    def measure(store, predicates, *rest):
        measured.append(sorted(predicates))
        return original(store, predicates, *rest)

    monkeypatch.setattr(profiling, "measure_objects", measure)
    site.load([write("b.nt", f'<{EX}t> <{EX}q> "2" .\n')])
    site.build_profile()
    assert measured == [[EX + "q"]]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"format": 1}', gzip.compress(b"x", mtime=0)]
)
def test_a_broken_state_costs_nothing_but_time(site, write, content):
    site.load([write("a.nt", f'<{EX}s> <{EX}p> "1" .\n')])
    expected = site.build_profile()
    (site.directory / "profile-state.json").write_bytes(content)
    assert site.build_profile() == expected


def test_a_state_of_other_data_is_not_used(tmp_path, site, write):
    site.load([write("a.nt", f'<{EX}s> <{EX}p> "text" .\n')])
    site.build_profile()
    other = Site.create(tmp_path / "other", name="clinic", base_iri=site.description.base_iri)
    other.load([write("b.nt", f"<{EX}s> <{EX}p> <{EX}o> .\n")])
    state = (site.directory / "profile-state.json").read_bytes()
    (other.directory / "profile-state.json").write_bytes(state)
    assert other.build_profile().predicates[EX + "p"].iri_objects


def test_shared_namespaces_are_taken_from_the_description(tmp_path, write):
    namespace = "http://codes.example/"
    rows = [f"<{EX}s/{n}> <{EX}p> <{namespace}{n % 3}> .\n" for n in range(30)]
    file = write("a.nt", "".join(rows))
    covered = {}
    for name, entries in {"some": [namespace], "none": []}.items():
        site = Site.create(tmp_path / name, shared_namespaces=entries)
        site.load([file])
        known = Site.open(site.directory).build_profile().predicates[EX + "p"]
        covered[name] = known.object_filter
    assert covered["some"].namespaces == (namespace,)
    assert covered["some"].excludes(f"<{namespace}3>")
    assert covered["none"] is None


@pytest.mark.parametrize(
    ("entry", "message"),
    [("HP", "is no namespace"), ("https://n.example/", "covers the site's own IRIs")],
)
def test_wrong_shared_namespaces_are_refused(tmp_path, entry, message):
    with pytest.raises(SiteError, match=message):
        Site.create(
            tmp_path / "n",
            base_iri="https://n.example/site/",
            shared_namespaces=["detected", entry],
        )
    site = Site.create(tmp_path / "n", base_iri="https://n.example/site/")
    path = site.directory / "site.toml"
    path.write_text(path.read_text().replace('"detected"', f'"{entry}"'))
    with pytest.raises(SiteError, match=message):
        Site.open(site.directory)


def test_objects_that_are_not_counted_are_measured_the_same(monkeypatch):
    store = ox.Store()
    for number in range(3000):
        subject = ox.NamedNode(f"{EX}s/{number}")
        store.add(ox.Quad(subject, ox.NamedNode(EX + "name"), ox.Literal(f"name {number}")))
        store.add(ox.Quad(subject, ox.NamedNode(EX + "number"), ox.Literal(number)))
        store.add(ox.Quad(subject, ox.NamedNode(EX + "next"), ox.NamedNode(f"{EX}s/{number + 1}")))
    counted = profiling.profile_store(store, "1")
    monkeypatch.setattr(object_measures, "_BATCH", 1)
    assert profiling.profile_store(store, "1") == counted
    assert counted.predicates[EX + "number"].number_range == (-1000, 3000)
    assert counted.predicates[EX + "name"].objects == 3000


@pytest.mark.parametrize("kept", ["memory", "disk"])
def test_listed_objects_that_several_subjects_have_are_measured_once(kept, tmp_path, monkeypatch):
    store = ox.Store() if kept == "memory" else ox.Store(tmp_path / "store")
    names = [f"name {number % 2950}" for number in range(3000)]
    store.extend(
        ox.Quad(ox.NamedNode(f"{EX}s/{number}"), ox.NamedNode(EX + "name"), ox.Literal(name))
        for number, name in enumerate(names)
    )
    monkeypatch.setattr(object_measures, "_BATCH", 1)
    monkeypatch.setattr(store_columns, "_PIECE", 4096)
    asked = []
    original = object_measures.read_columns

    def read_columns(store, query, *rest):
        asked.append(query)
        original(store, query, *rest)

    monkeypatch.setattr(object_measures, "read_columns", read_columns)
    assert profiling.profile_store(store, "1").predicates[EX + "name"].objects == 2950
    # Only on disk do the same objects stand next to each other.
    assert any("DISTINCT" in query for query in asked) == (kept == "memory")
