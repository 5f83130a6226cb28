"""The server's application of a training on a SuperLink of Flower.

The bundle of a run names it as ``hereditary_kg.embeddings.flower_server_app:server``. What the
sites have no business with, where the report goes and which certificates they have, stands in a
file on the SuperLink's machine, which the run's setting ``server.settings`` names. Whoever has
started the run reads in `PROGRESS_FILE`, beside the report, how it goes.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from flwr.app import Context
from flwr.serverapp import Grid, ServerApp

from hereditary_kg.embeddings.errors import EmbeddingError, TrainingError
from hereditary_kg.embeddings.grids.manifest import SERVER_PREFIX
from hereditary_kg.embeddings.round_summaries import RoundSummary, write_summary
from hereditary_kg.embeddings.secure_aggregation import AllowList
from hereditary_kg.embeddings.served_training import train_listed_sites
from hereditary_kg.embeddings.training_plan import TrainingPlan
from hereditary_kg.embeddings.training_run import RunProgress

__all__ = ["PROGRESS_FILE", "FlowerServerSettings", "server"]

PROGRESS_FILE = "flower-progress.jsonl"
"""A line for each thing that has happened: ``sites``, ``answered``, ``round``, ``failed``,
``ended``."""

_SETTINGS = f"{SERVER_PREFIX}settings"
_PAUSE = 1.0


@dataclass(frozen=True)
class FlowerServerSettings:
    """What the server's application needs beside the run's plan.

    Attributes:
        output: the directory of report and checkpoint.
        sites: the names of the sites that may take part, as the SuperLink knows them.
        peers: the sites' certificates, for secure aggregation; None: there is none.
        patience: seconds to wait for all sites, and for each answer.
    """

    output: Path
    sites: tuple[str, ...]
    peers: AllowList | None
    patience: float

    def write(self, path: Path) -> None:
        """Write the settings to a file.

        Raises:
            TrainingError: it cannot be written.
        """
        peers = None if self.peers is None else self.peers.certificates
        table = {
            "output": str(self.output.absolute()),
            "sites": list(self.sites),
            "peers": None
            if peers is None
            else {site: one.public_bytes(Encoding.PEM).decode() for site, one in peers.items()},
            "patience": self.patience,
        }
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise TrainingError(f"{path}: it cannot be written: {error.strerror}.") from error

    @classmethod
    def read(cls, path: Path) -> "FlowerServerSettings":
        """Read the settings from a file.

        Raises:
            TrainingError: there is no such file on this machine, or it is something else.
        """
        try:
            table = json.loads(path.read_text(encoding="utf-8"))
            peers = table["peers"]
            return cls(
                Path(table["output"]),
                tuple(table["sites"]),
                None
                if peers is None
                else AllowList(
                    {
                        site: x509.load_pem_x509_certificate(text.encode())
                        for site, text in peers.items()
                    }
                ),
                float(table["patience"]),
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise TrainingError(
                f"{path}: the server's settings of the run cannot be read: {error}. They are "
                "written by hkg train --flower; start it on the SuperLink's machine."
            ) from error


server = ServerApp()
"""The application that the bundles of runs name."""


@server.main()
def main(grid: Grid, context: Context) -> None:
    """Train over the SuperNodes of the listed sites, and write the report.

    Raises:
        EmbeddingError: as `run_training` does; `PROGRESS_FILE` has it as well.
    """
    settings = FlowerServerSettings.read(Path(str(context.run_config.get(_SETTINGS, ""))))
    progress = _Progress(settings.output / PROGRESS_FILE)
    try:
        _train(grid, TrainingPlan.of_settings(context.run_config), settings, progress)
    except EmbeddingError as error:
        progress.tell(failed=str(error))
        raise
    except Exception as error:
        progress.tell(failed=f"{type(error).__name__}; the SuperLink's log says more")
        raise


def _train(
    grid: Grid, plan: TrainingPlan, settings: FlowerServerSettings, progress: "_Progress"
) -> None:
    report, files = train_listed_sites(
        grid,
        plan,
        settings.sites,
        settings.output,
        peers=settings.peers,
        patience=settings.patience,
        progress=RunProgress(
            round=progress.tell_round,
            answered=lambda site, step: progress.tell(answered=[site, step]),
        ),
        waiting=lambda names: progress.tell(sites=names),
        pause=_PAUSE,
    )
    progress.tell(ended={"partition": report.partition, "files": [str(path) for path in files]})


class _Progress:
    """Appends to the file by which whoever has started the run learns how it goes."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def tell(self, **what: Any) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(what) + "\n")

    def tell_round(self, summary: RoundSummary) -> None:
        self.tell(round=write_summary(summary))
