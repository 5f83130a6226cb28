"""The one module that touches what Flower has not made public, and that imports Flower first.

Flower's packages ``flwr.app``, ``flwr.serverapp`` and ``flwr.clientapp`` are public. A grid needs a
little more: to give messages their ids, to say in which run a process is, and the codes of errors.
All of it is here, and ``tests/embeddings/grids/test_flower_api.py`` holds it to the pinned version.
"""

import os

# Flower reads these once, when it is imported.
os.environ["FLWR_TELEMETRY_ENABLED"] = "0"
os.environ["FLWR_DISABLE_UPDATE_CHECK"] = "1"

from flwr.app import ConfigRecord, Context, Error, Message, Metadata, RecordDict
from flwr.common.constant import SUPERLINK_NODE_ID, ErrorCode
from flwr.proto.node_pb2 import NodeInfo
from flwr.serverapp import Grid
from flwr.supercore.run import Run
from flwr.supercore.task_identity import TaskIdentity

__all__ = [
    "APP_FAILED",
    "NODE_UNAVAILABLE",
    "SERVER_NODE",
    "ConfigRecord",
    "Context",
    "Error",
    "Grid",
    "Message",
    "Metadata",
    "NodeInfo",
    "RecordDict",
    "Run",
    "describe_run",
    "enter_run",
    "make_message",
    "new_message",
]

SERVER_NODE: int = SUPERLINK_NODE_ID
"""The node id of a run's server."""

APP_FAILED: int = ErrorCode.CLIENT_APP_RAISED_EXCEPTION
"""A reply's error code: the client application failed."""

NODE_UNAVAILABLE: int = ErrorCode.NODE_UNAVAILABLE
"""A reply's error code: the site did not answer in time."""


def make_message(
    metadata: Metadata, content: RecordDict | None = None, error: Error | None = None
) -> Message:
    """Make a message whose metadata are known, as a grid must to give it an id.

    Args:
        metadata: the message's.
        content: its records; these or an error.
        error: why there are none.
    """
    return Message(content=content, error=error, metadata=metadata)  # type: ignore[call-overload, no-any-return]


def new_message(
    content: RecordDict, node_id: int, message_type: str, group_id: str, ttl: float | None
) -> Message:
    """Make a message as a server application does; its grid gives it an id when it is sent."""
    return Message(content, node_id, message_type, ttl=ttl, group_id=group_id)


def enter_run(run_id: int) -> None:
    """Say in which run this process is, which ``Message(...)`` of a server application asks for.

    A grid gives each message its own run id when it is sent, so that several grids may run in one
    process.
    """
    TaskIdentity.run_id = run_id
    TaskIdentity.node_id = SERVER_NODE
    TaskIdentity.task_id = 0


def describe_run(run_id: int) -> Run:
    """Give the description of a run that Flower's ``Grid.run`` asks for."""
    return Run.create_empty(run_id)
