"""Build the demo's four sites: simulate their data, load it, profile it.

Run from the repository root, ``python -m endpoints.demo.build``. What is built is kept: a site is
built anew only if its data, the code that makes it or the libraries that store it have changed.
``--scale 0.1`` builds a tenth of the demo in a directory of its own, with the descriptions of
federation and training beside the sites.
"""

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

import hereditary_kg.sites
from endpoints.demo.simulate import TITLES, write_site
from endpoints.demo.terminologies import EXTRACTS, read_terminologies
from hereditary_kg.sites.errors import SiteError
from hereditary_kg.sites.loading import Progress as StepProgress
from hereditary_kg.sites.site import Site

__all__ = [
    "DESCRIPTION",
    "SITES",
    "TRAINING",
    "BuiltSite",
    "build_demo",
    "directory_option",
    "locate_description",
    "locate_sites",
    "main",
    "scale_option",
]

SITES = Path(__file__).parent / "sites"
DESCRIPTION = Path(__file__).parents[1] / "demo.toml"
TRAINING = Path(__file__).parent / "training.toml"


@dataclass(frozen=True)
class BuiltSite:
    """One of the demo's sites.

    Attributes:
        name: its name.
        directory: where it lies.
        triples: how many triples it holds.
        fresh: whether it was built just now, not kept from before.
    """

    name: str
    directory: Path
    triples: int
    fresh: bool


def locate_description(directory: Path, description: Path) -> Path:
    """Give a description as it is beside the sites of a directory: see `build_demo`.

    Args:
        directory: where the sites are.
        description: `DESCRIPTION` or `TRAINING`.
    """
    is_usual = directory.resolve() == SITES.resolve()
    return description if is_usual else directory / description.name


def locate_sites(scale: float) -> Path:
    """Give the directory of the sites of a demo of this scale."""
    return SITES if scale == 1 else SITES / f"scale-{scale:g}"


def build_demo(
    directory: Path,
    *,
    scale: float = 1.0,
    only: Sequence[str] = (),
    force: bool = False,
    console: Console | None = None,
) -> list[BuiltSite]:
    """Build the demo's sites, as far as they aren't built yet.

    Args:
        directory: where the sites go.
        scale: share of the persons and of the registry's diseases.
        only: the sites to build; none means all.
        force: build them anew in any case.
        console: where progress is shown.

    Returns:
        The sites, in the order of ``TITLES``.
    """
    directory.mkdir(parents=True, exist_ok=True)
    stamp = _stamp_inputs(scale)
    # Seconds of reading that a demo which is built already never needs.
    terminologies = cache(read_terminologies)
    built = []
    columns = (TextColumn("{task.description:<36}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console or Console(stderr=True), transient=True) as bars:
        for name in only or TITLES:
            kept = None if force else _read_kept(directory, name, stamp)
            if kept is None:
                data = directory / "data" / f"{name}.nt.gz"
                data.parent.mkdir(exist_ok=True)
                task = bars.add_task(f"{name}: simulating", total=None)
                write_site(name, data, terminologies(), scale)
                bars.remove_task(task)
                kept = _load_site(directory, name, data, bars)
                record = {"inputs": stamp, "triples": kept}
                _stamp_file(directory, name).write_text(json.dumps(record) + "\n")
                built.append(BuiltSite(name, directory / name, kept, fresh=True))
            else:
                built.append(BuiltSite(name, directory / name, kept, fresh=False))
    if directory.resolve() != SITES.resolve():
        _write_descriptions(directory)
    return built


def _load_site(directory: Path, name: str, data: Path, bars: Progress) -> int:
    site_directory = directory / name
    _stamp_file(directory, name).unlink(missing_ok=True)
    if site_directory.exists():
        shutil.rmtree(site_directory)
    base_iri = f"https://{name}.hereditary.example/"
    with Site.create(site_directory, name=name, base_iri=base_iri, title=TITLES[name]) as site:
        report = site.load([data], progress=_show(bars, f"{name}: loading"))
        site.build_profile(progress=_show(bars, f"{name}: profiling"))
    return report.total


def _show(bars: Progress, description: str) -> StepProgress:
    task = bars.add_task(description, total=None)

    def report(done: int, total: int, label: str) -> None:  # noqa: ARG001 - the step has a name
        bars.update(task, completed=done, total=total, visible=done < total)

    return report


def _stamp_inputs(scale: float) -> str:
    """Sum up all that a site is made of: extracts, simulation, scale, storage."""
    digest = hashlib.sha256(f"{scale} {version('pyoxigraph')}".encode())
    sources = sorted(Path(__file__).parent.glob("*.py"))
    sources += sorted(Path(hereditary_kg.sites.__file__).parent.glob("*.py"))
    sources += [EXTRACTS / "manifest.json", EXTRACTS / "tables.py"]
    for source in sources:
        digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    return digest.hexdigest()


def _stamp_file(directory: Path, name: str) -> Path:
    return directory / f"{name}.built.json"


def _read_kept(directory: Path, name: str, stamp: str) -> int | None:
    try:
        record = json.loads(_stamp_file(directory, name).read_text())
        with Site.open(directory / name) as site:
            kept = record["inputs"] == stamp and site.profile_state() == "current"
        return int(record["triples"]) if kept else None
    except (OSError, ValueError, KeyError, TypeError, SiteError):
        return None


def _write_descriptions(directory: Path) -> None:
    for description, sites in ((DESCRIPTION, '"demo/sites/'), (TRAINING, '"sites/')):
        text = description.read_text(encoding="utf-8").replace(sites, '"')
        (directory / description.name).write_text(text, encoding="utf-8")


def _check_scale(_context: click.Context, _option: click.Parameter, value: float) -> float:
    """Take a scale from the command line.

    Raises:
        click.BadParameter: it is no share.
    """
    if not 0 < value <= 1:
        raise click.BadParameter("give a share between 0 (left out) and 1, such as 0.1")
    return value


scale_option = click.option(
    "--scale",
    type=float,
    default=1.0,
    show_default=True,
    callback=_check_scale,
    help="Share of the persons and of the registry's diseases.",
)
directory_option = click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the sites go; without it, a directory of the scale's own below endpoints/demo.",
)


@click.command()
@scale_option
@click.option(
    "--only",
    type=click.Choice(list(TITLES)),
    multiple=True,
    help="Build this site alone; may be given several times.",
)
@directory_option
@click.option("--force", is_flag=True, help="Build anew what is built already.")
def main(scale: float, only: tuple[str, ...], directory: Path | None, force: bool) -> None:
    """Build the sites of the demo; all persons in them are synthetic."""
    target = locate_sites(scale) if directory is None else directory
    for site in build_demo(target, scale=scale, only=only, force=force):
        state = "built" if site.fresh else "kept"
        click.echo(f"{site.name}\t{site.triples:,} triples\t{state}\t{site.directory}", err=True)


if __name__ == "__main__":
    main()
