"""What a site keeps of a run: a calibrated model with a card, and its known links."""

import numpy as np
import pytest
from small_federations import PLAN, make_sites
from small_models import ring_model

from hereditary_kg.embeddings.calibration import fit_calibration, predict_held_out
from hereditary_kg.embeddings.known_links import read_known_links
from hereditary_kg.embeddings.model_card import CARD, write_model_card
from hereditary_kg.embeddings.model_keeping import keep_model
from hereditary_kg.embeddings.prediction import LinkPredictor, LinkQuestion, read_calibration
from hereditary_kg.embeddings.saved_models import load_model
from hereditary_kg.embeddings.splitting import Split
from hereditary_kg.embeddings.training_run import train_alone

ABOUT = {"run": "ring", "site": "site-0", "sites": ["site-0", "site-1"]}


@pytest.fixture
def site():
    return make_sites()[0]


def test_a_model_is_kept_with_calibration_card_and_known_links(site, tmp_path):
    model = train_alone(site, PLAN)[0]
    saved = keep_model(site, model, ABOUT, tmp_path)
    kept = load_model(tmp_path / "models" / "site-0")
    assert kept.about == saved.about
    split = site.split
    held_out = predict_held_out(model, split.validation, (split.training, split.testing))
    assert read_calibration(kept.about) == fit_calibration(held_out)
    links = read_known_links(tmp_path / "known" / "site-0.links")
    public = [triple for triple in split.whole().labels() if "person" not in triple[0]]
    assert links.contains(public, site.key).all()
    private = [triple for triple in split.whole().labels() if "person" in triple[0]]
    assert private
    assert not links.contains(private, site.key).any()
    predicted = LinkPredictor(kept).predict(LinkQuestion("relation:0-1"), 5)
    assert len(predicted) == 5


def test_too_few_validation_triples_leave_scores_alone(site, tmp_path):
    none = np.zeros(len(site.split.validation), dtype=bool)
    split = Split(site.split.training, site.split.validation.select(none), site.split.testing)
    model = train_alone(site, PLAN)[0]
    saved = keep_model(
        type(site)(site.name, split, site.namespaces, site.key), model, ABOUT, tmp_path
    )
    assert "calibration" not in saved.about
    card = (tmp_path / "models" / "site-0" / CARD).read_text()
    assert "There is no calibration" in card


def test_a_card_names_no_person_and_tells_the_rest():
    about = {
        "sites": ["clinic", "registry"],
        "split": {"training": 10, "validation": 2, "testing": 2},
        "partition": "Horizontal.",
        "result": {
            "kept": "federated",
            "best_round": 7,
            "validation": 0.5,
            "testing": {"mean_reciprocal_rank": 0.25, "hits_at_10": 0.75},
            "alone": {"mean_reciprocal_rank": 0.125},
            "shared": {"local": 2, "shared": 12},
        },
        "privacy": {"epsilon": 4.0, "delta": 1e-5},
        "namespaces": {"shared": ["term:", "relation:n"], "local": []},
    }
    card = write_model_card(ring_model(**about))
    assert "person" not in card.replace("about a person", "")
    assert "relation:has" not in card
    for told in (
        "# Model of clinic, run ring",
        "(12 in shared namespaces, 2 local to the site)",
        "| relation:next | 10 |",
        "| relation:near | 2 |",
        "| 1 local relations | 4 |",
        "Sites: clinic, registry.",
        "10 training, 2 validation, 2 testing",
        "| MRR | 0.250 | 0.125 |",
        "| Hits@10 | 0.750 | not measured |",
        "round 7",
        "secure aggregation: only sums",
        "delta 1e-05, epsilon 4.0",
        "no diagnosis",
        "temperature 0.05",
    ):
        assert told in card, told
    assert "**without** secure aggregation" in write_model_card(ring_model(plan={"secure": False}))
