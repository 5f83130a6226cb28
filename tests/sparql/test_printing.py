"""Traps of printing: each query says, in its own way, what its algebra says."""

import pytest
from algebra_evaluation import Evaluation, multiset, rows_of, store_of

from hereditary_kg.rdf.terms import IRI
from hereditary_kg.sparql.algebra import (
    BGP,
    Aggregate,
    Extend,
    Filter,
    Group,
    Join,
    LeftJoin,
    Minus,
    OrderBy,
    OrderKey,
    Project,
    SelectQuery,
    TriplePattern,
    Variable,
)
from hereditary_kg.sparql.parsing import parse_query
from hereditary_kg.sparql.printing import query_text, select_text

PREFIX = "PREFIX : <http://example.org/> "
DATA = {
    tuple(f"<http://example.org/{name}>" for name in line.split())
    for line in ("a p b", "a p c", "b p c", "c p d", "a q b", "b q a", "c r a", "d r d")
}
TRAPS = {
    "filter of an optional that reads the left side": (
        "SELECT * { ?a :p ?b OPTIONAL { ?b :p ?c FILTER(?a = :a) } }"
    ),
    "filter one group deeper, which does not see the left side": (
        "SELECT * { ?a :p ?b OPTIONAL { { ?b :p ?c FILTER(?a = :a) } } }"
    ),
    "both at once": (
        "SELECT * { ?a :p ?b OPTIONAL { { ?b :p ?c FILTER(!BOUND(?a)) } FILTER(?a = :a) } }"
    ),
    "filter before what binds its variable": "SELECT * { FILTER(?c != :d) ?a :p ?b . ?b :p ?c }",
    "filter of an inner group": "SELECT * { ?a :p ?b { ?b :p ?c FILTER(BOUND(?a)) } }",
    "filter between joins": "SELECT * { { ?a :p ?b FILTER(?b = :c) } { ?a :q ?c } }",
    "filter over an optional": "SELECT * { ?a :p ?b OPTIONAL { ?b :r ?c } FILTER(!BOUND(?c)) }",
    "optional after a filtered group": (
        "SELECT * { { ?a :p ?b FILTER(?b = :c) } OPTIONAL { ?b :p ?d } }"
    ),
    "chain of binds": (
        "SELECT * { ?a :p ?b BIND(STR(?b) AS ?c) BIND(STRLEN(?c) AS ?d) FILTER(?d > 0) }"
    ),
    "bind of what is not in scope": "SELECT * { ?a :p ?b { BIND(?b AS ?c) } }",
    "bind before the triples": "SELECT * { BIND(:a AS ?a) ?a :p ?b }",
    "minus inside an optional": "SELECT * { ?a :p ?b OPTIONAL { ?b :p ?c MINUS { ?c :r ?c } } }",
    "minus of something that shares nothing": "SELECT * { ?a :p ?b MINUS { ?c :p ?d } }",
    "minus then join": "SELECT * { ?a :p ?b MINUS { ?a :q ?b } ?b :p ?c }",
    "minus of a sub-select without variables": (
        "SELECT * { { SELECT ?a { ?a :p ?b } } MINUS { SELECT ?zero { ?a :p ?b } } }"
    ),
    "sub-select that hides a variable": (
        "SELECT * { ?a :p ?b { SELECT ?b { ?b :p ?a FILTER(?a != :a) } } }"
    ),
    "sub-select of everything": "SELECT * { { SELECT * { ?a :p [ :p ?b ] } } }",
    "group by without aggregates": "SELECT ?a { ?a :p ?b } GROUP BY ?a",
    "group by an expression": "SELECT ?k (COUNT(*) AS ?n) { ?a :p ?b } GROUP BY (STR(?a) AS ?k)",
    "group by a call": "SELECT (COUNT(*) AS ?n) { ?a :p ?b } GROUP BY STR(?a)",
    "aggregate of an empty group": "SELECT (COUNT(?b) AS ?n) { ?a :nothing ?b }",
    "order by an aggregate that is not shown": (
        "SELECT ?a { ?a :p ?b } GROUP BY ?a ORDER BY DESC(COUNT(?b)) STR(?a) LIMIT 1"
    ),
    "having and order over one aggregate": (
        "SELECT ?a (COUNT(?b) AS ?n) { ?a :p ?b } GROUP BY ?a HAVING(COUNT(?b) > 1) ORDER BY ?n"
    ),
    "having does not see what is selected": (
        "SELECT ?a (COUNT(?b) AS ?n) { ?a :p ?b } GROUP BY ?a HAVING(?n > 1)"
    ),
    "sum of aggregates": "SELECT (COUNT(?b) * 10 + COUNT(DISTINCT ?a) AS ?n) { ?a :p ?b }",
    "expression over another one": (
        "SELECT (COUNT(?b) AS ?n) (?n + 1 AS ?m) (?m * 2 AS ?k) { ?a :p ?b }"
    ),
    "the same aggregate twice": "SELECT (COUNT(?b) AS ?n) (COUNT(?b) AS ?m) { ?a :p ?b }",
    "distinct, order and limit": "SELECT DISTINCT ?a { ?a :p ?b } ORDER BY DESC(STR(?a)) LIMIT 2",
    "limit of a distinct of a limit": (
        "SELECT DISTINCT ?a { { SELECT ?a ?b { ?a :p ?b } ORDER BY ?a ?b LIMIT 3 } } "
        "ORDER BY ?a LIMIT 2 OFFSET 1"
    ),
    "exists in a bind": "SELECT * { ?a :p ?b BIND(EXISTS { ?b :p ?c } AS ?e) }",
    "exists in a select expression": "SELECT ?a (EXISTS { ?b :p ?c } AS ?e) { ?a :p ?b }",
    "exists in having": (
        "SELECT ?a (COUNT(*) AS ?n) { ?a :p ?b } GROUP BY ?a HAVING(EXISTS { ?a :q :b })"
    ),
    "exists in order by": "SELECT ?a ?b { ?a :p ?b } ORDER BY (EXISTS { ?b :p ?c }) ?a ?b LIMIT 2",
    "exists in an optional's condition": (
        "SELECT * { ?a :p ?b OPTIONAL { ?b :p ?c FILTER NOT EXISTS { ?a :q ?b } } }"
    ),
    "exists of nothing": "SELECT * { ?a :p ?b FILTER NOT EXISTS { } }",
    "data with gaps": "SELECT * { ?a :p ?b VALUES (?a ?b) { (:a UNDEF) (UNDEF :d) } }",
    "data after everything": "SELECT ?a ?b { ?a :p ?b } ORDER BY ?a VALUES ?b { :c }",
    "data of no variable": "SELECT * { ?a :p ?b VALUES () { () () } }",
    "union with an empty branch": "SELECT * { { ?a :p ?b } UNION { } }",
    "blank nodes and lists": "SELECT * { [ :p ?b ; :q [] ] OPTIONAL { _:x :r _:x } }",
    "path of everything": "SELECT * { ?a (:p|^:q)+/:r? ?b . ?a !(:p|^:r) ?c }",
    "path of two constants": "SELECT * { :a :p+ :d }",
    "literal as subject": "SELECT * { { 1 :p ?a } UNION { ?a ^:p 'x' } UNION { 1 :p* ?a } }",
    "nothing to show": "SELECT * { :a :p :b }",
    "number behind a predicate": "SELECT * { ?a :p +1 }",
}


