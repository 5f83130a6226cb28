"""SSSOM/TSV: nothing is lost, what is wrong is found with its row, and what is meant is kept."""

import gzip

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference_files import DATA, REASON, mapping_files, needs_reference

from hereditary_kg.semantics.errors import UnreadableFileError
from hereditary_kg.semantics.findings import Kind
from hereditary_kg.semantics.hub import MAPPINGS
from hereditary_kg.semantics.readers.sources import read_bytes
from hereditary_kg.semantics.sssom import (
    ROW,
    MappingSet,
    read_mapping_set,
    render,
    slots,
    validate,
    write_mapping_set,
)
from hereditary_kg.semantics.sssom.tsv import parse_tsv

HEADER = """# # Kept by hand.
# curie_map:
#   MONDO: http://purl.obolibrary.org/obo/MONDO_
#   WARD: http://ward.example/codes/
# license: https://creativecommons.org/publicdomain/zero/1.0/ # as agreed
# mapping_set_id: http://example.org/set
# mapping_set_version: 1.10
# mapping_date: 2026-01-31
# creator_id:
# - orcid:0000-0000-0000-0001
# - orcid:0000-0000-0000-0002
"""
COLUMNS = (
    "subject_id\tsubject_label\tpredicate_id\tpredicate_modifier\tobject_id\t"
    "mapping_justification\tconfidence\tcomment\n"
)
ROWS = """MONDO:0004976\tALS\tskos:exactMatch\t\tOrphanet:803\tsemapv:ManualMappingCuration\t0.9\t
WARD:7\t"a ""ward's"" own"\tskos:broadMatch\t\tICD10WHO:G122\tsemapv:ManualMappingCuration\t1\t"two
lines"
MONDO:0004976\t\tskos:exactMatch\tNot\tOMIM:168600\tsemapv:ManualMappingCuration\t\tsize 5" ulcer
"""


def parsed(tmp_path, text, name="set.sssom.tsv", **options):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_mapping_set(path, **options)


@pytest.mark.parametrize(
    "path",
    mapping_files() or [pytest.param(None, marks=pytest.mark.skip(REASON))],
    ids=lambda path: path and path.name,
)
def test_real_files_come_back_byte_for_byte(path):
    assert render(read_mapping_set(path)) == read_bytes(path)


@pytest.mark.parametrize(
    "text",
    [
        HEADER + COLUMNS + ROWS,
        (HEADER + COLUMNS + ROWS).replace("\n", "\r\n"),
        (HEADER + COLUMNS + ROWS).rstrip("\n"),
        HEADER + COLUMNS + ROWS + "\n\n",
        HEADER + COLUMNS + ROWS.replace("\nWARD", "\n\n\nWARD"),
        HEADER + COLUMNS,
        HEADER + COLUMNS.rstrip("\n"),
        COLUMNS + ROWS,
        "\ufeff" + HEADER + COLUMNS + ROWS,
        HEADER.replace("# ", "#") + COLUMNS + ROWS + 'MONDO:1\t"never closed\n' + ROWS,
        COLUMNS + "MONDO:1\tshort\nMONDO:2" + "\tlong" * 12 + "\n",
    ],
)
def test_untouched_files_come_back_byte_for_byte(text, tmp_path):
    assert render(parsed(tmp_path, text)) == text.encode()


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8)


@given(st.lists(st.lists(CELLS, min_size=1, max_size=4).map("\t".join)).map("\n".join))
def test_any_text_below_the_columns_comes_back(tmp_path_factory, body):
    text = f"subject_id\tobject_id\tcomment\n{body}"
    path = tmp_path_factory.getbasetemp() / "any.tsv"
    assert render(parse_tsv(path, text.encode())) == text.encode()


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1))
def test_any_cells_come_back(tmp_path_factory, cells):
    path = tmp_path_factory.getbasetemp() / "cells.tsv"
    cells = [tuple(cell.strip("\r") or "x" for cell in row) for row in cells]
    rows = pl.DataFrame(cells, ["subject_id", "comment"], orient="row")
    rows = rows.insert_column(0, pl.Series(ROW, [None] * len(cells), dtype=pl.UInt32))
    again = parse_tsv(path, render(MappingSet({}, rows)))
    assert again.rows.select("subject_id", "comment").rows() == cells


