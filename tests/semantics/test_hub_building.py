"""Putting a hub together from what files gave."""

from dataclasses import replace

import polars as pl
import pytest
from small_hub import HGNC, MONDO, mapping_rows

from hereditary_kg.semantics.errors import UnknownTermError
from hereditary_kg.semantics.findings import Kind
from hereditary_kg.semantics.hub_building import Material, build_hub, version_key
from hereditary_kg.semantics.terminology import EDGES, TERMS, Terminology

OLD = replace(MONDO, version="2025-02-04", source="old.obo", terms=MONDO.terms.head(2))


def _terminology(name, ids, version="1", **more):
    rows = [(each, f"label of {each}", None, False, []) for each in ids]
    terms = pl.DataFrame(rows, schema=TERMS, orient="row")
    return Terminology(name, version, terms, **more)


def test_the_newest_version_counts_and_the_others_are_named():
    built = build_hub([Material([MONDO]), Material([OLD])])
    assert built.hub.terminologies["MONDO"].version == "2026-05-05"
    (finding,) = built.findings
    assert finding.kind is Kind.OTHER_VERSION
    assert finding.file == "old.obo"
    assert finding.text == "MONDO 2025-02-04 is left out, for there is 2026-05-05."


def test_another_version_when_told_so():
    built = build_hub([Material([MONDO]), Material([OLD])], {"MONDO": "2025-02-04"})
    assert built.hub.terminologies["MONDO"].terms.height == 2
    assert "2026-05-05 is left out" in built.findings[0].text
    with pytest.raises(UnknownTermError, match="version of MONDO 2024"):
        build_hub([Material([MONDO])], {"MONDO": "2024"})
    with pytest.raises(UnknownTermError, match="terminology HGNC"):
        build_hub([Material([MONDO])], {"HGNC": "1"})


def test_a_file_about_a_vocabulary_comes_before_one_that_mentions_it():
    mentioned = _terminology("HP", ["HP:1"], "2030-01-01", source="mondo.obo")
    own = _terminology("HP", ["HP:1", "HP:2"], "2025-01-16", source="hp.obo")
    built = build_hub([Material([MONDO, mentioned]), Material([own])])
    assert built.hub.terminologies["HP"].source == "hp.obo"
    assert [finding.file for finding in built.findings] == ["mondo.obo"]


def test_files_of_one_version_add_up():
    one = _terminology("DOID", ["DOID:1", "DOID:2"], source="a", licence="CC0")
    edges = pl.DataFrame([("DOID:3", "DOID:1")], schema=EDGES, orient="row")
    other = replace(_terminology("DOID", ["DOID:3"], source="b", licence="CC0"), edges=edges)
    built = build_hub([Material([other]), Material([one])])
    merged = built.hub.terminologies["DOID"]
    assert merged.terms["id"].to_list() == ["DOID:1", "DOID:2", "DOID:3"]
    assert (merged.source, merged.licence) == ("a|b", "CC0")
    assert built.hub.parents("DOID:3") == ["DOID:1"]
    assert not built.findings


def test_a_mapping_is_there_once_with_all_its_sources():
    row = ("MONDO:1", "skos:exactMatch", "OMIM:1")
    first = mapping_rows([row], "a").with_columns(confidence=0.5, author=pl.lit("x"))
    second = mapping_rows([row, row, ("OMIM:1", *row[1:2], "MONDO:1")], "b")
    built = build_hub([Material(mappings=first), Material(mappings=second)])
    mappings = built.hub.mappings
    assert mappings.height == 2
    assert mappings["source"].to_list() == ["a#1|b#1|b#2", "b#3"]
    assert mappings["confidence"].to_list() == [0.9, 0.9]
    assert mappings["author"].to_list() == ["x", None]
    assert mappings["justification"].to_list() == ["semapv:ManualMappingCuration"] * 2
    assert mappings["reviewer"].null_count() == 2
    again = build_hub([Material(mappings=mappings), Material(mappings=first)])
    assert again.hub.mappings.equals(mappings)


def test_terms_that_mappings_alone_know_have_their_labels():
    mappings = mapping_rows([("MONDO:0004976", "skos:exactMatch", "NCIT:C34373")])
    labels = {"NCIT:C34373": "ALS", "MONDO:0004976": "other", "NCIT:C1": "of no mapping"}
    hub = build_hub([Material([MONDO]), Material(mappings=mappings, labels=labels)]).hub
    assert hub.labels == {"NCIT:C34373": "ALS"}
    assert hub.term("NCIT:C34373").label == "ALS"
    assert hub.term("MONDO:0004976").label == "amyotrophic lateral sclerosis"


def test_what_icd10_and_its_clinical_modification_share_is_mapped():
    who = _terminology("ICD10", ["ICD10:G12.2"])
    clinical = _terminology("ICD10CM", ["ICD10CM:G12.2"])
    title = pl.lit("Motor neuron disease").alias("label")
    parts = [replace(each, terms=each.terms.with_columns(title)) for each in (who, clinical)]
    hub = build_hub([Material([each]) for each in parts]).hub
    assert "ICD10CM:G12.2" in hub.exact("ICD10:G12.2")
    assert hub.mappings["justification"].to_list() == ["semapv:LexicalMatching"]
    (identifier,) = hub.sources
    assert hub.mappings["source"][0] == f"{identifier}#1"
    assert not build_hub([Material([HGNC]), Material([parts[0]])]).hub.mappings.height


def test_versions_are_ordered_by_their_numbers():
    mixed = ["v2.10", "2026-05-05", "", "releases/2025-02-04", "v2.9"]
    ordered = ["", "v2.9", "v2.10", "releases/2025-02-04", "2026-05-05"]
    assert sorted(mixed, key=version_key) == ordered
