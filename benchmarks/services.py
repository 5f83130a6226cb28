"""Sites for measurements, and services in processes of their own.

Run as ``python -m benchmarks.services site DIRECTORY`` or ``… federation FILE`` it serves what
``hkg site serve`` and ``hkg serve`` serve, and prints the URL.
"""

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from hereditary_kg.sites import Site

__all__ = ["MemoryWatch", "build_site", "describe_federation", "serve_process"]

_SAMPLING_SECONDS = 0.1


def build_site(directory: Path, name: str, lines: Iterable[str]) -> Path:
    """Make a site of N-Triples lines, with its profile.

    Returns:
        Its directory.
    """
    directory.mkdir(parents=True, exist_ok=True)
    document = directory / f"{name}.nt"
    document.write_text("".join(lines), encoding="utf-8")
    with Site.create(directory / name, name=name) as site:
        site.load([document])
        site.build_profile()
    return directory / name


def describe_federation(path: Path, members: dict[str, str | Path]) -> Path:
    """Write a federation description.

    Args:
        path: where to.
        members: the URL of each member's endpoint, or its site's directory.
    """
    text = 'name = "benchmark"\n\n[prefixes]\nex = "http://example.org/"\n'
    for name, place in members.items():
        key = "url" if isinstance(place, str) else "site"
        text += f'\n[[member]]\nname = "{name}"\n{key} = "{place}"\n'
    path.write_text(text, encoding="utf-8")
    return path


@contextmanager
def serve_process(kind: str, place: Path, *options: str) -> Iterator[tuple[str, int]]:
    """Serve a site or a federation in a process of its own.

    Yields:
        The URL of its endpoint, and the process's id.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.services", kind, str(place), *options],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        if process.stdout is None:
            raise RuntimeError("the service has no output")
        url = process.stdout.readline().strip()
        if not url:
            raise RuntimeError(f"the service of {place} did not start")
        yield f"{url}/sparql", process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate()


@dataclass
class MemoryWatch:
    """Watches the resident memory of a process and its children while a block runs.

    Attributes:
        process: the process's id.
        own: the most that the process itself had, in MiB.
        workers: the most that its children had together, in MiB.
    """

    process: int
    own: float = 0.0
    workers: float = 0.0
    _ended: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(_SAMPLING_SECONDS):
            self.own = max(self.own, _resident(self.process))
            self.workers = max(self.workers, sum(map(_resident, _children(self.process))))


def _resident(process: int) -> float:
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _children(process: int) -> list[int]:
    try:
        found = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:
        return []
    direct = [int(child) for child in found]
    return direct + [below for child in direct for below in _children(child)]


async def _serve(arguments: argparse.Namespace) -> None:
    def tell(url: str) -> None:
        print(url, flush=True)

    if arguments.kind == "site":
        from hereditary_kg.sites.service import serve as serve_site

        site = Site.open(arguments.place)
        await serve_site(
            site,
            "127.0.0.1",
            0,
            workers=arguments.workers,
            time_limit=arguments.timeout,
            on_ready=tell,
        )
        return
    from hereditary_kg.execution.engine import AsyncFederation
    from hereditary_kg.web.service import serve as serve_federation

    federation = AsyncFederation.open(arguments.place)
    await serve_federation(
        federation,
        "127.0.0.1",
        0,
        timeout=arguments.timeout,
        concurrency=arguments.concurrency,
        on_ready=tell,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=["site", "federation"])
    parser.add_argument("place", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--concurrency", type=int, default=4)
    parser.add_argument("--timeout", type=float, default=300.0)
    asyncio.run(_serve(parser.parse_args()))