def test_cells_are_read_without_their_quotation_marks(tmp_path):
    mapping_set = parsed(tmp_path, HEADER + COLUMNS + ROWS)
    assert mapping_set.rows["subject_label"].to_list() == ["ALS", 'a "ward\'s" own', None]
    assert mapping_set.rows["comment"].to_list() == [None, "two\nlines", 'size 5" ulcer']
    assert mapping_set.rows[ROW].to_list() == [1, 2, 3]
    assert mapping_set.metadata["mapping_set_version"] == "1.10"
    assert mapping_set.metadata["creator_id"] == [
        "orcid:0000-0000-0000-0001",
        "orcid:0000-0000-0000-0002",
    ]
    assert not mapping_set.findings


def test_only_what_was_changed_is_written_anew(tmp_path):
    text = HEADER + COLUMNS + ROWS
    mapping_set = parsed(tmp_path, text)
    changed = mapping_set.rows.with_columns(
        pl.when(pl.col(ROW) == 1).then(pl.lit("a\tb")).otherwise("comment").alias("comment")
    )
    new = changed.head(1).with_columns(pl.lit(None, pl.UInt32).alias(ROW), comment=pl.lit("new"))
    written = render(mapping_set.with_rows(pl.concat([changed, new]))).decode()
    first = ROWS.splitlines(keepends=True)[0]
    expected = text.replace(first, first.rstrip("\n") + '"a\tb"\n') + first.rstrip("\n") + "new\n"
    assert written == expected
    without = mapping_set.with_rows(mapping_set.rows.filter(pl.col(ROW) != 2))
    lines = ROWS.splitlines(keepends=True)
    assert render(without).decode() == HEADER + COLUMNS + lines[0] + lines[3]


def test_a_changed_header_keeps_the_other_slots_lines(tmp_path):
    mapping_set = parsed(tmp_path, HEADER + COLUMNS + ROWS)
    changed = mapping_set.with_metadata(
        mapping_set_version="1.11", comment="Say: so", creator_id=None
    )
    expected = HEADER.replace("1.10", "'1.11'")
    expected = expected[: expected.index("# creator_id")] + "# comment: 'Say: so'\n"
    assert render(changed).decode() == expected + COLUMNS + ROWS


def test_cells_beyond_the_columns_stay_with_a_changed_row(tmp_path):
    mapping_set = parsed(tmp_path, "subject_id\tcomment\nMONDO:1\ta\tb\tc\n")
    assert [(each.kind, each.line, each.row) for each in mapping_set.findings] == [
        (Kind.BAD_ROW, 2, 1)
    ]
    changed = mapping_set.rows.with_columns(comment=pl.lit("z"))
    assert render(mapping_set.with_rows(changed)) == b"subject_id\tcomment\nMONDO:1\tz\tb\tc\n"


def test_a_new_column_is_written_with_all_cells(tmp_path):
    mapping_set = parsed(tmp_path, HEADER + COLUMNS + ROWS)
    more = mapping_set.with_rows(mapping_set.rows.with_columns(reviewer_id=pl.lit("orcid:1")))
    again = parsed(tmp_path, render(more), "again.tsv")
    assert again.rows.equals(more.rows)
    assert again.metadata == mapping_set.metadata


def test_what_the_hub_gets(tmp_path):
    mapping_set = parsed(tmp_path, HEADER + COLUMNS + ROWS)
    rows = mapping_set.to_hub_rows()
    assert rows.schema == MAPPINGS
    licence = "https://creativecommons.org/publicdomain/zero/1.0/"
    manual = "semapv:ManualMappingCuration"
    assert rows.rows() == [
        (
            "MONDO:0004976",
            "skos:exactMatch",
            "ORPHA:803",
            manual,
            0.9,
            None,
            None,
            "http://example.org/set#1",
            licence,
        ),
        (
            "WARD:7",
            "skos:broadMatch",
            "ICD10:G12.2",
            manual,
            1.0,
            None,
            None,
            "http://example.org/set#2",
            licence,
        ),
    ]
    denied = mapping_set.to_hub_rows(negated=True)
    assert denied.select("subject", "object").rows() == [("MONDO:0004976", "OMIM:168600")]


