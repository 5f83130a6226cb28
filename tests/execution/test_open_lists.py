"""Members whose profiles do not list all names: they are asked, and answers are the merge's."""

import asyncio

import pyoxigraph as ox
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hereditary_kg.execution.engine import AsyncFederation
from hereditary_kg.federation.description import FederationDescription, MemberDescription
from hereditary_kg.federation.member import Member
from hereditary_kg.federation.transport import EmbeddedTransport, FetchedProfile
from hereditary_kg.sites.profile import Profile
from hereditary_kg.sites.profiling import profile_store
from hereditary_kg.sites.published_names import ListLimits
from hereditary_kg.sites.shared_namespaces import SharingPolicy
from tests.dealt_federations import answer_of, oracle

SITES = ("http://north.example/", "http://south.example/")
EX = "http://example.org/"
PREFIXES = f"PREFIX : <{EX}> PREFIX n: <{SITES[0]}> PREFIX s: <{SITES[1]}> "


def clinic(base: str, names: str) -> str:
    """Write a clinic where graphs, classes and predicates are named after patients."""
    lines = [f"@prefix : <{EX}> ."]
    for number, name in enumerate(names.split()):
        patient = f"<{base}patient/{name}>"
        genome = f"<{base}patient/{name}#Genome>"
        lines += [
            f"{patient} a :Patient ; :age {40 + number} ; :genome <{base}sample/{number}> .",
            f"<{base}sample/{number}> a {genome} ; <{base}patient/{name}#says> {number} .",
            f"GRAPH {patient} {{ {patient} :secret {number} ; a :Patient }}",
        ]
    lines.append(f"GRAPH :register {{ <{base}site> :patients {len(names.split())} }}")
    return "\n".join(lines)


NORTH, SOUTH = clinic(SITES[0], "anna bob carol"), clinic(SITES[1], "dora emil fritz")


def store_of(text: str) -> ox.Store:
    store = ox.Store()
    store.load(text.encode(), format=ox.RdfFormat.TRIG)
    return store


class ProfiledTransport(EmbeddedTransport):
    """A store in this process, profiled as a site of a base IRI; it keeps what it is asked."""

    def __init__(self, store: ox.Store, base: str, limits: ListLimits | None = None) -> None:
        super().__init__(store)
        self._store, self._base, self._limits = store, base, limits
        self.asked: list[str] = []

    async def fetch_profile(self, etag):
        fetched = await super().fetch_profile(etag)
        if fetched is None or fetched.content is None:
            return fetched
        stamp = Profile.from_json(fetched.content).stamp
        policy = SharingPolicy(base_iri=self._base)
        profile = profile_store(self._store, stamp, policy=policy, limits=self._limits)
        return FetchedProfile(fetched.etag, profile.to_json())

    def send(self, request):
        self.asked.append(request.query)
        return super().send(request)


def federate(stores, limits=None):
    """Make a federation, and give the transports of its members too."""
    transports = [
        ProfiledTransport(store, base, limits) for store, base in zip(stores, SITES, strict=False)
    ]
    members = [Member(MemberDescription(f"m{i}"), each) for i, each in enumerate(transports)]
    descriptions = tuple(member.description for member in members)
    return AsyncFederation(FederationDescription("f", members=descriptions), members), transports


def merged(stores) -> ox.Store:
    store = ox.Store()
    for each in stores:
        store.extend(each)
    return store


def check(stores, text, limits=None):
    """Compare the answer, with and without the optimiser, with the merged store's."""
    expected = oracle(merged(stores), text)
    for optimise in (True, False):
        federation, transports = federate(stores, limits)
        result = asyncio.run(federation.query(text, optimise=optimise))
        assert answer_of(result) == expected, f"{text}\n{result.plan}"
        assert result.certificate.complete
        if optimise:
            asked = [each.asked for each in transports]
    return expected, asked


