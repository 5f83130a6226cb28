"""A grid whose sites are client applications in this process: no sockets, no other processes.

It is what a training on one machine and most tests run on. Every message is cloned, so that an
application that would break between processes breaks here as well. Replies come in the order of
the messages, and sites work one after another unless told otherwise, so that a run is the same
each time.
"""

import itertools
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Self

from hereditary_kg.embeddings.grids.errors import GridError
from hereditary_kg.embeddings.grids.flower_api import (
    NODE_UNAVAILABLE,
    Error,
    Message,
    NodeInfo,
    RecordDict,
    enter_run,
)
from hereditary_kg.embeddings.grids.messages import address_message, clone_records, make_reply
from hereditary_kg.embeddings.grids.node import Node, SiteApp
from hereditary_kg.embeddings.grids.run_grid import RunGrid
from hereditary_kg.embeddings.grids.run_settings import SettingValue

__all__ = ["InProcessGrid"]


@dataclass(eq=False)
class _Task:
    """A message on its way.

    Its clock starts when its site begins to work on it: waiting for other sites' turns is not the
    site's fault, but waiting for its own work that was given up is.
    """

    message: Message
    limit: float
    reply: Message | None = None
    deadline: float | None = None
    lane: threading.Thread | None = None


class InProcessGrid(RunGrid):
    """Flower's `Grid` over client applications in this process.

    Args:
        sites: the sites; those with the same name are refused.
        run_settings: what applications find in ``context.run_config``.
        run_id: the run's number.
        parallel: how many sites work at once. With more than 1 the sites must not share state.
        states: what applications kept before, by site, where a run goes on.

    Raises:
        GridError: there are no sites, or two of a name.
    """

    def __init__(
        self,
        sites: Sequence[SiteApp],
        run_settings: Mapping[str, SettingValue] | None = None,
        *,
        run_id: int = 1,
        parallel: int = 1,
        states: Mapping[str, RecordDict] | None = None,
    ) -> None:
        names = [site.site for site in sites]
        if not names or len(set(names)) != len(names):
            raise GridError(
                f"A run needs sites with different names; given are {', '.join(names) or 'none'}."
            )
        kept = states or {}
        nodes = [
            Node(site, run_id, run_settings or {}, kept.get(site.site))
            for site in sorted(sites, key=lambda site: site.site)
        ]
        self._nodes = {node.node_id: node for node in nodes}
        super().__init__(run_id)
        self._parallel = parallel
        self._numbers = itertools.count(1)
        self._changed = threading.Condition()
        self._tasks: dict[str, _Task] = {}
        self._waiting: list[_Task] = []
        self._busy: dict[int, _Task] = {}
        self._lanes: set[threading.Thread] = set()
        self._closed = False
        self._failure: GridError | None = None
        enter_run(run_id)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let no site begin anything more, and forget what was asked."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._tasks.clear()
            self._changed.notify_all()

    def states(self) -> dict[str, RecordDict]:
        """Copy what the applications keep, by site, so that a run can go on later."""
        return {node.site.site: clone_records(node.context.state) for node in self._nodes.values()}

    def get_node_ids(self) -> Iterable[int]:
        """Give the sites' node ids, in the order of the sites' names."""
        return list(self._nodes)

    def get_nodes(self) -> Iterable[NodeInfo]:
        """Give the sites' node ids and names, in the order of the names."""
        return [
            NodeInfo(node_id=node_id, name=node.site.site) for node_id, node in self._nodes.items()
        ]

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Send messages; the sites begin to work.

        Returns:
            the ids by which the replies are pulled, in the order of the messages.

        Raises:
            GridError: a message is for no site of this grid, or the grid is closed.
        """
        return self._push(messages, None)

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Take the replies that are there, in the order of the ids."""
        with self._changed:
            self._give_up_late()
            return self._take(list(message_ids))

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterable[Message]:
        """Send messages and wait for all replies.

        Args:
            messages: what to send.
            timeout: seconds that a site may work on its message. A site that takes longer is
                answered for by an error reply.

        Returns:
            as many replies as messages, in their order; those of sites that failed or took too
            long have errors.

        Raises:
            GridError: a message is for no site of this grid, the grid is closed, or a site's
                ledger cannot be written.
        """
        message_ids = self._push(messages, timeout)
        with self._changed:
            while True:
                if self._failure is not None:
                    raise self._failure
                self._give_up_late()
                asked = [self._tasks[one] for one in message_ids if one in self._tasks]
                if all(task.reply is not None for task in asked):
                    return self._take(message_ids)
                deadlines = [
                    task.deadline for task in asked if task.deadline is not None and not task.reply
                ]
                self._changed.wait(max(min(deadlines) - monotonic(), 0.0) if deadlines else None)

    def _push(self, messages: Iterable[Message], timeout: float | None) -> list[str]:
        message_ids: list[str] = []
        with self._changed:
            if self._closed:
                raise GridError("The grid is closed. Open another one.")
            for message in messages:
                if message.metadata.dst_node_id not in self._nodes:
                    raise GridError(
                        f"Node {message.metadata.dst_node_id} is no site of this run. Send to the "
                        "ids that get_node_ids gives."
                    )
                message_id = f"message-{next(self._numbers)}"
                addressed = address_message(message, self._run.run_id, message_id)
                limit = message.metadata.ttl
                task = _Task(addressed, limit if timeout is None else min(limit, timeout))
                self._tasks[message_id] = task
                self._waiting.append(task)
                message_ids.append(message_id)
            while len(self._lanes) < min(self._parallel, len(self._nodes)):
                self._open_lane()
            self._changed.notify_all()
        return message_ids

    def _take(self, message_ids: list[str]) -> list[Message]:
        replies = []
        for message_id in message_ids:
            task = self._tasks.get(message_id)
            if task is not None and task.reply is not None:
                del self._tasks[message_id]
                replies.append(task.reply)
        return replies

    def _open_lane(self) -> None:
        lane = threading.Thread(target=self._work, name="site", daemon=True)
        self._lanes.add(lane)
        lane.start()

    def _work(self) -> None:
        """Work on one message after another, until the grid is closed or the work given up."""
        lane = threading.current_thread()
        while True:
            with self._changed:
                while (task := self._next_task()) is None:
                    if self._closed or lane not in self._lanes:
                        return
                    self._changed.wait()
            node = self._nodes[task.message.metadata.dst_node_id]
            reply: Message | None = None
            try:
                reply = (
                    node.handle(task.message)
                    if node.site.ledger is None
                    else node.answer(task.message)[0]
                )
            except GridError as error:
                self._failure = error
            with self._changed:
                del self._busy[node.node_id]
                task.reply = task.reply or reply
                self._changed.notify_all()
                if lane not in self._lanes:
                    return

    def _next_task(self) -> _Task | None:
        for task in self._waiting:
            node_id = task.message.metadata.dst_node_id
            holder = self._busy.get(node_id)
            if holder is None:
                self._waiting.remove(task)
                self._busy[node_id] = task
                task.lane = threading.current_thread()
                task.deadline = monotonic() + task.limit
                self._changed.notify_all()
                return task
            if holder.reply is not None and task.deadline is None:
                task.deadline = monotonic() + task.limit
                self._changed.notify_all()
        return None

    def _give_up_late(self) -> None:
        """Answer for sites whose time is over, and let others have their lanes."""
        for task in self._tasks.values():
            if task.reply is not None or task.deadline is None or monotonic() < task.deadline:
                continue
            node = self._nodes[task.message.metadata.dst_node_id]
            task.reply = make_reply(
                task.message,
                error=Error(
                    NODE_UNAVAILABLE,
                    f"site {node.site.site}: no answer within {task.limit:g} seconds.",
                ),
            )
            if task.lane is None:
                self._waiting.remove(task)
            else:
                self._lanes.discard(task.lane)
                self._open_lane()
