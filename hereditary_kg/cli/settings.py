"""What holds for a whole invocation: how much is said, and to whom."""

import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, TypeVar

import rich_click as click

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "WIDTH",
    "Settings",
    "announce",
    "common_options",
    "open_console",
    "pass_settings",
    "table_format_option",
    "tell",
]

WIDTH = 100
"""Columns of what is written for people where no terminal says how wide it is."""

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass
class Settings:
    """How much is said.

    Attributes:
        verbose: whether it is said what happens, not only what came of it.
        quiet: whether only data and errors are written.
        stacktrace: whether errors come with their Python traceback.
    """

    verbose: bool = False
    quiet: bool = False
    stacktrace: bool = False

    def start_logging(self) -> None:
        """Write the package's log to standard error, as far as it was asked for."""
        logger = logging.getLogger("hereditary_kg")
        if not any(isinstance(handler, _StandardError) for handler in logger.handlers):
            logger.addHandler(_StandardError())
        usual = logging.ERROR if self.quiet else logging.WARNING
        logger.setLevel(logging.INFO if self.verbose else usual)


class _StandardError(logging.Handler):
    """Writes log records to what is standard error at the time."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        click.echo(self.format(record), err=True)


pass_settings = click.make_pass_decorator(Settings, ensure=True)


def open_console(*, stderr: bool = False, file: IO[str] | None = None) -> "Console":
    """Open a console for people on standard output, standard error or a file.

    Off a terminal it is 100 columns wide and writes no control codes.
    """
    from rich.console import Console

    console = Console(stderr=stderr, file=file, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = WIDTH
    return console


def tell(settings: Settings, message: str) -> None:
    """Say something on standard error that is neither data nor an error."""
    if not settings.quiet:
        click.echo(message, err=True)


def announce(settings: Settings, subject: str, url: str) -> None:
    """Say that a service takes queries: its endpoint on standard output, for programs."""
    click.echo(f"{url}/sparql")
    sys.stdout.flush()
    tell(settings, f"Serving {subject}. Ctrl-C ends it.")


def table_format_option(function: Function) -> Function:
    """Add ``--output-format`` to a command that writes a table for people or JSON."""
    return click.option(
        "-O",
        "--output-format",
        type=click.Choice(("table", "json"), case_sensitive=False),
        default="table",
        show_default=True,
        metavar="FORMAT",
        help="table or json.",
    )(function)


def common_options(function: Function) -> Function:
    """Add the options that every command takes, before or behind its name."""
    for option in (
        click.option(
            "--stacktrace",
            is_flag=True,
            expose_value=False,
            callback=_note_stacktrace,
            panel="Common options",
            help="Show the Python traceback of an error.",
        ),
        click.option(
            "-q",
            "--quiet",
            is_flag=True,
            expose_value=False,
            callback=_note_quiet,
            panel="Common options",
            help="Write data and errors only.",
        ),
        click.option(
            "-v",
            "--verbose",
            is_flag=True,
            expose_value=False,
            callback=_note_verbose,
            panel="Common options",
            help="Say more on standard error, such as every request.",
        ),
    ):
        function = option(function)
    for panel in ("Common options", "Options"):
        function = click.option_panel(panel)(function)
    return function


def _note_verbose(context: click.Context, _option: click.Parameter, value: bool) -> None:
    settings = context.ensure_object(Settings)
    settings.verbose = settings.verbose or value


def _note_quiet(context: click.Context, _option: click.Parameter, value: bool) -> None:
    settings = context.ensure_object(Settings)
    settings.quiet = settings.quiet or value


def _note_stacktrace(context: click.Context, _option: click.Parameter, value: bool) -> None:
    settings = context.ensure_object(Settings)
    settings.stacktrace = settings.stacktrace or value
