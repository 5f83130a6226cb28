"""One canonical CURIE for every way in which an identifier is written."""

import json
from importlib.resources import files

import curies
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hereditary_kg.semantics.errors import IdentifierError
from hereditary_kg.semantics.identifiers import (
    _parted_iri,
    iri_of,
    iris_of,
    known_vocabularies,
    normalise,
    normalise_column,
    vocabulary_of,
)

MAP = json.loads(files("hereditary_kg.semantics").joinpath("prefixes.json").read_text("utf-8"))
CONVERTER = curies.Converter.from_extended_prefix_map(MAP)

SPELLINGS = {
    "ORPHA:803": [
        "ORPHA:803",
        "Orphanet:803",
        "ORDO:803",
        "ordo:803",
        "orphanet.ordo:803",
        "ORDO:Orphanet_803",
        "Orphanet_803",
        "http://www.orpha.net/ORDO/Orphanet_803",
        "<http://www.orpha.net/ORDO/Orphanet_803>",
        "https://identifiers.org/orphanet:803",
        "http://identifiers.org/orphanet.ordo/Orphanet_803",
    ],
    "OMIM:105400": [
        "MIM:105400",
        "omim:105400",
        "OMIM:#105400",
        "https://omim.org/entry/105400",
        "http://www.omim.org/entry/105400",
        "https://omim.org/MIM:105400",
        "http://purl.bioontology.org/ontology/OMIM/105400",
        "http://identifiers.org/omim/105400",
    ],
    "OMIMPS:105400": [
        "OMIMPS:105400",
        "OMIM:PS105400",
        "https://omim.org/phenotypicSeries/PS105400",
        "https://omim.org/MIM:PS105400",
    ],
    "NCIT:C34373": ["NCI:C34373", "NCIT:C34373", "http://purl.obolibrary.org/obo/NCIT_C34373"],
    "SNOMEDCT:86044005": [
        "SCTID:86044005",
        "SNOMEDCT_US_2025_09_01:86044005",
        "SNOMED CT:86044005",
        "http://snomed.info/id/86044005",
        "http://purl.bioontology.org/ontology/SNOMEDCT/86044005",
    ],
    "UMLS:C0002736": [
        "UMLS_CUI:C0002736",
        "https://uts.nlm.nih.gov/uts/umls/concept/C0002736",
        "http://linkedlifedata.com/resource/umls/id/C0002736",
    ],
    "ICD10:G12.2": [
        "ICD10:G12.2",
        "ICD-10:G122",
        "ICD10WHO:G12.2",
        "ICD10WHO:g12.2†",
        "https://icd.who.int/browse10/2019/en#/G12.2",
    ],
    "ICD10:G12": ["ICD10:G12", "ICD10:G12.-", "ICD10:G12-"],
    "ICD10CM:G12.21": [
        "ICD10CM:G1221",
        "ICD-10-CM:G12.21",
        "http://purl.bioontology.org/ontology/ICD10CM/G12.21",
    ],
    "HGNC:5": [
        "HGNC:5",
        "HGNC:HGNC:5",
        "http://identifiers.org/hgnc/5",
        "https://identifiers.org/hgnc:5",
        "https://identifiers.org/HGNC:5",
    ],
    "MONDO:0004976": [
        "mondo:0004976",
        "MONDO_0004976",
        "https://purl.obolibrary.org/obo/MONDO_0004976",
    ],
    "HP:0012824": ["https://hpo.jax.org/browse/term/HP:0012824"],
    "ATC:D08": ["http://purl.bioontology.org/ontology/UATC/D08"],
    "GARD:5787": ["GARD:0005787"],
    "BRAINTEASER:Patient": ["https://w3id.org/brainteaser/ontology/schema/Patient"],
    "HERO:Polluting_agent": [
        "https://w3id.org/hereditary/ontology/phenoclinical/schema/Polluting_agent"
    ],
    "HEROGENOMICS:Gene": ["https://w3id.org/hereditary/ontology/schema/Gene"],
}
WRONG = [
    "",
    "G12.2",
    "disease",
    "nowhere:1",
    "OMIM:ALS",
    "OMIM:12",
    "ICD10:12.G",
    "ICD10:S00.00XA",
    "HP:1",
    "NCIT:3921",
    "http://example.org/1",
    "http://purl.obolibrary.org/obo/",
]
PAIRS = [(text, curie) for curie, texts in SPELLINGS.items() for text in texts]


