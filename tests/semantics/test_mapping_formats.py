"""SSSOM as JSON and Turtle, and FHIR's ConceptMaps, whose directions are easily wrong."""

import json

import pytest
from reference_files import DATA, needs_reference

from hereditary_kg.semantics.errors import UnreadableFileError
from hereditary_kg.semantics.sssom import guess_format, read_mapping_set, render

TEXT = """#curie_map:
#  EXT: https://example.org/properties/
#  FOODON: http://food.example/
#  KITCHEN: https://kitchen.example/food/
#  orcid: https://orcid.org/
#sssom_version: "1.1"
#mapping_set_id: https://example.org/sample-set
#mapping_set_description: Food of a kitchen.
#license: https://creativecommons.org/licenses/by/4.0/
#mapping_date: 2025-07-14
#extension_definitions:
#  - slot_name: ext_tasty
#    property: EXT:isTasty
#    type_hint: xsd:boolean
record_id\tsubject_id\tsubject_label\tpredicate_id\tpredicate_modifier\tobject_id\tmapping_justification\t\
author_id\tsubject_type\tconfidence\text_tasty
KITCHEN:r1\tKITCHEN:F001\tapple\tskos:exactMatch\t\tFOODON:1\tsemapv:ManualMappingCuration\t\
orcid:1|orcid:2\towl class\t0.95\ttrue
KITCHEN:r2\tKITCHEN:F002\tgala\tskos:exactMatch\tNot\tFOODON:2\tsemapv:ManualMappingCuration\t\
orcid:1\towl class\t1\tfalse
"""


@pytest.fixture
def mapping_set(tmp_path):
    path = tmp_path / "set.tsv"
    path.write_text(TEXT)
    return read_mapping_set(path)


@pytest.mark.parametrize("format_", ["json", "ttl"])
def test_nothing_is_lost_on_the_way_there_and_back(format_, mapping_set, tmp_path):
    path = tmp_path / "other"
    path.write_bytes(render(mapping_set, format_))
    assert guess_format(path.read_bytes()) == format_
    again = read_mapping_set(path)
    columns = sorted(mapping_set.columns)
    assert again.rows.select(columns).sort("record_id").equals(mapping_set.rows.select(columns))
    declared = mapping_set.metadata["curie_map"]
    assert declared.items() <= again.metadata["curie_map"].items()
    rest = {name: value for name, value in mapping_set.metadata.items() if name != "curie_map"}
    assert {name: again.metadata.get(name) for name in rest} == rest
    assert (
        again.to_hub_rows()
        .sort("subject")
        .drop("source")
        .equals(mapping_set.to_hub_rows().sort("subject").drop("source"))
    )


def test_turtle_is_what_the_specification_says(mapping_set):
    text = render(mapping_set, "ttl").decode()
    for part in (
        "a sssom:MappingSet",
        "owl:annotatedSource KITCHEN:F001",
        "owl:annotatedProperty skos:exactMatch",
        "sssom:predicate_modifier sssom:NegatedPredicate",
        "sssom:subject_type owl:Class",
        "EXT:isTasty",
        "<http://purl.org/pav/authoredBy> orcid:1",
    ):
        assert part in text


def test_older_turtle_is_read(tmp_path):
    path = tmp_path / "old"
    path.write_text(
        """@prefix sssom: <https://w3id.org/sssom/> .
        @prefix owl: <http://www.w3.org/2002/07/owl#> .
        @prefix skos: <http://www.w3.org/2004/02/skos/core#> .
        @prefix MONDO: <http://purl.obolibrary.org/obo/MONDO_> .
        [] a sssom:MappingSet ; sssom:mapping_set_id "http://example.org/x" ;
          sssom:mappings [ a owl:Axiom ; owl:annotatedSource MONDO:0004976 ;
            owl:annotatedProperty skos:exactMatch ; sssom:predicate_modifier "Not" ;
            owl:annotatedTarget <http://www.orpha.net/ORDO/Orphanet_803> ] ."""
    )
    mapping_set = read_mapping_set(path)
    assert mapping_set.id == "http://example.org/x"
    row = mapping_set.rows.row(0, named=True)
    assert (row["subject_id"], row["object_id"]) == ("MONDO:0004976", "ORPHA:803")
    assert row["predicate_modifier"] == "Not"


def concept_map(relation, **values):
    return {
        "resourceType": "ConceptMap",
        "url": "http://example.org/map",
        "version": "3",
        "group": [
            {
                "source": "http://snomed.info/sct|2025",
                "target": "http://hl7.org/fhir/sid/icd-10",
                "element": [
                    {
                        "code": "86044005",
                        "display": "Amyotrophic lateral sclerosis",
                        "target": [
                            {"code": "G12.2", "display": "Motor neuron disease", relation: value}
                        ],
                    }
                    for value in [values["value"]]
                ],
            }
        ],
    }


