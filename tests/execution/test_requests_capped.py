"""Members that cap rows: their answers are read on, or fail, and are never taken for whole."""

import random
import re

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hereditary_kg.execution.errors import IncompleteAnswerError
from hereditary_kg.execution.memory import MemoryBudget
from hereditary_kg.execution.row_bags import RowBag
from hereditary_kg.federation.endpoint_profiling import profile_endpoint
from tests.dealt_federations import answer_of, deal_randomly, oracle, rows_of, store_of
from tests.limited_members import (
    LimitedTransport,
    Refusal,
    limited_federation,
    limited_member,
)

P = "PREFIX : <http://e/> PREFIX xsd: <http://www.w3.org/2001/XMLSchema#> "
TERMS = (
    *(f"<http://e/r{n}>" for n in range(30)),
    *(f'"text {n}"' for n in range(6)),
    *(f'"{n}"^^<http://www.w3.org/2001/XMLSchema#integer>' for n in range(6)),
    '"text 1"@en',
    '""',
    "_:b0",
    "_:b1",
)
CAPS = [
    (1000, 3500),
    (1024, 2000),
    (1000, 1000),
    (1024, 1024),
    (50, 333),
    (64, 333),
    (250, 700),
    (500, 501),
    (2500, 2500),
    (2001, 5000),
]
QUERIES = (
    "SELECT * { ?s :p ?o }",
    "SELECT ?s { ?s :p ?o }",
    "SELECT ?o { ?s :p ?o }",
    "SELECT * { ?s :p ?o OPTIONAL { ?o :q ?t } }",
    "SELECT ?t { ?s :p ?o OPTIONAL { ?o :q ?t } }",
    "SELECT ?x { { ?x :p ?y } UNION { ?y :q ?x } UNION { ?x :q ?z } }",
    "SELECT DISTINCT ?o { ?s :p ?o . ?s :q ?t }",
    "SELECT ?o (COUNT(?s) AS ?n) { ?s :p ?o } GROUP BY ?o",
    "SELECT (COUNT(*) AS ?n) { ?s :p ?o . ?t :q ?u }",
    "SELECT * { ?s ?p ?o FILTER(?o != :r1) }",
    "SELECT * { ?s :p ?o MINUS { ?s :q ?o } }",
    "SELECT ?s { ?s :p ?o . ?o :q ?t } ORDER BY ?s ?t",
    "SELECT ?s ?o { ?s :p ?o } ORDER BY ?s ?o LIMIT 100",
    "ASK { ?s :p ?o . ?o :q ?s }",
    "CONSTRUCT { ?o :r ?s } { ?s :p ?o }",
)


class UnprofiledTransport(LimitedTransport):
    """A store that publishes nothing that its rows could be counted by."""

    async def fetch_profile(self, etag):
        return None


def numbers(count, predicate="p"):
    return [(f"<http://e/s{n}>", f"<http://e/{predicate}>", f'"name {n}"') for n in range(count)]


async def answered(federation, query):
    try:
        return answer_of(await federation.query(P + query))
    finally:
        await federation.close()


def purposes_of(result):
    return [record.purpose for member in result.certificate.members for record in member.records]


def capped_deal(chance):
    """Deal random triples; blank nodes to one member, for the oracle knows of no scopes."""
    subjects = TERMS[:30] + TERMS[-2:]
    triples = {
        (chance.choice(subjects), f"<http://e/{chance.choice('pq')}>", chance.choice(TERMS))
        for _ in range(chance.randrange(200, 400))
    }
    named = sorted(t for t in triples if not any(term.startswith("_:") for term in t))
    deal = deal_randomly(named, chance.randint(1, 3), 0.2, chance.randrange(99))
    deal[0] += triples.difference(named)
    return deal


@pytest.mark.parametrize("states", [True, False])
@pytest.mark.parametrize("seed", range(6))
async def test_capped_members_give_the_answers_of_whole_ones(seed, states):
    chance = random.Random(seed)
    deal = capped_deal(chance)
    merged = store_of({triple for hand in deal for triple in hand})
    cap = chance.randint(18, 50)
    transports = [LimitedTransport(store_of(hand), cap=cap, states_cap=states) for hand in deal]
    # A cap as small as this is not suspicious unless it is stated or described.
    federation = limited_federation(transports, **({} if states else {"row_cap": cap}))
    for query in QUERIES:
        try:
            found = answer_of(await federation.query(P + query))
        except IncompleteAnswerError as error:
            _check_excuse(error, query, deal)
            continue
        expected = oracle(merged, P + query)
        assert _without_labels(found) == _without_labels(expected), query
    queries = [query for transport in transports for query in transport.queries]
    assert any("MD5" in query for query in queries)
    await federation.close()


def _check_excuse(error, query, deal):
    """Blank nodes have no strings."""
    assert error.kind == "truncated", query
    assert "told apart" in str(error), query
    assert any(term.startswith("_:") for hand in deal for triple in hand for term in triple)


