"""Wrong queries: where the error stands, what it says and what it advises."""

import pytest

from hereditary_kg.sparql.errors import SparqlError, SparqlSyntaxError
from hereditary_kg.sparql.parsing import parse_query
from hereditary_kg.sparql.printing import query_text

# A text, the place of its error (line, column), a part of the reason, a part of the hint.
WRONG = {
    "prefix that everybody knows": (
        "SELECT ?s {\n  ?s rdfs:label ?l }",
        (2, 6),
        "unknown prefix 'rdfs:'",
        "PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>",
    ),
    "prefix nearly declared": (
        "PREFIX pheno: <urn:x/> SELECT ?s { ?s phenno:label ?l }",
        (1, 39),
        "unknown prefix 'phenno:'",
        "Did you mean pheno:?",
    ),
    "prefix nearly known": (
        "SELECT ?s { ?s skoss:label ?l }",
        (1, 16),
        "unknown prefix 'skoss:'",
        "skos: with PREFIX skos: <http://www.w3.org/2004/02/skos/core#>",
    ),
    "prefix like no other": (
        "PREFIX a1: <urn:x/> SELECT ?s { ?s zzz:label ?l }",
        (1, 36),
        "unknown prefix 'zzz:'",
        "Declared so far: a1:.",
    ),
    "unknown function": (
        "SELECT ?s { ?s ?p ?o FILTER(STRLENN(?o) > 3) }",
        (1, 29),
        "unknown function STRLENN",
        "Did you mean STRLEN",
    ),
    "unknown cast": (
        "SELECT ?s { ?s ?p ?o FILTER(<http://www.w3.org/2001/XMLSchema#integr>(?o) > 3) }",
        (1, 29),
        "unknown cast",
        "Did you mean xsd:integer?",
    ),
    "too few arguments": (
        "SELECT ?s { ?s ?p ?o FILTER(CONTAINS(?o)) }",
        (1, 29),
        "CONTAINS takes 2 argument(s), not 1",
        None,
    ),
    "BOUND of no variable": ("ASK { FILTER(BOUND(1)) }", (1, 14), "BOUND takes a variable", None),
    "open bracket": (
        "SELECT ?s { ?s ?p ?o FILTER(?o > 3 }",
        (1, 36),
        "expected ')' to close the bracket, found '}'",
        None,
    ),
    "open bracket at the end": (
        "SELECT ?s { ?s ?p ?o FILTER((?o > 3",
        (1, 29),
        "this '(' is never closed",
        "Add ')' to close the bracket.",
    ),
    "open group": (
        "SELECT ?s {\n  ?s ?p ?o\n  OPTIONAL { ?o ?q ?r\n",
        (3, 12),
        "this '{' is never closed",
        "Add '}' to close the group.",
    ),
    "open template": ("CONSTRUCT { ?s ?p ?o", (1, 11), "this '{' is never closed", "template"),
    "open sub-select": (
        "SELECT * { { SELECT ?s { ?s ?p ?o }",
        (1, 12),
        "this '{' is never closed",
        "sub-select",
    ),
    "open data": ("SELECT * { VALUES ?x { 1 2", (1, 22), "this '{' is never closed", "the data"),
    "open blank node": ("SELECT * { [ ?p ?o", (1, 12), "this '[' is never closed", "blank node"),
    "open list": ("SELECT * { (1 2", (1, 12), "this '(' is never closed", "the list"),
    "group closed twice": (
        "SELECT ?s { ?s ?p ?o } }",
        (1, 24),
        "expected the end of the query, found '}'",
        None,
    ),
    "open string": (
        "SELECT ?s { ?s ?p 'abc }",
        (1, 19),
        "this string does not end",
        "Close it with the same quote",
    ),
    "open long string": ('ASK {\n ?s ?p """abc" }', (2, 8), "this string does not end", None),
    "string over two lines": ('ASK { ?s ?p "a\nb" }', (1, 13), "this string does not end", None),
    "unknown escape": (r'ASK { ?s ?p "a\qb" }', (1, 13), "unknown escape", r"\t \n \r"),
    "escape for no character": (r'ASK { ?s ?p "\uD800" }', (1, 14), "names no character", None),
    "open IRI": (
        "SELECT ?s { ?s <urn:p ?o }",
        (1, 16),
        "expected a predicate, found '<'",
        "An IRI ends with > and holds no space.",
    ),
    "relative IRI": (
        "SELECT ?s { ?s <p> ?o }",
        (1, 16),
        "the IRI <p> is relative",
        "BASE <…>",
    ),
    "percent sign in an IRI": ("ASK { ?s <http://e/%> ?o }", (1, 10), "is no IRI", None),
    "bracket in an IRI": ("ASK { ?s <http://e/[a]> ?o }", (1, 10), "a square bracket", None),
    "misspelled scheme": ("ASK { ?s <ht_tp://e/a> ?o }", (1, 10), "'ht_tp:', which is no", None),
    "strange character": ("SELECT ?s { ?s ?p § }", (1, 19), "unexpected character '§'", None),
    "variable that is not grouped": (
        "SELECT ?s ?p (COUNT(?o) AS ?n) { ?s ?p ?o } GROUP BY ?s",
        (1, 11),
        "?p is neither grouped by nor aggregated",
        "Add ?p to GROUP BY, or use SAMPLE(?p).",
    ),
    "everything of a group": (
        "SELECT * { ?s ?p ?o } GROUP BY ?s",
        (1, 8),
        "SELECT * cannot stand with GROUP BY",
        "Name what to show",
    ),
    "aggregate in FILTER": (
        "SELECT ?s { ?s ?p ?o FILTER(COUNT(?o) > 1) }",
        (1, 29),
        "COUNT cannot stand here",
        "Aggregates belong into SELECT, HAVING or ORDER BY",
    ),
    "aggregate of an aggregate": (
        "SELECT (SUM(COUNT(?o)) AS ?n) { ?s ?p ?o }",
        (1, 13),
        "COUNT cannot stand here",
        "not inside each other",
    ),
    "aggregate without a name": (
        "SELECT COUNT(?s) { ?s ?p ?o }",
        (1, 8),
        "expected variables or * after SELECT, found 'COUNT'",
        "(COUNT(…) AS ?name)",
    ),
    "expression without a name": (
        "SELECT (COUNT(?s)) { ?s ?p ?o }",
        (1, 18),
        "expected AS after the expression, found ')'",
        "(… AS ?name)",
    ),
    "selected name in use": (
        "SELECT (1 AS ?s) { ?s ?p ?o }",
        (1, 14),
        "?s has a value already",
        "a name of its own",
    ),
    "selected name twice": (
        "SELECT (1 AS ?n) (2 AS ?n) { }",
        (1, 24),
        "?n has a value already",
        None,
    ),
    "selected name in use by data": (
        "SELECT (1 AS ?n) { } VALUES ?n { 2 }",
        (1, 14),
        "?n has a value already",
        None,
    ),
    "group key in use": (
        "SELECT ?o { ?s ?p ?o } GROUP BY (STR(?s) AS ?o)",
        (1, 45),
        "?o has a value already",
        None,
    ),
    "BIND of a bound variable": (
        "SELECT * { ?s ?p ?o\n BIND(1 AS ?o) }",
        (2, 12),
        "?o has a value already",
        "BIND names a new variable; to compare with the old one, use FILTER.",
    ),
    "BIND of what a group bound": (
        "SELECT * { { ?s ?p ?o } BIND(1 AS ?o) }",
        (1, 35),
        "?o has a value already",
        None,
    ),
    "row of the wrong length": (
        "SELECT * { VALUES (?a ?b) { (1 2)\n(3) } }",
        (2, 1),
        "this row has 1 value(s) for 2 variable(s)",
        None,
    ),
    "variable twice in VALUES": (
        "SELECT * { VALUES (?a ?a) { (1 2) } }",
        (1, 23),
        "?a stands twice in VALUES",
        None,
    ),
    "variable as data": (
        "SELECT * { VALUES ?a { ?b } }",
        (1, 24),
        "expected an IRI, a literal or UNDEF, found '?b'",
        "UNDEF leaves a place empty",
    ),
    "blank node as data": ("ASK { VALUES ?a { _:b } }", (1, 19), "found '_:b'", "Blank nodes"),
    "blank node in two groups": (
        "SELECT * { _:a ?p ?o OPTIONAL { _:a ?q ?r } }",
        (1, 33),
        "the blank node _:a stands in two basic graph patterns",
        "Use a variable instead",
    ),
    "update": (
        "PREFIX : <urn:x/>\nINSERT DATA { :a :b :c }",
        (2, 1),
        "INSERT is a SPARQL update, not a query",
        "read only",
    ),
    "update with DELETE": ("DELETE WHERE { ?s ?p ?o }", (1, 1), "DELETE is a SPARQL update", None),
    "misspelled form": (
        "SELCT ?s { ?s ?p ?o }",
        (1, 1),
        "expected SELECT, ASK, CONSTRUCT or DESCRIBE, found 'SELCT'",
        "Did you mean SELECT?",
    ),
    "misspelled WHERE": (
        "SELECT ?s WERE { ?s ?p ?o }",
        (1, 11),
        "expected WHERE or '{', found 'WERE'",
        "Did you mean WHERE?",
    ),
    "misspelled OPTIONAL": (
        "SELECT ?s { ?s ?p ?o OPTINAL { ?o ?q ?r } }",
        (1, 22),
        "found 'OPTINAL'",
        "Did you mean OPTIONAL?",
    ),
    "misspelled LIMIT": (
        "SELECT ?s { ?s ?p ?o } LIMTI 3",
        (1, 24),
        "expected the end of the query, found 'LIMTI'",
        "Did you mean LIMIT?",
    ),
    "commas in SELECT": (
        "SELECT ?a, ?b { ?a ?p ?b }",
        (1, 10),
        "unexpected ','",
        "Spaces stand between",
    ),
    "commas in ORDER BY": (
        "SELECT * { ?a ?p ?b } ORDER BY ?a, ?b",
        (1, 34),
        "unexpected ','",
        "Spaces stand between",
    ),
    "no full stop": (
        "SELECT * { ?a ?p ?b ?c ?q ?d }",
        (1, 21),
        "expected '.' before '?c'",
        None,
    ),
    "no object": ("SELECT * { ?a ?p }", (1, 18), "expected a term as object, found '}'", None),
    "filter without brackets": (
        "SELECT * { ?a ?p ?b FILTER ?b > 3 }",
        (1, 28),
        "expected an expression in brackets, found '?b'",
        None,
    ),
    "path in a template": (
        "CONSTRUCT { ?a <urn:p>/<urn:q> ?b } WHERE { ?a ?p ?b }",
        (1, 16),
        "a property path cannot stand in a template",
        None,
    ),
    "filter in a template": (
        "CONSTRUCT WHERE { ?a ?p ?b FILTER(?b > 3) }",
        (1, 28),
        "only plain triples can stand in a template, not 'FILTER'",
        None,
    ),
    "LIMIT twice": ("SELECT * { } LIMIT 1 LIMIT 2", (1, 22), "LIMIT stands twice", None),
    "LIMIT of no number": (
        "SELECT * { } LIMIT ten",
        (1, 20),
        "expected a whole number after LIMIT, found 'ten'",
        None,
    ),
    "inverse twice": (
        "SELECT * { ?a ^ ^<urn:p> ?b }",
        (1, 17),
        "expected an IRI in the path",
        None,
    ),
    "half a surrogate pair": ("ASK { ?s ?p '\ud800' }", (1, 14), "not a character", "UTF-8"),
    "nothing": ("", (1, 1), "found the end of the query", None),
    "only comments": ("# a comment\n", (2, 1), "found the end of the query", None),
}


