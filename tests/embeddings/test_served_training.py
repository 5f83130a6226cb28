"""Sites as processes of their own, over gRPC with certificates: the same result as in one."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from small_federations import make_sites

from hereditary_kg.embeddings.alignment_keys import AlignmentKey
from hereditary_kg.embeddings.grids.certificates import Authority, fingerprint
from hereditary_kg.embeddings.saved_models import load_model
from hereditary_kg.embeddings.training_description import read_training_description
from hereditary_kg.embeddings.training_run import train_here

pytestmark = [pytest.mark.sockets, pytest.mark.timeout(300)]

TRAINING = """
name = "ring"
output = "report"

[training]
model = "DistMult"
dimension = 8
negatives = 16
batch_size = 64
rounds = 4
evaluate_every = 2
secure = {secure}
"""
SITE = """
site = "{name}"
server = "localhost:{port}"
certificate = "{name}.pem"
key = "{name}.key"
authority = "authority.pem"
directory = "{name}/runs"
ledger = "{name}/outgoing.jsonl"

[limits]
first-pause = 0.1

[learning]
triples = "{name}.tsv"
alignment_key = "alignment.key"
peers = "peers"
output = "{name}/output"
fewest_sites = 2
fewest_owners = 2
"""


@pytest.fixture
def port():
    import socket

    with socket.socket() as taken:
        taken.bind(("localhost", 0))
        return taken.getsockname()[1]


@pytest.fixture
def federation(tmp_path, port):
    """Write certificates, data and settings of a server and three sites."""
    authority = Authority.create("test")
    authority.write(tmp_path)
    authority.write_identity(authority.issue_server(["localhost"]), tmp_path, "server")
    (tmp_path / "peers").mkdir()
    lines = [
        f'listen = "localhost:{port}"',
        'certificate = "server.pem"',
        'key = "server.key"',
        'authority = "authority.pem"',
    ]
    (tmp_path / "alignment.key").write_text("ab" * 32)
    (tmp_path / "alignment.key").chmod(0o600)
    for site in make_sites():
        identity = authority.issue_site(site.name)
        (tmp_path / site.name).mkdir()
        authority.write_identity(identity, tmp_path, site.name)
        pem = (tmp_path / f"{site.name}.pem").read_bytes()
        (tmp_path / "peers" / f"{site.name}.pem").write_bytes(pem)
        triples = "".join("\t".join(t) + "\n" for t in site.split.whole().labels())
        (tmp_path / f"{site.name}.tsv").write_text(triples)
        (tmp_path / f"{site.name}.toml").write_text(SITE.format(name=site.name, port=port))
        mark = fingerprint(identity.certificate)
        lines.append(f'[sites.{site.name}]\nfingerprint = "{mark}"')
    (tmp_path / "server.toml").write_text("\n".join(lines))
    return tmp_path


def _start(*arguments, directory, log):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with (directory / log).open("ab") as stream:
        return subprocess.Popen(
            [sys.executable, "-m", "hereditary_kg.cli.main", *arguments],
            cwd=directory,
            env=environment,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )


def _start_site(name, directory):
    return _start(
        "site",
        "learn",
        "-c",
        f"{name}.toml",
        "--runs",
        "1",
        "--patience",
        "60",
        "-v",
        directory=directory,
        log=f"{name}.log",
    )


def _end(processes, directory, expected):
    for name, process in processes.items():
        codes = {expected, 0} if name == "server" else {0}
        try:
            assert process.wait(timeout=120) in codes, (directory / f"{name}.log").read_text()
        finally:
            process.kill()


def _train(directory, *, secure, disturb=None, expected=0):
    (directory / "training.toml").write_text(TRAINING.format(secure=str(secure).lower()))
    processes = {f"site-{n}": _start_site(f"site-{n}", directory) for n in range(3)}
    server = _start(
        "train",
        "-c",
        "training.toml",
        "--serve",
        "server.toml",
        "--peers",
        "peers",
        "--patience",
        "60",
        directory=directory,
        log="server.log",
    )
    if disturb is not None:
        disturb(processes)
    processes["server"] = server
    _end(processes, directory, expected)
    return json.loads((directory / "report" / "report.json").read_text())


def _train_in_process(directory, *, secure, monkeypatch):
    text = TRAINING.format(secure=str(secure).lower()).replace('"report"', '"here"')
    for n in range(3):
        text += f'[[site]]\nname = "site-{n}"\ntriples = "site-{n}.tsv"\n'
    (directory / "here.toml").write_text(text)
    key = AlignmentKey(bytes.fromhex("ab" * 32))
    monkeypatch.setattr("hereditary_kg.embeddings.training_run.local_alignment_key", lambda *_: key)
    return train_here(read_training_description(directory / "here.toml"))


@pytest.mark.parametrize("secure", [False, True])
def test_sites_far_apart_end_with_the_models_of_sites_here(federation, monkeypatch, secure):
    report = _train(federation, secure=secure)
    here = _train_in_process(federation, secure=secure, monkeypatch=monkeypatch)
    assert report["rounds"] == 5
    assert not report["missing"]
    for name, model in here.models.items():
        kept = load_model(federation / name / "output" / "ring" / "models" / name)
        assert torch.allclose(kept.model.entities, model.model.entities, atol=1e-6)
        assert kept.known.labels() == model.known.labels()
        sent = [
            json.loads(line)
            for line in (federation / name / "outgoing.jsonl").read_text().splitlines()
        ]
        assert all("person" not in json.dumps(entry) for entry in sent)
        assert len(sent) >= 6
    assert "person" not in (federation / "server.log").read_text()


def test_a_site_that_is_killed_comes_back_and_the_run_ends(federation):
    def kill(processes):
        path = federation / "site-1" / "outgoing.jsonl"
        until = time.monotonic() + 60
        while not (path.exists() and '"train"' in path.read_text()):
            assert time.monotonic() < until
            time.sleep(0.01)
        processes["site-1"].send_signal(signal.SIGKILL)
        processes["site-1"].wait()
        processes["site-1"] = _start_site("site-1", federation)

    report = _train(federation, secure=False, disturb=kill, expected=3)
    assert {site for round_ in report["missing"].values() for site in round_} <= {"site-1"}
    assert report["rounds"] == 5
    for n in range(3):
        assert (
            load_model(federation / f"site-{n}" / "output" / "ring" / "models" / f"site-{n}").about[
                "run"
            ]
            == "ring"
        )


def test_a_site_that_insists_on_more_sites_takes_no_part(federation):
    path = federation / "site-1.toml"
    path.write_text(path.read_text().replace("fewest_sites = 2", "fewest_sites = 4"))
    (federation / "training.toml").write_text(TRAINING.format(secure="true"))
    sites = [_start_site(f"site-{n}", federation) for n in range(3)]
    server = _start(
        "train",
        "-c",
        "training.toml",
        "--serve",
        "server.toml",
        "--peers",
        "peers",
        directory=federation,
        log="server.log",
    )
    try:
        assert server.wait(timeout=120) == 1
        assert "takes part from 4 on" in (federation / "server.log").read_text()
    finally:
        for process in (*sites, server):
            process.kill()
            process.wait()
