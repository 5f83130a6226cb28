"""Flower's SuperLink and SuperNodes as processes: their commands, configuration and run bundle.

For institutions that run Flower already. All sides get the same environment: no telemetry, no
check for updates, no installation of packages at run time, and no way to Flower's own servers.
The bundle that a run ships has no code: it names the applications that are installed at each side,
and carries the run's signed manifest, which `GuardedClientApp` checks at the site.

Flower 1.42 serves its control, fleet and runtime interfaces at one port, and does not ask who
starts a run. Whoever reaches ``/v1/control/`` can ship code to all SuperNodes. So the SuperLink
listens at the loopback address alone by default, and a reverse proxy has to let sites through to
``/v1/fleet/`` and to nothing else. docs/federated-learning-deployment.md says how.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hereditary_kg.embeddings.grids.errors import DeploymentError, SettingsError
from hereditary_kg.embeddings.grids.manifest import SERVER_PREFIX, RunManifest, SignedManifest
from hereditary_kg.embeddings.grids.run_settings import SettingValue

__all__ = ["FlowerDeployment"]

_CONNECTION = "hereditary-kg"
_NOWHERE = "127.0.0.1:9"
_SWITCHES = {
    "FLWR_TELEMETRY_ENABLED": "0",
    "FLWR_TELEMETRY_LOGGING": "0",
    "FLWR_DISABLE_UPDATE_CHECK": "1",
    "FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION": "1",
    "FLWR_SUPERGRID_API_URL": f"https://{_NOWHERE}/v1",
    "FLWR_SUPERGRID_ADDRESS": _NOWHERE,
    "FLWR_SUPEREXEC_TASK_POLL_INTERVAL": "0.1",
}
_REMOVED = (
    "FLWR_ENABLE_EVENT_LOG",
    "FLWR_MODEL_API_ENDPOINT",
    "FLWR_MODEL_API_KEY",
    "FLWR_TELEMETRY_PARTNER_ID",
    "FLWR_TRACING_ENABLED",
)


@dataclass(frozen=True)
class FlowerDeployment:
    """A SuperLink and how to reach it.

    Attributes:
        address: the SuperLink's ``host:port``, as the other processes reach it.
        authority: the PEM file of the authority that signed the SuperLink's certificate.
        home: Flower's directory of this side, apart from that of other uses of Flower.
    """

    address: str
    authority: Path
    home: Path

    def environment(self) -> dict[str, str]:
        """Give the environment in which each of Flower's processes has to be started."""
        kept = {key: value for key, value in os.environ.items() if key not in _REMOVED}
        programs = str(Path(sys.executable).parent)
        path = os.pathsep.join([programs, kept.get("PATH", os.defpath)])
        return {**kept, **_SWITCHES, "FLWR_HOME": str(self.home), "PATH": path}

    def superlink_command(
        self, certificate: Path, key: Path, database: Path, listen: str = "127.0.0.1"
    ) -> list[str]:
        """Give the command of the SuperLink.

        Args:
            certificate: the server's certificate, a PEM file.
            key: its private key.
            database: where runs and messages are kept, so that a run outlives the process.
            listen: the address to listen at. Any other than a loopback address lets whoever
                reaches it start runs.
        """
        return [
            _program("flower-superlink"),
            *("--ssl-certfile", str(certificate)),
            *("--ssl-keyfile", str(key)),
            *("--ssl-ca-certfile", str(self.authority)),
            "--enable-supernode-auth",
            "--disable-runtime-dependency-installation",
            *("--database", str(database)),
            *("--host", listen),
            *("--port", self.address.rpartition(":")[2]),
        ]

    def supernode_command(
        self,
        site: str,
        key: Path,
        port: int,
        *,
        learning: Path | None = None,
        policy: Path | None = None,
        ledger: Path | None = None,
        settings: Mapping[str, SettingValue] | None = None,
    ) -> list[str]:
        """Give the command of a site's SuperNode.

        Args:
            site: the site's name.
            key: its private key in OpenSSH's format (`Identity.write_openssh`).
            port: a free port of the loopback address, by which the node talks to its own
                processes.
            learning: the site's settings file for `hkg train`; policy and ledger stand in it.
            policy: the site's policy, a TOML file, for other applications.
            ledger: the file of what leaves the site.
            settings: what else the client application finds in ``context.node_config``.

        Raises:
            SettingsError: a setting has a double quote in it, which Flower cannot read.
        """
        given: dict[str, SettingValue] = {
            **(settings or {}),
            "site": site,
            "authority": str(self.authority.absolute()),
        }
        for name, path in (("learning", learning), ("policy", policy), ("ledger", ledger)):
            if path is not None:
                given[name] = str(path.absolute())
        return [
            _program("flower-supernode"),
            *("--superlink", self.address),
            *("--root-certificates", str(self.authority)),
            *("--auth-supernode-private-key", str(key)),
            *("--host", "127.0.0.1"),
            *("--port", str(port)),
            *("--node-config", " ".join(_assign(key, value) for key, value in given.items())),
        ]

    def write_connection(self) -> Path:
        """Write the connection that the commands of `flwr` use; give the file."""
        path = self.home / "config.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            f'[superlink]\ndefault = "{_CONNECTION}"\n\n[superlink.{_CONNECTION}]\n'
            f"address = {_write_toml(self.address)}\n"
            f"root-certificates = {_write_toml(str(self.authority))}\n",
            encoding="utf-8",
        )
        return path

    def write_bundle(
        self,
        directory: Path,
        server_app: str,
        client_app: str,
        signed: SignedManifest,
        server_settings: Mapping[str, SettingValue] | None = None,
    ) -> Path:
        """Write the directory that a run ships: its configuration, and no code.

        Args:
            directory: where; it must not hold anything else.
            server_app: the installed server application, as ``package.module:name``.
            client_app: the installed client application, a `GuardedClientApp`.
            signed: the run's signed manifest.
            server_settings: what the server application alone finds in ``context.run_config``,
                with `SERVER_PREFIX` before it. All sites see it too.

        Returns:
            the directory.

        Raises:
            SettingsError: the directory holds something else, which would be shipped as well.
        """
        directory.mkdir(parents=True, exist_ok=True)
        others = [path.name for path in directory.iterdir() if path.name != "pyproject.toml"]
        if others:
            raise SettingsError(
                f"{directory}: the bundle of a run must hold nothing but its configuration; there "
                f"is {', '.join(sorted(others))}. Give an empty directory."
            )
        manifest = RunManifest.from_json(signed.text)
        settings = {**manifest.settings(), **signed.to_settings()}
        settings |= {
            f"{SERVER_PREFIX}{key}": value for key, value in (server_settings or {}).items()
        }
        lines = [
            "[project]",
            'name = "hereditary-kg-run"',
            f"version = {_write_toml(manifest.package_version)}",
            f"description = {_write_toml(manifest.title)}",
            'license = "Apache-2.0"',
            "dependencies = []",
            "",
            "[tool.flwr.app]",
            'publisher = "hereditary-kg"',
            "",
            "[tool.flwr.app.components]",
            f"serverapp = {_write_toml(server_app)}",
            f"clientapp = {_write_toml(client_app)}",
            "",
            "[tool.flwr.app.config]",
            *(f"{_write_toml(key)} = {_write_toml(value)}" for key, value in settings.items()),
        ]
        (directory / "pyproject.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return directory

    def register(self, public_key: Path, site: str) -> int:
        """Let a site's SuperNode take part; give the node id that Flower has chosen.

        Args:
            public_key: the site's public key in OpenSSH's format.
            site: the site's name.

        Raises:
            DeploymentError: the SuperLink does not answer, or refuses.
        """
        told = self._flwr("supernode", "register", str(public_key), _CONNECTION, "--name", site)
        return int(str(told["node-id"]))

    def start_run(self, bundle: Path) -> int:
        """Start a run; give its number.

        Raises:
            DeploymentError: the SuperLink does not answer, or refuses.
        """
        return int(str(self._flwr("run", str(bundle), _CONNECTION)["run-id"]))

    def stop_run(self, run_id: int) -> None:
        """Stop a run.

        Raises:
            DeploymentError: the SuperLink does not answer, or has no such run.
        """
        self._flwr("stop", str(run_id), _CONNECTION)

    def run_status(self, run_id: int) -> str:
        """Tell how far a run is: ``pending``, ``starting``, ``running`` or ``finished:…``.

        Raises:
            DeploymentError: the SuperLink does not answer, or has no such run.
        """
        told = self._flwr("ls", _CONNECTION, "--run-id", str(run_id))
        runs = told.get("runs")
        if not isinstance(runs, list) or not runs:
            raise DeploymentError(f"The SuperLink at {self.address} has no run {run_id}.")
        return str(runs[0]["status"])

    def _flwr(self, *arguments: str) -> dict[str, object]:
        self.write_connection()
        done = subprocess.run(  # noqa: S603  (Flower's own program, without a shell)
            [_program("flwr"), *arguments, "--format", "json"],
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        try:
            told = json.loads(done.stdout[done.stdout.index("{") :])
        except ValueError:
            told = {}
        if done.returncode or not isinstance(told, dict) or not told.get("success"):
            said = " ".join((done.stderr or done.stdout).split())
            raise DeploymentError(
                f"The SuperLink at {self.address} did not do `flwr {arguments[0]}`: {said or told} "
                "Is it running, and does it have a certificate of this authority?"
            )
        return told


def _program(name: str) -> str:
    path = Path(sys.executable).parent / name
    if not path.exists():
        raise DeploymentError(
            f"{path}: Flower's program is not there. Install the extra: "
            "pip install 'hereditary-kg[learn]'."
        )
    return str(path)


def _write_toml(value: SettingValue) -> str:
    return repr(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


def _assign(key: str, value: SettingValue) -> str:
    """Write a setting as ``--node-config`` reads it."""
    if isinstance(value, str) and any(mark in value for mark in "\"'\\\n"):
        raise SettingsError(
            f"Setting {key} is {value!r}. Flower reads no quotes, backslashes or line ends in the "
            "settings of a node."
        )
    return f"{key}={_write_toml(value)}"
