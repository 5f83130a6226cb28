"""What ``hkg federation profile`` does."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hereditary_kg.cli.errors import CommandError
from hereditary_kg.cli.federation import choose_members
from hereditary_kg.cli.output_files import check_output, open_output
from hereditary_kg.cli.progress import show_step
from hereditary_kg.cli.settings import Settings, open_console, tell
from hereditary_kg.cli.site_display import print_profile

if TYPE_CHECKING:
    from hereditary_kg.federation.deadline import Deadline
    from hereditary_kg.federation.endpoint_profiling import EndpointProfile
    from hereditary_kg.federation.member import Member
    from hereditary_kg.sites.shared_namespaces import SharingPolicy

__all__ = ["ProfilingOrder", "profile_members"]


@dataclass(frozen=True)
class ProfilingOrder:
    """Which profiles are wanted.

    Attributes:
        federation: the federation description.
        members: the names of members; empty for all that have a url.
        directory: where profiles go that the description names no file for; None for its own.
        policy: what may be said about constants.
        most_triples: predicates of more than this many are counted and not read.
        timeout: seconds in all; None for as long as it takes.
    """

    federation: Path
    members: tuple[str, ...]
    directory: Path | None
    policy: "SharingPolicy"
    most_triples: int
    timeout: float | None


async def profile_members(settings: Settings, order: ProfilingOrder) -> bool:
    """Profile members one after the other; say whether none of them failed.

    Raises:
        CommandError: there is no such member, or one that has no endpoint to be asked.
    """
    from hereditary_kg.federation.connection import connect_members
    from hereditary_kg.federation.deadline import Deadline
    from hereditary_kg.federation.description import read_description
    from hereditary_kg.federation.errors import MemberError, ProfilingError

    members = connect_members(read_description(order.federation, profiled=False))
    deadline = Deadline(order.timeout)
    failed = False
    try:
        for member in _choose(members, order.members):
            check_output(_place(member, order))
            try:
                await _profile_member(settings, order, member, deadline)
            except (MemberError, ProfilingError) as error:
                failed = True
                open_console(stderr=True).print(str(error), soft_wrap=True)
    finally:
        for member in members:
            await member.close()
    return not failed


def _choose(members: "Sequence[Member]", names: Sequence[str]) -> "Sequence[Member]":
    chosen = choose_members(members, names)
    for member in chosen if names else ():
        if member.description.url is None:
            raise CommandError(
                f"{member.name} is a site in a directory",
                f"`hkg site profile {member.description.site}` profiles it.",
            )
    endpoints = [member for member in chosen if member.description.url is not None]
    if not endpoints:
        raise CommandError(
            "the federation has no member with a url", "`hkg site profile DIR` profiles sites."
        )
    return endpoints


async def _profile_member(
    settings: Settings, order: ProfilingOrder, member: "Member", deadline: "Deadline"
) -> None:
    from hereditary_kg.federation.endpoint_profiling import profile_endpoint, publishes_profile

    if await publishes_profile(member, deadline):
        tell(settings, f"{member.name} publishes a profile itself, which comes first.")
        return
    with show_step(settings, f"Profiling {member.name}", "triples") as progress:
        built = await profile_endpoint(
            member,
            order.policy,
            deadline=deadline,
            progress=progress,
            most_triples=order.most_triples,
        )
    path = _place(member, order)
    with open_output(path) as stream:
        stream.write(built.profile.to_json())
    profile = built.profile
    tell(
        settings,
        f"Profiled {profile.triples:,} triples of {member.name} with {built.requests:,} requests: "
        f"{profile.all_predicates:,} predicates, {profile.all_classes:,} classes.",
    )
    if not settings.quiet:
        print_profile(
            open_console(),
            profile,
            declared=order.policy.namespaces,
            advice="`--no-detect-namespaces` without `--shared-namespace` publishes none.",
        )
    for line in _remarks(order, member, built, path):
        tell(settings, line)


def _remarks(
    order: ProfilingOrder, member: "Member", built: "EndpointProfile", path: Path
) -> list[str]:
    lines = []
    if built.counted:
        lines.append(
            f"The triples of {len(built.counted):,} predicates were counted and not read "
            f"({', '.join(built.counted[:3])}{', …' if len(built.counted) > 3 else ''}): which "
            "predicates subjects have together, and which codes occur, is not known."
        )
    if built.unstable:
        lines.append(
            "Its blank nodes have other labels in each answer, as far as is known: which "
            'predicates subjects have together is not. Write blank_nodes = "stable" into its '
            "description if they keep their labels, as those of Oxigraph and Virtuoso do."
        )
    lines.append(f"Written to {path}.")
    named = member.description.profile
    if named is None or named.resolve() != path.resolve():
        relative = os.path.relpath(path, order.federation.parent)
        lines.append(
            f'Next: write this line below `name = "{member.name}"` in {order.federation}, for it '
            f'to be used:\nprofile = "{Path(relative).as_posix()}"'
        )
    lines.append(
        "It is compared by its numbers of triples before it is used; after a change that leaves "
        "all of them as they are, build it again yourself."
    )
    return lines


def _place(member: "Member", order: ProfilingOrder) -> Path:
    named = member.description.profile
    if named is not None and order.directory is None:
        return named
    directory = order.directory or order.federation.parent
    return directory / (named.name if named is not None else f"{member.name}.profile.json")
