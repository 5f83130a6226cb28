"""``hkg train``: link-prediction models over several sites."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from click.exceptions import Exit

from hereditary_kg.cli.errors import INCOMPLETE, WRONG_INPUT, CommandError
from hereditary_kg.cli.settings import Settings, common_options, open_console, pass_settings, tell
from hereditary_kg.cli.tables import make_table

if TYPE_CHECKING:
    from hereditary_kg.embeddings.round_summaries import RoundSummary
    from hereditary_kg.embeddings.site_session import LearningSite
    from hereditary_kg.embeddings.training_description import TrainingDescription
    from hereditary_kg.embeddings.training_plan import TrainingPlan
    from hereditary_kg.embeddings.training_report import TrainingReport
    from hereditary_kg.embeddings.training_run import RunProgress

__all__ = ["need_learning", "train"]


@click.command()
@click.option(
    "-c",
    "--config",
    "path",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The training description (TOML): sites, what is trained on, model and rounds.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="DIRECTORY",
    help="Where models and report go, instead of where the description says.",
)
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    help="How often sites exchange, instead of what the description says.",
)
@click.option("--seed", type=click.IntRange(min=0), help="The same for what all is drawn by.")
@click.option(
    "--serve",
    "server",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Train over sites that connect by gRPC (hkg site learn), instead of over sites on this "
    "machine: address, certificate and list of sites (TOML).",
)
@click.option(
    "--flower",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Train over SuperNodes of Flower, by the SuperLink of this machine: its address, a "
    "certificate and list of sites (TOML).",
)
@click.option(
    "--peers",
    type=click.Path(path_type=Path),
    metavar="DIRECTORY",
    help="With --serve or --flower: the certificates of all sites, NAME.pem each, for secure "
    "aggregation.",
)
@click.option(
    "--patience",
    type=click.FloatRange(min=0, min_open=True),
    default=600.0,
    show_default=True,
    metavar="SECONDS",
    help="With --serve or --flower: how long sites are waited for, and each of their answers.",
)
@click.option(
    "-n",
    "--dry-run",
    is_flag=True,
    help="Read and split the sites' triples, and train nothing. With --flower: write the bundle "
    "that `flwr run` starts.",
)
@common_options
@pass_settings
def train(
    settings: Settings,
    *,
    path: Path,
    output: Path | None,
    rounds: int | None,
    seed: int | None,
    server: Path | None,
    flower: Path | None,
    peers: Path | None,
    patience: float,
    dry_run: bool,
) -> None:
    """Train one family of models over several sites, whose triples stay where they are.

    Sites exchange vectors of terms that they have in common, as masked sums, and nothing else. Each
    site ends with a model of its own, which `hkg predict` asks for new links.
    """
    settings.start_logging()
    need_learning()
    from hereditary_kg.embeddings.training_description import read_training_description
    from hereditary_kg.embeddings.training_run import read_sites, train_here

    if dry_run and server is not None:
        raise CommandError(
            "--dry-run reads the triples of sites here, and --serve has none", "Give one of both."
        )
    if server is not None and flower is not None:
        raise CommandError("--serve and --flower are two ways to the sites", "Give one of both.")
    description = read_training_description(path, here=server is None and flower is None)
    plan = description.plan
    plan = replace(
        plan,
        rounds=plan.rounds if rounds is None else rounds,
        seed=plan.seed if seed is None else seed,
    )
    description = replace(description, plan=plan, output=output or description.output)
    if flower is not None:
        _train_over_flower(settings, description, flower, peers, patience, start=not dry_run)
        return
    if dry_run:
        _print_sites(read_sites(description))
        return
    if server is not None:
        _serve(settings, description, server, peers, patience)
        return
    with _show_rounds(settings, description) as progress:
        run = train_here(description, progress)
    _print_report(run.report)
    for file in run.files:
        tell(settings, f"Wrote {file}")
    for name in run.models:
        tell(settings, f"Wrote {description.output / 'models' / name}")
    _tell_missing(settings, run.report)


def _serve(
    settings: Settings,
    description: "TrainingDescription",
    server: Path,
    peers: Path | None,
    patience: float,
) -> None:
    from hereditary_kg.embeddings.grids.grid_files import ServerFile
    from hereditary_kg.embeddings.served_training import serve_training
    from hereditary_kg.embeddings.site_learning import read_peers

    served = ServerFile.read(server)
    plan, sites = description.plan, served.allow_list.sites
    if len(sites) < plan.minimum_sites:
        raise CommandError(
            f"{server}: {len(sites)} of at least {plan.minimum_sites} sites are on the list",
            "hkg certificate show peers/*.pem -O toml writes the lines for sites' certificates.",
        )
    _need_peers(plan, peers)
    tell(settings, f"Waiting for {', '.join(sites)} at {served.listen}.")
    with _show_rounds(settings, description) as progress:
        report, files = serve_training(
            plan,
            served,
            description.output,
            peers=None if peers is None else read_peers(peers),
            patience=patience,
            progress=progress,
            waiting=lambda names: tell(settings, f"Sites there: {', '.join(names) or 'none'}."),
        )
    _tell_end(settings, report, files)


def _need_peers(plan: "TrainingPlan", peers: Path | None) -> None:
    if peers is None and plan.sums_are_masked:
        raise CommandError(
            "secure aggregation needs the certificates of all sites",
            "Give the directory in which they are, NAME.pem each (--peers DIRECTORY), or say "
            "secure = false in [training].",
        )


def _train_over_flower(
    settings: Settings,
    description: "TrainingDescription",
    path: Path,
    peers: Path | None,
    patience: float,
    *,
    start: bool,
) -> None:
    from hereditary_kg.embeddings.flower_runs import prepare_training, train_over_flower
    from hereditary_kg.embeddings.grids.grid_files import FlowerFile
    from hereditary_kg.embeddings.site_learning import read_peers

    flower = FlowerFile.read(path)
    plan, output = description.plan, description.output
    if len(flower.sites) < plan.minimum_sites:
        raise CommandError(
            f"{path}: {len(flower.sites)} of at least {plan.minimum_sites} sites are on the list",
            "Add the names of their SuperNodes to the line sites.",
        )
    _need_peers(plan, peers)
    listed = None if peers is None else read_peers(peers)
    if not start:
        bundle = prepare_training(plan, flower, output, peers=listed, patience=patience)
        tell(settings, f"Wrote {bundle}; flwr run starts it.")
        return
    tell(settings, f"Starting a run at {flower.superlink}.")
    with _show_rounds(settings, description) as progress:
        report, files = train_over_flower(
            plan,
            flower,
            output,
            peers=listed,
            patience=patience,
            progress=progress,
            waiting=lambda names: tell(settings, f"Sites there: {', '.join(names) or 'none'}."),
        )
    _tell_end(settings, report, files)


def _tell_end(settings: Settings, report: "TrainingReport", files: tuple[Path, ...]) -> None:
    console = open_console()
    last = report.rounds[-1]
    console.print(
        f"{len(report.rounds) - 1} rounds, validation MRR {last.mean_reciprocal_rank:.3f} over "
        f"{', '.join(sorted(last.reports))}. {report.partition}",
        soft_wrap=True,
    )
    for file in files:
        tell(settings, f"Wrote {file}")
    _tell_missing(settings, report)


def _tell_missing(settings: Settings, report: "TrainingReport") -> None:
    missing = sorted({site for summary in report.rounds for site in summary.missing})
    if missing:
        tell(settings, f"In some rounds sites were missing: {', '.join(missing)}; see report.json.")
    refused = [site for site in report.sites if site.refused_rounds]
    for site in refused:
        tell(
            settings,
            f"{site.site} trained nothing in {site.refused_rounds} rounds, which its budget of "
            f"privacy had no room for. What stands in checkpoints/{site.site}/privacy.jsonl counts "
            "for good: grant a larger epsilon, or keep to the model of the run that spent it.",
        )
    if missing or refused:
        raise Exit(INCOMPLETE)


def need_learning() -> None:
    """See whether what training needs is installed.

    Raises:
        CommandError: it is not; with what to install.
    """
    try:
        import flwr  # noqa: F401
        import torch  # noqa: F401
    except ModuleNotFoundError as error:
        raise CommandError(
            f"training needs {error.name}",
            "Install the extra: pip install 'hereditary-kg[learn]'.",
            WRONG_INPUT,
        ) from error


@contextmanager
def _show_rounds(
    settings: Settings, description: "TrainingDescription"
) -> Generator["RunProgress"]:
    """Show a bar of rounds and one of each site's, on a terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from hereditary_kg.embeddings.training_run import RunProgress

    console = open_console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[told]}", style="dim"),
    )
    rounds = description.plan.rounds
    disable = settings.quiet or not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=disable) as bars:
        whole = bars.add_task("rounds", total=rounds, told="reading the sites' triples")
        tasks = {}

        def read(site: "LearningSite") -> None:
            told = f"{len(site.split.training):,} triples"
            tasks[site.name] = bars.add_task(site.name, total=rounds, told=told)
            bars.update(whole, told="")

        def close_round(summary: "RoundSummary") -> None:
            rank = summary.mean_reciprocal_rank
            told = f"loss {summary.loss:.4g}" if isfinite(summary.loss) else ""
            if isfinite(rank):
                told = f"{told}, validation MRR {rank:.3f}".removeprefix(", ")
            bars.update(whole, completed=min(summary.number, rounds), told=told)

        def answer(site: str, step: str) -> None:
            if step == "train" and site in tasks:
                bars.advance(tasks[site])

        yield RunProgress(read, close_round, answer)