@pytest.mark.parametrize(("text", "curie"), PAIRS)
def test_every_spelling_has_one_name(text, curie):
    assert normalise(text) == curie
    assert normalise(curie) == curie


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_identifier_is_refused(text):
    with pytest.raises(IdentifierError):
        normalise(text)


def test_a_column_says_the_same_as_one_text_does():
    texts = [text for text, _ in PAIRS] + WRONG + [None]
    found = normalise_column(pl.Series("code", texts))
    assert found.name == "code"
    assert found.to_list() == [curie for _, curie in PAIRS] + [None] * (len(WRONG) + 1)


def test_codes_without_a_prefix_are_of_the_vocabulary_that_is_named():
    assert normalise("G122", "ICD10") == "ICD10:G12.2"
    found = normalise_column(pl.Series(["G122", "G12210", "OMIM:105400", "disease"]), "ICD10")
    assert found.to_list() == ["ICD10:G12.2", None, "OMIM:105400", None]


LOCALS = st.text("0123456789ABCDGPSX._-:/ †é٣", max_size=9)
HEADS = st.sampled_from(
    [
        *("OMIM", "mim", "ORPHA", "Orphanet", "ICD10", "ICD-10-CM", "HGNC", "NCI", "UMLS_CUI"),
        *(
            "GARD",
            "SNOMEDCT_US_2025_09_01",
            "unknown",
            "HERO",
            "http",
            "http://purl.obolibrary.org/obo/HP_",
        ),
        *(
            "https://omim.org/MIM:",
            "http://identifiers.org/hgnc/",
            "https://w3id.org/brainteaser/ontology/schema/",
        ),
    ]
)


@given(st.lists(st.tuples(HEADS, st.sampled_from([":", "_", "", "/"]), LOCALS).map("".join)))
def test_both_ways_agree_on_anything(texts):
    def alone(text):
        try:
            return normalise(text)
        except IdentifierError:
            return None

    assert normalise_column(pl.Series(texts, dtype=pl.String)).to_list() == list(map(alone, texts))


@given(st.sampled_from(list(SPELLINGS)))
def test_every_iri_of_a_name_leads_back_to_it(curie):
    iris = iris_of(curie)
    assert iris[0] == iri_of(curie)
    assert len(set(iris)) == len(iris)
    assert set(normalise_column(pl.Series(iris))) == {curie}


def test_iris_of_an_unknown_vocabulary_are_refused():
    with pytest.raises(IdentifierError, match="nowhere:1"):
        iri_of("nowhere:1")
    with pytest.raises(IdentifierError, match="no prefix"):
        vocabulary_of("disease")


NAMESPACES = st.sampled_from([iri for curie in SPELLINGS for iri in iris_of(curie)])


@given(NAMESPACES, st.integers(0, 8), st.text("AC01_/#:PS", max_size=8))
def test_iris_are_parted_as_curies_does(iri, cut, end):
    text = iri[: len(iri) - cut] + end
    reference = CONVERTER.parse_uri(text)
    expected = (reference.prefix, reference.identifier) if reference else (None, "")
    found = _parted_iri(text)
    # curies takes a namespace without an identifier for one; we do not.
    assert found == expected or not expected[1]


def test_the_prefix_map_is_one_that_curies_reads():
    assert len(CONVERTER.records) == len(known_vocabularies())
    for curie in SPELLINGS:
        assert CONVERTER.expand(curie) == iri_of(curie)
