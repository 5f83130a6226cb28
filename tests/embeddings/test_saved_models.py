"""Models come back from disk as they were, and what is no model is told."""

import pytest
import torch

from hereditary_kg.embeddings.errors import ModelError
from hereditary_kg.embeddings.models import MODELS, EmbeddingModel
from hereditary_kg.embeddings.saved_models import SavedModel, load_model, save_model
from hereditary_kg.embeddings.triples import TripleSet

KNOWN = TripleSet.from_labels([("a b", "r", "ü"), ("ü", "s", "c")], entities=["unused"])


def _model(name="RotatE", *, reciprocal=False):
    return EmbeddingModel.initialise(name, 4, 2, 6, reciprocal=reciprocal, seed=1)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("reciprocal", [False, True])
def test_a_model_comes_back(tmp_path, name, reciprocal):
    saved = SavedModel(_model(name, reciprocal=reciprocal), KNOWN, {"rounds": 3, "plan": {"a": 1}})
    save_model(saved, tmp_path / "models" / "clinic")
    found = load_model(tmp_path / "models" / "clinic")
    assert torch.equal(found.model.entities, saved.model.entities)
    assert torch.allclose(found.model.relations, saved.model.relations, atol=1e-6)
    assert (found.model.scoring.name, found.model.reciprocal) == (name, reciprocal)
    assert found.known.entities == KNOWN.entities
    assert found.known.labels() == KNOWN.labels()
    assert found.about == saved.about
    assert found.names == {}


def test_names_come_back_on_one_line_each(tmp_path):
    names = {"c": "of two\tparts\n", "a b": "first"}
    save_model(SavedModel(_model(), KNOWN, names=names), tmp_path / "clinic")
    assert load_model(tmp_path / "clinic").names == {"a b": "first", "c": "of two parts"}
    (tmp_path / "clinic" / "names.tsv").unlink()
    assert load_model(tmp_path / "clinic").names == {}


def test_the_same_model_is_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        save_model(SavedModel(_model(), KNOWN), tmp_path / name)
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert len(names) == 5
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_model_is_replaced_and_nothing_else(tmp_path):
    save_model(SavedModel(_model(), KNOWN), tmp_path / "model")
    other = SavedModel(_model("DistMult"), KNOWN)
    save_model(other, tmp_path / "model")
    assert load_model(tmp_path / "model").model.scoring.name == "DistMult"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all of it")
    with pytest.raises(ModelError, match="Name another one"):
        save_model(other, tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").exists()


def test_a_failure_leaves_what_was_there(tmp_path):
    save_model(SavedModel(_model(), KNOWN), tmp_path / "model")
    bad = TripleSet.from_labels([("a\nb", "r", "c"), ("c", "s", "d"), ("e", "r", "c")])
    with pytest.raises(ModelError, match="line of its own"):
        save_model(SavedModel(_model(), bad), tmp_path / "model")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert load_model(tmp_path / "model").known.labels() == KNOWN.labels()


@pytest.mark.parametrize("damage", ["vectors.safetensors", "entities.txt", "known.tsv.gz"])
def test_a_damaged_model_is_told(tmp_path, damage):
    save_model(SavedModel(_model(), KNOWN), tmp_path / "model")
    path = tmp_path / "model" / damage
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(Exception, match="model") as caught:
        load_model(tmp_path / "model")
    assert type(caught.value).__name__ in ("ModelError", "TripleError")


def test_no_model_is_told(tmp_path):
    with pytest.raises(ModelError, match="hkg train"):
        load_model(tmp_path)
