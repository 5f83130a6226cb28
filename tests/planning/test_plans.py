"""Plans as they are drawn, the same on every run, and what they must never do."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hereditary_kg.planning import plan
from hereditary_kg.planning.members import MemberView
from hereditary_kg.planning.physical import build_plan
from hereditary_kg.planning.rules import apply_rules
from hereditary_kg.planning.sources import select_sources
from hereditary_kg.sparql.parsing import parse_query
from tests.planning.planned import PLANS, members, plan_text

ROOT = Path(__file__).parents[2]
NAMES = sorted(path.stem for path in PLANS.glob("*.rq"))
PREFIX = "PREFIX : <http://example.org/> "


@pytest.fixture(scope="module")
def views():
    return members()


def planned(text, views, *, optimise=True):
    query = parse_query(PREFIX + text)
    sources = select_sources(query, views)
    pattern = apply_rules(query.pattern, sources) if optimise else query.pattern
    return build_plan(pattern, sources, optimise=optimise)


def nodes(node):
    yield node
    for below in plan.inputs(node):
        yield from nodes(below)


def fetches(node):
    return [each for each in nodes(node) if isinstance(each, plan.Fetch)]


@pytest.mark.parametrize("name", NAMES)
def test_a_plan_is_as_it_was(name, views):
    """Where a change is wanted: ``python -m tests.planning.planned --write``."""
    text = (PLANS / f"{name}.rq").read_text()
    assert plan_text(text, views) == (PLANS / f"{name}.txt").read_text()


def test_every_text_has_its_plan():
    assert sorted(path.stem for path in PLANS.glob("*.txt")) == NAMES
    assert len(NAMES) >= 12


def test_plans_do_not_depend_on_the_order_of_hashes():
    def printed(seed):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-m", "tests.planning.planned"]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True)
        return done.stdout.decode()

    first, second = printed("1"), printed("4242")
    assert first == second
    assert first.count("# ") == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_plain_plan_asks_everybody_for_every_pattern(name, views):
    text = (PLANS / f"{name}.rq").read_text().removeprefix(PREFIX.strip())
    asked = fetches(planned(text, views, optimise=False))
    assert asked
    assert {fetch.members for fetch in asked} == {("clinic", "registry", "cohort")}
    assert all(fetch.distinct for fetch in asked)


def test_rows_of_several_members_keep_all_their_variables(views):
    """A triple that two members hold is one solution only if nothing of it is dropped."""
    (fetch,) = fetches(planned("SELECT ?thing { ?thing :name ?name }", views))
    assert fetch.distinct
    assert [variable.name for variable in fetch.variables] == ["thing", "name"]


def test_one_member_sends_only_what_is_needed(views):
    text = "SELECT ?gene { ?patient :diagnosis ?disease . ?disease :gene ?gene }"
    asked = {fetch.members: fetch for fetch in fetches(planned(text, views))}
    assert [v.name for v in asked["clinic",].variables] == ["disease"]
    assert {v.name for v in asked["registry",].variables} == {"disease", "gene"}


def test_counting_distinct_solutions_needs_all_of_them(views):
    text = "SELECT (COUNT(DISTINCT *) AS ?n) { ?patient :diagnosis ?disease . ?disease :gene ?g }"
    asked = {fetch.members: fetch for fetch in fetches(planned(text, views))}
    assert [v.name for v in asked["clinic",].variables] == ["patient", "disease"]
    assert {v.name for v in asked["registry",].variables} == {"disease", "g"}


@pytest.mark.parametrize(
    ("text", "pushed"),
    [
        ("SELECT ?x { ?x :name ?n } LIMIT 7 OFFSET 2", 9),
        ("SELECT ?x { { ?x :gene ?n } UNION { ?x :age ?n } } LIMIT 7", 7),
        ("SELECT DISTINCT ?x { ?x :name ?n } LIMIT 7", 7),
        ("SELECT ?x { ?x :name ?n } ORDER BY ?n LIMIT 7", 7),
        ("SELECT ?x { ?x :name ?n } ORDER BY STRLEN(?n) LIMIT 7", None),
        ("SELECT ?x { ?x :name ?n . ?x :gene ?g } LIMIT 7", None),
        ("SELECT ?x { ?x :name ?n FILTER(RAND() < 0.5) } LIMIT 7", None),
        ("SELECT ?x { ?x :name ?n } OFFSET 7", None),
    ],
)
def test_a_limit_goes_down_only_where_rows_are_solutions(text, pushed, views):
    assert {fetch.limit for fetch in fetches(planned(text, views))} == {pushed}


def test_filters_go_to_whoever_can_check_them(views):
    text = """SELECT * { ?patient :age ?age ; :diagnosis ?d . ?d :gene ?gene
        FILTER(?age > 3) FILTER(?gene != :g1) FILTER(?gene != ?age) FILTER(?d != :d1) }"""
    root = planned(text, views)
    written = {fetch.members[0]: str(fetch.pattern) for fetch in fetches(root)}
    assert "'age'" in written["clinic"]
    assert "g1" in written["registry"]
    assert "g1" not in written["clinic"]
    assert "d1" in written["clinic"]
    assert "d1" in written["registry"]
    (above,) = [node for node in nodes(root) if isinstance(node, plan.Filter)]
    assert "g1" not in str(above.condition)


def test_what_may_be_at_several_members_is_never_pushed_whole(views):
    """A name at the registry and a name at the cohort join across the two."""
    text = "SELECT * { ?d :name ?n . ?d :broader ?b . ?b :name ?m }"
    assert all(
        len(str(f.pattern).split("TriplePattern(")) == 2 for f in fetches(planned(text, views))
    )


def test_members_without_profiles_are_asked_for_everything():
    views = [MemberView("one"), MemberView("two")]
    text = "SELECT * { ?s :p ?o . ?o :q ?t OPTIONAL { ?t :r ?u } }"
    asked = fetches(planned(text, views))
    assert len(asked) == 3
    assert {fetch.members for fetch in asked} == {("one", "two")}


def test_one_member_alone_is_asked_for_the_query_itself():
    text = """SELECT ?s (COUNT(*) AS ?n) { ?s :p ?o OPTIONAL { ?o :q ?t } MINUS { ?s :r ?o }
        FILTER NOT EXISTS { ?t :u ?v FILTER(?v = ?s) } } GROUP BY ?s ORDER BY ?n LIMIT 3"""
    root = planned(text, [MemberView("one")])
    assert isinstance(root, plan.Fetch)
    assert not root.distinct


def test_small_parts_are_joined_first(views):
    text = "SELECT * { ?v :about ?d . ?p :diagnosis ?d . ?p :age 25 }"
    order = [fetch.members[0] for fetch in fetches(planned(text, views))]
    assert order == ["clinic", "cohort"]


def test_connected_parts_are_joined_before_others(views):
    text = "SELECT * { ?v :about ?d . ?x :about ?y . ?d :gene ?g }"
    root = planned(text, views)
    joins = [node for node in nodes(root) if isinstance(node, plan.Join)]
    shared = [set(join.left.variables) & set(join.right.variables) for join in joins]
    assert [bool(each) for each in shared] == [False, True], "the cross product comes last"
