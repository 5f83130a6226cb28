"""What planning knows of the members of a federation, and what it has concluded from that.

A federation is planned over many times, with the same profiles. What follows from the profiles
alone is worth finding out once: which members use a predicate, which terms they have at its ends,
how much there is of it. It is kept with the profiles that it follows from (:class:`Members`), and
found out anew where a member's profile is another one.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, TypeAlias, TypeVar

from hereditary_kg.federation.statistics import MemberStatistics
from hereditary_kg.semantics.query_conversion import MemberConversion
from hereditary_kg.sites.profile import Profile

__all__ = ["MemberView", "Members", "MembersCache", "remembered", "remembered_by_member"]

_MOST_KEPT = 4

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


@dataclass(frozen=True)
class MemberView:
    """What planning knows of a member.

    Attributes:
        name: its name in the federation description.
        profile: its profile, or None where it publishes none.
        holds: IRIs or namespaces of the predicates it may hold; empty for anything.
        asked_once: whether all that is wanted of it must come in one answer, because the labels
            of its blank nodes hold for one answer only.
        row_cap: how many rows it gives at most; of longer answers, an order would be lost.
        conversion: how its data are seen by the user; the profile is that of the view then.
            None where nothing is converted.
        learnt: what its answers have cost so far. It changes from query to query, so nothing that
            is kept may depend on it.
    """

    name: str
    profile: Profile | None = None
    holds: tuple[str, ...] = ()
    asked_once: bool = False
    row_cap: int | None = None
    conversion: MemberConversion | None = None
    learnt: MemberStatistics = field(default_factory=MemberStatistics)

    def cuts_off(self, limit: int | None) -> bool:
        """Whether it cuts an answer short of so many rows (None: of any number)."""
        return self.row_cap is not None and (limit is None or limit > self.row_cap)

    def is_same(self, other: "MemberView") -> bool:
        """Whether the other says the same of the same member, with the very same profile.

        What was learnt of it may be something else.
        """
        return self is other or (
            # Profiles are large, and one that was read again may be compared as another one.
            self.profile is other.profile
            and self.name == other.name
            and self.holds == other.holds
            and self.asked_once == other.asked_once
            and self.row_cap == other.row_cap
            and self.conversion is other.conversion
        )


class Members(dict[str, MemberView]):
    """The members of a federation by name, in its order. It never changes.

    What was found out about them (:func:`remembered`) hangs on this object: it is gone with it,
    and with it go the profiles.
    """

    def __init__(self, views: Iterable[MemberView]) -> None:
        """Begin with nothing found out."""
        super().__init__((view.name, view) for view in views)
        self.found: dict[Callable[..., Any], dict[Any, Any]] = {}

    def renewed(self, views: Iterable[MemberView]) -> "Members":
        """Give the same members with what was learnt since, and with all that was found out."""
        others = Members(views)
        others.found = self.found
        return others


class MembersCache:
    """Gives the same :class:`Members` for the same views, so that what was found out is at hand.

    A few are kept, for what is said of members can depend on the query as well.
    """

    def __init__(self) -> None:
        self._kept: list[Members] = []

    def of(self, views: Iterable[MemberView]) -> Members:
        """Give the members with exactly these views.

        Args:
            views: one of each member, in the federation's order.
        """
        wanted = tuple(views)
        for known in self._kept:
            if len(known) == len(wanted) and all(map(MemberView.is_same, known.values(), wanted)):
                is_old = any(
                    a.learnt != b.learnt for a, b in zip(known.values(), wanted, strict=True)
                )
                return known.renewed(wanted) if is_old else known
        # Of members whose profiles have changed nobody asks again.
        current = {view.name: view.profile for view in wanted}
        self._kept = [known for known in self._kept if _is_current(known, current)]
        self._kept = [Members(wanted), *self._kept[: _MOST_KEPT - 1]]
        return self._kept[0]


def _is_current(known: Members, current: dict[str, Profile | None]) -> bool:
    return all(current.get(name, view.profile) is view.profile for name, view in known.items())


_ByMember: TypeAlias = Callable[[Members, Key, Iterable[str]], Sequence[Value]]


def remembered(
    most: int,
) -> Callable[[Callable[[Members, Key], Value]], Callable[[Members, Key], Value]]:
    """Make a function of members and something else find out everything once.

    Args:
        most: results that are kept of the same members; when there are more, all are dropped.

    Returns:
        A decorator. The result must depend on nothing but the arguments, and nobody may change
        it.
    """

    def decorate(find: Callable[[Members, Key], Value]) -> Callable[[Members, Key], Value]:
        @wraps(find)
        def recall(members: Members, key: Key) -> Value:
            known: dict[Key, Value] = members.found.setdefault(find, {})
            if key not in known:
                value = find(members, key)
                if len(known) >= most:
                    known.clear()
                known[key] = value
            return known[key]

        return recall

    return decorate


def remembered_by_member(
    most: int,
) -> Callable[[_ByMember[Key, Value]], _ByMember[Key, Value]]:
    """Make a function of something and the names of members find out everything once.

    Args:
        most: arguments other than names of which the results are kept; when there are more, all
            are dropped.

    Returns:
        A decorator for a function that gives a result for each name, in the order of the names,
        which depends on nothing but that member and the argument.
    """

    def decorate(find: _ByMember[Key, Value]) -> _ByMember[Key, Value]:
        tables: Callable[[Members, Key], dict[str, Value]] = remembered(most)(lambda _, __: {})

        @wraps(find)
        def recall(members: Members, key: Key, names: Iterable[str]) -> Sequence[Value]:
            known = tables(members, key)
            wanted = tuple(names)
            missing = tuple(name for name in wanted if name not in known)
            if missing:
                known.update(zip(missing, find(members, key, missing), strict=True))
            return [known[name] for name in wanted]

        return recall

    return decorate
