"""No person is in a profile: neither in clear nor as a hash that could be guessed."""

import base64
import json
from datetime import UTC, datetime

import pyoxigraph as ox
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hereditary_kg.rdf.media_types import GraphFormat
from hereditary_kg.rdf.terms import RDF_TYPE, XSD
from hereditary_kg.sites.description import SiteDescription
from hereditary_kg.sites.namespaces import admits
from hereditary_kg.sites.profile import Profile
from hereditary_kg.sites.profiling import profile_store
from hereditary_kg.sites.shared_namespaces import DETECTED, SharingPolicy
from hereditary_kg.sites.term_filters import hash_term, split_hashes
from hereditary_kg.sites.void import describe_data

EX = "http://example.org/"
HP = "http://purl.obolibrary.org/obo/HP_"
BASE = "https://clinic.example.org/"
OWL = "http://www.w3.org/2002/07/owl#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
SKOS = "http://www.w3.org/2004/02/skos/core#"

# How sites name people. Some stand where classes, codes or the site's own IRIs do.
SCHEMES = [
    "http://h.example/patient/{}",
    "http://h.example/patient/{}/record#it",
    "http://h.example/Patient_{}",
    "http://h.example/{}",
    EX + "{}",
    EX + "vocabulary/{}",
    BASE + "person/{}",
    "https://registry.example/pseudonym/{}",
    "https://orcid.org/0000-0000-0000-{}",
    "mailto:{}@example.org",
    "tel:+49{}",
    "urn:uuid:{}",
    "did:example:{}",
    "https://www.wikidata.org/wiki/Q{}",
    "http://purl.obolibrary.org/obo/HP_{}x",
    "http://identifiers.org/hgnc/person-{}",
]
NAMES = st.sampled_from(["anna", "b17", "0042", "Weiß", "x", "smith-jones", "99999", "K"])


def add(store, subject, predicate, target):
    store.add(ox.Quad(ox.NamedNode(subject), ox.NamedNode(predicate), target))


def name_after(draw, store, person, number):
    """Name graphs, classes, predicates and datatypes after a person, once or more often."""
    below = draw(st.sampled_from(["/genome", "/"] if "#" in person else ["#Genome", "/"]))
    times = draw(st.sampled_from([1, 4]))
    kinds = draw(st.sets(st.sampled_from(["graph", "graph below", "class", "predicate", "type"])))
    for each in range(times if kinds else 0):
        thing = ox.NamedNode(f"{BASE}thing/{number}-{each}")
        # Only of persons in the data can it be known that a name is below theirs.
        if "graph" in kinds or not is_known(store, person):
            store.add(ox.Quad(thing, thing, thing, ox.NamedNode(person)))
        if "graph below" in kinds:
            store.add(ox.Quad(thing, thing, thing, ox.NamedNode(person + below)))
        if "class" in kinds:
            add(store, thing.value, RDF_TYPE, ox.NamedNode(person + below))
        if "predicate" in kinds:
            add(store, thing.value, person + below, ox.Literal(each))
        if "type" in kinds:
            kind = ox.NamedNode(person + below)
            add(store, thing.value, EX + "vocabulary/size", ox.Literal("1", datatype=kind))


def is_known(store, iri):
    node = ox.NamedNode(iri)
    return any(store.quads_for_pattern(node, None, None)) or any(
        store.quads_for_pattern(None, None, node)
    )


@st.composite
def clinics(draw):
    """A store, its persons' IRIs, and their texts."""
    store = ox.Store()
    schemes = draw(st.lists(st.sampled_from(SCHEMES), min_size=1, max_size=3))
    names = draw(st.lists(NAMES, min_size=1, max_size=5, unique=True))
    persons = [scheme.format(name) for scheme in schemes for name in names]
    kind = draw(st.sampled_from(["", EX + "vocabulary/Patient", "http://h.example/Patient"]))
    texts = set()
    for number, person in enumerate(persons):
        described = draw(st.sampled_from(["subject", "labelled", "object"]))
        if described == "subject":
            add(store, person, EX + "vocabulary/code", ox.NamedNode(f"{HP}{number % 2:07d}"))
            if kind:
                add(store, person, RDF_TYPE, ox.NamedNode(kind))
        if described != "object":
            texts.add(f"{person} in person")
            add(store, person, RDFS + "label", ox.Literal(f"{person} in person"))
        # Often used as an object, as a laboratory's samples and visits do.
        for visit in range(draw(st.sampled_from([0, 1, 5]))):
            event = f"{BASE}event/{number}-{visit}"
            add(store, event, EX + "vocabulary/of", ox.NamedNode(person))
            add(store, event, RDF_TYPE, ox.NamedNode(EX + "vocabulary/Event"))
        if draw(st.booleans()):
            add(store, f"{BASE}me/{number}", OWL + "sameAs", ox.NamedNode(person))
        name = f"{names[number % len(names)]} the {number}th"
        texts.add(name)
        for each in range(draw(st.integers(1, 2))):
            add(store, f"{BASE}me/{number}-{each}", EX + "vocabulary/name", ox.Literal(name))
        name_after(draw, store, person, number)
    for number in range(30):
        add(store, f"{BASE}case/{number}", EX + "vocabulary/has", ox.NamedNode(f"{HP}{number % 3}"))
        add(store, f"{BASE}case/{number}", EX + "vocabulary/sex", ox.Literal("mf"[number % 2]))
    return store, persons, texts