def test_what_reviewers_reject_can_be_left_out(tmp_path):
    text = (
        "subject_id\tpredicate_id\tpredicate_modifier\tobject_id\treviewer_agreement\n"
        "MONDO:0004976\tskos:exactMatch\t\tORPHA:803\t-0.3333\n"
        "MONDO:0004976\tskos:exactMatch\t\tNCIT:C34373\t0.3333\n"
        "MONDO:0004976\tskos:exactMatch\t\tDOID:332\t0\n"
        "MONDO:0004976\tskos:exactMatch\t\tMESH:D000690\t\n"
        "MONDO:0004976\tskos:exactMatch\tNot\tOMIM:168600\t-1\n"
    )
    mapping_set = parsed(tmp_path, text)
    assert mapping_set.rejected.to_list() == [True, False, False, False, True]
    assert mapping_set.to_hub_rows().height == 4
    kept = mapping_set.to_hub_rows(rejected=False)
    assert kept["object"].to_list() == ["NCIT:C34373", "DOID:332", "MESH:D000690"]
    # Rows keep the numbers that they have in the file.
    assert kept["source"].str.extract("#([0-9]+)$").to_list() == ["2", "3", "4"]
    assert mapping_set.to_hub_rows(negated=True).height == 1
    assert mapping_set.to_hub_rows(negated=True, rejected=False).is_empty()


def test_a_prefix_means_what_it_is_declared_as(tmp_path):
    text = (
        "# curie_map:\n#   kranke: http://www.orpha.net/ORDO/Orphanet_\n"
        "#   ICD10CM: https://icd.who.int/browse10/2019/en#/\n"
        "subject_id\tpredicate_id\tobject_id\n"
        "kranke:803\tskos:exactMatch\tICD10CM:G1221\nnowhere:1\tskos:exactMatch\tICD10CM:G12.21\n"
    )
    mapping_set = parsed(tmp_path, text)
    rows = mapping_set.to_hub_rows().select("subject", "object").rows()
    assert rows == [("ORPHA:803", "ICD10CM:G12.21")]
    kinds = {each.kind: each.text for each in validate(mapping_set)}
    assert "is ICD10's" in kinds[Kind.PREFIX_CONFLICT]
    assert "'nowhere'" in kinds[Kind.UNKNOWN_PREFIX]


def test_slots_of_the_set_are_meant_of_its_mappings(tmp_path):
    text = "# mapping_tool: hand\n# subject_source:\n# - a\n# license: x\n" + COLUMNS + ROWS
    mapping_set = parsed(tmp_path, text)
    propagated = mapping_set.propagated()
    assert propagated.rows["mapping_tool"].to_list() == ["hand"] * 3
    assert propagated.metadata == {"license": "x"}
    condensed = propagated.condensed()
    assert condensed.metadata == {"license": "x", "mapping_tool": "hand", "subject_source": "a"}
    assert condensed.rows.equals(mapping_set.rows)
    own = "mapping_tool\tsubject_id\nother\tMONDO:1\n\tMONDO:2\n"
    kept = parsed(tmp_path, "# mapping_tool: hand\n" + own, "own").propagated()
    assert kept.rows["mapping_tool"].to_list() == ["other", None]
    assert kept.metadata == {"mapping_tool": "hand"}


def test_match_types_of_old_are_justifications(tmp_path):
    text = (
        "subject_id\tpredicate_id\tobject_id\tmatch_type\n"
        "HP:0000001\tskos:exactMatch\tMP:0000001\tHumanCurated\n"
    )
    rows = parsed(tmp_path, text).to_hub_rows()
    assert rows["justification"].to_list() == ["semapv:ManualMappingCuration"]


def test_metadata_may_stand_beside_the_table(tmp_path):
    (tmp_path / "set.sssom.yml").write_text("mapping_set_id: http://example.org/x\nlicense: y\n")
    beside = parsed(tmp_path, COLUMNS + ROWS)
    assert beside.metadata == {"mapping_set_id": "http://example.org/x", "license": "y"}
    assert render(beside) == (COLUMNS + ROWS).encode()
    (tmp_path / "other").write_text("license: z\n")
    named = parsed(tmp_path, COLUMNS + ROWS, metadata=tmp_path / "other")
    assert named.metadata == {"license": "z"}


