"""The requests of one step of a plan to one member."""

from contextlib import aclosing
from dataclasses import dataclass
from typing import NoReturn

from hereditary_kg.execution.context import ExecutionContext
from hereditary_kg.execution.streams import Batches
from hereditary_kg.execution.sub_queries import SubQuery
from hereditary_kg.federation.errors import MemberError
from hereditary_kg.federation.member import Member

__all__ = ["RequestSeries"]


@dataclass(frozen=True)
class RequestSeries:
    """What the requests of one step to one member have in common.

    Attributes:
        context: the running query.
        member: whom they go to.
        purpose: what they are for, as the certificate will say.
        step: which step of the plan, as the log will say.
    """

    context: ExecutionContext
    member: Member
    purpose: str
    step: int | None = None

    async def select(
        self,
        text: str,
        columns: tuple[str, ...],
        purpose: str | None = None,
        *,
        divisible: bool = False,
    ) -> Batches:
        """Send one query.

        Args:
            text: the query.
            columns: the columns of its answer.
            purpose: what it is for, where that is not `purpose`.
            divisible: whether the caller asks for less where this is too much.

        Raises:
            MemberError: the member failed, or says that it may have cut the answer short.
        """
        stream = self.member.select(
            text,
            columns,
            deadline=self.context.deadline,
            log=self.context.log,
            purpose=purpose or self.purpose,
            step=self.step,
            divisible=divisible,
            expected_version=self.context.versions.get(self.member.name),
        )
        async with aclosing(stream) as frames:
            async for frame in frames:
                self.context.check_labels(self.member.name)
                yield frame

    def refuse(self, query: SubQuery, rows: int, reason: str) -> NoReturn:
        """Say that an answer was cut short and cannot be read on.

        Raises:
            MemberError: always.
        """
        raise MemberError(
            self.member.name,
            "truncated",
            f"its answer ends after {rows:,} rows, but there are more, and they cannot be read "
            f"on: {reason}. Raise its limit of rows (Virtuoso: ResultSetMaxRows), or ask for less",
            query.text,
        )
