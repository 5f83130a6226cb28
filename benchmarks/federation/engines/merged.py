"""One Oxigraph store that holds everything: what a federation is measured by.

It is fetched from the members when it starts, served by one ``oxigraph`` process, and asked
through a proxy like theirs, without a delay.
"""

import http.client
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from benchmarks.federation.engines.base import EngineError, ServedFederation
from benchmarks.federation.engines.endpoint import EndpointEngine
from benchmarks.federation.preparation import find_oxigraph
from benchmarks.federation.processes import ServiceProcess, StartError, take_free_ports

__all__ = ["MergedStoreEngine"]

_DEFAULT_GRAPH = "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }"
_NAMED_GRAPHS = "SELECT DISTINCT ?g WHERE { GRAPH ?g { ?s ?p ?o } }"
_FETCHING_SECONDS = 600.0


class MergedStoreEngine(EndpointEngine):
    """All members' triples in one ``oxigraph`` server."""

    name = "merged"

    def __init__(self) -> None:
        super().__init__()
        self._server: ServiceProcess | None = None

    def command(self, federation: ServedFederation, port: int) -> Sequence[str]:
        """Load the store, serve it, and give the command of the proxy before it.

        Raises:
            EngineError: the store cannot be loaded or served.
        """
        program = find_oxigraph()
        if program is None:
            raise EngineError("there is no program oxigraph; pip install oxigraph")
        store = federation.directory / "merged.store"
        if not store.is_dir():
            _load(program, federation, store)
        self._server = _serve(program, store, federation.directory / "merged-store.log")
        backends = federation.directory / "merged.json"
        backends.write_text(json.dumps({self.name: self._server.port}), encoding="utf-8")
        module = "benchmarks.federation.proxy"
        return [sys.executable, "-m", module, str(port), str(backends)]

    def start(self, federation: ServedFederation) -> None:
        """Start the store and the proxy, and find the port where the proxy stands for it."""
        try:
            super().start(federation)
            ports = json.loads(_request(self._port, "GET", "/members"))
        except (StartError, OSError, http.client.HTTPException) as error:
            self.stop()
            raise EngineError(f"the merged store does not start: {error}") from error
        except EngineError:
            self.stop()
            raise
        self._port = ports[self.name]

    def stop(self) -> None:
        """End the proxy and the store."""
        super().stop()
        if self._server is not None:
            self._server.stop()
            self._server = None


def _serve(program: Path, store: Path, log: Path) -> ServiceProcess:
    port = take_free_ports(1)[0]
    options = ["--location", str(store), "--bind", f"127.0.0.1:{port}"]
    server = ServiceProcess([str(program), "serve-read-only", *options], port, log)
    try:
        server.wait_until_listening(60.0)
    except StartError as error:
        server.stop()
        raise EngineError(f"the merged store does not start: {error}") from error
    return server


def _load(program: Path, federation: ServedFederation, store: Path) -> None:
    document = federation.directory / "merged.nq"
    with document.open("wb") as lines:
        for name, url in federation.urls.items():
            address = urlsplit(url)
            if address.port is None:
                raise EngineError(f"the URL of {name} has no port")
            lines.write(_ask(address.port, address.path, _DEFAULT_GRAPH, "application/n-triples"))
            graphs = _ask(address.port, address.path, _NAMED_GRAPHS, "text/tab-separated-values")
            for graph in graphs.decode().splitlines()[1:]:
                query = f"CONSTRUCT {{ ?s ?p ?o }} WHERE {{ GRAPH {graph} {{ ?s ?p ?o }} }}"
                for line in _ask(
                    address.port, address.path, query, "application/n-triples"
                ).splitlines():
                    lines.write(line.removesuffix(b".").rstrip() + f" {graph} .\n".encode())
    unfinished = store.with_suffix(".part")
    command = [program, "load", "--location", unfinished, "--file", document]
    loaded = subprocess.run(command, check=False, capture_output=True)
    if loaded.returncode:
        message = loaded.stderr[-500:].decode(errors="replace")
        raise EngineError(f"the merged store cannot be loaded: {message}")
    unfinished.rename(store)
    document.unlink()


def _ask(port: int, path: str, query: str, accept: str) -> bytes:
    return _request(port, "POST", path, urlencode({"query": query}), accept)


def _request(
    port: int, method: str, path: str, body: str | None = None, accept: str = "*/*"
) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_FETCHING_SECONDS)
    try:
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": accept}
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        document = response.read()
    finally:
        connection.close()
    if response.status != 200:
        raise EngineError(f"status {response.status}: {document[:300]!r}")
    return document