@pytest.mark.parametrize("name", TRAPS)
def test_text_and_algebra_say_the_same(name):
    query = parse_query(PREFIX + TRAPS[name])
    text = query_text(query)
    expected = multiset(Evaluation(DATA).solutions(query.pattern))
    assert multiset(rows_of(store_of(DATA), text), query.variables) == expected
    again = parse_query(text)
    assert multiset(Evaluation(DATA).solutions(again.pattern), query.variables) == expected


def printed(text):
    return query_text(parse_query(PREFIX + text)).replace("http://example.org/", "")


def test_a_grouped_select_stays_one_select():
    text = (
        "SELECT ?a (COUNT(DISTINCT ?b) AS ?n) { ?a :p ?b } GROUP BY ?a "
        "HAVING(COUNT(*) > 1) ORDER BY DESC(COUNT(*)) LIMIT 3"
    )
    one = '"1"^^<http://www.w3.org/2001/XMLSchema#integer>'
    assert printed(text) == (
        "SELECT ?a (COUNT(DISTINCT ?b) AS ?n) WHERE { ?a <p> ?b . } GROUP BY ?a "
        f"HAVING((COUNT(*) > {one})) ORDER BY DESC(COUNT(*)) LIMIT 3"
    )


def test_distinct_is_not_reduced():
    assert (
        printed("SELECT DISTINCT * { ?a :p ?b }") == "SELECT DISTINCT ?a ?b WHERE { ?a <p> ?b . }"
    )
    assert printed("SELECT REDUCED ?a { ?a :p ?b }") == "SELECT REDUCED ?a WHERE { ?a <p> ?b . }"


