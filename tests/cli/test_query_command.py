"""``hkg query``: answers in every format, their certificates, their exit codes."""

import csv
import io
import json
import xml.etree.ElementTree as ET

import polars as pl
import pytest
from federation_data import GENES

ROWS = [("ann", "sod1"), ("ann", "tardbp"), ("bob", "sod1"), ("bob", "tardbp")]
PATIENTS = "SELECT ?p ?age { ?p ex:age ?age } ORDER BY ?age"


def iri(local):
    return f"http://example.org/{local}"


def test_tsv_into_a_pipe(run, federation):
    shown = run("query", "-f", federation, "-e", GENES)
    assert shown.code == 0
    expected = ["?patient\t?gene", *(f"<{iri(p)}>\t<{iri(g)}>" for p, g in ROWS)]
    assert shown.output.splitlines() == expected
    assert "Complete: the exact answer" in shown.errors
    assert "clinic" in shown.errors


def test_csv(run, federation):
    shown = run("query", "-f", federation, "-e", GENES, "-O", "csv", "-q")
    rows = list(csv.reader(io.StringIO(shown.output)))
    assert rows == [["patient", "gene"], *([iri(p), iri(g)] for p, g in ROWS)]
    assert shown.errors == ""


def test_json_and_xml(run, federation):
    document = json.loads(run("query", "-f", federation, "-e", GENES, "-O", "json").output)
    assert document["head"]["vars"] == ["patient", "gene"]
    found = [(b["patient"]["value"], b["gene"]["value"]) for b in document["results"]["bindings"]]
    assert found == [(iri(p), iri(g)) for p, g in ROWS]
    root = ET.fromstring(run("query", "-f", federation, "-e", GENES, "-O", "xml").output)
    assert len(root.findall(".//{*}result")) == len(ROWS)


def test_table_shortens_iris(run, federation):
    query = f"PREFIX e: <{iri('a')}> {GENES}"
    shown = run("query", "-f", federation, "-e", query, "-O", "table")
    lines = [line.rstrip() for line in shown.output.splitlines()]
    assert lines[0] == "?patient  ?gene"
    assert lines[2:] == [
        "e:nn      ex:sod1",
        "e:nn      ex:tardbp",
        "ex:bob    ex:sod1",
        "ex:bob    ex:tardbp",
        "4 rows",
    ]


def test_table_aligns_numbers_and_tells_languages_apart(run, federation):
    numbers = run("query", "-f", federation, "-e", PATIENTS, "-O", "table").output
    assert [line.rstrip() for line in numbers.splitlines()] == [
        "?p      ?age",
        "────────────",
        "ex:bob    58",
        "ex:ann    71",
        "2 rows",
    ]
    labels = "SELECT ?l { ex:als rdfs:label ?l } ORDER BY ?l"
    shown = run("query", "-f", federation, "-e", labels, "-O", "table").output
    assert "Amyotrophe Lateralsklerose@de" in shown
    assert "Amyotrophic lateral sclerosis@en" in shown


def test_table_is_cut_with_a_note_and_data_never(run, federation):
    cut = run("query", "-f", federation, "-e", GENES, "-O", "table", "--max-rows", "1").output
    assert cut.count("ex:ann") == 1
    assert "4 rows, the first 1 of them shown; --max-rows 0 shows all" in cut
    whole = run("query", "-f", federation, "-e", GENES, "-O", "tsv", "--max-rows", "1").output
    assert len(whole.splitlines()) == 5


def test_terms_cannot_command_the_terminal(run, federation):
    query = r'SELECT ?x { VALUES ?x { "a\u001b[2Jb\nc" } }'
    shown = run("query", "-f", federation, "-e", query, "-O", "table").output
    assert "a [2Jb c" in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize("name", ["answer.parquet", "answer"])
def test_parquet(run, federation, tmp_path, name):
    path = tmp_path / name
    formats = () if path.suffix else ("-O", "parquet")
    shown = run("query", "-f", federation, "-e", PATIENTS, "-o", path, *formats)
    assert (shown.code, shown.output) == (0, "")
    assert pl.read_parquet(path).rows() == [(iri("bob"), 58), (iri("ann"), 71)]


def test_parquet_into_a_pipe(run, federation):
    shown = run("query", "-f", federation, "-e", PATIENTS, "-O", "parquet")
    assert pl.read_parquet(io.BytesIO(shown.content)).height == 2


@pytest.mark.parametrize(
    ("pattern", "answer"), [("?s ex:age 71", "true"), ("?s ex:age 7", "false")]
)
def test_ask(run, federation, pattern, answer):
    query = f"ASK {{ {pattern} }}"
    assert run("query", "-f", federation, "-e", query).output == f"{answer}\n"
    assert run("query", "-f", federation, "-e", query, "-O", "table").output == f"{answer}\n"
    document = json.loads(run("query", "-f", federation, "-e", query, "-O", "json").output)
    assert document["boolean"] is (answer == "true")


