"""Profiles built over plain SPARQL: they say what a profile of the store itself says."""

from dataclasses import replace

import pyoxigraph as ox
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hereditary_kg.federation.count_stamps import is_count_stamp
from hereditary_kg.federation.endpoint_profiling import profile_endpoint
from hereditary_kg.federation.errors import MemberError, ProfilingError
from hereditary_kg.sites.profiling import profile_store
from hereditary_kg.sites.shared_namespaces import SharingPolicy
from tests.limited_members import LimitedTransport, Refusal, limited_member

XSD = "http://www.w3.org/2001/XMLSchema#"
PREFIXES = f"@prefix : <http://e/> . @prefix xsd: <{XSD}> . @prefix o: <http://codes.org/X_> .\n"
NODES = [
    *(f"<http://e/n{n}>" for n in range(6)),
    *(f"<http://purl.obolibrary.org/obo/HP_{n:07}>" for n in range(3)),
]
BLANKS = [f"_:b{n}" for n in range(3)]
LITERALS = [
    '"a"',
    '"b"@en',
    '"b"@de',
    f'"1"^^<{XSD}integer>',
    f'"2.5"^^<{XSD}decimal>',
    f'"2020-01-02"^^<{XSD}date>',
    f'"2021-05-06T07:08:09Z"^^<{XSD}dateTime>',
    '"quote \\" and tab \\t"',
]
PREDICATES = [
    "<http://e/p>",
    "<http://e/q>",
    "<http://e/r>",
    "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>",
]
TRIPLES = st.lists(
    st.tuples(
        st.sampled_from(NODES + BLANKS),
        st.sampled_from(PREDICATES),
        st.sampled_from(NODES + BLANKS + LITERALS),
    ),
    max_size=150,
)


def store_of(triples, graph=()):
    text = "".join(" ".join(triple) + " .\n" for triple in triples)
    text += "".join(" ".join(triple) + " <http://e/graph> .\n" for triple in graph)
    store = ox.Store()
    store.bulk_load(input=text.encode(), format=ox.RdfFormat.N_QUADS)
    return store


def many(count):
    return [
        (f"<http://e/n{n}>", predicate, term)
        for n in range(count)
        for predicate, term in (
            ("<http://e/value>", f'"{n}"^^<{XSD}integer>'),
            ("<http://e/name>", f'"name {n % 7}"'),
            ("<http://e/next>", f"<http://e/n{(n + 1) % count}>"),
            (PREDICATES[3], f"<http://e/Class{n % 3}>"),
        )
    ]


async def built(store, *, policy=None, most_triples=10**6, **limits):
    transport = LimitedTransport(store, **limits)
    member = limited_member(transport)
    result = await profile_endpoint(member, policy, most_triples=most_triples)
    assert is_count_stamp(result.profile.stamp)
    return replace(result.profile, stamp=""), result, transport


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(triples=TRIPLES, graph=TRIPLES, cap=st.sampled_from((None, 18, 40)), states=st.booleans())
async def test_it_is_the_profile_of_the_store(triples, graph, cap, states):
    store = store_of(triples, graph)
    found, result, _ = await built(store, cap=cap, states_cap=states)
    assert found == profile_store(store, "")
    assert result.counted == ()


@pytest.mark.parametrize("cap", [None, 100, 1000, 1024])
async def test_caps(cap):
    store = store_of(many(700))
    found, result, transport = await built(store, cap=cap)
    assert found == profile_store(store, "")
    assert result.requests == len(transport.queries)
    assert not any("OFFSET" in query for query in transport.queries)


async def test_declared_namespaces():
    store = store_of(many(40))
    policy = SharingPolicy(("http://e/",), detects=False)
    found, _, _ = await built(store, policy=policy, cap=30)
    assert found == profile_store(store, "", policy=policy)
    assert found.predicates["http://e/next"].object_filter is not None


