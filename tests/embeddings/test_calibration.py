"""Calibration: where the truth is known, what is said is what comes true."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
import torch

from hereditary_kg.embeddings.calibration import (
    Calibration,
    HeldOutLinks,
    Reliability,
    draw_reliability,
    fit_calibration,
    measure_reliability,
    predict_held_out,
)
from hereditary_kg.embeddings.errors import EvaluationError
from hereditary_kg.embeddings.triples import TripleSet

ENTITIES, QUESTIONS, TEMPERATURE = 40, 3000, 0.5


class DrawnWorld:
    """Each question has one answer, drawn by the softmax of its scores over a temperature."""

    def __init__(self, seed):
        drawn = np.random.default_rng(seed)
        self.scores = drawn.normal(size=(QUESTIONS, ENTITIES)).astype(np.float32) * 1.5
        shares = np.exp(self.scores / TEMPERATURE)
        shares /= shares.sum(1, keepdims=True)
        tails = [drawn.choice(ENTITIES, p=row / row.sum()) for row in shares.astype(np.float64)]
        # One relation a question, so that each has scores of its own; heads are the entity 0.
        rows = np.stack([np.zeros(QUESTIONS), np.arange(QUESTIONS), np.array(tails)], axis=1)
        labels = tuple(f"e{number}" for number in range(ENTITIES))
        relations = tuple(f"r{number}" for number in range(QUESTIONS))
        self.truth = TripleSet(labels, relations, rows.astype(np.int64))

    def score_tails(self, heads, relations):
        return torch.from_numpy(self.scores)[relations]

    def score_heads(self, relations, tails):
        scores = torch.full((len(tails), ENTITIES), -4.0)
        scores[:, 0] = 4.0
        return scores


def tails_only(links):
    """The last half of the questions is for tails."""
    half = len(links.right) - QUESTIONS
    return HeldOutLinks(links.temperatures, links.log_shares[half:], links.right[half:])


def test_the_temperature_of_the_world_is_found():
    valid, test = DrawnWorld(1), DrawnWorld(2)
    found = fit_calibration(tails_only(predict_held_out(valid, valid.truth, [], limit=None)))
    assert found.temperature == pytest.approx(TEMPERATURE, rel=0.35)
    links = predict_held_out(test, test.truth, [], limit=None, calibration=found)
    reliability = measure_reliability(found, tails_only(links))
    assert reliability.expected_calibration_error < 0.02
    cold = Calibration(TEMPERATURE / 5, found.bias)
    links = predict_held_out(test, test.truth, [], limit=None, calibration=cold)
    assert measure_reliability(cold, tails_only(links)).expected_calibration_error > 0.04


def test_what_a_scorer_rules_out_does_not_spoil_the_temperature():
    world = DrawnWorld(1)
    world.scores[:, ENTITIES // 2 :] = -np.inf
    kept = world.truth.triples[:, 2] < ENTITIES // 2
    links = predict_held_out(world, world.truth.select(kept), [], limit=None)
    assert np.isfinite(links.temperatures).all()
    assert np.isfinite(fit_calibration(tails_only(links)).temperature)


def test_known_answers_are_no_candidates():
    world = DrawnWorld(3)
    links = predict_held_out(world, world.truth, [world.truth], limit=50, links=40)
    assert not links.right.any()
    assert np.isneginf(links.log_shares[:, -1]).all()
    with pytest.raises(EvaluationError, match="0 of"):
        fit_calibration(links)


def test_probabilities_are_those_that_were_measured():
    world, calibration = DrawnWorld(4), Calibration(0.7, 0.3)
    links = tails_only(
        predict_held_out(world, world.truth, [], limit=None, links=3, calibration=calibration)
    )
    scores = torch.from_numpy(world.scores)
    expected = torch.topk(calibration.probabilities(scores), 3).values.numpy()
    said = 1 / (1 + np.exp(-links.log_shares[:, :, 0] - 0.3))
    np.testing.assert_allclose(said, expected, rtol=1e-4)
    known = torch.full((1, 5), -torch.inf)
    assert calibration.probabilities(known).tolist() == [[0.0] * 5]


def test_the_error_is_weighted_by_links():
    # sigmoid(0) is a half, sigmoid(-ln 3) a quarter.
    shares = np.array([[0.0, -np.log(3)], [0.0, -np.log(3)], [0.0, -np.inf]], dtype=np.float32)
    right = np.array([[True, False], [True, False], [False, False]])
    links = HeldOutLinks(np.array([1.0]), shares[:, :, None], right)
    found = measure_reliability(Calibration(1.0, 0.0), links, bins=10)
    assert found.counts.tolist() == [2, 3]
    np.testing.assert_allclose(found.expected, [0.25, 0.5], rtol=1e-6)
    np.testing.assert_allclose(found.observed, [0, 2 / 3])
    assert found.expected_calibration_error == pytest.approx((2 * 0.25 + 3 * (2 / 3 - 0.5)) / 5)
    best = measure_reliability(Calibration(1.0, 0.0), links.best(1), bins=10)
    assert best.counts.tolist() == [3]


def test_links_of_another_temperature_are_refused():
    world = DrawnWorld(5)
    links = predict_held_out(world, world.truth, [], limit=20)
    assert len(links.right) == 40
    with pytest.raises(EvaluationError, match="other temperatures"):
        measure_reliability(Calibration(1.0, 0.0), links)


def test_the_same_figures_give_the_same_picture(tmp_path):
    reliability = Reliability(np.array([0.1, 0.6]), np.array([0.12, 0.5]), np.array([30, 10]))
    for name in ("a.svg", "b.svg"):
        draw_reliability({"TransE": reliability}, tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert ElementTree.parse(tmp_path / "a.svg").getroot().tag.endswith("svg")
