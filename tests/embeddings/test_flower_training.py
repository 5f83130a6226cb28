"""Sites that forget all between messages but what is on their disks, as Flower has it."""

import json
import os
import stat
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from flwr.app import RecordDict
from site_files import KEY, describe_training, write_sites

from hereditary_kg.embeddings.client_states import ClientStateFile, hold_runs
from hereditary_kg.embeddings.errors import TrainingError
from hereditary_kg.embeddings.flower_client_app import FlowerTrainingSite
from hereditary_kg.embeddings.flower_runs import (
    follow_training,
    prepare_training,
    train_over_flower,
)
from hereditary_kg.embeddings.flower_server_app import (
    PROGRESS_FILE,
    FlowerServerSettings,
    server,
)
from hereditary_kg.embeddings.grids.errors import DeploymentError, SettingsError
from hereditary_kg.embeddings.grids.flower_api import enter_run
from hereditary_kg.embeddings.grids.grid_files import FlowerFile
from hereditary_kg.embeddings.grids.in_process import InProcessGrid
from hereditary_kg.embeddings.grids.node import SiteApp
from hereditary_kg.embeddings.grids.running import run_server_app
from hereditary_kg.embeddings.run_records import Order, write_order
from hereditary_kg.embeddings.saved_models import load_model
from hereditary_kg.embeddings.served_training import describe_run
from hereditary_kg.embeddings.site_learning import read_peers
from hereditary_kg.embeddings.training_description import read_training_description
from hereditary_kg.embeddings.training_plan import TrainingPlan
from hereditary_kg.embeddings.training_run import train_here
from tests.embeddings.grids.flower_processes import (
    Processes,
    free_port,
    wait_for_server,
    watched,
)

TRAINING = """
name = "ring"
output = "here"

[training]
model = "DistMult"
dimension = 8
negatives = 16
batch_size = 64
rounds = 2
evaluate_every = 1
secure = {secure}
strategy = "{strategy}"
optimiser = "{optimiser}"
"""


@pytest.fixture
def trained_here(tmp_path, monkeypatch):
    """Train the sites of a directory in this process, and give run and plan."""

    def train(*, secure, count, strategy="entities", optimiser="adagrad"):
        text = TRAINING.format(secure=str(secure).lower(), strategy=strategy, optimiser=optimiser)
        path = describe_training(tmp_path, text, count)
        monkeypatch.setattr(
            "hereditary_kg.embeddings.training_run.local_alignment_key", lambda *_: KEY
        )
        description = read_training_description(path)
        return train_here(description), description.plan

    return train


class Flower:
    """Flower's processes without processes: the same applications and settings in this one."""

    def __init__(self, place, plan, count=3, **promises):
        self.place, self.plan, self.count = place, plan, count
        self.file = FlowerFile.read(place / "flower.toml")
        self.manifest = describe_run(plan, self.file.sites)
        if promises:
            self.manifest = replace(self.manifest, **promises)
        self.settings = place / "report" / "settings.json"
        peers = read_peers(place / "peers")
        FlowerServerSettings(place / "report", self.file.sites, peers, 60.0).write(self.settings)

    def grid(self):
        signed = self.manifest.sign(self.file.identity)
        self.run_settings = {
            **self.manifest.settings(),
            **signed.to_settings(),
            "server.settings": str(self.settings),
        }
        apps = [
            SiteApp(
                f"site-{number}",
                FlowerTrainingSite(),
                {"learning": str(self.place / f"site-{number}.toml")},
            )
            for number in range(self.count)
        ]
        return InProcessGrid(apps, self.run_settings)

    def train(self):
        with self.grid() as grid:
            run_server_app(server, grid, self.run_settings)

    def ask(self, grid, step, content, site="site-0"):
        """Ask one site by hand, and give what it answers, or why it does not."""
        enter_run(grid.run.run_id)
        (node,) = [each.node_id for each in grid.get_nodes() if each.name == site]
        message = grid.create_message(content, step, node, "1")
        (reply,) = grid.send_and_receive([message], timeout=60)
        return reply.error.reason if reply.has_error() else reply.content

    def runs(self, site="site-0"):
        return self.place / site / "runs"

    def secrets(self):
        return list(self.place.glob("*/runs/*/client.state"))


def check_models(place, run):
    for name, model in run.models.items():
        kept = load_model(place / name / "output" / "ring" / "models" / name)
        for vectors in ("entities", "relations"):
            assert torch.allclose(
                getattr(kept.model, vectors), getattr(model.model, vectors), atol=1e-6
            )