def published_hashes(document: bytes) -> set[bytes]:
    return set(split_hashes(base64.b64decode(json.loads(document)["filter_hashes"])))


@given(clinics())
def test_no_person_can_be_found_in_a_profile(clinic):
    store, persons, texts = clinic
    document = profile_store(store, "1", policy=SharingPolicy(base_iri=BASE)).to_json()
    profile = Profile.from_json(document)
    hashes = published_hashes(document)
    text = document.decode()
    for person in persons:
        assert hash_term(f"<{person}>") not in hashes
        assert hash_term(person) not in hashes
        assert json.dumps(person, ensure_ascii=False)[1:-1] not in text
    counted = {term for each in profile.predicates.values() for term in each.object_counts}
    for each in texts:
        assert hash_term(f'"{each}"') not in hashes
        assert f'"{each}"' not in counted
    for quad in store:
        if str(quad.subject.value).startswith(BASE):
            assert hash_term(str(quad.subject)) not in hashes
            assert quad.subject.value not in text
    void = describe_data(
        SiteDescription("clinic", "Clinic", BASE, datetime(2024, 1, 1, tzinfo=UTC)),
        profile,
        endpoint=BASE + "sparql",
        document=BASE + "void",
        graph_format=GraphFormat.NTRIPLES,
    ).decode()
    for person in persons:
        assert person not in void
    for characteristic in profile.characteristic_sets:
        assert characteristic.subjects >= 3
    for link in profile.links:
        assert link.triples >= 3


@given(clinics())
def test_what_is_not_listed_is_still_admitted(clinic):
    store, _, _ = clinic
    profile = profile_store(store, "1", policy=SharingPolicy(base_iri=BASE))
    for quad in store:
        graph = quad.graph_name
        if isinstance(graph, ox.NamedNode):
            assert profile.may_have_graph(graph.value)
            continue
        known = profile.predicate(quad.predicate.value)
        assert admits(known.subject_namespaces, quad.subject.value)
        if isinstance(quad.object, ox.NamedNode):
            assert known.iri_objects
            assert admits(known.object_namespaces, quad.object.value)
        else:
            assert not known.datatypes or quad.object.datatype.value in known.datatypes
        if quad.predicate.value == RDF_TYPE:
            assert profile.may_have_class(quad.object.value)
            assert profile.instances(quad.object.value) >= 1
    assert profile.all_graph_triples == sum(q.graph_name != ox.DefaultGraph() for q in store)
    assert profile.triples == sum(q.graph_name == ox.DefaultGraph() for q in store)
    listed = sum(known.triples for known in profile.predicates.values())
    assert listed + profile.unlisted_predicates.uses == profile.triples


@given(clinics(), st.booleans())
def test_what_filters_cover_they_know_whole(clinic, everything):
    store, _, _ = clinic
    declared = (EX, HP) if everything else ()
    profile = profile_store(store, "1", policy=SharingPolicy(declared, base_iri=BASE))
    for quad in store.quads_for_pattern(None, None, None, ox.DefaultGraph()):
        known = profile.predicate(quad.predicate.value)
        if known.subject_filter is not None:
            assert not known.subject_filter.excludes(str(quad.subject))
        if known.object_filter is not None:
            assert not known.object_filter.excludes(str(quad.object))


