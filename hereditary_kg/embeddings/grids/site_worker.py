"""A site's persistent worker: it connects, checks each run, takes part, and comes back.

The worker only dials out; a site opens no port. What it runs is the client application that is
installed at the site. What it is asked to take part in, it logs before it begins.
"""

import logging
import random
import secrets
from pathlib import Path
from threading import Event
from time import monotonic

from hereditary_kg.embeddings.grids.certificates import Identity
from hereditary_kg.embeddings.grids.errors import GridError, UnreachableError
from hereditary_kg.embeddings.grids.limits import Limits
from hereditary_kg.embeddings.grids.node import SiteApp
from hereditary_kg.embeddings.grids.policy import LearningPolicy
from hereditary_kg.embeddings.grids.site_stream import End, Participant, SiteStream

__all__ = ["SiteWorker"]

_log = logging.getLogger(__name__)


class SiteWorker:
    """Takes part in runs on behalf of a site.

    Args:
        address: the server's ``host:port``.
        identity: the site's certificate, key and authority.
        site: the site's name, application, settings and ledger.
        policy: what the site demands of a run.
        directory: where the site keeps what it has done, one directory a run.
        limits: sizes and times.
        patience: seconds without a server after which the worker gives up; None: never.
    """

    def __init__(
        self,
        address: str,
        identity: Identity,
        site: SiteApp,
        policy: LearningPolicy,
        *,
        directory: Path,
        limits: Limits | None = None,
        patience: float | None = None,
    ) -> None:
        self._address = address
        self._limits = limits or Limits()
        self._patience = patience
        self._worker = secrets.token_hex(8)
        self._participant = Participant(
            site, identity, policy, directory=directory, limits=self._limits, stop=self._fail
        )
        self._stream: SiteStream | None = None
        self._stopped = Event()
        self._failure: GridError | None = None

    def run(self, runs: int | None = None) -> None:
        """Take part until stopped.

        Args:
            runs: return after so many finished runs; None: go on.

        Raises:
            CertificateError: one side does not accept the other's certificate.
            ManifestError: a run's manifest is not what it should be, or the policy does not admit
                the run.
            RefusedError: the server refuses this site.
            SettingsError: the ledger or the journal cannot be written.
            UnreachableError: the server was not there for as long as the patience lasts.
        """
        finished = 0
        pause = self._limits.first_pause
        seen = monotonic()
        try:
            while not self._stopped.is_set() and (runs is None or finished < runs):
                self._stream = SiteStream(self._address, self._participant, self._worker)
                if self._stopped.is_set():
                    break
                end = self._stream.hold()
                if end is End.FINISHED:
                    finished += 1
                if end is not End.UNREACHED:
                    pause, seen = self._limits.first_pause, monotonic()
                self._check_patience(seen, self._stream.reason)
                if end is not End.FINISHED and not self._stopped.is_set():
                    _log.info("%s; trying again in %.1f s", self._stream.reason, pause)
                    # Sites that lost the same server should not all come back at the same moment.
                    self._stopped.wait(pause * random.uniform(0.75, 1.25))  # noqa: S311
                    pause = min(pause * 2, self._limits.longest_pause)
        finally:
            if self._participant.run is not None:
                self._participant.run.abandon()
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """End the worker, from another thread or a signal; an open run can go on later."""
        self._stopped.set()
        if self._stream is not None:
            self._stream.close()

    def _fail(self, failure: GridError) -> None:
        self._failure = failure
        self.stop()

    def _check_patience(self, seen: float, reason: str) -> None:
        if self._patience is not None and monotonic() - seen > self._patience:
            raise UnreachableError(
                f"{self._address}: there was no server for {self._patience:g} s. {reason}"
            )
