"""``hkg site learn``: a site takes part in trainings; and the key that sites have in common."""

import signal
from pathlib import Path
from types import FrameType

import rich_click as click

from hereditary_kg.cli.settings import Settings, common_options, pass_settings, tell
from hereditary_kg.cli.train import need_learning

__all__ = ["alignment_key", "learn"]


@click.command()
@click.option(
    "-c",
    "--config",
    "path",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The site's settings (TOML): server, certificates, policy, and what is trained on.",
)
@click.option(
    "--runs", type=click.IntRange(min=1), help="End after so many runs, instead of never."
)
@click.option(
    "--patience",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="End where no server is there for so long, instead of never.",
)
@common_options
@pass_settings
def learn(settings: Settings, *, path: Path, runs: int | None, patience: float | None) -> None:
    """Take part in trainings across sites, as this site's persistent worker.

    It dials out to the server, and opens no port. It runs the code that is installed here, checks
    each run's signed manifest against the site's own policy, and logs what leaves the site. Models
    stay here.
    """
    settings.start_logging()
    need_learning()
    from hereditary_kg.embeddings.site_learning import make_site_worker, read_learning_file

    described = read_learning_file(path)
    worker = make_site_worker(
        described,
        patience=patience,
        finished=lambda output: tell(settings, f"Wrote {output}"),
    )

    def stop(_signal: int, _frame: FrameType | None) -> None:
        worker.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    transport = described.transport
    tell(settings, f"{transport.site} takes part in trainings of {transport.server}.")
    worker.run(runs)


@click.command()
@click.argument("path", type=click.Path(path_type=Path), default="alignment.key", metavar="[FILE]")
@common_options
@pass_settings
def alignment_key(settings: Settings, path: Path) -> None:
    """Make the key by which sites find the terms that they have in common (alignment.key).

    One site makes it and gives it to the others, on a way that the server cannot see: with it, the
    server could try out which terms a site has.
    """
    from hereditary_kg.embeddings.alignment_keys import create_alignment_key

    settings.start_logging()
    create_alignment_key(path)
    tell(settings, f"Wrote {path}. Give it to all sites of the training, and not to the server.")
