"""The demo's sites, each served by a process of its own."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

__all__ = ["ServiceError", "serve_sites"]

_STOPPING_SECONDS = 10


class ServiceError(Exception):
    """A site's service did not start."""


@contextmanager
def serve_sites(directories: Mapping[str, Path]) -> Iterator[dict[str, str]]:
    """Serve sites with ``hkg site serve`` on free ports of loopback until the block ends.

    Args:
        directories: the sites by name.

    Yields:
        The address of each site's SPARQL endpoint, by name; all take queries.

    Raises:
        ServiceError: a service did not start; the message has what it said.
    """
    with ExitStack() as stack:
        services = {
            name: stack.enter_context(_Service(name, directory))
            for name, directory in directories.items()
        }
        yield {name: service.wait_until_ready() for name, service in services.items()}


class _Service:
    """One process; it is stopped when its block ends, whatever the reason."""

    def __init__(self, name: str, directory: Path) -> None:
        self._name = name
        self._messages = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        command = [sys.executable, "-m", "hereditary_kg.cli.main", "site", "serve"]
        # A session of its own: Ctrl-C reaches the demo alone, which then stops its services.
        self._process = subprocess.Popen(  # noqa: S603 - a command of our own
            [*command, str(directory), "--port", "0", "--quiet"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._messages,
            text=True,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.terminate()
        try:
            self._process.communicate(timeout=_STOPPING_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
        self._messages.close()

    def wait_until_ready(self) -> str:
        """Wait for the address that the service writes once it takes queries."""
        output = self._process.stdout
        address = output.readline().strip() if output is not None else ""
        if not address:
            self._process.wait()
            self._messages.seek(0)
            said = self._messages.read().decode(errors="replace").strip()
            raise ServiceError(f"the site {self._name} could not be served: {said}")
        return address
