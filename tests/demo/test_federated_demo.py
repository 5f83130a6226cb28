"""The demo's three questions over its members: the merged store's answers, whoever holds what."""

import asyncio
import random
from pathlib import Path

import pytest

from endpoints.demo.simulate import TITLES, describe_site
from tests.dealt_federations import answer_of, federation_of, oracle, store_of

ROOT = Path(__file__).parents[2]
PLANS = {path.stem: path.read_text() for path in sorted((ROOT / "query_plans").glob("demo-*.rq"))}
SORTED_BY = {
    "demo-1-patients-and-genes": ["gene", "patient", "zygosity", "relevance"],
    "demo-2-gut-phenotype-names": ["name"],
    "demo-3-persons-per-disease": ["persons", "name"],
}
# Small enough to be quick, large enough that every answer has several rows.
SCALE = 0.15


def split(triples, *, replicated, seed):
    """Deal triples over two members; a share of them goes to both."""
    chance = random.Random(seed)
    hands = ([], [])
    for triple in triples:
        if chance.random() < replicated:
            hands[0].append(triple)
            hands[1].append(triple)
        else:
            hands[chance.randrange(2)].append(triple)
    return hands


@pytest.fixture(scope="module")
def sites(terminologies):
    return {name: list(describe_site(name, terminologies, SCALE)) for name in TITLES}


@pytest.fixture(scope="module")
def merged(sites):
    return store_of(triple for triples in sites.values() for triple in triples)


@pytest.fixture(scope="module", params=["whole", "split", "split, 30 % at both"])
def federation(request, sites):
    clinic, others = sites["clinic"], [sites[name] for name in TITLES if name != "clinic"]
    if request.param == "whole":
        hands = [clinic]
    else:
        hands = split(clinic, replicated=0.3 if "30 %" in request.param else 0.0, seed=20)
        assert min(map(len, hands)) > len(clinic) / 3
    return federation_of([store_of(triples) for triples in (*hands, *others)])


def test_three_questions_are_asked():
    assert set(PLANS) == set(SORTED_BY)


@pytest.mark.parametrize("optimise", [True, False], ids=["optimised", "plain"])
@pytest.mark.parametrize("name", SORTED_BY)
def test_the_answer_is_the_merged_stores(name, optimise, federation, merged):
    expected = oracle(merged, PLANS[name])
    assert len(expected) >= 2, "an answer this short would show nothing"
    result = asyncio.run(federation.query(PLANS[name], optimise=optimise))
    assert answer_of(result) == expected, result.plan
    assert result.certificate.complete
    keys = result.to_polars().select(SORTED_BY[name])
    descending = [column == "persons" for column in keys.columns]
    assert keys.rows() == keys.sort(keys.columns, descending=descending).rows()
