"""Which terminology hub a command is about."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import rich_click as click

from hereditary_kg.cli.errors import CommandError

if TYPE_CHECKING:
    from hereditary_kg.semantics.hub import Hub

__all__ = ["find_vocabulary", "hub_option", "open_hub"]

_DEFAULT = Path("hub")

Function = TypeVar("Function", bound=Callable[..., Any])


def hub_option(function: Function) -> Function:
    """Add ``--hub`` to a command, which gets the hub's path."""
    return click.option(
        "--hub",
        "hub_path",
        type=click.Path(path_type=Path),
        envvar="HKG_HUB",
        metavar="HUB",
        help="The directory of the terminology hub; else that of HKG_HUB, else hub in the current "
        "directory.",
    )(function)


def open_hub(path: Path | None) -> "Hub":
    """Open the hub that is meant.

    Raises:
        CommandError: none was named, and there is none in the current directory.
        HubError: it cannot be used.
    """
    if path is None and not _DEFAULT.is_dir():
        raise CommandError(
            "no terminology hub was named, and the current directory has none",
            "Name it with --hub HUB or in the environment variable HKG_HUB; "
            "`hkg map import FILE... -o HUB` makes one.",
        )
    from hereditary_kg.semantics.hub_files import open_hub as open_compiled

    return open_compiled(path or _DEFAULT)


def find_vocabulary(hub: "Hub", name: str) -> str:
    """Give the canonical prefix of the vocabulary that somebody names in any spelling.

    Raises:
        UnknownTermError: the hub has no such vocabulary.
    """
    from hereditary_kg.semantics.errors import UnknownTermError
    from hereditary_kg.semantics.identifiers import canonical_prefix

    found = canonical_prefix(name) or name
    if found not in hub.vocabularies:
        raise UnknownTermError("vocabulary", name, hub.vocabularies)
    return found
