"""What conversions make of an answer, and the ways from the user's codes to the members'."""

import asyncio

import pytest

from hereditary_kg.federation.coding import VOCABULARY
from hereditary_kg.federation.description import read_description
from hereditary_kg.federation.errors import DescriptionError
from hereditary_kg.semantics.errors import UnknownTermError
from hereditary_kg.semantics.expansion import Bound
from hereditary_kg.semantics.identifiers import iri_of
from hereditary_kg.semantics.included_patterns import IncludesError
from tests.execution.converted_federations import PREFIXES, Hospital, federation, hub_of

DISEASE, NEURO, ALS, ALS1, ALS2, OTHER = (f"MONDO:{n:07}" for n in range(6))
HUB = hub_of(
    (DISEASE, NEURO, ALS, ALS1, ALS2, OTHER),
    [(NEURO, DISEASE), (ALS, NEURO), (ALS1, ALS), (ALS2, ALS), (OTHER, DISEASE)],
    [
        (NEURO, "skos:exactMatch", "NCIT:C4802"),
        (ALS, "skos:exactMatch", "NCIT:C34373"),
        (ALS1, "skos:exactMatch", "OMIM:105400"),
        (ALS2, "skos:exactMatch", "OMIM:205100"),
        (OTHER, "skos:exactMatch", "OMIM:126200"),
        (ALS, "skos:broadMatch", "ICD10:G12.2"),
        ("ICD10:G12.2", "skos:broadMatch", "NCIT:C4802"),
    ],
)
OMIM = Hospital(
    (
        ("p1", "disease", "OMIM:105400"),
        ("p1", "disease", "OMIM:205100"),
        ("p2", "disease", "OMIM:205100"),
        ("p3", "disease", "OMIM:126200"),
    ),
    {"disease": "OMIM"},
)
ICD = Hospital(
    (("p1", "disease", "ICD10:G12.2"), ("p9", "disease", "ICD10:G12.2")), {"disease": "ICD10"}
)
ALS_OF = "SELECT ?p ?d { NCIT:C34373 hkg:includes ?d . ?p ex:disease ?d }"


def answer(text, *hospitals, **options):
    async def ask():
        made = federation(HUB, hospitals)
        try:
            return await made.query(text, **options)
        finally:
            await made.close()

    return asyncio.run(ask())


def names(result, variable="p"):
    return sorted(set(result.to_polars()[variable].str.split("/").list.last().to_list()))


def test_narrower_codes_are_exact():
    result = answer(ALS_OF, OMIM)
    assert names(result) == ["p1", "p2"]
    assert names(result, "d") == ["NCIT_C34373"]
    assert result.certificate.bound is Bound.EXACT
    (report,) = result.certificate.conversions
    assert [use.code for use in report.uses] == ["OMIM:105400", "OMIM:205100"]
    first = report.uses[0]
    assert first.way == f"broader: OMIM:105400 = {ALS1} < {ALS} = NCIT:C34373"
    assert first.mappings == ("https://example.org/set#3", "https://example.org/set#2")


def test_a_broader_code_makes_an_upper_bound():
    result = answer(ALS_OF, ICD)
    assert names(result) == ["p1", "p9"]
    assert names(result, "d") == ["NCIT_C4802"]
    assert result.certificate.bound is Bound.UPPER
    assert "an upper bound" in result.certificate.statement


def test_codes_that_nobody_knows_make_a_lower_bound():
    odd = Hospital((*OMIM.triples, ("p4", "disease", "OMIM:999999")), {"disease": "OMIM"})
    result = answer(ALS_OF, odd)
    assert names(result) == ["p1", "p2"]
    (report,) = result.certificate.conversions
    assert result.certificate.bound is Bound.LOWER
    assert (report.codes, report.unmapped, report.unknown) == (4, 2, ("OMIM:999999",))
    assert report.undecided == ("OMIM:999999",)
    assert "2 of 4 codes have none of yours" in report.statement
    assert "1 left out that may be meant" in report.statement
    assert report.to_dict()["undecided"] == ["OMIM:999999"]


def test_codes_that_are_plainly_something_else_leave_a_bound_as_it_is():
    # Nothing maps C22; but by its text it is not in G12.
    other = Hospital((*ICD.triples, ("p4", "disease", "ICD10:C22.0")), ICD.coded)
    result = answer(ALS_OF, other)
    (report,) = result.certificate.conversions
    assert (result.certificate.bound, report.undecided) == (Bound.UPPER, ())
    assert (report.unmapped, report.unknown) == (1, ("ICD10:C22.0",))


