"""Predicted links of a model whose right answers are known, and by a plain enumeration."""

import itertools

import numpy as np
import pytest
import torch
from scipy.special import expit
from small_models import SIZE, ring_model

from hereditary_kg.embeddings.errors import ModelError, PredictionError, UnknownNameError
from hereditary_kg.embeddings.models import MODELS, EmbeddingModel
from hereditary_kg.embeddings.prediction import LinkPredictor, LinkQuestion, read_calibration
from hereditary_kg.embeddings.saved_models import SavedModel
from hereditary_kg.embeddings.triples import TripleSet

NEXT = "relation:next"


def _triples(links):
    return [link.triple for link in links]


@pytest.mark.parametrize(
    "question",
    [
        LinkQuestion(NEXT, head="term:3", tail_namespaces=("term:",)),
        LinkQuestion(NEXT, tail="term:4", head_namespaces=("term:",)),
    ],
)
def test_the_missing_link_of_a_ring_is_first(question):
    links = LinkPredictor(ring_model()).predict(question, 3)
    assert links[0].triple == ("term:3", NEXT, "term:4")
    assert [link.rank for link in links] == [1, 2, 3]
    assert links[0].score == pytest.approx(0, abs=1e-3)
    assert links[0].probability > links[1].probability


def test_all_missing_links_of_a_ring_are_first_without_an_end():
    question = LinkQuestion(NEXT, head_namespaces=("term:",), tail_namespaces=("term:",))
    links = LinkPredictor(ring_model()).predict(question, 5)
    assert set(_triples(links[:2])) == {("term:3", NEXT, "term:4"), ("term:7", NEXT, "term:8")}


def test_candidates_have_the_relation_already_unless_namespaces_are_given():
    saved = ring_model()
    links = LinkPredictor(saved).predict(LinkQuestion(NEXT, head="term:3"), 50)
    tails = {tail for _, relation, tail in saved.known.labels() if relation == NEXT}
    assert "term:4" not in tails
    assert {link.tail for link in links} == tails - {"term:3"}
    wider = LinkPredictor(saved).predict(
        LinkQuestion(NEXT, head="term:3", tail_namespaces=("term:1",)), 50
    )
    assert {link.tail for link in wider} == {"term:1", "term:10", "term:11"}


@pytest.mark.parametrize("relation", [NEXT, "relation:has", "relation:near"])
def test_persons_are_shown_on_request_alone(relation):
    predictor = LinkPredictor(ring_model())
    everything = ("",)
    hidden = predictor.predict(LinkQuestion(relation, None, None, everything, everything), 500)
    assert not any("person" in label for link in hidden for label in link.triple)
    shown = predictor.predict(LinkQuestion(relation, None, None, everything, everything, True), 500)
    assert any("person" in label for link in shown for label in link.triple)
    # A probability says how a link stands out among all entities, shown or not.
    first = {link.triple: link.probability for link in shown}
    assert all(first[link.triple] == pytest.approx(link.probability) for link in hidden)


def test_a_model_that_tells_nothing_public_shows_nobody():
    saved = ring_model(namespaces={})
    with pytest.raises(UnknownNameError, match="none that may be named"):
        LinkPredictor(saved).predict(LinkQuestion(NEXT, head="term:3"), 3)
    assert LinkPredictor(saved).predict(LinkQuestion(NEXT), 3) == []
    assert LinkPredictor(saved).predict(LinkQuestion(NEXT, local=True), 3)


def test_unknown_names_are_told_with_public_ones_that_are_near():
    predictor = LinkPredictor(ring_model())
    with pytest.raises(UnknownNameError, match="relation:next"):
        predictor.predict(LinkQuestion("relation:nxt"), 3)
    with pytest.raises(UnknownNameError, match=r"term:\d"):
        predictor.predict(LinkQuestion(NEXT, head="term:33"), 3)
    for label in ("person:0", "person:7"):
        with pytest.raises(UnknownNameError, match="nearest are") as told:
            predictor.predict(LinkQuestion("relation:has", head=label), 3)
        assert str(told.value).count("person") == 1
    with pytest.raises(PredictionError, match="Both ends"):
        predictor.predict(LinkQuestion(NEXT, head="term:1", tail="term:2"), 3)


def test_what_is_excluded_makes_room_for_the_next():
    saved = ring_model()
    question = LinkQuestion(NEXT, None, None, ("term:",), ("term:",))
    everything = _triples(LinkPredictor(saved).predict(question, 500))
    gone = set(everything[:100])
    asked = []

    def known_elsewhere(triples):
        asked.append(len(triples))
        return np.array([triple in gone for triple in triples])

    found = _triples(LinkPredictor(saved, known_elsewhere).predict(question, 20))
    assert found == everything[100:120]
    assert asked == [84, len(everything)]


