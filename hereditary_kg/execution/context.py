"""What all operators of one running query share."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count

from hereditary_kg.execution.errors import IncompleteAnswerError
from hereditary_kg.execution.memory import MemoryBudget
from hereditary_kg.federation.deadline import Deadline
from hereditary_kg.federation.errors import BlankNodeLabelError, MemberError
from hereditary_kg.federation.member import Member
from hereditary_kg.federation.request_log import RequestLog
from hereditary_kg.planning import plan
from hereditary_kg.planning.explanation import PlanRun, Reordering, measure_run
from hereditary_kg.sparql.algebra import Pattern

__all__ = ["ExecutionContext"]

_SHOWN = 300
_NUMBERS = count(1)


@dataclass
class ExecutionContext:
    """The state of one running query.

    Attributes:
        members: the federation's members, by name.
        deadline: when the whole query must have ended.
        log: every request that it made.
        prologue: a BASE declaration for texts that need one, or nothing.
        services: the endpoints that an explicit SERVICE may name.
        allow_partial: whether a member that fails is left out instead of failing the query.
        versions: the profile stamp that the plan relies on, by member.
        source: the query's FROM and FROM NAMED, as every sub-query repeats them.
        failures: what failed, by member.
        notes: what the user should know of the answer besides, such as a silent failure.
        rows: rows that left each plan node, by the node's identity.
        times: when the first and the last of them left it, in seconds since ``started``.
        reorderings: the joins that ran in another order than planned, by the node's identity.
        started: when it began, in seconds of `time.perf_counter`.
        steps: the numbers of plan nodes in the log, by the node's identity.
        memory: what it may hold at the mediator.
        asked_once: the members that may be asked once only, as their blank nodes need it.
        note_empty: told member and pattern of each whole answer that has no row, where nothing
            restricted it.
        asked_before: how many requests the log had when this attempt at the query began.
    """

    members: Mapping[str, Member]
    deadline: Deadline
    log: RequestLog
    allow_partial: bool = False
    versions: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
    prologue: str = ""
    services: Mapping[str, Member] = field(default_factory=dict)
    failures: dict[str, MemberError] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    rows: dict[int, int] = field(default_factory=dict)
    times: dict[int, tuple[float, float]] = field(default_factory=dict)
    reorderings: dict[int, tuple[Reordering, ...]] = field(default_factory=dict)
    started: float = field(default_factory=time.perf_counter)
    steps: dict[int, int] = field(default_factory=dict)
    memory: MemoryBudget = field(default_factory=MemoryBudget)
    asked_once: frozenset[str] = frozenset()
    note_empty: Callable[[str, Pattern], None] = lambda _name, _pattern: None
    asked_before: int = field(init=False)

    def __post_init__(self) -> None:
        self.asked_before = self.log.begun

    def count(self, node: plan.Node, rows: int) -> None:
        """Add to the rows that left ``node``, and note the time."""
        now = time.perf_counter() - self.started
        first, _ = self.times.get(id(node), (now, now))
        self.rows[id(node)] = self.rows.get(id(node), 0) + rows
        self.times[id(node)] = (first, now)

    def check_labels(self, member: str) -> None:
        """See to it that blank nodes of a member are told apart rightly.

        Raises:
            BlankNodeLabelError: two of its answers have blank nodes, whose labels hold for one
                answer only.
        """
        if self.log.blank_node_answers(member, self.asked_before) > 1:
            raise BlankNodeLabelError(member)

    def step(self, node: plan.Node) -> int:
        """Give the number of ``node`` in the log, which no node of another attempt has."""
        number = self.steps.get(id(node))
        if number is None:
            number = self.steps[id(node)] = next(_NUMBERS)
        return number

    def measured(self, *, whole: bool = True) -> PlanRun:
        """Give what running the plan has cost so far.

        Args:
            whole: whether the plan was run to its end, as it is not for ASK.
        """
        return measure_run(
            self.rows,
            self.times,
            self.steps,
            self.log,
            whole=whole,
            reorderings=self.reorderings,
        )

    def fail(self, error: MemberError) -> None:
        """Note that a member failed.

        Raises:
            IncompleteAnswerError: the caller wants the whole answer or none.
        """
        if not self.allow_partial:
            asked = "" if error.query is None else f"\nIt was asked: {_shortened(error.query)}"
            raise IncompleteAnswerError(
                error.member,
                error.kind,
                f"{error}{asked}\nThe answer would not be complete. Ask again when "
                f"{error.member!r} is back, or allow a partial answer to get what the other "
                "members hold.",
                error.query,
            ) from error
        self.failures.setdefault(error.member, error)


def _shortened(query: str) -> str:
    """Give enough of a sub-query to know it by."""
    return query if len(query) <= _SHOWN else f"{query[:_SHOWN]} … ({len(query):,} characters)"
