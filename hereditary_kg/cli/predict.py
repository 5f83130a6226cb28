"""``hkg predict``: new links by models that ``hkg train`` has left."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from hereditary_kg.cli.errors import WRONG_INPUT, CommandError
from hereditary_kg.cli.link_display import print_links
from hereditary_kg.cli.output_files import check_output, open_output
from hereditary_kg.cli.settings import Settings, common_options, open_console, pass_settings, tell

if TYPE_CHECKING:
    import polars as pl

    from hereditary_kg.embeddings.predicted_links import NamedModel, PublishedLinks
    from hereditary_kg.embeddings.prediction import LinkQuestion

__all__ = ["predict"]

_FORMATS = ("table", "tsv", "parquet", "rdf")
_EXTENSIONS = {".txt": "table", ".tsv": "tsv", ".parquet": "parquet", ".nt": "rdf", ".ttl": "rdf"}


@click.command()
@click.argument(
    "directories",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path),
    metavar="MODEL...",
)
@click.option("-r", "--relation", required=True, metavar="IRI", help="What links are asked for.")
@click.option("--head", metavar="IRI", help="Ask for the tails of this head.")
@click.option("--tail", metavar="IRI", help="Ask for the heads of this tail.")
@click.option(
    "-k",
    "--count",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="At most how many links of each model.",
)
@click.option(
    "--known",
    "published",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="What another site knows, as published (known/SITE.links): it is left out. Repeatable.",
)
@click.option(
    "--key",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The key that the sites have in common, for --known. A run on one machine needs none.",
)
@click.option(
    "--head-namespace",
    "head_namespaces",
    multiple=True,
    metavar="PREFIX",
    help="Heads begin with this, instead of being heads of the relation already. Repeatable.",
)
@click.option(
    "--tail-namespace",
    "tail_namespaces",
    multiple=True,
    metavar="PREFIX",
    help="The same of tails. Repeatable.",
)
@click.option(
    "--ensemble",
    "rule",
    type=click.Choice(("mean", "fusion"), case_sensitive=False),
    help="How several models become one: the mean of probabilities (as long as all models have "
    "some), or the fusion of ranks.",
)
@click.option("--local", is_flag=True, help="Show entities of the site's own, such as persons.")
@click.option(
    "-O",
    "--output-format",
    "wanted",
    type=click.Choice(_FORMATS, case_sensitive=False),
    metavar="FORMAT",
    help="table (on a terminal), tsv (into a pipe), parquet or rdf (N-Triples; Turtle for .ttl).",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write there, in the format that the name says.",
)
@common_options
@pass_settings
def predict(
    settings: Settings,
    *,
    directories: tuple[Path, ...],
    relation: str,
    head: str | None,
    tail: str | None,
    count: int,
    published: tuple[Path, ...],
    key: Path | None,
    head_namespaces: tuple[str, ...],
    tail_namespaces: tuple[str, ...],
    rule: Any,
    local: bool,
    wanted: str | None,
    output: Path | None,
) -> None:
    """Predict the best links of a relation that are not known yet.

    MODEL is a directory that `hkg train` has left for a site (models/SITE). Several models are
    shown beside each other, with an ensemble of them. What one of their sites knows is left out.
    """
    settings.start_logging()
    if head is not None and tail is not None:
        raise click.UsageError(
            "Give --head or --tail, not both: a link with both ends is no question."
        )
    chosen = _choose_format(wanted, output)
    check_output(output)
    _need_extra()
    from hereditary_kg.embeddings.predicted_links import collect_names, predict_links
    from hereditary_kg.embeddings.prediction import LinkQuestion

    models = _load(directories)
    question = LinkQuestion(
        _bare(relation),
        None if head is None else _bare(head),
        None if tail is None else _bare(tail),
        head_namespaces or None,
        tail_namespaces or None,
        local,
    )
    links = predict_links(
        models, question, count, published=_read_published(published, key, models), rule=rule
    )
    if chosen == "table" and output is None:
        print_links(open_console(), links, collect_names(models))
    else:
        content = _write(links, models, chosen, output)
        with open_output(output) as stream:
            stream.write(content)
    _tell_missing(settings, links, models, question, count)


def _need_extra() -> None:
    try:
        import torch  # noqa: F401
    except ModuleNotFoundError as error:
        raise CommandError(
            f"prediction needs {error.name}",
            "Install the extra: pip install 'hereditary-kg[learn]'.",
            WRONG_INPUT,
        ) from error


def _bare(iri: str) -> str:
    """Take an IRI out of angles."""
    return iri[1:-1] if iri.startswith("<") and iri.endswith(">") else iri


def _choose_format(wanted: str | None, output: Path | None) -> str:
    if wanted is None and output is not None:
        wanted = _EXTENSIONS.get(output.suffix.lower())
        if wanted is None:
            raise CommandError(
                f"{output}: its name does not say which format it should have",
                f"Add -O with one of {', '.join(_FORMATS)}.",
            )
    if wanted is None:
        return "table" if sys.stdout.isatty() else "tsv"
    if wanted == "parquet" and output is None and sys.stdout.isatty():
        raise CommandError("Parquet is binary and no terminal can show it", "Add -o FILE.")
    return wanted


def _load(directories: Sequence[Path]) -> "list[NamedModel]":
    from hereditary_kg.embeddings.predicted_links import NamedModel
    from hereditary_kg.embeddings.saved_models import load_model

    models = [load_model(directory) for directory in directories]
    names = [
        "/".join(str(saved.about[part]) for part in ("run", "site") if part in saved.about)
        for saved in models
    ]
    if len(set(names)) < len(names) or not all(names):
        names = [str(directory) for directory in directories]
    if len(set(names)) < len(names):
        raise CommandError("A model is given twice", "Give each directory once.", WRONG_INPUT)
    return [NamedModel(name, saved) for name, saved in zip(names, models, strict=True)]


def _read_published(
    paths: Sequence[Path], key: Path | None, models: "Sequence[NamedModel]"
) -> "PublishedLinks | None":
    from hereditary_kg.embeddings.alignment_keys import local_alignment_key, read_alignment_key
    from hereditary_kg.embeddings.known_links import read_known_links
    from hereditary_kg.embeddings.predicted_links import PublishedLinks

    if not paths:
        return None
    files = tuple(map(read_known_links, paths))
    about = models[0].saved.about
    plan: Any = about.get("plan", {})
    if key is not None:
        common = read_alignment_key(path=key)
    else:
        common = local_alignment_key(str(about.get("run")), int(plan.get("seed", 0)))
    return PublishedLinks(files, common)


def _write(
    links: "pl.DataFrame", models: "Sequence[NamedModel]", chosen: str, output: Path | None
) -> bytes:
    from io import StringIO

    from hereditary_kg.embeddings.predicted_link_writing import write_parquet, write_rdf, write_tsv
    from hereditary_kg.embeddings.predicted_links import collect_names
    from hereditary_kg.rdf.media_types import GraphFormat

    if chosen == "parquet":
        return write_parquet(links)
    if chosen == "rdf":
        turtle = output is not None and output.suffix.lower() == ".ttl"
        return write_rdf(links, models, GraphFormat.TURTLE if turtle else GraphFormat.NTRIPLES)
    if chosen == "tsv":
        return write_tsv(links)
    text = StringIO()
    print_links(open_console(file=text), links, collect_names(models))
    return text.getvalue().encode()


def _tell_missing(
    settings: Settings,
    links: "pl.DataFrame",
    models: "Sequence[NamedModel]",
    question: "LinkQuestion",
    count: int,
) -> None:
    for model in models:
        known = model.saved.known
        ends = [end for end in (question.head, question.tail) if end is not None]
        if question.relation not in known.relations or set(ends) - set(known.entities):
            tell(settings, f"{model.name}: it doesn't know what is asked for, and is left out.")
            continue
        found = links["model"].to_list().count(model.name)
        if found < count:
            tell(settings, f"{model.name}: {found} links; there are no more that are not known.")
        if not model.saved.about.get("calibration"):
            tell(
                settings,
                f"{model.name}: no probabilities: too few validation triples to calibrate.",
            )
        if not model.saved.about.get("namespaces"):
            tell(settings, f"{model.name}: it does not say what is public; --local shows entities.")
