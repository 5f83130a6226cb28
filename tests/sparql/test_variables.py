"""Scope and certainty of variables, held against what Oxigraph binds."""

from algebra_evaluation import rows_of, store_of
from hypothesis import given, note, settings
from query_generation import patterns, triples

from hereditary_kg.sparql.algebra import Variable
from hereditary_kg.sparql.parsing import parse_query
from hereditary_kg.sparql.printing import group_text
from hereditary_kg.sparql.variables import (
    certain_variables,
    expression_variables,
    mentioned_variables,
    pattern_expressions,
    scope_variables,
    triple_variables,
    walk,
)

EXAMPLES = settings(max_examples=200, deadline=None)


def pattern_of(text):
    return parse_query(f"PREFIX : <http://example.org/> ASK {{ {text} }}").pattern


def names(variables):
    return sorted(variable.name for variable in variables)


@EXAMPLES
@given(patterns(), triples())
def test_solutions_bind_the_certain_variables_and_none_out_of_scope(pattern, data):
    text = f"SELECT * WHERE {{ {group_text(pattern)} }}"
    note(text)
    scope = set(scope_variables(pattern))
    certain = certain_variables(pattern)
    assert certain <= scope
    for row in rows_of(store_of(data), text):
        assert certain <= row.keys() <= scope


@EXAMPLES
@given(patterns(raw=True), triples())
def test_this_holds_for_patterns_that_nobody_normalised(pattern, data):
    text = f"SELECT * WHERE {{ {group_text(pattern)} }}"
    note(text)
    scope = set(scope_variables(pattern))
    for row in rows_of(store_of(data), text):
        assert certain_variables(pattern) <= row.keys() <= scope


@EXAMPLES
@given(patterns())
def test_whatever_a_pattern_reads_or_binds_is_mentioned(pattern):
    mentioned = mentioned_variables(pattern)
    assert set(scope_variables(pattern)) <= mentioned
    for node in walk(pattern):
        assert set(scope_variables(node)) <= mentioned
        for expression in pattern_expressions(node):
            assert expression_variables(expression) <= mentioned


def test_scope_follows_the_order_of_the_text():
    pattern = pattern_of("?z :p ?b OPTIONAL { ?b :q ?a } BIND(1 AS ?n) VALUES ?m { 1 }")
    assert [variable.name for variable in scope_variables(pattern)] == ["z", "b", "a", "n", "m"]


def test_what_stands_in_minus_and_exists_is_mentioned_but_not_in_scope():
    pattern = pattern_of("?a :p ?b MINUS { ?a :q ?c } FILTER EXISTS { ?a :r ?d }")
    assert names(scope_variables(pattern)) == ["a", "b"]
    assert names(mentioned_variables(pattern)) == ["a", "b", "c", "d"]


def test_the_inside_of_a_sub_select_is_out_of_scope():
    pattern = pattern_of("{ SELECT ?a (COUNT(?b) AS ?n) { ?a :p ?b } GROUP BY ?a }")
    assert names(scope_variables(pattern)) == ["a", "n"]
    assert names(certain_variables(pattern)) == ["a"]


def test_optional_and_half_of_a_union_are_not_certain():
    pattern = pattern_of("{ ?a :p ?b } UNION { ?a :q ?c } OPTIONAL { ?a :r ?d }")
    assert names(certain_variables(pattern)) == ["a"]


def test_a_place_without_a_value_is_not_certain():
    pattern = pattern_of("VALUES (?a ?b) { (1 2) (3 UNDEF) }")
    assert names(certain_variables(pattern)) == ["a"]


def test_the_name_of_a_graph_is_certain_and_a_silent_service_binds_nothing_for_sure():
    assert names(certain_variables(pattern_of("GRAPH ?g { ?a :p 1 }"))) == ["a", "g"]
    assert names(certain_variables(pattern_of("SERVICE :x { ?a :p 1 }"))) == ["a"]
    assert names(certain_variables(pattern_of("SERVICE SILENT :x { ?a :p 1 }"))) == []


def test_exists_can_be_left_out_of_what_an_expression_reads():
    (condition,) = pattern_expressions(pattern_of("?a :p ?b FILTER(?a = 1 || EXISTS { ?c :p ?b })"))
    assert names(expression_variables(condition)) == ["a", "b", "c"]
    assert names(expression_variables(condition, into_exists=False)) == ["a"]


def test_a_triple_names_each_variable_once():
    (triple,) = pattern_of("?a ?p ?a").triples
    assert triple_variables(triple) == (Variable("a"), Variable("p"))


def test_walk_can_stay_out_of_exists():
    pattern = pattern_of("?a :p ?b FILTER EXISTS { ?a :r ?d }")
    kinds = [type(node).__name__ for node in walk(pattern)]
    assert kinds == ["Filter", "BGP", "BGP"]
    assert [type(n).__name__ for n in walk(pattern, into_exists=False)] == ["Filter", "BGP"]
