"""``hkg map``: from files to a hub, to a term, to converted data."""

import json

import pytest

OBO = """format-version: 1.2
data-version: releases/2026-05-05
ontology: mondo

[Term]
id: MONDO:0004976
name: amyotrophic lateral sclerosis
def: "A disease of motor neurons." []
synonym: "ALS" EXACT []
synonym: "Charcot disease" RELATED []

[Term]
id: MONDO:0007103
name: amyotrophic lateral sclerosis type 1
is_a: MONDO:0004976
relationship: part_of MONDO:0004976

[Term]
id: MONDO:0000009
name: obsolete sclerosis
is_obsolete: true
replaced_by: MONDO:0004976
"""
HEAD = "subject_id\tpredicate_id\tobject_id\tobject_label\tmapping_justification\n"
SSSOM = f"""# mapping_set_id: https://example.org/set
# license: https://creativecommons.org/publicdomain/zero/1.0/
# curie_map:
#   MONDO: http://purl.obolibrary.org/obo/MONDO_
#   NCIT: http://purl.obolibrary.org/obo/NCIT_
#   OMIM: https://omim.org/entry/
{HEAD}MONDO:0004976\tskos:exactMatch\tNCIT:C34373\tLou Gehrig\tsemapv:ManualMappingCuration
MONDO:0007103\tskos:exactMatch\tOMIM:105400\tALS1\tsemapv:ManualMappingCuration
"""
PEOPLE = """@prefix ex: <http://example.org/> .
ex:p1 ex:has <https://omim.org/entry/105400> .
ex:p2 ex:has <https://omim.org/entry/123456> .
"""
NCIT = "http://purl.obolibrary.org/obo/NCIT_C34373"


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.delenv("HKG_HUB", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mondo.obo").write_text(OBO)
    (tmp_path / "set.sssom.tsv").write_text(SSSOM)
    (tmp_path / "people.ttl").write_text(PEOPLE)
    return ["mondo.obo", "set.sssom.tsv"]


@pytest.fixture
def hub(files, run):
    done = run("map", "import", *files, "-o", "hub", "-q")
    assert (done.code, done.output, done.errors) == (0, "", "")
    return "hub"


def test_import_says_what_was_read(files, run):
    done = run("map", "import", *files, "-o", "hub")
    assert done.code == 0
    lines = [" ".join(line.split()) for line in done.output.splitlines()]
    assert any(line.startswith("mondo.obo MONDO") and " 3 " in line for line in lines)
    assert "set.sssom.tsv mappings 2 0" in lines
    assert "2 mappings of 1 mapping sets." in lines
    assert "Known from mappings only: NCIT, OMIM." in lines
    assert "hkg map show TERM --hub hub" in done.errors


def test_import_leaves_out_what_reviewers_reject(files, run, tmp_path):
    (tmp_path / "reviewed.sssom.tsv").write_text(
        "#curie_map:\n#  MONDO: http://purl.obolibrary.org/obo/MONDO_\n"
        "#  OMIM: https://omim.org/entry/\n#mapping_set_id: https://example.org/reviewed\n"
        "#license: https://creativecommons.org/publicdomain/zero/1.0/\n"
        "subject_id\tpredicate_id\tobject_id\tmapping_justification\treviewer_label\treviewer_agreement\n"
        "MONDO:0007103\tskos:exactMatch\tOMIM:105400\tsemapv:ManualMappingCuration\tA\t1\n"
        "MONDO:0007103\tskos:exactMatch\tOMIM:205100\tsemapv:ManualMappingCuration\tA\t-1\n"
    )
    done = run("map", "import", "mondo.obo", "reviewed.sssom.tsv", "-o", "hub")
    assert (done.code, "findings (" in done.errors) == (0, False), done.errors
    words = " ".join(done.output.split())
    assert "reviewed.sssom.tsv mappings 1 0" in words
    assert "Left out, for their reviewers reject them: 1 mappings." in words
    assert run("map", "show", "OMIM:205100").code == 2


def test_import_with_findings(files, run, tmp_path):
    wrong = SSSOM + "MONDO:0007103\tskos:exactMatsch\tFOO:1\tx\tsemapv:ManualMappingCuration\n"
    (tmp_path / "wrong.tsv").write_text(wrong)
    done = run("map", "import", "mondo.obo", "wrong.tsv", "-o", "hub", "--findings", "f.tsv")
    assert done.code == 3
    assert "findings (" in done.errors
    rows = [line.split("\t") for line in (tmp_path / "f.tsv").read_text().splitlines()]
    assert rows[0] == ["kind", "file", "line", "row", "text"]
    assert {row[0] for row in rows[1:]} >= {"unknown prefix", "unknown predicate"}
    assert any((row[1], row[3]) == ("wrong.tsv", "3") for row in rows[1:])
    assert run("map", "show", "OMIM:105400").code == 0


def test_import_of_unreadable_files_writes_nothing(files, hub, run, tmp_path):
    (tmp_path / "bad.obo").write_bytes(b"format-version: 1.2\n\n[Term]\nid: \xff\n")
    before = {each.name: each.read_bytes() for each in (tmp_path / hub).iterdir()}
    done = run("map", "import", *files, "bad.obo", "-o", hub)
    assert done.code == 2
    assert done.errors.startswith("Error: bad.obo:4")
    assert {each.name: each.read_bytes() for each in (tmp_path / hub).iterdir()} == before
    done = run("map", "import", "none.obo", "-o", hub)
    assert (done.code, done.output) == (2, "")
    assert "none.obo" in done.errors


def test_releases(files, run, tmp_path):
    (tmp_path / "old.obo").write_text(OBO.replace("2026-05-05", "2025-01-01"))
    done = run("map", "import", *files, "old.obo", "-o", "hub")
    assert done.code == 3
    assert "other version: MONDO" in done.errors
    choose = ("--release", "mondo=2025-01-01")
    run("map", "import", *files, "old.obo", "-o", "hub", *choose)
    index = json.loads((tmp_path / "hub" / "hub.json").read_text())
    assert "2025-01-01" in index["terminologies"][0]["version"]
    assert run("map", "import", *files, "-o", "hub", "--release", "MONDO").code == 2
    wrong = run("map", "import", *files, "-o", "hub", "--release", "MONDO=2025-01-02")
    assert (wrong.code, "no version of MONDO 2025-01-02" in wrong.errors) == (2, True)


def test_show(hub, run):
    shown = run("map", "show", "MONDO_0004976")
    assert shown.code == 0
    text = " ".join(shown.output.split())
    for words in (
        "label amyotrophic lateral sclerosis",
        "definition A disease of motor neurons.",
        "exact synonyms ALS",
        "related synonyms Charcot disease",
        "children MONDO:0007103 amyotrophic lateral sclerosis type 1",
        "https://example.org/set#1",
        "NCIT exact NCIT:C34373 Lou Gehrig",
    ):
        assert words in text
    described = json.loads(run("map", "show", "OMIM:105400", "--to", "NCIT", "-O", "json").output)
    assert described["label"] == "ALS1"
    (conversion,) = described["conversions"]
    assert (conversion["relation"], conversion["distance"]) == ("broader", 1)
    assert conversion["target"] == {"id": "NCIT:C34373", "label": "Lou Gehrig"}
    assert "replaced by MONDO:0004976" in run("map", "show", "MONDO:0000009").output
    part = run("map", "show", "MONDO:0007103").output
    assert "part of MONDO:0004976 amyotrophic lateral sclerosis" in " ".join(part.split())


def test_show_by_label_and_by_environment(hub, run, tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    shown = run("map", "show", "Lou Gehrig", environment={"HKG_HUB": str(tmp_path / "hub")})
    assert shown.output.startswith("term         NCIT:C34373") or "NCIT:C34373" in shown.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("show", "MONDO:0004977"), "no term MONDO:0004977. Did you mean MONDO:0004976"),
        (("show", "gibberish"), "no term gibberish"),
        (("show", "MONDO:0004976", "--to", "NCIX"), "Did you mean NCIT?"),
        (("show", "x", "--hub", "nowhere"), "nowhere: there is no hub"),
        (("convert", "people.ttl", "--to", "XYZ"), "no vocabulary XYZ"),
        (("convert", "none.ttl", "--to", "NCIT"), "none.ttl"),
        (("convert", "people.ttl", "--to", "NCIT", "-o", "x.csv"), "RDF cannot be written as .csv"),
        (("convert", "people.ttl", "--to", "NCIT", "--column", "c"), "--column is of no use"),
        (("convert", "people.ttl", "--to", "NCIT", "--loss-report", "x.pdf"), ".tsv or .ttl"),
        (
            ("convert", "people.ttl", "--to", "NCIT", "--symbols"),
            "--symbols writes symbols of HGNC",
        ),
        (("convert", "people.docx", "--to", "NCIT"), "tells no format of data"),
        (("convert", "people.ttl", "--to", "NCIT", "-o", "no/x.ttl"), "there is no directory no"),
    ],
)
def test_wrong_input(hub, run, arguments, words):
    done = run("map", *arguments)
    assert (done.code, done.output) == (2, "")
    assert done.errors.startswith("Error: ")
    assert words in done.errors


