"""``hkg site``: create, load, profile and serve the store of one site."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from hereditary_kg.cli.command_groups import LazyGroup
from hereditary_kg.cli.progress import show_step
from hereditary_kg.cli.settings import (
    Settings,
    announce,
    common_options,
    open_console,
    pass_settings,
    table_format_option,
    tell,
)
from hereditary_kg.cli.site_display import describe_site, print_profile, print_site

if TYPE_CHECKING:
    from hereditary_kg.semantics.hub import Hub
    from hereditary_kg.sites.site import Site

__all__ = ["site"]

_DIRECTORY = click.argument("directory", type=click.Path(path_type=Path), metavar="DIR")
_HUB = click.option(
    "--hub",
    "hub_path",
    type=click.Path(path_type=Path),
    envvar="HKG_HUB",
    metavar="HUB",
    help="The directory of a terminology hub; else that of HKG_HUB. With it, it is shown how many "
    "of the site's codes the hub knows.",
)


@click.group(
    cls=LazyGroup,
    places={
        "learn": "hereditary_kg.cli.site_learn:learn",
        "alignment-key": "hereditary_kg.cli.site_learn:alignment_key",
    },
)
@common_options
def site() -> None:
    """Create, load, profile and serve a site: a directory with a store of its own."""


@site.command()
@_DIRECTORY
@click.option(
    "--name",
    metavar="NAME",
    help="A short lower-case name, for plans and certificates; else the directory's.",
)
@click.option("--title", metavar="TEXT", help="What people read; else the name.")
@click.option(
    "--base-iri",
    metavar="IRI",
    help="Where the site's own IRIs begin; blank nodes become IRIs below it when they are "
    "loaded. Else https://NAME.invalid/.",
)
@click.option(
    "--shared-namespace",
    "namespaces",
    multiple=True,
    metavar="IRI",
    help="How the IRIs of a vocabulary begin that is no secret: the site's profile says, by "
    "hashes, which of them occur. May be given several times.",
)
@click.option(
    "--detect-namespaces/--no-detect-namespaces",
    default=True,
    show_default=True,
    help="Whether namespaces that plainly are vocabularies are shared too.",
)
@common_options
@pass_settings
def create(
    settings: Settings,
    *,
    directory: Path,
    name: str | None,
    title: str | None,
    base_iri: str | None,
    namespaces: tuple[str, ...],
    detect_namespaces: bool,
) -> None:
    """Create an empty site in DIR, which must be missing or empty."""
    from hereditary_kg.sites.shared_namespaces import DETECTED
    from hereditary_kg.sites.site import Site

    settings.start_logging()
    created = Site.create(
        directory,
        name=name,
        title=title,
        base_iri=base_iri,
        shared_namespaces=((DETECTED,) if detect_namespaces else ()) + namespaces,
    )
    tell(settings, f"Created the site {created.description.name} in {directory}.")
    tell(settings, f"Next: hkg site load {directory} FILE…")


@site.command()
@_DIRECTORY
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--keep-blank-nodes",
    is_flag=True,
    help="Leave blank nodes blank instead of giving them IRIs below the site's base IRI.",
)
@common_options
@pass_settings
def load(
    settings: Settings, directory: Path, files: tuple[str, ...], keep_blank_nodes: bool
) -> None:
    """Add data files to the store of the site in DIR: all of them or, if one is broken, none.

    Turtle, N-Triples, N-Quads, TriG, RDF/XML and JSON-LD, each also compressed with gzip (.gz).
    """
    settings.start_logging()
    opened = _open(directory)
    with show_step(settings, "Loading", "bytes") as progress:
        report = opened.load(files, skolemise=not keep_blank_nodes, progress=progress)
    read = sum(file.triples for file in report.files)
    count = len(report.files)
    tell(
        settings,
        f"Loaded {count} file{'' if count == 1 else 's'} with {read:,} statements, "
        f"{report.added:,} of them new; the site now holds {report.total:,}.",
    )
    tell(settings, f"Next: hkg site profile {directory}")


@site.command()
@_DIRECTORY
@_HUB
@common_options
@pass_settings
def profile(settings: Settings, directory: Path, hub_path: Path | None) -> None:
    """Measure the data of the site in DIR, so that queries are sent only where they can match.

    The profile says which predicates and classes the data have, how often and together with
    what, which namespaces stand at their ends, and which constants of shared namespaces occur;
    it names no person. Of public vocabularies it lists the codes at each predicate: a federation
    that is asked in other codes has to know them. Build it anew after each load, and after each
    change of `shared_namespaces` in site.toml. What has not changed is not measured again.
    """
    settings.start_logging()
    opened = _open(directory)
    hub = _open_hub(hub_path)
    with show_step(settings, "Profiling", "triples") as progress:
        built = opened.build_profile(progress=progress)
    tell(
        settings,
        f"Profiled {built.triples:,} triples: {built.all_predicates:,} predicates, "
        f"{built.all_classes:,} classes.",
    )
    if not settings.quiet:
        print_profile(
            open_console(),
            built,
            declared=opened.description.shared_namespaces,
            stored=opened.store_size(),
            advice="`shared_namespaces` in site.toml says what may be published; [] publishes "
            "none.",
            hub=hub,
        )
    tell(settings, f"Next: hkg site serve {directory}")


@site.command()
@_DIRECTORY
@click.option("--host", metavar="ADDRESS", help="The address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="The TCP port; 0 takes a free one.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    metavar="NUMBER",
    help="How many queries run at once.",
)
@click.option(
    "--time-limit",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Seconds that one query may take.",
)
@click.option(
    "--memory-limit",
    type=click.IntRange(min=256),
    metavar="MEGABYTES",
    help="Memory that one query may hold.",
)
@common_options
@pass_settings
def serve(
    settings: Settings,
    *,
    directory: Path,
    host: str | None,
    port: int | None,
    workers: int | None,
    time_limit: float | None,
    memory_limit: int | None,
) -> None:
    """Serve the site in DIR as a SPARQL 1.1 endpoint.

    What is not given is taken from its site.toml. The address is written to standard output
    once it takes queries. Ctrl-C or SIGTERM ends it when the queries that run are answered.
    """
    import asyncio

    from hereditary_kg.sites.service import serve as serve_site

    settings.start_logging()
    opened = _open(directory)
    if opened.profile_state() != "current":
        tell(
            settings,
            f"The site's profile is {opened.profile_state()}: a federation will ask this site "
            f"more than it need; `hkg site profile {directory}` builds it.",
        )
    asyncio.run(
        serve_site(
            opened,
            host,
            port,
            workers=workers,
            time_limit=time_limit,
            memory_limit=memory_limit,
            on_ready=lambda url: announce(settings, opened.description.name, url),
        )
    )


@site.command()
@_DIRECTORY
@_HUB
@table_format_option
@common_options
@pass_settings
def info(settings: Settings, directory: Path, *, hub_path: Path | None, output_format: str) -> None:
    """Show what the site in DIR is and what it holds."""
    settings.start_logging()
    described: dict[str, Any] = describe_site(_open(directory), _open_hub(hub_path))
    if output_format == "json":
        click.echo(json.dumps(described, indent=2, ensure_ascii=False))
    else:
        print_site(open_console(), described)


def _open_hub(path: Path | None) -> "Hub | None":
    from hereditary_kg.cli.hub_files import open_hub

    return None if path is None else open_hub(path)


def _open(directory: Path) -> "Site":
    from hereditary_kg.sites.site import Site

    return Site.open(directory)
