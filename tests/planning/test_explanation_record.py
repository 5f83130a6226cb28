"""What a plan's record says: why members were chosen, what it cost, where estimates were off."""

import pytest

from hereditary_kg.federation.request_log import RequestRecord
from hereditary_kg.planning import plan
from hereditary_kg.planning.explanation import (
    Cost,
    Explanation,
    PlanStep,
    Reason,
    describe_sources,
    explain_plan,
    measure_run,
    write_excluded,
    write_members,
)
from hereditary_kg.planning.members import MemberView
from hereditary_kg.planning.physical import build_plan
from hereditary_kg.planning.sources import select_sources
from hereditary_kg.sparql.parsing import parse_query
from tests.planning.planned import members

PREFIX = "PREFIX : <http://example.org/> "


@pytest.fixture(scope="module")
def views():
    return members()


def prepared(text, views):
    query = parse_query(PREFIX + text)
    sources = select_sources(query, views)
    return query, sources, build_plan(query.pattern, sources)


def record(step, rows=5, ended=1.0, seconds=0.5, **told):
    given = {"purpose": "scan", "bytes": 100, "status": 200, "error": None, **told}
    return RequestRecord(
        "clinic", "SELECT", rows=rows, seconds=seconds, step=step, ended=ended, **given
    )


def test_reasons_for_every_member(views):
    _, sources, node = prepared("SELECT * { ?p a :Patient ; :age ?age }", views)
    step = explain_plan(node, sources=sources).queries()[0]
    assert step.members == ("clinic",)
    assert [(r.text, r.triples) for r in step.chosen] == [
        ("holds instances of the class", (200,)),
        ("uses the predicate", (200,)),
    ]
    assert [r.members for r in step.excluded] == [("registry", "cohort")]
    assert "holds no instance of the class" in step.excluded[0].text


def test_members_without_profiles_may_hold_anything():
    _, sources, node = prepared("SELECT * { ?p :age ?age }", [MemberView("one"), MemberView("two")])
    step = explain_plan(node, sources=sources).queries()[0]
    (reason,) = step.chosen
    assert (reason.members, reason.triples) == (("one", "two"), (None, None))
    assert step.excluded == ()


def test_two_hundred_members_are_grouped(views):
    others = [MemberView(f"other-{n}", views[1].profile) for n in range(150)]
    _, sources, node = prepared("SELECT * { ?p :age ?age }", [views[0], *others])
    explanation = explain_plan(node, sources=sources)
    (reason,) = explanation.queries()[0].excluded
    assert len(reason.members) == 150
    assert write_excluded([reason]) == "150 members do not use the predicate"
    assert len(explanation.to_dict()["excluded"][0]["members"]) == 150
    assert explanation.members[0] == "clinic"
    assert len(explanation.members) == 151


def test_leaves_that_nobody_can_match_are_described(views):
    query, sources, _ = prepared("SELECT * { ?p :nix ?x . ?p :age ?age }", views)
    nix, age = describe_sources(query.pattern, sources)
    assert (nix.asked, age.asked) == ((), ("clinic",))
    assert nix.to_dict()["left_out"].keys() == {"clinic", "registry", "cohort"}


@pytest.mark.parametrize(
    ("names", "everyone", "written"),
    [
        ("ab", 2, "a, b"),
        ("abc", 3, "all 3"),
        ("abcd", 9, "a, b, c, d"),
        ("abcde", 9, "a, b, c (+2)"),
    ],
)
def test_many_members_are_cut(names, everyone, written):
    assert write_members(tuple(names), everyone) == written


def test_reasons_in_words():
    reasons = (
        Reason("does not use the predicate", "p", tuple(f"m{n}" for n in range(150))),
        Reason("holds no instance of the class", "q", ("a", "b")),
        Reason("a probe found no match", "q", ("a", "b")),
        Reason("has none of the named graphs", "q", ("c",)),
    )
    assert write_excluded(reasons) == (
        "150 members do not use the predicate of p; a and b hold no instance of the class of q; "
        "a and b: a probe found no match of q; c has none of the named graphs of q"
    )


@pytest.mark.parametrize(
    ("estimate", "rows", "error"), [(9, 9, 1), (0, 0, 1), (99, 0, 100), (0, 99, 100), (0.5, 2, 2)]
)
def test_q_error(estimate, rows, error):
    assert PlanStep("ask", estimate=estimate, rows=rows).q_error == error


JOIN = "SELECT * { ?p :diagnosis ?d . ?d :gene ?g }"


