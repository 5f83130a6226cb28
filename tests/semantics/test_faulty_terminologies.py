"""Faulty terminologies: findings with lines, and errors for what cannot be read."""

import gzip
import lzma

import pytest

from hereditary_kg.semantics.errors import UnreadableFileError
from hereditary_kg.semantics.findings import Kind
from hereditary_kg.semantics.readers import read_terminology
from hereditary_kg.semantics.readers.tables import Columns


def read(tmp_path, text, **options):
    path = tmp_path / "file"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_terminology(path, **options)


FAULTY = """format-version: 1.2

[Term]
id: HP:0000001
name: one
is_a: HP:0000003

[Term]
id: HP:0000002
name: two
is_a: HP:0000001
is_a: HP:0000009

[Term]
id: HP:0000003
is_a: HP:0000002

[Term]
id: HP:0000002
name: again

[Term]
id: WARD:7
name: a ward's own
is_a: HP:0000001
"""


def test_what_does_not_fit_together_is_found_with_its_line(tmp_path):
    reading = read(tmp_path, FAULTY)
    found = {(each.kind, each.line): each.text for each in reading.findings}
    assert set(found) == {
        (Kind.CYCLE, 4),
        (Kind.DANGLING_PARENT, 9),
        (Kind.MISSING_LABEL, 15),
        (Kind.DUPLICATE_TERM, 19),
        (Kind.UNKNOWN_PREFIX, 23),
    }
    cycle = "HP:0000001 is a HP:0000003 is a HP:0000002 is a HP:0000001"
    assert found[Kind.CYCLE, 4] == cycle
    assert "HP:0000009" in found[Kind.DANGLING_PARENT, 9]
    assert "line 9" in found[Kind.DUPLICATE_TERM, 19]
    assert str(reading.findings[0]).startswith("file:23: unknown prefix: 'WARD'")
    assert [each.name for each in reading.terminologies] == ["HP", "WARD"]
    # Nothing is lost for it: the edges of the cycle are there, and the ward's parent is a mapping.
    assert reading.main.edges.height == 3
    assert reading.mappings.select("subject", "object").rows() == [("WARD:7", "HP:0000001")]


def test_of_many_findings_some_are_listed_and_the_rest_counted(tmp_path):
    terms = "".join(f"\n[Term]\nid: HP:{number:07}\n" for number in range(50))
    findings = read(tmp_path, "format-version: 1.2\n" + terms).findings
    assert len(findings) == 21
    assert findings[-1].text == "30 more of the same kind"


UNREADABLE = {
    "obo": (b"format-version: 1.2\n\n[Term]\nid: HP:1\nnam: x\n", "file:5: it is not OBO"),
    "turtle": (b"@prefix a: <http://a/> .\na:b a:c\n", "file:3"),
    "rdfxml": (b"<rdf:RDF>\n<a></rdf:RDF>", "file"),
    "functional": (b"Ontology(<http://a>\nDeclaration(Clas(<http://x>)))", "file:2"),
    "owl xml": (b'<Ontology xmlns="http://www.w3.org/2002/07/owl#">\n<A></Ontology>', "file"),
    "json": (b'{"graphs": [\n{"nodes": ]}', "file:2"),
    "graphs": (b'{"graphs": [{"nodes": [{"lbl": "x"}]}]}', "OBO Graphs"),
    "cellxgene": (b'{"HP:1": {"ancestors": []}}', "cellxgene"),
    "indra": (b'[{"id": "X:1", "xrefs": [{"id": "1"}]}]', "INDRA"),
    "icd10": (b"<icd_10_v2019>\n<item></icd_10_v2019>", "file:2"),
    "empty icd10": (b"<icd_10_v2019></icd_10_v2019>", "no items"),
    "icd10cm": (b"<ICD10CM.tabular></ICD10CM.tabular>", "no chapters"),
    "concept map": (b'{"resourceType": "ConceptMap"}', "mapping set"),
    "table": (b"id\tname\nHP:1\tx\ty\n", "file:2: there are 3 cells, and 2 columns"),
    "not UTF-8": (b"id\tname\nHP:1\t\xff\n", "file:2: it is not UTF-8"),
    "nothing": (b"", "no terminology in a known format"),
    "prose": (b"This is a letter.\n", "no terminology in a known format"),
    "broken gzip": (b"\x1f\x8b\x08\x00rest", "damaged"),
    "broken xz": (b"\xfd7zXZ\x00rest", "damaged"),
    "broken zstd": (b"\x28\xb5\x2f\xfdrest", "damaged"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable_files_are_refused_with_their_place(name, tmp_path):
    content, message = UNREADABLE[name]
    with pytest.raises(UnreadableFileError) as error:
        read(tmp_path, content)
    assert message in str(error.value)
    assert str(tmp_path) in str(error.value)


def test_a_compressed_file_that_ends_too_early_is_refused(tmp_path):
    zstandard = pytest.importorskip("zstandard")
    packers = [gzip.compress, lzma.compress, zstandard.ZstdCompressor().compress]
    text = "".join(f"HP:{number:07}\t{number * number}\n" for number in range(3000))
    for pack in packers:
        whole = pack(f"id\tname\n{text}".encode())
        assert read(tmp_path, whole).main.terms.height == 3000
        with pytest.raises(UnreadableFileError, match="damaged"):
            read(tmp_path, whole[: len(whole) // 2])


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(UnreadableFileError, match="No such file"):
        read_terminology(tmp_path / "absent")


def test_a_column_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UnreadableFileError, match="no column 'Code'; it has id, name"):
        read(tmp_path, "id\tname\nHP:1\tx\n", format="table", columns=Columns("Code"))


def test_a_format_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UnreadableFileError, match="no format 'xls'"):
        read(tmp_path, "", format="xls")


def test_own_prefixes_of_a_file_can_be_declared(tmp_path):
    text = "<http://ward.example/codes#7> a <http://www.w3.org/2002/07/owl#Class> ."
    assert read(tmp_path, text).main.terms["id"].to_list() == ["codes:7"]
    reading = read(tmp_path, text, prefixes={"WARD": "http://ward.example/codes#"})
    assert reading.main.terms["id"].to_list() == ["WARD:7"]
