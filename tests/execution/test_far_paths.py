"""Paths between two open ends, walked told where they can start as over many triples."""

import asyncio
from collections import Counter

import pyoxigraph as ox
import pytest

from hereditary_kg.execution import fragment_streams
from hereditary_kg.execution.anchored_paths import anchor_paths
from hereditary_kg.sparql.parsing import parse_query
from hereditary_kg.sparql.printing import query_text
from tests.dealt_federations import answer_of, federation_of, oracle

PREFIX = "PREFIX : <http://example.org/>\n"
# A cycle, a branch, a literal's end, a loop, and a chain that alternates between members.
DATA = """
:a :p :b . :b :q :c . :c :p :d . :d :q :a . :b :p :e . :e :q "end"@en . :f :p :f .
:g :q "01"^^<http://www.w3.org/2001/XMLSchema#string> . :h :r :a .
"""
BLANK = "_:x :p :a . _:x :q _:y . _:y :p _:x ."
GRAPHS = (
    "GRAPH :g1 { :a :p :b . :b :q :c . :i :r :j } GRAPH :g2 { :c :p :a . :b :p :c }",
    "GRAPH :g1 { :c :p :d } GRAPH :g2 { :a :q :b . :c :p :a }",
)

PATTERNS = [
    "?x :p+ ?y",
    "?x :p* ?y",
    "?x (:p/:q)+ ?y",
    "?x (:p|^:q)+ ?y",
    "?x ^(:p|:q)* ?y",
    "?x (:p+|:q)/:p? ?y",
    "?x !:p* ?y",
    "?x (:p|:q)+ ?x",
    "?x (:p/:q?)* ?x",
    "GRAPH ?g { ?x (:p|^:p)+ ?x . ?y (:p|:q)* ?y . OPTIONAL { ?y :r+ ?z } }",
    "GRAPH ?g { ?x :p+ ?y . ?y (:p|:q)+ ?z . ?a ^:q+ ?b OPTIONAL { ?b :r+ ?c } }",
    "?x (:p|:q)+ ?y . ?y :p ?z",
    "?x (:p|:q)+ ?y . ?y (:p|:q)+ ?z",
    "?x (:p|:q)+ ?y OPTIONAL { ?y :r* ?z }",
    "?x (:p|:q)+ ?y FILTER EXISTS { ?y (:p|:q)+ ?x }",
    "?x (:p|:q)+ ?y MINUS { ?x :p ?y }",
    "GRAPH :g1 { ?x (:p|:q)+ ?y }",
    "GRAPH :g2 { ?x (:p|:q)* ?y }",
    "GRAPH ?g { ?x (:p|:q)+ ?y }",
    "GRAPH ?g { ?x (:p|:q)* ?y }",
    "GRAPH ?g { ?x ^:p* ?x }",
    "GRAPH ?g { ?x (:p|:q)+ ?y OPTIONAL { ?y :r* ?z } }",
    "GRAPH ?g { { ?x (:p|:q)+ ?y } UNION { ?x :p* ?y . ?y :q+ ?z } }",
    "GRAPH ?g { ?x :p+ ?y MINUS { ?y (:p|:q)+ ?x } }",
    "GRAPH ?g { { SELECT ?x (COUNT(?y) AS ?n) { ?x (:p|:q)+ ?y } GROUP BY ?x } }",
]


def stores():
    """Two members, each with every other triple, and their merge."""
    hands = [ox.Store(), ox.Store()]
    merged = ox.Store()
    triples = list(ox.parse(PREFIX + DATA, format=ox.RdfFormat.TURTLE))
    for number, quad in enumerate(triples):
        hands[number % 2].add(quad)
        merged.add(quad)
    for hand, text in zip(hands, GRAPHS, strict=True):
        for quad in ox.parse(PREFIX + text, format=ox.RdfFormat.TRIG):
            hand.add(quad)
            merged.add(quad)
    for quad in ox.parse(PREFIX + BLANK, format=ox.RdfFormat.TURTLE):
        hands[0].add(quad)
        merged.add(quad)
    return hands, merged


def counted(answer):
    """Rows without the labels of blank nodes, and how often each is there."""
    counts = Counter()
    for row, count in answer.items():
        counts[tuple("_:" if cell and cell.startswith("_:") else cell for cell in row)] += count
    return counts


@pytest.mark.parametrize("optimise", [True, False])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_answer_is_that_of_the_merged_store(monkeypatch, pattern, optimise):
    monkeypatch.setattr(fragment_streams, "_FEW_TRIPLES", 0)
    hands, merged = stores()
    text = f"{PREFIX}SELECT * {{ {pattern} }}"
    expected = oracle(merged, query_text(parse_query(text)))
    result = asyncio.run(federation_of(hands).query(text, optimise=optimise))
    assert expected
    assert counted(answer_of(result)) == counted(expected)


@pytest.mark.parametrize(
    ("pattern", "anchored"),
    [
        ("?x :p+ ?y", True),
        ("?x (:p/:q)* ?y", True),
        ("?x :p/:q* ?y", False),
        ("?x :p? ?y", False),
        ("?x !:p ?y", False),
        (":a :p+ ?y", False),
        ("?x :p+ ?y . ?y :q ?z", False),
        ("GRAPH ?g { ?x ^:p+ ?y OPTIONAL { ?x :q ?z } }", True),
        ("{ ?x :q ?y } FILTER EXISTS { ?x :p+ ?z }", False),
    ],
)
def test_only_open_ends_of_repeated_paths_are_bound(pattern, anchored):
    parsed = parse_query(f"{PREFIX}SELECT * {{ {pattern} }}").pattern
    assert (anchor_paths(parsed) != parsed) == anchored


async def test_a_path_streams_and_its_walk_ends_with_its_reader():
    store = ox.Store()
    chain = "".join(f"<urn:n:{n}> <urn:{'pq'[n % 2]}> <urn:n:{n + 1}> .\n" for n in range(3000))
    store.load(chain, format=ox.RdfFormat.N_TRIPLES)
    text = "SELECT ?x ?y { ?x (<urn:p>|<urn:q>)+ ?y } LIMIT 3"
    result = await federation_of([store, ox.Store()]).query(text, optimise=False)
    assert len(result.frame) == 3