def test_no_hub_was_named(files, run):
    done = run("map", "show", "MONDO:0004976")
    assert done.code == 2
    assert "--hub HUB" in done.errors


def test_convert(hub, run, tmp_path):
    reports = ("--loss-report", "l.tsv", "--loss-report", "l.ttl")
    done = run(
        "map",
        "convert",
        "people.ttl",
        "--to",
        "ncit",
        "-o",
        "out.nt",
        *reports,
        "--keep",
        "nothing",
    )
    assert (done.code, done.output) == (3, "")
    text = (tmp_path / "out.nt").read_text()
    assert f"<http://example.org/p1> <http://example.org/has> <{NCIT}> ." in text
    assert "<https://omim.org/entry/123456>" in text
    assert "1 occurrences stay as they were." in done.errors
    lines = [line.split("\t") for line in (tmp_path / "l.tsv").read_text().splitlines()]
    assert [line[1] for line in lines] == ["code", "OMIM:105400", "OMIM:123456"]
    assert [line[3] for line in lines] == ["relation", "broader", "unknown"]
    assert "prov:wasDerivedFrom <https://example.org/set#2>" in (tmp_path / "l.ttl").read_text()


def test_convert_everything(hub, run, tmp_path):
    (tmp_path / "t.tsv").write_text("id\tcode\n1\tOMIM:105400\n")
    done = run("map", "convert", "t.tsv", "--to", "NCIT", "--keep", "nothing")
    assert (done.code, done.output) == (0, "id\tcode\n1\tNCIT:C34373\n")
    done = run("map", "convert", "t.tsv", "--to", "NCIT", "-q", "-o", "t.csv", "--column", "code")
    assert (done.code, done.output, done.errors) == (0, "", "")
    assert "NCIT:C34373,OMIM:105400,broader 1," in (tmp_path / "t.csv").read_text()


def test_a_broken_input_leaves_the_old_output(hub, run, tmp_path):
    (tmp_path / "out.ttl").write_text("old")
    (tmp_path / "bad.ttl").write_text("<urn:a> <urn:b> .\n")
    done = run("map", "convert", "bad.ttl", "--to", "NCIT", "-o", "out.ttl")
    assert done.code == 2
    assert "bad.ttl:1" in done.errors
    assert (tmp_path / "out.ttl").read_text() == "old"
    assert not list(tmp_path.glob(".out*"))


def test_phenopackets(hub, run, tmp_path):
    packet = {"id": "1", "diseases": [{"term": {"id": "OMIM:105400", "label": "ALS1"}}]}
    (tmp_path / "in.txt").write_text(json.dumps(packet) + "\n")
    options = ("-I", "jsonl", "--path", "diseases[].term", "-q")
    done = run("map", "convert", "in.txt", "--to", "NCIT", *options)
    assert done.code == 0
    term = json.loads(done.output)["diseases"][0]["term"]
    assert term == {"id": "NCIT:C34373", "label": "Lou Gehrig"}