def _without_labels(answer):
    if isinstance(answer, bool):
        return answer
    if isinstance(answer, frozenset):
        return sorted(re.sub(r"_:\S+", "_:", text) for text in answer)
    rows = ([cell and re.sub(r"^_:.*", "_:", cell) for cell in row] for row in answer.elements())
    return sorted(map(repr, rows))


@pytest.mark.parametrize(("cap", "count"), CAPS)
async def test_a_silent_cap_at_a_suspicious_number_is_noticed(cap, count):
    transport = UnprofiledTransport(store_of(numbers(count)), cap=cap)
    federation = limited_federation([transport])
    result = await federation.query(P + "SELECT * { ?s :p ?o }")
    assert rows_of(result.frame) == oracle(store_of(numbers(count)), P + "SELECT * { ?s :p ?o }")
    purposes = purposes_of(result)
    assert purposes[:2] == ["scan", "row count"]
    if count == cap:
        assert len(purposes) == 2
        assert federation.members[0].row_cap is None
    else:
        assert federation.members[0].row_cap == cap
        assert len(purposes) <= 1.5 * count / cap + 4
    await federation.close()


async def test_no_other_number_of_rows_costs_a_request():
    transport = LimitedTransport(store_of(numbers(1499)))
    assert len(await answered(limited_federation([transport]), "SELECT * { ?s :p ?o }")) == 1499
    assert len(transport.queries) == 1


async def test_a_number_is_counted_once():
    transport = UnprofiledTransport(store_of(numbers(500)))
    federation = limited_federation([transport])
    for _ in range(3):
        assert (await federation.query(P + "SELECT * { ?s :p ?o }")).frame.height == 500
    assert len(transport.queries) == 4
    await federation.close()


async def test_a_second_query_that_ends_where_the_first_did_is_counted():
    data = [*numbers(777), *numbers(2000, "q")]
    transport = LimitedTransport(store_of(data), cap=777)
    federation = limited_federation([transport])
    assert (await federation.query(P + "SELECT * { ?s :p ?o }")).frame.height == 777
    result = await federation.query(P + "SELECT * { ?s :q ?o }")
    assert rows_of(result.frame) == oracle(store_of(data), P + "SELECT * { ?s :q ?o }")
    assert federation.members[0].row_cap == 777
    await federation.close()


@pytest.mark.parametrize("count", [777, 778])
async def test_what_a_profile_counts_is_no_less(count, tmp_path):
    transport = UnprofiledTransport(store_of(numbers(count)))
    built = await profile_endpoint(limited_member(transport))
    (tmp_path / "profile.json").write_bytes(built.profile.to_json())
    transport.cap = 777
    federation = limited_federation([transport], profile=tmp_path / "profile.json")
    result = await federation.query(P + "SELECT ?o { ?s :p ?o }")
    assert result.frame.height == count
    assert ("row count" in purposes_of(result)) == (count > 777)
    await federation.close()


@pytest.mark.parametrize("count", [100, 101])
async def test_a_store_that_does_not_count_says_whether_there_is_one_more(count):
    transport = LimitedTransport(
        store_of(numbers(count)),
        cap=100,
        refuse=lambda text: Refusal(400) if "COUNT" in text else None,
    )
    federation = limited_federation([transport])
    if count > 100:
        with pytest.raises(IncompleteAnswerError, match="how many"):
            await answered(federation, "SELECT * { ?s :p ?o }")
    else:
        assert (await answered(federation, "SELECT * { ?s :p ?o }")).total() == count


@pytest.mark.parametrize("members", [1, 2])
@pytest.mark.parametrize(
    "query",
    [
        "SELECT ?o { ?s :p ?o } ORDER BY ?o",
        "SELECT ?o { ?s :p ?o } ORDER BY DESC(?o) LIMIT 1700",
        "SELECT DISTINCT ?o { ?s :p ?o } ORDER BY ?o LIMIT 1200 OFFSET 100",
    ],
)
async def test_ordered_rows_beyond_a_cap_are_ordered_afterwards(members, query):
    data = numbers(3500)
    transports = [LimitedTransport(store_of(data[i::members]), cap=1000) for i in range(members)]
    federation = limited_federation(transports)
    result = await federation.query(P + query)
    expected = store_of(data).query(P + query)
    assert result.frame["o"].to_list() == [str(row["o"]) for row in expected]
    await federation.close()


async def test_the_first_rows_below_a_cap_are_left_to_the_member():
    transport = LimitedTransport(store_of(numbers(3500)))
    federation = limited_federation([transport], row_cap=1000)
    await answered(federation, "SELECT ?o { ?s :p ?o } ORDER BY ?o LIMIT 10")
    (query,) = transport.queries
    assert "LIMIT 10" in query


