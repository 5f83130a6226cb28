"""What a member holds comes back as it is written; joins are by term and filters by value.

Two members hold terms in forms that are not canonical. Every query runs with the rules and
without them, over members that answer with what they hold to the letter.
"""

import asyncio
from collections import Counter

import pyoxigraph as ox
import pytest

from hereditary_kg.execution.engine import AsyncFederation
from hereditary_kg.federation.description import FederationDescription
from tests.conformance.exact_members import RDFLIB_WARNINGS, exact_literals, exact_member

pytestmark = pytest.mark.filterwarnings(RDFLIB_WARNINGS)

PREFIXES = """
PREFIX : <http://example.org/>
PREFIX xsd: <http://www.w3.org/2001/XMLSchema#>
"""
FIRST = """
:a :p "01"^^xsd:integer .       :b :p "1"^^xsd:integer .   :c :p "1.0"^^xsd:decimal .
:d :p "007"^^xsd:int .          :e :p "TRUE" .             :f :p "1"^^xsd:boolean .
:g :p "x"@EN-us .               :h :p "2020-01-01T00:00:00.000Z"^^xsd:dateTime .
:i :p "1.50E1"^^xsd:double .    :j :p "two\\nlines" .       :k :p "x"^^:code .
:a :next :b . :b :next :a .
:graph { :a :held "01"^^xsd:integer }
"""
SECOND = """
:q :v "01"^^xsd:integer .       :r :v "1"^^xsd:integer .   :s :v "+1"^^xsd:integer .
:t :v "1.00"^^xsd:decimal .     :u :v "007"^^xsd:int .     :w :v "x"@en-US .
:b :next :c .
:graph { :z :held "+01"^^xsd:integer . :r :w "1"^^xsd:integer }
"""

# The forms that ?x takes, as Turtle writes them.
INT, ONE, PLUS = '"01"^^xsd:integer', '"1"^^xsd:integer', '"+1"^^xsd:integer'
DECIMAL, LONG, BYTE = '"1.0"^^xsd:decimal', '"1.00"^^xsd:decimal', '"007"^^xsd:int'
BOOLEAN, TIME = '"1"^^xsd:boolean', '"2020-01-01T00:00:00.000Z"^^xsd:dateTime'
DOUBLE, TAGGED, CODE = '"1.50E1"^^xsd:double', '"x"@en-us', '"x"^^:code'
HELD_FIRST = [INT, ONE, DECIMAL, BYTE, '"TRUE"', BOOLEAN, TAGGED, TIME, DOUBLE, CODE]
HELD_FIRST.append('"two\\nlines"')
HELD_SECOND = [INT, ONE, PLUS, LONG, BYTE, TAGGED]
JOINED = [INT, ONE, BYTE, TAGGED]


def canonical(text):
    """Write a term of Turtle as canonical text."""
    document = f"@prefix : <http://example.org/> . @prefix xsd: <{XSD}> . :s :p {text} ."
    (quad,) = ox.parse(document, format=ox.RdfFormat.TURTLE)
    return str(quad.object)


XSD = "http://www.w3.org/2001/XMLSchema#"


def answer(query, *, optimise=True, members=(FIRST, SECOND)):
    async def ask():
        connected = []
        for number, data in enumerate(members):
            quads = ox.parse(PREFIXES + data, format=ox.RdfFormat.TRIG)
            connected.append(exact_member(f"m{number}", quads))
        descriptions = tuple(member.description for member in connected)
        federation = AsyncFederation(FederationDescription("f", members=descriptions), connected)
        return await federation.query(PREFIXES + query, optimise=optimise)

    with exact_literals():
        return asyncio.run(ask())


