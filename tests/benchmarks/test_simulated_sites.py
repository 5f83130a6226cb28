"""Simulated sites: how they are dealt, fall silent and are counted."""

import numpy as np
import pytest
from flwr.app import RecordDict
from flwr.clientapp import ClientApp

from benchmarks.link_prediction_data import densest_part
from benchmarks.simulated_sites import Absence, Clock, SimulatedSite, deal_unequally
from benchmarks.traffic import Traffic
from hereditary_kg.embeddings.grids.flower_api import Message
from hereditary_kg.embeddings.grids.in_process import InProcessGrid
from hereditary_kg.embeddings.grids.node import SiteApp
from hereditary_kg.embeddings.triples import TripleSet


class _Answering(ClientApp):
    """Answers with nothing, and counts what it was asked."""

    asked = 0

    def __call__(self, message, _):
        self.asked += 1
        return Message(RecordDict(), reply_to=message)


@pytest.fixture
def graph():
    drawn = np.random.default_rng(1).integers(0, 40, (3000, 2))
    return TripleSet.from_labels({(f"e{h * h // 40}", f"r{h % 3}", f"e{t}") for h, t in drawn})


def _ask(grid, kind, timeout):
    messages = [Message(RecordDict(), node, kind, group_id="1") for node in grid.get_node_ids()]
    return {
        reply.metadata.src_node_id: reply.has_content()
        for reply in grid.send_and_receive(messages, timeout=timeout)
    }


def test_each_triple_is_dealt_to_one_site_and_the_first_has_the_most(graph):
    sites = deal_unequally(graph, 5, seed=0)
    parts = [set(site.split.whole().labels()) for site in sites]
    assert sum(map(len, parts)) == len(graph)
    assert set.union(*parts) == set(graph.labels())
    shares = np.array([len(part) for part in parts]) / len(graph)
    assert np.allclose(shares * np.arange(1, 6), shares[0], atol=0.01)


def test_a_part_of_a_graph_has_the_entities_of_most_triples(graph):
    part = densest_part(graph, 0.5)
    assert len(part) == round(0.5 * len(graph))
    assert set(part.labels()) <= set(graph.labels())
    assert len(part.entities) < 0.8 * len(graph.entities)
    assert set(densest_part(graph, 1.0).labels()) == set(graph.labels())


@pytest.mark.parametrize("works", [False, True])
def test_a_site_that_drops_out_answers_until_then(works):
    clock, app = Clock(), _Answering()
    gone = SimulatedSite(SiteApp("a", app), clock, absence=Absence("train", 2, "", works=works))
    with InProcessGrid([SiteApp("a", gone)]) as grid:
        assert all(_ask(grid, "train", 60).values())
        clock.move(2)
        assert all(_ask(grid, "query.offer", 60).values())
        assert not any(_ask(grid, "train", 0.05).values())
        clock.close()
    assert app.asked == 2 + works


def test_a_site_that_comes_back_answers_again():
    clock = Clock()
    away = SimulatedSite(SiteApp("a", _Answering()), clock, absence=Absence("train", 1, "", back=2))
    with InProcessGrid([SiteApp("a", away)]) as grid:
        assert not any(_ask(grid, "train", 0.05).values())
        clock.move(2)
        assert all(_ask(grid, "train", 60).values())


def test_traffic_has_what_came_and_what_was_sent(tmp_path):
    traffic = Traffic(tmp_path)
    with InProcessGrid([traffic.around(SiteApp(name, _Answering())) for name in "ab"]) as grid:
        assert all(_ask(grid, "train", 60).values())
    found = [(each.site, each.kind, each.round, each.sent) for each in traffic.messages()]
    assert sorted(found) == [(site, "train", "1", sent) for site in "ab" for sent in (False, True)]
    assert all(each.size > 50 for each in traffic.messages())
