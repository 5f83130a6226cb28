"""What answers have cost, member by member: the measure of what the next ones will."""

from dataclasses import dataclass, replace

__all__ = ["MemberStatistics"]

_WEIGHT = 0.2
# What a small answer takes says more about the request than about its rows.
_FEWEST_ROWS = 100


@dataclass(frozen=True)
class MemberStatistics:
    """Figures of one member, recent answers counting most (exponential smoothing, weight 0.2).

    Attributes:
        requests: the whole answers that they are of.
        latency: seconds from sending a request to the first byte of its answer; None before
            the first one.
        row_seconds: seconds a row from the first byte to the last, time spent waiting for the
            member only; None before an answer of at least 100 rows.
        row_bytes: bytes a row, after content decoding; None as `row_seconds`.
    """

    requests: int = 0
    latency: float | None = None
    row_seconds: float | None = None
    row_bytes: float | None = None

    @property
    def rows_per_second(self) -> float | None:
        """How many rows come in a second; None where that is not known."""
        return 1 / self.row_seconds if self.row_seconds else None

    def with_answer(
        self, *, latency: float, seconds: float, rows: int, size: int
    ) -> "MemberStatistics":
        """Take in an answer.

        Args:
            latency: seconds until its first byte.
            seconds: seconds waited for the rest.
            rows: its rows.
            size: its bytes.
        """
        taken = replace(self, requests=self.requests + 1, latency=_smoothed(self.latency, latency))
        if rows < _FEWEST_ROWS:
            return taken
        return replace(
            taken,
            row_seconds=_smoothed(self.row_seconds, seconds / rows),
            row_bytes=_smoothed(self.row_bytes, size / rows),
        )


def _smoothed(old: float | None, new: float) -> float:
    return new if old is None else old + _WEIGHT * (new - old)
