"""A plan's picture: whole, self-contained, and the same every time."""

import itertools
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from hereditary_kg.planning.explanation import (
    Cost,
    Explanation,
    MembersQuery,
    PlanStep,
    Reason,
)
from hereditary_kg.planning.explanation.svg import draw_svg

ROOT = Path(__file__).parents[2]
SVG = "{http://www.w3.org/2000/svg}"
NASTY = 'FILTER(?a < 3 && ?b = "</title><script>alert(1)</script>\x00\x1b")'


def plan(members=("clinic", "registry"), **told):
    ask = PlanStep(
        "ask",
        "?s <http://example.org/p> ?o .",
        members,
        estimate=1000.0,
        rows=3,
        query="SELECT ?s { ?s ?p ?o }",
        queries=(MembersQuery(members, "SELECT ?s { ?s ?p ?o }"),),
        number=1,
        excluded=(Reason("does not use the predicate", "?s ?p ?o .", ("x", "y")),),
        cost=Cost(2, 5, 1234, 6.5),
        **told,
    )
    idle = PlanStep("ask", NASTY, members[:1], estimate=5.0, rows=0, number=2, cost=Cost())
    join = PlanStep("join", "on ?s", rows=3, steps=(ask, idle))
    return Explanation(join, {"ex": "http://example.org/"}, members, Cost(2, 5, 1234, 6.5))


def drawn(explanation):
    return ElementTree.fromstring(draw_svg(explanation))


def texts(root):
    return [text for text in ("".join(e.itertext()) for e in root.iter(f"{SVG}text")) if text]


def test_a_picture_has_a_card_for_each_step():
    root = drawn(plan())
    shown = texts(root)
    assert {"[1] ask", "[2] ask", "join", "3 rows", "not asked"} <= set(shown)
    assert "The plan asked 2 of 2 members: 2 requests, 5 rows fetched, 1.2 kB, 6.5 ms" in shown
    assert "?s ex:p ?o" in shown
    assert "1,000 expectedq-error 250" in shown
    assert len(root.findall(f".//{SVG}path")) == 2


def test_tooltips_say_everything():
    titles = [title.text for title in drawn(plan()).iter(f"{SVG}title")]
    assert len(titles) == 3
    (asked,) = [title for title in titles if "SELECT ?s" in title]
    assert "Excluded: x and y do not use the predicate" in asked
    assert "Asked: clinic, registry" in asked
    assert "q-error 250.2" in asked


def test_a_picture_needs_nothing_else():
    text = draw_svg(plan())
    elements = {element.tag.removeprefix(SVG) for element in ElementTree.fromstring(text).iter()}
    assert elements <= {"svg", "style", "rect", "g", "text", "tspan", "path", "title"}
    assert "url(" not in text
    assert "@import" not in text
    assert "href" not in text
    assert not re.search(r"\son\w+=", text)
    assert text.count("http://") == text.count("http://www.w3.org/2000/svg") + text.count(
        "http://example.org/p"
    )


def test_lines_are_thicker_for_more_rows_and_dashed_for_none():
    few, many = (
        float(
            drawn(Explanation(PlanStep("project", rows=1, steps=(PlanStep("data", rows=n),))))
            .find(f".//{SVG}path")
            .get("stroke-width")
        )
        for n in (2, 100_000)
    )
    assert few < many <= 10
    looks = [path.get("class") for path in drawn(plan()).iter(f"{SVG}path")]
    assert looks == ["edge", "edge idle"]


def test_a_member_has_one_colour():
    first, second = plan(("b", "a", "c")), plan(("a",))
    second = Explanation(second.root, members=("b", "a", "c"))

    def colours(explanation, name):
        root = drawn(explanation)
        found = set()
        for group in root.iter(f"{SVG}g"):
            parts = list(group)
            found |= {
                rect.get("class")
                for rect, label in itertools.pairwise(parts)
                if label.get("class") == "name" and label.text == name
            }
        return found

    assert len(colours(first, "a")) == 1
    assert colours(first, "a") == colours(second, "a")
    assert colours(first, "a") != colours(first, "b")


@pytest.mark.parametrize("count", [1, 6, 7, 200])
def test_any_number_of_members_fits(count):
    names = tuple(f"a-member-with-a-very-long-name-{n}" for n in range(count))
    root = drawn(plan(names))
    for group in root.iter(f"{SVG}g"):
        card = next((r for r in group.findall(f"{SVG}rect") if "card" in r.get("class")), None)
        if card is None:
            continue
        width, height = float(card.get("width")), float(card.get("height"))
        for text in group.iter(f"{SVG}text"):
            assert float(text.get("y")) < height
            assert float(text.get("x")) <= width
    if count == 200:
        assert "+195" in texts(root)
        assert "and 176 more" in texts(root)


def test_long_details_are_cut_but_whole_in_the_tooltip():
    detail = " ".join(f"?s{n} ?p{n} ?o{n} ." for n in range(100))
    root = drawn(Explanation(PlanStep("ask", detail)))
    lines = [text for text in texts(root) if "?s" in text]
    assert len(lines) <= 8
    assert lines[-1].endswith("…")
    assert "?s99 ?p99 ?o99" in next(root.iter(f"{SVG}title")).text


def test_a_card_has_whole_triples_on_lines_of_their_own():
    detail = " ".join(f"?subject <http://example.org/predicate{n}> ?o{n} ." for n in range(20))
    step = PlanStep("ask", detail, ("clinic",))
    shown = texts(drawn(Explanation(step, {"ex": "http://example.org/"})))
    lines = [text for text in shown if text.startswith("?subject")]
    assert lines == [f"?subject ex:predicate{n} ?o{n}" for n in range(7)]
    assert "… and 13 more" in shown


def test_a_triple_that_is_too_long_is_cut_by_itself():
    detail = f"?s <http://example.org/{'p/' * 200}> ?o . ?o ?q ?r ."
    lines = texts(drawn(Explanation(PlanStep("ask", detail, ("clinic",)))))
    assert lines[-1].endswith("…")


def test_a_picture_does_not_depend_on_the_order_of_hashes():
    code = "from tests.planning.test_explanation_svg import *; print(draw_svg(plan()))"

    def printed(seed):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True)
        return done.stdout

    assert printed("1") == printed("4242")
