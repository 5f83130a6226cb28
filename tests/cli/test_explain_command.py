"""``hkg explain``: the stages of planning, and that looking asks nobody."""

import json
import re

import pytest
from federation_data import GENES

from hereditary_kg.cli.settings import WIDTH


def test_physical_plan(run, federation):
    shown = run("explain", "-f", federation, "-e", GENES)
    assert shown.code == 0
    assert "@ clinic: ?patient ex:has ?d ." in shown.output
    assert "@ registry: ?gene ex:causes ?d ." in shown.output
    assert "actual" not in shown.output
    assert shown.errors == ""
    assert run("explain", "-f", federation, "-e", GENES).output == shown.output


def test_a_plan_says_who_is_asked_and_why(run, federation):
    shown = run("explain", "-f", federation, "-e", GENES)
    lines = [line.lstrip("│└├─ ") for line in shown.output.splitlines()]
    first = next(i for i, line in enumerate(lines) if line.startswith("[1] ask @ clinic"))
    assert lines[first + 1] == "asked: clinic uses the predicate (2 triples)"
    assert lines[first + 2] == "excluded: registry does not use the predicate"


def test_what_is_long_fits_a_page(run, federation):
    patterns = " ".join(f"?p ex:has ?d{n} ." for n in range(12))
    shown = run("explain", "-f", federation, "-e", f"SELECT * {{ {patterns} }}", "--analyze")
    lines = shown.output.splitlines()
    assert max(map(len, lines)) <= WIDTH
    stripped = [line.strip(" │└├─") for line in lines]
    assert "?p ex:has ?d0 ." in stripped, "a triple a line"
    (more,) = (line for line in stripped if "more lines" in line)
    assert re.fullmatch(r"… \d more lines, as --queries lists them", more)


def test_analyze_says_where_the_time_went(run, federation):
    shown = run("explain", "-f", federation, "-e", GENES, "--analyze")
    (line,) = (line for line in shown.output.splitlines() if line.startswith("Time: "))
    assert re.fullmatch(
        r"Time: parsing [\d.]+ ms, planning [\d.]+ ms, then the first row after [\d,.]+ ms; "
        r"[\d,.]+ ms in all\.",
        line,
    )
    _, document = steps_of(run, federation, "-e", GENES, "--analyze")
    assert set(document["timings"]) == {"parsing", "planning", "asking", "first_row", "total"}
    _, planned = steps_of(run, federation, "-e", GENES)
    assert "timings" not in planned


def test_patterns_with_the_same_sources_share_their_lines(run, federation):
    text = "SELECT * { ?p ex:has ?d . ?q ex:has ?d . ?g ex:causes ?d }"
    lines = run("explain", "-f", federation, "-e", text, "--stage", "sources").output.splitlines()
    asked = [line.strip() for line in lines if line.startswith("    asked")]
    assert asked == ["asked: clinic", "asked: registry"]
    assert lines[:2] == ["?p ex:has ?d .", "?q ex:has ?d ."]


def steps_of(run, federation, *arguments):
    shown = run("explain", "-f", federation, *arguments, "-O", "json", "-q")
    document = json.loads(shown.output)
    found = []

    def walk(step):
        found.append(step)
        for below in step["steps"]:
            walk(below)

    walk(document["plan"])
    return found, document


def test_analyze_runs_the_query(run, federation):
    shown = run("explain", "-f", federation, "-e", GENES, "--analyze")
    assert "estimated    actual   q-error" in shown.output
    assert "1 request, 2 rows fetched" in shown.output
    assert "Asked 2 of 2 members: 2 requests, 4 rows fetched" in shown.output
    assert "Largest q-error: " in shown.output
    assert "1 is exact" in shown.output
    assert "Complete: the exact answer" in shown.errors
    quiet = run("explain", "-f", federation, "-e", GENES, "--stage", "executed", "-q")
    assert "1 request, 2 rows fetched" in quiet.output
    assert quiet.errors == ""


