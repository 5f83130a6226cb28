"""Every deal keeps the merge, and blank nodes where their neighbours are."""

import math

import pyoxigraph as ox
import pytest

from tests.conformance.deals import DEALS, GRAPH_DEALS

DATA = """
@prefix : <http://example.org/> .
:a :p 1 , 2 , 3 . :b :q :a , :c . :c :r "x" , "y" . :d :p :e . :e :q :d .
:a :knows _:x . _:x :knows _:y . _:y :name "y" . _:z :name "z" .
GRAPH :one { :a :p 1 . :b :p 2 . _:g :p 3 }
GRAPH :two { :c :q _:h . _:h :q 4 . :d :r 5 }
"""
GRAPHS = [ox.NamedNode(f"http://example.org/{name}") for name in ("one", "two", "empty")]
EVERY = pytest.mark.parametrize("deal", [*DEALS, *GRAPH_DEALS], ids=str)


def quads():
    return list(ox.parse(DATA, format=ox.RdfFormat.TRIG))


def blank(quad):
    return {end for end in (quad.subject, quad.object) if isinstance(end, ox.BlankNode)}


@EVERY
def test_the_merge_of_the_hands_is_the_data(deal):
    data = quads()
    hands = deal.hands(data, GRAPHS)
    assert len(hands) == deal.members
    assert {quad for hand in hands for quad in hand.quads} == set(data)


@EVERY
def test_a_blank_node_is_on_one_member(deal):
    hands = deal.hands(quads(), GRAPHS)
    nodes = [{node for quad in hand.quads for node in blank(quad)} for hand in hands]
    assert sum(map(len, nodes)) == len(set().union(*nodes)) == 5


@EVERY
def test_every_graph_is_there(deal):
    stores = [hand.store() for hand in deal.hands(quads(), GRAPHS)]
    assert {graph for store in stores for graph in store.named_graphs()} == set(GRAPHS)


def dealt(name):
    data = quads()
    (deal,) = (deal for deal in (*DEALS, *GRAPH_DEALS) if deal.name == name)
    return data, deal.hands(data, GRAPHS)


def test_full_replication_deals_every_triple_without_blank_nodes_twice():
    data, hands = dealt("100 % replicated")
    ground = [quad for quad in data if not blank(quad)]
    copies = {quad: sum(quad in hand.quads for hand in hands) for quad in data}
    assert all(copies[quad] == 2 for quad in ground)
    assert all(copies[quad] == 1 for quad in data if blank(quad))


def test_partial_replication_deals_some_triples_twice():
    data, hands = dealt("30 % replicated")
    ground = [quad for quad in data if not blank(quad)]
    copies = sum(len(hand.quads) for hand in hands) - len(data)
    assert copies == math.ceil(0.3 * len(ground))


def test_a_split_graph_is_at_both_members():
    _, hands = dealt("graphs split")
    named = [{quad.graph_name for quad in hand.quads} for hand in hands]
    assert named[0] == named[1] == {ox.DefaultGraph(), *GRAPHS[:2]}


def test_whole_graphs_are_at_one_member_each():
    _, hands = dealt("whole graphs")
    named = [{quad.graph_name for quad in hand.quads} for hand in hands]
    assert not named[0] & named[1]
    assert all(named)


def test_a_deal_is_the_same_each_time():
    _, first = dealt("random 1")
    data, second = dealt("random 1")
    ground = {quad for quad in data if not blank(quad)}
    assert [ground & set(hand.quads) for hand in first] == [
        ground & set(hand.quads) for hand in second
    ]
