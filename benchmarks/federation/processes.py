"""Programs that serve on a loopback port, started and ended for certain."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

__all__ = ["ServiceProcess", "StartError", "take_free_ports"]

_POLL_SECONDS = 0.02
_GRACE_SECONDS = 5.0


class StartError(Exception):
    """A program did not start, or not in time."""


def _bind_to_this_process() -> list[str]:
    """Let the system end what we start even where we are killed, if it has the program for it."""
    program = shutil.which("setpriv")
    return [program, "--pdeathsig", "KILL", "--"] if program else []


def take_free_ports(count: int) -> list[int]:
    """Give TCP ports that nobody listens on at present, each another."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


class ServiceProcess:
    """A program that listens on a port of 127.0.0.1, in a process group of its own.

    Args:
        command: the program and its arguments.
        port: where it listens.
        log: takes its output; shown where it does not start.
    """

    def __init__(self, command: Sequence[str], port: int, log: Path) -> None:
        self.port = port
        self._log = log
        self._command = command
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [*_bind_to_this_process(), *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def wait_until_listening(self, seconds: float) -> None:
        """Wait until the port takes connections.

        Raises:
            StartError: the program ended, or took longer.
        """
        deadline = time.monotonic() + seconds
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            if self._process.poll() is not None:
                raise StartError(f"{self._command[0]} ended at once:\n{self._last_output()}")
            if time.monotonic() > deadline:
                raise StartError(
                    f"{self._command[0]} does not listen after {seconds:.0f} s:\n"
                    f"{self._last_output()}"
                )
            time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        """End the program and what it started: politely first, then for certain."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def resident_bytes(self) -> tuple[int, int]:
        """Give its resident memory, and how much of that no file and no other process shares."""
        text = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        sizes = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
        return tuple(int(sizes[key].split()[0]) * 1024 for key in ("VmRSS", "RssAnon"))  # type: ignore[return-value]

    def _last_output(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")[-2000:]
