import json
import os
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flwr.app import ArrayRecord, Context, Message, RecordDict

from hereditary_kg.embeddings.grids.errors import DeploymentError, SettingsError
from hereditary_kg.embeddings.grids.flower_api import make_message
from hereditary_kg.embeddings.grids.flower_deployment import FlowerDeployment
from hereditary_kg.embeddings.grids.in_process import InProcessGrid
from hereditary_kg.embeddings.grids.messages import new_metadata
from hereditary_kg.embeddings.grids.node import SiteApp
from hereditary_kg.embeddings.grids.running import run_server_app
from tests.embeddings.grids import sum_apps
from tests.embeddings.grids.flower_processes import (
    HERE,
    Processes,
    free_port,
    wait_for_server,
    watched,
)
from tests.embeddings.grids.grpc_sites import NUMBERS, Federation

SITES = ("biobank", "clinic")
APPS = "tests.embeddings.grids.sum_apps"


@pytest.fixture
def deployment(tmp_path: Path) -> FlowerDeployment:
    return FlowerDeployment("127.0.0.1:9", tmp_path / "authority.pem", tmp_path / "home")


class TestCommands:
    def test_nothing_is_sent_to_flower_and_nothing_installed(
        self, deployment: FlowerDeployment, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FLWR_MODEL_API_KEY", "secret")
        monkeypatch.setenv("FLWR_TELEMETRY_ENABLED", "1")
        environment = deployment.environment()
        assert environment["FLWR_TELEMETRY_ENABLED"] == "0"
        assert environment["FLWR_DISABLE_UPDATE_CHECK"] == "1"
        assert environment["FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION"] == "1"
        assert "flower.ai" not in str([environment[key] for key in environment if "FLWR" in key])
        assert "FLWR_MODEL_API_KEY" not in environment

    def test_the_superlink_asks_for_keys_and_listens_at_home(
        self, deployment: FlowerDeployment, tmp_path: Path
    ) -> None:
        command = deployment.superlink_command(tmp_path / "c", tmp_path / "k", tmp_path / "d")
        assert "--enable-supernode-auth" in command
        assert "--disable-runtime-dependency-installation" in command
        assert "--insecure" not in command
        assert command[command.index("--host") + 1] == "127.0.0.1"

    def test_flower_reads_the_settings_of_a_node_as_they_are(
        self, deployment: FlowerDeployment, tmp_path: Path
    ) -> None:
        from flwr.common.config import parse_config_args

        command = deployment.supernode_command(
            "clinic",
            tmp_path / "key",
            5,
            ledger=tmp_path / "a place" / "out.jsonl",
            settings={"number": 3, "share": 0.5, "fast": True, "text": "a b"},
        )
        assert parse_config_args([command[command.index("--node-config") + 1]]) == {
            "number": 3,
            "share": 0.5,
            "fast": True,
            "text": "a b",
            "site": "clinic",
            "authority": str(tmp_path / "authority.pem"),
            "ledger": str(tmp_path / "a place" / "out.jsonl"),
        }
        with pytest.raises(SettingsError, match="reads no quotes"):
            deployment.supernode_command("cli'nic", tmp_path / "key", 5)

    def test_a_bundle_has_the_signed_manifest_and_no_code(
        self, deployment: FlowerDeployment, tmp_path: Path
    ) -> None:
        federation = Federation(tmp_path)
        signed = federation.manifest(
            title='Genes "and" Ärzte', privacy={"epsilon": float("inf"), "delta": 1e-5}
        ).sign(federation.server)
        bundle = deployment.write_bundle(tmp_path / "bundle", "a:server", "a:client", signed)
        deployment.write_bundle(bundle, "a:server", "a:client", signed)
        assert [path.name for path in bundle.iterdir()] == ["pyproject.toml"]
        app = tomllib.loads((bundle / "pyproject.toml").read_text())["tool"]["flwr"]["app"]
        assert app["components"] == {"serverapp": "a:server", "clientapp": "a:client"}
        assert app["config"]["manifest"] == signed.text
        assert app["config"]["privacy.epsilon"] == float("inf")
        (bundle / "code.py").touch()
        with pytest.raises(SettingsError, match=r"there is code\.py"):
            deployment.write_bundle(bundle, "a:server", "a:client", signed)

    def test_a_superlink_that_is_not_there_is_said(
        self, deployment: FlowerDeployment, tmp_path: Path
    ) -> None:
        Federation(tmp_path)
        with pytest.raises(DeploymentError, match="did not do `flwr ls`"):
            deployment.run_status(1)


class TestGuard:
    def settings(self, federation: Federation) -> dict[str, Any]:
        manifest = federation.manifest()
        return {**manifest.settings(), **manifest.sign(federation.server).to_settings()}

    def answer(
        self,
        federation: Federation,
        message_type: str = "train",
        run: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> Message:
        context = Context(
            run_id=7,
            node_id=2,
            node_config={
                "site": "clinic",
                "number": 2,
                "authority": str(federation.place / "authority.pem"),
                "ledger": str(federation.place / "out.jsonl"),
                **changes,
            },
            state=RecordDict(),
            run_config={**self.settings(federation), **(run or {})},
        )
        metadata = new_metadata(7, "m", 2, group_id="1", message_type=message_type)
        records = RecordDict({"values": ArrayRecord([np.zeros(2)])})
        return sum_apps.guarded_client(make_message(metadata, records), context)

    def test_a_run_that_is_admitted_is_taken_part_in(self, tmp_path: Path) -> None:
        reply = self.answer(Federation(tmp_path))
        assert reply.content["counts"]["number"] == 2
        (line,) = (tmp_path / "out.jsonl").read_text().splitlines()
        assert json.loads(line)["tensors"] == 1

    def test_a_run_that_the_policy_does_not_admit_is_refused(self, tmp_path: Path) -> None:
        policy = tmp_path / "policy.toml"
        policy.write_text('[required]\n"privacy.secure-aggregation" = true\n')
        reply = self.answer(Federation(tmp_path), policy=str(policy))
        assert "privacy.secure-aggregation must be True" in str(reply.error.reason)

    def test_a_run_without_a_manifest_is_refused(self, tmp_path: Path) -> None:
        reply = self.answer(Federation(tmp_path), run={"manifest": 0})
        assert "The run has no signed manifest" in str(reply.error.reason)

    @pytest.mark.parametrize("key", ["privacy.secure-aggregation", "training.fast"])
    def test_a_run_with_other_settings_than_its_manifest_is_refused(
        self, tmp_path: Path, key: str
    ) -> None:
        reply = self.answer(Federation(tmp_path), run={key: True})
        assert f"other settings than its signed manifest: {key}." in str(reply.error.reason)
        assert not self.answer(Federation(tmp_path), run={"server.place": "x"}).has_error()

    def test_a_node_that_knows_no_authority_takes_part_in_nothing(self, tmp_path: Path) -> None:
        reply = self.answer(Federation(tmp_path), site="")
        assert "does not name the site and the authority" in str(reply.error.reason)

    def test_a_failure_does_not_say_what_it_must_not(self, tmp_path: Path) -> None:
        reply = self.answer(Federation(tmp_path), message_type="query")
        assert "ValueError" in str(reply.error.reason)
        assert "4711" not in str(reply.error.reason)


@pytest.fixture
def started(tmp_path: Path) -> Iterator[tuple[FlowerDeployment, Federation, Processes]]:
    federation = Federation(tmp_path, SITES)
    federation.authority.write_identity(federation.server, tmp_path, "server")
    deployment = FlowerDeployment(
        f"127.0.0.1:{free_port()}", tmp_path / "authority.pem", tmp_path / "home"
    )
    processes = Processes(tmp_path, watched(deployment, tmp_path / "outgoing"))
    try:
        yield deployment, federation, processes
    finally:
        processes.stop()


def test_the_watch_sees_what_would_leave(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": str(HERE / "outgoing_watch"),
        "OUTGOING_LOG": str(tmp_path / "outgoing"),
    }
    code = "import urllib.request as u; u.urlopen('http://telemetry.invalid', timeout=5)"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, check=False
    )
    assert done.returncode != 0
    assert (tmp_path / "outgoing").read_text().startswith("telemetry.invalid")


@pytest.mark.sockets
@pytest.mark.timeout(400)
def test_the_same_applications_run_on_superlink_and_supernodes(
    started: tuple[FlowerDeployment, Federation, Processes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two messages a site: each costs about 10 s, since Flower starts a process for it."""
    # The tests' applications are no installed package.
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    deployment, federation, processes = started
    processes.start(
        "superlink",
        deployment.superlink_command(
            tmp_path / "server.pem", tmp_path / "server.key", tmp_path / "state.sqlite"
        ),
    )
    wait_for_server(deployment, 90)
    for site in SITES:
        public = federation.identities[site].write_openssh(tmp_path / f"{site}-node")
        assert deployment.register(public, site) > 0
        processes.start(
            f"supernode-{site}",
            deployment.supernode_command(
                site,
                tmp_path / f"{site}-node",
                free_port(),
                ledger=tmp_path / f"{site}.jsonl",
                settings={"number": NUMBERS[site]},
            ),
        )
    out = tmp_path / "result.json"
    manifest = federation.manifest(
        rounds=2, training={"size": 4, "timeout": 120.0, "out": str(out)}
    )
    bundle = deployment.write_bundle(
        tmp_path / "bundle",
        f"{APPS}:server",
        f"{APPS}:guarded_client",
        manifest.sign(federation.server),
    )
    run_id = deployment.start_run(bundle)
    end = time.monotonic() + 240
    while not out.exists() and time.monotonic() < end:
        if deployment.run_status(run_id).startswith("finished"):
            break
        time.sleep(1.0)
    if not out.exists():
        pytest.skip(
            f"Flower's processes did not end the run: {deployment.run_status(run_id)}. "
            f"{processes.logs()}"
        )
    found = json.loads(out.read_text())
    settings = {"sites": 2, "rounds": 2, "size": 4, "timeout": 60.0}
    sites = [SiteApp(site, sum_apps.client, {"number": NUMBERS[site]}) for site in SITES]
    with InProcessGrid(sites) as grid:
        expected = run_server_app(sum_apps.server, grid, settings)
    assert found["missing"] == []
    assert found["counts"] == [2, 2]
    np.testing.assert_array_equal(found["sum"], expected["result"].to_numpy_ndarrays()[0])
    for site in SITES:
        lines = (tmp_path / f"{site}.jsonl").read_text().splitlines()
        assert [json.loads(line)["group"] for line in lines] == ["1", "2"]
    assert not (tmp_path / "outgoing").exists(), (tmp_path / "outgoing").read_text()
