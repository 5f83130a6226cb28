"""What a check of a member finds out."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["MemberStatus", "ProfileState"]

ProfileState: TypeAlias = Literal["current", "unverified", "stale", "absent"]


@dataclass(frozen=True)
class MemberStatus:
    """A member as it was found.

    Attributes:
        name: the member's name.
        address: where it is, as the federation description says.
        up: whether it answers queries.
        milliseconds: how long a trivial query took; None if it is not up.
        software: the software that answers; None where it does not say.
        title: what it calls itself, else what the federation description calls it.
        triples: how many triples it holds, by its profile or its service description.
        profile: ``current`` (of the data that it answers from), ``unverified`` (it does not
            say which data it answers from), ``stale`` (of other data; not used), ``absent``
            (there is none, or the site itself holds it back as out of date).
        error: what went wrong; None if nothing did.
        warning: why a profile that is there is not used, where the member was asked for that.
    """

    name: str
    address: str
    up: bool
    milliseconds: float | None
    software: str | None
    title: str | None
    triples: int | None
    profile: ProfileState
    error: str | None
    warning: str | None = None
