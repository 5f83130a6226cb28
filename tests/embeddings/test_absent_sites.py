"""Sites that fall silent in a run, for good or for some rounds, and sites that are slow."""

import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_federations import PLAN, make_protections, make_sites

from hereditary_kg.embeddings.agreement import Agreement
from hereditary_kg.embeddings.errors import TrainingError
from hereditary_kg.embeddings.grids.flower_api import NODE_UNAVAILABLE, Error, Message
from hereditary_kg.embeddings.grids.in_process import InProcessGrid
from hereditary_kg.embeddings.grids.node import SiteApp
from hereditary_kg.embeddings.site_checkpoints import SiteCheckpoints
from hereditary_kg.embeddings.training_client import TrainingClient, make_client_app
from hereditary_kg.embeddings.training_server import run_training

ROUNDS = 5


class _Absent:
    """A site's application that falls silent at a step of a round, and maybe comes back.

    Its silence is told at once, as a grid tells it once the patience is over.
    """

    def __init__(self, app, step, begins, ends=1000, *, works=False):
        self.app, self.step, self.begins, self.ends, self.works = app, step, begins, ends, works
        self.round = 1
        self.silent = False

    def __call__(self, message, context):
        if message.metadata.message_type == self.step and self.round == self.begins:
            self.silent = True
            if self.works:
                self.app(message, context)
        if self.silent and self.round < self.ends:
            return Message(Error(NODE_UNAVAILABLE, "no answer"), reply_to=message)
        return self.app(message, context)


def _train(plan, workers, absent=(), allow_list=None, checkpoint=None, stop=None):
    """Train; ``absent`` has for a site what `_Absent` is given."""
    apps = {worker.site.name: make_client_app(worker) for worker in workers}
    for name, (step, begins, *rest) in dict(absent).items():
        works = step == "late"
        apps[name] = _Absent(apps[name], "train" if works else step, begins, *rest, works=works)

    def told(summary):
        for name in dict(absent):
            apps[name].round = summary.number + 1
        if summary.number == stop:
            raise KeyboardInterrupt

    with InProcessGrid([SiteApp(*app) for app in apps.items()], plan.settings()) as grid:
        return run_training(
            grid,
            plan,
            allow_list=allow_list,
            timeout=60,
            progress=told,
            checkpoint=checkpoint,
        )


def _masked(count, directory=None):
    sites = make_sites(count)
    protections, allow_list = make_protections(sites)
    workers = [
        TrainingClient(site, protections[site.name], directory and directory / site.name)
        for site in sites
    ]
    return workers, allow_list


def _missing(server, site):
    return [summary.number for summary in server.rounds if site in summary.missing]


SECURE = replace(PLAN, secure=True, rounds=ROUNDS, minimum_owners=2)


@pytest.mark.parametrize(
    ("step", "begins", "first"),
    [
        ("query.align", 1, 1),
        ("query.introduce", 1, 1),
        ("query.declare", 1, 1),
        ("query.accept", 1, 1),
        ("train", 2, 2),
        ("late", 2, 2),
        ("query.unmask", 2, 2),
        ("train", ROUNDS, ROUNDS),
        ("query.finish", ROUNDS + 1, ROUNDS + 1),
    ],
)
def test_a_site_that_drops_out_at_any_step_does_not_stop_the_others(step, begins, first):
    workers, allow_list = _masked(6)
    server = _train(SECURE, workers, {"site-1": (step, begins)}, allow_list)
    assert _missing(server, "site-1") == list(range(first, ROUNDS + 2))
    assert all(summary.missing.keys() <= {"site-1"} for summary in server.rounds)
    last = server.rounds[-1]
    assert set(last.reports) == {"site-0", "site-2", "site-3", "site-4", "site-5"}
    assert last.mean_reciprocal_rank > server.rounds[1].mean_reciprocal_rank


@pytest.mark.parametrize("step", ["train", "late", "query.unmask"])
def test_a_sum_without_a_site_is_the_plain_sum_without_it(step):
    workers, allow_list = _masked(6)
    masked = _train(SECURE, workers, {"site-1": (step, 2)}, allow_list)
    # An update that has come is in the sum, whoever is silent when the sum is opened.
    plain = replace(SECURE, secure=False)
    begins = 3 if step == "query.unmask" else 2
    readable = _train(plain, _masked(6)[0], {"site-1": ("train", begins)})
    left, right = readable._agreement.offsets, masked._agreement.offsets
    assert np.abs(left["entities"]).max() > 0.05
    assert np.allclose(left["entities"], right["entities"], atol=1e-3)


def test_a_second_site_may_drop_out_while_the_others_agree_on_keys_anew():
    workers, allow_list = _masked(6)
    absent = {"site-1": ("train", 2), "site-4": ("query.declare", 3)}
    server = _train(SECURE, workers, absent, allow_list)
    assert _missing(server, "site-1") == [2, 3, 4, 5, 6]
    assert _missing(server, "site-4") == [3, 4, 5, 6]
    assert set(server.rounds[-1].reports) == {"site-0", "site-2", "site-3", "site-5"}


def test_too_few_sites_that_are_left_end_the_run_with_their_reasons():
    workers, allow_list = _masked(3)
    absent = {"site-1": ("train", 2), "site-2": ("query.declare", 3)}
    with pytest.raises(TrainingError, match=r"(?s)Round 3 cannot begin: 1 of .*site-2: no answer"):
        _train(SECURE, workers, absent, allow_list)


