import json

import pyoxigraph
import pytest
from hypothesis import given
from hypothesis import strategies as st
from site_data import GRAPHS, TURTLE

from hereditary_kg.rdf.media_types import GraphFormat
from hereditary_kg.sites import Profile, Site, SiteError
from hereditary_kg.sites.adaptive_namespaces import MOST_NAMESPACES
from hereditary_kg.sites.namespaces import (
    admits,
    generalise_namespaces,
    may_overlap,
    namespace_of,
)
from hereditary_kg.sites.profile import Unlisted
from hereditary_kg.sites.void import describe_data

EX = "http://example.org/"
FOAF = "http://xmlns.com/foaf/0.1/"
XSD = "http://www.w3.org/2001/XMLSchema#"


@pytest.fixture
def profiled(site, write) -> Site:
    site.load([write("a.ttl", TURTLE), write("g.nq", GRAPHS)])
    site.build_profile()
    return site


def test_counts_and_kinds_are_those_of_the_data(profiled):
    profile = profiled.profile()
    assert (profile.triples, profile.subjects, profile.stamp) == (11, 4, profiled.stamp())
    assert profile.classes == {FOAF + "Person": 3}
    assert (profile.named_graphs, profile.graph_triples) == ((), {})
    assert profile.unlisted_graphs == Unlisted(2, 3, (EX,))
    assert profile.all_graph_triples == 3
    knows = profile.predicates[FOAF + "knows"]
    assert (knows.triples, knows.subjects, knows.objects) == (3, 2, 3)
    assert (knows.iri_objects, knows.literal_objects, knows.blank_objects) == (True, False, False)
    name = profile.predicates[FOAF + "name"]
    assert name.languages == ("en",)
    assert name.datatypes == (
        "http://www.w3.org/1999/02/22-rdf-syntax-ns#langString",
        XSD + "string",
    )
    assert (name.iri_objects, name.literal_objects) == (False, True)
    assert profile.predicates[FOAF + "age"].datatypes == (XSD + "integer",)


def test_every_datatype_is_found(site, write):
    values = {
        "integer": "5",
        "decimal": "1.50",
        "double": "1.0e3",
        "float": "2.5",
        "boolean": "false",
        "date": "2024-01-02",
        "string": "_:x",
        "anyURI": "<http://x/>",
    }
    rows = [f'<{EX}s> <{EX}p> "{v}"^^<{XSD}{kind}> .' for kind, v in values.items()]
    rows += [f'<{EX}s> <{EX}p> "a\\n\\"^^<{EX}no>" .', f'<{EX}s> <{EX}p> "x"@de-AT .']
    site.load([write("a.nt", "\n".join(rows) + "\n")])
    predicate = site.build_profile().predicates[EX + "p"]
    lang_string = "http://www.w3.org/1999/02/22-rdf-syntax-ns#langString"
    assert set(predicate.datatypes) == {XSD + kind for kind in values} | {lang_string}
    assert predicate.languages == ("de-at",)
    assert (predicate.objects, predicate.blank_objects, predicate.iri_objects) == (10, False, False)


def test_blank_nodes_are_noticed_at_both_ends(site, write):
    site.load([write("a.ttl", TURTLE)], skolemise=False)
    profile = site.build_profile()
    assert profile.predicates[FOAF + "name"].blank_subjects
    assert profile.predicates[FOAF + "knows"].blank_objects
    assert not profile.predicates[FOAF + "knows"].blank_subjects


def test_the_same_data_give_the_same_bytes(tmp_path, write):
    file = write("a.ttl", TURTLE)
    documents = []
    for number in range(2):
        site = Site.create(tmp_path / f"s{number}", name="s", base_iri="http://s/")
        site.load([file])
        documents.append(site.build_profile().to_json())
    assert documents[0] == documents[1]


def test_an_empty_site_has_an_empty_profile(site):
    profile = site.build_profile()
    assert (profile.triples, dict(profile.predicates), profile.named_graphs) == (0, {}, ())
    assert site.profile() == profile


def test_a_profile_of_older_data_is_not_given_out(profiled, write):
    assert profiled.profile_state() == "current"
    profiled.load([write("more.nt", f"<{EX}new> <{EX}p> <{EX}x> .\n")])
    assert profiled.profile() is None
    assert profiled.profile_state() == "outdated"
    profiled.build_profile()
    assert profiled.profile().triples == 12


def test_no_profile_is_none(site):
    assert site.profile() is None
    assert site.profile_state() == "absent"


def test_profiles_survive_json(profiled):
    profile = profiled.profile()
    assert Profile.from_json(profile.to_json()) == profile


@pytest.mark.parametrize(
    "change",
    [
        lambda table: table.update(format=99),
        lambda table: table.pop("triples"),
        lambda table: table.update(named_graphs="abc"),
        lambda table: table["predicates"][FOAF + "age"].update(blank_subjects="no"),
        lambda table: table["predicates"][FOAF + "age"].update(datatypes=[1]),
    ],
)
def test_broken_profiles_are_refused(profiled, change):
    table = json.loads(profiled.profile().to_json())
    change(table)
    (profiled.directory / "profile.json").write_text(json.dumps(table))
    with pytest.raises(SiteError, match=r"profile\.json.*build it again"):
        profiled.profile()


