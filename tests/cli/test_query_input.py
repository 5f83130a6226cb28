"""Bad input of ``hkg query`` and ``hkg explain``: an error, a hint, exit code 2, no traceback."""

import pytest

COMMANDS = ["query", "explain"]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT * { ?s ?p ?o", "this '{' is never closed"),
        ("SELEC * { ?s ?p ?o }", "Did you mean SELECT?"),
        ("SELECT * { ?s ext:age ?o }", "Did you mean ex:?"),
        ("SELECT * { ?s skos:broader ?o }", "PREFIX skos: <http://www.w3.org/2004/02/skos/core#>"),
        ("INSERT DATA { <urn:a> <urn:b> 1 }", "SPARQL update"),
        ("SELECT * { ?s ?p ?o FILTER(<urn:f>(?o)) }", "unknown function <urn:f>"),
        ("   ", "is empty"),
    ],
)
def test_wrong_queries(run, federation, command, query, said):
    shown = run(command, "-f", federation, "-e", query)
    assert (shown.code, shown.output) == (2, "")
    assert shown.errors.startswith("Error: the query")
    assert said in shown.errors


@pytest.mark.parametrize("command", COMMANDS)
def test_a_caret_stands_below_the_mistake(run, federation, tmp_path, command):
    path = tmp_path / "wrong.rq"
    path.write_text("SELECT *\nWHERE { ?s ?p ; }\n")
    shown = run(command, "-f", federation, path)
    assert shown.code == 2
    lines = shown.errors.splitlines()
    assert f"{path}: line 2, column " in lines[0]
    column = int(lines[0].partition("column ")[2].partition(":")[0])
    assert lines[1].endswith("WHERE { ?s ?p ; }")
    offset = lines[1].index("WHERE")
    assert lines[2].index("^") == offset + column - 1


@pytest.mark.parametrize("command", COMMANDS)
def test_missing_files(run, federation, tmp_path, command):
    (tmp_path / "patients.rq").write_text("ASK {}")
    shown = run(command, "-f", federation, tmp_path / "patient.rq")
    assert shown.code == 2
    assert "there is no such file" in shown.errors
    assert f"Did you mean {tmp_path / 'patients.rq'}?" in shown.errors
    inline = run(command, "-f", federation, "SELECT * { ?s ?p ?o }")
    assert inline.code == 2
    assert "write it behind -e" in inline.errors
    nowhere = run(command, "-f", federation, tmp_path / "none" / "patient.rq")
    assert "There is no directory" in nowhere.errors
    assert run(command, "-f", federation, tmp_path).code == 2


def test_what_is_no_text(run, federation, tmp_path):
    path = tmp_path / "binary.rq"
    path.write_bytes(b"SELECT \xff\xfe")
    shown = run("query", "-f", federation, path)
    assert shown.code == 2
    assert "is not UTF-8 text (byte 8)" in shown.errors


def test_two_queries(run, federation, tmp_path):
    shown = run("query", "-f", federation, tmp_path / "a.rq", "-e", "ASK {}")
    assert shown.code == 2
    assert "there are two queries" in shown.errors


@pytest.mark.parametrize(
    ("query", "output_format", "fitting"),
    [
        ("SELECT * { ?s ?p ?o }", "ttl", "table, tsv, csv, json, xml, parquet"),
        ("ASK {}", "parquet", "table, tsv, csv, json, xml"),
        ("CONSTRUCT WHERE { ?s ?p ?o }", "csv", "ttl, nt, jsonld"),
    ],
)
def test_formats_that_do_not_fit(run, federation, query, output_format, fitting):
    shown = run("query", "-f", federation, "-e", query, "-O", output_format)
    assert (shown.code, shown.output) == (2, "")
    assert f"Take one of {fitting}." in shown.errors


def test_outputs_that_cannot_be(run, federation, tmp_path):
    for arguments, said in (
        (["-o", tmp_path / "none" / "a.tsv"], "there is no directory"),
        (["-o", tmp_path], "is a directory"),
        (["-o", tmp_path / "a.xlsx"], "which format"),
        (["--certificate", "-"], "standard output takes the answer"),
        (["--certificate", tmp_path / "none" / "c.json"], "there is no directory"),
    ):
        shown = run("query", "-f", federation, "-e", "ASK {}", *arguments)
        assert (shown.code, shown.output) == (2, ""), said
        assert said in shown.errors
        assert "Hint: " in shown.errors
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [["query"], ["explain"], ["serve"], ["federation", "check"]])
def test_no_federation(run, federation, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    unnamed = run(*command, text="ASK {}")
    assert unnamed.code == 2
    assert "no federation was named" in unnamed.errors
    assert "HKG_FEDERATION" in unnamed.errors
    mistyped = run(*command, "-f", federation.with_name("federatoin.toml"), text="ASK {}")
    assert mistyped.code == 2
    assert f"Did you mean {federation}?" in mistyped.errors
    directory = run(*command, "-f", federation.parent, text="ASK {}")
    assert directory.code == 2
    assert str(federation) in directory.errors
    nowhere = run(*command, "-f", tmp_path / "none" / "federation.toml", text="ASK {}")
    assert "There is no directory" in nowhere.errors


@pytest.mark.parametrize("command", [["query"], ["explain"], ["serve"], ["federation", "check"]])
@pytest.mark.parametrize(
    ("description", "said"),
    [
        ('name = "x"\n[[member]\n', "federation.toml:2"),
        ('name = "x"\n', "there is none; describe each with a [[member]] table"),
        ('name = "x"\n[[member]]\nname = "a"\nulr = "http://127.0.0.1"\n', "url"),
        ('name = "x"\n[[member]]\nname = "a"\nsite = "nowhere"\n', "nowhere"),
        ('name = "x"\n[[member]]\nname = "a"\nurl = "http://${HKG_UNSET_HOST}/"\n', "not set"),
    ],
)
def test_wrong_descriptions(run, tmp_path, command, description, said):
    path = tmp_path / "federation.toml"
    path.write_text(description)
    shown = run(*command, "-f", path, text="ASK {}")
    assert (shown.code, shown.output) == (2, "")
    assert said in shown.errors
