"""Building site profiles: triples a second, memory, and how large the profile is.

A hospital (patients, visits, coded findings, values), a terminology (concepts with labels,
parents and mappings) and a catalogue of many predicates. Each profile is built in a process of its
own, whose peak of resident memory is reported; Polars has one thread, and Oxigraph's queries run in
the thread that asks, so that processor time is that of one core. "Again" is what `hkg site profile`
takes after one more file with a hundredth of the triples.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.reporting import describe_machine, write_section, write_table
from hereditary_kg.sites import Site

TRIPLES = 1_000_000
EX = "http://example.org/"
HP = "http://purl.obolibrary.org/obo/HP_"
RDF_TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
SKOS = "http://www.w3.org/2004/02/skos/core#"
XSD = "http://www.w3.org/2001/XMLSchema#"


def hospital(first: int, triples: int) -> Iterator[str]:
    """Write patients with 4 visits each of 8 triples; 10,000 codes, the first ones often."""
    base = "https://hospital.example.org/"
    for n in range(first, first + triples // 36):
        patient = f"<{base}patient/{n:07d}>"
        yield f"{patient} <{RDF_TYPE}> <{EX}Patient> .\n"
        yield f'{patient} <{EX}sex> "{"female" if n % 2 else "male"}" .\n'
        yield f'{patient} <{EX}birthYear> "{1930 + n * 7 % 90}"^^<{XSD}integer> .\n'
        yield f'{patient} <{EX}name> "Patient {n}" .\n'
        for number in range(4):
            visit = f"<{base}visit/{n:07d}-{number}>"
            day = f"20{n % 25:02d}-{1 + number:02d}-{1 + n % 28:02d}"
            code = (n * 7919 + number * 104_729) % 10_000
            yield f"{visit} <{RDF_TYPE}> <{EX}Visit> .\n"
            yield f"{visit} <{EX}of> {patient} .\n"
            yield f'{visit} <{EX}date> "{day}"^^<{XSD}date> .\n'
            yield f"{visit} <{EX}finding> <{HP}{code:07d}> .\n"
            yield f"{visit} <{EX}finding> <{HP}{code * code % 10_000:07d}> .\n"
            yield f"{visit} <{EX}ward> <https://hospital.example.org/ward/{n % 40}> .\n"
            yield f'{visit} <{EX}value> "{n * 13 % 2000 / 10}"^^<{XSD}decimal> .\n'
            yield f'{visit} <{EX}excluded> "{"true" if n % 5 else "false"}"^^<{XSD}boolean> .\n'


def terminology(first: int, triples: int) -> Iterator[str]:
    """Write classes of 20 triples each: labels, synonyms, parents, mappings."""
    for n in range(first, first + triples // 20):
        term = f"<{HP}{n:07d}>"
        yield f"{term} <{RDF_TYPE}> <http://www.w3.org/2002/07/owl#Class> .\n"
        yield f'{term} <{RDFS}label> "A term that is number {n}"@en .\n'
        yield f"{term} <{RDFS}subClassOf> <{HP}{n // 3:07d}> .\n"
        yield f'{term} <{SKOS}definition> "What term {n} means, at some length."@en .\n'
        for number in range(8):
            yield f'{term} <{SKOS}altLabel> "Another name {number} of term {n}"@en .\n'
            yield f"{term} <{SKOS}closeMatch> <{EX}other/{n * 8 + number}> .\n"


def catalogue(first: int, triples: int) -> Iterator[str]:
    """Write things with 10 of 500 predicates each."""
    for n in range(first, first + triples // 10):
        thing = f"<{EX}thing/{n}>"
        for number in range(10):
            yield f'{thing} <{EX}p{(n % 100) * 5 + number % 5 + 250 * (number // 5)}> "{n}" .\n'


DATA: dict[str, Callable[[int, int], Iterator[str]]] = {
    "hospital": hospital,
    "terminology": terminology,
    "catalogue": catalogue,
}


def measure(directory: Path) -> dict[str, float]:
    """Build the profile of a site in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.profile_speed", "--build", str(directory)]
    environment = {**os.environ, "POLARS_MAX_THREADS": "1"}
    finished = subprocess.run(
        command, env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    figures: dict[str, float] = json.loads(finished.stdout)
    return figures


def peak_mebibytes() -> float:
    """Read this process's peak of resident memory; unlike rusage's, not its parent's."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def build(directory: Path) -> None:
    """Build a profile and print what it took."""
    import polars  # noqa: F401 (belongs to starting up)
    import pyoxigraph  # noqa: F401

    from hereditary_kg.sites import profiling  # noqa: F401

    started, processor = time.perf_counter(), time.process_time()
    with Site.open(directory) as site:
        profile = site.build_profile()
    figures = {
        "seconds": time.perf_counter() - started,
        "processor": time.process_time() - processor,
        "mebibytes": peak_mebibytes(),
        "triples": profile.triples,
        "bytes": len(profile.to_json()),
    }
    print(json.dumps(figures))


def run(name: str, triples: int, repeats: int, directory: Path) -> tuple[str, ...]:
    """Measure one kind of data; give a row of the table."""
    make = DATA[name]
    more_from = triples
    document = directory / "data.nt"
    with document.open("w") as stream:
        stream.writelines(make(0, triples))
    with Site.create(directory / "site", name="site") as site:
        site.load([document])
    figures = []
    for _ in range(repeats):
        (directory / "site" / "profile-state.json").unlink(missing_ok=True)
        figures.append(measure(directory / "site"))
    last = figures[-1]
    size = document.stat().st_size
    document.write_text("".join(make(more_from, triples // 100)))
    with Site.open(directory / "site") as site:
        site.load([document])
    again = measure(directory / "site")
    processor = statistics.median(each["processor"] for each in figures)
    seconds = statistics.median(each["seconds"] for each in figures)
    return (
        name,
        f"{last['triples']:,.0f}",
        f"{processor:.1f} s",
        f"{last['triples'] / processor:,.0f}",
        f"{seconds:.1f} s",
        f"{max(each['mebibytes'] for each in figures):.0f}",
        f"{last['bytes'] / 1000:,.0f} kB",
        f"{100 * last['bytes'] / size:.2f} %",
        f"{again['processor']:.1f} s",
    )


def main() -> None:
    """Run the measurements."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--triples", type=int, default=TRIPLES)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="put the table into the document")
    parser.add_argument("--build", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.build is not None:
        build(options.build)
        return
    rows = []
    for name in DATA:
        with tempfile.TemporaryDirectory() as directory:
            rows.append(run(name, options.triples, options.repeats, Path(directory)))
    head = (
        "data",
        "triples",
        "processor",
        "triples/s",
        "wall",
        "peak MiB",
        "profile",
        "of the data",
        "again",
    )
    text = f"{write_table(head, rows)}\n\n{describe_machine()}"
    print(text)
    if options.write:
        write_section("profile_speed", text)


if __name__ == "__main__":
    main()
