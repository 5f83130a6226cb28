"""A federated scan of 200,000 rows and three columns over two HTTP members.

Each member is a site in a process of its own. Ours is `Federation.query`, from opening the
federation (profiles are fetched, the query is planned) to the last row; the others fetch both
members' rows and unite them to a set, as a script would.
"""

import argparse
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

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

QUERY = "SELECT ?observation ?property ?value WHERE { ?observation ?property ?value }"
VARIABLES = ("observation", "property", "value")
ROWS = 100_000
OVERLAP = 30_000
XSD = "http://www.w3.org/2001/XMLSchema#"


def observations(first: int, count: int) -> Iterable[str]:
    """Write observations: IRIs, short texts and typed numbers as hospitals have them."""
    for n in range(first, first + count):
        subject = f"<http://example.org/observation/{n:06d}>"
        match n % 3:
            case 0:
                value = f"<http://purl.obolibrary.org/obo/HP_{n * 7 % 18000:07d}>"
                yield f"{subject} <http://example.org/phenotype> {value} .\n"
            case 1:
                yield f'{subject} <http://example.org/note> "note {n} of a visit"@en .\n'
            case _:
                yield f'{subject} <http://example.org/age> "{n % 97}"^^<{XSD}integer> .\n'


def run(overlap: int, repeats: int) -> str:
    """Measure once with two members that share ``overlap`` rows."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        urls: dict[str, str | Path] = {}
        for name, first in (("east", 0), ("west", ROWS - overlap)):
            site = build_site(directory, name, observations(first, ROWS))
            url, _ = stack.enter_context(serve_process("site", site))
            urls[name] = url
        description = describe_federation(directory / "federation.toml", urls)

        def ours() -> object:
            with Federation.open(description) as federation:
                return federation.query(QUERY, timeout=300).frame

        def wrapper() -> object:
            return {r for url in urls.values() for r in wrapper_rows(str(url), QUERY, VARIABLES)}

        def rdflib(results: str) -> object:
            return {
                r for url in urls.values() for r in rdflib_rows(str(url), QUERY, VARIABLES, results)
            }

        def expected_rows() -> list[object]:
            terms = [line[: -len(" .\n")].split(" ", 2) for line in observations(0, 2 * ROWS)]
            return sorted(map(tuple, terms[: 2 * ROWS - overlap]))

        contenders = [
            Contender("hereditary_kg", ours, lambda f: sorted(canonical_rows(f))),
            Contender("SPARQLWrapper, JSON", wrapper, lambda r: sorted(wrapper_terms(r))),
            Contender("rdflib SPARQLStore, JSON", lambda: rdflib("json"), _sorted_terms),
            Contender("rdflib SPARQLStore, XML", lambda: rdflib("xml"), _sorted_terms),
        ]
        times = measure(contenders, expected_rows(), repeats)
    return write_times(times, 2 * ROWS)


def _sorted_terms(rows: object) -> object:
    return sorted(rdflib_terms(rows))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--markdown", action="store_true", help="write docs/benchmarks.md as well")
    arguments = parser.parse_args()
    parts = [
        "Two members with 100,000 rows each, none shared:",
        run(0, arguments.repeats),
        "The same with 30,000 rows that both hold:",
        run(OVERLAP, arguments.repeats),
        f"Median of {arguments.repeats} turns.",
        describe_machine(),
    ]
    text = "\n\n".join(parts)
    print(text)
    if arguments.markdown:
        write_section("scan_throughput", text)


if __name__ == "__main__":
    main()
