"""Groups of commands that are imported when they are needed, and the root of them all."""

import difflib
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import rich_click as click

from hereditary_kg.cli.errors import present, translate
from hereditary_kg.cli.settings import Settings

__all__ = ["LazyGroup", "RootGroup"]

INTERRUPTED = 130
"""The exit code after Ctrl-C: 128 and the signal's number, as shells have it."""


class LazyGroup(click.RichGroup):
    """A group whose commands stand in modules that are imported when they are called.

    Args:
        places: per command its place, as ``module:attribute``.
    """

    def __init__(self, *args: Any, places: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._places = dict(places or {})

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click gives it
        """Give the names of the commands, in the order in which they are explained."""
        return [*self.commands, *self._places]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Give a command, importing it if need be; None if there is none of the name."""
        if cmd_name not in self._places:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = self._places[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is meant.

        Raises:
            click.UsageError: there is none; the message lists the nearest.
        """
        name = args[0]
        if name.startswith("-") or self.get_command(ctx, name) is not None:
            return super().resolve_command(ctx, args)
        known = self.list_commands(ctx)
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        listed = f"Did you mean {' or '.join(near)}?" if near else f"There are {', '.join(known)}."
        raise click.UsageError(f"{ctx.command_path} has no command {name!r}. {listed}", ctx)


class RootGroup(LazyGroup):
    """The outermost group: it turns whatever goes wrong into a message and an exit code."""

    def main(  # type: ignore[override] # one signature for click's two overloads
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        *,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the command line; leave the process with its exit code."""
        if not standalone_mode:
            return super().main(args, prog_name, standalone_mode=False, **extra)
        try:
            code = super().main(args, prog_name, standalone_mode=False, **extra)
        except click.ClickException as error:
            present(error)
            code = error.exit_code
        except click.Abort:
            click.echo("Interrupted.", err=True)
            code = INTERRUPTED
        sys.exit(code if isinstance(code, int) else 0)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that is meant, and translate what goes wrong."""
        settings = ctx.ensure_object(Settings)
        try:
            return super().invoke(ctx)
        except Exception as error:
            translated = translate(error, settings)
            if translated is None:
                raise
            raise translated from error