def test_of_constants_only_codes_that_stay_as_they_are_are_undecided():
    odd = Hospital((*OMIM.triples, ("p4", "disease", "OMIM:999999")), {"disease": "OMIM"})
    (report,) = answer("SELECT ?p { ?p ex:disease NCIT:C34373 }", odd).certificate.conversions
    assert (report.bound, report.undecided) == (Bound.LOWER, ("OMIM:999999",))
    (report,) = answer("SELECT ?p { ?p ex:disease NCIT:C34373 }", OMIM).certificate.conversions
    assert report.bound is Bound.EXACT


def test_codes_of_other_vocabularies_than_described_make_a_lower_bound():
    foreign = f"<{iri_of('ORPHA:803')}>"
    odd = Hospital((*OMIM.triples, ("p4", "disease", foreign)), {"disease": "OMIM"})
    (report,) = answer(ALS_OF, odd).certificate.conversions
    assert (report.bound, report.foreign) == (Bound.LOWER, (foreign,))
    assert "1 left out that are codes of another vocabulary" in report.statement


def test_terms_that_are_no_codes_are_counted():
    odd = Hospital((*OMIM.triples, ("p4", "disease", '"unclear"')), {"disease": "OMIM"})
    (report,) = answer(ALS_OF, odd).certificate.conversions
    assert (report.bound, report.uncoded) == (Bound.EXACT, 1)
    assert "1 of its terms are no codes" in report.statement


def test_each_member_has_its_own_bound_and_the_whole_is_mixed():
    odd = Hospital((*OMIM.triples, ("p4", "disease", "OMIM:999999")), {"disease": "OMIM"})
    told = answer(ALS_OF, odd, ICD).certificate
    assert told.bounds == {"m0": Bound.LOWER, "m1": Bound.UPPER}
    assert told.bound is Bound.MIXED
    assert told.to_dict()["member_bounds"] == {"m0": "lower bound", "m1": "upper bound"}


def test_what_is_subtracted_is_no_upper_bound():
    text = (
        "SELECT ?p { ?p ex:disease ?any FILTER NOT EXISTS "
        "{ NCIT:C34373 hkg:includes ?d . ?p ex:disease ?d } }"
    )
    assert answer(text, ICD).certificate.bound is Bound.MIXED


def test_persons_are_counted_once_across_codes_and_members():
    one = "SELECT (COUNT(DISTINCT ?p) AS ?n) { NCIT:C34373 hkg:includes ?d . ?p ex:disease ?d }"
    assert answer(one, OMIM, ICD).to_polars()["n"].item() == 3
    # By code and member, p1 counts three times.
    summed = 0
    for hospital in (OMIM, ICD):
        for code in set(hospital.codes("disease")):
            own = Hospital(
                tuple(each for each in hospital.triples if each[2] == code), hospital.coded
            )
            summed += answer(one, own).to_polars()["n"].item()
    assert summed == 5


def test_by_the_code_alone_nobody_is_found_without_conversion():
    plain = Hospital(tuple((s, p, f"<{iri_of(o)}>") for s, p, o in OMIM.triples))
    assert not answer("SELECT ?p { ?p ex:disease NCIT:C34373 }", plain)


def test_a_row_is_traced_to_its_mappings():
    result = answer(ALS_OF + " ORDER BY ?p ?d", OMIM, ICD)
    traced = result.trace(0)
    assert set(traced["member"]) == {"m0"}
    assert traced["native"].to_list() == [
        f"<{iri_of('OMIM:105400')}>",
        f"<{iri_of('OMIM:205100')}>",
    ]
    assert all(traced["mappings"].list.len() == 2)
    asked = answer("SELECT ?p { ?p ex:disease NCIT:C34373 }", OMIM).trace(0)
    assert asked["variable"].to_list() == [None, None]


def test_a_code_that_nobody_knows_is_refused():
    with pytest.raises(UnknownTermError, match="NCIT:C99"):
        answer("SELECT ?p { NCIT:C99 hkg:includes ?d . ?p ex:disease ?d }", OMIM)


def test_what_includes_must_be_known():
    with pytest.raises(IncludesError, match="VALUES"):
        answer("SELECT ?p { ?c hkg:includes ?d . ?p ex:disease ?d }", OMIM)
    with pytest.raises(IncludesError, match="no IRI of a code"):
        answer("SELECT ?p { ex:als hkg:includes ?d . ?p ex:disease ?d }", OMIM)


def test_included_codes_alone_are_the_users():
    result = answer("SELECT ?p { NCIT:C4802 hkg:includes ?p }", OMIM)
    assert names(result) == ["NCIT_C34373", "NCIT_C4802"]


def test_a_members_own_hierarchy_is_walked():
    below = Hospital((("x", "label", '"x"'), ("p1", "disease", "OMIM:105400")), {"disease": "OMIM"})
    text = "SELECT ?p { ?d rdfs:subClassOf* NCIT:C4802 . ?p ex:disease ?d }"
    assert names(answer(text, below)) == ["p1"]


