"""From the packages' errors to a message, a hint and an exit code.

Exit codes: 1 something failed that the input is not to blame for, 2 the input is (usage, a
query, a description, a data file), 3 the work is done but incomplete or with findings.
"""

import errno
import traceback
from collections.abc import Callable, Sequence
from typing import TypeAlias

import rich_click as click
from click.exceptions import Exit

from hereditary_kg.cli.settings import Settings

__all__ = ["FAILED", "INCOMPLETE", "WRONG_INPUT", "CommandError", "present", "translate"]

FAILED, WRONG_INPUT, INCOMPLETE = 1, 2, 3

_Kinds: TypeAlias = type[Exception] | tuple[type[Exception], ...]


class CommandError(click.ClickException):
    """A command cannot do what it was asked for.

    Attributes:
        hint: what to do about it, or None where the message says that.
        exit_code: what the process ends with.
    """

    def __init__(self, message: str, hint: str | None = None, exit_code: int = WRONG_INPUT) -> None:
        super().__init__(message)
        self.hint = hint
        self.exit_code = exit_code  # type: ignore[misc] # click's own attribute of the class


def present(error: click.ClickException) -> None:
    """Write an error to standard error, lines unbroken so that carets stay under their place."""
    message = error.format_message()
    hint = getattr(error, "hint", None)
    if isinstance(error, click.UsageError) and error.ctx is not None:
        hint = f"`{error.ctx.command_path} --help` explains the command."
    click.echo(click.style("Error: ", fg="red", bold=True) + message, err=True)
    if hint:
        click.echo(click.style("Hint: ", bold=True) + hint, err=True)


def translate(error: Exception, settings: Settings) -> CommandError | None:
    """Turn an error into one for the user of the command line.

    Returns:
        The translation; None for what click itself deals with.
    """
    if isinstance(error, click.ClickException | Exit | click.Abort):
        if settings.stacktrace and error.__cause__ is not None:
            _show_traceback(error.__cause__)
        return None
    if isinstance(error, OSError) and error.errno == errno.EPIPE:
        return None
    if settings.stacktrace:
        _show_traceback(error)
    for kind, describe in _descriptions():
        if isinstance(error, kind):
            return describe(error)
    return CommandError(
        f"unexpected {type(error).__name__}: {error}",
        None
        if settings.stacktrace
        else "This is a defect of hkg. Run the command again with --stacktrace and report it.",
        FAILED,
    )


def _show_traceback(error: BaseException) -> None:
    click.echo("".join(traceback.format_exception(error)), err=True)


def _with(code: int, hint: str | None = None) -> Callable[[Exception], CommandError]:
    return lambda error: CommandError(str(error), hint, code)


def _describe_incomplete(error: Exception) -> CommandError:
    # The first line names member and cause; what follows is said for programs.
    message = str(error).partition("\n")[0]
    if getattr(error, "kind", None) == "timeout":
        return CommandError(
            message,
            "`--timeout SECONDS` allows more time. `hkg query --allow-partial` takes what the "
            "other members hold.",
            FAILED,
        )
    return CommandError(
        message,
        "Nothing was answered, because the answer would not be complete. Ask again when the "
        "member is back, or take what the others hold with `hkg query --allow-partial`. "
        "`hkg federation check` shows who is up.",
        FAILED,
    )


def _describe_system(error: Exception) -> CommandError:
    if not isinstance(error, OSError) or error.strerror is None:
        return CommandError(str(error), None, FAILED)
    place = f"{error.filename}: " if error.filename else ""
    return CommandError(f"{place}{error.strerror.lower()}", None, FAILED)


def _descriptions() -> Sequence[tuple[_Kinds, Callable[[Exception], CommandError]]]:
    """Give the ways to describe errors, special ones before their base classes."""
    from hereditary_kg.embeddings.errors import (
        AlignmentError,
        EmbeddingError,
        ModelError,
        PredictionError,
        SelectionError,
        SplitError,
        TrainingDescriptionError,
        TripleError,
        UnknownNameError,
    )
    from hereditary_kg.embeddings.grids.errors import CertificateError, SettingsError
    from hereditary_kg.execution.errors import (
        ExecutionError,
        IncompleteAnswerError,
        MemoryLimitError,
        QueryTimeoutError,
    )
    from hereditary_kg.federation.errors import (
        ConnectionSetupError,
        DescriptionError,
        FederationError,
        StaleProfileError,
    )
    from hereditary_kg.planning.errors import PlanningError
    from hereditary_kg.rdf.errors import RdfError, UnknownFormatError
    from hereditary_kg.semantics.errors import HubWriteError, SemanticsError
    from hereditary_kg.sites.errors import SiteBusyError, SiteError
    from hereditary_kg.sparql.errors import SparqlError

    wrong_input = (
        SparqlError,
        PlanningError,
        DescriptionError,
        ConnectionSetupError,
        UnknownFormatError,
        AlignmentError,
        CertificateError,
        ModelError,
        PredictionError,
        SelectionError,
        SettingsError,
        SplitError,
        TrainingDescriptionError,
        TripleError,
        UnknownNameError,
    )
    return (
        (wrong_input, _with(WRONG_INPUT)),
        (HubWriteError, _with(FAILED)),
        (SemanticsError, _with(WRONG_INPUT)),
        (SiteBusyError, _with(FAILED)),
        (SiteError, _with(WRONG_INPUT)),
        (IncompleteAnswerError, _describe_incomplete),
        (MemoryLimitError, _with(FAILED, "`--memory-limit MEGABYTES` allows more.")),
        (QueryTimeoutError, _with(FAILED, "`--timeout SECONDS` allows more time.")),
        (StaleProfileError, _with(FAILED, "The data changed while the query ran: ask it again.")),
        (FederationError, _with(FAILED, "`hkg federation check` shows who is up.")),
        ((EmbeddingError, ExecutionError, RdfError), _with(FAILED)),
        (OSError, _describe_system),
    )