def test_no_person_is_in_the_profile(site, write):
    people = [f"http://h.example/patient/{number}" for number in range(20)]
    rows = [f'<{person}> <{EX}name> "{person}" .' for person in people]
    rows += [f"<{person}/visit/7#x> <{EX}of> <{person}> ." for person in people]
    rows += [f"<http://h.example/staff/anna> <{EX}treats> <{people[0]}#it> ."]
    site.load([write("a.nt", "\n".join(rows) + "\n")])
    profile = site.build_profile()
    for predicate in profile.predicates.values():
        for namespace in (*predicate.subject_namespaces, *predicate.object_namespaces):
            assert not any(character.isdigit() for character in namespace)
            assert "anna" not in namespace
    visits = profile.predicates[EX + "of"]
    assert visits.subject_namespaces == visits.object_namespaces == ("http://h.example/patient/",)
    assert profile.predicates[EX + "treats"].subject_namespaces == ("http://h.example/",)


@pytest.mark.parametrize(
    ("iri", "namespace"),
    [
        ("http://purl.obolibrary.org/obo/HP_0001250", "http://purl.obolibrary.org/obo/HP_"),
        ("http://purl.obolibrary.org/obo/HP_x", "http://purl.obolibrary.org/obo/"),
        ("http://example.org/v#P", "http://example.org/v#"),
        ("urn:uuid:abc", "urn:uuid:"),
    ],
)
def test_namespaces_are_cut_where_codes_begin(iri, namespace):
    assert namespace_of(iri) == namespace


def test_years_and_versions_stay_in_namespaces():
    counts = {"http://www.w3.org/2001/XMLSchema#": 5, "http://xmlns.com/foaf/0.1/": 5}
    assert generalise_namespaces(counts) == tuple(sorted(counts))


def test_names_in_paths_are_cut():
    people = {f"http://h.org/patient/{name}/": 5 for name in ("anna", "bob", "carol")}
    assert generalise_namespaces(people) == ("http://h.org/patient/",)
    assert generalise_namespaces({"http://h.org/patient/anna/": 2}) == ("http://h.org/",)
    visits = {f"http://h.org/p/{name}/visit/": 5 for name in ("anna", "bob")}
    assert generalise_namespaces(visits) == ("http://h.org/p/",)
    codes = {"http://o.org/HP_": 1, "http://o.org/GO_": 1}
    assert generalise_namespaces(codes, bool) == tuple(sorted(codes))


def test_of_more_namespaces_than_the_cap_small_ones_are_merged():
    counts = {f"http://h{chr(97 + n // 26)}{chr(97 + n % 26)}.org/": 9 for n in range(65)}
    counts["http://hab.org/"] = 900
    found = generalise_namespaces(counts)
    assert 3 <= len(found) <= MOST_NAMESPACES
    assert "http://hab.org/" in found
    assert all(admits(found, namespace) for namespace in counts)


_IRI = st.builds(
    lambda host, path, mark, name: f"http://{host}.org/{'/'.join(path)}{mark}{name}",
    st.sampled_from(["a", "b", "obo"]),
    st.lists(st.sampled_from(["patient", "17", "x1", "2024", "v1.2", "anna"]), max_size=3),
    st.sampled_from(["/", "#", ":", "/HP_"]),
    st.text(st.sampled_from("ab01_"), max_size=4),
)


@given(st.lists(_IRI, min_size=1, max_size=30), st.sets(st.sampled_from(["http://a.org/", "x:"])))
def test_namespaces_admit_every_iri_that_they_describe(iris, public):
    counts: dict[str, int] = {}
    for iri in set(iris):
        counts[namespace_of(iri)] = counts.get(namespace_of(iri), 0) + 1
    namespaces = generalise_namespaces(counts, lambda each: each.startswith(tuple(public)))
    assert namespaces
    assert all(admits(namespaces, iri) for iri in iris)


@given(st.lists(_IRI, min_size=1, max_size=8), st.lists(_IRI, min_size=1, max_size=8))
def test_sets_with_a_common_iri_overlap(some, others):
    def describe(iris):
        return generalise_namespaces({namespace_of(iri): 1 for iri in iris}, bool)

    if set(some) & set(others):
        assert may_overlap(describe(some), describe(others))
    assert may_overlap(describe([*some, others[0]]), describe(others))
    assert not may_overlap(("http://a.org/x#",), ("http://a.org/y#", "http://b.org/"))


def test_void_states_the_partitions(profiled):
    url = "http://127.0.0.1:1/"
    document = describe_data(
        profiled.description,
        profiled.profile(),
        endpoint=url + "sparql",
        document=url + "void",
        graph_format=GraphFormat.TURTLE,
    )
    store = pyoxigraph.Store()
    store.load(document, pyoxigraph.RdfFormat.TURTLE)
    prefix = "PREFIX void: <http://rdfs.org/ns/void#> "
    assert store.query(
        prefix
        + f"""ASK {{ <{url}void#dataset> a void:Dataset ; void:triples 11 ;
            void:sparqlEndpoint <{url}sparql> ; void:vocabulary <{FOAF}> ;
            void:propertyPartition [ void:property <{FOAF}knows> ; void:triples 3 ] ;
            void:classPartition [ void:class <{FOAF}Person> ; void:entities 3 ] }}"""
    )
    assert store.query(prefix + "ASK { ?p void:property ?x ; void:distinctSubjects ?n }")
    assert store.query(
        prefix
        + f"""ASK {{ ?class void:class <{FOAF}Person> ; void:propertyPartition
            [ void:property <{FOAF}name> ; void:triples 4 ] }}"""
    )