def test_construct(run, federation):
    query = "CONSTRUCT { ?d ex:hits ?p } { ?p ex:has ?d }"
    turtle = run("query", "-f", federation, "-e", query, "-q").output
    assert turtle.startswith("@prefix ex: <http://example.org/> .")
    assert "rdfs" not in turtle
    assert "ex:als ex:hits ex:ann , ex:bob ." in turtle
    triples = run("query", "-f", federation, "-e", query, "-O", "nt").output.splitlines()
    assert sorted(triples) == [
        f"<{iri('als')}> <{iri('hits')}> <{iri(p)}> ." for p in ("ann", "bob")
    ]
    document = json.loads(run("query", "-f", federation, "-e", query, "-O", "jsonld").output)
    assert document


def test_a_row_without_variables(run, federation):
    shown = run("query", "-f", federation, "-e", "SELECT * {}", "-O", "table")
    assert shown.output == "1 row, without any variable\n"


def test_query_from_a_file_and_from_standard_input(run, federation, tmp_path):
    path = tmp_path / "genes.rq"
    path.write_text("\ufeff" + GENES)
    expected = run("query", "-f", federation, "-e", GENES).output
    assert run("query", "-f", federation, path).output == expected
    assert run("query", "-f", federation, text=GENES).output == expected
    assert run("query", "-f", federation, "-", text=GENES).output == expected


def test_federation_from_the_environment_and_the_directory(run, federation, monkeypatch):
    expected = run("query", "-f", federation, "-e", GENES).output
    environment = {"HKG_FEDERATION": str(federation)}
    assert run("query", "-e", GENES, environment=environment).output == expected
    monkeypatch.chdir(federation.parent)
    assert run("query", "-e", GENES).output == expected


def test_options_from_the_environment(run, federation):
    environment = {"HKG_QUERY_OUTPUT_FORMAT": "csv", "HKG_QUIET": "1"}
    shown = run("query", "-f", federation, "-e", PATIENTS, environment=environment)
    assert shown.output.startswith("p,age")
    assert shown.errors == ""


def test_certificate_as_json(run, federation, tmp_path):
    path = tmp_path / "certificate.json"
    run("query", "-f", federation, "-e", GENES, "--certificate", path)
    certificate = json.loads(path.read_text())
    assert certificate["complete"] is True
    assert [member["name"] for member in certificate["members"]] == ["clinic", "registry"]
    answer = tmp_path / "answer.tsv"
    shown = run("query", "-f", federation, "-e", GENES, "-o", answer, "--certificate", "-")
    assert json.loads(shown.output)["complete"] is True
    assert len(answer.read_text().splitlines()) == 5


def test_verbose_lists_what_was_asked(run, federation):
    shown = run("query", "-v", "-f", federation, "-e", GENES)
    assert "?patient ex:has ?d ." in shown.errors
    assert "?gene ex:causes ?d ." in shown.errors


def test_nothing_found_says_which_pattern_nobody_can_match(run, federation):
    shown = run("query", "-f", federation, "-e", "SELECT * { ?s ex:cuases ?o }")
    assert shown.code == 0
    assert "Nobody is asked for: ?s ex:cuases ?o ." in shown.errors


def test_a_file_is_replaced_as_a_whole_or_not_at_all(run, federation, broken_federation, tmp_path):
    path = tmp_path / "answer.tsv"
    path.write_text("from before\n")
    path.chmod(0o640)
    assert run("query", "-f", broken_federation, "-e", GENES, "-o", path).code == 1
    assert path.read_text() == "from before\n"
    assert run("query", "-f", federation, "-e", GENES, "-o", path).code == 0
    assert path.read_text().startswith("?patient\t?gene")
    assert path.stat().st_mode & 0o777 == 0o640
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(".")] == []


def test_strict_mode_fails_and_names_the_member(run, broken_federation):
    shown = run("query", "-f", broken_federation, "-e", GENES)
    assert (shown.code, shown.output) == (1, "")
    assert "member 'registry': unreachable" in shown.errors
    assert "--allow-partial" in shown.errors


def test_partial_answer(run, broken_federation):
    labels = "SELECT ?l { ?s rdfs:label ?l }"
    shown = run("query", "-f", broken_federation, "-e", labels, "--allow-partial")
    assert shown.code == 3
    assert '"Ann"@en' in shown.output
    assert "Partial: without registry" in shown.errors
    quiet = run("query", "-f", broken_federation, "-e", labels, "--allow-partial", "-q")
    assert quiet.code == 3
    assert quiet.errors.startswith("Partial: without registry")


def test_a_query_that_needs_too_much_memory_is_stopped_and_shows_its_plan(run, federation):
    product = "SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }"
    stopped = run("query", "-f", federation, "-e", product, "--memory-limit", "1")
    assert stopped.code == 1
    assert stopped.output == ""
    assert "needs more memory than the 1.0 MB" in stopped.errors
    assert "--memory-limit MEGABYTES" in stopped.errors
    assert "cross product" in stopped.errors
    assert "ask distinct @ clinic, registry" in stopped.errors