BOTH = "{ { ?s :p ?x } UNION { ?s :v ?x } }"
PASSED_ON = {
    "a scan": ("SELECT ?x { ?s :p ?x }", HELD_FIRST),
    "a union": (f"SELECT ?x {BOTH}", HELD_FIRST + HELD_SECOND),
    "a join": ("SELECT ?x { ?s :p ?x . ?t :v ?x }", JOINED),
    "an optional part": (
        "SELECT ?x { ?s :next ?t OPTIONAL { ?s :p ?x } }",
        [INT, ONE, ONE],
    ),
    "a join inside an optional part": (
        "SELECT ?x { ?s :v ?x OPTIONAL { ?t :p ?x } }",
        HELD_SECOND,
    ),
    "a filter": ("SELECT ?x { ?s :p ?x FILTER(?x = 7) }", [BYTE]),
    "a filter over both": (
        "SELECT ?x { ?s :v ?x . ?t :p ?y FILTER(?x = ?y && ?y = 7) }",
        [BYTE],
    ),
    "distinct": (
        f"SELECT DISTINCT ?x {BOTH}",
        [*dict.fromkeys(HELD_FIRST + HELD_SECOND)],
    ),
    "a group's key": (
        f"SELECT ?x {{ SELECT ?x (COUNT(*) AS ?n) {BOTH} GROUP BY ?x }}",
        [*dict.fromkeys(HELD_FIRST + HELD_SECOND)],
    ),
    "inline data": (
        'SELECT ?x { VALUES ?x { "001"^^xsd:integer "y"@EN } }',
        ['"001"^^xsd:integer', '"y"@en'],
    ),
    "inline data joined": (
        'SELECT ?x { VALUES ?x { "01"^^xsd:integer 1.0 } { ?s :p ?x } UNION { ?s :v ?x } }',
        [INT, DECIMAL, INT],
    ),
    "minus": ("SELECT ?x { ?s :v ?x MINUS { ?t :p ?x } }", [PLUS, LONG]),
    "exists": ("SELECT ?x { ?s :v ?x FILTER EXISTS { ?t :p ?x } }", JOINED),
    "exists with a filter": (
        "SELECT ?x { ?s :v ?x FILTER EXISTS { ?t :p ?y FILTER(?y = ?x && ?y = 7) } }",
        [BYTE],
    ),
    "not exists": (
        "SELECT ?x { ?s :v ?x FILTER NOT EXISTS { ?t :p ?y FILTER(SAMETERM(?y, ?x)) } }",
        [PLUS, LONG],
    ),
    "a path": ("SELECT ?x { :a :next+/:p ?x }", [INT, ONE, DECIMAL]),
    "a path that starts at literals": ("SELECT ?x { ?x ^:p/:next* :c }", [INT, ONE, DECIMAL]),
    "a path of alternatives": ("SELECT ?x { ?s :p|:v ?x }", HELD_FIRST + HELD_SECOND),
    "a named graph": ("SELECT ?x { GRAPH :graph { ?s :held ?x } }", [INT, '"+01"^^xsd:integer']),
    "a filter in a graph": (
        "SELECT ?x { GRAPH ?g { ?s :held ?x FILTER(?x + 1 = 2) OPTIONAL { ?s :none ?y } } }",
        [INT, '"+01"^^xsd:integer'],
    ),
    "a bind in a graph": (
        "SELECT ?x { GRAPH ?g { ?s :held ?y BIND(?y AS ?x) OPTIONAL { ?s :none ?z } } }",
        [INT, '"+01"^^xsd:integer'],
    ),
    "a sub-select with a limit": (
        f"SELECT ?x {{ {{ SELECT ?x {BOTH} ORDER BY DESC(DATATYPE(?x) = xsd:int) LIMIT 2 }} }}",
        [BYTE, BYTE],
    ),
    "a bind": ("SELECT ?x { ?s :p ?y . ?t :v ?y BIND(?y AS ?x) }", JOINED),
    "if": ("SELECT ?x { ?s :p ?y . ?t :v ?y BIND(IF(BOUND(?s), ?y, 0) AS ?x) }", JOINED),
    "coalesce": ("SELECT ?x { ?s :p ?y . ?t :v ?y BIND(COALESCE(?none, ?y) AS ?x) }", JOINED),
    "a constant": ('SELECT ?x { ?s :next :c BIND("01"^^xsd:integer AS ?x) }', [INT]),
    "the greatest of a group": (
        (
            f"SELECT (MAX(?y) AS ?x) {BOTH.replace('?x', '?y')} GROUP BY (DATATYPE(?y) = xsd:int)"
            " HAVING(MAX(?y) = 7)"
        ),
        [BYTE],
    ),
    "a sample": (
        f"SELECT (SAMPLE(?y) AS ?x) {{ {BOTH.replace('?x', '?y')} FILTER(?y = 7) }}",
        [BYTE],
    ),
}
EACH_WAY = pytest.mark.parametrize("optimise", [True, False], ids=["rules", "no rules"])


