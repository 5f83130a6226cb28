"""The command ``hkg``."""

import rich_click as click

from hereditary_kg.cli.command_groups import RootGroup
from hereditary_kg.cli.settings import WIDTH, Settings, common_options, pass_settings

__all__ = ["hkg", "main"]

_PLACES = {
    "query": "hereditary_kg.cli.query:query",
    "explain": "hereditary_kg.cli.explain:explain",
    "serve": "hereditary_kg.cli.serve:serve",
    "federation": "hereditary_kg.cli.federation:federation",
    "site": "hereditary_kg.cli.site:site",
    "map": "hereditary_kg.cli.map:map_group",
    "train": "hereditary_kg.cli.train:train",
    "predict": "hereditary_kg.cli.predict:predict",
    "certificate": "hereditary_kg.cli.certificate:certificate",
}
_EPILOG = (
    "Every option can also be given as an environment variable, --timeout of `hkg query` as "
    "HKG_QUERY_TIMEOUT; HKG_FEDERATION names the federation for all commands, and HKG_HUB the "
    "terminology hub. Exit codes: 0 done, 1 failed, 2 wrong usage or input, 3 done but incomplete "
    "or with findings, 130 interrupted."
)


def _show_version(context: click.Context, _option: click.Parameter, value: bool) -> None:
    if value and not context.resilient_parsing:
        import hereditary_kg

        click.echo(f"hkg {hereditary_kg.__version__}")
        context.exit()


@click.group(
    cls=RootGroup,
    places=_PLACES,
    epilog=_EPILOG,
    context_settings={
        "auto_envvar_prefix": "HKG",
        "help_option_names": ["-h", "--help"],
        "rich_help_config": {"max_width": WIDTH, "theme": "default-slim"},
    },
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_version,
    help="Show the version and exit.",
)
@common_options
@pass_settings
def hkg(settings: Settings) -> None:
    """Ask one question of many sites, and get one exact and certified answer.

    A federation is described in a TOML file that lists its members: SPARQL endpoints or site
    directories. `hkg query` answers SPARQL over all of them as if their data lay in one store.
    """
    settings.start_logging()


def main() -> None:
    """Run the command line."""
    hkg(prog_name="hkg")


if __name__ == "__main__":
    main()
