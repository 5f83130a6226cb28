"""``hkg explain``: the stages of planning, and that looking asks nobody."""

import json

import pytest
from federation_data import GENES


def test_physical_plan(run, federation):
    shown = run("explain", "-f", federation, "-e", GENES)
    assert shown.code == 0
    assert "@ clinic: ?patient ex:has ?d ." in shown.output
    assert "@ registry: ?gene ex:causes ?d ." in shown.output
    assert "actual" not in shown.output
    assert shown.errors == ""
    assert run("explain", "-f", federation, "-e", GENES).output == shown.output


def test_analyze_runs_the_query(run, federation):
    shown = run("explain", "-f", federation, "-e", GENES, "--analyze")
    assert "4 actual" in shown.output
    assert "Complete: the exact answer" in shown.errors
    same = run("explain", "-f", federation, "-e", GENES, "--stage", "executed", "-q")
    assert same.output == shown.output
    assert same.errors == ""


def test_parsed_and_logical(run, federation):
    query = 'SELECT ?p { ?p ex:age ?a . OPTIONAL { ?p rdfs:label ?l } FILTER(?a > 60 || ?l = "{") }'
    shown = run("explain", "-f", federation, "-e", query, "--stage", "parsed")
    lines = shown.output.splitlines()
    assert lines[0].startswith("SELECT ?p WHERE {")
    assert "?p ex:age ?a ." in [line.strip() for line in lines]
    assert "      ?p rdfs:label ?l ." in lines
    assert '"{"' in shown.output
    logical = run("explain", "-f", federation, "-e", GENES, "--stage", "logical")
    assert "?gene ex:causes ?d ." in logical.output


def test_sources_say_who_is_left_out_and_why(run, federation):
    shown = run("explain", "-f", federation, "-e", GENES, "--stage", "sources")
    assert "asked: clinic" in shown.output
    assert "registry: does not use the predicate" in shown.output
    document = json.loads(
        run("explain", "-f", federation, "-e", GENES, "--stage", "sources", "-O", "json").output
    )
    assert [pattern["asked"] for pattern in document["patterns"]] == [["clinic"], ["registry"]]
    assert document["patterns"][0]["left_out"] == {"registry": "does not use the predicate"}


@pytest.mark.parametrize("stage", ["parsed", "logical", "physical", "executed"])
def test_json(run, federation, stage):
    shown = run("explain", "-f", federation, "-e", GENES, "--stage", stage, "-O", "json")
    document = json.loads(shown.output)
    assert document["stage"] == stage
    if stage in {"physical", "executed"}:
        assert document["plan"]["title"]
        assert ("certificate" in document) is (stage == "executed")
    else:
        assert document["query"].startswith("SELECT")


def test_mermaid(run, federation):
    shown = run("explain", "-f", federation, "-e", GENES, "-O", "mermaid")
    assert shown.output.startswith("flowchart")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--stage", "sources", "-O", "mermaid"], "a Mermaid chart shows a plan"),
        (["--stage", "parsed", "--analyze"], "not the stage parsed"),
        (["-O", "svg"], "'mermaid'"),
    ],
)
def test_what_does_not_go_together(run, federation, arguments, said):
    shown = run("explain", "-f", federation, "-e", GENES, *arguments)
    assert (shown.code, shown.output) == (2, "")
    assert said in shown.errors


def test_analyze_with_a_member_down(run, broken_federation):
    shown = run("explain", "-f", broken_federation, "-e", GENES, "--analyze")
    assert shown.code == 1
    assert "member 'registry'" in shown.errors
