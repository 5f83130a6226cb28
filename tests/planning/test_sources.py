"""Which members are candidates, why others are not, and that nobody is left out wrongly."""

import pyoxigraph as ox
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hereditary_kg.planning.leaves import pattern_leaves
from hereditary_kg.planning.members import MemberView
from hereditary_kg.planning.physical import build_plan
from hereditary_kg.planning.probes import PROBED, probe_leaves, probe_text
from hereditary_kg.planning.sources import pattern_candidates, select_sources
from hereditary_kg.rdf.terms import RDF_TYPE, XSD
from hereditary_kg.sites.profiling import profile_store
from hereditary_kg.sites.shared_namespaces import SharingPolicy
from hereditary_kg.sparql.parsing import parse_query
from hereditary_kg.sparql.printing import group_text

PREFIX = f"PREFIX : <http://example.org/> PREFIX xsd: <{XSD}> "
TURTLE = f"""
@prefix : <http://example.org/> .
@prefix xsd: <{XSD}> .
:a a :Patient ; :knows :b , <http://other.org/x> ; :age 41 ; :name "Ann"@en , "Änne"@de ;
   :born "1984-05-06"^^xsd:date ; :code "C1" .
:b :knows :a .
<http://other.org/y> :met :a .
_:n :knows _:m .
GRAPH :g {{ :a :secret "x" }}
"""


def store_of(text):
    store = ox.Store()
    store.load(text.encode(), format=ox.RdfFormat.TRIG)
    return store


NAMED = SharingPolicy(("http://example.org/Patient", "http://example.org/g"))


def view(name, text, **options):
    profile = profile_store(store_of(text), f"{name}-1", policy=NAMED)
    return MemberView(name, profile, **options)


CLINIC = view("clinic", TURTLE)


def own_leaves(query):
    """Give the leaves of a query itself, without what its paths may walk."""
    return tuple(dict.fromkeys(pattern_leaves(query.pattern)))


def reasons_of(text, *members):
    """Give the reason against each member for the one leaf of a query."""
    query = parse_query(PREFIX + text)
    sources = select_sources(query, members)
    (leaf,) = own_leaves(query)
    found = {m.name: sources.reasons.get((leaf, m.name)) for m in members}
    assert sources.candidates[leaf] == tuple(n for n, reason in found.items() if reason is None)
    return found


def reason_of(text, member=CLINIC):
    return reasons_of(text, member)[member.name]


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("?s :unheard ?o", "does not use the predicate"),
        ("?s a :Nurse", "holds no instance of the class"),
        ("<http://third.org/z> :knows ?o", "has no such subject namespace at the predicate"),
        ("?s :age :a", "has no IRI as object of the predicate"),
        ("?s :knows <http://third.org/z>", "has no such object namespace at the predicate"),
        ('?s :knows "x"', "has no literal as object of the predicate"),
        ('?s :name "Ann"@fr', "has no text in the language at the predicate"),
        ("?s :age 41.5", "has no value of the datatype at the predicate"),
        ('?s :age "41"', "has no value of the datatype at the predicate"),
        ('?s :born "1984"^^xsd:gYear', "has no value of the datatype at the predicate"),
        ("GRAPH :h { ?s ?p ?o }", "does not have the named graph"),
    ],
)
def test_a_profile_rules_a_member_out(pattern, reason):
    assert reason_of(f"SELECT * {{ {pattern} }}") == reason


@pytest.mark.parametrize(
    "pattern",
    [
        "?s :knows ?o",
        "?s ?p ?o",
        "?s ?p :nobodyKnowsThis",
        "?s a :Patient",
        "?s a ?class",
        ":a :knows ?o",
        ":zoe :knows ?o",
        "<http://other.org/y> :met ?o",
        "?s :knows <http://other.org/somebody>",
        "?s :age 41",
        "?s :age 42",
        '?s :age "41"^^xsd:int',
        '?s :age "41"^^xsd:nonNegativeInteger',
        '?s :name "Ann"@EN',
        '?s :code "C2"',
        "GRAPH :g { ?s ?p ?o }",
        "GRAPH ?g { ?s :unheard ?o }",
        "?s :knows+ ?o",
        "?s :unheard* ?o",
    ],
)
def test_what_a_profile_leaves_open_makes_a_candidate(pattern):
    assert reason_of(f"SELECT * {{ {pattern} }}") is None


def test_a_member_without_triples_or_graphs_is_asked_nothing():
    empty = view("empty", "")
    assert reason_of("SELECT * { ?s ?p ?o }", empty) == "holds no triples"
    assert reason_of("SELECT * { GRAPH ?g { ?s ?p ?o } }", empty) == "has none of the named graphs"


