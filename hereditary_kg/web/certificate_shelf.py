"""The certificates and plans of the last answers, kept for whoever has an answer's id."""

import secrets
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from hereditary_kg.execution.certificates import Certificate
from hereditary_kg.planning.explanation import Explanation
from hereditary_kg.sites.protocol import QueryRequest

__all__ = ["AnswerRecord", "CertificateShelf"]


@dataclass
class AnswerRecord:
    """What became of one answer.

    Attributes:
        identifier: its id; nobody can guess it.
        state: ``running``, ``finished``, or ``failed`` (broken off after its beginning was sent,
            or given up by its asker).
        certificate: what it is worth, as far as it has come.
        error: why it failed, or None.
        plan: says what was asked of whom for it; of the last answers only.
        request: what was asked for; of the last answers only.
    """

    identifier: str
    state: Literal["running", "finished", "failed"] = "running"
    certificate: Certificate | None = None
    error: str | None = None
    plan: Callable[[], Explanation] | None = None
    request: QueryRequest | None = None

    def to_dict(self) -> dict[str, Any]:
        """Give the record as plain values, ready for JSON.

        A certificate speaks for a finished answer alone, so others come without.
        """
        finished = self.certificate if self.state == "finished" else None
        return {
            "answer": self.identifier,
            "state": self.state,
            "error": self.error,
            "certificate": finished.to_dict() if finished is not None else None,
        }


class CertificateShelf:
    """The records of the last answers.

    Args:
        size: how many are kept; the oldest go first.
        plans: how many of them keep their plans and queries, which are larger than certificates.
    """

    def __init__(self, size: int = 1000, plans: int = 50) -> None:
        self._size = size
        self._with_plans: deque[AnswerRecord] = deque(maxlen=plans)
        self._records: OrderedDict[str, AnswerRecord] = OrderedDict()

    def open(self) -> AnswerRecord:
        """Begin the record of a new answer."""
        record = AnswerRecord(secrets.token_urlsafe(12))
        if len(self._with_plans) == self._with_plans.maxlen:
            self._with_plans[0].plan = self._with_plans[0].request = None
        self._with_plans.append(record)
        self._records[record.identifier] = record
        while len(self._records) > self._size:
            self._records.popitem(last=False)
        return record

    def find(self, identifier: str) -> AnswerRecord | None:
        """Give the record of an answer; None where it is unknown or no longer kept."""
        return self._records.get(identifier)
