"""What converting a query costs: members with codes of their own beside members with the user's.

Two hospitals share the phenopackets. In one federation they hold them as published, in OMIM and
HPO, and what the user asks in another vocabulary is converted; in the other one they hold the same
data converted beforehand, and nothing is converted. Each query is asked of both in turns, over
HTTP, every hospital a process of its own. Both answers must be that of a single store with all
converted data before a time is taken.
"""

import json
import lzma
import shutil
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import polars as pl
import pyoxigraph as ox

from benchmarks.services import build_site, serve_process
from hereditary_kg import Federation
from hereditary_kg.federation.coding import (
    VOCABULARY,
    ConversionDescription,
    MemberCoding,
)
from hereditary_kg.federation.connection import connect_members
from hereditary_kg.federation.description import FederationDescription, MemberDescription
from hereditary_kg.rdf.tsv_reading import parse_tsv
from hereditary_kg.semantics.conversion import Converter
from hereditary_kg.semantics.expansion import Census
from hereditary_kg.semantics.hub import Hub
from hereditary_kg.semantics.hub_files import open_hub, write_hub
from hereditary_kg.semantics.identifiers import iri_of, normalise
from hereditary_kg.semantics.importing import import_files

DATA = Path("../shared/data")
HOSPITALS = ("north", "south")
MOST_TIMES = 1.05
"""How many times as long a converted query may take."""
MOST_MILLISECONDS = 20.0
"""How long rewriting a query for a member may take."""

_EX = "http://example.org/"
_DISEASE, _PHENOTYPE = _EX + "disease", _EX + "phenotype"
_PREFIXES = {
    "ex": _EX,
    "hkg": VOCABULARY,
    "HP": iri_of("HP:"),
    "MONDO": iri_of("MONDO:"),
    "NCIT": iri_of("NCIT:"),
}


@dataclass(frozen=True)
class Case:
    """A query.

    Attributes:
        title: what people read.
        text: what is asked; ``{disease}``, ``{neuro}`` and ``{phenotype}`` are codes.
        including: the code that ``hkg:includes`` is asked of, None where there is none.
    """

    title: str
    text: str
    including: str | None = None


CASES = (
    Case("one disease", "SELECT ?p {{ ?p ex:disease {disease} }}"),
    Case(
        "one disease and what is narrower",
        "SELECT ?p ?d {{ {neuro} hkg:includes ?d . ?p ex:disease ?d }}",
        "neuro",
    ),
    Case(
        "one phenotype and what is narrower",
        "SELECT ?p ?f {{ {phenotype} hkg:includes ?f . ?p ex:phenotype ?f }}",
        "phenotype",
    ),
    Case(
        "COUNT DISTINCT of one disease and what is narrower",
        "SELECT (COUNT(DISTINCT ?p) AS ?n) {{ {neuro} hkg:includes ?d . ?p ex:disease ?d }}",
        "neuro",
    ),
    Case(
        "GROUP BY disease",
        "SELECT ?d (COUNT(DISTINCT ?p) AS ?n) {{ ?p ex:disease ?d }} GROUP BY ?d",
    ),
    Case("all persons with their diseases", "SELECT ?p ?d {{ ?p ex:disease ?d }}"),
    Case(
        "all persons, diseases and phenotypes", "SELECT * {{ ?p ex:disease ?d ; ex:phenotype ?f }}"
    ),
    Case(
        "diseases of persons with one phenotype",
        "SELECT ?p ?d {{ ?p ex:phenotype {phenotype} ; ex:disease ?d }}",
    ),
    Case(
        "OPTIONAL age",
        "SELECT * {{ ?p ex:disease ?d OPTIONAL {{ ?p ex:age ?age }} }}",
    ),
)
_CODES = {
    "MONDO": {"disease": "MONDO:0007947", "neuro": "MONDO:0005559", "phenotype": "HP:0001250"},
    "NCIT": {"disease": "NCIT:C34807", "neuro": "NCIT:C4802", "phenotype": "HP:0001250"},
}


def read_hub(directory: Path) -> Hub:
    """Give the hub, made where there is none: MONDO, HPO, and Mondo's mappings."""
    if not directory.is_dir():
        mappings = DATA / "mondo" / "mappings"
        files = [
            DATA / "ontologies-json" / "MONDO-ontology-v2026-05-05.json.zst",
            DATA / "hpo" / "hp.obo.gz",
            *(
                path
                for match in ("exact", "broad", "narrow")
                for path in sorted(mappings.glob(f"mondo_{match}match_*.sssom.tsv.gz"))
            ),
        ]
        write_hub(import_files(files).hub, directory)
    return open_hub(directory)


@dataclass(frozen=True)
class Person:
    """A person: IRI, hospital, codes, and what else is known."""

    iri: str
    hospital: str
    disease: str
    phenotypes: tuple[str, ...]
    sex: str | None
    age: str | None


