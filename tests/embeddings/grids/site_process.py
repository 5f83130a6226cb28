"""A site's worker as a process: ``python -m tests.embeddings.grids.site_process SETTINGS.json``."""

import json
import logging
import sys
from pathlib import Path

from hereditary_kg.embeddings.grids.certificates import Identity
from hereditary_kg.embeddings.grids.ledger import OutgoingLedger
from hereditary_kg.embeddings.grids.limits import Limits
from hereditary_kg.embeddings.grids.node import SiteApp
from hereditary_kg.embeddings.grids.policy import LearningPolicy
from hereditary_kg.embeddings.grids.site_worker import SiteWorker
from tests.embeddings.grids import sum_apps


def main() -> None:
    settings = json.loads(Path(sys.argv[1]).read_text())
    logging.basicConfig(level=logging.INFO)
    site = settings["site"]
    place = Path(settings["directory"])
    certificates = Path(settings["certificates"])
    worker = SiteWorker(
        settings["address"],
        Identity.read(
            certificates / f"{site}.pem",
            certificates / f"{site}.key",
            certificates / "authority.pem",
        ),
        SiteApp(site, sum_apps.client, settings["app"], OutgoingLedger(place / "out.jsonl", site)),
        LearningPolicy(),
        directory=place / "runs",
        limits=Limits(first_pause=0.05, longest_pause=0.5),
        patience=60.0,
    )
    worker.run(runs=settings.get("runs", 1))


if __name__ == "__main__":
    main()
