"""A benchmark of four members that fits on a page."""

from collections.abc import Iterator

from benchmarks.federation.templates import Template

EX = "http://example.org/"


def line(subject: str, predicate: str, value: str) -> str:
    """Write a triple of local names; a value that is no name stands in quotes."""
    end = value if value.startswith('"') else f"<{EX}{value}>"
    return f"<{EX}{subject}> <{EX}{predicate}> {end} .\n"


class TinyBenchmark:
    """Two members with people, one with towns, and one that repeats a person."""

    name = "tiny"
    scale = 1.0
    shared_namespaces = (EX,)
    templates = (
        Template(
            "T1",
            "people of a town",
            f"PREFIX ex: <{EX}> SELECT ?person ?name WHERE {{"
            " ?person ex:livesIn $town ; ex:name ?name } ORDER BY ?name",
            f"PREFIX ex: <{EX}> SELECT ?town WHERE {{ ?town ex:country ?country }}",
            ordered=True,
        ),
        Template(
            "T2",
            "people and countries",
            f"PREFIX ex: <{EX}> SELECT ?person ?country WHERE {{"
            " ?person ex:livesIn ?town . ?town ex:country ?country }",
        ),
    )

    def members(self, count: int, seed: int) -> Iterator[tuple[str, list[str]]]:
        """Give four members, whatever the arguments."""
        ada = [line("ada", "livesIn", "graz"), line("ada", "name", '"Ada"')]
        yield "people-0", [*ada, line("bob", "livesIn", "linz"), line("bob", "name", '"Bob"')]
        yield "people-1", [line("cy", "livesIn", "graz"), line("cy", "name", '"Cy"')]
        yield "towns", [line("graz", "country", "at"), line("linz", "country", "at")]
        yield "copy", ada
