"""The *clinic* benchmark: the shape of hospitals, where shared IRIs are everywhere.

One terminology server, genomics laboratories and hospitals. What names a patient is local to a
hospital; codes of diseases, features, tests and drugs are the same everywhere, and so are the
pseudonyms by which a laboratory knows a hospital's patients. Hospitals hold labels of the codes
they use, every third one the whole disease hierarchy, and each holds a copy of a tenth of its
neighbour's statements. So most joins do not cross members although their terms could, some do,
and whoever does not tell a triple from its copies multiplies rows.

Nobody in it exists: patients are drawn at random over the project's own terminology extracts.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.federation.clinic_records import Hospital, Laboratory, share_persons
from benchmarks.federation.clinic_templates import TEMPLATES
from benchmarks.federation.clinic_terminology import SHARED, read_terminology
from benchmarks.federation.templates import Template
from endpoints.demo.dataset import Triple
from endpoints.demo.drawing import Draw

__all__ = ["ClinicBenchmark"]

PATIENTS = 80
"""Patients of a hospital at scale 1; about 100 triples each."""

COPIED_RECORDS = 0.08
"""The share of patients of whom the neighbour holds everything."""
COPIED_TRIPLES = 0.02
"""The share of all other triples that the neighbour holds."""

HIERARCHY_EVERY = 3
"""Each so-many-th hospital holds the whole disease hierarchy."""


@dataclass(frozen=True)
class ClinicBenchmark:
    """Hospitals, laboratories and a terminology server, and what is asked of them.

    Attributes:
        scale: patients of a hospital, in multiples of `PATIENTS`.
    """

    scale: float = 1.0
    name: str = "clinic"
    templates: tuple[Template, ...] = TEMPLATES
    shared_namespaces: tuple[str, ...] = SHARED

    def members(self, count: int, seed: int) -> Iterator[tuple[str, list[str]]]:
        """Generate the members.

        Args:
            count: how many, at least 4: one terminology server, a laboratory per seven
                members, and hospitals.
            seed: the same members for the same seed.

        Yields:
            A name and lines of N-Triples, each once within a member.

        Raises:
            ValueError: there are too few members for all kinds.
        """
        if count < 4:
            raise ValueError(f"clinic needs at least 4 members, and {count} were asked for")
        terminology = read_terminology(seed)
        laboratories = max(1, round(count / 7))
        hospitals = count - 1 - laboratories
        patients = max(10, round(PATIENTS * self.scale))
        persons = share_persons(seed, terminology, hospitals, patients, laboratories)
        yield "terminology", _write(terminology.describe())
        for number in range(laboratories):
            laboratory = Laboratory(seed, number, terminology)
            yield f"laboratory-{number + 1}", _write(laboratory.describe(persons))
        records = [
            Hospital(seed, number, terminology, known) for number, known in enumerate(persons)
        ]
        for number, hospital in enumerate(records):
            triples = list(hospital.describe())
            if number % HIERARCHY_EVERY == 0:
                triples += terminology.describe_diseases()
            triples += _copy(records[number - 1], seed)
            yield f"hospital-{number + 1}", _write(triples)


def _copy(hospital: Hospital, seed: int) -> Iterator[Triple]:
    """Give what a hospital's neighbour holds of it."""
    draw = Draw("clinic", seed, "copies", hospital.number)
    for record in hospital.records():
        whole = draw.chance(COPIED_RECORDS)
        for triple in record:
            if whole or draw.chance(COPIED_TRIPLES):
                yield triple


def _write(triples: Iterator[Triple] | list[Triple]) -> list[str]:
    return [f"{s} {p} {o} .\n" for s, p, o in dict.fromkeys(triples)]
