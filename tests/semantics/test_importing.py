"""Importing files: which is which, and what is wrong with them."""

import gzip
import json

import pytest

from hereditary_kg.semantics.errors import UnreadableFileError
from hereditary_kg.semantics.findings import Kind
from hereditary_kg.semantics.hub_files import write_hub
from hereditary_kg.semantics.importing import FORMATS, import_files, read_file

OBO = """format-version: 1.2
data-version: releases/2026-05-05
ontology: mondo

[Term]
id: MONDO:0004976
name: amyotrophic lateral sclerosis
synonym: "ALS" EXACT []

[Term]
id: MONDO:0005144
name: familial amyotrophic lateral sclerosis
is_a: MONDO:0004976
"""
SSSOM = """# mapping_set_id: https://example.org/set
# license: https://creativecommons.org/publicdomain/zero/1.0/
# mapping_set_version: "2026-08-04"
subject_id\tsubject_label\tpredicate_id\tobject_id\tobject_label\tmapping_justification
MONDO:0004976\tALS\tskos:exactMatch\tNCIT:C34373\tLou Gehrig\tsemapv:ManualMappingCuration
MONDO:0005144\tfALS\tskos:exactMatch\tMIM:105400\tALS1\tsemapv:ManualMappingCuration
"""


@pytest.fixture
def files(tmp_path):
    (tmp_path / "mondo.obo").write_text(OBO)
    (tmp_path / "set.sssom.tsv.gz").write_bytes(gzip.compress(SSSOM.encode()))
    return [tmp_path / "mondo.obo", tmp_path / "set.sssom.tsv.gz"]


def test_terminology_and_mappings(files, tmp_path):
    imported = import_files(files)
    hub = imported.hub
    assert hub.terminologies["MONDO"].terms.height == 2
    assert list(hub.exact("OMIM:105400")) == ["OMIM:105400", "MONDO:0005144"]
    assert hub.labels == {"NCIT:C34373": "Lou Gehrig", "OMIM:105400": "ALS1"}
    assert hub.sources["https://example.org/set"] == {
        "title": "",
        "version": "2026-08-04",
        "licence": "https://creativecommons.org/publicdomain/zero/1.0/",
        "file": "set.sssom.tsv.gz",
    }
    assert [each.path.name for each in imported.files] == ["mondo.obo", "set.sssom.tsv.gz"]
    for name, order in (("one", files), ("two", files[::-1])):
        write_hub(import_files(order).hub, tmp_path / name)
    contents = [
        {each.name: each.read_bytes() for each in (tmp_path / name).iterdir()}
        for name in ("one", "two")
    ]
    assert contents[0] == contents[1]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        (
            "x.json",
            json.dumps({"mapping_set_id": "urn:s", "license": "x", "mappings": []}),
            "sssom-json",
        ),
        (
            "x.json",
            json.dumps({"resourceType": "ConceptMap", "url": "urn:c", "status": "draft"}),
            "fhir",
        ),
        ("x.obo", OBO, "terminology"),
        ("x.tsv", "id\tlabel\nMONDO:0004976\tALS\n", "terminology"),
    ],
)
def test_which_file_is_which(tmp_path, name, text, expected):
    (tmp_path / name).write_text(text)
    read = read_file(tmp_path / name)
    assert read.format == expected


def test_what_files_say_together(tmp_path, files):
    wrong = SSSOM.replace("https://example.org/set", "urn:other").replace(
        "MONDO:0005144\tfALS\tskos:exactMatch", "MONDO:0005144\tfALS\tskos:broadMatch"
    )
    (tmp_path / "wrong.tsv").write_text(wrong)
    imported = import_files([*files, tmp_path / "wrong.tsv"])
    assert Kind.CONTRADICTION in {each.kind for each in imported.findings}


def test_all_files_that_cannot_be_read_are_named(tmp_path, files):
    (tmp_path / "a.obo").write_bytes(b"format-version: 1.2\n\n[Term]\nid: \xff\n")
    (tmp_path / "b.txt").write_text("what is this")
    with pytest.raises(UnreadableFileError) as error:
        import_files([*files, tmp_path / "a.obo", tmp_path / "b.txt"])
    assert str(error.value).startswith("2 files: they cannot be read:")
    assert "a.obo:4" in str(error.value)
    assert "b.txt" in str(error.value)
    with pytest.raises(UnreadableFileError, match=r"none\.obo"):
        import_files([tmp_path / "none.obo"])


def test_unknown_formats(files):
    with pytest.raises(UnreadableFileError, match="no format 'xyz'; there are obo"):
        import_files(files, "xyz")
    assert {"obo", "sssom", "fhir"} <= FORMATS.keys()
