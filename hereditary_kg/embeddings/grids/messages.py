"""Messages that share nothing with those they were made from, and replies that say what failed."""

import hashlib
import traceback
from logging import Logger
from time import time
from typing import Any

from flwr.app import DEFAULT_TTL, Array, ArrayRecord, MetricRecord

from hereditary_kg.embeddings.grids.errors import ReportedError
from hereditary_kg.embeddings.grids.flower_api import (
    APP_FAILED,
    SERVER_NODE,
    ConfigRecord,
    Error,
    Message,
    Metadata,
    RecordDict,
    make_message,
)

__all__ = [
    "address_message",
    "clone_message",
    "clone_records",
    "failure_reason",
    "failure_reply",
    "make_reply",
    "new_metadata",
    "node_of_site",
    "reply_of",
]


def node_of_site(site: str) -> int:
    """Give the node id of a site: the same on every grid of ours, whatever the others are called.

    Returns:
        a number from 2 to 2^63 - 1, from the first 8 bytes of the name's SHA-256.
    """
    digest = hashlib.sha256(site.encode()).digest()
    return int.from_bytes(digest[:8], "big") % (2**63 - 2) + 2


def clone_records(records: RecordDict) -> RecordDict:
    """Copy records so that a change on either side is not seen on the other.

    The bytes of arrays are immutable and shared, so that nothing large is copied.
    """
    copied = RecordDict()
    for name, record in records.items():
        if isinstance(record, ArrayRecord):
            copied[name] = ArrayRecord(
                {
                    key: Array(array.dtype, tuple(array.shape), array.stype, bytes(array.data))
                    for key, array in record.items()
                }
            )
        elif isinstance(record, MetricRecord):
            copied[name] = MetricRecord({key: _copy(value) for key, value in record.items()})
        else:
            copied[name] = ConfigRecord({key: _copy(value) for key, value in record.items()})
    return copied


def new_metadata(
    run_id: int,
    message_id: str,
    node_id: int,
    *,
    group_id: str,
    message_type: str,
    created_at: float | None = None,
    ttl: float = DEFAULT_TTL,
) -> Metadata:
    """Make the metadata of a message from a run's server to a site.

    Args:
        run_id: the run's number.
        message_id: the message's id.
        node_id: the site's.
        group_id: the round, or what the server application calls it.
        message_type: what the site is to do, as ``train`` or ``query.sizes``.
        created_at: seconds since 1970; None: now.
        ttl: seconds that the message and its reply live.
    """
    return Metadata(
        run_id=run_id,
        message_id=message_id,
        src_node_id=SERVER_NODE,
        dst_node_id=node_id,
        reply_to_message_id="",
        group_id=group_id,
        created_at=time() if created_at is None else created_at,
        ttl=ttl,
        message_type=message_type,
    )


def address_message(message: Message, run_id: int, message_id: str) -> Message:
    """Clone a server application's message, with the ids that the grid gives it."""
    given = message.metadata
    metadata = new_metadata(
        run_id,
        message_id,
        given.dst_node_id,
        group_id=given.group_id,
        message_type=given.message_type,
        created_at=given.created_at,
        ttl=given.ttl,
    )
    return make_message(metadata, clone_records(message.content))


def clone_message(message: Message) -> Message:
    """Clone a message with its metadata and records."""
    given = message.metadata
    metadata = Metadata(
        run_id=given.run_id,
        message_id=given.message_id,
        src_node_id=given.src_node_id,
        dst_node_id=given.dst_node_id,
        reply_to_message_id=given.reply_to_message_id,
        group_id=given.group_id,
        created_at=given.created_at,
        ttl=given.ttl,
        message_type=given.message_type,
    )
    return make_message(metadata, clone_records(message.content))


def make_reply(
    message: Message, content: RecordDict | None = None, error: Error | None = None
) -> Message:
    """Make the reply to a message, whose metadata a client application cannot choose."""
    asked = message.metadata
    created = time()
    metadata = Metadata(
        run_id=asked.run_id,
        message_id=f"{asked.message_id}-reply",
        src_node_id=asked.dst_node_id,
        dst_node_id=asked.src_node_id,
        reply_to_message_id=asked.message_id,
        group_id=asked.group_id,
        created_at=created,
        ttl=max(asked.created_at + asked.ttl - created, 0.0),
        message_type=asked.message_type,
    )
    return make_message(metadata, content, error)


def reply_of(message: Message, answer: object) -> Message:
    """Clone what a client application answered into a reply.

    Raises:
        TypeError: it answered with something that is no message.
    """
    if not isinstance(answer, Message):
        raise TypeError(
            f"The client application answered with {type(answer).__name__}, not with a Message."
        )
    if answer.has_error():
        return make_reply(message, error=answer.error)
    return make_reply(message, clone_records(answer.content))


def failure_reason(failure: Exception, site: str, log: Logger) -> str:
    """Say to the server why a client application failed.

    Of an exception the server learns the class alone, since its text may name entities or
    persons; the site's log names the lines as well. The text of a `ReportedError` is told.
    """
    kind = type(failure).__name__
    lines = " < ".join(
        f"{frame.name} ({frame.filename}:{frame.lineno})"
        for frame in reversed(traceback.extract_tb(failure.__traceback__)[-3:])
    )
    log.debug("The whole failure.", exc_info=failure)
    if isinstance(failure, ReportedError):
        log.error("site %s: the client application failed: %s", site, failure)
        return f"site {site}: {failure}"
    log.error("site %s: the client application failed: %s in %s", site, kind, lines)
    return f"site {site}: {kind}. The log of the site says where."


def failure_reply(message: Message, failure: Exception, site: str, log: Logger) -> Message:
    """Make the reply that tells the server of a failed client application."""
    return make_reply(message, error=Error(APP_FAILED, failure_reason(failure, site, log)))


def _copy(value: Any) -> Any:
    return list(value) if isinstance(value, list) else value
