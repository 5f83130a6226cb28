"""Flower's processes for the tests: started with an eye on what they send, and ended for good."""

import os
import signal
import socket
import ssl
import subprocess
import time
from pathlib import Path

import pytest

from hereditary_kg.embeddings.grids.flower_deployment import FlowerDeployment

HERE = Path(__file__).parent
PROJECT = HERE.parents[2]


def watched(deployment: FlowerDeployment, log: Path) -> dict[str, str]:
    """Give the environment of Flower's processes, in which all that they would send is noted."""
    return {
        **deployment.environment(),
        "PYTHONPATH": os.pathsep.join([str(HERE / "outgoing_watch"), str(PROJECT)]),
        "OUTGOING_LOG": str(log),
    }


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