def check_rounds(place):
    """Compare what was reported of each round and site, but for the last digits of its losses."""
    told = []
    for name in ("report", "here"):
        rows = [row.split(",") for row in (place / name / "rounds.csv").read_text().split()[1:]]
        told.append([float(value or "nan") for row in rows for value in (row[0], *row[2:])])
    assert len(told[0]) > 0
    np.testing.assert_allclose(told[0], told[1], rtol=1e-5)


@pytest.mark.parametrize(
    ("secure", "strategy", "optimiser"),
    [(True, "entities", "adagrad"), (True, "sparsified", "adam"), (False, "proximal", "adagrad")],
)
def test_sites_that_forget_end_with_the_models_of_sites_that_do_not(
    tmp_path, trained_here, secure, strategy, optimiser
):
    write_sites(tmp_path, "localhost:1")
    here, plan = trained_here(secure=secure, count=3, strategy=strategy, optimiser=optimiser)
    flower = Flower(tmp_path, plan)
    flower.train()
    check_models(tmp_path, here)
    check_rounds(tmp_path)
    assert not flower.secrets()
    for site in ("site-0", "site-1", "site-2"):
        (finished,) = flower.runs(site).glob("*/finished")
        assert finished.parent.name == str(flower.manifest.run_id)
        sent = (tmp_path / site / "outgoing.jsonl").read_text().splitlines()
        assert len(sent) == (8 if secure else 5)
    with pytest.raises(TrainingError, match="is finished at this site"):
        flower.train()


def test_spent_privacy_is_counted_over_all_messages(tmp_path):
    write_sites(tmp_path, "localhost:1")
    path = describe_training(
        tmp_path,
        TRAINING.format(secure="true", strategy="entities", optimiser="adagrad")
        + "epsilon = 4.0\ndelta = 1e-3\n",
    )
    flower = Flower(tmp_path, read_training_description(path).plan)
    flower.train()
    for site in ("site-0", "site-1", "site-2"):
        lines = (flower.runs(site) / "checkpoints" / "privacy.jsonl").read_text().splitlines()
        assert len(lines) == 2
        sent = (tmp_path / site / "outgoing.jsonl").read_text().splitlines()
        spent = [each["epsilon"] for each in map(json.loads, sent) if "epsilon" in each]
        assert 0 < spent[0] < spent[1] <= 4.0


def refuse_to_finish(*_):
    raise TrainingError("The line is cut.")


@pytest.fixture
def stopped(tmp_path, trained_here, monkeypatch):
    """A secure run whose server went away before the end."""
    write_sites(tmp_path, "localhost:1")
    _, plan = trained_here(secure=True, count=3)
    flower = Flower(tmp_path, replace(plan, rounds=3))
    with monkeypatch.context() as patched:
        for name, instead in (
            ("_gets_no_better", lambda server: len(server.rounds) == 2),
            ("_finish", refuse_to_finish),
        ):
            patched.setattr(
                f"hereditary_kg.embeddings.training_server.TrainingServer.{name}", instead
            )
        with pytest.raises(TrainingError, match="The line is cut"):
            flower.train()
    return flower


def test_what_is_kept_between_messages_is_for_its_owner_alone(stopped):
    assert len(stopped.secrets()) == 3
    for path in stopped.secrets():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    told = [
        json.loads(line)
        for line in (stopped.place / "report" / PROGRESS_FILE).read_text().splitlines()
    ]
    assert told[-1] == {"failed": "The line is cut."}
    assert {"answered": ["site-1", "train"]} in told


def test_a_round_is_masked_once_whoever_asks_again(stopped):
    """Another update under the same mask would open both."""
    with stopped.grid() as grid:
        reason = stopped.ask(grid, "train", write_order(Order(2, look=False)))
        assert "a mask is used once" in reason
        for path in stopped.runs().glob("../runs/checkpoints/*"):
            path.unlink()
        reason = stopped.ask(grid, "train", write_order(Order(3, look=False)))
        assert "checkpoint of round 2 is not there" in reason


def test_a_stricter_policy_and_other_triples_end_the_run_at_once(stopped):
    path = stopped.place / "site-0.toml"
    text = path.read_text()
    with stopped.grid() as grid:
        path.write_text(text.replace("fewest_sites = 2", "fewest_sites = 4"))
        reason = stopped.ask(grid, "train", write_order(Order(3, look=False)))
        assert "takes part from 4 on" in reason
        path.write_text(text)
        with (stopped.place / "site-0.tsv").open("a") as triples:
            triples.write("term:1\trelation:new\tterm:2\n")
        reason = stopped.ask(grid, "train", write_order(Order(3, look=False)))
        assert "triples of this site or the plan have changed" in reason


