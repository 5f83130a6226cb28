"""What a server has asked its sites, and what they answered: the part that knows no sockets.

A site's messages are numbered. The site does them in this order, and tells on each connection how
far it is, so that after a broken stream the server sends again what the site has not done, and the
site sends again what the server has not got. All methods may be called from any thread.
"""

import itertools
import logging
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Condition
from time import monotonic

from hereditary_kg.embeddings.grids.errors import CodingError, GridError, UnreachableError
from hereditary_kg.embeddings.grids.flower_api import NODE_UNAVAILABLE, Error, Message
from hereditary_kg.embeddings.grids.frames import Frame
from hereditary_kg.embeddings.grids.limits import Limits
from hereditary_kg.embeddings.grids.message_coding import decode_message, encode_message, too_large
from hereditary_kg.embeddings.grids.messages import address_message, make_reply, node_of_site

__all__ = ["Connection", "Exchange"]

_log = logging.getLogger(__name__)


@dataclass(eq=False)
class Connection:
    """A site's stream, as the exchange sees it.

    Attributes:
        site: the site's name.
        worker: what tells one process of the site from another.
        outgoing: what is to be sent; None ends the stream.
        farewell: why the stream was ended, if the site must not come back.
    """

    site: str
    worker: str
    outgoing: SimpleQueue[Frame | None] = field(default_factory=SimpleQueue)
    farewell: str | None = None


@dataclass(eq=False)
class _Request:
    """A message that a site was asked to answer."""

    message: Message
    sequence: int
    data: bytes
    seconds: float
    deadline: float
    reply: Message | None = None
    sent: bool = False

    def frame(self) -> Frame:
        self.sent = True
        return Frame(
            "message",
            {
                "id": self.message.metadata.message_id,
                "sequence": self.sequence,
                "seconds": max(self.deadline - monotonic(), 0.0),
            },
            self.data,
        )


@dataclass(eq=False)
class _Lane:
    """A site, and what it was asked."""

    site: str
    connection: Connection | None = None
    ready: bool = False
    lost: float | None = None
    sequence: int = 0
    requests: dict[str, _Request] = field(default_factory=dict)
    refusal: str = ""


