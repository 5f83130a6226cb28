"""What running a plan has cost, by its nodes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from hereditary_kg.federation.request_log import RequestRecord
from hereditary_kg.planning import plan
from hereditary_kg.planning.explanation.record import Cost

__all__ = ["PlanRun", "Reordering", "measure_run", "sum_up"]


@dataclass(frozen=True)
class Reordering:
    """What was done where a join had far more or far fewer rows than expected.

    Attributes:
        node: the join that ran instead, its parts in another order.
        rows: the rows of its first parts.
        expected: how many were expected of them.
        at_least: whether there may have been more.
    """

    node: plan.Join
    rows: int
    expected: float
    at_least: bool = False


@dataclass(frozen=True)
class PlanRun:
    """What running a plan has cost; nodes are known by their identity.

    Attributes:
        rows: the rows that left each node.
        times: when the first and the last of them did, in seconds after the start.
        requests: the requests of each node.
        beside: the requests of none, such as probes.
        whole: whether it was run to its end.
        reorderings: the joins that ran in another order, the last one last.
    """

    rows: Mapping[int, int]
    times: Mapping[int, tuple[float, float]]
    requests: Mapping[int, tuple[RequestRecord, ...]]
    beside: tuple[RequestRecord, ...] = ()
    whole: bool = True
    reorderings: Mapping[int, tuple[Reordering, ...]] = field(default_factory=dict)

    @property
    def all_requests(self) -> tuple[RequestRecord, ...]:
        """All requests."""
        return (*self.beside, *(r for records in self.requests.values() for r in records))


def measure_run(
    rows: Mapping[int, int],
    times: Mapping[int, tuple[float, float]],
    numbers: Mapping[int, int],
    log: Iterable[RequestRecord],
    *,
    whole: bool = True,
    reorderings: Mapping[int, tuple[Reordering, ...]] | None = None,
) -> PlanRun:
    """Put together what running a plan has cost.

    Args:
        rows: the rows that left each node, by the node's identity.
        times: when the first and the last of them did.
        numbers: the number that each node has in the log.
        log: the requests.
        whole: whether the plan was run to its end.
        reorderings: the joins that ran in another order, by the node's identity.
    """
    nodes = {number: node for node, number in numbers.items()}
    requests: dict[int, list[RequestRecord]] = {}
    beside = []
    for record in log:
        node = None if record.step is None else nodes.get(record.step)
        if node is None:
            beside.append(record)
        else:
            requests.setdefault(node, []).append(record)
    by_node = {node: tuple(records) for node, records in requests.items()}
    changed = dict(reorderings or {})
    return PlanRun(dict(rows), dict(times), by_node, tuple(beside), whole, changed)


def sum_up(records: Iterable[RequestRecord]) -> Cost:
    """Add up what requests have cost; those that run at once take their time once."""
    records = tuple(records)
    return Cost(
        requests=sum(record.attempts for record in records),
        rows=sum(record.rows for record in records),
        bytes=sum(record.bytes for record in records),
        milliseconds=1000 * _covered((r.ended - r.seconds, r.ended) for r in records),
        failures=sum(record.error not in (None, "cancelled") for record in records),
        bound=any(record.purpose.startswith("bind") for record in records),
    )


def _covered(spans: Iterable[tuple[float, float]]) -> float:
    """Give the length of the union of time spans."""
    covered, reached = 0.0, float("-inf")
    for begin, end in sorted(spans):
        covered += max(0.0, end - max(begin, reached))
        reached = max(reached, end)
    return covered
