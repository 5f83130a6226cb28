"""What converting a query costs: members with codes of their own beside members with the user's.

Two hospitals share the phenopackets. In one federation they hold them as published, in OMIM and
HPO, and what the user asks in another vocabulary is converted; in the other one they hold the same
data converted beforehand, and nothing is converted. Each query is asked of both in turns, over
HTTP, every hospital a process of its own. Both answers must be that of a single store with all
converted data before a time is taken.
"""

import argparse
import json
import lzma
import shutil
import statistics
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import polars as pl
import pyoxigraph as ox

from benchmarks.reporting import describe_machine, write_section, write_table
from benchmarks.services import build_site, serve_process
from hereditary_kg import Federation
from hereditary_kg.federation.coding import (
    VOCABULARY,
    CodedPredicate,
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
        text: what is asked; ``{disease}``, ``{group}`` and ``{phenotype}`` are codes.
        including: which of them ``hkg:includes`` is asked of, None where there is none.
    """

    title: str
    text: str
    including: str | None = None


CASES = (
    Case("one disease", "SELECT ?p {{ ?p ex:disease {disease} }}"),
    Case(
        "a disease and what is narrower",
        "SELECT ?p ?d {{ {group} hkg:includes ?d . ?p ex:disease ?d }}",
        "group",
    ),
    Case(
        "a phenotype and what is narrower",
        "SELECT ?p ?f {{ {phenotype} hkg:includes ?f . ?p ex:phenotype ?f }}",
        "phenotype",
    ),
    Case(
        "COUNT DISTINCT, a disease and what is narrower",
        "SELECT (COUNT(DISTINCT ?p) AS ?n) {{ {group} hkg:includes ?d . ?p ex:disease ?d }}",
        "group",
    ),
    Case(
        "GROUP BY disease",
        "SELECT ?d (COUNT(DISTINCT ?p) AS ?n) {{ ?p ex:disease ?d }} GROUP BY ?d",
    ),
    Case("all persons with their diseases", "SELECT ?p ?d {{ ?p ex:disease ?d }}"),
    Case(
        "diseases of persons with a phenotype",
        "SELECT ?p ?d {{ ?p ex:phenotype {phenotype} ; ex:disease ?d }}",
    ),
    Case(
        "all diseases joined with all phenotypes",
        "SELECT * {{ ?p ex:disease ?d ; ex:phenotype ?f }}",
    ),
    Case("OPTIONAL age", "SELECT * {{ ?p ex:disease ?d OPTIONAL {{ ?p ex:age ?age }} }}"),
)
CODES = {
    # Marfan syndrome, neurodegenerative disease, seizure.
    "MONDO": {"disease": "MONDO:0007947", "group": "MONDO:0005559", "phenotype": "HP:0001250"},
    # Syndrome; immunodeficiency syndrome, of which both ways have the same persons; seizure.
    "NCIT": {"disease": "NCIT:C28193", "group": "NCIT:C3131", "phenotype": "HP:0001250"},
}
_CODINGS = {_DISEASE: "OMIM", _PHENOTYPE: "HP"}


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


@dataclass(frozen=True)
class Way:
    """One way of having the answer.

    Attributes:
        federation: what is asked.
        processes: the members' services.
    """

    federation: Federation
    processes: tuple[int, ...]


@contextmanager
def serve(sites: Sequence[Path]) -> Iterator[tuple[list[str], tuple[int, ...]]]:
    """Serve sites, each in a process of its own.

    Yields:
        Their URLs and the processes.
    """
    with ExitStack() as stack:
        served = [
            stack.enter_context(serve_process("site", site, "--workers", "1")) for site in sites
        ]
        yield [url for url, _ in served], tuple(process for _, process in served)


def opened(urls: Sequence[str], codings: dict[str, str], vocabulary: str, hub: Hub) -> Federation:
    """Open a federation of members that have their predicates coded so; by none, it is plain."""
    coding = MemberCoding({iri: CodedPredicate(name) for iri, name in codings.items()})
    description = FederationDescription(
        "hospitals",
        prefixes=_PREFIXES,
        members=tuple(
            MemberDescription(name, url=url, coding=coding)
            for name, url in zip(HOSPITALS, urls, strict=True)
        ),
        conversion=ConversionDescription(vocabulary) if codings else None,
    )
    return Federation(description, connect_members(description), hub=hub)


def expected(store: ox.Store, hub: Hub, case: Case, codes: dict[str, str]) -> Counter[object]:
    """Give the answer over one store with all converted data."""
    text = case.text.format(**codes)
    if case.including is not None:
        variable, predicate = ("f", _PHENOTYPE) if "?f" in text else ("d", _DISEASE)
        code = codes[case.including]
        held = store.query(f"SELECT DISTINCT ?o {{ ?s <{predicate}> ?o }}")
        iris = {normalise(row["o"].value): row["o"] for row in held}
        included = (str(iris[name]) for name in Census(hub, iris).expand(code).codes)
        listed = f"VALUES ?{variable} {{ {' '.join(included)} }}"
        text = text.replace(f"{code} hkg:includes ?{variable} .", listed)
    prologue = "".join(f"PREFIX {name}: <{iri}> " for name, iri in _PREFIXES.items())
    document = store.query(prologue + text).serialize(format=ox.QueryResultsFormat.TSV)
    return rows_of(parse_tsv(document))


def rows_of(frame: pl.DataFrame) -> Counter[object]:
    """Give rows in no order."""
    return Counter(frame.select(sorted(frame.columns)).iter_rows())


@dataclass
class Times:
    """What one way of asking took, in seconds, once for each turn.

    Attributes:
        whole: from the question to the answer.
        mediator: processor time of the mediator, this process.
        members: processor time of the members.
        planning: from the algebra to the plan.
    """

    whole: list[float] = field(default_factory=list)
    mediator: list[float] = field(default_factory=list)
    members: list[float] = field(default_factory=list)
    planning: list[float] = field(default_factory=list)

    @property
    def processor(self) -> list[float]:
        """Processor time of the mediator and the members."""
        return [sum(each) for each in zip(self.mediator, self.members, strict=True)]


def ask(way: Way, text: str, times: Times) -> pl.DataFrame:
    """Ask a query and note the times."""
    members, mediator = _spent(way.processes), time.process_time()
    started = time.perf_counter()
    result = way.federation.query(text)
    times.whole.append(time.perf_counter() - started)
    times.mediator.append(time.process_time() - mediator)
    times.members.append(_spent(way.processes) - members)
    times.planning.append(result.timings.planning)
    return result.frame


def _spent(processes: Iterable[int]) -> float:
    """Give the seconds of processor time that processes and their children have taken."""
    spent = 0
    for process in processes:
        for task in Path(f"/proc/{process}/task").iterdir():
            spent += int((task / "schedstat").read_text().split()[0])
            children = (task / "children").read_text().split()
            spent += int(1e9 * _spent(map(int, children)))
    return spent / 1e9


def compare(
    case: Case, text: str, ways: Sequence[Way], answer: Counter[object], repeats: int
) -> list[Times]:
    """Ask in all ways in turns.

    Raises:
        SystemExit: one of them has another answer.
    """
    taken = [Times() for _ in ways]
    for turn in range(repeats + _WARM_UP):
        # Whoever comes first finds the caches of the other one.
        places = range(len(ways)) if turn % 2 else reversed(range(len(ways)))
        for place in places:
            times = taken[place] if turn >= _WARM_UP else Times()
            frame = ask(ways[place], text, times)
            if rows_of(frame) != answer:
                raise SystemExit(f"{case.title}: not the right answer; nothing is reported")
    return taken


_WARM_UP = 3
HEAD = (
    "query",
    "rows",
    "converted",
    "native",
    "times",
    "processor",
    "native's",
    "times as much",
    "mediator",
    "native's mediator",
)


def row_of(title: str, rows: int, converted: Times, native: Times) -> tuple[str, ...]:
    """Write a row of the table."""
    cells = [title, f"{rows:,}"]
    for ours, theirs in (
        (converted.whole, native.whole),
        (converted.processor, native.processor),
    ):
        pairs = zip(ours, theirs, strict=True)
        ratio = statistics.median(own / other for own, other in pairs)
        cells += [_milliseconds(ours), _milliseconds(theirs), f"{ratio:.2f}"]
    return (*cells, _milliseconds(converted.mediator), _milliseconds(native.mediator))


def _milliseconds(seconds: Sequence[float]) -> str:
    return f"{1000 * statistics.median(seconds):.1f} ms"


def rewriting(converted: Federation, native: Federation, codes: Sequence[str]) -> str:
    """Say how long planning takes for codes that nobody has asked for before."""
    more: list[float] = []
    for code in codes:
        text = f"SELECT ?p ?d {{ {code} hkg:includes ?d . ?p ex:disease ?d }}"
        plain = f"SELECT ?p ?d {{ VALUES ?d {{ {code} }} ?p ex:disease ?d }}"
        taken = []
        for federation, asked in ((converted, text), (native, plain)):
            started = time.perf_counter()
            federation.explain(asked)
            taken.append(time.perf_counter() - started)
        more.append((taken[0] - taken[1]) / len(HOSPITALS))
    ordered = sorted(1000 * each for each in more)
    most = ordered[int(0.95 * len(ordered))]
    return (
        f"Rewriting takes {statistics.median(ordered):.2f} ms a query and member, median of "
        f"{len(codes)} codes of which each is asked for the first time with what is narrower; 95 % "
        f"take {most:.2f} ms at most. It is what explaining the query takes longer than the same "
        "with the code in VALUES, where nothing is converted."
    )


def measure(vocabulary: str, directory: Path, repeats: int, only: str) -> str:
    """Measure all queries in one vocabulary of the user's."""
    hub = read_hub(directory / "hub")
    own = prepare(directory, "own", None)
    native = prepare(directory, vocabulary, Converter(hub, vocabulary, narrower=False))
    store = ox.Store()
    for site in native:
        document = site.parent / f"{site.name}.nt"
        store.bulk_load(document.read_bytes(), format=ox.RdfFormat.N_TRIPLES)
    codes = CODES[vocabulary]
    asked = sorted(code for code in hub.terminologies["MONDO"].terms["id"] if code in hub)
    table = []
    with serve(own) as (urls, processes), serve(native) as (native_urls, native_processes):
        converted = Way(opened(urls, _CODINGS, vocabulary, hub), processes)
        plain = Way(opened(native_urls, {}, vocabulary, hub), native_processes)
        same = {**_CODINGS, _DISEASE: vocabulary}
        hierarchy = Way(opened(native_urls, same, vocabulary, hub), native_processes)
        with converted.federation, plain.federation, hierarchy.federation:
            for case in CASES:
                if only in case.title:
                    text = case.text.format(**codes)
                    answer = expected(store, hub, case, codes)
                    beside = plain if case.including is None else hierarchy
                    times = compare(case, text, (converted, beside), answer, repeats)
                    table.append(row_of(case.title, answer.total(), *times))
            said = rewriting(converted.federation, plain.federation, asked[:: len(asked) // 300])
    title = f"The user asks in {vocabulary}."
    return "\n\n".join([title, write_table(HEAD, table), said])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=21)
    parser.add_argument("--only", default="", help="ask only the queries whose title has this")
    parser.add_argument(
        "--directory",
        type=Path,
        default=Path("build/converted_queries"),
        help="where the hub and the members' data are kept from one run to the next",
    )
    parser.add_argument("--markdown", action="store_true", help="write docs/benchmarks.md as well")
    arguments = parser.parse_args()
    arguments.directory.mkdir(parents=True, exist_ok=True)
    parts = [
        measure(vocabulary, arguments.directory, arguments.repeats, arguments.only)
        for vocabulary in CODES
    ]
    parts += [f"Median of {arguments.repeats} turns.", describe_machine()]
    text = "\n\n".join(parts)
    print(text)
    if arguments.markdown:
        write_section("converted_queries", text)


if __name__ == "__main__":
    main()
