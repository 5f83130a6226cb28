"""Private training keeps to its ledger, covers every row with noise, and still learns."""

import json

import numpy as np
import pytest
import torch

from hereditary_kg.embeddings.errors import PrivacyBudgetError, PrivacyError, TrainingError
from hereditary_kg.embeddings.local_training import TrainingOptions
from hereditary_kg.embeddings.losses import SelfAdversarialLoss
from hereditary_kg.embeddings.models import EmbeddingModel
from hereditary_kg.embeddings.privacy.accounting import PrivacyBudget, SampledGaussian
from hereditary_kg.embeddings.privacy.ledger import PrivacyLedger
from hereditary_kg.embeddings.privacy.private_training import PrivateTraining
from hereditary_kg.embeddings.privacy.units import PrivacyUnits, person_units, triple_units
from hereditary_kg.embeddings.triples import TripleSet

BUDGET = PrivacyBudget(3.0, 1e-5)
MECHANISM = SampledGaussian(0.2, 2.0)


def ring(size=20):
    """Each entity is followed by the next one."""
    rows = np.array([(n, 0, (n + 1) % size) for n in range(size)])
    return TripleSet(tuple(f"e{n:02d}" for n in range(size)), ("next", "never"), rows)


def training(path, *, triples=None, units=None, mechanism=MECHANISM, budget=BUDGET, **options):
    triples = triples or ring()
    units = units or triple_units(triples)
    model = EmbeddingModel.initialise("ComplEx", len(triples.entities), 2, 16, seed=1)
    ledger = PrivacyLedger(path, units.name, budget)
    settings = TrainingOptions(
        SelfAdversarialLoss(margin=0.0), negatives=8, **options.pop("options", {})
    )
    return PrivateTraining(
        model, triples, units, mechanism, ledger, options=settings, noise_seed=5, **options
    )


# The ledger


def test_what_is_spent_is_on_the_disk_before_it_is(tmp_path, monkeypatch):
    path = tmp_path / "ledger.jsonl"
    trained = training(path)

    def die(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(trained, "_private_step", die)
    with pytest.raises(KeyboardInterrupt):
        trained.train(1)
    (line,) = path.read_text().splitlines()
    entry = json.loads(line)
    assert entry["unit"] == "triple"
    assert (entry["round"], entry["steps"], entry["delta"]) == (1, 5, 1e-5)
    again = PrivacyLedger(path, "triple", BUDGET)
    assert again.epsilon == entry["epsilon"] > 0


def train_until_stopped(trained):
    for _ in range(1000):
        trained.train(1)


def test_a_budget_stops_training_before_it_is_exceeded(tmp_path):
    path = tmp_path / "ledger.jsonl"
    trained = training(path, mechanism=SampledGaussian(0.2, 1.5))
    with pytest.raises(PrivacyBudgetError, match=r"for a triple, at delta 1e-05, and 3 is granted"):
        trained.train(1000)
    assert not path.exists()
    with pytest.raises(PrivacyBudgetError, match="Training stops with 2"):
        train_until_stopped(trained)
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(entries) == trained.epoch >= 1
    spent = [entry["epsilon"] for entry in entries]
    assert spent == sorted(spent)
    assert spent[-1] <= 3.0
    before = trained.model.entities.clone()
    with pytest.raises(PrivacyBudgetError):
        trained.train(1)
    assert torch.equal(before, trained.model.entities)
    left = trained.ledger.steps_left(trained.mechanism)
    assert left < trained.steps_an_epoch


def test_a_ledger_goes_on_where_it_was(tmp_path):
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    trained = training(one)
    trained.train(1)
    trained.train(2)
    training(two).train(1)
    training(two).train(2)
    ends = [PrivacyLedger(path, "triple", BUDGET).epsilon for path in (one, two)]
    assert ends[0] == ends[1]


def test_a_ledger_of_another_unit_or_delta_is_refused(tmp_path):
    path = tmp_path / "ledger.jsonl"
    training(path).train(1)
    with pytest.raises(PrivacyError, match="counts privacy of a triple"):
        PrivacyLedger(path, "person", BUDGET)
    with pytest.raises(PrivacyError, match="at delta 1e-05"):
        PrivacyLedger(path, "triple", PrivacyBudget(3.0, 1e-6))


def ledger_line(**changes):
    entry = {
        "round": 1,
        "unit": "triple",
        "steps": 5,
        "sampling_rate": 0.1,
        "noise_multiplier": 1.0,
        "epsilon": 1.0,
        "delta": 1e-5,
    }
    return json.dumps(entry | changes)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "restore the file"),
        ("[]", "Its keys"),
        ('{"round": 1}', "Its keys"),
        (ledger_line(steps="5"), "Of another type is: steps"),
        (ledger_line(noise_multiplier=0.0), "protects nothing"),
        (ledger_line(steps=-5), "less than nothing"),
    ],
)
def test_a_broken_ledger_is_no_empty_ledger(tmp_path, line, words):
    path = tmp_path / "ledger.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(PrivacyError, match=rf"ledger.jsonl:1: .*{words}"):
        PrivacyLedger(path, "triple", BUDGET)


def test_a_ledger_that_is_no_text(tmp_path):
    with pytest.raises(PrivacyError, match="cannot be read"):
        PrivacyLedger(tmp_path, "triple", BUDGET)


# Units


