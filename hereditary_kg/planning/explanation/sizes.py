"""How many rows steps at the mediator are expected to give, from the estimates of their inputs."""

from collections.abc import Iterator
from math import prod

from hereditary_kg.planning import plan
from hereditary_kg.planning.cardinality import Estimate, join_estimates
from hereditary_kg.planning.leaves import Leaf, joined_leaves
from hereditary_kg.planning.selectivity import kept_share
from hereditary_kg.planning.sources import Sources
from hereditary_kg.sparql.algebra import Variable, conjuncts

__all__ = ["expected_rows"]


def expected_rows(node: plan.Node, sources: Sources | None) -> float | None:
    """Give the rows that a step is expected to give.

    Args:
        node: the step.
        sources: whom the plan chose from; without them only estimates of the plan itself count.

    Returns:
        Their number; None where nothing is known, or the step says itself how many it gives.
    """
    match node:
        case plan.Fetch() | plan.Join():
            return node.estimate.rows
        case (
            plan.Filter()
            | plan.LeftJoin()
            | plan.Union()
            | plan.Minus()
            | plan.Group()
            | plan.Distinct()
        ) if sources is not None:
            estimate = _expected(node, sources)
            return None if estimate is None else estimate.rows
        case _:
            return None


def _expected(node: plan.Node, sources: Sources) -> Estimate | None:
    if isinstance(node, plan.Fetch | plan.Join):
        return node.estimate
    if isinstance(node, plan.InlineData):
        columns = {v: {row[i] for row in node.rows} for i, v in enumerate(node.variables)}
        return Estimate(float(len(node.rows)), {v: float(len(c) or 1) for v, c in columns.items()})
    below = [_expected(each, sources) for each in plan.inputs(node)]
    if isinstance(node, plan.Mark):
        return below[0]
    known = [each for each in below if each is not None]
    if not known or len(known) < len(below):
        return None
    return _combined(node, known, sources)


def _combined(node: plan.Node, below: list[Estimate], sources: Sources) -> Estimate | None:
    first = below[0]
    match node:
        case plan.LeftJoin():
            joined = join_estimates(below)
            return joined if joined.rows > first.rows else first
        case plan.Union():
            return Estimate(sum(each.rows for each in below), _added(below))
        case plan.Filter(inner, condition):
            leaves = tuple(_leaves(inner))
            return first.scaled(kept_share(conjuncts(condition), leaves, first.distinct, sources))
        case plan.Group(_, keys):
            return _different(first, keys) if keys else Estimate(1.0)
        case plan.Distinct():
            return _different(first, node.variables)
        case plan.Slice(_, offset, limit):
            rows = max(0.0, first.rows - offset)
            return first.scaled((rows if limit is None else min(rows, limit)) / max(first.rows, 1))
        case plan.Minus() | plan.Project() | plan.Extend() | plan.OrderBy():
            return first
        case _:
            return None


def _added(estimates: list[Estimate]) -> dict[Variable, float]:
    first, *others = (frozenset(each.distinct) for each in estimates)
    shared = first.intersection(*others)
    return {v: sum(each.distinct[v] for each in estimates) for v in sorted(shared, key=str)}


def _different(estimate: Estimate, variables: tuple[Variable, ...]) -> Estimate:
    """Estimate the different rows of some variables."""
    most = prod(estimate.distinct.get(variable, estimate.rows) for variable in variables)
    rows = min(most, estimate.rows)
    kept = {v: n for v, n in estimate.distinct.items() if v in variables}
    return Estimate(rows, {v: min(n, max(rows, 1.0)) for v, n in kept.items()})


def _leaves(node: plan.Node) -> Iterator[Leaf]:
    """Give what every row of a step matches."""
    match node:
        case plan.Fetch(pattern):
            yield from joined_leaves(pattern)
        case plan.Join(left, right):
            yield from _leaves(left)
            yield from _leaves(right)
        case plan.LeftJoin(left) | plan.Minus(left):
            yield from _leaves(left)
        case plan.Filter(inner) | plan.Extend(inner) | plan.Project(inner) | plan.Mark(inner):
            yield from _leaves(inner)
        case _:
            return