FAULTS = [
    (
        "\t\tskos:exactMatch\t\tOMIM:105400\tsemapv:LexicalMatching\t1\t",
        Kind.MISSING_VALUE,
        "subject_id",
    ),
    (
        "MONDO:0000001\t\t\t\tOMIM:105400\tsemapv:LexicalMatching\t1\t",
        Kind.MISSING_VALUE,
        "predicate_id",
    ),
    (
        "MONDO:0000001\t\tskos:exactMatch\t\tOMIM:105400\t\t1\t",
        Kind.MISSING_VALUE,
        "mapping_justification",
    ),
    (
        "MONDO:0000001\t\tskos:exactmatch\t\tOMIM:105400\tsemapv:LexicalMatching\t1\t",
        Kind.UNKNOWN_PREDICATE,
        "did you mean skos:exactMatch",
    ),
    (
        "MONDO:0000001\t\tskos:exactMatch\t\tOMIM:105400\tsemapv:LexicalMatchin\t1\t",
        Kind.UNKNOWN_JUSTIFICATION,
        "did you mean semapv:LexicalMatching",
    ),
    (
        "MONDO:0000001\t\tskos:exactMatch\t\tOMIM:105400\tsemapv:LexicalMatching\t1.2\t",
        Kind.BAD_VALUE,
        "1.2 is not between 0 and 1",
    ),
    (
        "MONDO:0000001\t\tskos:exactMatch\t\tOMIM:105400\tsemapv:LexicalMatching\tsure\t",
        Kind.BAD_VALUE,
        "sure",
    ),
    (
        "MONDO:0000001\t\tskos:exactMatch\tno\tOMIM:105400\tsemapv:LexicalMatching\t1\t",
        Kind.BAD_VALUE,
        "predicate_modifier no",
    ),
    (
        "MONDO:1\t\tskos:exactMatch\t\tOMIM:105400\tsemapv:LexicalMatching\t1\t",
        Kind.BAD_IDENTIFIER,
        "MONDO:1",
    ),
    (
        "MONDO:0004976\tx\tskos:exactMatch\t\tOrphanet:803\tsemapv:ManualMappingCuration\t0.8\t",
        Kind.DUPLICATE_MAPPING,
        "row 1",
    ),
    ("MONDO:0000001\t\tskos:exactMatch", Kind.BAD_ROW, "3 cells, and 8 columns"),
    ('MONDO:0000001\t"\t', Kind.BAD_ROW, "not closed"),
]


@pytest.mark.parametrize(("row", "kind", "text"), FAULTS)
def test_each_fault_is_found_with_its_row_and_line(row, kind, text, tmp_path):
    mapping_set = parsed(tmp_path, HEADER + COLUMNS + ROWS + row + "\n")
    found = [each for each in validate(mapping_set) if each.kind == kind and text in each.text]
    line = HEADER.count("\n") + 1 + ROWS.count("\n") + 1
    assert [(each.line, each.row) for each in found] == [(line, 4)]
    assert str(found[0]).startswith(f"set.sssom.tsv:{line} (row 4): {kind}")
    assert render(mapping_set) == (HEADER + COLUMNS + ROWS + row + "\n").encode()


def test_other_faults_are_found(tmp_path):
    text = (
        "# mapping_dat: 2026-01-01\n# publication_date: 31.1.2026\n"
        "subject_id\tsubject_label\tsubject_type\tpredicate_id\tobject_id\tmapping_justification\t"
        "review_date\trejection\nHP:0000001\tx\trdfs literal\tskos:exactMatch\tsssom:NoTermFound\t"
        "semapv:LexicalMatching\t2026-02-30\tno\n"
    )
    mapping_set = parsed(tmp_path, text)
    found = {(each.kind, each.row) for each in validate(mapping_set)}
    assert (Kind.LITERAL, 1) in found
    assert (Kind.BAD_VALUE, 1) in found
    assert (Kind.BAD_VALUE, None) in found
    assert (Kind.MISSING_VALUE, None) in found
    assert (Kind.MISSING_VALUE, 1) in found
    texts = " ".join(each.text for each in validate(mapping_set))
    assert "no slot 'mapping_dat'" in texts
    assert "no column 'rejection'" in texts
    assert "review_date is there, and neither reviewer_id" in texts


def test_a_sound_set_has_no_findings(tmp_path):
    sound = (
        HEADER
        + COLUMNS
        + ROWS.splitlines(keepends=True)[0].replace("Orphanet:803", "MONDO:0000001")
    )
    assert validate(parsed(tmp_path, sound)) == ()


