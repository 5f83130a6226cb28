"""The server of a run over gRPC: a grid behind which sites hold persistent streams.

Every stream is mutual TLS. Who is at the other end is read from the certificate and the list of
sites, never from what is said. The server ships no code: it sends the run's signed manifest, and
messages of numbers, texts and arrays.
"""

import logging
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from types import TracebackType
from typing import Any, Self

import flwr
import grpc
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hereditary_kg.embeddings.grids.allow_list import AllowList
from hereditary_kg.embeddings.grids.certificates import Identity
from hereditary_kg.embeddings.grids.errors import CodingError, RefusedError, UnreachableError
from hereditary_kg.embeddings.grids.exchange import Connection, Exchange
from hereditary_kg.embeddings.grids.flower_api import (
    Message,
    NodeInfo,
    enter_run,
)
from hereditary_kg.embeddings.grids.frames import METHOD, PROTOCOL, SERVICE, Frame
from hereditary_kg.embeddings.grids.limits import Limits
from hereditary_kg.embeddings.grids.manifest import RunManifest, SignedManifest
from hereditary_kg.embeddings.grids.run_grid import RunGrid

__all__ = ["GrpcGrid"]

_log = logging.getLogger(__name__)
_CLOSING_SECONDS = 5.0


class GrpcGrid(RunGrid):
    """Flower's `Grid` over sites that connect by gRPC with mutual TLS.

    Use it as a context manager. If its block ends well, the sites are told that the run is
    finished; if it ends by an exception, they keep what they have, and go on when a server with
    the same signed manifest comes back.

    Args:
        address: where to listen, as ``host:port``; port 0 takes a free one.
        identity: the server's certificate, key and authority.
        allow_list: which certificate stands for which site.
        manifest: the run, signed by ``identity``.
        limits: sizes and times.

    Raises:
        UnreachableError: the address cannot be listened at.
    """

    def __init__(
        self,
        address: str,
        identity: Identity,
        allow_list: AllowList,
        manifest: SignedManifest,
        limits: Limits | None = None,
    ) -> None:
        run = RunManifest.from_json(manifest.text)
        limits = limits or Limits()
        sites = allow_list.sites
        super().__init__(run.run_id)
        self._exchange = Exchange(run.run_id, sites, limits)
        service = _Service(self._exchange, allow_list, manifest, run)
        self._server = grpc.server(
            ThreadPoolExecutor(max_workers=2 * len(sites) + 4, thread_name_prefix="grid"),
            options=limits.options(),
        )
        self._server.add_generic_rpc_handlers(
            (
                grpc.method_handlers_generic_handler(
                    SERVICE, {METHOD: grpc.stream_stream_rpc_method_handler(service.serve)}
                ),
            )
        )
        credentials = grpc.ssl_server_credentials(
            [(identity.key_pem, identity.certificate_pem)],
            root_certificates=identity.authority_pem,
            require_client_auth=True,
        )
        try:
            self.port = self._server.add_secure_port(address, credentials)
        except RuntimeError as error:
            raise UnreachableError(
                f"{address}: the server cannot listen there. Is the port taken by another process?"
            ) from error
        self._server.start()
        enter_run(run.run_id)
        _log.info("run %s is served at port %s", run.run_id, self.port)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.close(finished=kind is None)

    def close(self, *, finished: bool) -> None:
        """End all streams.

        Args:
            finished: whether the run has come to its end.
        """
        self._exchange.close(finished=finished)
        self._server.stop(_CLOSING_SECONDS).wait()

    def wait_for_sites(self, count: int, seconds: float) -> None:
        """Wait until so many sites take part.

        Raises:
            UnreachableError: they do not within the time; the error says of each site why.
        """
        self._exchange.wait_for_sites(count, seconds)

    def get_node_ids(self) -> Iterable[int]:
        """Give the node ids of the sites that take part, in the order of the sites' names."""
        return list(self._exchange.node_names())

    def get_nodes(self) -> Iterable[NodeInfo]:
        """Give node ids and names of the sites that take part, in the order of the names."""
        return [
            NodeInfo(node_id=node_id, name=site)
            for node_id, site in self._exchange.node_names().items()
        ]

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Send messages; a site that is not there gets them when it comes.

        Returns:
            the ids by which the replies are pulled, in the order of the messages.

        Raises:
            GridError: a message is for no site, is too large, or the grid is closed.
        """
        return self._exchange.push(messages, None)

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Take the replies that are there, in the order of the ids."""
        return self._exchange.pull(list(message_ids))

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterable[Message]:
        """Send messages and wait for all replies.

        Args:
            messages: what to send.
            timeout: seconds until a site that has not answered is answered for by an error reply.

        Returns:
            as many replies as messages, in their order; those of sites that failed, are gone or
            took too long have errors.

        Raises:
            GridError: a message is for no site, is too large, or the grid is closed.
        """
        return self._exchange.wait(self._exchange.push(messages, timeout))


