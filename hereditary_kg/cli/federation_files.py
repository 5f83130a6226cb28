"""Which federation a command is about."""

import difflib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import rich_click as click

from hereditary_kg.cli.errors import CommandError

__all__ = ["federation_option", "find_federation"]

_DEFAULT = Path("federation.toml")

Function = TypeVar("Function", bound=Callable[..., Any])


def federation_option(function: Function) -> Function:
    """Add ``-f/--federation`` to a command, which gets the path of a file that exists."""
    return click.option(
        "-f",
        "--federation",
        "federation_path",
        type=click.Path(path_type=Path),
        envvar="HKG_FEDERATION",
        callback=lambda _context, _option, value: find_federation(value),
        metavar="FILE",
        help="The federation description (TOML); else that of HKG_FEDERATION, else "
        "federation.toml in the current directory.",
    )(function)


def find_federation(path: Path | None) -> Path:
    """Give the path of the federation description that is meant.

    Raises:
        CommandError: there is none.
    """
    if path is None:
        if _DEFAULT.is_file():
            return _DEFAULT
        raise CommandError(
            f"no federation was named, and the current directory has no {_DEFAULT}",
            "Name its description with -f FILE or in the environment variable HKG_FEDERATION, "
            "such as -f endpoints/demo.toml.",
        )
    if path.is_dir():
        raise CommandError(
            f"{path}: is a directory",
            f"Name a federation description in it: {_list_descriptions(path)}.",
        )
    if not path.exists():
        raise CommandError(f"{path}: there is no such federation description", _suggest(path))
    return path


def _list_descriptions(directory: Path) -> str:
    found = sorted(str(file) for file in directory.glob("*.toml"))
    return ", ".join(found[:5]) or "it has no .toml file"


def _suggest(path: Path) -> str:
    parent = path.parent
    if not parent.is_dir():
        return f"There is no directory {parent} either."
    names = [file.name for file in parent.glob("*.toml")]
    near = difflib.get_close_matches(path.name, names, n=2, cutoff=0.5)
    if near:
        return f"Did you mean {' or '.join(str(parent / name) for name in near)}?"
    listed = ", ".join(sorted(str(parent / name) for name in names)[:5])
    return f"There is {listed}." if listed else f"{parent} has no .toml file."
