"""What a message costs on each grid: the same server and client application, three sites each.

The sites of the gRPC grid and of Flower's are processes of their own on this machine, with mutual
TLS and certificates made for the run. Each site gives back what it got. Before a time is printed,
what came back is compared with what was sent, on each grid.
"""

import argparse
import logging
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from flwr.app import ArrayRecord, Context, Message, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp

from benchmarks.reporting import describe_machine, write_section, write_table
from hereditary_kg.embeddings.grids.allow_list import AllowList
from hereditary_kg.embeddings.grids.certificates import Authority, Identity
from hereditary_kg.embeddings.grids.errors import DeploymentError
from hereditary_kg.embeddings.grids.flower_deployment import FlowerDeployment
from hereditary_kg.embeddings.grids.flower_site import GuardedClientApp
from hereditary_kg.embeddings.grids.grpc_grid import GrpcGrid
from hereditary_kg.embeddings.grids.in_process import InProcessGrid
from hereditary_kg.embeddings.grids.ledger import OutgoingLedger
from hereditary_kg.embeddings.grids.limits import Limits
from hereditary_kg.embeddings.grids.manifest import RunManifest
from hereditary_kg.embeddings.grids.node import SiteApp
from hereditary_kg.embeddings.grids.policy import LearningPolicy
from hereditary_kg.embeddings.grids.site_worker import SiteWorker

SITES = ("biobank", "clinic", "registry")
EMPTY = np.zeros((0, 0), dtype=np.float32)
UPDATE = np.random.default_rng(0).normal(size=(14_541, 256)).astype(np.float32)
FLOWER_SECONDS = 240.0

client = ClientApp()
guarded_client = GuardedClientApp(client)
server = ServerApp()


@client.train()
def echo(message: Message, context: Context) -> Message:
    """Give back what was sent."""
    del context
    return Message(message.content, reply_to=message)


@server.main()
def flower_main(grid: Grid, context: Context) -> None:
    """Measure on Flower's deployment engine, whose process this is."""
    rounds = int(context.run_config["rounds"])
    while len(list(grid.get_node_ids())) < len(SITES):
        time.sleep(0.05)
    figures = [*measure_rounds(grid, EMPTY, rounds), *measure_rounds(grid, UPDATE, rounds)]
    path = Path(str(context.run_config["training.out"]))
    np.save(path.with_suffix(".part.npy"), np.array([time.time(), *figures]))
    path.with_suffix(".part.npy").rename(path)


def measure_rounds(grid: Grid, values: np.ndarray, rounds: int) -> list[float]:
    """Send an array to all sites and wait for all replies; give the seconds of each round.

    Raises:
        SystemExit: what came back is not what was sent.
    """
    seconds = []
    for number in range(rounds):
        started = time.perf_counter()
        messages = [
            Message(
                RecordDict({"values": ArrayRecord([values])}), node, "train", group_id=str(number)
            )
            for node in grid.get_node_ids()
        ]
        replies = list(grid.send_and_receive(messages, timeout=FLOWER_SECONDS))
        seconds.append(time.perf_counter() - started)
        if len(replies) != len(SITES) or not all(
            reply.has_content()
            and np.array_equal(reply.content["values"].to_numpy_ndarrays()[0], values)
            for reply in replies
        ):
            raise SystemExit("What came back is not what was sent; nothing is reported.")
    return seconds


@dataclass(frozen=True)
class Figures:
    """What was measured on a grid.

    Attributes:
        grid: its name.
        ready: seconds from nothing to three sites that take part.
        empty: seconds of each round of empty messages.
        update: seconds of each round of full updates.
    """

    grid: str
    ready: float
    empty: Sequence[float]
    update: Sequence[float]

    def row(self) -> tuple[str, ...]:
        """Write a row of the table."""
        empty, update = statistics.median(self.empty), statistics.median(self.update)
        return (
            self.grid,
            f"{self.ready:.2f} s",
            f"{empty * 1000:,.1f} ms",
            f"{max(self.empty) * 1000:,.1f} ms",
            f"{update:.2f} s",
            str(len(self.empty)),
        )


def measure_in_process(rounds: int) -> Figures:
    """Measure the grid in this process."""
    started = time.perf_counter()
    with InProcessGrid([SiteApp(site, client) for site in SITES]) as grid:
        ready = time.perf_counter() - started
        return Figures(
            "in process",
            ready,
            measure_rounds(grid, EMPTY, rounds),
            measure_rounds(grid, UPDATE, 5),
        )


def make_certificates(place: Path) -> tuple[Identity, dict[str, Identity]]:
    """Make an authority, a server and the sites."""
    authority = Authority.create("Benchmark")
    authority.write(place)
    identity = authority.issue_server(["127.0.0.1", "localhost"])
    authority.write_identity(identity, place, "server")
    sites = {site: authority.issue_site(site) for site in SITES}
    for site, made in sites.items():
        authority.write_identity(made, place, site)
    return identity, sites


def make_manifest(rounds: int, out: Path) -> RunManifest:
    """Describe the run."""
    return RunManifest(
        run_id=int(time.time()),
        title="What a message costs",
        rounds=rounds,
        minimum_sites=len(SITES),
        sites=SITES,
        training={"out": str(out)},
    )