def test_what_a_step_has_cost_adds_up(run, federation):
    steps, document = steps_of(run, federation, "-e", GENES, "--analyze")
    costs = [step["cost"] for step in steps if step["cost"] is not None]
    assert len(costs) == 2
    total = document["totals"]["cost"]
    for measure in ("requests", "rows", "bytes"):
        assert sum(cost[measure] for cost in costs) == total[measure]
    assert total["requests"] == document["certificate"]["requests"]
    assert document["totals"]["asked"] == ["clinic", "registry"]
    assert steps[0]["rows"] == 4
    asked = {step["members"][0]: step for step in steps if step["members"]}
    assert asked["clinic"]["q_error"] == 1.0
    assert asked["clinic"]["excluded"] == [
        {
            "reason": "does not use the predicate",
            "pattern": asked["clinic"]["excluded"][0]["pattern"],
            "members": ["registry"],
        }
    ]


def test_nothing_is_measured_without_analyze(run, federation):
    steps, document = steps_of(run, federation, "-e", GENES)
    assert all(step["cost"] is step["rows"] is step["q_error"] is None for step in steps)
    assert document["totals"]["cost"] is None


def test_queries_are_listed_by_their_numbers(run, federation):
    shown = run("explain", "-f", federation, "-e", GENES, "--queries")
    assert "[1] ask @ clinic" in shown.output
    assert "[1] asked of clinic\n    SELECT ?patient ?d WHERE {" in shown.output
    assert "[2] asked of registry" in shown.output
    assert "      ?gene ex:causes ?d ." in shown.output


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
    assert "excluded: registry does not use the predicate" in shown.output
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


def test_a_picture_goes_to_a_file(run, federation, tmp_path):
    path = tmp_path / "plan.svg"
    shown = run("explain", "-f", federation, "-e", GENES, "-o", path)
    assert (shown.code, shown.output) == (0, "")
    assert path.read_text().startswith("<svg")
    assert "SELECT ?patient ?d" in path.read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--stage", "sources", "-O", "mermaid"], "a Mermaid chart shows a plan"),
        (["--stage", "parsed", "--analyze"], "not the stage parsed"),
        (["--stage", "logical", "-O", "svg"], "a picture shows a plan"),
        (["--why-empty", "-O", "svg"], "a picture shows a plan"),
        (["--why-empty", "--analyze"], "an explanation of its own"),
        (["-O", "png"], "'svg'"),
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


def test_a_plan_names_what_nobody_can_match(run, federation):
    shown = run("explain", "-f", federation, "-e", "SELECT * { ?p ex:nix ?x ; ex:age ?a }")
    assert "Nobody is asked for: ?p ex:nix ?x .\n    excluded: " in shown.output
    assert "do not use the predicate" in shown.output


WRONG_TYPE = 'SELECT * { ?p ex:age "71" ; ex:has ?d }'


def test_why_an_answer_is_empty(run, federation):
    shown = run("explain", "-f", federation, "-e", WRONG_TYPE, "--why-empty")
    assert shown.code == 0
    assert shown.output.splitlines()[:3] == [
        'No member holds "71" as the object.',
        '    ?p ex:age "71" .',
        "  - Did you mean 71? It stands there; one is a plain text, the other is an xsd:integer.",
    ]
    assert "queries to the federation" in shown.output


def test_analyze_says_why_an_answer_is_empty(run, federation):
    shown = run("explain", "-f", federation, "-e", WRONG_TYPE, "--analyze")
    assert "The answer is empty.\n\nNo member holds" in shown.output
    document = json.loads(
        run("explain", "-f", federation, "-e", WRONG_TYPE, "--analyze", "-O", "json").output
    )
    assert document["why_empty"]["empty"] is True
    assert [loss["kind"] for loss in document["why_empty"]["losses"]] == ["pattern"]
    assert "why_empty" not in json.loads(
        run("explain", "-f", federation, "-e", GENES, "--analyze", "-O", "json").output
    )


def test_an_empty_answer_points_to_its_explanation(run, federation):
    assert "hkg explain --why-empty" in run("query", "-f", federation, "-e", WRONG_TYPE).errors
    assert "--why-empty" not in run("query", "-f", federation, "-e", GENES).errors
    assert "--why-empty" not in run("query", "-f", federation, "-e", WRONG_TYPE, "-q").errors
