"""Stamps for the data of stores that say no version: what they hold, counted.

Such a stamp changes when triples of the default graph are added or removed, or named graphs are,
unless all numbers stay as they were: a value that was replaced by another is not seen. Names that
profiles may keep to themselves, of graphs and of rare predicates, play no part: who knows all else
could find out a name by trying.
"""

from collections.abc import Callable, Mapping
from hashlib import sha256
from time import monotonic
from typing import TYPE_CHECKING

from hereditary_kg.federation.deadline import Deadline
from hereditary_kg.federation.endpoint_questions import EndpointQuestions
from hereditary_kg.federation.errors import MemberError, ProfilingError
from hereditary_kg.federation.request_log import RequestLog
from hereditary_kg.sites.shared_namespaces import FEWEST_USERS

if TYPE_CHECKING:
    from hereditary_kg.federation.member import Member

__all__ = ["StampCheck", "ask_stamp", "count_stamp", "is_count_stamp"]

_PREFIX = "counts-"
_LONGEST_CHECK = 30.0


def count_stamp(predicates: Mapping[str, int], graphs: Mapping[str, int]) -> str:
    """Write a stamp: all triples, and a hash of the numbers.

    Args:
        predicates: triples of the default graph by predicate.
        graphs: triples of the named graphs by name.
    """
    named = {iri: count for iri, count in predicates.items() if count >= FEWEST_USERS}
    lines = [f"{iri} {count}\n" for iri, count in sorted(named.items())]
    lines += [f"RARE {n}\n" for n in sorted(predicates.values()) if n < FEWEST_USERS]
    lines += [f"GRAPH {count}\n" for count in sorted(graphs.values())]
    digest = sha256("".join(lines).encode()).hexdigest()[:16]
    return f"{_PREFIX}{sum(predicates.values())}-{digest}"


def is_count_stamp(stamp: str) -> bool:
    """Say whether a stamp is one of these."""
    return stamp.startswith(_PREFIX)


async def ask_stamp(questions: EndpointQuestions) -> str:
    """Ask a member for the stamp of the data that it has now.

    Raises:
        MemberError: the member failed.
        ProfilingError: its numbers contradict each other.
    """
    return count_stamp(await questions.predicates(), await questions.graphs())


class StampCheck:
    """Remembers when a member's data were last compared with the stamp of a profile."""

    def __init__(self, interval: float, *, clock: Callable[[], float] = monotonic) -> None:
        """Begin with nothing compared.

        Args:
            interval: seconds for which a comparison counts.
            clock: monotonic time in seconds.
        """
        self._reason: str | None = None
        self._interval = interval
        self._clock = clock
        self._stamp: str | None = None
        self._found: str | None = None
        self._checked_at: float | None = None

    def warning(self, name: str, stamp: str | None) -> str | None:
        """Say why a profile is not used; None where it is, or nothing was compared.

        Args:
            name: the member's.
            stamp: the profile's; None where there is none.
        """
        if self._reason is None or stamp != self._stamp:
            return None
        return (
            f"the profile of {name} is not used, for {self._reason}; "
            f"`hkg federation profile {name}` builds it again"
        )

    async def compare(
        self,
        member: "Member",
        stamp: str,
        deadline: Deadline,
        log: RequestLog | None = None,
        max_age: float = 1.0,
    ) -> str | None:
        """Give the stamp of the member's data, asking where the last answer is too old.

        Args:
            member: who has the data.
            stamp: the profile's.
            deadline: when to give up.
            log: where requests are recorded, if anywhere.
            max_age: 0 where the member is to be asked in any case.

        Returns:
            The stamp of the data as they were found; None where the member does not say.

        Raises:
            MemberError: the member cannot be reached.
        """
        age = None if self._checked_at is None else self._clock() - self._checked_at
        if max_age > 0 and stamp == self._stamp and age is not None and age <= self._interval:
            return self._found
        limit = Deadline(min(_LONGEST_CHECK, deadline.remaining()))
        questions = EndpointQuestions(member, limit, log, "profile check")
        self._found = None
        try:
            self._found = await ask_stamp(questions)
        except (MemberError, ProfilingError) as error:
            if isinstance(error, MemberError) and error.kind == "unreachable":
                raise
            self._reason = f"whether it still holds could not be found out ({error.reason})"
        else:
            self._reason = (
                None
                if self._found == stamp
                else "its triples are no longer as many as when the profile was built"
            )
        self._stamp, self._checked_at = stamp, self._clock()
        return self._found
