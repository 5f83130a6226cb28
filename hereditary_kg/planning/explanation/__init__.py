"""A plan for people: one neutral record, and text, JSON, Mermaid and SVG made from it."""

from hereditary_kg.planning.explanation.description import explain_plan
from hereditary_kg.planning.explanation.measurement import PlanRun, Reordering, measure_run
from hereditary_kg.planning.explanation.record import (
    Cost,
    Explanation,
    MembersQuery,
    PlanStep,
    Reason,
    q_error,
)
from hereditary_kg.planning.explanation.selection import LeafSelection, describe_sources
from hereditary_kg.planning.explanation.short_terms import shorten_terms
from hereditary_kg.planning.explanation.svg_style import PLAN_STYLE
from hereditary_kg.planning.explanation.wording import write_excluded, write_members

__all__ = [
    "PLAN_STYLE",
    "Cost",
    "Explanation",
    "LeafSelection",
    "MembersQuery",
    "PlanRun",
    "PlanStep",
    "Reason",
    "Reordering",
    "describe_sources",
    "explain_plan",
    "measure_run",
    "q_error",
    "shorten_terms",
    "write_excluded",
    "write_members",
]