async def test_predicates_that_are_too_large_are_counted():
    store = store_of([*many(50), *(("<http://e/x>", "<http://e/few>", f'"{n}"') for n in range(9))])
    found, result, _ = await built(store, most_triples=10)
    whole = profile_store(store, "")
    assert result.counted == tuple(sorted({*whole.predicates} - {"http://e/few"}))
    assert (found.triples, found.subjects) == (whole.triples, whole.subjects)
    assert found.classes == whole.classes
    assert (found.characteristic_sets, found.links) == ((), ())
    for iri, known in whole.predicates.items():
        same = found.predicates[iri]
        assert same.subject_filter is same.object_filter is None
        unknown = {"subject_filter": None, "object_filter": None, "object_counts": {}}
        if iri != "http://e/few":
            unknown |= {"number_range": None, "date_range": None}
        assert same == replace(
            known,
            **unknown,
            subject_namespaces=same.subject_namespaces,
            object_namespaces=same.object_namespaces,
        )
    assert found.predicates["http://e/next"].object_namespaces == ("http://e/",)


async def test_aggregates_that_are_refused_leave_things_unknown():
    def refuse(query):
        return Refusal(500) if "REPLACE" in query or "DATATYPE" in query else None

    found, _, _ = await built(store_of(many(20)), most_triples=0, refuse=refuse)
    assert found.predicates["http://e/next"].object_namespaces == ()
    assert found.predicates["http://e/value"].datatypes == ()
    assert found.predicates["http://e/value"].literal_objects


async def test_a_store_that_does_not_group_all_of_its_triples():
    store = store_of(many(20))

    def refuse(query):
        return Refusal(500) if "GROUP BY ?p" in query else None

    found, _, _ = await built(store, refuse=refuse)
    assert found == profile_store(store, "")


async def test_a_long_list_of_predicates_under_a_cap():
    store = store_of([("<http://e/s>", f"<http://e/p{n}>", '"x"') for n in range(90)])
    found, _, _ = await built(store, cap=20)
    assert found == profile_store(store, "")


async def test_numbers_that_are_cut_short_are_no_profile():
    """A list of predicates that cannot be completed must not pass for the whole."""

    def refuse(query):
        return Refusal(500) if "GROUP BY" in query else None

    store = store_of([("<http://e/s>", f"<http://e/p{n}>", '"x"') for n in range(90)])
    with pytest.raises(ProfilingError, match="cuts the list short"):
        await built(store, cap=20, refuse=refuse)


async def test_a_store_that_counts_nothing():
    def refuse(query):
        return Refusal(500) if "COUNT" in query else None

    with pytest.raises(MemberError):
        await built(store_of(many(3)), refuse=refuse)


async def test_answers_that_are_too_much_at_once_are_divided():
    store = store_of(many(300))

    def refuse(query):
        whole = "SELECT ?s ?o" in query and "FILTER" not in query
        return Refusal(504) if whole or "VALUES" in query else None

    found, result, _ = await built(store, refuse=refuse)
    assert found == profile_store(store, "")
    assert result.counted == ()


async def test_data_that_change_meanwhile():
    store = store_of(many(10))

    def change(query):
        if "VALUES" in query:
            store.add(
                ox.Quad(ox.NamedNode("http://e/new"), ox.NamedNode("http://e/r"), ox.Literal("x"))
            )

    with pytest.raises(ProfilingError, match="changed while they were read"):
        await built(store, refuse=change)


async def test_blank_nodes_whose_labels_hold_for_one_answer():
    """One subject must not pass for several: that would break what the profile says of few."""
    triples = [("_:a", "<http://e/p>", f'"{n}"^^<{XSD}integer>') for n in range(60)]
    triples += [("_:a", "<http://e/q>", "_:c"), ("<http://e/s>", "<http://e/q>", "_:c")]
    store = store_of(triples)
    transport = LimitedTransport(store, cap=20)
    member = limited_member(transport)
    member.description = replace(member.description, blank_nodes="answer")
    result = await profile_endpoint(member)
    assert result.unstable
    found = result.profile
    assert (found.triples, found.subjects) == (62, 2)
    known = found.predicates["http://e/p"]
    assert (known.triples, known.subjects, known.number_range) == (60, 1, None)
    assert (found.characteristic_sets, found.links) == ((), ())
