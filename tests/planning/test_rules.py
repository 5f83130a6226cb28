"""Each rule before and after, its meaning kept, and the watch over all of them.

``golden/RULE-NAME_input.rq`` and ``_output.rq`` are texts of the same query before and after
the rule; both are parsed, so that their layout does not matter.
"""

import random
from collections import Counter
from pathlib import Path

import pyoxigraph as ox
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hereditary_kg.planning import rules
from hereditary_kg.planning.errors import PlanningError
from hereditary_kg.planning.members import MemberView
from hereditary_kg.planning.rules import RULES, apply_rules
from hereditary_kg.planning.rules.filters import is_stable, push_filters_down
from hereditary_kg.planning.rules.graphs import push_graphs_down
from hereditary_kg.planning.rules.optionals import push_conditions_into_optionals
from hereditary_kg.planning.rules.unanswerable import remove_unanswerable
from hereditary_kg.planning.sources import select_sources
from hereditary_kg.rdf.terms import IRI, Literal
from hereditary_kg.rdf.tsv_reading import parse_tsv
from hereditary_kg.sites.profiling import profile_store
from hereditary_kg.sparql.algebra import (
    BGP,
    Call,
    FunctionCall,
    Project,
    SelectQuery,
    Variable,
    children,
)
from hereditary_kg.sparql.parsing import parse_query
from hereditary_kg.sparql.printing import select_text
from hereditary_kg.sparql.variables import scope_variables
from tests.dealt_federations import store_of
from tests.sparql.query_generation import ALL, PREDICATES, patterns, triples

GOLDEN = Path(__file__).parent / "golden"
NAMES = {
    "filters": push_filters_down,
    "graphs": push_graphs_down,
    "optionals": push_conditions_into_optionals,
    "unanswerable": remove_unanswerable,
}
PAIRS = sorted(path.name.removesuffix("_input.rq") for path in GOLDEN.glob("*_input.rq"))

DATA = """
@prefix : <http://example.org/> .
:a :age 61 ; :size 3 ; :name "Ann" .
:b :age 7 ; :size 61 .
GRAPH :g { :a :age 5 , :b . :b :size 6 }
GRAPH :h { :b :age 5 ; :name "Bob" }
"""


def federation_of(*stores):
    return [MemberView(f"m{i}", profile_store(store, "1")) for i, store in enumerate(stores)]


@pytest.fixture(scope="module")
def members():
    store = ox.Store()
    store.load(DATA.encode(), format=ox.RdfFormat.TRIG)
    return federation_of(store, ox.Store())


def parsed(name):
    return parse_query((GOLDEN / f"{name}.rq").read_text())


@pytest.mark.parametrize("name", PAIRS)
def test_a_rule_turns_the_one_text_into_the_other(name, members):
    rule = NAMES[name.split("-")[0]]
    before, after = parsed(f"{name}_input"), parsed(f"{name}_output")
    found = rule(before.pattern, select_sources(before, members))
    assert found == after.pattern, select_text(found)


def test_every_rule_has_texts():
    assert {name.split("-")[0] for name in PAIRS} == set(NAMES)
    assert set(NAMES.values()) == set(RULES)


@pytest.mark.parametrize("name", PAIRS)
def test_a_rule_applied_again_changes_nothing(name, members):
    rule = NAMES[name.split("-")[0]]
    query = parsed(f"{name}_output")
    sources = select_sources(query, members)
    assert rule(query.pattern, sources) == query.pattern


# Meaning


@st.composite
def cases(draw):
    """Draw members' data, of which some lack a predicate, and a pattern over all of them."""
    data = sorted(draw(triples()))
    missing = draw(st.sampled_from((None, *PREDICATES)))
    data = [t for t in data if missing is None or t[1] != missing.text]
    chance = random.Random(draw(st.integers(0, 99)))
    hands = [[t for t in data if chance.random() < 0.6] for _ in range(2)]
    return hands, draw(patterns(2, ALL))


