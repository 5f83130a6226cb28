"""Chains of joins that can be put in another order while they run."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from hereditary_kg.planning import plan
from hereditary_kg.planning.cardinality import Estimate, join_estimates
from hereditary_kg.planning.join_order import join_order
from hereditary_kg.planning.members import MemberView
from hereditary_kg.planning.units import Unit
from hereditary_kg.sparql.algebra import Variable

__all__ = ["JoinChain"]


@dataclass(frozen=True)
class JoinChain:
    """What is joined one after the other, and what the planner knows of it.

    Attributes:
        parts: what is joined, in this order, and the plan of each part.
        members: who is asked for them.
    """

    parts: tuple[tuple[Unit, plan.Node], ...]
    members: Mapping[str, MemberView]

    def joins(self, top: plan.Join) -> list[plan.Join]:
        """Give the joins of the first two parts, of the first three, and so on.

        Args:
            top: the join of all parts.
        """
        found = [top]
        while len(found) < len(self.parts) - 1 and isinstance(found[0].left, plan.Join):
            found.insert(0, found[0].left)
        return found

    def expected(self, top: plan.Join, count: int) -> float:
        """Give how many rows were expected of the first ``count`` parts together."""
        if count == 1:
            return self.parts[0][0].estimate.rows
        return self.joins(top)[count - 2].estimate.rows

    def reordered(
        self, top: plan.Join, count: int, rows: float, distinct: Mapping[Variable, float]
    ) -> "tuple[plan.Join, JoinChain] | None":
        """Put the parts that are not joined yet in the order that is cheapest now.

        Args:
            top: the join of all parts.
            count: how many are joined already.
            rows: how many rows these have together.
            distinct: and how many different terms each variable takes in them.

        Returns:
            The join of all parts in the new order, and their chain; None where the order is
            the old one.
        """
        plans = {id(unit): (unit, node) for unit, node in self.parts}
        rest = [unit for unit, _ in self.parts[count:]]
        estimate = Estimate(rows, distinct)
        order = join_order(rest, estimate, self.members)
        if list(map(id, order)) == list(map(id, rest)):
            return None
        following = [plans[id(unit)] for unit in order]
        chain = JoinChain((*self.parts[:count], *following), self.members)
        made, left = top, self.joins(top)[count - 1].left
        for unit, right in following:
            estimate = join_estimates((estimate, unit.estimate))
            left = made = plan.Join(left, right, estimate, top.wanted)
        return replace(made, chain=chain), chain