@pytest.mark.parametrize("name", WRONG)
def test_an_error_says_where_what_and_what_to_do(name):
    text, place, reason, hint = WRONG[name]
    with pytest.raises(SparqlSyntaxError) as caught:
        parse_query(text)
    error = caught.value
    assert (error.line, error.column) == place
    assert reason in error.reason
    if hint is not None:
        assert hint in (error.hint or "")


def test_the_message_shows_the_line_with_a_caret_below_the_place():
    with pytest.raises(SparqlSyntaxError) as caught:
        parse_query("SELECT *\n{\n\t?s foaf:name ?n }")
    assert str(caught.value).splitlines() == [
        "line 3, column 5: unknown prefix 'foaf:'",
        "   3 | \t?s foaf:name ?n }",
        "     | \t   ^",
        "Add this line at the top: PREFIX foaf: <http://xmlns.com/foaf/0.1/>",
    ]


def test_a_syntax_error_is_a_sparql_error_and_a_value_error():
    with pytest.raises(SparqlError):
        parse_query("SELECT")
    assert issubclass(SparqlError, ValueError)


@pytest.mark.parametrize(
    "text",
    [
        "ASK { FILTER(" + "(" * 5000 + "1" + ")" * 5000 + ") }",
        "ASK " + "{ " * 3000 + "}" * 3000,
        "ASK { " + "OPTIONAL { ?s ?p ?o } " * 500 + "}",
        "ASK { FILTER(" + "1+" * 3000 + "1 > 0) }",
        "ASK { ?a " + "(" * 3000 + "<urn:p>" + ")*" * 3000 + " ?b }",
        "ASK { FILTER(" + "!" * 3000 + "true) }",
    ],
    ids=["brackets", "groups", "optionals", "sums", "paths", "negations"],
)
def test_a_query_nested_too_deeply_is_refused(text):
    with pytest.raises(SparqlSyntaxError, match="nested too deeply"):
        parse_query(text)


def test_long_flat_queries_are_read_and_printed():
    union = " UNION ".join(f"{{ ?s ?p {number} }}" for number in range(2000))
    both = " && ".join(f"?s != {number}" for number in range(2000))
    listed = ", ".join(map(str, range(2000)))
    text = query_text(parse_query(f"ASK {{ {union} FILTER({both} && ?p IN ({listed})) }}"))
    assert text.count("UNION") == 1999
