"""``hkg query``: ask a federation."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from click.exceptions import Exit

from hereditary_kg.cli.answer_formats import OUTPUT_FORMATS, choose_format
from hereditary_kg.cli.errors import INCOMPLETE, CommandError
from hereditary_kg.cli.federation_files import federation_option
from hereditary_kg.cli.output_files import check_output, open_output
from hereditary_kg.cli.progress import RequestCounter, open_watched_federation, show_requests
from hereditary_kg.cli.query_layout import shorten_query
from hereditary_kg.cli.query_texts import (
    QueryText,
    memory_option,
    query_arguments,
    read_query_text,
    timeout_option,
)
from hereditary_kg.cli.settings import Settings, common_options, open_console, pass_settings
from hereditary_kg.cli.tables import MOST_ROWS, print_certificate

if TYPE_CHECKING:
    from hereditary_kg.execution.certificates import Certificate
    from hereditary_kg.execution.results import Result

__all__ = ["query"]

_MEGABYTE = 2**20


@dataclass(frozen=True)
class _Request:
    """What the user asked for.

    Attributes:
        memory_limit: bytes.
    """

    query_text: QueryText
    federation_path: Path
    output_format: str | None
    output: Path | None
    certificate: str | None
    allow_partial: bool
    timeout: float
    memory_limit: int
    most_rows: int


@click.command()
@query_arguments
@federation_option
@click.option(
    "-O",
    "--output-format",
    type=click.Choice(OUTPUT_FORMATS, case_sensitive=False),
    metavar="FORMAT",
    help="table, tsv, csv, json, xml or parquet for rows; ttl, nt or jsonld for a graph. "
    "Without it: by the extension of -o, else a table on a terminal and TSV into a pipe, and "
    "Turtle for a graph.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the answer to a file, which is there only once it is complete.",
)
@click.option(
    "--allow-partial",
    is_flag=True,
    help="Answer without members that fail, say so, and end with exit code 3.",
)
@timeout_option
@memory_option
@click.option(
    "--certificate",
    type=click.Path(allow_dash=True),
    metavar="FILE",
    help="Write the certificate to a file as JSON; '-' is standard output, beside -o.",
)
@click.option(
    "--max-rows",
    type=click.IntRange(min=0),
    default=MOST_ROWS,
    show_default=True,
    metavar="NUMBER",
    help="Rows that a table shows at most; 0 shows all. Other formats always have all.",
)
@common_options
@pass_settings
def query(
    settings: Settings,
    *,
    file: str | None,
    text: str | None,
    federation_path: Path,
    output_format: str | None,
    output: Path | None,
    allow_partial: bool,
    timeout: float,
    memory_limit: int,
    certificate: str | None,
    max_rows: int,
) -> None:
    """Answer a SPARQL query over all members of a federation.

    The query comes from FILE, from -e, or from standard input. The prefixes of the federation
    description need no declaration. The answer goes to standard output once it is complete;
    its certificate, which says who was asked how much, to standard error.
    """
    import asyncio

    settings.start_logging()
    _check_outputs(output, certificate)
    request = _Request(
        read_query_text(file, text),
        federation_path,
        output_format,
        output,
        certificate,
        allow_partial,
        timeout,
        memory_limit * _MEGABYTE,
        max_rows,
    )
    complete = asyncio.run(_answer(request, settings))
    if not complete:
        raise Exit(INCOMPLETE)


def _check_outputs(output: Path | None, certificate: str | None) -> None:
    check_output(output)
    if certificate == "-":
        if output is None:
            raise CommandError(
                "standard output takes the answer, and so cannot take the certificate as well",
                "Send the answer to a file with -o, or name a file for the certificate.",
            )
    elif certificate is not None:
        check_output(Path(certificate))


async def _answer(request: _Request, settings: Settings) -> bool:
    """Answer a query; give whether the answer is complete."""
    from hereditary_kg.cli.answer_writing import write_answer
    from hereditary_kg.execution.preparation import parse_for_federation

    counter = RequestCounter()
    federation = open_watched_federation(request.federation_path, counter)
    try:
        known = federation.description.prefixes
        with request.query_text.blamed():
            parsed = parse_for_federation(request.query_text.text, known)
            prefixes = {**known, **request.query_text.declared_prefixes()}
        chosen = choose_format(parsed, request.output_format, request.output)
        async with show_requests(settings, counter):
            result = await federation.query(
                request.query_text.text,
                timeout=request.timeout,
                memory_limit=request.memory_limit,
                allow_partial=request.allow_partial,
            )
    finally:
        await federation.close()
    with open_output(request.output) as stream:
        write_answer(
            stream,
            result,
            chosen,
            prefixes,
            most_rows=request.most_rows,
            to_file=request.output is not None,
        )
    _report(request, settings, result, prefixes)
    return result.certificate.complete


def _report(
    request: _Request, settings: Settings, result: "Result", prefixes: Mapping[str, str]
) -> None:
    certificate = result.certificate
    if request.certificate is not None:
        _write_certificate(request.certificate, certificate)
    console = open_console(stderr=True)
    if settings.quiet:
        # Silence was asked for, but a short answer must not pass for a whole one.
        if not certificate.complete:
            console.print(certificate.statement)
        return
    _note_unmatched(result, prefixes)
    console.print()
    print_certificate(console, certificate, prefixes, with_requests=settings.verbose)


def _write_certificate(place: str, certificate: "Certificate") -> None:
    import json

    document = json.dumps(certificate.to_dict(), indent=2, ensure_ascii=False) + "\n"
    with open_output(None if place == "-" else Path(place)) as stream:
        stream.write(document.encode())


def _note_unmatched(result: "Result", prefixes: Mapping[str, str]) -> None:
    """Where nothing was found, say for which patterns nobody is asked: often a mistyped name."""
    from hereditary_kg.planning.leaves import pattern_leaves

    if result or not result.certificate.complete:
        return
    candidates = result.prepared.sources.candidates
    console = open_console(stderr=True)
    for leaf in dict.fromkeys(pattern_leaves(result.prepared.pattern)):
        if leaf in candidates and not candidates[leaf]:
            shown = shorten_query(str(leaf), prefixes)
            console.print(f"Nobody is asked for: {shown}", soft_wrap=True)
    if result.kind != "boolean":
        hint = "`hkg explain --why-empty` says where its rows were lost"
        console.print(f"The answer is empty; {hint}.", soft_wrap=True)
