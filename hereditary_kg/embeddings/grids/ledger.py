"""What leaves a site, message by message: how much of it, never what it says.

The ledger is a file of JSON lines, only ever appended to. A line has the time, the site, the run,
the message, and of the records that left: their bytes, tensors, rows and single values. It has no
values, and no names that an application gives to records, since they may name entities.
"""

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any

from flwr.app import ArrayRecord, MetricRecord

from hereditary_kg.embeddings.grids.errors import SettingsError
from hereditary_kg.embeddings.grids.flower_api import Message

__all__ = ["PRIVACY_RECORD", "OutgoingLedger", "describe_content"]

PRIVACY_RECORD = "privacy"
"""The metric record of a reply whose ``epsilon`` and ``delta`` say what was spent so far."""

_SPENT = ("epsilon", "delta")


def describe_content(message: Message) -> dict[str, int | float]:
    """Count what a message holds.

    Returns:
        ``tensors``: arrays; ``rows``: the lengths of their first axes, where they have at least
        two, and 1 for each other; ``numbers``: their elements; ``values``: metrics and settings;
        and ``epsilon`` and ``delta`` if the record `PRIVACY_RECORD` has them.
    """
    counted: dict[str, int | float] = {"tensors": 0, "rows": 0, "numbers": 0, "values": 0}
    if message.has_error():
        return counted
    for name, record in message.content.items():
        if isinstance(record, ArrayRecord):
            for array in record.values():
                counted["tensors"] += 1
                counted["rows"] += array.shape[0] if len(array.shape) > 1 else 1
                counted["numbers"] += math.prod(array.shape)
            continue
        for key, value in record.items():
            counted["values"] += len(value) if isinstance(value, list) else 1
            if (
                name == PRIVACY_RECORD
                and key in _SPENT
                and isinstance(record, MetricRecord)
                and isinstance(value, int | float)
            ):
                counted[key] = value
    return counted


class OutgoingLedger:
    """Appends a line for each message that leaves a site.

    Args:
        path: the file; it is made if it is not there.
        site: the site's name.
        clock: gives the time.

    Raises:
        SettingsError: the file cannot be written.
    """

    def __init__(
        self,
        path: Path,
        site: str,
        clock: Callable[[], datetime] = lambda: datetime.now(tz=UTC),
    ) -> None:
        self.path = path
        self._site = site
        self._clock = clock
        self._lock = Lock()
        self._append("")

    def record(self, message: Message, size: int) -> None:
        """Write that a message leaves.

        Args:
            message: the message.
            size: its bytes as they leave.

        Raises:
            SettingsError: the file cannot be written; the message must not leave then.
        """
        line: dict[str, Any] = {
            "time": self._clock().isoformat(timespec="milliseconds"),
            "site": self._site,
            "run": str(message.metadata.run_id),
            "message": message.metadata.reply_to_message_id,
            "type": message.metadata.message_type,
            "group": message.metadata.group_id,
            "outcome": "failed" if message.has_error() else "done",
            "bytes": size,
            **describe_content(message),
        }
        self._append(json.dumps(line) + "\n")

    def _append(self, text: str) -> None:
        try:
            with self._lock, self.path.open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise SettingsError(
                f"{self.path}: the ledger of what leaves site {self._site} cannot be written: "
                f"{error.strerror}. Nothing leaves the site without it; make the place writable."
            ) from error
