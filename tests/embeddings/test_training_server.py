"""Runs of a training from the first message to the last, over sites in this process."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from small_federations import KEY, PLAN, make_protections, make_sites

import hereditary_kg
from hereditary_kg.embeddings.alignment_keys import AlignmentKey
from hereditary_kg.embeddings.errors import (
    NothingSharedError,
    TrainingError,
    UnalignedVocabulariesError,
)
from hereditary_kg.embeddings.grids.in_process import InProcessGrid
from hereditary_kg.embeddings.grids.node import SiteApp
from hereditary_kg.embeddings.label_kinds import Namespaces
from hereditary_kg.embeddings.training_client import TrainingClient, make_client_app
from hereditary_kg.embeddings.training_server import run_training


def _train(plan, sites, *, protections=None, allow_list=None, checkpoints=None, workers=None):
    protections = protections or {}
    workers = workers or [
        TrainingClient(site, protections.get(site.name), checkpoints and checkpoints / site.name)
        for site in sites
    ]
    apps = [SiteApp(worker.site.name, make_client_app(worker)) for worker in workers]
    with InProcessGrid(apps, plan.settings()) as grid:
        server = run_training(grid, plan, allow_list=allow_list, timeout=60)
    return server, workers


def _vectors(worker):
    return {name: rows.clone() for name, rows in worker.session.training.parameters().items()}


def _shared_vectors(worker):
    rows = worker.session.alignment.entities
    entities = worker.session.model.entities
    return {int(shared): entities[own] for own, shared in enumerate(rows) if shared >= 0}


def test_sites_end_with_vectors_in_common_and_with_people_of_their_own():
    server, workers = _train(PLAN, make_sites())
    assert [summary.number for summary in server.rounds] == [1, 2, 3, 4]
    assert set(server.rounds[0].reports) == {"site-0", "site-1", "site-2"}
    assert server.rounds[-1].mean_reciprocal_rank > server.rounds[1].mean_reciprocal_rank
    one, other = (_shared_vectors(worker) for worker in workers[:2])
    assert len(one) == 24
    assert "24 shared entities" in str(server.vocabularies)
    # Each site goes back to its own best round, so that the last agreement is looked at there.
    for worker in workers:
        worker.session.receive(*_everything(server))
    one, other = (_shared_vectors(worker) for worker in workers[:2])
    assert all(torch.allclose(one[row], other[row], atol=1e-5) for row in one)


def _everything(server):
    agreement = server._agreement
    rows = agreement.agreed_rows()
    return rows, agreement.part(rows)


@pytest.mark.parametrize("strategy", ["entities", "both", "by-triples", "personalised"])
@pytest.mark.parametrize("optimiser", ["adagrad", "adam"])
def test_secure_aggregation_changes_nothing_but_the_last_digits(strategy, optimiser):
    plan = replace(PLAN, strategy=strategy, optimiser=optimiser, learning_rate=0.05, rounds=2)
    sites = make_sites()
    protections, allow_list = make_protections(sites)
    readable, _ = _train(plan, sites)
    masked, _ = _train(
        replace(plan, secure=True), sites, protections=protections, allow_list=allow_list
    )
    assert not masked.rounds[-1].missing
    left, right = readable._agreement.offsets, masked._agreement.offsets
    for kind in plan.exchange().kinds:
        assert np.abs(left[kind]).max() > 0.05
        # Adam magnifies what little fixed point rounds off, and so does dividing by small weights.
        atol = 5e-3 if optimiser == "adam" else 2e-3 if strategy == "by-triples" else 1e-3
        assert np.allclose(left[kind], right[kind], atol=atol)


@pytest.mark.parametrize("secure", [False, True])
def test_in_16_bits_server_and_sites_have_the_same_numbers_after_each_round(secure):
    plan = replace(PLAN, strategy="sparsified", rounds=5, secure=secure, minimum_owners=2)
    sites = make_sites()
    protections, allow_list = make_protections(sites)
    coarse, workers = _train(
        replace(plan, residue_bits=16), sites, protections=protections, allow_list=allow_list
    )
    fine, _ = _train(plan, sites, protections=protections, allow_list=allow_list)
    rows, offsets = _everything(coarse)
    assert offsets["entities"].dtype == np.float16
    assert len(rows["entities"]) == 24
    start = plan.initialise(24, 1, plan.seed).entities
    for worker in workers:
        agreed = worker.session.learner.state()["consensus/entities"] - start
        assert np.abs(agreed.numpy() - offsets["entities"]).max() < 1e-6
    # What 16 bits round off is far below what a round changes.
    other = fine._agreement.offsets["entities"]
    assert np.abs(other).max() > 0.2
    assert np.abs(other - offsets["entities"]).max() < 0.02


def test_residues_of_other_sizes_are_refused():
    with pytest.raises(TrainingError, match="residue_bits is 8"):
        replace(PLAN, residue_bits=8)


def test_the_same_seed_gives_the_same_vectors():
    (_, one), (_, two) = _train(PLAN, make_sites()), _train(PLAN, make_sites())
    for left, right in zip(map(_vectors, one), map(_vectors, two), strict=True):
        assert all(torch.equal(left[name], right[name]) for name in left)


def test_alone_a_site_learns_what_it_would_without_others():
    plan = replace(PLAN, strategy="alone")
    server, together = _train(plan, make_sites(3))
    _, fewer = _train(plan, make_sites(2))
    assert server.vocabularies is None
    for left, right in zip(map(_vectors, together), map(_vectors, fewer), strict=False):
        assert all(torch.equal(left[name], right[name]) for name in left)


class _Failing(TrainingClient):
    """A site that fails at some calls of a round."""

    failing = ()

    def train(self, content, plan):
        self.calls = getattr(self, "calls", 0) + 1
        if self.calls in self.failing:
            raise RuntimeError("Patient 4711 is why")
        return super().train(content, plan)


@pytest.mark.parametrize("secure", [False, True])
def test_a_site_that_fails_once_is_taken_in_again(secure):
    sites = make_sites(5)
    protections, allow_list = make_protections(sites)
    workers = [_Failing(site, protections[site.name]) for site in sites]
    workers[1].failing = (2,)
    plan = replace(PLAN, secure=secure, minimum_owners=2)
    server, _ = _train(plan, sites, workers=workers, allow_list=allow_list)
    missing = [set(summary.missing) for summary in server.rounds]
    assert missing == [set(), {"site-1"}, set(), set()]
    assert "Patient" not in str(server.rounds)
    assert len(server.rounds[2].reports) == 5
    for worker in workers:
        worker.session.receive(*_everything(server))
    one, other = (_shared_vectors(worker) for worker in workers[:2])
    assert all(torch.allclose(one[row], other[row], atol=1e-3) for row in one)


def test_a_round_that_cannot_be_opened_is_lost_and_no_more():
    sites = make_sites(3)
    protections, allow_list = make_protections(sites)
    workers = [_Failing(site, protections[site.name]) for site in sites]
    workers[2].failing = (2,)
    server, _ = _train(replace(PLAN, secure=True), sites, workers=workers, allow_list=allow_list)
    assert set(server.rounds[1].missing) == {"site-2", "all sites"}
    assert not server.rounds[2].missing
    assert np.isfinite(server.rounds[-1].mean_reciprocal_rank)


def test_too_few_sites_are_told_with_their_reasons():
    sites = make_sites(2)
    workers = [_Failing(site) for site in sites]
    workers[0].failing = (1,)
    with pytest.raises(TrainingError, match=r"Round 1 has failed: 1 of at least 2 .*\n  site-0"):
        _train(PLAN, sites, workers=workers)


def test_another_version_is_told(monkeypatch):
    sites = make_sites(2)
    workers = [TrainingClient(site) for site in sites]
    offer = TrainingClient.offer

    def offer_of_old(worker, content, plan):
        records = offer(worker, content, plan)
        records["about"]["version"] = "0.0.1"
        return records

    monkeypatch.setattr(TrainingClient, "offer", offer_of_old)
    with pytest.raises(TrainingError, match=rf"version 0\.0\.1 .* {hereditary_kg.__version__}"):
        _train(PLAN, sites, workers=workers)


def test_sites_with_different_keys_are_told():
    one, two = make_sites(2)
    two = replace(two, key=AlignmentKey(b"x" * 32))
    assert one.key is KEY
    with pytest.raises(UnalignedVocabulariesError, match="different keys"):
        _train(PLAN, [one, two])


def test_a_site_that_shares_nothing_is_told():
    one, two = make_sites(2)
    two = replace(two, namespaces=Namespaces(("nothing:",)))
    with pytest.raises(NothingSharedError, match="site-1"):
        _train(PLAN, [one, two])


def test_a_run_with_secure_aggregation_needs_certificates():
    with pytest.raises(TrainingError, match="no certificate"):
        _train(replace(PLAN, secure=True), make_sites())


def test_a_site_refuses_sums_over_too_few_sites():
    sites = make_sites(2)
    protections, allow_list = make_protections(sites, fewest_sites=3)
    with pytest.raises(TrainingError, match="takes part from 3 on"):
        _train(replace(PLAN, secure=True), sites, protections=protections, allow_list=allow_list)


def test_training_ends_where_it_gets_no_better():
    plan = replace(PLAN, rounds=50, patience=2, learning_rate=1e-6)
    server, _ = _train(plan, make_sites())
    assert len(server.rounds) < 10