def test_a_new_run_leaves_no_secrets_of_the_last_one(stopped):
    before = stopped.secrets()
    again = Flower(stopped.place, stopped.plan)
    with again.grid() as grid:
        assert "identifiers" in again.ask(grid, "query.offer", RecordDict())
        assert len(set(before) - set(again.secrets())) == 1
        assert "in no run of this number" in stopped_answer(stopped)


def stopped_answer(stopped):
    with stopped.grid() as grid:
        return stopped.ask(grid, "train", write_order(Order(3, look=False)))


def test_what_fails_leaves_the_site_as_it_was(stopped, monkeypatch):
    (path,) = [path for path in stopped.secrets() if "site-0" in str(path)]
    before = path.read_bytes()

    def fail(*_):
        raise OSError(28, "No space left on device")

    with stopped.grid() as grid:
        with monkeypatch.context() as patched:
            patched.setattr("hereditary_kg.embeddings.client_states.replace_file", fail)
            reason = stopped.ask(grid, "train", write_order(Order(3, look=False)))
            assert "TrainingError" in reason
        assert path.read_bytes() == before
        reply = stopped.ask(grid, "train", write_order(Order(3, look=False)))
        assert "bytes" in reply
        reason = stopped.ask(grid, "train", write_order(Order(4, look=False)))
        assert "round 4 of a run that has 3" in reason


def test_a_site_that_fails_in_mid_round_is_taken_in_again(tmp_path, trained_here, monkeypatch):
    write_sites(tmp_path, "localhost:1")
    here, plan = trained_here(secure=True, count=3)
    flower = Flower(tmp_path, replace(plan, rounds=3))
    save, failed = ClientStateFile.save, []

    def fail_once(file, state):
        if state.round == 1 and "site-1" in str(file.path) and not failed:
            failed.append(file.path)
            raise TrainingError("The disk is full.")
        save(file, state)

    monkeypatch.setattr(ClientStateFile, "save", fail_once)
    flower.train()
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert set(report["missing"]) == {"1"}
    assert "TrainingError" in report["missing"]["1"]["site-1"]
    assert not flower.secrets()
    assert report["rounds"] == 4
    for name in here.models:
        assert (tmp_path / name / "output" / "ring" / "models" / name).exists()


def test_one_message_at_a_time_is_done(tmp_path):
    done = []

    def work(name):
        with hold_runs(tmp_path):
            done.append(name)
            time.sleep(0.2)
            done.append(name)

    threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done in (list("aabb"), list("bbaa"))


@pytest.mark.parametrize(
    ("promises", "told"),
    [
        ({"privacy": {"secure-aggregation": True}}, "says privacy.secure-aggregation = True"),
        ({"privacy": {"epsilon": 1.0}}, "says privacy.epsilon = 1.0"),
        ({"rounds": 1}, "says rounds = 1"),
    ],
)
def test_a_plan_that_does_not_keep_what_its_manifest_promises_is_refused(tmp_path, promises, told):
    write_sites(tmp_path, "localhost:1")
    flower = Flower(tmp_path, TrainingPlan(run="ring", secure=False), **promises)
    with flower.grid() as grid:
        assert told in flower.ask(grid, "query.offer", RecordDict())


def test_a_site_decides_for_itself(tmp_path):
    write_sites(tmp_path, "localhost:1")
    path = tmp_path / "site-0.toml"
    text = path.read_text()
    flower = Flower(tmp_path, TrainingPlan(run="ring", secure=False))
    path.write_text(
        text.replace("[learning]", '[policy.allowed]\n"training.model" = ["RotatE"]\n\n[learning]')
    )
    with flower.grid() as grid:
        reason = flower.ask(grid, "query.offer", RecordDict())
        assert "training.model must be one of 'RotatE'" in reason
        path.write_text(text.replace("[learning]", "[learning]\nno-such-key = 1"))
        reason = flower.ask(grid, "query.offer", RecordDict())
        assert "settings cannot be read; its log says why" in reason
        assert str(tmp_path) not in reason
    assert not flower.secrets()


def test_a_node_without_settings_takes_part_in_nothing(tmp_path):
    write_sites(tmp_path, "localhost:1")
    flower = Flower(tmp_path, TrainingPlan(run="ring", secure=False))
    with flower.grid() as grid:
        for node in grid._nodes.values():
            del node.context.node_config["learning"]
        reason = flower.ask(grid, "query.offer", RecordDict())
        assert "settings cannot be read" in reason


def test_a_site_under_another_name_is_refused(tmp_path):
    write_sites(tmp_path, "localhost:1")
    (tmp_path / "site-0.toml").write_text((tmp_path / "site-1.toml").read_text())
    flower = Flower(tmp_path, TrainingPlan(run="ring", secure=False))
    with pytest.raises(TrainingError, match="known as site-0 calls itself site-1"):
        flower.train()


