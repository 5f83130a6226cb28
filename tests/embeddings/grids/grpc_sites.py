"""Servers and sites over gRPC for the tests: certificates made on the spot, sites as threads or
processes.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any

from flwr.clientapp import ClientApp

from hereditary_kg.embeddings.grids.allow_list import AllowList
from hereditary_kg.embeddings.grids.certificates import Authority, Identity
from hereditary_kg.embeddings.grids.grpc_grid import GrpcGrid
from hereditary_kg.embeddings.grids.limits import Limits
from hereditary_kg.embeddings.grids.manifest import RunManifest
from hereditary_kg.embeddings.grids.node import SiteApp
from hereditary_kg.embeddings.grids.policy import LearningPolicy
from hereditary_kg.embeddings.grids.site_worker import SiteWorker
from tests.embeddings.grids import sum_apps

__all__ = ["LIMITS", "NUMBERS", "Federation", "SiteThread"]

NUMBERS = {"registry": 1, "clinic": 2, "biobank": 3}
LIMITS = Limits(first_pause=0.05, longest_pause=0.5, reconnect=20.0)


@dataclass
class Federation:
    """An authority, a server and sites with certificates in a directory."""

    place: Path
    sites: Sequence[str] = tuple(NUMBERS)
    authority: Authority = field(default_factory=lambda: Authority.create("Tests"))
    identities: dict[str, Identity] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.server = self.authority.issue_server(["localhost", "127.0.0.1"])
        self.authority.write(self.place)
        for site in self.sites:
            self.identities[site] = self.authority.issue_site(site)
            self.authority.write_identity(self.identities[site], self.place, site)

    @property
    def allow_list(self) -> AllowList:
        return AllowList.from_table({site: {"name": site} for site in self.sites}, "test")

    def manifest(self, run_id: int = 7, **changes: Any) -> RunManifest:
        given: dict[str, Any] = {
            "run_id": run_id,
            "title": "Sums",
            "rounds": 3,
            "minimum_sites": 2,
            "sites": tuple(self.sites),
            "training": {"model": "sum"},
            "privacy": {"secure-aggregation": False},
        }
        return RunManifest(**{**given, **changes})

    def serve(
        self, manifest: RunManifest, address: str = "127.0.0.1:0", limits: Limits = LIMITS
    ) -> GrpcGrid:
        return GrpcGrid(address, self.server, self.allow_list, manifest.sign(self.server), limits)

    def worker(
        self,
        port: int,
        site: str,
        app: ClientApp = sum_apps.client,
        policy: LearningPolicy | None = None,
        identity: Identity | None = None,
        limits: Limits = LIMITS,
        **settings: Any,
    ) -> SiteWorker:
        return SiteWorker(
            f"127.0.0.1:{port}",
            identity or self.identities[site],
            SiteApp(site, app, {"number": NUMBERS.get(site, 0), **settings}),
            policy or LearningPolicy(),
            directory=self.place / site,
            limits=limits,
            patience=60.0,
        )

    def start_process(self, port: int, site: str, **settings: Any) -> subprocess.Popen[bytes]:
        place = self.place / f"process-{site}"
        place.mkdir(exist_ok=True)
        described: Mapping[str, Any] = {
            "site": site,
            "address": f"127.0.0.1:{port}",
            "directory": str(place),
            "certificates": str(self.place),
            "app": {"number": NUMBERS[site], **settings},
        }
        (place / "settings.json").write_text(json.dumps(described))
        with (place / "log").open("ab") as log:
            return subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "tests.embeddings.grids.site_process",
                    str(place / "settings.json"),
                ],
                stdout=log,
                stderr=log,
            )


class SiteThread:
    """A worker in a thread; it is stopped at the end, and its failure kept."""

    def __init__(self, worker: SiteWorker, runs: int | None = None) -> None:
        self.worker = worker
        self.failure: Exception | None = None
        self._thread = Thread(target=self._run, args=(runs,), daemon=True)
        self._thread.start()

    def _run(self, runs: int | None) -> None:
        try:
            self.worker.run(runs)
        except Exception as failure:
            self.failure = failure

    def join(self) -> None:
        self._thread.join(60)
        assert not self._thread.is_alive()

    def stop(self) -> None:
        self.worker.stop()
        self.join()


@contextmanager
def site_threads(workers: Sequence[SiteWorker], runs: int | None = 1) -> Iterator[list[SiteThread]]:
    threads = [SiteThread(worker, runs) for worker in workers]
    try:
        yield threads
    finally:
        for thread in threads:
            thread.stop()
