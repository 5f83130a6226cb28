"""Engines that are SPARQL endpoints themselves."""

import http.client
import shlex
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlencode

from benchmarks.federation.engines.base import (
    EngineAnswer,
    EngineDownError,
    EngineError,
    EngineTimeoutError,
    ServedFederation,
)
from benchmarks.federation.processes import ServiceProcess, StartError, take_free_ports
from benchmarks.federation.row_counting import RowCounter

__all__ = ["CommandEngine", "EndpointEngine"]

_PIECE = 1 << 16


class EndpointEngine:
    """Starts a program that serves the federation as a SPARQL endpoint, and asks it by POST.

    Subclasses say with `command` how it is started; the rest is the same for all, so that all
    are measured alike.
    """

    name = ""
    path = "/sparql"
    accept = "text/tab-separated-values, application/sparql-results+json;q=0.5"
    start_seconds = 180.0

    def __init__(self) -> None:
        self._process: ServiceProcess | None = None
        self._port = 0

    def command(self, federation: ServedFederation, port: int) -> Sequence[str]:
        """Give the program and its arguments.

        Raises:
            EngineError: it is not installed.
        """
        raise NotImplementedError

    def start(self, federation: ServedFederation) -> None:
        """Start the program and wait until it listens."""
        self._port = take_free_ports(1)[0]
        command = self.command(federation, self._port)
        try:
            self._process = ServiceProcess(
                command, self._port, federation.directory / f"{self.name}.log"
            )
            self._process.wait_until_listening(self.start_seconds)
        except (StartError, OSError) as error:
            self.stop()
            raise EngineError(f"{self.name} does not start: {error}") from error

    @property
    def pid(self) -> int | None:
        """The program's process, for a profiler; None where it does not run."""
        return None if self._process is None else self._process.pid

    def answer(self, query: str, timeout: float) -> EngineAnswer:
        """Send the query; every byte of the answer has come when this returns."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=timeout)
        # The connection stands before the clock starts, as a client's pooled one would.
        try:
            connection.connect()
            return _ask(connection, self.path, query, self.accept, timeout)
        except TimeoutError as error:
            raise EngineTimeoutError(f"no whole answer after {timeout:.0f} s") from error
        except (OSError, http.client.HTTPException) as error:
            raise EngineDownError(f"the answer broke off: {error!r}") from error
        finally:
            connection.close()

    def stop(self) -> None:
        """End the program."""
        if self._process is not None:
            self._process.stop()
            self._process = None


class CommandEngine(EndpointEngine):
    """Any program that serves a federation, by its command line."""

    def __init__(self, name: str, command: str, path: str = "/sparql") -> None:
        super().__init__()
        self.name = name
        self.path = path
        self._template = command

    @classmethod
    def parse(cls, text: str) -> "CommandEngine":
        """Read ``NAME=COMMAND`` or ``NAME=COMMAND@/PATH``."""
        name, _, command = text.partition("=")
        command, _, path = command.partition("@")
        return cls(name, command, path or "/sparql")

    def command(self, federation: ServedFederation, port: int) -> Sequence[str]:
        """Fill in what the command has places for."""
        members = federation.directory / f"{self.name}.members"
        _write_lines(members, federation.urls.values())
        places = {"port": port, "members": members, "description": federation.description}
        return [part.format_map(places) for part in shlex.split(self._template)]


def _write_lines(path: Path, lines: object) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")  # type: ignore[attr-defined]


def _ask(
    connection: http.client.HTTPConnection, path: str, query: str, accept: str, timeout: float
) -> EngineAnswer:
    body = urlencode({"query": query})
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": accept}
    started = time.perf_counter()
    connection.request("POST", path, body, headers)
    response = connection.getresponse()
    media_type = response.headers.get("Content-Type", "")
    counter = RowCounter(media_type)
    pieces: list[bytes] = []
    first_row: float | None = None
    while piece := response.read1(_PIECE):
        pieces.append(piece)
        counter.take(piece)
        if first_row is None and counter.started:
            first_row = time.perf_counter() - started
        left = timeout - (time.perf_counter() - started)
        if left <= 0:
            raise TimeoutError
        if connection.sock is not None:
            connection.sock.settimeout(left)
    seconds = time.perf_counter() - started
    document = b"".join(pieces)
    if response.status == 504:
        raise EngineTimeoutError(_excerpt(document))
    if response.status != 200:
        raise EngineError(f"status {response.status}: {_excerpt(document)}")
    planning = _read_planning(response.headers.get_all("Server-Timing", []))
    return EngineAnswer(document, media_type, seconds, first_row, planning)


def _read_planning(headers: Sequence[str]) -> float | None:
    """Read the seconds of planning from Server-Timing headers (W3C Server Timing, section 3).

    They are those of the metric ``plan``, which comes without what planning asks of members.
    """
    for metric in ",".join(headers).split(","):
        name, *parameters = (part.strip() for part in metric.split(";"))
        if name == "plan":
            for parameter in parameters:
                key, _, value = parameter.partition("=")
                if key.strip().lower() == "dur":
                    return float(value.strip().strip('"')) / 1000
    return None


def _excerpt(document: bytes) -> str:
    return document[:500].decode("utf-8", "replace")