UNREADABLE = {
    "no columns": ("a\tb\n", "none of SSSOM's columns"),
    "twice": ("subject_id\tsubject_id\n", "two columns"),
    "yaml": ("# a: b\n# - c\n" + COLUMNS, "set.sssom.tsv:2: the metadata are no YAML"),
    "list": ("# - a\n" + COLUMNS, "no YAML mapping"),
    "not UTF-8": (COLUMNS.encode() + b"\xff\n", "set.sssom.tsv:2: it is not UTF-8"),
    "json": ('{"mappings": 1}', "no list"),
    "broken json": ('{"mappings": [}', "set.sssom.tsv:1:15"),
    "turtle": ("@prefix a: <http://a/> .\na:b\n", "not Turtle"),
    "no set": ("@prefix a: <http://a/> .\na:b a a:c .\n", "0 mapping sets"),
    "concept map": (
        '{"resourceType": "ConceptMap", "group": [{"element": [{}]}]}',
        "no valid ConceptMap",
    ),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable_sets_are_refused_with_their_place(name, tmp_path):
    text, message = UNREADABLE[name]
    with pytest.raises(UnreadableFileError) as error:
        parsed(tmp_path, text)
    assert message in str(error.value)


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    mapping_set = parsed(tmp_path, HEADER + COLUMNS + ROWS)
    path = tmp_path / "set.sssom.tsv"

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_mapping_set(mapping_set.with_metadata(comment="new"), path)
    assert path.read_text() == HEADER + COLUMNS + ROWS
    assert [each.name for each in tmp_path.iterdir()] == ["set.sssom.tsv"]


def test_a_written_file_is_the_new_one(tmp_path):
    mapping_set = parsed(tmp_path, gzip.compress((HEADER + COLUMNS + ROWS).encode()))
    write_mapping_set(mapping_set, tmp_path / "out.tsv")
    assert (tmp_path / "out.tsv").read_text() == HEADER + COLUMNS + ROWS


@needs_reference
def test_mondos_whole_set_reaches_the_hub():
    mapping_set = read_mapping_set(DATA / "mondo/mondo.sssom.full-2025.tsv.gz")
    rows = mapping_set.to_hub_rows()
    assert rows.height == mapping_set.rows.height == 107432
    prefixes = rows["object"].str.split_exact(":", 1).struct[0].unique()
    assert {"ORPHA", "SNOMEDCT", "OMIM", "NCIT", "ICD10", "ICD10CM", "ICD11"} <= set(prefixes)
    assert not {"Orphanet", "SCTID", "ICD10WHO"} & set(prefixes)


@needs_reference
def test_the_slots_are_the_specifications():
    yaml = pytest.importorskip("yaml")
    schema = yaml.safe_load((DATA / "sssom/sssom_schema.yaml").read_text())
    assert [*slots.SET_SLOTS] == [
        name for name in schema["classes"]["mapping set"]["slots"] if name != "mappings"
    ]
    assert [*slots.MAPPING_SLOTS] == schema["classes"]["mapping"]["slots"]
    said = schema["slots"]
    names = {*slots.SET_SLOTS, *slots.MAPPING_SLOTS}
    assert (
        names
        >= slots.PROPAGATABLE
        == {name for name in names if (said[name].get("annotations") or {}).get("propagated")}
    )
    assert {name for name in names if said[name].get("multivalued")} == slots.MULTIVALUED | {
        "curie_map",
        "extension_definitions",
    }
    assert {
        name for name in names if said[name].get("range") == "EntityReference"
    } == slots.ENTITIES
    assert {name for name in names if said[name].get("range") == "NonRelativeURI"} == slots.IRIS
    short = dict(schema["prefixes"])
    short["owl"] = "http://www.w3.org/2002/07/owl#"
    for name in names:
        uri = said[name].get("slot_uri")
        expected = None if uri is None else short[uri.split(":")[0]] + uri.split(":")[1]
        assert slots.PROPERTIES.get(name) == expected, name
    terms = (DATA / "sssom/semapv-terms.tsv").read_text()
    for name in slots.JUSTIFICATIONS - {"semapv:LogicalMatching"}:
        assert f"{name}\t" in terms
