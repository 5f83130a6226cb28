import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
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
from tests.embeddings.grids.grpc_sites import NUMBERS, Federation

HERE = Path(__file__).parent
PROJECT = HERE.parents[2]
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
    def answer(
        self, federation: Federation, message_type: str = "train", **changes: Any
    ) -> Message:
        signed = federation.manifest().sign(federation.server)
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
            run_config=signed.to_settings() if "run" not in changes else {},
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
        reply = self.answer(Federation(tmp_path), run="none")
        assert "The run has no signed manifest" in str(reply.error.reason)

    def test_a_node_that_knows_no_authority_takes_part_in_nothing(self, tmp_path: Path) -> None:
        reply = self.answer(Federation(tmp_path), site="")
        assert "does not name the site and the authority" in str(reply.error.reason)

    def test_a_failure_does_not_say_what_it_must_not(self, tmp_path: Path) -> None:
        reply = self.answer(Federation(tmp_path), message_type="query")
        assert "ValueError" in str(reply.error.reason)
        assert "4711" not in str(reply.error.reason)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Processes:
    """Flower's processes, which are ended with all that they have started."""

    def __init__(self, place: Path, environment: dict[str, str]) -> None:
        self._place = place
        self._environment = environment
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self, name: str, command: list[str]) -> None:
        with (self._place / f"{name}.log").open("wb") as log:
            self._running.append(
                subprocess.Popen(
                    command,
                    env=self._environment,
                    stdout=log,
                    stderr=log,
                    cwd=self._place,
                    start_new_session=True,
                )
            )

    def stop(self) -> None:
        for how in (signal.SIGTERM, signal.SIGKILL):
            for process in reversed(self._running):
                try:
                    os.killpg(process.pid, how)
                except ProcessLookupError:
                    continue
            end = time.monotonic() + 8
            while time.monotonic() < end and any(
                process.poll() is None for process in self._running
            ):
                time.sleep(0.1)

    def logs(self) -> str:
        return "\n".join(
            f"{path.name}: {path.read_text(errors='replace')[-1500:]}"
            for path in sorted(self._place.glob("*.log"))
        )


@pytest.fixture
def started(tmp_path: Path) -> Iterator[tuple[FlowerDeployment, Federation, Processes]]:
    federation = Federation(tmp_path, SITES)
    federation.authority.write_identity(federation.server, tmp_path, "server")
    deployment = FlowerDeployment(
        f"127.0.0.1:{free_port()}", tmp_path / "authority.pem", tmp_path / "home"
    )
    environment = {
        **deployment.environment(),
        "PYTHONPATH": os.pathsep.join([str(HERE / "outgoing_watch"), str(PROJECT)]),
        "OUTGOING_LOG": str(tmp_path / "outgoing"),
    }
    processes = Processes(tmp_path, environment)
    try:
        yield deployment, federation, processes
    finally:
        processes.stop()


def wait_for_server(deployment: FlowerDeployment, seconds: float) -> None:
    context = ssl.create_default_context(cafile=str(deployment.authority))
    host, _, port = deployment.address.partition(":")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with (
                socket.create_connection((host, int(port)), timeout=5) as plain,
                context.wrap_socket(plain, server_hostname=host),
            ):
                return
        except OSError:
            time.sleep(0.3)
    pytest.skip(f"Flower's SuperLink did not listen within {seconds:g} s on this machine")


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