QUERIES = [
    "SELECT * { GRAPH <http://north.example/patient/anna> { ?s ?p ?o } }",
    "SELECT * { GRAPH ?g { ?s :secret ?o } }",
    "SELECT ?g { GRAPH ?g {} }",
    "SELECT ?g ?x { GRAPH ?g { OPTIONAL { ?x :patients ?n } } }",
    "SELECT ?g { GRAPH ?g { FILTER NOT EXISTS { ?x :secret ?n } } }",
    "SELECT ?g ?x { GRAPH ?g { :nobody :p* ?x } }",
    "SELECT * { GRAPH :register { ?s ?p ?o } }",
    "SELECT ?s { ?s a <http://north.example/patient/bob#Genome> }",
    "SELECT ?s ?n { ?s a <http://north.example/patient/bob#Genome> ; ?p ?n }",
    "SELECT ?s ?c { ?s a ?c . ?p :genome ?s }",
    "SELECT ?s ?n { ?s <http://south.example/patient/dora#says> ?n }",
    "SELECT ?s ?n { ?s a ?c ; <http://south.example/patient/dora#says> ?n }",
    "SELECT ?p ?n { ?p :genome ?s . ?s <http://south.example/patient/dora#says> ?n }",
    "SELECT ?s { ?s (<http://south.example/patient/dora#says>|:age) 0 }",
    "SELECT ?p (COUNT(*) AS ?n) { ?s ?p ?o } GROUP BY ?p",
    "SELECT ?s FROM <http://north.example/patient/anna> { ?s a :Patient }",
    "SELECT ?g ?s FROM NAMED <http://south.example/patient/emil> { GRAPH ?g { ?s a :Patient } }",
    "ASK { <http://north.example/patient/carol> a :Patient }",
]


@pytest.mark.parametrize("text", QUERIES)
def test_what_is_not_listed_is_found(text):
    check([store_of(NORTH), store_of(SOUTH)], PREFIXES + text)


@pytest.mark.parametrize(
    "pattern",
    [
        "GRAPH <http://north.example/patient/anna> { ?s ?p ?o }",
        "?s a <http://north.example/patient/anna#Genome>",
        "?s <http://north.example/patient/anna#says> ?o",
    ],
)
def test_only_the_member_that_may_have_a_name_is_asked(pattern):
    solutions, (north, south) = check(
        [store_of(NORTH), store_of(SOUTH)], f"SELECT * {{ {pattern} }}"
    )
    assert solutions
    assert north
    assert not south


def test_no_patient_is_in_the_profiles():
    for text, base in ((NORTH, SITES[0]), (SOUTH, SITES[1])):
        policy = SharingPolicy(base_iri=base)
        document = profile_store(store_of(text), "1", policy=policy).to_json().decode()
        for name in ("anna", "bob", "carol", "dora", "emil", "fritz"):
            assert name not in document


def odd_data(base: str) -> ox.Store:
    """Make many classes, predicates and graphs."""
    lines = [f"@prefix : <{EX}> ."]
    for number in range(60):
        lines += [f"<{base}x/{number}> a :C{number % 20} ; :p{number % 15} {number}, :v ."]
        lines += [f"GRAPH <http://graphs.example/{number % 30}> {{ :s :q{number % 9} {number} }}"]
    return store_of("\n".join(lines))


_FEW = ListLimits(predicates=4, classes=3, graphs=2, namespaces=8, counts=4, set_entries=9)
_NAMES = st.sampled_from([*(f":p{n}" for n in range(0, 18, 2)), "?p", "a"])
_OBJECTS = st.sampled_from(["?o", ":v", ":C3", ":C17", ":C99", "5", "?s"])
_GRAPHS = st.sampled_from(["?g", "<http://graphs.example/7>", "<http://graphs.example/99>"])


@st.composite
def _questions(draw):
    first = f"?s {draw(_NAMES)} {draw(_OBJECTS)}"
    second = f"?s {draw(_NAMES)} ?x"
    inner = draw(st.sampled_from(["", "?a ?b ?c", "?a :q3 ?c", "OPTIONAL { ?a :q4 ?c }"]))
    graph = f"GRAPH {draw(_GRAPHS)} {{ {inner} }}"
    form = draw(
        st.sampled_from(
            ["{0}", "{0} . {1}", "{0} OPTIONAL {{ {1} }}", "{2}", "{0} FILTER NOT EXISTS {{ {1} }}"]
        )
    )
    return f"{PREFIXES}SELECT * {{ {form.format(first, second, graph)} }}"


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(_questions())
def test_lists_that_are_cut_leave_answers_exact(text):
    check([odd_data(base) for base in SITES], text, _FEW)
