"""``hkg map match``: proposals of which terms of two terminologies are the same."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from hereditary_kg.cli.errors import WRONG_INPUT, CommandError
from hereditary_kg.cli.output_files import check_output, open_output
from hereditary_kg.cli.settings import Settings, common_options, open_console, pass_settings

if TYPE_CHECKING:
    import polars as pl

    from hereditary_kg.semantics.matching import Proposal
    from hereditary_kg.semantics.terminology import Terminology

__all__ = ["match_command"]

_FILE = click.Path(path_type=Path)


@click.command(name="match")
@click.argument("one", metavar="A", type=_FILE)
@click.argument("other", metavar="B", type=_FILE)
@click.option(
    "-o",
    "--output",
    type=_FILE,
    metavar="OUT",
    help="Where the proposals go, as SSSOM/TSV; else standard output.",
)
@click.option(
    "--known",
    "known",
    multiple=True,
    type=_FILE,
    metavar="FILE",
    help="A mapping set: pairs that it denies, or that reviewers have confirmed or refused there, "
    "are not proposed. May be given several times.",
)
@click.option(
    "--abstain",
    type=click.FloatRange(0, 1),
    metavar="CONFIDENCE",
    help="Propose nothing that is less likely than this. [default: 0.5]",
)
@click.option(
    "--twins",
    is_flag=True,
    help="Propose also terms that say the same as one which has a partner already; else each term "
    "is in one proposal at most.",
)
@click.option(
    "--evidence-a",
    type=_FILE,
    metavar="FILE",
    help="What is known of A's terms: a table with the columns id, kind (gene or phenotype) and "
    "feature.",
)
@click.option(
    "--evidence-b", type=_FILE, metavar="FILE", help="The same of B's terms; both are needed."
)
@common_options
@pass_settings
def match_command(
    settings: Settings,
    *,
    one: Path,
    other: Path,
    output: Path | None,
    known: tuple[Path, ...],
    abstain: float | None,
    twins: bool,
    evidence_a: Path | None,
    evidence_b: Path | None,
) -> None:
    """Propose which terms of the terminologies A and B are the same.

    Names and synonyms, hierarchies and, where it is given, evidence are compared. Each proposal has
    a calibrated confidence and says what speaks for it; none is reviewed. Nothing is fetched.
    """
    settings.start_logging()
    check_output(output)
    if (evidence_a is None) != (evidence_b is None):
        raise CommandError("evidence is compared, so that both sides need it", "Give both files.")
    from hereditary_kg.semantics.matching import ABSTAIN, as_mapping_set, match
    from hereditary_kg.semantics.review.candidates import confirmed_elsewhere, decided_elsewhere
    from hereditary_kg.semantics.sssom import read_mapping_set, render

    reviewed = [read_mapping_set(each) for each in known]
    with _show_steps(settings) as on_step:
        sides = []
        for path in (one, other):
            on_step(f"reading {path.name}")
            sides.append(_read_terminology(path))
        evidence = None
        if evidence_a is not None and evidence_b is not None:
            evidence = (_read_evidence(evidence_a), _read_evidence(evidence_b))
        proposals = match(
            sides[0],
            sides[1],
            evidence=evidence,
            decided=decided_elsewhere(reviewed),
            confirmed=confirmed_elsewhere(reviewed),
            abstain=ABSTAIN if abstain is None else abstain,
            with_twins=twins,
            on_step=on_step,
        )
    with open_output(output) as stream:
        stream.write(render(as_mapping_set(proposals, *sides)))
    if not settings.quiet:
        _print_totals(proposals)


@contextmanager
def _show_steps(settings: Settings) -> Iterator[Callable[[str], None]]:
    """Show what is being done, on a terminal and after a second."""
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = open_console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("Matching: {task.description}"), TimeElapsedColumn())
    disable = settings.quiet or not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=disable) as shown:
        task = shown.add_task("", total=None)
        yield lambda step: shown.update(task, description=step)


def _read_terminology(path: Path) -> "Terminology":
    from hereditary_kg.semantics.readers import read_terminology

    reading = read_terminology(path)
    if not reading.terminologies:
        raise CommandError(f"{path}: has no terms", "Name a file with a terminology.")
    return reading.main


def _read_evidence(path: Path) -> "pl.DataFrame":
    import polars as pl

    from hereditary_kg.semantics.identifiers import normalise_column
    from hereditary_kg.semantics.matching import EVIDENCE, KINDS
    from hereditary_kg.semantics.readers.sources import read_bytes

    content = read_bytes(path)
    separator = "\t" if b"\t" in content.partition(b"\n")[0] else ","
    try:
        frame = pl.read_csv(content, separator=separator, infer_schema=False)
    except pl.exceptions.PolarsError as error:
        reason = str(error).partition("\n")[0]
        raise CommandError(f"{path}: it is no table: {reason}", None, WRONG_INPUT) from error
    missing = [name for name in EVIDENCE if name not in frame.columns]
    if missing:
        raise CommandError(
            f"{path}: it has no column {' and no column '.join(missing)}",
            "The columns are id, kind and feature.",
        )
    unknown = sorted(set(frame["kind"].drop_nulls()) - set(KINDS))
    if unknown:
        raise CommandError(
            f"{path}: {unknown[0]!r} is no kind of evidence", f"Kinds are {' and '.join(KINDS)}."
        )
    canonical = normalise_column(frame["id"]).fill_null(frame["id"])
    return frame.with_columns(canonical.alias("id")).select(list(EVIDENCE)).drop_nulls()


def _print_totals(proposals: "tuple[Proposal, ...]") -> None:
    counts = Counter(each.justification.removeprefix("semapv:") for each in proposals)
    how = ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items()))
    console = open_console(stderr=True)
    console.print(f"{len(proposals):,} proposals{f' ({how})' if how else ''}.", soft_wrap=True)
