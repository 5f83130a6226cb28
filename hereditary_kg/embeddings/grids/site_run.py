"""A site's work in one run: messages in their order, each once, whatever happens to the stream."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Lock, Thread
from time import monotonic

from hereditary_kg.embeddings.grids.errors import CodingError, GridError
from hereditary_kg.embeddings.grids.flower_api import Message
from hereditary_kg.embeddings.grids.frames import Frame
from hereditary_kg.embeddings.grids.journal import Journal
from hereditary_kg.embeddings.grids.limits import Limits
from hereditary_kg.embeddings.grids.manifest import RunManifest
from hereditary_kg.embeddings.grids.message_coding import decode_message
from hereditary_kg.embeddings.grids.node import Node, SiteApp

__all__ = ["SiteRun"]

_log = logging.getLogger(__name__)

Send = Callable[[Frame], None]


@dataclass(frozen=True)
class _Job:
    """A message that waits to be done."""

    sequence: int
    message_id: str
    message: Message
    deadline: float


class SiteRun:
    """A site in one run: it outlives the streams by which it is asked.

    Args:
        site: what the site brings.
        manifest: the run, checked.
        journal: what the site has done in it.
        limits: how large a reply may be.
        stop: called if the work cannot go on, with why.
    """

    def __init__(
        self,
        site: SiteApp,
        manifest: RunManifest,
        journal: Journal,
        limits: Limits,
        stop: Callable[[GridError], None],
    ) -> None:
        self.run_id = manifest.run_id
        self._journal = journal
        self._limits = limits
        self._stop = stop
        self._node = Node(site, manifest.run_id, manifest.settings(), journal.state)
        self._lock = Lock()
        self._send: Send | None = None
        self._taken: set[str] = set()
        self._highest = journal.done
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread = Thread(target=self._work, name=f"run {self.run_id}", daemon=True)
        self._thread.start()

    def join(self, send: Send) -> None:
        """Take a new stream: agree to the run, and send what the server has not got."""
        with self._lock:
            self._send = send
            send(Frame("accept", {"done": self._journal.done}))
            for message_id, reply in self._journal.replies.items():
                send(Frame("reply", {"id": message_id}, reply))

    def leave(self) -> None:
        """Note that the stream has ended; the work goes on."""
        with self._lock:
            self._send = None

    def ask(self, frame: Frame) -> None:
        """Take a message; one that was taken before is not done again.

        Raises:
            CodingError: the frame is not complete.
        """
        message_id, sequence = frame.text("id"), frame.number("sequence")
        with self._lock:
            if message_id in self._taken:
                return
            if (reply := self._journal.replies.get(message_id)) is not None:
                self._tell(Frame("reply", {"id": message_id}, reply))
                return
            reason, message = self._read(sequence, frame)
            if message is None:
                _log.error("run %s: message %s is rejected: %s", self.run_id, message_id, reason)
                self._tell(Frame("reject", {"id": message_id, "reason": reason}))
                return
            self._highest = sequence
            self._taken.add(message_id)
        seconds = float(frame.fields.get("seconds", 0.0))
        self._jobs.put(_Job(sequence, message_id, message, monotonic() + seconds))

    def acknowledge(self, message_id: str) -> None:
        """Forget a reply that the server has."""
        with self._lock:
            self._journal.forget(message_id)

    def finish(self) -> None:
        """End the run for good: its state and replies are dropped."""
        self._jobs.put(None)
        self._thread.join()
        with self._lock:
            self._journal.finish()

    def abandon(self) -> None:
        """Begin no further message; the run can go on from the journal."""
        self._jobs.put(None)

    def _read(self, sequence: int, frame: Frame) -> tuple[str, Message | None]:
        """Read a message that was not taken before; None and why, if it must not be done."""
        if sequence <= self._highest:
            reason = (
                f"it has number {sequence}, and this site is at {self._highest}: it was sent "
                "before, or out of order"
            )
            return reason, None
        try:
            message = decode_message(frame.data)
        except CodingError as error:
            return str(error), None
        about = message.metadata
        if (about.run_id, about.dst_node_id) != (self.run_id, self._node.node_id):
            return "it is of another run, or for another site", None
        if about.message_id != frame.text("id") or message.has_error():
            return "it is not what its frame says", None
        return "", message

    def _work(self) -> None:
        try:
            while (job := self._jobs.get()) is not None:
                self._do(job)
        except GridError as error:
            self._stop(error)

    def _do(self, job: _Job) -> None:
        if monotonic() >= job.deadline:
            with self._lock:
                self._taken.discard(job.message_id)
                self._tell(Frame("reject", {"id": job.message_id, "reason": "its time was over"}))
            return
        reply, data = self._node.answer(job.message, self._limits.message_bytes)
        with self._lock:
            self._journal.commit(job.sequence, job.message_id, data, self._node.context.state)
            self._taken.discard(job.message_id)
            self._tell(Frame("reply", {"id": job.message_id}, data))
        outcome = "failed" if reply.has_error() else "done"
        _log.info(
            "run %s: message %d is %s, %d bytes", self.run_id, job.sequence, outcome, len(data)
        )

    def _tell(self, frame: Frame) -> None:
        if self._send is not None:
            self._send(frame)
