"""A throw-away ``oxigraph`` server, as the package of that name brings it."""

import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

__all__ = ["oxigraph_service", "update"]

_START_SECONDS = 60


@contextmanager
def oxigraph_service(directory: Path, ntriples: str) -> Iterator[str]:
    """Run a server with some triples in its default graph; gives its endpoint's address."""
    beside = Path(sys.executable).with_name("oxigraph")
    binary = str(beside) if beside.exists() else shutil.which("oxigraph")
    if binary is None:
        pytest.skip("there is no oxigraph server; `pip install oxigraph` brings it")
    (directory / "data.nt").write_text(ntriples)
    store = str(directory / "store")
    loading = [binary, "load", "--location", store, "--file", str(directory / "data.nt")]
    subprocess.run(loading, check=True, capture_output=True, timeout=300)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    process = subprocess.Popen(
        [binary, "serve", "--location", store, "--bind", address],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until_up(process, address)
        yield f"http://{address}/query"
    finally:
        process.terminate()
        process.wait(timeout=60)


def update(url: str, text: str) -> None:
    """Change the data of a server that runs."""
    request = urllib.request.Request(
        url.removesuffix("/query") + "/update",
        data=text.encode(),
        headers={"Content-Type": "application/sparql-update"},
    )
    with urllib.request.urlopen(request, timeout=30):
        pass


def _wait_until_up(process: subprocess.Popen[bytes], address: str) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with (
            suppress(OSError),
            urllib.request.urlopen(f"http://{address}/query?query=ASK%20%7B%7D", timeout=5),
        ):
            return
        time.sleep(0.05)
    pytest.fail("the oxigraph server did not start")
