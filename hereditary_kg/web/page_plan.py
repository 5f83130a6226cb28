"""The plan of an answer, as the page shows it: a picture, and the queries in it."""

from typing import Any

from hereditary_kg.planning.explanation import Explanation, PlanStep

__all__ = ["describe_plan"]


def describe_plan(plan: Explanation) -> dict[str, Any]:
    """Give a plan as plain values, ready for JSON.

    ``svg`` is the picture, ``queries`` what members were asked by the numbers in it, ``plan`` and
    ``totals`` are what ``hkg explain --analyze`` writes as JSON.
    """
    return {
        "svg": plan.to_svg(),
        "queries": [_describe_query(step) for step in plan.queries()],
        "plan": plan.to_dict(),
        "totals": plan.totals(),
    }


def _describe_query(step: PlanStep) -> dict[str, Any]:
    return {
        "number": step.number,
        "members": list(step.members),
        "text": step.query,
        "bound": step.cost is not None and step.cost.bound,
        "asked": not step.unasked,
    }
