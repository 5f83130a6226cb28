"""The codes that a profile lists: all there are, of public vocabularies alone."""

import json

import pyoxigraph as ox
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hereditary_kg.rdf.terms import RDF_TYPE
from hereditary_kg.sites import Profile, SiteError
from hereditary_kg.sites.code_censuses import CodeList, pack_codes, unpack_codes
from hereditary_kg.sites.profiling import profile_store
from hereditary_kg.sites.published_names import ListLimits
from hereditary_kg.sites.shared_namespaces import SharingPolicy

EX = "http://example.org/"
HP = "http://purl.obolibrary.org/obo/HP_"
OMIM = "https://omim.org/entry/"
ICD = "https://icd.who.int/browse10/2019/en#/"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
OWN = "https://clinic.example.org/"


def store_of(codes, users=3, predicate="has"):
    """A store in which each code stands at so many persons."""
    store = ox.Store()
    for number, code in enumerate(codes):
        for user in range(users):
            person = ox.NamedNode(f"{OWN}person/{number}-{user}")
            store.add(ox.Quad(person, ox.NamedNode(EX + predicate), ox.NamedNode(code)))
    return store


def census_of(store, policy=None, predicate="has", **options):
    profile = profile_store(store, "1", policy=policy or SharingPolicy(base_iri=OWN), **options)
    assert Profile.from_json(profile.to_json()) == profile
    return profile.predicates[EX + predicate].codes


def test_codes_of_a_public_vocabulary_are_listed_with_their_triples():
    census = census_of(store_of([HP + "0000002", HP + "0000001", OMIM + "105400"], users=4))
    assert census.lists == {
        HP: CodeList(("0000001", "0000002"), 8),
        OMIM: CodeList(("105400",), 4),
    }
    assert census.is_whole
    assert census.iris == (HP + "0000001", HP + "0000002", OMIM + "105400")


def test_icd_10_is_public():
    assert census_of(store_of([ICD + "G12.2", ICD + "G20"])).iris == (ICD + "G12.2", ICD + "G20")


def test_what_else_stands_there_is_counted():
    store = store_of([HP + "0000001"])
    person, has = ox.NamedNode(OWN + "person/0-0"), ox.NamedNode(EX + "has")
    store.add(ox.Quad(person, has, ox.BlankNode("b")))
    assert census_of(store).is_whole
    store.add(ox.Quad(person, has, ox.Literal("unclear")))
    store.add(ox.Quad(person, has, ox.NamedNode(EX + "else")))
    census = census_of(store)
    assert (census.others, census.iris) == (2, (HP + "0000001",))


@pytest.mark.parametrize(
    ("codes", "users", "policy"),
    [
        ([HP + "0000001", HP + "0000002"], 2, SharingPolicy()),  # few users, as without a census
        ([HP + "0000001", HP + "abc-x"], 5, SharingPolicy()),  # no code
        ([EX + "icd/G122"], 5, SharingPolicy()),  # nobody knows the vocabulary
        ([OWN + "code/G122"], 5, SharingPolicy(base_iri=OWN)),  # the site's own
        ([HP + "0000001"], 5, SharingPolicy(detects=False)),  # nothing may be said
    ],
)
def test_codes_that_are_not_shared_are_not_listed(codes, users, policy):
    store = store_of(codes, users)
    assert census_of(store, policy) is None
    if codes[0] != HP + "0000001":
        document = profile_store(store, "1", policy=policy).to_json().decode()
        assert "G122" not in document.replace("\\/", "/").partition('"object_counts"')[0]


def test_declared_namespaces_are_listed_where_they_hold_codes():
    policy = SharingPolicy((EX + "icd/",), base_iri=OWN)
    census = census_of(store_of([EX + "icd/G122", EX + "icd/G20"], 1), policy)
    assert census.lists == {EX + "icd/": CodeList(("G122", "G20"), 2)}
    assert census_of(store_of([EX + "icd/root", EX + "icd/G20"], 1), policy) is None


