"""Curves of a run as TensorBoard's event files, a directory for each site, written as it goes on.

A process that takes a run up again writes the rounds that it was left with anew, and takes away
what an earlier process wrote: so no step is there twice, whatever that one had done last. A
TensorBoard that is watching is told by the event that begins a session to forget what it had read.

Names of sites come from the sites; no name leads out of the directory.
"""

import math
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from hereditary_kg.embeddings.errors import TrainingError
from hereditary_kg.embeddings.round_summaries import RoundSummary
from hereditary_kg.embeddings.site_session import RoundReport
from hereditary_kg.embeddings.training_plan import TrainingPlan

if TYPE_CHECKING:
    from tensorboardX import RecordWriter

__all__ = ["LOSS", "VALIDATION", "EventFiles", "site_directory"]

LOSS = "training/loss"
"""The tag of a site's mean loss in a round."""

VALIDATION = "validation/MRR"
"""The tag of the mean reciprocal rank on a site's validation triples after so many rounds."""

_HITS, _EPSILON, _PLAN = "validation/Hits@10", "privacy/epsilon", "plan"
# What TensorBoard knows a file of events by is in its name, and what we know ours by.
_PREFIX, _SUFFIX = "events.out.tfevents.", ".hkg"


class EventFiles:
    """The event files of a run. Use it as a context manager.

    Args:
        directory: where each site gets a directory.
        plan: how it is trained, which stands beside the curves as text.
    """

    def __init__(self, directory: Path, plan: TrainingPlan) -> None:
        self._directory = directory
        self._plan = plan
        self._writers: dict[str, RecordWriter] = {}
        self._written: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        # What could not be written has been told by then.
        with suppress(OSError):
            for writer in self._writers.values():
                writer.close()

    def write(self, rounds: Sequence[RoundSummary]) -> None:
        """Write what is new of the rounds; at the first call all of them.

        Args:
            rounds: all rounds so far, those of an earlier process among them.

        Raises:
            TrainingError: a file cannot be written.
        """
        try:
            if self._written is None:
                self._remove_earlier()
                self._written = 0
            for summary in rounds[self._written :]:
                for site, report in summary.reports.items():
                    self._add(site, summary.number, report)
            for writer in self._writers.values():
                writer.flush()
        except OSError as error:
            raise TrainingError(
                f"{self._directory}: the curves cannot be written: {error.strerror}. Make room, or "
                "let this user write there, and start again: the run goes on."
            ) from error
        self._written = len(rounds)

    def _remove_earlier(self) -> None:
        for path in self._directory.glob(f"*/{_PREFIX}*{_SUFFIX}"):
            path.unlink()

    def _add(self, site: str, number: int, report: RoundReport) -> None:
        if site not in self._writers:
            self._writers[site] = self._open(site)
        if math.isfinite(report.loss):
            self._add_value(site, LOSS, number, report.loss)
        if report.epsilon:
            self._add_value(site, _EPSILON, number, report.epsilon)
        if report.ranks:
            # What is looked at in a round are the vectors that it begins with.
            self._add_value(site, VALIDATION, number - 1, report.reciprocal_ranks / report.ranks)
            self._add_value(site, _HITS, number - 1, report.hits_at_10 / report.ranks)

    def _add_value(self, site: str, tag: str, step: int, value: float) -> None:
        from tensorboardX.summary import scalar  # noqa: PLC0415 - slow to import

        _write_event(self._writers[site], step=step, summary=scalar(tag, value))

    def _open(self, site: str) -> "RecordWriter":
        from tensorboardX import RecordWriter  # noqa: PLC0415
        from tensorboardX.proto.event_pb2 import SessionLog  # noqa: PLC0415
        from tensorboardX.summary import text  # noqa: PLC0415

        directory = site_directory(self._directory, site)
        directory.mkdir(parents=True, exist_ok=True)
        # An absolute path: the writer would take one that begins with "s3:" for a place elsewhere.
        path = directory.absolute() / f"{_PREFIX}{time.time_ns() // 1000:017d}{_SUFFIX}"
        writer = RecordWriter(str(path))
        _write_event(writer, file_version="brain.Event:2")
        _write_event(writer, session_log=SessionLog(status=SessionLog.START))
        _write_event(writer, summary=text(_PLAN, _as_table(self._plan)))
        return writer


def site_directory(directory: Path, site: str) -> Path:
    """Give the directory of a site's event files.

    Args:
        directory: that of all sites.
        site: the site's name, whatever is in it.
    """
    name = quote(site, safe=" ")
    return directory / (f"%2E{name[1:]}" if name.startswith(".") else name)


def _write_event(writer: "RecordWriter", **fields: Any) -> None:
    from tensorboardX.proto.event_pb2 import Event  # noqa: PLC0415

    writer.write(Event(wall_time=time.time(), **fields).SerializeToString())


def _as_table(plan: TrainingPlan) -> str:
    """Write the plan as TensorBoard shows texts: in Markdown."""
    rows = "".join(f"| {name} | {value} |\n" for name, value in asdict(plan).items())
    return f"| setting | value |\n|---|---|\n{rows}"
