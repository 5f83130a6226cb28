import polars as pl
import pyoxigraph as ox
import pytest
from tiny_benchmark import EX, line

from benchmarks.federation.oracle import Oracle, count_requests
from benchmarks.federation.provenance import trace_query
from hereditary_kg.rdf.tsv_reading import parse_tsv

PREFIX = f"PREFIX : <{EX}> "


def oracle_of(**members: list[str]) -> Oracle:
    """Make the oracle over members of lines."""
    merged = ox.Store()
    held = []
    for name, lines in members.items():
        document = "".join(lines).encode()
        merged.bulk_load(document, format=ox.RdfFormat.N_TRIPLES)
        store = ox.Store()
        store.bulk_load(document, format=ox.RdfFormat.N_TRIPLES)
        found = store.query("SELECT ?s ?p ?o { ?s ?p ?o }")
        frame = parse_tsv(found.serialize(format=ox.QueryResultsFormat.TSV) or b"")
        held.append(frame.with_columns(pl.lit(name).alias("member")))
    return Oracle(merged, pl.concat(held))


CHAIN = PREFIX + "SELECT ?a ?c { ?a :p ?b . ?b :q ?c }"


def test_a_join_inside_members_is_one_request_each():
    oracle = oracle_of(
        one=[line("a1", "p", "b1"), line("b1", "q", "c1")],
        two=[line("a2", "p", "b2"), line("b2", "q", "c2")],
    )
    assert oracle.requests(CHAIN) == 2


def test_a_join_across_members_is_one_request_for_each_side():
    oracle = oracle_of(one=[line("a", "p", "b")], two=[line("b", "q", "c")])
    assert oracle.requests(CHAIN) == 2


def test_a_member_that_contributes_nothing_is_not_asked():
    oracle = oracle_of(
        one=[line("a", "p", "b"), line("b", "q", "c")],
        two=[line("x", "p", "y")],
        three=[line("z", "q", "z")],
    )
    assert oracle.requests(CHAIN) == 1


def test_many_bindings_are_one_request():
    oracle = oracle_of(
        one=[line(f"a{i}", "p", f"b{i}") for i in range(50)],
        two=[line(f"b{i}", "q", "c") for i in range(50)],
    )
    assert oracle.requests(CHAIN) == 2


def test_a_replica_is_asked_once():
    both = [line("a", "p", "b")]
    oracle = oracle_of(one=both, two=[*both, line("b", "q", "c")])
    assert oracle.requests(CHAIN) == 1


def test_patterns_that_only_a_constant_connects_are_two_requests():
    oracle = oracle_of(one=[line("a", "p", "x"), line("b", "q", "x")])
    assert oracle.requests(PREFIX + "SELECT * { ?a :p :x . ?b :q :x }") == 2


def test_an_optional_part_of_the_same_member_needs_no_request_of_its_own():
    data = [line("a1", "p", "b"), line("a1", "q", "c"), line("a2", "p", "b")]
    query = PREFIX + "SELECT * { ?a :p ?b OPTIONAL { ?a :q ?c } }"
    assert oracle_of(one=data).requests(query) == 1
    assert oracle_of(one=data[:1] + data[2:], two=data[1:2]).requests(query) == 2


def test_branches_of_a_union_at_one_member_are_one_request():
    query = PREFIX + "SELECT * { { ?a :p ?b } UNION { ?b :p ?a } UNION { ?a :q ?b } }"
    one = line("a", "p", "b")
    assert oracle_of(one=[one, line("a", "q", "b")]).requests(query) == 1
    assert oracle_of(one=[one], two=[line("a", "q", "b")]).requests(query) == 2


@pytest.mark.parametrize(
    "negation",
    [
        "MINUS { ?a :q ?c }",
        "FILTER NOT EXISTS { ?a :q ?c }",
        "OPTIONAL { ?a :q ?c } FILTER(!BOUND(?c))",
    ],
)
def test_what_excludes_rows_has_to_be_fetched(negation):
    query = PREFIX + f"SELECT * {{ ?a :p ?b {negation} }}"
    oracle = oracle_of(
        one=[line("a", "p", "b"), line("a2", "p", "b")],
        two=[line("a", "q", "c")],
        three=[line("unrelated", "q", "c")],
    )
    assert oracle.answer(query).height == 1
    assert oracle.requests(query) == 2


def test_existence_is_a_join():
    query = PREFIX + "SELECT * { ?a :p ?b FILTER EXISTS { ?a :q ?c } }"
    oracle = oracle_of(one=[line("a", "p", "b")], two=[line("a", "q", "c")])
    assert oracle.requests(query) == 2


def test_slices_and_groups_take_no_request_away():
    data = {f"m{i}": [line(f"a{i}", "p", "b")] for i in range(3)}
    for query in (
        "SELECT * { ?a :p ?b } ORDER BY ?a LIMIT 1",
        "SELECT (COUNT(*) AS ?n) { ?a :p ?b } GROUP BY ?b HAVING (COUNT(*) > 1)",
        "SELECT DISTINCT ?b { { SELECT ?b { ?a :p ?b } LIMIT 1 } }",
    ):
        assert oracle_of(**data).requests(PREFIX + query) == 3


def test_an_empty_answer_needs_no_request():
    assert oracle_of(one=[line("a", "p", "b")]).requests(CHAIN) == 0


def test_the_count_is_that_of_the_definition():
    patterns = trace_query(CHAIN).patterns
    both = frozenset({"one", "two"})
    assert count_requests(patterns, [{0: both, 1: both}]) == 1
    assert count_requests(patterns, [{0: frozenset({"one"}), 1: both}]) == 1
    crossing = {0: frozenset({"one"}), 1: frozenset({"two"})}
    assert count_requests(patterns, [crossing]) == 2
    # The group of both patterns at one member contains that of the first alone.
    assert count_requests(patterns, [crossing, {0: frozenset({"one"}), 1: both}]) == 2
    assert count_requests(patterns, []) == 0


def test_data_that_members_do_not_hold_are_noticed():
    oracle = oracle_of(one=[line("a", "p", "b")], two=[line("b", "q", "c")])
    oracle._store.load(line("b", "q", "unknown").encode(), format=ox.RdfFormat.N_TRIPLES)
    with pytest.raises(RuntimeError, match="nobody holds"):
        oracle.requests(CHAIN)
