"""A run over sites that are far away, from the side of its server."""

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from hereditary_kg.embeddings.errors import TrainingError
from hereditary_kg.embeddings.grids.flower_api import Grid
from hereditary_kg.embeddings.grids.grid_files import ServerFile
from hereditary_kg.embeddings.grids.manifest import RunManifest
from hereditary_kg.embeddings.secure_aggregation import AllowList
from hereditary_kg.embeddings.site_calls import listed_nodes
from hereditary_kg.embeddings.training_plan import TrainingPlan
from hereditary_kg.embeddings.training_report import EVENTS, TrainingReport, write_report
from hereditary_kg.embeddings.training_run import RunProgress
from hereditary_kg.embeddings.training_server import run_training

__all__ = ["describe_run", "serve_training", "train_listed_sites", "wait_for_sites"]


def describe_run(plan: TrainingPlan, sites: tuple[str, ...]) -> RunManifest:
    """Write the manifest of a run: what each site reads, and checks against its policy.

    Args:
        plan: how it is trained.
        sites: who is asked.
    """
    return RunManifest(
        run_id=secrets.randbits(62) + 1,
        title=plan.run,
        rounds=plan.rounds,
        minimum_sites=plan.minimum_sites,
        sites=sites,
        training=asdict(plan),
        privacy=plan.privacy(),
    )


def serve_training(
    plan: TrainingPlan,
    server: ServerFile,
    output: Path,
    *,
    peers: AllowList | None = None,
    patience: float = 600.0,
    progress: RunProgress | None = None,
    waiting: Callable[[list[str]], None] | None = None,
) -> tuple[TrainingReport, tuple[Path, ...]]:
    """Train over the sites that connect, and write the report; models stay at the sites.

    Args:
        plan: how it is trained.
        server: address, certificate and list of sites.
        output: where the report goes.
        peers: the sites' certificates, for secure aggregation.
        patience: seconds to wait for all sites of the list, and for each answer.
        progress: who is told how it goes.
        waiting: called with the names of the sites that have come so far.

    Raises:
        EmbeddingError: too few sites come, or something is wrong with them or the training.
    """
    sites = server.allow_list.sites
    manifest = describe_run(plan, sites).sign(server.identity)
    with server.open_grid(manifest) as grid:
        return train_listed_sites(
            grid,
            plan,
            sites,
            output,
            peers=peers,
            patience=patience,
            progress=progress or RunProgress(),
            waiting=waiting,
        )


def train_listed_sites(
    grid: Grid,
    plan: TrainingPlan,
    sites: Sequence[str],
    output: Path,
    *,
    peers: AllowList | None,
    patience: float,
    progress: RunProgress,
    waiting: Callable[[list[str]], None] | None,
    pause: float = 0.05,
) -> tuple[TrainingReport, tuple[Path, ...]]:
    """Wait for the sites of a list, train over them, and write the report.

    Args:
        grid: how they are reached.
        plan: how it is trained.
        sites: their names.
        output: where report, checkpoint and curves go.
        peers: the sites' certificates, for secure aggregation.
        patience: seconds to wait for all sites, and for each answer.
        progress: who is told how it goes.
        waiting: called with the names of the sites that have come so far.
        pause: seconds between two looks at who has come.

    Returns:
        the report, and what was written.

    Raises:
        EmbeddingError: too few sites come, or something is wrong with them or the training.
    """
    wait_for_sites(grid, plan.minimum_sites, sites, patience, waiting, pause=pause)
    done = run_training(
        grid,
        plan,
        sites=sites,
        allow_list=peers,
        timeout=patience,
        progress=progress.round,
        answered=progress.answered,
        checkpoint=output / "server.safetensors",
        events=output / EVENTS,
    )
    report = TrainingReport(plan.run, plan, done.partition, done.rounds, [])
    return report, (*write_report(report, output), output / EVENTS)


def wait_for_sites(
    grid: Grid,
    minimum: int,
    sites: Sequence[str],
    patience: float,
    waiting: Callable[[list[str]], None] | None = None,
    *,
    pause: float = 0.05,
) -> None:
    """Wait until all sites are there; go on with the minimum once the patience is over.

    Args:
        grid: how they are reached.
        minimum: how few are enough once the patience is over.
        sites: the names of all. Nodes that the grid knows by no name count as well.
        patience: seconds.
        waiting: called with the names of those that have come so far.
        pause: seconds between two looks.

    Raises:
        TrainingError: fewer than the minimum have come.
    """
    until = time.monotonic() + patience
    before: list[str] = []
    while True:
        names = sorted(str(node.name) for node in listed_nodes(grid, sites))
        if waiting is not None and names != before:
            waiting(names)
        before = names
        if len(names) >= len(sites):
            return
        if time.monotonic() >= until:
            if len(names) >= minimum:
                return
            raise TrainingError(
                f"{len(names)} of at least {minimum} sites have come in {patience:g} seconds"
                f"{': ' + ', '.join(names) if names else ''}. See the logs of the others' "
                "hkg site learn, or wait longer."
            )
        time.sleep(pause)
