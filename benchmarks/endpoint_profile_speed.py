"""Building profiles over SPARQL: seconds, requests, and whether they say what ours says.

The hospital of `benchmarks.profile_speed` is served by an ``oxigraph`` server in a process of its
own and profiled over loopback as any endpoint is: once as it is, and once with answers that end
after 10,000 rows without saying so.
"""

import argparse
import asyncio
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pyoxigraph as ox

from benchmarks.federation.preparation import find_oxigraph
from benchmarks.federation.processes import ServiceProcess, StartError, take_free_ports
from benchmarks.profile_speed import TRIPLES, hospital
from benchmarks.reporting import describe_machine, write_section, write_table
from hereditary_kg.federation.deadline import Deadline
from hereditary_kg.federation.description import MemberDescription
from hereditary_kg.federation.endpoint_profiling import profile_endpoint
from hereditary_kg.federation.member import Member
from hereditary_kg.federation.transport import (
    Credentials,
    HttpTransport,
    TransportRequest,
    TransportResponse,
)
from hereditary_kg.sites.profile import Profile
from hereditary_kg.sites.profiling import profile_store

CAP = 10_000
_START_SECONDS = 60


class CappedTransport(HttpTransport):
    """Ends answers in TSV after `CAP` rows."""

    @asynccontextmanager
    async def send(self, request: TransportRequest) -> AsyncIterator[TransportResponse]:
        """Send a query, and cut its answer."""
        async with super().send(request) as response:
            yield replace(response, chunks=_cut(response.chunks), delimited=True)


async def _cut(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    lines = CAP + 1
    async for chunk in chunks:
        found = chunk.count(b"\n")
        if found < lines:
            lines -= found
            yield chunk
        elif lines:
            yield b"".join(chunk.splitlines(keepends=True)[:lines])
            lines = 0


async def profile(url: str, transport: HttpTransport) -> tuple[float, float, int, Profile]:
    """Profile an endpoint, and compare its counts once, as before its profile is used.

    Returns:
        Seconds of the profiling and of the comparison, the requests, the profile.
    """
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "profile.json"
        described = MemberDescription("there", url=url, blank_nodes="stable", profile=file)
        member = Member(described, transport)
        try:
            started = time.perf_counter()
            built = await profile_endpoint(member)
            seconds = time.perf_counter() - started
            file.write_bytes(built.profile.to_json())
            started = time.perf_counter()
            if await member.profile(Deadline(60)) is None:
                raise RuntimeError(member.profile_warning)
            return seconds, time.perf_counter() - started, built.requests, built.profile
        finally:
            await member.close()


def run(triples: int, directory: Path) -> list[tuple[str, ...]]:
    """Measure both ways; give the rows of the table."""
    document = directory / "hospital.nt"
    document.write_text("".join(hospital(0, triples)), encoding="utf-8")
    program = find_oxigraph()
    if program is None:
        raise StartError("there is no program oxigraph; pip install oxigraph")
    place = ["--location", str(directory / "store")]
    subprocess.run(
        [str(program), "load", *place, "--file", str(document)], check=True, capture_output=True
    )
    ours = ox.Store()
    ours.bulk_load(path=str(document), format=ox.RdfFormat.N_TRIPLES)
    started = time.perf_counter()
    expected = profile_store(ours, "")
    rows = [("our own store", "-", f"{time.perf_counter() - started:.1f} s", "-", "-")]
    port = take_free_ports(1)[0]
    command = [str(program), "serve-read-only", *place, "--bind", f"127.0.0.1:{port}"]
    server = ServiceProcess(command, port, directory / "log")
    try:
        server.wait_until_listening(_START_SECONDS)
        url = f"http://127.0.0.1:{port}/query"
        for name, kind in (
            ("oxigraph server", HttpTransport),
            ("oxigraph server, 10,000 rows at once", CappedTransport),
        ):
            seconds, check, requests, built = asyncio.run(profile(url, kind(url, Credentials())))
            if replace(built, stamp="") != expected:
                raise RuntimeError(f"the profile of {name} is another than our own")
            took, checked = f"{seconds:.1f} s", f"{check * 1000:,.0f} ms"
            rows.append((name, f"{requests:,}", took, f"{built.triples / seconds:,.0f}", checked))
    finally:
        server.stop()
    return rows


def main() -> None:
    """Measure, and print or write the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.endpoint_profile_speed")
    parser.add_argument("--triples", type=int, default=TRIPLES)
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        rows = run(arguments.triples, Path(directory))
    table = write_table(("profile of", "requests", "time", "triples/s", "comparison"), rows)
    text = f"{describe_machine()}\n\n{table}"
    print(text)
    if arguments.write:
        write_section("endpoint_profile_speed", text)


if __name__ == "__main__":
    main()