def measure_grpc(place: Path, rounds: int) -> Figures:
    """Measure the gRPC grid; its sites are processes that are started with it."""
    identity, _ = make_certificates(place)
    listed = AllowList.from_table({site: {"name": site} for site in SITES}, "benchmark")
    manifest = make_manifest(rounds, place).sign(identity)
    started = time.perf_counter()
    with ExitStack() as stack:
        grid = stack.enter_context(GrpcGrid("127.0.0.1:0", identity, listed, manifest))
        for site in SITES:
            command = [sys.executable, "-m", "benchmarks.grid_overhead", "--site", site]
            command += ["--port", str(grid.port), "--place", str(place)]
            stack.enter_context(running(command, place / f"{site}.log", dict(os.environ)))
        grid.wait_for_sites(len(SITES), 120)
        ready = time.perf_counter() - started
        empty = measure_rounds(grid, EMPTY, rounds)
        update = measure_rounds(grid, UPDATE, 5)
        grid.close(finished=True)
    return Figures("gRPC", ready, empty, update)


def serve_site(site: str, port: int, place: Path) -> None:
    """Be a site of the gRPC grid, with journal and ledger."""
    identity = Identity.read(place / f"{site}.pem", place / f"{site}.key", place / "authority.pem")
    app = SiteApp(site, client, {}, OutgoingLedger(place / f"{site}.jsonl", site))
    SiteWorker(
        f"127.0.0.1:{port}",
        identity,
        app,
        LearningPolicy(),
        directory=place / f"runs-{site}",
        limits=Limits(),
        patience=60.0,
    ).run(runs=1)


def measure_flower(place: Path, rounds: int) -> Figures:
    """Measure Flower's deployment engine.

    Raises:
        DeploymentError: it could not be started, or did not end the run in time.
    """
    identity, sites = make_certificates(place)
    address = f"127.0.0.1:{free_port()}"
    deployment = FlowerDeployment(address, place / "authority.pem", place / "home")
    out = place / "figures.npy"
    environment = {**deployment.environment(), "PYTHONPATH": str(Path.cwd())}
    started = time.perf_counter()
    began = time.time()
    with ExitStack() as stack:
        command = deployment.superlink_command(
            place / "server.pem", place / "server.key", place / "state.sqlite"
        )
        stack.enter_context(running(command, place / "superlink.log", environment))
        wait_for_port(address)
        for site in SITES:
            deployment.register(sites[site].write_openssh(place / f"{site}-node"), site)
            command = deployment.supernode_command(site, place / f"{site}-node", free_port())
            stack.enter_context(running(command, place / f"node-{site}.log", environment))
        bundle = deployment.write_bundle(
            place / "bundle",
            "benchmarks.grid_overhead:server",
            "benchmarks.grid_overhead:guarded_client",
            make_manifest(rounds, out).sign(identity),
        )
        run_id = deployment.start_run(bundle)
        while not out.exists():
            if time.perf_counter() - started > FLOWER_SECONDS * 2:
                raise DeploymentError(f"Flower's run is still {deployment.run_status(run_id)}.")
            time.sleep(0.2)
    ended, *figures = np.load(out).tolist()
    return Figures(
        "Flower's SuperLink and SuperNodes",
        ended - began - sum(figures),
        figures[:rounds],
        figures[rounds:],
    )


@contextmanager
def running(command: Sequence[str], log: Path, environment: dict[str, str]) -> Iterator[None]:
    """Run a process with all that it starts, and end them."""
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, stdout=file, stderr=file, env=environment, start_new_session=True
        )
    try:
        yield
    finally:
        try:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(10)
        except ProcessLookupError:
            process.wait()
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def free_port() -> int:
    """Find a port that nobody listens at."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_for_port(address: str) -> None:
    """Wait until somebody listens.

    Raises:
        DeploymentError: nobody does within two minutes.
    """
    host, _, port = address.partition(":")
    end = time.monotonic() + 120
    while time.monotonic() < end:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise DeploymentError(f"Nobody listens at {address}.")


def main() -> None:
    """Measure all three in one run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--markdown", action="store_true", help="write into docs/benchmarks.md")
    parser.add_argument("--rounds", type=int, default=100, help="rounds of empty messages")
    parser.add_argument("--flower-rounds", type=int, default=2, help="the same for Flower")
    parser.add_argument("--site", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--place", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.site:
        logging.basicConfig(level=logging.INFO)
        serve_site(options.site, options.port, options.place)
        return
    figures = [measure_in_process(options.rounds)]
    with tempfile.TemporaryDirectory() as place:
        figures.append(measure_grpc(Path(place), options.rounds))
    missing = ""
    with tempfile.TemporaryDirectory() as place:
        try:
            figures.append(measure_flower(Path(place), options.flower_rounds))
        except DeploymentError as error:
            missing = f"\n\nFlower's deployment engine was not measured: {error}"
    head = (
        "grid",
        "three sites ready",
        "a round of empty messages",
        "the slowest",
        "a round of 14.9 MB there and back",
        "rounds",
    )
    table = write_table(head, [one.row() for one in figures])
    libraries = ", ".join(f"{name} {version(name)}" for name in ("flwr", "grpcio", "numpy"))
    text = f"{table}{missing}\n\n{libraries}. {describe_machine()}"
    print(text)
    if options.markdown:
        write_section("grid_overhead", text)


if __name__ == "__main__":
    main()
