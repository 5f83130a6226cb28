"""Train a model over the demo's four sites, predict ten links, and look them up elsewhere.

Run from the repository root, ``python -m endpoints.demo.links``, or ``make demo-links``. All
persons in the sites are synthetic. What is run are the commands ``hkg train`` and ``hkg predict``.
"""

import time
from pathlib import Path

import click
import polars as pl
from rich.console import Console
from rich.padding import Padding

from endpoints.demo.build import (
    TRAINING,
    build_demo,
    directory_option,
    locate_description,
    locate_sites,
    scale_option,
)
from endpoints.demo.dataset import SYNTHETIC
from endpoints.demo.known_elsewhere import read_omim_links
from endpoints.demo.run import name_command, name_path
from endpoints.demo.simulate import TITLES
from endpoints.demo.terminologies import read_terminologies
from hereditary_kg.cli.main import hkg
from hereditary_kg.cli.settings import WIDTH, open_console
from hereditary_kg.sites.errors import SiteError

__all__ = ["CAUSES", "main"]

CAUSES = "https://w3id.org/biolink/vocab/gene_associated_with_condition"
"""What links a gene with a disease in the registry."""

_COUNT = 10
_MANY = 100


def show_links(console: Console, scale: float, directory: Path) -> None:
    """Run the demo of link prediction from the building of the sites to the last link.

    Args:
        console: where it is shown.
        scale: share of the persons and of the registry's diseases.
        directory: where the sites go, or lie already.

    Raises:
        SiteError: a site cannot be built.
        SystemExit: training or prediction has failed.
    """
    started = time.perf_counter()
    console.print("One model, many sites", style="bold")
    console.print(SYNTHETIC)
    build_demo(directory, scale=scale)
    training = locate_description(directory, TRAINING)
    output = directory / "links"
    for name, title in TITLES.items():
        console.print(f"{name:<9} {title}", style="dim")
    began = time.perf_counter()
    _call(console, "train", "-c", training)
    console.print(f"Trained in {time.perf_counter() - began:.0f} s.")

    asked = ("predict", output / "models" / "registry", "--relation", CAUSES)
    _call(console, *asked, "-k", _COUNT, "-O", "table")
    many = output / "links.parquet"
    _call(console, *asked, "-k", _MANY, "-o", many)
    _look_up(console, pl.read_parquet(many), output / "models" / "registry")
    console.print()
    console.rule(style="dim")
    console.print(f"It took {time.perf_counter() - started:.0f} s. Further to be read:")
    for file in ("curves.svg", "models/registry/MODEL_CARD.md"):
        console.print(f"  {name_path(output / file)}", style="bold")
    console.print("A predicted link is a hypothesis. All persons in the sites are synthetic.")


def _call(console: Console, *arguments: object) -> None:
    """Run ``hkg`` in this process, and show what is run."""
    texts = [name_path(each) if isinstance(each, Path) else str(each) for each in arguments]
    console.print()
    console.rule(style="dim")
    console.print(f"{name_command()} {' '.join(texts)}", style="bold", soft_wrap=True)
    console.print()
    hkg.main([str(each) for each in arguments], prog_name="hkg", standalone_mode=False)


def _look_up(console: Console, links: pl.DataFrame, model: Path) -> None:
    """Say which links OMIM has, beside what guessing would find."""
    known = pl.read_csv(
        model / "known.tsv.gz",
        separator="\t",
        has_header=False,
        new_columns=["head", "relation", "tail"],
        quote_char=None,
    ).filter(pl.col("relation") == CAUSES)
    pairs = list(known.select("head", "tail").iter_rows())
    omim = read_omim_links(read_terminologies(), pairs)
    found = [omim.find(*pair) for pair in links.select("head", "tail").iter_rows()]
    chance = omim.chance(known["head"], known["tail"], len(set(pairs)))
    console.print()
    console.print(
        f"Looked up in OMIM, whose genes no site has: of the first {_COUNT} links it knows "
        f"{sum(map(bool, found[:_COUNT]))}, of the first {len(found)} {sum(map(bool, found))}; "
        f"of as many pairs at random it would be {chance * len(found):.2g}.",
        style="bold",
    )
    for rank, names in enumerate(found[:_COUNT], 1):
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            console.print(Padding(f"{rank:>2}  OMIM: {names[0]}{more}", (0, 0, 0, 2)))


@click.command()
@scale_option
@directory_option
def main(scale: float, directory: Path | None) -> None:
    """Train over four sites and predict ten links; all persons in them are synthetic."""
    console = open_console()
    console.width = min(console.width, WIDTH)
    try:
        show_links(console, scale, directory or locate_sites(scale))
    except SiteError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
