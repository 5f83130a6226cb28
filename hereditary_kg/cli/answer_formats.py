"""Which formats an answer can be written in."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from hereditary_kg.cli.errors import CommandError

if TYPE_CHECKING:
    from hereditary_kg.sparql.algebra import Query

__all__ = ["OUTPUT_FORMATS", "choose_format"]

OUTPUT_FORMATS = ("table", "tsv", "csv", "json", "xml", "parquet", "ttl", "nt", "jsonld")

_FITTING: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "SelectQuery": ("SELECT gives rows", ("table", "tsv", "csv", "json", "xml", "parquet")),
    "AskQuery": ("ASK gives true or false", ("table", "tsv", "csv", "json", "xml")),
    "ConstructQuery": ("CONSTRUCT gives a graph", ("ttl", "nt", "jsonld")),
    "DescribeQuery": ("DESCRIBE gives a graph", ("ttl", "nt", "jsonld")),
}
_EXTENSIONS = {"txt": "table", "srj": "json", "srx": "xml"}


def choose_format(query: "Query", wanted: str | None, output: Path | None) -> str:
    """Choose the format of an answer.

    Args:
        query: what is answered.
        wanted: the format that was asked for by name.
        output: the file that it goes to; its extension counts where no name was given.

    Raises:
        CommandError: it does not fit the query, or the extension is none that is known.
    """
    says, fitting = _FITTING[type(query).__name__]
    if wanted is None and output is not None:
        extension = output.suffix.removeprefix(".").lower()
        wanted = _EXTENSIONS.get(extension, extension)
        if wanted not in OUTPUT_FORMATS:
            raise CommandError(
                f"{output}: its name does not say which format it should have",
                f"Add -O with one of {', '.join(fitting)}.",
            )
    if wanted is None:
        if fitting[0] == "table" and not sys.stdout.isatty():
            return "tsv"
        return fitting[0]
    if wanted not in fitting:
        raise CommandError(
            f"{says}, which {wanted} cannot hold", f"Take one of {', '.join(fitting)}."
        )
    if wanted == "parquet" and output is None and sys.stdout.isatty():
        raise CommandError("Parquet is binary and no terminal can show it", "Add -o FILE.")
    return wanted