async def test_a_larger_whole_answer_vouches_for_smaller_ones():
    data = [*numbers(1499), *numbers(1000, "q")]
    transport = LimitedTransport(store_of(data))
    federation = limited_federation([transport])
    await federation.query(P + "SELECT * { ?s :p ?o }")
    assert len(await answered(federation, "SELECT * { ?s :q ?o }")) == 1000
    assert len(transport.queries) == 2


async def test_a_known_cap_and_a_large_estimate_lead_to_parts_at_once():
    transport = LimitedTransport(store_of(numbers(3500)), cap=1000)
    federation = limited_federation([transport])
    await federation.query(P + "SELECT * { ?s :p ?o }")
    del transport.queries[:]
    result = await federation.query(P + "SELECT * { ?s :p ?o }")
    assert result.frame.height == 3500
    purposes = purposes_of(result)
    assert purposes[:2] == ["row count", "row count by part"]
    assert set(purposes[2:]) == {"scan, part"}
    await federation.close()


async def test_parts_of_parts_are_read_where_there_are_very_many_rows():
    transport = LimitedTransport(store_of(numbers(3000)), cap=20, states_cap=True)
    assert len(await answered(limited_federation([transport]), "SELECT * { ?s :p ?o }")) == 3000


async def test_equal_rows_are_counted_not_split():
    same = [(f"<http://e/s{n}>", "<http://e/p>", f"_:b{n}") for n in range(200)]
    transport = LimitedTransport(store_of(same), cap=50, states_cap=True)
    query = 'SELECT ?x { { SELECT DISTINCT ?b ("x" AS ?x) { ?s :p ?b } } }'
    found = await answered(limited_federation([transport]), query)
    assert dict(found) == {('"x"',): 200}


async def test_a_limit_below_the_cap_is_enough():
    transport = LimitedTransport(store_of(numbers(3500)), cap=1000, states_cap=True)
    found = await answered(limited_federation([transport]), "SELECT * { ?s :p ?o } LIMIT 1000")
    assert found.total() == 1000
    assert len(transport.queries) == 1


async def test_a_limit_above_the_cap_is_read_up_to():
    transport = LimitedTransport(store_of(numbers(3500)), cap=1000, states_cap=True)
    found = await answered(limited_federation([transport]), "SELECT * { ?s :p ?o } LIMIT 2500")
    assert found.total() == 2500
    assert found <= oracle(store_of(numbers(3500)), P + "SELECT * { ?s :p ?o }")


@pytest.mark.parametrize(
    ("query", "lacking", "reason"),
    [
        ("SELECT ?s ?o { ?s :p ?o }", "COUNT", "how many"),
        ("SELECT ?s ?o { ?s :p ?o }", "MD5", "cannot count them in parts"),
        ("SELECT ?o (RAND() AS ?x) { ?s :p ?o }", "nothing", "whenever it is asked"),
        ("SELECT ?b { ?s :b ?b }", "nothing", "told apart"),
    ],
)
async def test_what_cannot_be_read_on_fails_and_names_the_remedy(query, lacking, reason):
    data = [*numbers(3500), *((f"_:s{n}", "<http://e/b>", f"_:b{n}") for n in range(1200))]
    transport = LimitedTransport(
        store_of(data), cap=1000, refuse=lambda text: Refusal(400) if lacking in text else None
    )
    with pytest.raises(IncompleteAnswerError) as caught:
        await answered(limited_federation([transport]), query)
    assert caught.value.kind == "truncated"
    assert reason in str(caught.value)
    assert "raise its limit of rows" in str(caught.value).lower()


async def test_rows_that_change_meanwhile_are_not_mixed():
    before, after = numbers(3500), [(s, p, f'"new {s[10:-1]}"') for s, p, _ in numbers(3500)]
    old, new = LimitedTransport(store_of(before), cap=1000), LimitedTransport(store_of(after))

    transport = LimitedTransport(store_of(before))
    answers = iter([old, *[new] * 99])
    transport.send = lambda request: next(answers).send(request)
    with pytest.raises(IncompleteAnswerError) as caught:
        await answered(limited_federation([transport]), "SELECT * { ?s :p ?o }")
    assert caught.value.kind == "truncated"
    assert "others a moment later" in str(caught.value)


rows = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["x", None])), max_size=12)


@given(st.lists(rows, max_size=3), st.lists(rows, max_size=4))
def test_a_bag_gives_back_what_was_put_in_and_no_more(added, taken):
    def frame(rows):
        return pl.DataFrame(rows, schema={"a": pl.String, "b": pl.String}, orient="row")

    with MemoryBudget().hold("rows") as held:
        bag = RowBag(held)
        inside = rows_of(frame([]))
        for part in added:
            bag.add(frame(part))
            inside += rows_of(frame(part))
        for part in taken:
            asked = rows_of(frame(part))
            assert rows_of(bag.take_out(frame(part))) == asked - inside
            inside -= asked
            assert bag.rows == inside.total()
