"""Plans for people: text, JSON and Mermaid of one record."""

import html
import json
import re

import pytest

from hereditary_kg.planning.explanation import Explanation, PlanStep
from tests.execution.scripted_federations import Endpoint, federation_of, triples

PREFIXES = {"ex": "http://example.org/", "e": "http://example.org/deep/"}
PREFIX = "PREFIX : <http://example.org/>\n"

TREE = Explanation(
    PlanStep(
        "join",
        "on ?s",
        estimate=1234.5,
        rows=12345,
        steps=(
            PlanStep(
                "ask",
                "?s <http://example.org/p> <http://example.org/deep/x> .",
                members=("clinic", "registry"),
                estimate=0.2,
                rows=0,
                query="SELECT ?s WHERE { ... }",
            ),
            PlanStep("union", steps=(PlanStep("data", "1 row of ?s"), PlanStep("filter", "x"))),
        ),
    ),
    PREFIXES,
)


def test_a_plan_is_a_tree_of_lines():
    assert TREE.to_text().splitlines() == [
        "join: on ?s  [~1,234 rows, 12,345 actual]",
        "├─ ask @ clinic, registry: ?s ex:p e:x .  [~<1 rows, 0 actual]",
        "└─ union",
        "   ├─ data: 1 row of ?s",
        "   └─ filter: x",
    ]
    assert str(TREE) == TREE.to_text()


def test_a_plan_is_plain_values():
    told = json.loads(json.dumps(TREE.to_dict()))
    assert told["title"] == "join"
    assert told["estimate"] == 1234.5
    assert told["rows"] == 12345
    ask, union = told["steps"]
    assert ask["members"] == ["clinic", "registry"]
    assert ask["query"] == "SELECT ?s WHERE { ... }"
    assert union["estimate"] is None
    assert [step["title"] for step in union["steps"]] == ["data", "filter"]


def test_long_details_are_cut():
    (line,) = Explanation(PlanStep("ask", "x" * 500)).to_text().splitlines()
    assert len(line) < 120
    assert line.endswith("…")


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("<http://example.org/p>", "ex:p"),
        ("<http://example.org/deep/p-1_a>", "e:p-1_a"),
        ("<http://example.org/a/b>", "<http://example.org/a/b>"),
        ("<http://example.org/a.b>", "<http://example.org/a.b>"),
        ("<http://elsewhere.org/p>", "<http://elsewhere.org/p>"),
    ],
)
def test_iris_are_shortened_where_the_short_form_is_legal(text, short):
    assert TREE.shorten(text) == short


LABEL = re.compile(r'^    n([0-9]+)(\[\(?)"([^"]*)"(\)?\])$')
ARROW = re.compile(r"^    n([0-9]+) --> n([0-9]+)$")


def parsed(mermaid):
    """Read a flow chart as strictly as Mermaid does: its labels decoded, and its arrows."""
    head, *lines = mermaid.splitlines()
    assert head == "flowchart BT"
    labels, arrows = {}, []
    for line in lines:
        label, arrow = LABEL.match(line), ARROW.match(line)
        assert label or arrow, line
        if label:
            entities = re.sub(r"#([0-9]+);", r"&#\1;", label[3])
            entities = re.sub(r"#([a-z]+);", r"&\1;", entities)
            labels[int(label[1])] = html.unescape(entities)
            assert (label[2], label[4]) in {("[", "]"), ("[(", ")]")}
            assert not set('"<>`\\') & set(label[3])
        else:
            arrows.append((int(arrow[1]), int(arrow[2])))
    return labels, arrows


def test_a_plan_is_a_mermaid_flow_chart():
    labels, arrows = parsed(TREE.to_mermaid())
    lines = [line.lstrip("│├└─ ") for line in TREE.to_text().splitlines()]
    assert list(labels.values()) == lines
    assert sorted(arrows) == [(1, 0), (2, 0), (3, 2), (4, 2)]


@pytest.mark.parametrize(
    "detail",
    [
        '?s <http://e/p#type;> "a \\"quoted\\" & <b>bold</b> text" .',
        "`markdown` **bold** #35; &quot; %% comment",
        "FILTER((?a >= 3) && (?b < 4))",
        "]) --> n0",
        "\\n \\t",
    ],
)
def test_labels_come_through_mermaid_as_they_are(detail):
    labels, _ = parsed(Explanation(PlanStep("filter", detail)).to_mermaid())
    assert labels == {0: f"filter: {detail}"}


async def test_an_answers_plan_has_the_rows_of_every_step():
    clinic = Endpoint("clinic", triples("a p b", "c p d"))
    registry = Endpoint("registry", triples("b q x", "d q y", "d q z"))
    text = PREFIX + "SELECT ?s (COUNT(DISTINCT ?t) AS ?n) { ?s :p ?o . ?o :q ?t } GROUP BY ?s"
    federation = federation_of(clinic, registry)
    plan = (await federation.query(text)).plan
    steps = {}

    def walk(step):
        steps.setdefault(step["title"], []).append(step)
        for below in step["steps"]:
            walk(below)

    walk(plan.to_dict())
    assert [step["rows"] for step in steps["join"]] == [3]
    assert sorted(step["rows"] for step in steps["ask"]) == [2, 3]
    assert [step["rows"] for step in steps["group"]] == [2]
    assert plan.root.rows == 2
    assert all(step["members"] for step in steps["ask"])
    prepared = await federation.prepare(text)
    assert "SELECT" in steps["ask"][0]["query"]
    assert prepared.sources.members.keys() == {"clinic", "registry"}


async def test_a_plan_before_it_runs_asks_for_no_data():
    clinic, registry = Endpoint("clinic", triples("a p b")), Endpoint("registry", triples("b p c"))
    await federation_of(clinic, registry).prepare(PREFIX + "SELECT * { ?s :p :b }")
    assert clinic.queries == registry.queries == []