def test_codes_are_asked_for_once():
    async def requests():
        made = federation(HUB, [OMIM])
        found = [(await made.query(ALS_OF)).certificate.requests for _ in range(2)]
        await made.close()
        return found

    assert asyncio.run(requests()) == [2, 1]


def test_codes_that_a_profile_lists_are_not_asked_for():
    # Each code stands at three persons, so that OMIM's may be listed.
    often = tuple((f"{s}{n}", p, o) for s, p, o in OMIM.triples for n in range(3))

    async def requests(*more):
        made = federation(HUB, [Hospital((*often, *more), {"disease": "OMIM"})])
        result = await made.query(ALS_OF)
        await made.close()
        return names(result), result.certificate

    found, certificate = asyncio.run(requests())
    assert found == ["p10", "p11", "p12", "p20", "p21", "p22"]
    assert certificate.requests == 1
    assert certificate.conversions[0].codes == 3
    # What is not listed has to be asked for.
    found, certificate = asyncio.run(requests(("p4", "disease", '"unclear"')))
    assert len(found) == 6
    assert certificate.requests == 2
    assert certificate.conversions[0].uncoded == 1


DESCRIPTION = """\
name = "demo"
[prefixes]
ex = "http://example.org/"
[conversion]
hub = "hub"
vocabulary = "NCIT"
[[member]]
name = "a"
site = "a"
[member.codes]
"ex:disease" = { vocabulary = "OMIM", iri = "http://a.example/" }
[member.values]
"ex:sex" = { FEMALE = "female", "<ex:m>" = "<ex:male>" }
[member.predicates]
"ex:geschlecht" = "ex:sex"
"""


def test_a_description_says_how_members_code(tmp_path):
    file = tmp_path / "demo.toml"
    file.write_text(DESCRIPTION)
    read = read_description(file)
    assert read.conversion is not None
    assert (read.conversion.vocabulary, read.conversion.hub) == ("NCIT", tmp_path / "hub")
    assert read.prefixes["hkg"] == VOCABULARY
    coding = read.members[0].coding
    assert coding.codes["http://example.org/disease"].iri == "http://a.example/"
    assert coding.values["http://example.org/sex"] == {
        "FEMALE": "female",
        "<http://example.org/m>": "<http://example.org/male>",
    }
    assert coding.predicates == {"http://example.org/geschlecht": "http://example.org/sex"}


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('hub = "hub"\n', "", "conversion.hub"),
        ('"ex:disease" =', '"xx:disease" =', "codes.xx:disease"),
        ('iri = "http://a.example/"', 'iris = ""', "iris"),
        ('vocabulary = "OMIM", iri', "iri", "iri"),
        ('"ex:geschlecht" = "ex:sex"', '"ex:geschlecht" = "sex"', "predicates.ex:geschlecht"),
        ("[conversion]", "[conversions]", "conversions"),
    ],
)
def test_a_wrong_description_is_refused_where_it_is_wrong(tmp_path, old, new, key):
    file = tmp_path / "demo.toml"
    file.write_text(DESCRIPTION.replace(old, new))
    with pytest.raises(DescriptionError) as caught:
        read_description(file)
    assert key in caught.value.key


def test_prefixes_are_those_of_the_tests():
    assert PREFIXES["hkg"] == VOCABULARY


def test_codes_that_are_only_shown_leave_no_solution_out():
    odd = Hospital((*OMIM.triples, ("p4", "disease", "OMIM:999999")), {"disease": "OMIM"})
    result = answer("SELECT ?p ?d { ?p ex:disease ?d }", odd)
    assert result.certificate.bound is Bound.EXACT
    assert names(result) == ["p1", "p2", "p3", "p4"]
    (report,) = result.certificate.conversions
    assert report.unknown == ("OMIM:999999",)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT ?p { ?p ex:disease ?d FILTER(?d = NCIT:C34373) }",
        "SELECT ?p ?q { ?p ex:disease ?d . ?q ex:disease ?d }",
        "SELECT ?d (COUNT(*) AS ?n) { ?p ex:disease ?d } GROUP BY ?d",
        "SELECT (COUNT(DISTINCT ?d) AS ?n) { ?p ex:disease ?d }",
        "SELECT ?p { VALUES ?d { NCIT:C34373 } ?p ex:disease ?d }",
        "SELECT ?p { { ?p ex:disease ?d } UNION { ?d ex:disease ?p } }",
    ],
)
def test_codes_that_are_compared_may_leave_solutions_out(text):
    odd = Hospital((*OMIM.triples, ("p4", "disease", "OMIM:999999")), {"disease": "OMIM"})
    assert answer(text, odd).certificate.bound is not Bound.EXACT