@pytest.mark.parametrize("secure", [False, True])
def test_a_site_that_missed_rounds_is_taken_in_again_with_vectors_of_its_own(
    tmp_path, monkeypatch, secure
):
    workers, allow_list = _masked(6, tmp_path)
    relations = []
    train, align = TrainingClient.train, TrainingClient.align

    def train_and_look(client, content, plan):
        reply = train(client, content, plan)
        if client is workers[1]:
            relations.append(client.session.model.relations.clone())
        return reply

    def align_and_look(client, content, plan):
        reply = align(client, content, plan)
        if client is workers[1]:
            relations.append(client.session.model.relations.clone())
        return reply

    monkeypatch.setattr(TrainingClient, "train", train_and_look)
    monkeypatch.setattr(TrainingClient, "align", align_and_look)
    server = _train(
        replace(SECURE, secure=secure, rounds=6), workers, {"site-1": ("train", 2, 4)}, allow_list
    )
    missing = _missing(server, "site-1")
    # Nobody waits for the site, so that it is back a round after it has answered.
    assert missing in ([2, 3], [2, 3, 4])
    assert len(server.rounds[-1].reports) == 6
    _, after_one, back, *_ = relations
    assert torch.equal(after_one, back)
    rows = server._agreement.agreed_rows()
    for worker in workers:
        worker.session.receive(rows, server._agreement.part(rows))
    one, other = (
        {
            int(s): w.session.model.entities[own]
            for own, s in enumerate(w.session.alignment.entities)
        }
        for w in workers[:2]
    )
    assert all(torch.allclose(one[row], other[row], atol=1e-3) for row in one if row >= 0)


def test_what_was_learned_in_a_round_that_stays_closed_is_not_lost(monkeypatch):
    workers, allow_list = _masked(3)
    begun, ended = [], []
    session = type(workers[0]).train

    def train_and_look(client, content, plan):
        if client is not workers[0]:
            return session(client, content, plan)
        train = client.session.train

        def look():
            begun.append(client.session.model.entities.clone())
            loss = train()
            ended.append(client.session.model.entities.clone())
            return loss

        monkeypatch.setattr(client.session, "train", look)
        reply = session(client, content, plan)
        monkeypatch.undo()
        monkeypatch.setattr(TrainingClient, "train", train_and_look)
        return reply

    monkeypatch.setattr(TrainingClient, "train", train_and_look)
    server = _train(SECURE, workers, {"site-2": ("query.align", 99)}, allow_list)
    assert not server.rounds[1].missing
    assert not torch.equal(begun[2], ended[1])
    begun.clear()
    ended.clear()
    workers, allow_list = _masked(3)
    server = _train(SECURE, workers, {"site-2": ("train", 2, 3)}, allow_list)
    assert "all sites" in server.rounds[1].missing
    assert torch.equal(begun[2], ended[1])


def test_only_rows_that_a_round_has_changed_are_sent_to_a_site_that_comes_back():
    agreement = Agreement({"entities": 4}, {"entities": 2, "entities/mean_squares": 1})
    rows = {"entities": np.array([1, 3])}
    agreement.add(rows, {"entities": np.array([[0, 0.5], [1, 1]])})
    assert agreement.agreed_rows()["entities"].tolist() == [1, 3]
    assert agreement.part({}) == {}


def test_the_last_checkpoint_is_taken_that_is_not_of_a_later_round(tmp_path):
    kept = SiteCheckpoints(tmp_path)
    for number in (1, 4):
        kept.save(number, {"values": torch.tensor([number])}, {"site": "one"})
    assert kept.load_latest(3, {"site": "one"})[0] == 1
    number, tensors = kept.load_latest(9, {"site": "one"})
    assert (number, tensors["values"].tolist()) == (4, [4])
    assert kept.load_latest(9, {"site": "other"}) is None
    assert kept.load_latest(0, {"site": "one"}) is None


def test_a_run_with_other_sites_than_before_begins_anew(tmp_path):
    kept = tmp_path / "server.safetensors"
    workers, allow_list = _masked(6, tmp_path)
    with pytest.raises(KeyboardInterrupt):
        _train(SECURE, workers, {"site-1": ("train", 2)}, allow_list, kept, stop=4)
    assert kept.exists()
    # Without the site that dropped out the shared rows have other numbers.
    server = _train(SECURE, [w for w in workers if w.site.name != "site-1"], (), allow_list, kept)
    assert [summary.number for summary in server.rounds] == list(range(1, ROUNDS + 2))
    assert all(len(summary.reports) == 5 for summary in server.rounds)


def test_a_slow_site_is_waited_for():
    workers, allow_list = _masked(5)
    apps = [SiteApp(worker.site.name, make_client_app(worker)) for worker in workers]

    def slow(message, context, app=apps[2].app):
        time.sleep(0.1)
        return app(message, context)

    apps[2] = SiteApp("site-2", slow)
    with InProcessGrid(apps, SECURE.settings(), parallel=3) as grid:
        server = run_training(grid, SECURE, allow_list=allow_list, timeout=120)
    assert not any(summary.missing for summary in server.rounds)
    assert all(len(summary.reports) == 5 for summary in server.rounds)
