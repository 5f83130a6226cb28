"""A join of 100,000 rows of one member with 100,000 rows of another.

Each member is a site in a process of its own. Ours is `Federation.query`, from opening the
federation to the last row. With SPARQLWrapper both members' rows are fetched and joined by a
dictionary; with rdflib both members' triples are fetched into a graph, which is then asked.
"""

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.clients import (
    canonical_rows,
    rdflib_rows,
    rdflib_terms,
    wrapper_rows,
    wrapper_terms,
)
from benchmarks.reporting import (
    Contender,
    describe_machine,
    measure,
    write_section,
    write_times,
)
from benchmarks.services import build_site, describe_federation, serve_process
from hereditary_kg import Federation

DIAGNOSES = "SELECT ?patient ?disease WHERE { ?patient <http://example.org/diagnosis> ?disease }"
GENES = "SELECT ?patient ?gene WHERE { ?patient <http://example.org/gene> ?gene }"
QUERY = """SELECT ?patient ?disease ?gene WHERE {
  ?patient <http://example.org/diagnosis> ?disease .
  ?patient <http://example.org/gene> ?gene
}"""
ROWS = 100_000
SHARED = 80_000


def patient(n: int) -> str:
    """Name the n-th patient."""
    return f"<http://example.org/patient/{n:06d}>"


def diagnoses() -> Iterable[tuple[str, str]]:
    """The clinic's rows: patient and disease."""
    for n in range(ROWS):
        yield patient(n), f"<https://omim.org/entry/{100_000 + n * 13 % 9_000}>"


def genes() -> Iterable[tuple[str, str]]:
    """The genomics site's rows: patient and gene, of whom the clinic knows most."""
    for n in range(ROWS):
        yield patient(n + ROWS - SHARED), f"<http://identifiers.org/hgnc/{n * 7 % 19_000}>"


def expected_rows() -> list[tuple[str, str, str]]:
    """Join both by a dictionary."""
    known = dict(diagnoses())
    return sorted((who, known[who], gene) for who, gene in genes() if who in known)


def run(repeats: int) -> str:
    """Measure once."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        urls: dict[str, str | Path] = {}
        for name, key, rows in (
            ("clinic", "diagnosis", diagnoses()),
            ("genomics", "gene", genes()),
        ):
            lines = (f"{who} <http://example.org/{key}> {what} .\n" for who, what in rows)
            site = build_site(directory, name, lines)
            url, _ = stack.enter_context(serve_process("site", site))
            urls[name] = url
        description = describe_federation(directory / "federation.toml", urls)
        clinic, genomics = map(str, urls.values())

        def ours() -> object:
            with Federation.open(description) as federation:
                return federation.query(QUERY, timeout=300).frame

        def wrapper() -> object:
            by_patient = defaultdict(list)
            for who, disease in wrapper_rows(clinic, DIAGNOSES, ("patient", "disease")):
                by_patient[who].append(disease)
            return [
                (who, disease, gene)
                for who, gene in wrapper_rows(genomics, GENES, ("patient", "gene"))
                for disease in by_patient.get(who, ())
            ]

        def rdflib() -> object:
            from rdflib import Graph, URIRef

            graph = Graph()
            for url, query, names, key in (
                (clinic, DIAGNOSES, ("patient", "disease"), "diagnosis"),
                (genomics, GENES, ("patient", "gene"), "gene"),
            ):
                predicate = URIRef(f"http://example.org/{key}")
                for who, what in rdflib_rows(url, query, names, "json"):
                    graph.add((who, predicate, what))
            found: Any = graph.query(QUERY)
            return [tuple(row) for row in found]

        contenders = [
            Contender("hereditary_kg", ours, lambda f: sorted(canonical_rows(f))),
            Contender("SPARQLWrapper and dict", wrapper, lambda r: sorted(wrapper_terms(r))),
            Contender("rdflib SPARQLStore, Graph", rdflib, lambda r: sorted(rdflib_terms(r))),
        ]
        times = measure(contenders, expected_rows(), repeats)
    return write_times(times, 2 * ROWS)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--markdown", action="store_true", help="write docs/benchmarks.md as well")
    arguments = parser.parse_args()
    text = "\n\n".join(
        [
            run(arguments.repeats),
            f"Rows per second count what is joined. Median of {arguments.repeats} turns.",
            describe_machine(),
        ]
    )
    print(text)
    if arguments.markdown:
        write_section("join_throughput", text)


if __name__ == "__main__":
    main()
