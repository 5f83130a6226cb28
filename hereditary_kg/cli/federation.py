"""``hkg federation``: look after a federation."""

import difflib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from click.exceptions import Exit

from hereditary_kg.cli.command_groups import LazyGroup
from hereditary_kg.cli.errors import FAILED, INCOMPLETE, CommandError
from hereditary_kg.cli.federation_files import federation_option
from hereditary_kg.cli.settings import Settings, common_options, open_console, pass_settings
from hereditary_kg.cli.tables import statuses_table

if TYPE_CHECKING:
    from hereditary_kg.federation.member import Member
    from hereditary_kg.federation.member_status import MemberStatus

__all__ = ["federation"]


@click.group(cls=LazyGroup)
@common_options
def federation() -> None:
    """Look after a federation."""


@federation.command()
@click.argument("members", nargs=-1, metavar="[MEMBER]...")
@federation_option
@click.option(
    "-O",
    "--output-format",
    type=click.Choice(("table", "json"), case_sensitive=False),
    default="table",
    show_default=True,
    metavar="FORMAT",
    help="table or json.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="Seconds that the members may take to answer.",
)
@common_options
@pass_settings
def check(
    settings: Settings,
    *,
    members: tuple[str, ...],
    federation_path: Path,
    output_format: str,
    timeout: float,
) -> None:
    """Ask the members whether they are up, what they are, and whether their profiles are current.

    All members are asked unless some are named. The exit code is 1 if one is down, else 3 if
    one has no current profile: it is then asked more than it need be.
    """
    import asyncio

    settings.start_logging()
    statuses = asyncio.run(_check(federation_path, members, timeout))
    if output_format == "json":
        click.echo(json.dumps([asdict(status) for status in statuses], indent=2))
    else:
        open_console().print(statuses_table(statuses), soft_wrap=False)
    if not settings.quiet:
        _explain_findings(statuses)
    if not all(status.up for status in statuses):
        raise Exit(FAILED)
    if any(status.error or status.profile in {"stale", "absent"} for status in statuses):
        raise Exit(INCOMPLETE)


async def _check(path: Path, names: Sequence[str], timeout: float) -> "tuple[MemberStatus, ...]":
    import asyncio

    from hereditary_kg.execution.engine import AsyncFederation
    from hereditary_kg.federation.deadline import Deadline

    opened = AsyncFederation.open(path)
    try:
        chosen = _choose(opened.members, names)
        deadline = Deadline(timeout)
        return tuple(await asyncio.gather(*(member.check(deadline) for member in chosen)))
    finally:
        await opened.close()


def _choose(members: "Sequence[Member]", names: Sequence[str]) -> "Sequence[Member]":
    known = {member.name: member for member in members}
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=2, cutoff=0.5)
            raise CommandError(
                f"the federation has no member {name!r}",
                f"Did you mean {' or '.join(near)}?" if near else f"It has {', '.join(known)}.",
            )
    return [known[name] for name in dict.fromkeys(names)] or members


_PROFILE_ADVICE = {
    "stale": "its profile describes other data than it has now, and is not used",
    "absent": "it has no profile of its data",
}


def _explain_findings(statuses: "Sequence[MemberStatus]") -> None:
    console = open_console(stderr=True)
    lines = []
    for status in statuses:
        if status.error:
            lines.append(f"{status.name}: {status.error}")
        if status.up and status.profile in _PROFILE_ADVICE:
            lines.append(
                f"{status.name}: {_PROFILE_ADVICE[status.profile]}, so that it is asked more "
                "than it need be; `hkg site profile` at the site makes one"
            )
    for line in lines:
        console.print(line, soft_wrap=True)