def test_codes_and_enumerations_are_covered():
    store = ox.Store()
    for number in range(30):
        case = f"{BASE}case/{number}"
        add(store, case, EX + "has", ox.NamedNode(f"{HP}{number % 3}"))
        add(store, case, EX + "sex", ox.Literal("mf"[number % 2]))
        add(store, case, EX + "name", ox.Literal(f"name {number}"))
    profile = profile_store(store, "1", policy=SharingPolicy(base_iri=BASE))
    has, sex, name = (profile.predicates[EX + each] for each in ("has", "sex", "name"))
    assert has.object_filter.excludes(f"<{HP}3>")
    assert not has.object_filter.excludes(f"<{HP}2>")
    assert has.object_counts == {f"<{HP}{code}>": 10 for code in range(3)}
    assert has.subject_filter.excludes(f"<{HP}2>")
    assert not has.subject_filter.excludes(f"<{BASE}case/99>")
    assert sex.object_filter.excludes('"x"')
    assert not sex.object_filter.excludes('"m"')
    assert sex.object_counts == {'"f"': 15, '"m"': 15}
    assert not name.object_filter.excludes('"nobody"')
    assert not name.object_counts


def test_an_ontologys_terms_are_covered_and_its_authors_are_not():
    store = ox.Store()
    for number in range(5):
        add(store, f"{EX}o#C{number}", RDF_TYPE, ox.NamedNode(OWL + "Class"))
        add(store, f"{EX}o#C{number}", RDFS + "subClassOf", ox.NamedNode(f"{EX}o#C0"))
        add(store, f"{EX}o#C{number}", EX + "by", ox.NamedNode("http://people.example/anna"))
    profile = profile_store(store, "1")
    label = profile.predicates[RDFS + "subClassOf"]
    assert label.subject_filter.excludes(f"<{EX}o#C9>")
    assert not label.subject_filter.excludes(f"<{EX}o#C4>")
    authors = profile.predicates[EX + "by"].object_filter
    assert not authors.excludes("<http://people.example/anna>")
    assert not authors.excludes("<http://people.example/bob>")


@pytest.mark.parametrize("against", ["typed", "named", "object"])
def test_one_person_among_terms_uncovers_their_namespace(against):
    store = ox.Store()
    for number in range(5):
        add(store, f"{EX}o#C{number}", RDF_TYPE, ox.NamedNode(OWL + "Class"))
    person = ox.NamedNode(f"{EX}o#anna")
    if against == "typed":
        add(store, person.value, RDF_TYPE, ox.NamedNode(OWL + "Class"))
        add(store, person.value, RDF_TYPE, ox.NamedNode(EX + "o#Person"))
    elif against == "named":
        add(store, person.value, RDFS + "label", ox.Literal("Anna"))
    else:
        for number in range(9):
            add(store, f"http://s/{number}", "http://p/of", person)
    profile = profile_store(store, "1")
    for known in profile.predicates.values():
        for each in (known.subject_filter, known.object_filter):
            assert each is None or not each.covers(str(person))


def test_an_empty_list_publishes_no_hash_and_no_text():
    store = ox.Store()
    for number in range(30):
        add(store, f"{BASE}case/{number}", EX + "has", ox.NamedNode(f"{HP}{number % 3}"))
        add(store, f"{BASE}case/{number}", EX + "sex", ox.Literal("mf"[number % 2]))
    silent = profile_store(store, "1", policy=SharingPolicy.of_entries([], BASE))
    assert published_hashes(silent.to_json()) == set()
    for known in silent.predicates.values():
        assert known.object_filter is None
        assert known.subject_filter is None
        assert not known.object_counts
    spoken = profile_store(store, "1", policy=SharingPolicy.of_entries([DETECTED], BASE))
    assert len(published_hashes(spoken.to_json())) == 5
    listed = profile_store(store, "1", policy=SharingPolicy.of_entries([HP], BASE))
    assert len(published_hashes(listed.to_json())) == 3


def test_extreme_values_do_not_show():
    store = ox.Store()
    for number, age in enumerate((3, 41, 97)):
        add(store, f"http://s/{number}", EX + "age", ox.Literal(age))
        born = ox.Literal(f"{2024 - age}-03-04", datatype=ox.NamedNode(XSD + "date"))
        add(store, f"http://s/{number}", EX + "born", born)
    add(store, "http://s/0", EX + "alone", ox.Literal(7))
    for number in range(3):
        add(store, "http://s/0", EX + "repeated", ox.Literal(number))
    predicates = profile_store(store, "1").predicates
    assert predicates[EX + "age"].number_range == (0, 100)
    assert predicates[EX + "born"].date_range == ("1927-01-01", "2022-01-01")
    assert predicates[EX + "alone"].number_range is None
    assert predicates[EX + "repeated"].number_range is None
