"""What a run leaves for people: a table of rounds, curves, and a report."""

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hereditary_kg.embeddings.errors import TrainingError
from hereditary_kg.embeddings.round_summaries import RoundSummary
from hereditary_kg.embeddings.training_plan import TrainingPlan

__all__ = ["EVENTS", "SiteResult", "TrainingReport", "draw_curves", "write_report"]

EVENTS = "tensorboard"
"""The directory beside the report in which TensorBoard finds the curves."""

_COLUMNS = (
    "round",
    "site",
    "triples",
    "loss",
    "epsilon",
    "mean_reciprocal_rank",
    "hits_at_10",
    "ranks",
)


@dataclass(frozen=True)
class SiteResult:
    """What became of a site's model.

    Attributes:
        site: the site's name.
        best_round: the round after which its vectors were best on its validation triples.
        kept: ``"federated"``, or ``"alone"`` where training alone was the better of both.
        validation: mean reciprocal rank on the validation triples, of what is kept.
        testing: metrics on the test triples: ``"mean_reciprocal_rank"`` and others.
        alone: the same of a model that was trained alone; empty where none was.
        shared: how many of the site's entities are shared, public, local.
        epsilon: what the site has spent of differential privacy; 0 where it trained without.
        refused_rounds: rounds that its budget had no room for, so that nothing was trained.
    """

    site: str
    best_round: int
    kept: str
    validation: float
    testing: Mapping[str, float]
    alone: Mapping[str, float] = field(default_factory=dict)
    shared: Mapping[str, int] = field(default_factory=dict)
    epsilon: float = 0.0
    refused_rounds: int = 0


@dataclass(frozen=True)
class TrainingReport:
    """What is known at the end of a run.

    Attributes:
        name: the run's name.
        plan: how it was trained.
        partition: how the sites' data lie to each other, in words.
        rounds: what sites reported of each round.
        sites: what became of each site's model.
    """

    name: str
    plan: TrainingPlan
    partition: str
    rounds: Sequence[RoundSummary]
    sites: Sequence[SiteResult]

    def mean(self, metric: str, *, alone: bool = False) -> float:
        """Give a test metric over all sites, weighted by their ranks."""
        found = [site.alone if alone else site.testing for site in self.sites]
        total = sum(metrics.get("count", 0) for metrics in found)
        if not total:
            return math.nan
        return sum(metrics[metric] * metrics["count"] for metrics in found if metrics) / total


def write_report(report: TrainingReport, directory: Path) -> tuple[Path, ...]:
    """Write ``rounds.csv``, ``curves.svg`` and ``report.json``.

    Returns:
        the files.

    Raises:
        TrainingError: they cannot be written.
    """
    files = {
        directory / "rounds.csv": _write_rounds(report.rounds),
        directory / "curves.svg": draw_curves(report.rounds, report.name),
        directory / "report.json": _write_json(report),
    }
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for path, text in files.items():
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise TrainingError(f"{directory}: the report cannot be written: {error}") from error
    return tuple(files)


def draw_curves(rounds: Sequence[RoundSummary], title: str) -> str:
    """Draw loss and validation rank over the rounds, a line a site, as SVG."""
    import matplotlib as mpl  # noqa: PLC0415 - slow to import
    from matplotlib.figure import Figure  # noqa: PLC0415

    # Letters stay letters, and the same curves are the same file.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "hereditary_kg"}):
        figure = Figure(figsize=(9, 3.6), layout="constrained")
        losses, ranks = figure.subplots(1, 2)
        for site in sorted({site for summary in rounds for site in summary.reports}):
            told = [(s.number, s.reports[site]) for s in rounds if site in s.reports]
            losses.plot(
                [number for number, report in told if math.isfinite(report.loss)],
                [report.loss for _, report in told if math.isfinite(report.loss)],
                label=site,
            )
            looked = [(n - 1, r.reciprocal_ranks / r.ranks) for n, r in told if r.ranks]
            ranks.plot(*zip(*looked, strict=True) if looked else ([], []), marker="o", label=site)
        losses.set(xlabel="round", ylabel="loss", title=title)
        ranks.set(xlabel="rounds before", ylabel="validation MRR", ylim=(0, None))
        ranks.legend(fontsize="small")
        written = io.StringIO()
        figure.savefig(written, format="svg", metadata={"Date": None})
    return written.getvalue()


def _write_rounds(rounds: Sequence[RoundSummary]) -> str:
    written = io.StringIO()
    table = csv.writer(written, lineterminator="\n")
    table.writerow(_COLUMNS)
    for summary in rounds:
        for site, report in sorted(summary.reports.items()):
            ranks = report.ranks
            table.writerow(
                (
                    summary.number,
                    site,
                    report.triples,
                    "" if math.isnan(report.loss) else f"{report.loss:.6g}",
                    f"{report.epsilon:.6g}" if report.epsilon else "",
                    f"{report.reciprocal_ranks / ranks:.6g}" if ranks else "",
                    f"{report.hits_at_10 / ranks:.6g}" if ranks else "",
                    ranks,
                )
            )
    return written.getvalue()


def _write_json(report: TrainingReport) -> str:
    content: dict[str, Any] = {
        "name": report.name,
        "plan": asdict(report.plan),
        "partition": report.partition,
        "rounds": len(report.rounds),
        "missing": {
            str(summary.number): dict(summary.missing)
            for summary in report.rounds
            if summary.missing
        },
        "sites": [asdict(site) for site in report.sites],
        "test_mean_reciprocal_rank": report.mean("mean_reciprocal_rank"),
    }
    return json.dumps(_without_nan(content), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _without_nan(value: Any) -> Any:
    """Write what is not a number as null, which JSON knows."""
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