def test_without_a_profile_the_description_decides():
    members = [
        MemberView("anything"),
        MemberView("here", holds=("http://example.org/",)),
        MemberView("there", holds=("http://other.org/", "http://example.org/k")),
        MemberView("elsewhere", holds=("http://other.org/",)),
    ]
    unlisted = "its description does not list the predicate"
    assert reasons_of("SELECT * { ?s :knows ?o }", *members) == {
        "anything": None,
        "here": None,
        "there": None,
        "elsewhere": unlisted,
    }
    assert set(reasons_of("SELECT * { ?s ?p :a }", *members).values()) == {None}


def test_a_profile_counts_more_than_the_description():
    both = MemberView("clinic", CLINIC.profile, holds=("http://other.org/",))
    assert reason_of("SELECT * { ?s :knows ?o }", both) is None


@pytest.mark.parametrize(
    ("clauses", "body", "reason"),
    [
        ("FROM :g", "?s ?p ?o", None),
        ("FROM :h", "?s ?p ?o", "does not have the named graph"),
        ("FROM :h FROM :g", "?s ?p ?o", None),
        ("FROM NAMED :g", "?s ?p ?o", "FROM NAMED alone leaves the default graph empty"),
        ("FROM NAMED :g", "GRAPH :g { ?s ?p ?o }", None),
        ("FROM NAMED :g", "GRAPH :h { ?s ?p ?o }", "FROM NAMED does not list the graph"),
        ("FROM :g", "GRAPH ?g { ?s ?p ?o }", "there is no FROM NAMED"),
        ("FROM NAMED :h", "GRAPH ?g { ?s ?p ?o }", "has none of the named graphs"),
    ],
)
def test_the_dataset_of_a_query_decides_too(clauses, body, reason):
    assert reason_of(f"SELECT * {clauses} WHERE {{ {body} }}") == reason


def test_candidates_stand_in_the_federations_order_and_every_leaf_has_them():
    members = [MemberView("c"), MemberView("a"), MemberView("b")]
    text = """SELECT * { ?s :p ?o OPTIONAL { ?o :q ?t FILTER NOT EXISTS { ?t :r ?u } }
        MINUS { { SELECT ?s { ?s :v ?w } } } }"""
    query = parse_query(PREFIX + text)
    sources = select_sources(query, members)
    assert len(own_leaves(query)) == 4
    assert set(own_leaves(query)) <= set(sources.candidates)
    assert set(sources.candidates.values()) == {("c", "a", "b")}


def test_further_exclusions_keep_the_earlier_reasons():
    query = parse_query(PREFIX + "SELECT * { ?s :knows ?o . ?s :unheard ?x }")
    sources = select_sources(query, [CLINIC, MemberView("any")])
    known, unheard = own_leaves(query)
    fewer = sources.without({known: {"any": "a probe found no match"}})
    assert (fewer.candidates[known], fewer.candidates[unheard]) == (("clinic",), ("any",))
    assert fewer.reasons[known, "any"] == "a probe found no match"
    assert fewer.reasons[unheard, "clinic"] == "does not use the predicate"
    assert pattern_candidates(query.pattern, fewer) == {"clinic", "any"}
    assert sources.candidates[known] == ("clinic", "any"), "the others are as they were"


# Soundness: data and patterns over a small world, profiles built from the data

IRIS = [
    "http://example.org/a",
    "http://example.org/b",
    "http://other.org/x/1",
    "urn:n:7",
    "http://third.org/HP_0001",
]
PREDICATES = ["http://example.org/p", "http://example.org/q", RDF_TYPE]
LITERALS = ['"x"', '"x"@en', '"x"@de-AT', "5", "5.0", "5e0", "true", f'"5"^^<{XSD}int>']
LITERALS += [f'"2020-01-01"^^<{XSD}date>', f'"2020-01-01T00:00:00Z"^^<{XSD}dateTimeStamp>']
LITERALS += [f'"07"^^<{XSD}integer>', f'"x"^^<{XSD}string>', '"y"^^<urn:my:type>']

