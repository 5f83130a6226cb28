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
from hereditary_kg.cli.settings import (
    Settings,
    common_options,
    open_console,
    pass_settings,
    table_format_option,
)
from hereditary_kg.cli.tables import statuses_table

if TYPE_CHECKING:
    from hereditary_kg.federation.member import Member
    from hereditary_kg.federation.member_status import MemberStatus

__all__ = ["choose_members", "federation"]


@click.group(cls=LazyGroup)
@common_options
def federation() -> None:
    """Look after a federation."""


@federation.command()
@click.argument("members", nargs=-1, metavar="[MEMBER]...")
@federation_option
@table_format_option
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
    if any(map(_needs_care, statuses)):
        raise Exit(INCOMPLETE)


@federation.command()
@click.argument("members", nargs=-1, metavar="[MEMBER]...")
@federation_option
@click.option(
    "-o",
    "--output",
    "directory",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    metavar="DIR",
    help="Where profiles go that the federation description names no file for; else beside it.",
)
@click.option(
    "--shared-namespace",
    "namespaces",
    multiple=True,
    metavar="IRI",
    help="How the IRIs of a vocabulary begin that is no secret: the profile says, by hashes, "
    "which of them occur. May be given several times.",
)
@click.option(
    "--detect-namespaces/--no-detect-namespaces",
    default=True,
    show_default=True,
    help="Whether namespaces that plainly are vocabularies are shared too.",
)
@click.option(
    "--base-iri",
    metavar="IRI",
    help="Where the members' own IRIs begin; no namespace there is detected.",
)
@click.option(
    "--most-triples",
    type=click.IntRange(min=0),
    default=2_000_000,
    show_default=True,
    metavar="NUMBER",
    help="Predicates with more triples are counted and not read; the profile says less then.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Seconds that it may take in all; else as long as it takes.",
)
@common_options
@pass_settings
def profile(
    settings: Settings,
    *,
    members: tuple[str, ...],
    federation_path: Path,
    directory: Path | None,
    namespaces: tuple[str, ...],
    detect_namespaces: bool,
    base_iri: str | None,
    most_triples: int,
    timeout: float | None,
) -> None:
    """Profile the data of members that are not ours, over SPARQL.

    All members with a url are asked for all of their triples, unless some are named; those that
    publish a profile themselves are left out. The profile goes into the file that `profile` in
    the federation description names; it names no person. Build it anew when the data have
    changed: a federation compares numbers of triples before it uses one, and does not see a
    change that leaves all of them as they are.
    """
    import asyncio

    from hereditary_kg.cli.endpoint_profiles import ProfilingOrder, profile_members
    from hereditary_kg.sites.shared_namespaces import SharingPolicy

    settings.start_logging()
    policy = SharingPolicy(namespaces, detect_namespaces, base_iri)
    order = ProfilingOrder(federation_path, members, directory, policy, most_triples, timeout)
    if not asyncio.run(profile_members(settings, order)):
        raise Exit(FAILED)


async def _check(path: Path, names: Sequence[str], timeout: float) -> "tuple[MemberStatus, ...]":
    import asyncio

    from hereditary_kg.execution.engine import AsyncFederation
    from hereditary_kg.federation.deadline import Deadline

    opened = AsyncFederation.open(path)
    try:
        chosen = choose_members(opened.members, names)
        deadline = Deadline(timeout)
        return tuple(await asyncio.gather(*(member.check(deadline) for member in chosen)))
    finally:
        await opened.close()


def choose_members(members: "Sequence[Member]", names: Sequence[str]) -> "Sequence[Member]":
    """Give the members that are named; all where none are.

    Raises:
        CommandError: there is no member of a name.
    """
    known = {member.name: member for member in members}
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=2, cutoff=0.5)
            raise CommandError(
                f"the federation has no member {name!r}",
                f"Did you mean {' or '.join(near)}?" if near else f"It has {', '.join(known)}.",
            )
    return [known[name] for name in dict.fromkeys(names)] or members


def _needs_care(status: "MemberStatus") -> bool:
    return bool(status.error or status.warning) or status.profile in {"stale", "absent"}


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
        if status.warning:
            lines.append(f"{status.name}: {status.warning}")
        elif status.up and status.profile in _PROFILE_ADVICE:
            lines.append(
                f"{status.name}: {_PROFILE_ADVICE[status.profile]}, so that it is asked more "
                "than it need be; `hkg site profile` at the site makes one, or "
                f"`hkg federation profile {status.name}` where it is no site of ours"
            )
    for line in lines:
        console.print(line, soft_wrap=True)