def run_of(node, rows, records, **told):
    """What a run has cost; rows and records by the plan's nodes, top down."""

    def walk(each):
        yield each
        for below in plan.inputs(each):
            yield from walk(below)

    nodes = list(walk(node))
    numbers = {id(each): 100 + n for n, each in enumerate(nodes)}
    counted = {id(each): rows[n] for n, each in enumerate(nodes) if n in rows}
    return measure_run(counted, {}, numbers, records, **told)


def test_requests_belong_to_their_steps(views):
    _, sources, node = prepared(JOIN, views)
    assert isinstance(node, plan.Project | plan.Join)
    root = node if isinstance(node, plan.Join) else node.input
    log = [
        record(101, ended=1.0),
        record(101, rows=7, ended=1.2, attempts=2),
        record(102, ended=9.0, purpose="bind join"),
        record(None, rows=1, purpose="probe"),
        record(999, rows=1),
    ]
    run = run_of(root, {0: 10, 1: 12, 2: 5}, log)
    explanation = explain_plan(root, sources=sources, run=run)
    join, left, right = explanation.steps()
    assert join.cost is None
    assert left.cost == Cost(3, 12, 200, pytest.approx(700.0))
    assert right.cost is not None
    assert right.cost.bound
    assert explanation.beside is not None
    assert explanation.beside.requests == 2
    assert explanation.cost is not None
    assert explanation.cost.requests == 6
    assert right.q_error is None, "bindings restricted it"
    assert left.q_error is not None
    assert join.q_error is not None


SIZES = [
    ("SELECT * { ?p :age ?age . ?p :diagnosis ?d . ?d :gene ?g FILTER(?g != ?age) }", "filter"),
    ("SELECT * { ?p :diagnosis ?d OPTIONAL { ?d :gene ?g } }", "optional"),
    ("SELECT * { { ?p :age ?x } UNION { ?p :gene ?x } }", "union"),
    ("SELECT * { ?p :diagnosis ?d MINUS { ?d :gene ?g } }", "minus"),
    (
        "SELECT ?g (COUNT(DISTINCT ?p) AS ?n) { ?p :diagnosis ?d . ?d :gene ?g } GROUP BY ?g",
        "group",
    ),
    ("SELECT DISTINCT ?g { ?p :diagnosis ?d . ?d :gene ?g }", "distinct"),
]


@pytest.mark.parametrize(("text", "title"), SIZES)
def test_steps_at_the_mediator_are_judged_too(views, text, title):
    _, sources, node = prepared(text, views)
    steps = explain_plan(node, sources=sources).steps()
    (step,) = [each for each in steps if each.title == title]
    most = max(each.estimate for each in steps if each.estimate and each is not step)
    assert step.estimate is not None
    assert 0 < step.estimate <= (2 * most if title == "union" else most)
    (alone,) = [each for each in explain_plan(node).steps() if each.title == title]
    assert alone.estimate is None, "nothing is known of the members"


def test_groups_are_expected_by_their_keys(views):
    _, sources, node = prepared(SIZES[4][0], views)
    (group,) = [s for s in explain_plan(node, sources=sources).steps() if s.title == "group"]
    assert group.estimate == pytest.approx(90, rel=0.6)


def test_a_step_that_nobody_needed_is_not_judged(views):
    _, sources, node = prepared(JOIN, views)
    root = node if isinstance(node, plan.Join) else node.input
    run = run_of(root, {}, [record(101, rows=0)])
    _, left, right = explain_plan(root, sources=sources, run=run).steps()
    assert (left.unasked, right.unasked) == (False, True)
    assert right.q_error is None
    assert left.q_error is not None


def test_what_a_limit_cut_off_is_not_judged(views):
    _, sources, node = prepared("SELECT * { ?x :name ?n } LIMIT 3", views)
    depth = {0: 3, 1: 700, 2: 700}
    cut = explain_plan(node, sources=sources, run=run_of(node, depth, [record(101), record(102)]))
    assert cut.worst() is None
    less = run_of(node, {0: 2, 1: 2, 2: 2}, [record(101), record(102)])
    assert explain_plan(node, sources=sources, run=less).worst() is not None


def test_what_ask_left_unread_is_not_judged(views):
    _, sources, node = prepared("SELECT * { ?x :age ?n }", views)
    whole = run_of(node, {0: 1}, [record(100)])
    assert explain_plan(node, sources=sources, run=whole).worst() is not None
    partly = run_of(node, {0: 1}, [record(100)], whole=False)
    assert explain_plan(node, sources=sources, run=partly).worst() is None


def test_asked_members_come_in_the_federations_order():
    asks = (
        PlanStep("ask", members=("c", "a"), cost=Cost(1)),
        PlanStep("ask", members=("b",), cost=Cost(0)),
    )
    explanation = Explanation(PlanStep("union", steps=asks), {}, ("a", "b", "c"))
    assert explanation.asked() == ("a", "c")
