"""Runs on a SuperLink of Flower, from the side of those who start them."""

import json
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from hereditary_kg.embeddings.errors import TrainingError
from hereditary_kg.embeddings.flower_server_app import PROGRESS_FILE, FlowerServerSettings
from hereditary_kg.embeddings.grids.flower_deployment import FlowerDeployment
from hereditary_kg.embeddings.grids.grid_files import FlowerFile
from hereditary_kg.embeddings.round_summaries import RoundSummary, read_summary
from hereditary_kg.embeddings.secure_aggregation import AllowList
from hereditary_kg.embeddings.served_training import describe_run
from hereditary_kg.embeddings.training_plan import TrainingPlan
from hereditary_kg.embeddings.training_report import TrainingReport
from hereditary_kg.embeddings.training_run import RunProgress

__all__ = ["CLIENT_APP", "SERVER_APP", "follow_training", "prepare_training", "train_over_flower"]

CLIENT_APP = "hereditary_kg.embeddings.flower_client_app:client"
"""The application that each SuperNode runs, from its own installation."""

SERVER_APP = "hereditary_kg.embeddings.flower_server_app:server"
"""The application that the SuperLink runs, from its own installation."""

_PAUSE, _STATUS_PAUSE = 0.5, 30.0


def train_over_flower(
    plan: TrainingPlan,
    flower: FlowerFile,
    output: Path,
    *,
    peers: AllowList | None = None,
    patience: float = 600.0,
    progress: RunProgress | None = None,
    waiting: Callable[[list[str]], None] | None = None,
) -> tuple[TrainingReport, tuple[Path, ...]]:
    """Start a run on a SuperLink of this machine, and follow it to its end.

    Args:
        plan: how it is trained.
        flower: the SuperLink, the key that signs the run, and who takes part.
        output: where the report goes; the SuperLink's processes write it.
        peers: the sites' certificates, for secure aggregation.
        patience: seconds to wait for all sites, and for each answer.
        progress: who is told how it goes.
        waiting: called with the names of the sites that have come so far.

    Raises:
        DeploymentError: the SuperLink does not answer, or refuses.
        TrainingError: the run has failed; with why.
    """
    bundle = prepare_training(plan, flower, output, peers=peers, patience=patience)
    deployment = flower.deployment()
    run_id = deployment.start_run(bundle)
    try:
        return follow_training(deployment, run_id, plan, output, progress=progress, waiting=waiting)
    except KeyboardInterrupt:
        deployment.stop_run(run_id)
        raise


def prepare_training(
    plan: TrainingPlan,
    flower: FlowerFile,
    output: Path,
    *,
    peers: AllowList | None = None,
    patience: float = 600.0,
) -> Path:
    """Write what a run needs on the SuperLink's machine; give the bundle, for ``flwr run``.

    Raises:
        SettingsError: the bundle's directory holds something else.
        TrainingError: the output directory cannot be written, or the run is with secure
            aggregation and there are no certificates.
    """
    if plan.sums_are_masked and peers is None:
        raise TrainingError(
            "The run is with secure aggregation, and there is no list of the sites' certificates. "
            "Give it with --peers, or ask for a run without."
        )
    output = output.absolute()
    settings = output / "flower-server.json"
    FlowerServerSettings(output, flower.sites, peers, patience).write(settings)
    (output / PROGRESS_FILE).unlink(missing_ok=True)
    return flower.deployment().write_bundle(
        output / "flower-bundle",
        SERVER_APP,
        CLIENT_APP,
        describe_run(plan, flower.sites).sign(flower.identity),
        {"settings": str(settings)},
    )


def follow_training(
    deployment: FlowerDeployment,
    run_id: int,
    plan: TrainingPlan,
    output: Path,
    *,
    progress: RunProgress | None = None,
    waiting: Callable[[list[str]], None] | None = None,
) -> tuple[TrainingReport, tuple[Path, ...]]:
    """Read how a run goes until it ends.

    Raises:
        TrainingError: it has failed, or was stopped.
    """
    told = progress or RunProgress()
    rounds: list[RoundSummary] = []
    for line in _read_progress(deployment, run_id, output / PROGRESS_FILE):
        match line:
            case {"sites": names} if waiting is not None:
                waiting(names)
            case {"answered": [site, step]} if told.answered is not None:
                told.answered(site, step)
            case {"round": table}:
                rounds.append(read_summary(table))
                if told.round is not None:
                    told.round(rounds[-1])
            case {"failed": reason}:
                raise TrainingError(str(reason))
            case {"ended": {"partition": partition, "files": files}}:
                report = TrainingReport(plan.run, plan, str(partition), rounds, [])
                return report, tuple(Path(file) for file in files)
    raise TrainingError(f"Run {run_id} has ended without a word. See the SuperLink's log.")


def _read_progress(
    deployment: FlowerDeployment, run_id: int, path: Path
) -> Generator[dict[str, Any]]:
    """Give each line once it is whole, until the run is over."""
    place, rest, over = 0, "", False
    look = time.monotonic() + _STATUS_PAUSE
    while True:
        if path.exists():
            with path.open(encoding="utf-8") as file:
                file.seek(place)
                rest += file.read()
                place = file.tell()
        *lines, rest = rest.split("\n")
        yield from map(json.loads, lines)
        if over:
            return
        # To ask Flower starts a process, so that it is not done often.
        if time.monotonic() >= look:
            over = deployment.run_status(run_id).startswith("finished")
            look = time.monotonic() + _STATUS_PAUSE
        time.sleep(_PAUSE)