iris = st.sampled_from(IRIS).map(lambda iri: f"<{iri}>")
predicates = st.sampled_from(PREDICATES).map(lambda iri: f"<{iri}>")
data_subjects = iris | st.just("_:n")
data_objects = iris | st.sampled_from(LITERALS) | st.just("_:n")
worlds = st.lists(st.tuples(data_subjects, predicates, data_objects), max_size=12)
patterns = st.tuples(
    iris | st.just("?s"),
    predicates | st.just("?p"),
    iris | st.sampled_from(LITERALS) | st.just("?o") | st.just("?s"),
)


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(worlds, st.lists(patterns, min_size=1, max_size=12))
def test_a_member_with_a_match_is_a_candidate(world, chosen):
    store = store_of("".join(" ".join(triple) + " .\n" for triple in world))
    member = MemberView("m", profile_store(store, "1"))
    for pattern in chosen:
        text = f"ASK {{ {' '.join(pattern)} }}"
        query = parse_query(text)
        sources = select_sources(query, [member])
        (leaf,) = own_leaves(query)
        if bool(store.query(text)):
            assert sources.candidates[leaf] == ("m",), sources.reasons[leaf, "m"]


def test_a_node_whose_namespace_no_predicate_has_is_nobodys():
    nowhere = "has the term at no predicate"
    assert reasons_of("SELECT * { <http://nowhere.org/x> ?p ?o }", CLINIC) == {"clinic": nowhere}
    assert reasons_of("SELECT * { ?s ?p <http://nowhere.org/x> }", CLINIC) == {"clinic": nowhere}
    assert reasons_of("SELECT * { :a ?p <http://other.org/x> }", CLINIC) == {"clinic": None}
    assert reasons_of("SELECT * { ?s ?p true }", CLINIC) == {"clinic": nowhere}


def test_namespaces_of_all_nodes_are_known_if_those_of_each_predicate_are():
    known = CLINIC.profile
    assert (
        known.subject_namespaces
        == known.object_namespaces
        == (
            "http://example.org/",
            "http://other.org/",
        )
    )
    unknown = view("m", "@prefix : <http://example.org/> . _:n :p :b . :a :q 1 .").profile
    assert unknown.subject_namespaces is None
    assert unknown.object_namespaces == ("http://example.org/",)


# Probes


def leaves_of(text):
    return own_leaves(parse_query(PREFIX + text))


def probes_of(text, members):
    query = parse_query(PREFIX + text)
    sources = select_sources(query, members)
    return probe_leaves(build_plan(query.pattern, sources), sources, {})


def test_constants_that_several_members_may_hold_are_probed():
    members = [MemberView("a"), MemberView("b"), MemberView("c", holds=("http://other.org/",))]
    text = """SELECT * { ?s :p :b . :a :p ?o . ?s :p ?o . ?s a :Patient . :a a :Patient .
        ?s <http://other.org/p> "x" . ?s :p+ :b . ?s ?p :b . GRAPH :g { ?s :p :b } }"""
    probes = {
        name: [group_text(leaf.pattern).replace("http://example.org/", "") for leaf in leaves]
        for name, leaves in probes_of(text, members).items()
    }
    both = [
        "?s <p> <b> .",
        "<a> <p> ?o .",
        "<a> a <Patient> .",
        '?s <http://other.org/p> "x" .',
        "?s ?p <b> .",
        "GRAPH <g> { ?s <p> <b> . }",
    ]
    assert sorted(probes["a"]) == sorted(both)
    assert sorted(probes["b"]) == sorted(both)
    assert sorted(probes["c"]) == sorted([both[3], both[4], both[5]])


def test_what_one_member_alone_may_hold_is_not_probed():
    text = "SELECT * { ?s :knows :b . ?t :knows :a }"
    assert probes_of(text, [CLINIC, view("empty", "")]) == {}


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * { ?s :p :b }",
        "SELECT * { { ?s :p :b } UNION { ?s :q :b } }",
        "SELECT * { ?s :p ?o . ?s :q :b }",
    ],
)
def test_what_would_save_no_request_is_not_probed(text):
    assert probes_of(text, [MemberView("a"), MemberView("b")]) == {}


def test_one_request_asks_for_all_of_them():
    leaves = leaves_of(
        'SELECT * { ?s :knows :b . ?s :knows :nobody . :a :name "Ann"@en . ?s :age 17 . ?i ?i :b }'
    )
    store = store_of(TURTLE)
    found = store.query(probe_text(leaves))
    matched = {leaves[int(row[PROBED].value)] for row in found}
    expected = {leaf for leaf in leaves if bool(store.query(f"ASK {{ {leaf} }}"))}
    assert matched == expected
    assert len(expected) == 2


def test_a_probe_names_the_dataset():
    (leaf,) = leaves_of("SELECT * { ?s :secret ?o }")
    text = probe_text([leaf], "FROM <http://example.org/g> ")
    assert len(list(store_of(TURTLE).query(text))) == 1
    assert list(store_of(TURTLE).query(probe_text([leaf]))) == []