DIRECTIONS = {
    # R4: what the target is to the source. G12.2 is wider than ALS, and so it is broader.
    ("equivalence", "wider"): ("skos:broadMatch", None),
    ("equivalence", "subsumes"): ("skos:broadMatch", None),
    ("equivalence", "narrower"): ("skos:narrowMatch", None),
    ("equivalence", "specializes"): ("skos:narrowMatch", None),
    ("equivalence", "equal"): ("skos:exactMatch", None),
    ("equivalence", "equivalent"): ("skos:exactMatch", None),
    ("equivalence", "inexact"): ("skos:closeMatch", None),
    ("equivalence", "relatedto"): ("skos:relatedMatch", None),
    ("equivalence", "disjoint"): ("skos:relatedMatch", "Not"),
    # R5: what the source is to the target.
    ("relationship", "source-is-narrower-than-target"): ("skos:broadMatch", None),
    ("relationship", "source-is-broader-than-target"): ("skos:narrowMatch", None),
    ("relationship", "equivalent"): ("skos:exactMatch", None),
    ("relationship", "related-to"): ("skos:relatedMatch", None),
    ("relationship", "not-related-to"): ("skos:relatedMatch", "Not"),
}


@pytest.mark.parametrize(("relation", "value"), DIRECTIONS)
def test_directions_of_concept_maps(relation, value, tmp_path):
    path = tmp_path / "map.json"
    path.write_text(json.dumps(concept_map(relation, value=value)))
    mapping_set = read_mapping_set(path)
    row = mapping_set.rows.row(0, named=True)
    assert (row["predicate_id"], row.get("predicate_modifier")) == DIRECTIONS[relation, value]
    assert (row["subject_id"], row["object_id"]) == ("SNOMEDCT:86044005", "ICD10:G12.2")
    assert row["subject_source_version"] == "2025"
    for format_ in ("fhir", "fhir-r4"):
        again = tmp_path / "again.json"
        again.write_bytes(render(mapping_set, format_))
        found = read_mapping_set(again).rows.row(0, named=True)
        if row["predicate_id"] != "skos:closeMatch" or format_ == "fhir-r4":
            assert found["predicate_id"] == row["predicate_id"]
        assert found.get("predicate_modifier") == row.get("predicate_modifier")
        assert found["object_id"] == "ICD10:G12.2"
        assert found["subject_label"] == "Amyotrophic lateral sclerosis"


def test_codes_without_a_target_are_kept(tmp_path):
    path = tmp_path / "map.json"
    document = concept_map("relationship", value="equivalent")
    document["group"][0]["element"] = [{"code": "1", "noMap": True}]
    document["group"][0]["source"] = "http://ward.example/codes"
    path.write_text(json.dumps(document))
    mapping_set = read_mapping_set(path)
    assert mapping_set.rows["object_id"].to_list() == ["sssom:NoTermFound"]
    assert mapping_set.rows["subject_id"].to_list() == ["codes:1"]
    assert mapping_set.metadata["curie_map"]["codes"] == "http://ward.example/codes/"
    assert mapping_set.to_hub_rows().is_empty()
    for format_ in ("fhir", "fhir-r4"):
        path.write_bytes(render(mapping_set, format_))
        assert read_mapping_set(path).rows["object_id"].to_list() == ["sssom:NoTermFound"]


def test_a_relation_that_fhir_does_not_have_is_refused(tmp_path):
    path = tmp_path / "map.json"
    path.write_text(json.dumps(concept_map("relationship", value="wider")))
    with pytest.raises(UnreadableFileError, match=r"group\[0\] 86044005: relationship 'wider'"):
        read_mapping_set(path)


@needs_reference
@pytest.mark.parametrize(
    "name", ["ncit/ncit_icd10cm_2017.sssom.tsv.gz", "biomappings/negative.sssom.tsv.gz"]
)
@pytest.mark.parametrize("format_", ["json", "ttl"])
def test_real_sets_survive_other_formats(name, format_, tmp_path):
    mapping_set = read_mapping_set(DATA / name)
    path = tmp_path / "other"
    path.write_bytes(render(mapping_set, format_))
    again = read_mapping_set(path)
    columns = [
        each
        for each in mapping_set.columns
        if mapping_set.rows[each].null_count() < len(mapping_set.rows)
    ]
    one, other = (each.rows.select(columns).sort(columns) for each in (mapping_set, again))
    assert one.equals(other)