def _enumerate(saved, relation, *, by_probability):
    """Score all pairs one by one."""
    known, model = saved.known, saved.model
    labels = set(known.labels())
    heads = {h for h, r, _ in labels if r == relation}
    tails = {t for _, r, t in labels if r == relation}
    loops = any(h == t for h, r, t in labels if r == relation)
    kind = known.relation_numbers[relation]
    calibration = read_calibration(saved.about)
    found = []
    for head in heads:
        number = torch.tensor([known.entity_numbers[head]])
        scores = model.score_tails(number, torch.tensor([kind]))[0].double()
        new = [t for t in known.entities if (head, relation, t) not in labels]
        rows = torch.tensor([known.entity_numbers[t] for t in new])
        shares = torch.log_softmax(scores[rows] / calibration.temperature, dim=0)
        for tail, row, share in zip(new, rows.tolist(), shares.tolist(), strict=True):
            if tail in tails and (loops or tail != head):
                chance = float(expit(share + calibration.bias))
                key = chance if by_probability else float(scores[row])
                found.append((key, (head, relation, tail), float(scores[row]), chance))
    return sorted(found, key=lambda each: -each[0])


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("reciprocal", [False, True])
def test_links_are_those_of_a_plain_enumeration(name, reciprocal, monkeypatch):
    drawn = np.random.default_rng(1)
    triples = {
        (f"term:{a}", f"relation:{r}", f"term:{b}")
        for a, r, b in zip(*(drawn.integers(0, n, 90) for n in (20, 2, 20)), strict=True)
    }
    known = TripleSet.from_labels(sorted(triples))
    model = EmbeddingModel.initialise(
        name, len(known.entities), 2, 8, reciprocal=reciprocal, seed=3, device="cpu"
    )
    about = {
        "namespaces": {"shared": ["term:"]},
        "calibration": {"temperature": 0.2, "bias": 0.5},
    }
    saved = SavedModel(model, known, about)
    # Two questions a chunk.
    monkeypatch.setattr("hereditary_kg.embeddings.prediction._SCORES", 2 * len(known.entities))
    expected = _enumerate(saved, "relation:0", by_probability=True)
    found = LinkPredictor(saved).predict(LinkQuestion("relation:0"), 40)
    assert [link.probability for link in found] == pytest.approx(
        [chance for *_, chance in expected[:40]], rel=1e-4
    )
    truth = {triple: (score, chance) for _, triple, score, chance in expected}
    for link in found:
        assert (link.score, link.probability) == pytest.approx(truth[link.triple], rel=1e-3)
    rated = LinkPredictor(saved).rate([link.triple for link in found])
    assert rated == pytest.approx([link.probability for link in found], rel=1e-4)
    everything = LinkPredictor(saved).predict(LinkQuestion("relation:0"), 10_000)
    assert len(everything) == len(expected)


def test_what_the_model_does_not_know_has_no_probability():
    predictor = LinkPredictor(ring_model())
    triples = [("term:3", NEXT, "term:4"), ("term:3", NEXT, "term:99"), ("a", "b", "c")]
    rated = predictor.rate(triples)
    assert rated[0] > 0
    assert rated[1:] == [None, None]
    assert predictor.rate(triples[:1], "head")[0] > 0
    without = LinkPredictor(ring_model(calibration=None))
    assert without.rate(triples) == [None] * 3
    assert without.predict(LinkQuestion(NEXT, head="term:3"), 1)[0].probability is None


def test_links_with_itself_are_for_relations_that_have_some():
    loop = ring_model()
    labels = [*loop.known.labels(), ("term:5", NEXT, "term:5")]
    known = TripleSet.from_labels(labels, loop.known.entities, loop.known.relations)
    with_loop = SavedModel(loop.model, known, loop.about)
    question = LinkQuestion(NEXT, head="term:3", tail_namespaces=("term:",))
    for saved, count in ((loop, SIZE - 1), (with_loop, SIZE)):
        tails = [link.tail for link in LinkPredictor(saved).predict(question, 50)]
        assert len(tails) == count


@pytest.mark.parametrize("about", [{"calibration": {"heat": 1}}, {"namespaces": "all"}])
def test_damaged_notes_are_told(about):
    with pytest.raises(ModelError, match="Train it anew"):
        LinkPredictor(ring_model(**about))


def test_pairs_are_never_given_twice():
    question = LinkQuestion(NEXT, None, None, ("term:",), ("term:",))
    triples = _triples(LinkPredictor(ring_model()).predict(question, 1000))
    assert len(triples) == len(set(triples))
    missing = [(f"term:{a}", NEXT, f"term:{b}") for a, b in itertools.permutations(range(SIZE), 2)]
    assert set(triples) == set(missing) - set(ring_model().known.labels())