def test_terms_that_only_the_site_knows_are_not_listed():
    # Their hashes are published, but nobody can guess what was hashed.
    store = store_of([EX + "ward/17"], 9)
    skos = ox.NamedNode("http://www.w3.org/2004/02/skos/core#Concept")
    store.add(ox.Quad(ox.NamedNode(EX + "ward/17"), ox.NamedNode(RDF_TYPE), skos))
    profile = profile_store(store, "1", policy=SharingPolicy(base_iri=OWN))
    assert profile.predicates[EX + "has"].object_filter is not None
    assert profile.predicates[EX + "has"].codes is None


def test_definitions_have_no_census():
    store = store_of([HP + "0000001", HP + "0000002"])
    for number in range(9):
        child = ox.NamedNode(f"{HP}{number + 10:07}")
        parent = ox.NamedNode(f"{HP}{number % 3:07}")
        store.add(ox.Quad(child, ox.NamedNode(RDFS + "subClassOf"), parent))
    profile = profile_store(store, "1", policy=SharingPolicy(base_iri=OWN))
    assert profile.predicates[RDFS + "subClassOf"].codes is None
    assert len(profile.predicates[EX + "has"].codes) == 2


def test_the_longest_lists_are_left_out_first():
    store = store_of([f"{HP}{n:07}" for n in range(50)])
    store.extend(store_of([f"{HP}{n:07}" for n in range(10)], predicate="shows"))
    profile = profile_store(
        store, "1", policy=SharingPolicy(base_iri=OWN), limits=ListLimits(codes=40)
    )
    assert profile.predicates[EX + "has"].codes is None
    assert len(profile.predicates[EX + "shows"].codes) == 10


def test_a_census_is_small():
    store = store_of([f"{HP}{7 * n:07}" for n in range(2_000)], users=10)
    with_census = profile_store(store, "1", policy=SharingPolicy(base_iri=OWN))
    without = profile_store(
        store, "1", policy=SharingPolicy(base_iri=OWN), limits=ListLimits(codes=0)
    )
    assert len(with_census.predicates[EX + "has"].codes) == 2_000
    added = len(with_census.to_json()) - len(without.to_json())
    assert added < 0.005 * len(store.dump(format=ox.RdfFormat.N_QUADS))


codes = st.lists(
    st.sampled_from([HP + f"{n:07}" for n in range(6)] + [OMIM + "100100", OMIM + "100101"]),
    min_size=1,
    unique=True,
)
others = st.lists(
    st.sampled_from([ox.Literal("x"), ox.Literal(5), ox.BlankNode("b"), ox.NamedNode(EX + "y")]),
    unique=True,
)


@given(codes, others, st.integers(1, 4))
def test_a_whole_census_has_all_objects(listed, rest, users):
    store = store_of(listed, users)
    for term in rest:
        store.add(ox.Quad(ox.NamedNode(OWN + "person/x"), ox.NamedNode(EX + "has"), term))
    census = census_of(store)
    objects = {quad.object for quad in store if not isinstance(quad.object, ox.BlankNode)}
    if census is not None:
        assert {ox.NamedNode(iri) for iri in census.iris} <= objects
        assert len(census) + census.others == len(objects)
        assert census.is_whole == all(str(each.value) in census.iris for each in objects)


@given(st.lists(st.from_regex("[A-Z]{0,2}[0-9]{1,45}(\\.[0-9]+)?", fullmatch=True), unique=True))
def test_packed_codes_are_read_again(found):
    if found:
        assert unpack_codes(pack_codes(sorted(found))) == tuple(sorted(found))


@pytest.mark.parametrize("packed", ["", "105", "0a !b", "0a  0b", "0b 0a"])
def test_a_broken_list_of_codes_is_refused(packed):
    document = json.loads(profile_store(store_of([HP + "0000001"]), "1").to_json())
    document["predicates"][EX + "has"]["codes"]["lists"][HP][1] = packed
    with pytest.raises(SiteError, match="broken"):
        Profile.from_json(json.dumps(document).encode())


def test_an_older_profile_is_refused():
    document = json.loads(profile_store(ox.Store(), "1").to_json()) | {"format": 3}
    with pytest.raises(SiteError, match="hkg site profile"):
        Profile.from_json(json.dumps(document).encode())
