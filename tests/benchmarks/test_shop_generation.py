import re

import pyoxigraph as ox
import pytest

from benchmarks.federation.shop import ShopBenchmark
from benchmarks.federation.shop_terms import decimal
from benchmarks.federation.templates import Template, draw_queries
from hereditary_kg.sparql.algebra import Service
from hereditary_kg.sparql.parsing import parse_query
from hereditary_kg.sparql.variables import walk

MEMBERS = 8


@pytest.fixture(scope="module")
def members() -> dict[str, list[str]]:
    return dict(ShopBenchmark().members(MEMBERS, 1))


@pytest.fixture(scope="module")
def merged(members: dict[str, list[str]]) -> ox.Store:
    store = ox.Store()
    for lines in members.values():
        store.bulk_load("".join(lines).encode(), format=ox.RdfFormat.N_TRIPLES)
    return store


def test_the_same_seed_gives_the_same_members_and_another_gives_others(members):
    assert dict(ShopBenchmark().members(MEMBERS, 1)) == members
    assert dict(ShopBenchmark().members(MEMBERS, 2)) != members


def test_the_first_members_are_the_same_at_any_size(members):
    assert dict(ShopBenchmark().members(4, 1)) == dict(list(members.items())[:4])


def test_members_are_of_the_documented_size_and_half_vendors(members):
    assert sum(name.startswith("vendor-") for name in members) == MEMBERS / 2
    assert all(2500 < len(lines) < 5000 for lines in members.values())


def test_members_repeat_no_triple_and_share_none(members):
    lines = [line for found in members.values() for line in found]
    assert len(lines) == len(set(lines))


def test_every_date_is_valid(members):
    dates = re.findall(r'"([^"]*)"\^\^<[^>]*dateTime>', "".join(map("".join, members.values())))
    assert dates
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT00:00:00Z", date) for date in dates)


def test_literals_are_canonical_already(members, merged):
    given = {line.split(" ", 2)[2] for lines in members.values() for line in lines}
    stored = {f"{quad.object} .\n" for quad in merged}
    assert stored == given


@pytest.mark.parametrize(("hundredths", "digits"), [(1250, "12.5"), (1200, "12"), (5, "0.05")])
def test_decimals_are_canonical(hundredths, digits):
    assert decimal(hundredths).startswith(f'"{digits}"')


def test_every_template_has_instances_with_answers(merged):
    queries = list(draw_queries(merged, ShopBenchmark.templates, 2, 1))
    assert len({query.template for query in queries}) == 12
    assert len({query.text for query in queries}) == 24
    for query in queries:
        assert not any(isinstance(node, Service) for node in walk(parse_query(query.text).pattern))
        assert next(iter(merged.query(query.text)), None) is not None


def test_the_same_seed_draws_the_same_queries(merged):
    first = list(draw_queries(merged, ShopBenchmark.templates[:3], 3, 1))
    assert list(draw_queries(merged, ShopBenchmark.templates[:3], 3, 1)) == first
    assert list(draw_queries(merged, ShopBenchmark.templates[:3], 3, 2)) != first


def test_a_template_without_enough_answers_is_refused(merged):
    empty = Template(
        "E", "nothing", "SELECT * { ?s $p 'nobody' }", "SELECT DISTINCT ?p { ?s ?p ?o }"
    )
    with pytest.raises(ValueError, match="template E has 0 instances"):
        list(draw_queries(merged, [empty], 1, 1))