class Exchange:
    """Messages and replies of a run.

    Args:
        run_id: the run's number.
        sites: the names of the sites that may take part.
        limits: how large messages may be, and how long a lost site is waited for.
    """

    def __init__(self, run_id: int, sites: Sequence[str], limits: Limits) -> None:
        self._run_id = run_id
        self._limits = limits
        self._lanes = {node_of_site(site): _Lane(site) for site in sorted(sites)}
        self._requests: dict[str, _Request] = {}
        self._changed = Condition()
        self._numbers = itertools.count(1)
        self._mark = secrets.token_hex(4)
        self._strangers: dict[str, None] = {}
        self._closed = False

    def connect(self, site: str, worker: str) -> Connection:
        """Take a site's new stream; an older one of the same site ends."""
        connection = Connection(site, worker)
        with self._changed:
            lane = self._lanes[node_of_site(site)]
            older, lane.connection, lane.ready = lane.connection, connection, False
            if older is not None:
                if older.worker != worker:
                    older.farewell = (
                        f"Another worker of site {site} has connected. Run one worker a site."
                    )
                older.outgoing.put(None)
            if self._closed:
                connection.outgoing.put(None)
        return connection

    def accept(self, connection: Connection, done: int) -> None:
        """Take a site's agreement to the run, and send what it has not done.

        Args:
            connection: the site's stream.
            done: the number of the last message that the site has done in this run.
        """
        with self._changed:
            lane = self._lanes[node_of_site(connection.site)]
            if lane.connection is not connection:
                return
            lane.ready, lane.lost, lane.refusal = True, None, ""
            lane.sequence = max(lane.sequence, done)
            for request in lane.requests.values():
                if not request.sent:
                    # A server that was started anew counts on from where its site is.
                    lane.sequence += 1
                    request.sequence = lane.sequence
                if request.sequence > done and request.reply is None:
                    connection.outgoing.put(request.frame())
            _log.info("site %s takes part in run %s", connection.site, self._run_id)
            self._changed.notify_all()

    def decline(self, site: str, reason: str) -> None:
        """Note that a site, or the server itself, refuses that the site takes part."""
        with self._changed:
            self._lanes[node_of_site(site)].refusal = reason
            self._changed.notify_all()
        _log.warning("site %s does not take part in run %s: %s", site, self._run_id, reason)

    def refuse_stranger(self, reason: str) -> None:
        """Note that somebody was refused who is no site of the run."""
        with self._changed:
            self._strangers[reason] = None
        _log.warning("%s", reason)

    def disconnect(self, connection: Connection) -> None:
        """Note that a stream has ended; its site has some time to come back."""
        with self._changed:
            lane = self._lanes[node_of_site(connection.site)]
            if lane.connection is connection:
                lane.connection, lane.ready, lane.lost = None, False, monotonic()
                if not self._closed:
                    _log.warning("site %s: the stream has ended", connection.site)
                self._changed.notify_all()

    def receive(self, connection: Connection, frame: Frame) -> None:
        """Take a site's reply or its rejection of a message, and acknowledge it.

        Raises:
            CodingError: the frame is of another kind, or its reply is none.
        """
        message_id = frame.text("id")
        with self._changed:
            request = self._lanes[node_of_site(connection.site)].requests.get(message_id)
        if request is not None and request.reply is None:
            reply = self._read_reply(connection.site, request, frame)
            with self._changed:
                request.reply = request.reply or reply
                self._changed.notify_all()
        connection.outgoing.put(Frame("acknowledge", {"id": message_id}))

    def _read_reply(self, site: str, request: _Request, frame: Frame) -> Message:
        if frame.kind == "reject":
            reason = f"site {site}: {frame.text('reason')}"
            return make_reply(request.message, error=Error(NODE_UNAVAILABLE, reason))
        if frame.kind != "reply":
            raise CodingError(f"A site sent a frame of kind {frame.kind}.")
        try:
            answer = decode_message(frame.data)
        except CodingError as error:
            reason = f"site {site}: its reply cannot be read: {error}"
            return make_reply(request.message, error=Error(NODE_UNAVAILABLE, reason))
        if answer.has_error():
            return make_reply(request.message, error=answer.error)
        return make_reply(request.message, answer.content)

    def node_names(self) -> dict[int, str]:
        """Give the sites that take part now, or were lost a moment ago, by node id."""
        with self._changed:
            return {
                node_id: lane.site
                for node_id, lane in self._lanes.items()
                if lane.ready or (lane.lost is not None and not self._is_gone(lane))
            }

    def wait_for_sites(self, count: int, seconds: float) -> None:
        """Wait until so many sites take part.

        Raises:
            UnreachableError: they do not within the time; the error says of each site why.
        """
        end = monotonic() + seconds
        with self._changed:
            while sum(lane.ready for lane in self._lanes.values()) < count:
                if monotonic() >= end:
                    raise UnreachableError(self._tell_missing(count, seconds))
                self._changed.wait(end - monotonic())

    def push(self, messages: Iterable[Message], timeout: float | None) -> list[str]:
        """Send messages; a site that is not there gets them when it comes.

        Args:
            messages: what to send.
            timeout: seconds until a message is answered for; None: as long as it lives.

        Returns:
            the messages' ids.

        Raises:
            GridError: a message is for no site, is too large, or the run is closed.
        """
        message_ids = []
        for message in messages:
            node_id = message.metadata.dst_node_id
            if node_id not in self._lanes:
                raise GridError(
                    f"Node {node_id} is no site of this run. Send to the ids that get_node_ids "
                    "gives."
                )
            message_id = f"message-{self._mark}-{next(self._numbers)}"
            addressed = address_message(message, self._run_id, message_id)
            data = encode_message(addressed)
            if failure := too_large(data, self._limits.message_bytes):
                raise GridError(f"To site {self._lanes[node_id].site}: {failure}")
            seconds = message.metadata.ttl
            seconds = seconds if timeout is None else min(seconds, timeout)
            self._send(self._lanes[node_id], addressed, data, seconds)
            message_ids.append(message_id)
        return message_ids

    def _send(self, lane: _Lane, message: Message, data: bytes, seconds: float) -> None:
        with self._changed:
            if self._closed:
                raise GridError("The grid is closed. Open another one.")
            lane.sequence += 1
            request = _Request(message, lane.sequence, data, seconds, monotonic() + seconds)
            lane.requests[message.metadata.message_id] = request
            self._requests[message.metadata.message_id] = request
            if lane.ready and lane.connection is not None:
                lane.connection.outgoing.put(request.frame())

    def pull(self, message_ids: Sequence[str]) -> list[Message]:
        """Take the replies that are there, in the order of the ids."""
        with self._changed:
            self._answer_for_missing()
            return self._take(message_ids)

    def wait(self, message_ids: Sequence[str]) -> list[Message]:
        """Wait for all replies; sites that do not answer in time are answered for."""
        with self._changed:
            while True:
                moment = self._answer_for_missing()
                asked = [self._requests[one] for one in message_ids if one in self._requests]
                if all(request.reply is not None for request in asked):
                    return self._take(message_ids)
                self._changed.wait(max(moment - monotonic(), 0.0))

    def close(self, *, finished: bool) -> None:
        """End all streams.

        Args:
            finished: whether the run has come to its end. If not, the sites keep its state, and
                wait for it to go on.
        """
        with self._changed:
            self._closed = True
            for lane in self._lanes.values():
                if lane.connection is not None:
                    if finished and lane.ready:
                        lane.connection.outgoing.put(Frame("finish"))
                    lane.connection.outgoing.put(None)

    def _take(self, message_ids: Sequence[str]) -> list[Message]:
        replies = []
        for message_id in message_ids:
            request = self._requests.get(message_id)
            if request is not None and request.reply is not None:
                del self._requests[message_id]
                del self._lanes[request.message.metadata.dst_node_id].requests[message_id]
                replies.append(request.reply)
        return replies

    def _is_gone(self, lane: _Lane) -> bool:
        return lane.lost is not None and monotonic() >= lane.lost + self._limits.reconnect

    def _answer_for_missing(self) -> float:
        """Answer for sites that are late or gone; give the moment when the next one may be."""
        moments = [monotonic() + 3600.0]
        for lane in self._lanes.values():
            gone = self._is_gone(lane)
            for request in lane.requests.values():
                if request.reply is not None:
                    continue
                if gone or monotonic() >= request.deadline:
                    reason = (
                        f"its connection broke and it did not come back within "
                        f"{self._limits.reconnect:g} seconds."
                        if gone
                        else f"no answer within {request.seconds:g} seconds."
                    )
                    request.reply = make_reply(
                        request.message,
                        error=Error(NODE_UNAVAILABLE, f"site {lane.site}: {reason}"),
                    )
                    continue
                moments.append(request.deadline)
                if lane.lost is not None:
                    moments.append(lane.lost + self._limits.reconnect)
        return min(moments)

    def _tell_missing(self, count: int, seconds: float) -> str:
        lines = [
            f"Run {self._run_id} needs {count} sites, and did not have them within {seconds:g} s."
        ]
        for lane in self._lanes.values():
            if lane.ready:
                lines.append(f"  {lane.site}: takes part")
            elif lane.refusal:
                lines.append(f"  {lane.site}: {lane.refusal}")
            else:
                lines.append(f"  {lane.site}: has not connected; is `hkg site learn` running?")
        lines += [f"  refused: {reason}" for reason in self._strangers]
        return "\n".join(lines)
