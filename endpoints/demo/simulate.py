"""Simulate the demo's four data sets and write them as N-Triples files."""

from collections.abc import Callable, Iterator
from pathlib import Path

from endpoints.demo import clinic, cohort, genomics, registry
from endpoints.demo.dataset import Triple, write_triples
from endpoints.demo.patients import PATIENTS, simulate_patients
from endpoints.demo.persons import PERSONS, simulate_persons
from endpoints.demo.terminologies import Terminologies

__all__ = ["TITLES", "describe_site", "scale_count", "write_site"]

TITLES = {
    "clinic": clinic.TITLE,
    "registry": registry.TITLE,
    "genomics": genomics.TITLE,
    "cohort": cohort.TITLE,
}
"""The demo's sites with their titles."""


def scale_count(full: int, scale: float) -> int:
    """Give how many of something a demo of this scale has: at least one."""
    return max(1, round(full * scale))


def describe_site(name: str, terminologies: Terminologies, scale: float = 1.0) -> Iterator[Triple]:
    """Give a site's triples.

    Args:
        name: one of ``TITLES``.
        terminologies: the extracts.
        scale: share of the persons and of the registry's diseases; 1 is the whole demo.

    Raises:
        KeyError: there is no such site.
    """
    describers: dict[str, Callable[[], Iterator[Triple]]] = {
        "clinic": lambda: clinic.describe_patients(
            simulate_patients(scale_count(PATIENTS, scale), terminologies), terminologies
        ),
        "registry": lambda: registry.describe_registry(
            registry.choose_diseases(terminologies, scale), terminologies
        ),
        "genomics": lambda: genomics.describe_variants(
            simulate_patients(scale_count(PATIENTS, scale), terminologies), terminologies
        ),
        "cohort": lambda: cohort.describe_persons(
            simulate_persons(scale_count(PERSONS, scale), terminologies), terminologies
        ),
    }
    return describers[name]()


def write_site(name: str, path: Path, terminologies: Terminologies, scale: float = 1.0) -> int:
    """Write a site's triples as gzipped N-Triples and give their number."""
    return write_triples(path, describe_site(name, terminologies, scale))
