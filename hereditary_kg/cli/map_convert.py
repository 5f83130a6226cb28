"""``hkg map convert``: data in one vocabulary into data in another, and what is lost on the way."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from click.exceptions import Exit

from hereditary_kg.cli.errors import INCOMPLETE, CommandError
from hereditary_kg.cli.hub_files import find_vocabulary, hub_option, open_hub
from hereditary_kg.cli.output_files import check_output, open_output
from hereditary_kg.cli.progress import show_step
from hereditary_kg.cli.settings import Settings, common_options, open_console, pass_settings
from hereditary_kg.cli.tables import make_table

if TYPE_CHECKING:
    from rich.console import Console

    from hereditary_kg.semantics.data_conversion.data_files import DataFormat
    from hereditary_kg.semantics.data_conversion.loss_report import LossReport
    from hereditary_kg.semantics.data_conversion.outcomes import CodeConverter
    from hereditary_kg.semantics.hub import Hub

__all__ = ["convert"]


@dataclass(frozen=True)
class _Choices:
    """Where codes stand and what stays of them, as the user says."""

    columns: tuple[str, ...]
    predicates: tuple[str, ...]
    subjects: tuple[str, ...]
    paths: tuple[str, ...]
    separator: str
    extension: str | None
    keep: str
    headed: bool


@click.command()
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.option(
    "--to",
    "vocabulary",
    required=True,
    metavar="VOCABULARY",
    help="The vocabulary of the converted data: MONDO, HP, NCIT, HGNC …",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="OUT",
    help="Where converted data go; its extension tells the format. Else standard output, in the "
    "format of IN.",
)
@hub_option
@click.option(
    "--loss-report",
    "loss_reports",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Where it is written what became of each code at each place: .tsv as a table, .ttl as "
    "RDF. May be given several times.",
)
@click.option(
    "-I",
    "--input-format",
    metavar="EXTENSION",
    help="The format of a table or of phenopackets whose name does not tell it: tsv, csv, "
    "parquet, json, jsonl.",
)
@click.option(
    "--from",
    "only",
    multiple=True,
    metavar="VOCABULARY",
    help="Convert the codes of this vocabulary only. May be given several times.",
)
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="NAME",
    help="Tables: a column that holds codes; else they are found by their values. May be given "
    "several times.",
)
@click.option(
    "--no-header",
    "headless",
    is_flag=True,
    help="Tables: the first row has codes already; the columns are called 1, 2, 3.",
)
@click.option(
    "--separator",
    default="|",
    show_default=True,
    metavar="TEXT",
    help="Tables: what parts several codes in one cell.",
)
@click.option(
    "--predicate",
    "predicates",
    multiple=True,
    metavar="IRI",
    help="RDF: a predicate whose objects are codes, as IRIs or literals; else every IRI that is a "
    "code is converted. May be given several times.",
)
@click.option(
    "--subject-of",
    "subjects",
    multiple=True,
    metavar="IRI",
    help="RDF: a predicate whose subjects are codes. May be given several times.",
)
@click.option(
    "--path",
    "paths",
    multiple=True,
    metavar="PATH",
    help="Phenopackets: where codes are converted, such as diseases[].term; else everywhere. May "
    "be given several times.",
)
@click.option(
    "--bare",
    metavar="VOCABULARY",
    help="The vocabulary of codes that are written without prefix, such as G12.2.",
)
@click.option(
    "--keep",
    type=click.Choice(("nothing", "codes", "mappings"), case_sensitive=False),
    default="mappings",
    show_default=True,
    metavar="WHAT",
    help="What stays of the original codes in the data: nothing, the codes, or the codes with the "
    "mappings by which they were converted.",
)
@click.option(
    "--all",
    "every",
    is_flag=True,
    help="Write all codes that are equally near, in statements or rows of their own; else the "
    "first of them in the order of their names.",
)
@click.option(
    "--narrower",
    is_flag=True,
    help="Write a narrower code where there is no exact and no broader one. It says more than is "
    "known.",
)
@click.option(
    "--symbols",
    is_flag=True,
    help="Genes: write approved symbols and not HGNC's identifiers.",
)
@common_options
@pass_settings
def convert(
    settings: Settings,
    *,
    source: Path,
    vocabulary: str,
    output: Path | None,
    hub_path: Path | None,
    loss_reports: tuple[Path, ...],
    input_format: str | None,
    only: tuple[str, ...],
    columns: tuple[str, ...],
    headless: bool,
    separator: str,
    predicates: tuple[str, ...],
    subjects: tuple[str, ...],
    paths: tuple[str, ...],
    bare: str | None,
    keep: str,
    every: bool,
    narrower: bool,
    symbols: bool,
) -> None:
    """Convert the codes of IN into one vocabulary.

    RDF (Turtle, N-Triples, N-Quads, TriG, RDF/XML, JSON-LD), tables (TSV, CSV, Parquet) and GA4GH
    Phenopackets (JSON, or one a line), also compressed (.gz, .xz; RDF: .gz). A code becomes the
    same one of the other vocabulary, else the nearest broader one. What cannot be converted stays
    as it is, and has a line in the loss report.

    Gene symbols become HGNC's: approved ones, ones that were given up, and aliases of one gene
    only. The exit code is 3 if a code was left as it was because nothing stands for it.
    """
    settings.start_logging()
    check_output(output)
    for path in loss_reports:
        check_output(path)
        if path.suffix.lower() not in {".tsv", ".ttl"}:
            raise CommandError(f"{path}: a loss report is .tsv or .ttl", "Name it so.")
    hub = open_hub(hub_path)
    converter = _converter(
        hub, vocabulary, only, bare, narrower=narrower, every=every, symbols=symbols
    )
    choices = _Choices(
        columns, predicates, subjects, paths, separator, input_format, keep, not headless
    )
    report = _convert(settings, source, output, converter, choices)
    for path in loss_reports:
        _write_report(report, path, source, output)
    if not settings.quiet:
        _print_totals(open_console(stderr=True), report)
    if report.totals().unconverted:
        raise Exit(INCOMPLETE)


def _converter(
    hub: "Hub",
    vocabulary: str,
    only: tuple[str, ...],
    bare: str | None,
    *,
    narrower: bool,
    every: bool,
    symbols: bool,
) -> "CodeConverter":
    from hereditary_kg.semantics.data_conversion.outcomes import CodeConverter

    target = find_vocabulary(hub, vocabulary)
    if symbols and target != "HGNC":
        raise CommandError(f"--symbols writes symbols of HGNC, and not of {target}")
    return CodeConverter(
        hub,
        target,
        narrower=narrower,
        every=every,
        only=[find_vocabulary(hub, name) for name in only],
        default=find_vocabulary(hub, bare) if bare else None,
        symbols=symbols,
    )


def _convert(
    settings: Settings,
    source: Path,
    output: Path | None,
    converter: "CodeConverter",
    choices: _Choices,
) -> "LossReport":
    from hereditary_kg.semantics.data_conversion.data_files import DataKind, describe_file
    from hereditary_kg.semantics.data_conversion.keeping import Keep

    given = describe_file(source, choices.extension)
    written = _written(output, given)
    _check_places(given, choices)
    keep = Keep(choices.keep)
    size = source.stat().st_size if source.is_file() else 0
    with show_step(settings, "Converting", "bytes") as progress, open_output(output) as stream:
        if given.kind is DataKind.RDF:
            from hereditary_kg.semantics.data_conversion.rdf_data import RdfPlaces, convert_rdf

            places = RdfPlaces(frozenset(choices.predicates), frozenset(choices.subjects))
            return convert_rdf(
                source,
                stream,
                written,
                converter,
                places=places,
                keep=keep,
                on_read=lambda done: progress(done, size, source.name),
            )
        if given.kind is DataKind.TABLE:
            from hereditary_kg.semantics.data_conversion.tables import convert_table

            return convert_table(
                source,
                stream,
                written,
                converter,
                columns=choices.columns,
                separator=choices.separator,
                keep=keep,
                extension=choices.extension,
                headed=choices.headed,
            )
        from hereditary_kg.semantics.data_conversion.phenopackets import convert_phenopackets

        return convert_phenopackets(
            source,
            stream,
            written,
            converter,
            places=frozenset(choices.paths),
            keep=keep,
            extension=choices.extension,
            on_read=lambda done: progress(min(done, size), size, source.name),
        )


def _written(output: Path | None, given: "DataFormat") -> "DataFormat":
    """Find out in which format data are written.

    Raises:
        CommandError: data of this kind cannot be written so.
    """
    from hereditary_kg.semantics.data_conversion.data_files import DataFormat, describe_file

    if output is None:
        return DataFormat(given.kind, given.extension)
    written = describe_file(output)
    if written.kind is not given.kind:
        kinds = {"rdf": "RDF", "table": "a table", "phenopackets": "phenopackets"}
        raise CommandError(
            f"{output}: {kinds[given.kind]} cannot be written as .{written.extension}",
            "Take the extension of IN.",
        )
    return written


def _check_places(given: "DataFormat", choices: _Choices) -> None:
    options = {
        "--column": ("table", choices.columns),
        "--predicate": ("rdf", choices.predicates),
        "--subject-of": ("rdf", choices.subjects),
        "--path": ("phenopackets", choices.paths),
    }
    for option, (kind, chosen) in options.items():
        if chosen and given.kind != kind:
            raise CommandError(f"{option} is of no use for .{given.extension}")


def _write_report(report: "LossReport", path: Path, source: Path, output: Path | None) -> None:
    from hereditary_kg.semantics.data_conversion.loss_files import (
        write_loss_table,
        write_loss_turtle,
    )

    with open_output(path) as stream:
        if path.suffix.lower() == ".tsv":
            write_loss_table(report, stream)
        else:
            target = output.absolute().as_uri() if output else "urn:hkg:loss:output"
            write_loss_turtle(report, stream, source.absolute().as_uri(), target)


def _print_totals(console: "Console", report: "LossReport") -> None:
    from hereditary_kg.semantics.data_conversion.outcomes import Standing

    places = report.places
    table = make_table(
        "place", *(each.value for each in Standing), right=tuple(Standing), folded="place"
    )
    by_place = [(place, report.totals(place).occurrences) for place in places]
    totals = report.totals()
    for place, counts in [*by_place, ("occurrences", totals.occurrences), ("codes", totals.codes)]:
        table.add_row(place, *(f"{counts.get(each, 0):,}" for each in Standing))
    console.print(table)
    for count, told in (
        (totals.replaced, "obsolete and replaced"),
        (totals.obsolete, "obsolete without replacement"),
    ):
        if count[0]:
            console.print(f"{count[0]:,} codes ({count[1]:,} occurrences) were {told}.")
    console.print(f"{totals.unconverted:,} occurrences stay as they were.")
