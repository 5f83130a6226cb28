"""What a run found, kept in a file, and the section of the documentation made of several."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.federation.measurement import Measurement
from benchmarks.federation.merged_report import write_beside_merged
from benchmarks.federation.report import (
    write_engines,
    write_faults,
    write_growth,
    write_templates,
)

__all__ = ["RunResults", "find_results", "write_document"]


@dataclass(frozen=True)
class RunResults:
    """One run.

    Attributes:
        benchmark: the benchmark's name.
        members: how many members.
        delay: milliseconds by which every request is delayed.
        seed: of data and queries.
        triples: per member its triples.
        resident: MiB that the members' servers take together.
        unshared: MiB of that which no file and no other process shares.
        machine: what it ran on.
        queries: per name its text.
        measurements: what was measured.
    """

    benchmark: str
    members: int
    delay: float
    seed: int
    triples: dict[str, int]
    resident: float
    unshared: float
    machine: str
    queries: dict[str, str]
    measurements: tuple[Measurement, ...]

    @property
    def engines(self) -> list[str]:
        """The engines, the one that the others are compared with first."""
        return list(dict.fromkeys(each.engine for each in self.measurements))

    @classmethod
    def read(cls, path: Path) -> "RunResults":
        """Read what `save` wrote."""
        table = json.loads(path.read_text(encoding="utf-8"))
        measurements = tuple(map(Measurement.from_dict, table.pop("measurements")))
        return cls(**table, measurements=measurements)

    def save(self, path: Path) -> None:
        """Write the results as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")

    def conditions(self) -> str:
        """Say in a sentence what was run."""
        return (
            f"{self.members} members with {sum(self.triples.values()):,} triples, "
            f"{len(self.queries)} queries, {self.delay:g} ms delay a request. The members' "
            f"servers take {self.resident:,.0f} MiB, {self.unshared:,.0f} of them not shared."
        )

    def write(self) -> str:
        """Write the tables of this run."""
        parts = [self.conditions(), write_engines(self.measurements)]
        parts += [
            f"By template, {engine}:\n\n{write_templates(self.measurements, engine)}"
            for engine in self.engines[:1]
        ]
        if beside := write_beside_merged(self.measurements, self.engines[0]):
            parts.append(f"Beside one merged store:\n\n{beside}")
        if faults := write_faults(self.measurements):
            parts.append(f"Not right:\n\n```\n{faults}\n```")
        return "\n\n".join(parts)


def find_results(directory: Path, benchmark: str) -> list[RunResults]:
    """Read all results of a benchmark, by members and delay."""
    found = [RunResults.read(path) for path in directory.glob(f"{benchmark}-*.json")]
    return sorted(found, key=lambda results: (results.members, results.delay))


def write_document(runs: Sequence[RunResults]) -> str:
    """Write the section of a benchmark: every run, and how times grow with the members."""
    parts = []
    for run in runs:
        parts.append(f"### {run.members} members, {run.delay:g} ms")
        parts.append(run.write())
    for delay in dict.fromkeys(run.delay for run in runs):
        alike = [run for run in runs if run.delay == delay]
        small, large = alike[0], alike[-1]
        if small.members == large.members or small.engines[0] != large.engines[0]:
            continue
        title = f"### From {small.members} to {large.members} members, {delay:g} ms"
        growth = write_growth(small.measurements, large.measurements, small.engines[0])
        parts += [f"{title}, {small.engines[0]}", growth]
    machines = dict.fromkeys(run.machine for run in runs)
    return "\n\n".join([*parts, *machines])
