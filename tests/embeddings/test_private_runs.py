"""Runs with differential privacy: what is spent is counted, told, and never more than granted."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_federations import PLAN, make_sites

from hereditary_kg.embeddings.errors import PrivacyError, TrainingError
from hereditary_kg.embeddings.label_kinds import Namespaces
from hereditary_kg.embeddings.site_training import find_persons
from hereditary_kg.embeddings.training_run import train_sites
from hereditary_kg.embeddings.triples import TripleSet

PRIVATE = replace(PLAN, epsilon=4.0, delta=1e-3, batch_size=16, rounds=3, evaluate_every=1)


@pytest.mark.parametrize("unit", ["triple", "person"])
def test_what_is_spent_is_told_and_kept_to_the_budget(tmp_path, unit):
    sites = make_sites()
    server, sessions = train_sites(sites, replace(PRIVATE, privacy_unit=unit), tmp_path)
    told = [summary.reports["site-0"].epsilon for summary in server.rounds]
    assert 0 < told[0] < told[1] < told[2] == told[3] <= 4.0
    assert told[2] > 3.9
    assert all(np.isnan(summary.loss) for summary in server.rounds)
    lines = (tmp_path / "site-0" / "privacy.jsonl").read_text().splitlines()
    assert [json.loads(line)["unit"] for line in lines] == [unit] * 3
    assert sessions["site-0"][0].epsilon == told[2]


def test_a_spent_budget_ends_training_and_not_the_run(tmp_path):
    sites = make_sites()
    train_sites(sites, PRIVATE, tmp_path)
    spent = (tmp_path / "site-0" / "privacy.jsonl").read_text()
    server, sessions = train_sites(sites, replace(PRIVATE, seed=1), tmp_path)
    assert (tmp_path / "site-0" / "privacy.jsonl").read_text() == spent
    start = replace(PRIVATE, seed=1).initialise(24, 1, 1).entities
    alignment = sessions["site-0"][0].alignment
    entities = sessions["site-0"][0].model.entities
    for own, shared in enumerate(alignment.entities):
        if shared >= 0:
            assert torch.allclose(entities[own], start[shared], atol=1e-6)
    assert len(server.rounds) == 4


def test_vectors_begin_as_small_as_the_plan_says(tmp_path):
    still = replace(PRIVATE, learning_rate=1e-9, entity_scale=1e-3)
    _, sessions = train_sites(make_sites(), still, tmp_path)
    assert sessions["site-0"][0].model.entities.abs().max() < 1e-2


def test_no_two_runs_have_the_same_noise(tmp_path):
    found = []
    for name in ("one", "two"):
        _, sessions = train_sites(make_sites(), PRIVATE, tmp_path / name)
        found.append(sessions["site-0"][0].model.entities.clone())
    assert not torch.allclose(*found)


def test_privacy_needs_a_ledger():
    with pytest.raises(TrainingError, match="no directory for it"):
        train_sites(make_sites(), PRIVATE)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"epsilon": -1.0}, "epsilon"),
        ({"delta": 2.0}, "delta"),
        ({"privacy_unit": "patient"}, "triple or person"),
        ({"fallback": True}, "second time"),
        ({"entity_scale": -0.1}, "entity_scale"),
        ({"entity_scale": float("nan")}, "entity_scale"),
    ],
)
def test_what_makes_no_sense_is_told(change, told):
    with pytest.raises((PrivacyError, TrainingError), match=told):
        replace(PRIVATE, **change)


def test_a_record_is_what_hangs_together_without_public_terms():
    triples = TripleSet.from_labels(
        [
            ("person/1", "has", "visit/1"),
            ("visit/1", "found", "term:a"),
            ("person/2", "found", "term:a"),
            ("term:a", "below", "term:b"),
        ]
    )
    persons = find_persons(triples, Namespaces(("term:",)))
    numbers = dict(zip(triples.entities, persons.tolist(), strict=True))
    assert numbers["person/1"] == numbers["visit/1"] >= 0
    assert numbers["person/2"] not in (-1, numbers["person/1"])
    assert numbers["term:a"] == numbers["term:b"] == -1