def test_a_persons_record_is_one_unit():
    triples = TripleSet(
        ("disease", "p1", "p2", "phenotype", "visit"),
        ("has", "of"),
        np.array([(1, 0, 4), (4, 0, 3), (1, 0, 0), (2, 0, 0), (0, 1, 3)]),
    )
    units = person_units(triples, np.array([-1, 7, 2, -1, 7]))
    of = {
        tuple(row): unit
        for row, unit in zip(triples.triples.tolist(), units.of_triples, strict=True)
    }
    assert units.name == "person"
    assert units.count == 3
    assert of[1, 0, 4] == of[4, 0, 3] == of[1, 0, 0]
    assert len({of[1, 0, 0], of[2, 0, 0], of[0, 1, 3]}) == 3
    assert triple_units(triples).count == 5


def test_a_triple_of_two_persons_is_refused():
    triples = TripleSet(("a", "b"), ("parent",), np.array([(0, 0, 1)]))
    with pytest.raises(PrivacyError, match="1 triples join two persons"):
        person_units(triples, np.array([0, 1]))
    with pytest.raises(PrivacyError, match=r"has the shape \[3\]"):
        person_units(triples, np.array([0, 1, 2]))


# Training


def test_every_row_is_covered_by_noise(tmp_path):
    """Also rows that no triple names: that they stand still would tell it."""
    trained = training(tmp_path / "ledger.jsonl")
    entities, relations = trained.model.entities.clone(), trained.model.relations.clone()
    trained.train(1)
    assert (trained.model.entities != entities).all(1).all()
    assert (trained.model.relations != relations).all(1).all()


def test_noise_has_the_deviation_that_is_accounted_for(tmp_path):
    trained = training(tmp_path / "ledger.jsonl", clipping_norm=0.5)
    drawn = trained._noise(torch.zeros(400, 500))
    assert float(drawn.std()) == pytest.approx(2.0 * 0.5, rel=0.01)
    assert float(drawn.mean()) == pytest.approx(0, abs=0.01)


def test_units_are_drawn_one_by_one_at_the_rate(tmp_path, monkeypatch):
    trained = training(tmp_path / "ledger.jsonl", triples=ring(500))
    samples = []

    def note(places):
        samples.append(places)
        return torch.zeros(())

    monkeypatch.setattr(trained, "_private_step", note)
    trained.train(4)
    sizes = np.array([len(sample) for sample in samples])
    assert len(sizes) == 20
    assert len(set(sizes.tolist())) > 3
    assert sizes.mean() == pytest.approx(100, rel=0.1)


def test_all_triples_of_a_unit_are_drawn_together(tmp_path, monkeypatch):
    triples = ring(40)
    units = PrivacyUnits("person", np.arange(40) // 8, 5)
    trained = training(tmp_path / "ledger.jsonl", triples=triples, units=units)
    seen = []

    def note(places):
        seen.extend(np.bincount(trained._units[places].numpy(), minlength=5).tolist())
        return torch.zeros(())

    monkeypatch.setattr(trained, "_private_step", note)
    trained.train(3)
    assert set(seen) == {0, 8}


def test_the_same_seed_gives_the_same_vectors_and_no_seed_others(tmp_path):
    found = []
    for number in range(2):
        trained = training(tmp_path / f"{number}.jsonl")
        trained.train(2)
        found.append(trained.model.entities)
    assert torch.equal(*found)
    free = [
        PrivateTraining(
            EmbeddingModel.initialise("DistMult", 20, 2, 8, seed=1),
            ring(),
            triple_units(ring()),
            MECHANISM,
            PrivacyLedger(tmp_path / f"free{number}.jsonl", "triple", BUDGET),
        )
        for number in range(2)
    ]
    for trained in free:
        trained.train(1)
    assert not torch.equal(free[0].model.entities, free[1].model.entities)


def test_it_learns_when_there_is_little_noise(tmp_path):
    trained = training(
        tmp_path / "ledger.jsonl",
        mechanism=SampledGaussian(0.5, 0.5),
        budget=PrivacyBudget(1e5, 1e-5),
        options={"learning_rate": 0.1},
    )
    losses = trained.train(60)
    assert np.mean(losses[-10:]) < 0.8 * losses[0]


def test_other_sites_vectors_and_proximal_terms_are_taken(tmp_path):
    trained = training(tmp_path / "ledger.jsonl")
    trained.pull_towards({"entities": torch.zeros(20, 16)}, 100.0)
    before = trained.model.entities.norm()
    trained.train(2)
    assert trained.model.entities.norm() < 10 * before
    assert set(trained.parameters()) == {"entities", "relations"}


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"clipping_norm": 0.0}, PrivacyError, "A clipping norm is above 0"),
        ({"options": {"n3": 0.1}}, PrivacyError, "Set it to 0 for private training"),
        (
            {"units": PrivacyUnits("triple", np.arange(3), 3)},
            PrivacyError,
            "given for 3 triples, and there are 20",
        ),
        ({"options": {"learning_rate": 0.0}}, TrainingError, "Learning rates"),
    ],
)
def test_settings_that_are_refused(tmp_path, changes, error, words):
    with pytest.raises(error, match=words):
        training(tmp_path / "ledger.jsonl", **changes)


def test_a_ledger_of_another_unit_than_the_training(tmp_path):
    ledger = PrivacyLedger(tmp_path / "ledger.jsonl", "person", BUDGET)
    model = EmbeddingModel.initialise("DistMult", 20, 2, 8)
    with pytest.raises(PrivacyError, match="counts privacy of a person, and training that of a tr"):
        PrivateTraining(model, ring(), triple_units(ring()), MECHANISM, ledger)


def test_a_loss_that_is_no_number(tmp_path):
    trained = training(tmp_path / "ledger.jsonl")
    trained.model.entities.fill_(torch.nan)
    with pytest.raises(TrainingError, match="what was spent stays spent"):
        trained.train(1)