class TestStarting:
    def test_the_bundle_names_what_is_installed(self, tmp_path):
        write_sites(tmp_path, "127.0.0.1:1", 2)
        flower = FlowerFile.read(tmp_path / "flower.toml")
        assert flower.sites == ("site-0", "site-1")
        plan = TrainingPlan(run="ring")
        peers = read_peers(tmp_path / "peers")
        bundle = prepare_training(plan, flower, tmp_path / "out", peers=peers)
        text = (bundle / "pyproject.toml").read_text()
        for name in ("client", "server"):
            assert f'"hereditary_kg.embeddings.flower_{name}_app:{name}"' in text
        written = FlowerServerSettings.read(tmp_path / "out" / "flower-server.json")
        assert written.sites == flower.sites
        assert written.peers.certificates == peers.certificates

    def test_secure_aggregation_needs_certificates(self, tmp_path):
        write_sites(tmp_path, "127.0.0.1:1", 2)
        flower = FlowerFile.read(tmp_path / "flower.toml")
        with pytest.raises(TrainingError, match="--peers"):
            prepare_training(TrainingPlan(run="ring"), flower, tmp_path / "out")

    def test_a_superlink_that_is_not_there_is_said(self, tmp_path):
        write_sites(tmp_path, f"127.0.0.1:{free_port()}", 2)
        flower = FlowerFile.read(tmp_path / "flower.toml")
        with pytest.raises(DeploymentError, match="did not do `flwr run`"):
            train_over_flower(TrainingPlan(run="ring", secure=False), flower, tmp_path / "out")

    @pytest.mark.parametrize(
        ("line", "told"),
        [("sites = []", "sites lists the sites"), ('sites = "clinic"', "sites lists the sites")],
    )
    def test_who_takes_part_has_to_be_said(self, tmp_path, line, told):
        write_sites(tmp_path, "127.0.0.1:1", 2)
        path = tmp_path / "flower.toml"
        *lines, _ = path.read_text().splitlines()
        path.write_text("\n".join([*lines, line]))
        with pytest.raises(SettingsError, match=told):
            FlowerFile.read(path)

    def test_a_failure_on_the_superlink_is_told(self, tmp_path):
        (tmp_path / PROGRESS_FILE).write_text('{"sites": ["a"]}\n{"failed": "No site came."}\n')
        seen = []
        with pytest.raises(TrainingError, match="No site came"):
            follow_training(None, 1, None, tmp_path, waiting=seen.append)
        assert seen == [["a"]]


@pytest.mark.sockets
@pytest.mark.timeout(900)
def test_the_same_models_on_superlink_and_supernodes(tmp_path, trained_here, monkeypatch):
    """Eight messages a site with secure aggregation, each in a process of its own."""
    monkeypatch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", ""))
    address = f"127.0.0.1:{free_port()}"
    identities = write_sites(tmp_path, address, 2)
    here, plan = trained_here(secure=True, count=2)
    flower = FlowerFile.read(tmp_path / "flower.toml")
    deployment = flower.deployment()
    processes = Processes(tmp_path, watched(deployment, tmp_path / "outgoing"))
    try:
        processes.start(
            "superlink",
            deployment.superlink_command(
                tmp_path / "server.pem", tmp_path / "server.key", tmp_path / "state.sqlite"
            ),
        )
        wait_for_server(deployment, 240)
        for site, identity in identities.items():
            public = identity.write_openssh(tmp_path / f"{site}-node")
            assert deployment.register(public, site) > 0
            command = deployment.supernode_command(
                site, tmp_path / f"{site}-node", free_port(), learning=tmp_path / f"{site}.toml"
            )
            processes.start(f"supernode-{site}", command)
        report, _ = train_over_flower(
            plan,
            flower,
            tmp_path / "report",
            peers=read_peers(tmp_path / "peers"),
            patience=300.0,
        )
    except TrainingError as error:
        pytest.fail(f"{error}\n{processes.logs()}")
    finally:
        processes.stop()
    assert [sorted(summary.reports) for summary in report.rounds] == [["site-0", "site-1"]] * 3
    check_models(tmp_path, here)
    check_rounds(tmp_path)
    assert not list(tmp_path.glob("*/runs/*/client.state"))
    for site in identities:
        sent = (tmp_path / site / "outgoing.jsonl").read_text()
        assert len(sent.splitlines()) == 8
        assert "person" not in sent
    assert not (tmp_path / "outgoing").exists(), (tmp_path / "outgoing").read_text()