def test_everything_keeps_variables_that_no_solution_binds():
    assert parse_query("SELECT * { VALUES ?x { } ?x ?p ?o }").variables == tuple(
        Variable(name) for name in ("x", "p", "o")
    )


def test_the_base_stays_where_iri_needs_it_and_nowhere_else():
    query = parse_query("BASE <http://example.org/> SELECT (IRI('x') AS ?i) { ?s <p> ?o }")
    assert query.base == "http://example.org/"
    assert query_text(query).startswith("BASE <http://example.org/> SELECT")
    assert parse_query(query_text(query)) == query
    assert parse_query("BASE <http://example.org/> ASK { ?s <p> ?o }").base is None
    assert select_text(query.pattern, base=query.base).startswith("BASE <http://example.org/> ")


def test_dataset_clauses_and_forms_are_printed():
    assert printed("ASK FROM :g FROM NAMED :h { ?a :p ?b }") == (
        "ASK FROM <g> FROM NAMED <h> { ?a <p> ?b . }"
    )
    assert printed("DESCRIBE ?a :b { ?a :p ?c } LIMIT 1") == (
        "DESCRIBE ?a <b> WHERE { { SELECT ?a ?c WHERE { ?a <p> ?c . } LIMIT 1 } }"
    )
    assert printed("DESCRIBE :b") == "DESCRIBE <b> "
    assert printed("CONSTRUCT { ?a :q _:x . _:x a :T } { ?a :p ?c }") == (
        "CONSTRUCT { ?a <q> _:b1 . _:b1 a <T> . } WHERE { ?a <p> ?c . }"
    )


def test_blank_nodes_of_a_template_are_not_those_of_the_pattern():
    query = parse_query(PREFIX + "CONSTRUCT { _:x :p ?o } WHERE { _:x :q ?o }")
    (built,) = query.template
    (matched,) = query.pattern.triples
    assert built.subject != matched.subject


def test_hidden_variables_never_meet_those_of_a_printed_text():
    printed_once = query_text(parse_query(PREFIX + "SELECT ?a { ?a :p [ :q ?b ] }"))
    query = parse_query(printed_once.replace("}", "[] ?p ?o }"))
    subjects = [triple.subject for triple in query.pattern.pattern.triples]
    assert len({s for s in subjects if s.hidden}) == 2


A, B, C, N, M = (Variable(name) for name in "abcnm")
PAIRS = BGP((TriplePattern(A, IRI("http://example.org/p"), B),))
COUNTED = Group(PAIRS, (A,), ((N, Aggregate("COUNT", B)),))


@pytest.mark.parametrize(
    "pattern",
    [
        Project(OrderBy(COUNTED, (OrderKey(N), OrderKey(A))), (A,)),
        Project(Extend(COUNTED, B, N), (A, B)),
        Project(Extend(Filter(N, COUNTED), M, N), (M,)),
        Join((Project(PAIRS, ()), Project(COUNTED, ()))),
        Minus(Join((PAIRS, Project(PAIRS, ()))), Project(COUNTED, ())),
        LeftJoin(PAIRS, LeftJoin(Project(COUNTED, (A,)), Filter(A, Project(PAIRS, (B,))))),
        Filter(N, Extend(Filter(A, PAIRS), N, B)),
        Group(PAIRS, (), ()),
        Project(Group(PAIRS, (), ()), ()),
    ],
)
def test_algebra_that_only_rules_build_is_printed_as_it_is(pattern):
    variables = tuple(v for v in (A, B, C, N, M))
    text = select_text(pattern)
    expected = multiset(Evaluation(DATA).solutions(pattern))
    assert multiset(rows_of(store_of(DATA), text), variables) == expected
    query = SelectQuery(pattern, (A, N))
    assert len(rows_of(store_of(DATA), query_text(query))) == len(expected)
