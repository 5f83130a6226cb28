"""Members that refuse to list their codes are asked for those that matter."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hereditary_kg.execution.engine import AsyncFederation
from hereditary_kg.execution.errors import IncompleteAnswerError
from hereditary_kg.federation.coding import CodedPredicate, ConversionDescription, MemberCoding
from hereditary_kg.federation.description import FederationDescription
from hereditary_kg.federation.errors import UnreachableError
from hereditary_kg.semantics.expansion import Bound
from hereditary_kg.sparql.algebra import Variable
from tests.dealt_federations import answer_of, oracle, store_of
from tests.execution.converted_federations import (
    EX,
    PREFIXES,
    Hospital,
    hub_of,
    merged,
    with_prefixes,
)
from tests.execution.test_conversion_certificates import ALS_OF, HUB, ICD, OMIM, names
from tests.execution.test_converted_queries import INCLUDING, NCIT, PLAIN, hospitals, hubs
from tests.limited_members import LimitedTransport, Refusal, limited_member

LISTING = f"?{Variable.HIDDEN}predicate"
ASKING = f"SELECT DISTINCT ?{Variable.HIDDEN}value "
ALL = "SELECT ?p ?d { ?p ex:disease ?d }"


def refuse_to_list(text):
    return Refusal(403) if LISTING in text else None


def opened(hub, members, refuse=refuse_to_list, **coded):
    """A federation of members that refuse something, and their transports."""
    transports = [LimitedTransport(store_of(each.native()), refuse=refuse) for each in members]
    codings = [
        MemberCoding({EX + "disease": CodedPredicate(**coded)}) if coded else each.coding()
        for each in members
    ]
    parts = [
        limited_member(transport, f"m{n}", coding=coding)
        for n, (transport, coding) in enumerate(zip(transports, codings, strict=True))
    ]
    description = FederationDescription(
        "unlisted",
        prefixes=PREFIXES,
        members=tuple(part.description for part in parts),
        conversion=ConversionDescription("NCIT"),
    )
    return AsyncFederation(description, parts, hub=hub), transports


def ask(federation, *texts, **options):
    async def run():
        try:
            return [await federation.query(text, **options) for text in texts]
        finally:
            await federation.close()

    return asyncio.run(run())


def test_a_member_that_does_not_list_its_codes_is_asked_for_them():
    federation, _ = opened(HUB, [OMIM, ICD])
    (result,) = ask(federation, ALS_OF)
    assert names(result) == ["p1", "p2", "p9"]
    certificate = result.certificate
    assert certificate.complete
    assert certificate.bounds == {"m0": Bound.LOWER, "m1": Bound.MIXED}
    first = certificate.conversions[0]
    assert first.unlisted is not None
    assert f"it does not list its own, and {first.unlisted:,} were asked for" in first.statement
    assert first.to_dict()["unlisted"] == first.unlisted
    assert any("m0 does not list its terms at" in note for note in certificate.notes)
    assert [use.code for use in first.uses] == ["OMIM:105400", "OMIM:205100"]


def test_only_codes_that_may_be_meant_are_asked_for():
    federation, (transport,) = opened(HUB, [OMIM])
    first, again, other = ask(federation, ALS_OF, ALS_OF, ALL)
    assert names(other) == ["p1", "p2", "p3"]
    blocks = [text for text in transport.queries if ASKING in text]
    assert "105400" in blocks[0]
    assert "126200" not in blocks[0]
    assert sum(LISTING in text for text in transport.queries) == 1
    assert again.certificate.requests < first.certificate.requests
    # What is known is not asked for again.
    assert not any("105400" in text for text in blocks[2:])


def test_many_codes_are_asked_for_in_blocks():
    mapped = [("MONDO:0000002", "skos:narrowMatch", f"OMIM:{n}") for n in range(200_000, 202_500)]
    hub = hub_of(
        ("MONDO:0000001", "MONDO:0000002"),
        [("MONDO:0000002", "MONDO:0000001")],
        [("MONDO:0000002", "skos:exactMatch", "NCIT:C34373"), *mapped],
    )
    one = Hospital((("p1", "disease", "OMIM:202499"),), {"disease": "OMIM"})
    federation, (transport,) = opened(hub, [one], vocabulary="OMIM")
    (result,) = ask(federation, ALS_OF)
    assert names(result) == ["p1"]
    sizes = [text.count("omim.org") for text in transport.queries if ASKING in text]
    assert max(sizes) < 2_500 < sum(sizes)


@pytest.mark.parametrize(
    ("coded", "term"),
    [
        ({"vocabulary": "ICD10", "iri": EX + "icd/"}, f"<{EX}icd/G12.2>"),
        ({"vocabulary": "ICD10", "iri": EX + "icd/"}, f"<{EX}icd/G122>"),
        ({"vocabulary": "ICD10", "literal": True}, '"G122"'),
        ({"vocabulary": "ICD10", "literal": True}, '"ICD10:G12.2"'),
        ({"vocabulary": "ICD10"}, "<http://purl.bioontology.org/ontology/ICD10/G12.2>"),
        ({}, "<https://icd.who.int/browse10/2019/en#/G12.2>"),
    ],
)
def test_codes_are_found_as_the_member_writes_them(coded, term):
    one = Hospital((("p1", "disease", term),), {"disease": "ICD10"} if not coded else {})
    federation, _ = opened(HUB, [one], **(coded or {"vocabulary": ""}))
    (result,) = ask(federation, ALS_OF)
    assert names(result) == ["p1"]


def test_values_that_are_not_listed_are_asked_for():
    one = Hospital(
        (("p1", "sex", '"F"'), ("p2", "sex", '"M"'), ("p2", "sex", '"female"')),
        values={"sex": {"F": "female", "M": "male"}},
    )
    federation, _ = opened(HUB, [one])
    (result,) = ask(federation, "SELECT ?p { ?p ex:sex 'female' }")
    assert names(result) == ["p1", "p2"]
    assert result.certificate.bound is Bound.LOWER


def test_who_refuses_that_as_well_has_failed():
    federation, _ = opened(HUB, [OMIM], lambda text: Refusal(403))
    with pytest.raises(IncompleteAnswerError, match="m0"):
        ask(federation, ALS_OF)
    federation, _ = opened(HUB, [OMIM, ICD], lambda text: Refusal(403) if "omim" in text else None)
    (result,) = ask(federation, ALS_OF, allow_partial=True)
    assert not result.certificate.complete


def test_who_cannot_be_reached_has_failed():
    class Away(LimitedTransport):
        def send(self, request):
            raise UnreachableError("no route")

    federation, (transport,) = opened(HUB, [OMIM])
    transport.__class__ = Away
    with pytest.raises(IncompleteAnswerError, match="unreachable"):
        ask(federation, ALS_OF)


def test_all_codes_need_a_vocabulary_that_is_described():
    federation, _ = opened(HUB, [OMIM], vocabulary="")
    with pytest.raises(IncompleteAnswerError, match="of which vocabulary"):
        ask(federation, ALL)


several = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def told(hub, members):
    """The members without codes of the user's vocabulary that the hub does not know.

    Nobody can ask for these; they are shown as the member writes them.
    """
    return [
        replace(
            each,
            triples=tuple(
                (s, p, o) for s, p, o in each.triples if not o.startswith("NCIT:") or o in hub
            ),
        )
        for each in members
    ]


@several
@given(hubs, hospitals(), st.sampled_from(PLAIN), st.booleans())
def test_an_answer_is_that_over_converted_data_without_lists(hub, members, text, optimise):
    members = told(hub, members)
    federation, _ = opened(hub, members)
    (result,) = ask(federation, text, optimise=optimise)
    assert answer_of(result) == oracle(merged(hub, members), with_prefixes(text))


@several
@given(hubs, hospitals(), st.sampled_from(INCLUDING), st.sampled_from(NCIT[:2]))
def test_what_a_code_includes_is_found_without_lists(hub, members, texts, code):
    asked, simulated = (f"SELECT * {{ {t.format(c=code, n=code[5:])} }}" for t in texts)
    federation, _ = opened(hub, members)
    (result,) = ask(federation, asked)
    store = merged(hub, members, (code, "NCIT:C2"))
    assert answer_of(result) == oracle(store, with_prefixes(simulated))