@EACH_WAY
@pytest.mark.parametrize(("query", "forms"), PASSED_ON.values(), ids=PASSED_ON)
def test_forms_come_back_through(query, forms, optimise):
    result = answer(query, optimise=optimise)
    expected = Counter(map(canonical, forms))
    assert Counter(result.frame["x"]) == expected, result.plan
    assert result.certificate.complete


@EACH_WAY
def test_forms_come_back_in_order(optimise):
    query = f"SELECT ?x {{ {BOTH} FILTER(ISNUMERIC(?x)) }} ORDER BY DESC(?x) STR(?x)"
    found = answer(query, optimise=optimise).frame["x"].to_list()
    texts = (DOUBLE, BYTE, BYTE, PLUS, INT, INT, ONE, ONE, DECIMAL, LONG)
    assert found == [canonical(text) for text in texts]


@EACH_WAY
def test_forms_come_back_in_graphs(optimise):
    built = answer("CONSTRUCT { ?s :found ?x } { ?s :p ?x . ?t :v ?x }", optimise=optimise)
    assert Counter(built.frame["object"]) == Counter(map(canonical, JOINED))
    described = answer("DESCRIBE :a", optimise=optimise)
    assert canonical(INT) in described.frame["object"]


COMPARED = {
    "a term in a pattern is itself": ('SELECT ?s { ?s :p "01"^^xsd:integer }', "a"),
    "another form of it is not": ('SELECT ?s { ?s :p "001"^^xsd:integer }', ""),
    "tags compare whatever their case": ('SELECT ?s { ?s :p "x"@EN-US }', "g"),
    "a join is by term": ("SELECT ?s { :q :v ?x . ?s :p ?x }", "a"),
    "equality is by value": ("SELECT ?s { ?s :p ?x . :s :v ?y FILTER(?x = ?y) }", "abc"),
    "order is by value": ("SELECT ?s { ?s :p ?x . :s :v ?y FILTER(?x > ?y) }", "di"),
    "membership is by value": ("SELECT ?s { ?s :p ?x . :s :v ?y FILTER(?x IN (7, ?y)) }", "abcd"),
    "sameTerm is by term": ("SELECT ?s { ?s :p ?x . :q :v ?y FILTER(SAMETERM(?x, ?y)) }", "a"),
    "str is the form": ('SELECT ?s { ?s :p ?x . :q :v ?y FILTER(STR(?x) = "1.0") }', "c"),
    "a datatype is the term's": (
        "SELECT ?s { ?s :p ?x . ?t :v ?y FILTER(DATATYPE(?x) = xsd:int && ?x = ?y) }",
        "d",
    ),
    "a boolean counts by its value": ("SELECT ?s { ?s :p ?x . :q :v ?y FILTER(?x = true) }", "f"),
    "a date counts by its value": (
        'SELECT ?s { ?s :p ?x . :q :v ?y FILTER(?x = "2020-01-01T01:00:00+01:00"^^xsd:dateTime) }',
        "h",
    ),
}


@EACH_WAY
@pytest.mark.parametrize(("query", "names"), COMPARED.values(), ids=COMPARED)
def test_equality(query, names, optimise):
    result = answer(query, optimise=optimise)
    expected = Counter(f"<http://example.org/{name}>" for name in names)
    assert Counter(result.frame["s"]) == expected, result.plan


@EACH_WAY
def test_sums_are_of_values_and_distinct_is_of_terms(optimise):
    numbers = f"{{ {BOTH} FILTER(?x = 1) }}"
    query = f"SELECT (COUNT(DISTINCT ?x) AS ?n) (SUM(DISTINCT ?x) AS ?t) (SUM(?x) AS ?u) {numbers}"
    (row,) = answer(query, optimise=optimise).frame.rows()
    assert row == tuple(
        canonical(text) for text in ('"5"^^xsd:integer', '"5"^^xsd:decimal', '"7"^^xsd:decimal')
    )