def rows_of(store, pattern, shown):
    results = store.query(select_text(pattern, shown))
    frame = parse_tsv(results.serialize(format=ox.QueryResultsFormat.TSV))
    return Counter(frame.rows()) if frame.width else frame.height


@pytest.mark.parametrize("rule", [*RULES, apply_rules], ids=lambda rule: rule.__name__)
@settings(
    max_examples=50,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(cases())
def test_a_rule_keeps_the_answer(rule, case):
    hands, pattern = case
    shown = scope_variables(pattern)
    stores = [store_of(hand) for hand in hands]
    sources = select_sources(SelectQuery(Project(pattern, shown), shown), federation_of(*stores))
    merged = store_of({triple for hand in hands for triple in hand})
    rewritten = rule(pattern, sources)
    assert rows_of(merged, rewritten, shown) == rows_of(merged, pattern, shown)


@pytest.mark.parametrize("name", [name for name in PAIRS if name.startswith("graphs")])
def test_graphs_keep_the_answer(name, members):
    store = ox.Store()
    store.load(DATA.encode(), format=ox.RdfFormat.TRIG)
    before = parsed(f"{name}_input").pattern
    after = push_graphs_down(before, None)
    shown = scope_variables(before)
    assert rows_of(store, after, shown) == rows_of(store, before, shown)


# The watch


def variables_of(text):
    return parse_query(f"PREFIX : <http://example.org/> SELECT * {{ {text} }}")


def drop_the_last(pattern, sources):
    return Project(pattern, scope_variables(pattern)[:-1])


def add_a_variable(pattern, sources):
    return Project(pattern, (*scope_variables(pattern), Variable("more")))


def ask_everybody(pattern, sources):
    leaf = next(leaf for leaf, names in sources.candidates.items() if len(names) == 2)
    while not isinstance(pattern, BGP):
        (pattern,) = children(pattern)
    return Project(BGP((*pattern.triples, leaf.triple)), scope_variables(pattern))


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (drop_the_last, r"drop_the_last changed the variables \['\?y'\]"),
        (add_a_variable, r"add_a_variable changed the variables \['\?more'\]"),
    ],
)
def test_a_rule_that_changes_the_variables_is_stopped(rule, words, members, monkeypatch):
    monkeypatch.setattr(rules, "RULES", (rule,))
    query = variables_of("?x :age ?y")
    with pytest.raises(PlanningError, match=words):
        apply_rules(query.pattern, select_sources(query, members))


def test_a_rule_that_adds_a_member_is_stopped(members, monkeypatch):
    monkeypatch.setattr(rules, "RULES", (ask_everybody,))
    both = [members[0], MemberView("m1")]
    whole = variables_of("?x :age ?y . ?x ?any ?y")
    sources = select_sources(whole, both)
    sources = sources.without(
        {leaf: {"m1": "for the test"} for leaf in sources.candidates if leaf.predicates}
    )
    pattern = BGP(whole.pattern.pattern.triples[:1])
    with pytest.raises(PlanningError, match=r"added the members \['m1'\]; please report"):
        apply_rules(pattern, sources)


def test_rules_are_applied_in_order(members, monkeypatch):
    seen = []

    def first(pattern, sources):
        seen.append("first")
        return pattern

    def second(pattern, sources):
        seen.append("second")
        return pattern

    monkeypatch.setattr(rules, "RULES", (first, second))
    query = variables_of("?x :age ?y")
    assert apply_rules(query.pattern, select_sources(query, members)) == query.pattern
    assert seen == ["first", "second"]


@pytest.mark.parametrize(
    ("expression", "stable"),
    [
        (Call("RAND", ()), False),
        (Call("+", (Variable("x"), Call("RAND", ()))), False),
        (FunctionCall(IRI("http://e/f"), (Call("UUID", ()),)), False),
        (Call("STRUUID", ()), False),
        (Call("BNODE", ()), False),
        (Call("STR", (Variable("x"),)), True),
        (Literal("x"), True),
    ],
)
def test_what_differs_every_time_is_known(expression, stable):
    assert is_stable(expression) is stable
