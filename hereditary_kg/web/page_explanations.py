"""The plan of an answer and why it is empty, as the page shows them."""

from collections.abc import Mapping
from typing import Any

from hereditary_kg.execution.losses import Diagnosis
from hereditary_kg.planning.explanation import (
    Explanation,
    MembersQuery,
    PlanStep,
    shorten_terms,
)

__all__ = ["describe_diagnosis", "describe_plan"]


def describe_diagnosis(diagnosis: Diagnosis, prefixes: Mapping[str, str]) -> dict[str, Any]:
    """Give a diagnosis as plain values, ready for JSON, its IRIs short as on the page."""
    return {
        **diagnosis.to_dict(lambda text: shorten_terms(text, prefixes)),
        "cautions": list(diagnosis.cautions),
        "effort": diagnosis.effort,
    }


def describe_plan(plan: Explanation) -> dict[str, Any]:
    """Give a plan as plain values, ready for JSON.

    ``svg`` is the picture, ``queries`` what members were asked by the numbers in it, ``plan`` and
    ``totals`` are what ``hkg explain --analyze`` writes as JSON.
    """
    return {
        "svg": plan.to_svg(),
        "queries": [
            _describe_query(step, query) for step in plan.queries() for query in step.queries
        ],
        "plan": plan.to_dict(),
        "totals": plan.totals(),
    }


def _describe_query(step: PlanStep, query: MembersQuery) -> dict[str, Any]:
    return {
        "number": step.number,
        "members": list(query.members),
        "text": query.text,
        "bound": step.cost is not None and step.cost.bound,
        "asked": not step.unasked,
    }
