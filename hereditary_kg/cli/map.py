"""``hkg map``: terminologies and mappings, and conversion of codes by them."""

import rich_click as click

from hereditary_kg.cli.command_groups import LazyGroup
from hereditary_kg.cli.settings import common_options

__all__ = ["map_group"]

_PLACES = {
    "import": "hereditary_kg.cli.map_import:import_command",
    "show": "hereditary_kg.cli.map_show:show",
    "convert": "hereditary_kg.cli.map_convert:convert",
    "match": "hereditary_kg.cli.map_matching:match_command",
    "review": "hereditary_kg.cli.map_review:review",
    "diff": "hereditary_kg.cli.map_diff:diff",
}


@click.group(name="map", cls=LazyGroup, places=_PLACES)
@common_options
def map_group() -> None:
    """Gather terminologies and mappings in a hub, and convert codes by them."""