class _Service:
    """Serves the streams of sites."""

    def __init__(
        self,
        exchange: Exchange,
        allow_list: AllowList,
        manifest: SignedManifest,
        run: RunManifest,
    ) -> None:
        self._exchange = exchange
        self._allow_list = allow_list
        self._run = run
        self._manifest = Frame(
            "manifest",
            {
                "signature": manifest.signature.hex(),
                "certificate": manifest.certificate.public_bytes(_PEM).decode(),
            },
            manifest.text.encode(),
        )

    def serve(self, received: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        """Serve one stream, from the site's greeting to its end."""
        try:
            site = self._allow_list.site_of(_peer_certificate(context))
        except RefusedError as refusal:
            self._exchange.refuse_stranger(str(refusal))
            context.abort(grpc.StatusCode.PERMISSION_DENIED, str(refusal))
        try:
            hello = Frame.decode(next(received))
            mismatch = self._version_mismatch(site, hello)
            worker = hello.text("worker")
        except (CodingError, StopIteration) as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"No greeting was received: {error}")
        if mismatch:
            self._exchange.decline(site, mismatch)
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, mismatch)
        connection = self._exchange.connect(site, worker)
        context.add_callback(lambda: connection.outgoing.put(None))
        Thread(
            target=self._listen, args=(connection, received), name=f"from {site}", daemon=True
        ).start()
        try:
            yield self._manifest.encode()
            while (frame := connection.outgoing.get()) is not None:
                yield frame.encode()
            if connection.farewell is not None:
                context.abort(grpc.StatusCode.ABORTED, connection.farewell)
        finally:
            self._exchange.disconnect(connection)

    def _listen(self, connection: Connection, received: Iterator[bytes]) -> None:
        """Take what a site says until its stream ends."""
        try:
            for data in received:
                frame = Frame.decode(data)
                if frame.kind == "accept":
                    self._exchange.accept(connection, frame.number("done"))
                elif frame.kind == "decline":
                    self._exchange.decline(connection.site, frame.text("reason"))
                else:
                    self._exchange.receive(connection, frame)
        except CodingError as error:
            _log.error("site %s: %s", connection.site, error)
        except Exception as error:
            _log.debug("site %s: the stream broke: %r", connection.site, error)
        finally:
            connection.outgoing.put(None)

    def _version_mismatch(self, site: str, hello: Frame) -> str:
        ours: dict[str, Any] = {
            "protocol": PROTOCOL,
            "hereditary-kg": self._run.package_version,
            "flwr": flwr.__version__,
        }
        found = {name: hello.fields.get(name) for name in ours}
        if found == ours:
            return ""
        apart = ", ".join(
            f"{name} {found[name]} there and {ours[name]} here"
            for name in ours
            if found[name] != ours[name]
        )
        return (
            f"Site {site} has other versions than the server of the run: {apart}. Install the same "
            "versions on all sides."
        )


_PEM = Encoding.PEM


def _peer_certificate(context: grpc.ServicerContext) -> x509.Certificate:
    (pem,) = context.auth_context()["x509_pem_cert"]
    return x509.load_pem_x509_certificate(pem)
