"""Writing the answer to a query as data or as a table."""

import io
from collections.abc import Mapping
from typing import IO, TYPE_CHECKING

from hereditary_kg.cli.errors import CommandError
from hereditary_kg.cli.settings import open_console
from hereditary_kg.cli.tables import print_solutions

if TYPE_CHECKING:
    import polars as pl

    from hereditary_kg.execution.results import Result

__all__ = ["write_answer"]

_SLICE = 50_000


def write_answer(
    stream: IO[bytes],
    result: "Result",
    output_format: str,
    prefixes: Mapping[str, str],
    *,
    most_rows: int,
    to_file: bool,
) -> None:
    """Write an answer as data or as a table.

    Args:
        stream: where it goes.
        result: the answer.
        output_format: one that fits it (`choose_format`).
        prefixes: for short IRIs in tables and Turtle.
        most_rows: rows of a table at most; 0 for all.
        to_file: whether the stream is a file, not standard output.

    Raises:
        RdfError: the format cannot hold a term.
    """
    from hereditary_kg.rdf.graph_writing import write_triples
    from hereditary_kg.rdf.result_writing import SolutionWriter, write_boolean

    match result.kind, output_format:
        case "boolean", "table":
            stream.write(b"true\n" if result else b"false\n")
        case "boolean", _:
            stream.write(write_boolean(bool(result), output_format))
        case "graph", _:
            used = _used_prefixes(result.frame, prefixes)
            stream.write(write_triples(result.frame, output_format, used))
        case _, "table":
            # What would be written to the terminal at hand, colours included, or plain text.
            console = open_console(file=io.StringIO() if to_file else None)
            with console.capture() as text:
                print_solutions(console, result.frame, prefixes, most_rows=most_rows)
            stream.write(text.get().encode())
        case _, "parquet":
            if not result.variables:
                raise CommandError("Parquet cannot hold rows without a variable", "Take -O json.")
            result.to_polars().write_parquet(stream)
        case _:
            writer = SolutionWriter(result.variables, output_format)
            stream.write(writer.header())
            for part in result.frame.iter_slices(_SLICE):
                stream.write(writer.rows(part))
            stream.write(writer.footer())


def _used_prefixes(frame: "pl.DataFrame", prefixes: Mapping[str, str]) -> Mapping[str, str]:
    """Keep the prefixes that something in the graph can be written with."""
    import polars as pl

    def is_used(namespace: str) -> bool:
        found = pl.any_horizontal(pl.all().str.contains("<" + namespace, literal=True))
        return bool(frame.select(found.any()).item())

    return {prefix: iri for prefix, iri in prefixes.items() if is_used(iri)}
