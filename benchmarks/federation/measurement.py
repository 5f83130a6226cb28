"""What is measured of one answer."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.federation.checking import Verdict
from benchmarks.federation.traffic import Traffic

__all__ = ["Measurement"]


@dataclass(frozen=True)
class Measurement:
    """One engine's answer to one query.

    Attributes:
        query: the query's name.
        template: its template's.
        engine: the engine's.
        verdict: what the answer is worth; the times count where it is right only.
        rows: how many the engine gave.
        right_rows: how many there are.
        oracle_requests: how many requests the oracle needs; see `oracle`.
        traffic: what went to the members and came back.
        seconds: the whole query; None where there was no answer.
        first_row: until its first row.
        planning: of that planning, where the engine tells.
        message: what the engine said where it gave no answer.
    """

    query: str
    template: str
    engine: str
    verdict: Verdict
    rows: int
    right_rows: int
    oracle_requests: int
    traffic: Traffic
    seconds: float | None = None
    first_row: float | None = None
    planning: float | None = None
    message: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON has it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, table: Mapping[str, Any]) -> "Measurement":
        """Read what `to_dict` gave."""
        traffic = Traffic(**table["traffic"])
        return cls(**{**table, "traffic": traffic, "verdict": Verdict(table["verdict"])})