@cache
def persons() -> tuple[Person, ...]:
    """Read the phenopackets."""
    return tuple(_read_persons())


def _read_persons() -> Iterator[Person]:
    with lzma.open(DATA / "phenopacket-store" / "phenopackets.jsonl.xz", "rt") as lines:
        for number, line in enumerate(lines):
            packet = json.loads(line)
            hospital = HOSPITALS[number % len(HOSPITALS)]
            (interpretation,) = packet["interpretations"]
            features = packet.get("phenotypicFeatures", ())
            subject = packet["subject"]
            age = subject.get("timeAtLastEncounter", {}).get("age", {}).get("iso8601duration")
            yield Person(
                f"http://{hospital}.example/person/{number}",
                hospital,
                normalise(interpretation["diagnosis"]["disease"]["id"]),
                tuple(
                    {normalise(f["type"]["id"]): None for f in features if not f.get("excluded")}
                ),
                subject.get("sex"),
                age,
            )


def triples(hospital: str, converter: Converter | None) -> Iterator[str]:
    """Give a hospital's data as N-Triples, converted where there is a converter."""
    for person in persons():
        if person.hospital != hospital:
            continue
        coded = [(_DISEASE, person.disease), *((_PHENOTYPE, each) for each in person.phenotypes)]
        for predicate, code in coded:
            for shown in [code] if converter is None else _converted(converter, code):
                yield f"<{person.iri}> <{predicate}> <{iri_of(shown)}> .\n"
        for name, value in (("sex", person.sex), ("age", person.age)):
            if value is not None:
                yield f'<{person.iri}> <{_EX}{name}> "{value}" .\n'


def _converted(converter: Converter, code: str) -> Iterable[str]:
    found = (each.target for each in converter.convert(code))
    return [code if target is None else target for target in found]


def prepare(directory: Path, kind: str, converter: Converter | None) -> list[Path]:
    """Build both hospitals' sites where that is not done yet."""
    sites = []
    for hospital in HOSPITALS:
        place = directory / kind
        if not (place / hospital / "ready").is_file():
            shutil.rmtree(place / hospital, ignore_errors=True)
            build_site(place, hospital, triples(hospital, converter))
            (place / hospital / "ready").touch()
        sites.append(place / hospital)
    return sites


@contextmanager
def serve(
    sites: Sequence[Path], coding: MemberCoding, conversion: ConversionDescription | None, hub: Hub
) -> Iterator[Federation]:
    """Serve sites over HTTP and open their federation."""
    with ExitStack() as stack:
        members = []
        for site in sites:
            url, _ = stack.enter_context(serve_process("site", site, "--workers", "1"))
            members.append(MemberDescription(site.name, url=url, coding=coding))
        yield stack.enter_context(_opened(members, conversion, hub))


def _opened(
    members: Sequence[MemberDescription], conversion: ConversionDescription | None, hub: Hub
) -> Federation:
    description = FederationDescription(
        "converted", prefixes=_PREFIXES, members=tuple(members), conversion=conversion
    )
    return Federation(description, connect_members(description), hub=hub)


def expected(store: ox.Store, hub: Hub, case: Case, codes: dict[str, str]) -> Counter[object]:
    """Give the answer over one store with all converted data."""
    text = case.text.format(**codes)
    if case.including is not None:
        predicate = _PHENOTYPE if case.including == "phenotype" else _DISEASE
        held = store.query(f"SELECT DISTINCT ?o {{ ?s <{predicate}> ?o }}")
        by_code = {normalise(row["o"].value): row["o"].value for row in held}
        included = Census(hub, by_code).expand(codes[case.including]).codes
        listed = " ".join(f"<{by_code[code]}>" for code in included)
        saying = f"{codes[case.including]} hkg:includes ?{text.partition('includes ?')[2][0]} ."
        variable = saying[-3]
        text = text.replace(saying, f"VALUES ?{variable} {{ {listed} }}")
    prologue = "".join(f"PREFIX {name}: <{iri}> " for name, iri in _PREFIXES.items())
    results = store.query(prologue + text)
    document = results.serialize(format=ox.QueryResultsFormat.TSV)
    return rows_of(parse_tsv(document))


def rows_of(frame: pl.DataFrame) -> Counter[object]:
    """Give rows in no order."""
    return Counter(frame.select(sorted(frame.columns)).iter_rows())


@dataclass
class Times:
    """What one way of asking took: seconds of wall time, of processor, and of planning."""

    whole: list[float]
    processor: list[float]
    planning: list[float]


def ask(federation: Federation, text: str, times: Times) -> pl.DataFrame:
    """Ask a query and note the times."""
    processor, started = time.process_time(), time.perf_counter()
    result = federation.query(text)
    times.whole.append(time.perf_counter() - started)
    times.processor.append(time.process_time() - processor)
    times.planning.append(result.timings.planning)
    return result.frame
