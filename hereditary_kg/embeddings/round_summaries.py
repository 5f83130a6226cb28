"""What a server knows of a round: what each site has reported, and who was missing."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import nan
from typing import Any

from hereditary_kg.embeddings.site_session import RoundReport

__all__ = ["RoundSummary", "read_summary", "write_summary"]


@dataclass(frozen=True)
class RoundSummary:
    """What is known of a round.

    Attributes:
        number: from 1; the last one is that of the end, in which nothing was trained.
        reports: what each site reported, by name.
        missing: why each of the other sites did not answer.
    """

    number: int
    reports: Mapping[str, RoundReport]
    missing: Mapping[str, str] = field(default_factory=dict)

    @property
    def loss(self) -> float:
        """The mean loss, weighted by the sites' triples."""
        triples = sum(report.triples for report in self.reports.values())
        total = sum(report.loss * report.triples for report in self.reports.values())
        return total / triples if triples else nan

    @property
    def mean_reciprocal_rank(self) -> float:
        """The mean over all sites' validation ranks; not a number where nobody looked.

        It is of the vectors that the round began with.
        """
        ranks = sum(report.ranks for report in self.reports.values())
        total = sum(report.reciprocal_ranks for report in self.reports.values())
        return total / ranks if ranks else nan


def write_summary(summary: RoundSummary) -> dict[str, Any]:
    """Write what is known of a round as a table for JSON."""
    return {
        "number": summary.number,
        "reports": {site: asdict(report) for site, report in summary.reports.items()},
        "missing": dict(summary.missing),
    }


def read_summary(table: Mapping[str, Any]) -> RoundSummary:
    """Read what is known of a round.

    Raises:
        KeyError: something is missing.
        TypeError: something is of another kind.
    """
    reports = {site: RoundReport(**report) for site, report in table["reports"].items()}
    return RoundSummary(table["number"], reports, table["missing"])
