"""``hkg explain``: show what a query would ask of whom, or did, or why it found nothing."""

from dataclasses import dataclass
from pathlib import Path

import rich_click as click

from hereditary_kg.cli.errors import CommandError
from hereditary_kg.cli.explanations import Explained, run_stage, write_explained
from hereditary_kg.cli.federation_files import federation_option
from hereditary_kg.cli.output_files import check_output, open_output
from hereditary_kg.cli.query_texts import query_arguments, read_query_text, timeout_option
from hereditary_kg.cli.settings import (
    WIDTH,
    Settings,
    common_options,
    open_console,
    pass_settings,
)
from hereditary_kg.cli.tables import print_certificate

__all__ = ["explain"]

_STAGES = ("parsed", "sources", "logical", "physical", "executed")
_FORMATS = ("text", "json", "mermaid", "svg")
_DRAWINGS = {"mermaid": "a Mermaid chart", "svg": "a picture"}
_EXTENSIONS = {".json": "json", ".mmd": "mermaid", ".svg": "svg"}


@dataclass(frozen=True)
class _Wanted:
    stage: str
    output_format: str
    why_empty: bool


@click.command()
@query_arguments
@federation_option
@click.option(
    "--analyze",
    is_flag=True,
    help="Run the query: actual rows beside the estimates, requests, bytes and times of each "
    "step and in all; where the answer is empty, also why.",
)
@click.option(
    "--why-empty",
    is_flag=True,
    help="Say where the rows of an empty answer were lost: at which pattern, filter or member. "
    "Asks a bounded number of small queries.",
)
@click.option("--queries", is_flag=True, help="List the exact sub-queries below the plan.")
@click.option(
    "--stage",
    type=click.Choice(_STAGES, case_sensitive=False),
    metavar="STAGE",
    help="The stage of planning to show: parsed, sources (who can match what, and why not), "
    "logical, physical (the default), executed (that of --analyze).",
)
@click.option(
    "-O",
    "--output-format",
    "--format",
    type=click.Choice(_FORMATS, case_sensitive=False),
    metavar="FORMAT",
    help="text, json, mermaid or svg. Without it: by the extension of -o, else text.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write to a file, which is there only once it is complete.",
)
@timeout_option
@common_options
@pass_settings
def explain(
    settings: Settings,
    *,
    file: str | None,
    text: str | None,
    federation_path: Path,
    analyze: bool,
    why_empty: bool,
    queries: bool,
    stage: str | None,
    output_format: str | None,
    output: Path | None,
    timeout: float,
) -> None:
    """Show what a query would ask of whom, and why.

    Without --analyze and --why-empty the plan comes from the members' profiles alone: no member
    is asked anything about its data. Where the federation converts codes, members whose data are
    new are asked which codes they have.
    """
    import asyncio

    settings.start_logging()
    check_output(output)
    wanted = _choose(analyze, why_empty, stage, output_format, output)
    query_text = read_query_text(file, text)
    explained = asyncio.run(
        run_stage(
            settings,
            query_text,
            federation_path,
            wanted.stage,
            timeout,
            why_empty=wanted.why_empty,
        )
    )
    width = open_console().width if output is None else WIDTH
    written = write_explained(explained, wanted.output_format, width=width, queries=queries)
    with open_output(output) as stream:
        stream.write(written.encode() + b"\n")
    if explained.certificate is not None and not settings.quiet:
        _report(settings, explained)


def _choose(
    analyze: bool,
    why_empty: bool,
    stage: str | None,
    output_format: str | None,
    output: Path | None,
) -> _Wanted:
    """Find out what is wanted, and whether it goes together.

    Raises:
        CommandError: it does not.
    """
    if why_empty and (analyze or stage is not None):
        raise CommandError(
            "--why-empty is an explanation of its own",
            "Leave --analyze and --stage out; --analyze says by itself why an answer is empty.",
        )
    if analyze and stage not in {None, "executed"}:
        raise CommandError(
            f"--analyze shows the plan as it ran, not the stage {stage}",
            "Leave --analyze or --stage out.",
        )
    chosen = stage or ("executed" if analyze else "physical")
    extension = "" if output is None else output.suffix.lower()
    form = output_format or _EXTENSIONS.get(extension, "text")
    if form in _DRAWINGS and (why_empty or chosen not in {"physical", "executed"}):
        shown = "--why-empty" if why_empty else f"the stage {chosen}"
        raise CommandError(
            f"{_DRAWINGS[form]} shows a plan, and {shown} has none",
            "Take -O text, or the stage physical or executed.",
        )
    return _Wanted("why empty" if why_empty else chosen, form, why_empty)


def _report(settings: Settings, explained: Explained) -> None:
    """Print the certificate of a query that has run to standard error."""
    if explained.certificate is None:
        return
    console = open_console(stderr=True)
    console.print()
    print_certificate(
        console,
        explained.certificate,
        explained.prefixes,
        with_requests=settings.verbose,
    )
