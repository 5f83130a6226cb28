"""Members that are served: an ``oxigraph`` process each, and the proxy before them all."""

import http.client
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.federation.engines.base import ServedFederation
from benchmarks.federation.preparation import PreparedMembers, find_oxigraph
from benchmarks.federation.processes import ServiceProcess, StartError, take_free_ports
from benchmarks.federation.proxy import Fault
from benchmarks.federation.traffic import RequestTrace

__all__ = ["ServedMembers", "serve_members", "write_description"]

_START_SECONDS = 60.0
_ATTEMPTS = 3
_CONTROL_SECONDS = 30.0


@dataclass
class ServedMembers:
    """Members that are up.

    Attributes:
        federation: what engines get to know.
        control_port: where the proxy is told what to do.
        processes: the members' servers.
    """

    federation: ServedFederation
    control_port: int
    processes: list[ServiceProcess] = field(default_factory=list)

    def set_conditions(self, delay: float, faults: Mapping[str, Fault] | None = None) -> None:
        """Set how long every request is delayed, in seconds, and what goes wrong."""
        table = {name: asdict(fault) for name, fault in (faults or {}).items()}
        self._control("POST", "/settings", {"delay": delay, "faults": table})

    def reset(self) -> None:
        """Forget the requests so far."""
        self._control("POST", "/reset")

    def requests(self) -> list[RequestTrace]:
        """Give the requests since the last reset, in the order of their coming."""
        return [RequestTrace(**trace) for trace in self._control("GET", "/requests")]

    def resident_bytes(self) -> tuple[int, int]:
        """Give the servers' resident memory, and how much of that is theirs alone."""
        sizes = [process.resident_bytes() for process in self.processes]
        return sum(size[0] for size in sizes), sum(size[1] for size in sizes)

    def _control(self, method: str, path: str, content: object = None) -> Any:
        return _control(self.control_port, method, path, content)


@contextmanager
def serve_members(prepared: PreparedMembers, directory: Path) -> Iterator[ServedMembers]:
    """Serve members on loopback ports until the block ends.

    Args:
        prepared: the members.
        directory: where logs and the federation's description go.

    Raises:
        StartError: a server does not start.
    """
    names = list(prepared.triples)
    with ExitStack() as stack:
        processes = _start_servers(prepared, names, directory, stack)
        backends = {name: process.port for name, process in processes.items()}
        (directory / "backends.json").write_text(json.dumps(backends), encoding="utf-8")
        control_port = take_free_ports(1)[0]
        proxy = ServiceProcess(
            [
                sys.executable,
                "-m",
                "benchmarks.federation.proxy",
                str(control_port),
                str(directory / "backends.json"),
            ],
            control_port,
            directory / "proxy.log",
        )
        stack.callback(proxy.stop)
        proxy.wait_until_listening(_START_SECONDS)
        ports = _control(control_port, "GET", "/members")
        urls = {name: f"http://127.0.0.1:{port}/sparql" for name, port in ports.items()}
        description = write_description(prepared, urls, directory / "federation.toml")
        federation = ServedFederation(urls, description, directory)
        yield ServedMembers(federation, control_port, list(processes.values()))


def write_description(prepared: PreparedMembers, urls: Mapping[str, str], path: Path) -> Path:
    """Write a federation description with the members' profiles."""
    text = 'name = "benchmark"\n'
    for name, url in urls.items():
        profile = prepared.profile(name).resolve()
        text += f'\n[[member]]\nname = "{name}"\nurl = "{url}"\nprofile = "{profile}"\n'
    path.write_text(text, encoding="utf-8")
    return path


def _start_servers(
    prepared: PreparedMembers, names: list[str], directory: Path, stack: ExitStack
) -> dict[str, ServiceProcess]:
    """Start all servers at once; where another program took a port meanwhile, try another."""
    processes: dict[str, ServiceProcess] = {}
    for attempt in range(_ATTEMPTS):
        missing = [name for name in names if name not in processes]
        started = {
            name: _start_server(prepared.store(name), port, directory / f"{name}.log", stack)
            for name, port in zip(missing, take_free_ports(len(missing)), strict=True)
        }
        for name, process in started.items():
            try:
                process.wait_until_listening(_START_SECONDS)
            except StartError:
                if attempt + 1 == _ATTEMPTS:
                    raise
            else:
                processes[name] = process
    return {name: processes[name] for name in names}


def _start_server(store: Path, port: int, log: Path, stack: ExitStack) -> ServiceProcess:
    program = find_oxigraph()
    if program is None:
        raise StartError("there is no program oxigraph; pip install oxigraph")
    options = ["--location", str(store), "--bind", f"127.0.0.1:{port}"]
    process = ServiceProcess([str(program), "serve-read-only", *options], port, log)
    stack.callback(process.stop)
    return process


def _control(port: int, method: str, path: str, content: object = None) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_CONTROL_SECONDS)
    try:
        body = None if content is None else json.dumps(content)
        connection.request(method, path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        document = response.read()
        if response.status != 200:
            raise RuntimeError(f"the proxy answers {response.status}: {document[:300]!r}")
        return json.loads(document)
    finally:
        connection.close()