def _print_sites(sites: "list[LearningSite]") -> None:
    table = make_table("site", "entities", "relations", "training", "validation", "test", "public")
    for site in sites:
        split = site.split
        public = sum(map(site.namespaces.is_public, split.training.entities))
        table.add_row(
            site.name,
            f"{len(split.training.entities):,}",
            f"{len(split.training.relations):,}",
            f"{len(split.training):,}",
            f"{len(split.validation):,}",
            f"{len(split.testing):,}",
            f"{public:,}",
        )
    open_console().print(table)


def _print_report(report: "TrainingReport") -> None:
    head = ["site", "shared", "kept", "best round", "test MRR", "Hits@10", "alone"]
    budget = report.plan.budget()
    if budget is not None:
        head.append("epsilon")
    table = make_table(*head)
    for site in report.sites:
        spent = [] if budget is None else [f"{site.epsilon:.3f}"]
        table.add_row(
            site.site,
            f"{site.shared.get('shared', 0):,} of {sum(site.shared.values()):,}",
            site.kept,
            str(site.best_round),
            _number(site.testing.get("mean_reciprocal_rank")),
            _number(site.testing.get("hits_at_10")),
            _number(site.alone.get("mean_reciprocal_rank")),
            *spent,
        )
    console = open_console()
    console.print(table)
    if budget is not None:
        console.print(
            f"Epsilon is what was spent for a {report.plan.privacy_unit}, of {budget.epsilon:g}, "
            f"at delta {budget.delta:g}.",
            soft_wrap=True,
        )
    if report.partition:
        console.print(report.partition, soft_wrap=True)


def _number(value: float | None) -> str:
    return "" if value is None or not isfinite(value) else f"{value:.3f}"
