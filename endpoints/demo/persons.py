"""Synthetic persons of a population cohort, coded in ICD-10-CM.

Nobody here exists. How common a diagnosis is here is drawn at random, too: the cohort says nothing
about how common diseases are.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate

from endpoints.demo.drawing import Draw, make_pseudonym
from endpoints.demo.terminologies import Terminologies

__all__ = ["PERSONS", "CodedCondition", "Person", "Visit", "simulate_persons", "weigh_codes"]

PERSONS = 20_000

CHAPTER_WEIGHTS: Mapping[str, int] = {"G": 6, "K": 4, "F": 3, "E": 2, "Q": 2}
"""Neurology, gut, mind, metabolism and malformations come oftener than the rest."""

FEMALE_ONLY = ("C51", "C52", "C53", "C54", "C55", "C56", "C57", "C58", "N7", "N8", "N9", "O")
MALE_ONLY = ("C60", "C61", "C62", "C63", "N4", "N50", "N51")


@dataclass(frozen=True, slots=True)
class CodedCondition:
    """A diagnosis and the day it began."""

    code: str
    start: str


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit on one day, at which conditions (by place in the person's list) were registered."""

    date: str
    registered: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Person:
    """A synthetic member of the cohort."""

    pseudonym: str
    female: bool
    birth_year: int
    conditions: tuple[CodedCondition, ...]
    visits: tuple[Visit, ...]


def weigh_codes(terminologies: Terminologies) -> list[tuple[str, int]]:
    """Give every ICD-10-CM code with its weight in the draw, drawn from the code itself."""
    return [
        (code, Draw("code", code).between(1, 20) * CHAPTER_WEIGHTS.get(code[8], 1))
        for code in sorted(terminologies.icd_labels)
    ]


def simulate_persons(count: int, terminologies: Terminologies) -> Iterator[Person]:
    """Simulate the first so many persons."""
    weighed = weigh_codes(terminologies)
    pools = {}
    for female, barred in ((True, MALE_ONLY), (False, FEMALE_ONLY)):
        prefixes = tuple("ICD10CM:" + prefix for prefix in barred)
        pool = [(code, weight) for code, weight in weighed if not code.startswith(prefixes)]
        pools[female] = (
            [code for code, _ in pool],
            list(accumulate(weight for _, weight in pool)),
        )
    for number in range(count):
        draw = Draw("person", number)
        female = draw.chance(0.51)
        yield _simulate(number, *pools[female], female=female, draw=draw)


def _simulate(
    number: int, codes: list[str], cumulative: list[int], *, female: bool, draw: Draw
) -> Person:
    visits = sorted({_draw_day(draw) for _ in range(draw.between(1, 3))})
    diagnoses = sorted({draw.pick_weighted(codes, cumulative) for _ in range(draw.between(1, 2))})
    placed: list[list[int]] = [[] for _ in visits]
    conditions = []
    for place, code in enumerate(diagnoses):
        first = draw.between(0, len(visits) - 1)
        conditions.append(CodedCondition(code, visits[first]))
        placed[first].append(place)
    return Person(
        pseudonym=make_pseudonym("person", number),
        female=female,
        birth_year=draw.between(1931, 2009),
        conditions=tuple(conditions),
        visits=tuple(
            Visit(date, tuple(places)) for date, places in zip(visits, placed, strict=True)
        ),
    )


def _draw_day(draw: Draw) -> str:
    return f"{draw.between(2015, 2024)}-{draw.between(1, 12):02}-{draw.between(1, 28):02}"
