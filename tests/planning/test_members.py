"""What is concluded from profiles is concluded once, and anew where a profile is another one."""

from dataclasses import replace

import pytest

from hereditary_kg.federation.statistics import MemberStatistics
from hereditary_kg.planning.arc_consistency import reduce_sources
from hereditary_kg.planning.copy_questions import places
from hereditary_kg.planning.explanation import explain_plan
from hereditary_kg.planning.members import (
    Members,
    MembersCache,
    MemberView,
    remembered,
    remembered_by_member,
)
from hereditary_kg.planning.physical import build_plan
from hereditary_kg.planning.range_exclusion import exclude_by_ranges
from hereditary_kg.planning.rules import apply_rules
from hereditary_kg.planning.sources import select_sources
from hereditary_kg.sparql.parsing import parse_query
from tests.planning.planned import PLANS, members

QUERIES = [path.read_text() for path in sorted(PLANS.glob("*.rq"))]


def all_of(query, known):
    """Give all that planning finds out about a query."""
    sources = select_sources(query, known)
    found = places(sources)
    sources = reduce_sources(query.pattern, exclude_by_ranges(query.pattern, sources))
    node = build_plan(apply_rules(query.pattern, sources), sources)
    return sources.candidates, sources.reasons, found, explain_plan(node).to_text()


@pytest.fixture(scope="module")
def views():
    return members()


@pytest.fixture
def other(views):
    """Give the same members, of which one has the data of another one."""
    first, second, third = views
    return [first, replace(second, profile=replace(first.profile, stamp="2")), third]


def test_the_same_views_give_the_same_members(views):
    cache = MembersCache()
    known = cache.of(views)
    assert list(known.values()) == views
    assert cache.of([replace(view) for view in views]) is known
    assert cache.of(views[:2]) is not known
    assert cache.of(views) is known


@pytest.mark.parametrize(
    "change", [{"holds": ("http://e/",)}, {"asked_once": True}, {"row_cap": 100}]
)
def test_what_is_said_of_a_member_besides_counts(views, change):
    cache = MembersCache()
    known = cache.of(views)
    assert cache.of([*views[:2], replace(views[2], **change)]) is not known
    assert cache.of(views) is known


def test_what_was_learnt_of_a_member_is_told_and_changes_no_conclusion(views):
    cache = MembersCache()
    known = cache.of(views)
    slow = replace(views[2], learnt=MemberStatistics(requests=1, latency=9.0))
    later = cache.of([*views[:2], slow])
    assert later[slow.name].learnt.latency == 9.0
    assert known[slow.name].learnt.latency != 9.0
    assert later.found is known.found


def test_members_with_an_earlier_profile_are_given_up(views, other):
    cache = MembersCache()
    known, fewer = cache.of(views), cache.of(views[:1])
    assert cache.of(other) is not known
    assert cache.of(views[:1]) is fewer
    assert cache.of(views) is not known


def test_a_profile_that_was_read_again_is_another_one(views):
    cache = MembersCache()
    known = cache.of(views)
    assert cache.of([*views[:2], replace(views[2], profile=replace(views[2].profile))]) is not known


def test_a_few_members_are_kept(views):
    cache = MembersCache()
    kept = [cache.of([replace(views[0], holds=(str(n),))]) for n in range(10)]
    assert cache.of([replace(views[0], holds=("9",))]) is kept[9]
    assert cache.of([replace(views[0], holds=("0",))]) is not kept[0]


def test_results_are_kept_with_the_members_and_bounded():
    asked = []

    @remembered(most=2)
    def length(known, key):
        asked.append(key)
        return len(known) + key

    one, none = Members([MemberView("a")]), Members([])
    assert [length(one, 1), length(one, 1), length(none, 1)] == [2, 2, 1]
    assert asked == [1, 1]
    assert [length(one, key) for key in (2, 3, 1)] == [3, 4, 2]
    assert asked == [1, 1, 2, 3, 1]
    assert all(len(found) <= 2 for found in one.found.values())


def test_results_of_single_members_are_kept_as_well():
    asked = []

    @remembered_by_member(most=2)
    def described(known, key, names):
        asked.append((key, *names))
        return [f"{key} {known[name].holds}" for name in names]

    three = Members([MemberView(name, holds=(name,)) for name in "abc"])
    assert described(three, 1, "ab") == ["1 ('a',)", "1 ('b',)"]
    assert described(three, 1, "cb") == ["1 ('c',)", "1 ('b',)"]
    assert described(three, 1, "cab") == ["1 ('c',)", "1 ('a',)", "1 ('b',)"]
    assert asked == [(1, "a", "b"), (1, "c")]
    assert described(three, 2, "a") == ["2 ('a',)"]
    assert described(three, 3, "") == []
    assert described(three, 1, "a") == ["1 ('a',)"]
    assert asked[2:] == [(2, "a"), (1, "a")]
    other = Members([MemberView("a", holds=("other",))])
    assert described(other, 1, "a") == ["1 ('other',)"]


def test_nothing_of_earlier_profiles_is_left_in_a_plan(views, other):
    cache = MembersCache()
    queries = [parse_query(text) for text in QUERIES]
    before = [all_of(query, cache.of(views)) for query in queries]
    assert before == [all_of(query, cache.of(views)) for query in queries]
    assert before == [all_of(query, views) for query in queries]
    after = [all_of(query, cache.of(other)) for query in queries]
    assert after == [all_of(query, other) for query in queries]
    assert after != before


def test_constants_are_told_apart(views):
    known = Members([views[0], MemberView("n")])
    texts = [
        "SELECT * { :p1 :age ?x }",
        "SELECT * { <http://other.example/a> :age ?y }",
        "SELECT * { ?x :diagnosis :d1 }",
        "SELECT * { ?x :diagnosis 1 }",
        "SELECT * { ?other :diagnosis 1 }",
        "SELECT * { ?x :diagnosis ?y }",
        "SELECT * { ?x a :Patient }",
        "SELECT * { ?x a :Visit }",
        "SELECT * { GRAPH :g { ?x :age ?y } }",
        "SELECT * FROM :g { ?x :age ?y }",
    ]
    for text in texts * 2:
        query = parse_query(f"PREFIX : <http://example.org/> {text}")
        assert all_of(query, known) == all_of(query, list(known.values()))
