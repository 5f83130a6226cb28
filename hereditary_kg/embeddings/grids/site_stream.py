"""One stream of a site to its server, from the greeting to its end."""

import logging
from collections.abc import Callable
from enum import Enum, auto
from pathlib import Path
from queue import SimpleQueue

import flwr
import grpc

import hereditary_kg
from hereditary_kg.embeddings.grids.certificates import Identity
from hereditary_kg.embeddings.grids.errors import (
    CodingError,
    GridError,
    ManifestError,
    RefusedError,
    UnreachableError,
    VersionError,
)
from hereditary_kg.embeddings.grids.frames import METHOD, PROTOCOL, SERVICE, Frame
from hereditary_kg.embeddings.grids.journal import Journal
from hereditary_kg.embeddings.grids.limits import Limits
from hereditary_kg.embeddings.grids.manifest import SignedManifest
from hereditary_kg.embeddings.grids.node import SiteApp
from hereditary_kg.embeddings.grids.policy import LearningPolicy
from hereditary_kg.embeddings.grids.site_run import SiteRun
from hereditary_kg.embeddings.grids.tls_diagnosis import diagnose

__all__ = ["End", "Participant", "SiteStream"]

_log = logging.getLogger(__name__)
_DIAGNOSIS_SECONDS = 5.0
_REFUSALS = {
    grpc.StatusCode.PERMISSION_DENIED: RefusedError,
    grpc.StatusCode.FAILED_PRECONDITION: VersionError,
    grpc.StatusCode.ABORTED: RefusedError,
    grpc.StatusCode.INVALID_ARGUMENT: RefusedError,
    grpc.StatusCode.RESOURCE_EXHAUSTED: RefusedError,
    grpc.StatusCode.UNIMPLEMENTED: RefusedError,
}


class End(Enum):
    """How a stream ended."""

    FINISHED = auto()
    BROKEN = auto()
    UNREACHED = auto()


class Participant:
    """What a site is in its runs, beyond any one stream.

    Args:
        site: the site's name, application, settings and ledger.
        identity: its certificate, key and authority.
        policy: what it demands of a run.
        directory: where it keeps what it has done, one directory a run.
        limits: sizes and times.
        stop: called if the work of a run cannot go on, with why.
    """

    def __init__(
        self,
        site: SiteApp,
        identity: Identity,
        policy: LearningPolicy,
        *,
        directory: Path,
        limits: Limits,
        stop: Callable[[GridError], None],
    ) -> None:
        self.site = site
        self.identity = identity
        self.limits = limits
        self._policy = policy
        self._directory = directory
        self._stop = stop
        self.run: SiteRun | None = None

    def join(self, frame: Frame, send: Callable[[Frame], None]) -> None:
        """Check a run, and take part in it or go on with it.

        Raises:
            CertificateError: the server's certificate is not what it should be.
            ManifestError: the manifest is not, or the policy does not admit the run.
            SettingsError: the journal cannot be kept.
        """
        try:
            text = frame.data.decode()
        except UnicodeDecodeError as error:
            raise ManifestError(f"The run's manifest cannot be read: {error}") from error
        signed = SignedManifest.from_texts(text, frame.text("signature"), frame.text("certificate"))
        manifest = signed.open(self.identity.authority)
        self._policy.check(signed, manifest, self.site.site)
        if self.run is not None and self.run.run_id != manifest.run_id:
            self.run.abandon()
            self.run = None
        if self.run is None:
            journal = Journal.open(self._directory, signed, manifest)
            _log.info("site %s takes part in this run:\n%s", self.site.site, signed.text)
            self.run = SiteRun(self.site, manifest, journal, self.limits, self._stop)
        self.run.join(send)

    def finish(self) -> None:
        """End the run for good."""
        if self.run is not None:
            self.run.finish()
            _log.info("site %s: run %s is finished", self.site.site, self.run.run_id)
            self.run = None


class SiteStream:
    """A stream to a server.

    Args:
        address: the server's ``host:port``.
        participant: the site.
        worker: what tells this process from another one of the site.
    """

    def __init__(self, address: str, participant: Participant, worker: str) -> None:
        self._address = address
        self._participant = participant
        self._outgoing: SimpleQueue[bytes | None] = SimpleQueue()
        self._send(
            Frame(
                "hello",
                {
                    "worker": worker,
                    "protocol": PROTOCOL,
                    "hereditary-kg": hereditary_kg.__version__,
                    "flwr": flwr.__version__,
                },
            )
        )
        identity = participant.identity
        self._channel = grpc.secure_channel(
            address,
            grpc.ssl_channel_credentials(
                identity.authority_pem, identity.key_pem, identity.certificate_pem
            ),
            options=participant.limits.options(),
        )
        self._joined = False
        self.reason = ""

    def hold(self) -> End:
        """Take part until the stream ends.

        Returns:
            how it ended; ``reason`` says why.

        Raises:
            CertificateError: one side does not accept the other's certificate.
            ManifestError: the run is not one that this site takes part in.
            RefusedError: the server refuses this site.
            SettingsError: the site cannot keep its journal.
        """
        try:
            call = self._channel.stream_stream(f"/{SERVICE}/{METHOD}")(
                iter(self._outgoing.get, None)
            )
        except ValueError:  # the channel was closed a moment ago, by `close`
            return End.UNREACHED
        try:
            for data in call:
                if self._take(Frame.decode(data)):
                    return End.FINISHED
            self.reason = "the server has ended the stream"
        except grpc.RpcError as error:
            self._explain(error)
        except CodingError as error:
            self.reason = str(error)
        except GridError as error:
            self._send(Frame("decline", {"reason": str(error)}))
            self._outgoing.put(None)
            _drain(call)
            raise
        finally:
            if self._participant.run is not None:
                self._participant.run.leave()
            self.close()
        return End.BROKEN if self._joined else End.UNREACHED

    def close(self) -> None:
        """End the stream, also from another thread."""
        self._outgoing.put(None)
        self._channel.close()

    def _send(self, frame: Frame) -> None:
        self._outgoing.put(frame.encode())

    def _take(self, frame: Frame) -> bool:
        """Take what the server says; tell whether the run is finished."""
        run = self._participant.run
        match frame.kind:
            case "manifest":
                self._participant.join(frame, self._send)
                self._joined = True
            case "message" if run is not None and self._joined:
                run.ask(frame)
            case "acknowledge" if run is not None and self._joined:
                run.acknowledge(frame.text("id"))
            case "finish" if self._joined:
                self._participant.finish()
                return True
            case _:
                raise CodingError(f"The server sent a frame of kind {frame.kind} out of turn.")
        return False

    def _explain(self, error: grpc.RpcError) -> None:
        code, details = error.code(), error.details()
        if code in _REFUSALS:
            raise _REFUSALS[code](
                f"{self._address}: the server refuses site {self._participant.site.site}: {details}"
            ) from error
        self.reason = f"{code.name.lower()}: {details}"
        if self._joined or code is not grpc.StatusCode.UNAVAILABLE:
            return
        identity = self._participant.identity
        try:
            diagnose(self._address, identity, identity.authority_pem, _DIAGNOSIS_SECONDS)
        except UnreachableError as unreachable:
            self.reason = str(unreachable)


def _drain(call: grpc.Call) -> None:
    """Wait until the server has read what was sent."""
    try:
        for _ in call:
            continue
    except grpc.RpcError as error:
        _log.debug("the stream ended after a refusal: %r", error)
