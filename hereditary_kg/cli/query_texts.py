"""The query that a command is about: from a file, the command line or standard input."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import rich_click as click

from hereditary_kg.cli.errors import WRONG_INPUT, CommandError
from hereditary_kg.sparql.errors import SparqlError

__all__ = [
    "QueryText",
    "memory_option",
    "query_arguments",
    "read_query_text",
    "timeout_option",
]

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class QueryText:
    """The text of a query.

    Attributes:
        place: where it comes from, for messages.
        text: the text itself.
    """

    place: str
    text: str

    @contextmanager
    def blamed(self) -> Iterator[None]:
        """Put the place of the query in front of what is said about its text.

        Raises:
            CommandError: for any `SparqlError`.
        """
        try:
            yield
        except SparqlError as error:
            raise CommandError(f"{self.place}: {error}", exit_code=WRONG_INPUT) from error

    def declared_prefixes(self) -> Mapping[str, str]:
        """Give the prefixes that the text declares with absolute IRIs.

        Raises:
            SparqlError: it is not made of SPARQL's tokens.
        """
        from hereditary_kg.sparql.iris import is_absolute
        from hereditary_kg.sparql.lexing import expand_codepoints, read_tokens

        tokens = read_tokens(expand_codepoints(self.text))
        return {
            name.text[:-1]: iri.text[1:-1]
            for word, name, iri in zip(tokens, tokens[1:], tokens[2:], strict=False)
            if word.kind == "word"
            and word.text.upper() == "PREFIX"
            and name.kind == "name"
            and iri.kind == "iri"
            and is_absolute(iri.text[1:-1])
        }


def query_arguments(function: Function) -> Function:
    """Add ``FILE`` and ``-e TEXT`` to a command, which gets a `QueryText` named ``query_text``."""
    function = click.option(
        "-e",
        "--text",
        metavar="TEXT",
        help="The query itself, instead of a file.",
    )(function)
    return click.argument("file", required=False, metavar="[FILE]")(function)


def timeout_option(function: Function) -> Function:
    """Add ``--timeout`` to a command."""
    return click.option(
        "--timeout",
        type=click.FloatRange(min=0, min_open=True),
        default=60.0,
        show_default=True,
        metavar="SECONDS",
        help="Seconds that the query may take.",
    )(function)


def memory_option(function: Function) -> Function:
    """Add ``--memory-limit`` to a command."""
    return click.option(
        "--memory-limit",
        type=click.IntRange(min=1),
        default=2048,
        show_default=True,
        metavar="MEGABYTES",
        help="Memory that one query may hold here; one that needs more is stopped.",
    )(function)


def read_query_text(file: str | None, text: str | None) -> QueryText:
    """Read the query from where the arguments say; from standard input where they say nothing.

    Raises:
        CommandError: there is none, or there are two.
    """
    if text is not None:
        if file is not None:
            raise CommandError(
                f"there are two queries: the file {file} and the text behind -e",
                "Give one of the two.",
            )
        query = QueryText("the query", text)
    elif file is None or file == "-":
        query = _read_standard_input(named=file is not None)
    else:
        query = QueryText(file, _read_file(Path(file)))
    if not query.text.strip():
        raise CommandError(f"{query.place} is empty", "Write a SELECT, ASK or CONSTRUCT query.")
    return query


def _read_standard_input(*, named: bool) -> QueryText:
    if not named and sys.stdin.isatty():
        raise CommandError(
            "no query was given",
            "Name a file with it, write it behind -e, or send it to standard input.",
        )
    return QueryText("standard input", _decode("standard input", sys.stdin.buffer.read()))


def _read_file(path: Path) -> str:
    try:
        return _decode(str(path), path.read_bytes())
    except FileNotFoundError as error:
        raise CommandError(f"{_shown(path)}: there is no such file", _suggest(path)) from error
    except OSError as error:
        raise CommandError(f"{_shown(path)}: cannot be read: {error.strerror}") from error


def _decode(place: str, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CommandError(
            f"{place}: is not UTF-8 text (byte {error.start + 1})",
            "A query is a text file; save it as UTF-8.",
        ) from error


def _shown(path: Path) -> str:
    text = str(path).replace("\n", " ")
    return text if len(text) <= 100 else text[:99] + "…"


def _suggest(path: Path) -> str:
    import difflib

    if any(character in str(path) for character in "{?\n"):
        return "To give the query itself instead of a file, write it behind -e."
    if not path.parent.is_dir():
        return f"There is no directory {path.parent} either."
    names = [file.name for file in path.parent.iterdir() if file.is_file()]
    near = difflib.get_close_matches(path.name, names, n=3, cutoff=0.6)
    if near:
        return f"Did you mean {' or '.join(str(path.parent / name) for name in near)}?"
    return "To give the query itself instead of a file, write it behind -e."
