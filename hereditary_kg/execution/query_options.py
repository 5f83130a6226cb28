"""How a query is to be answered: the keyword arguments of every face of the engine."""

from typing import TypedDict

from hereditary_kg.execution.memory import DEFAULT_MEMORY_LIMIT
from hereditary_kg.sparql.algebra import Dataset

__all__ = ["DEFAULT_TIMEOUT", "QueryOptions", "complete_options"]

DEFAULT_TIMEOUT = 60.0
"""Seconds that a query may take unless the caller says otherwise."""


class QueryOptions(TypedDict, total=False):
    """How a query is to be answered.

    Attributes:
        timeout: seconds for the whole query, None for no limit; 60 unless it is said.
        allow_partial: leave out members that fail, and say so in the certificate.
        optimise: False for the plainest plan: every pattern asked of every member.
        dataset: the graphs to ask, in place of the query's own FROM and FROM NAMED.
        base: what relative IRIs are relative to where the query has no BASE.
        memory_limit: bytes that the query may hold at the mediator, None for no limit.
    """

    timeout: float | None
    allow_partial: bool
    optimise: bool
    dataset: Dataset | None
    base: str | None
    memory_limit: int | None


def complete_options(options: QueryOptions) -> QueryOptions:
    """Fill in what the caller left out.

    Raises:
        TypeError: there is an option of another name.
    """
    defaults = QueryOptions(
        timeout=DEFAULT_TIMEOUT,
        allow_partial=False,
        optimise=True,
        dataset=None,
        base=None,
        memory_limit=DEFAULT_MEMORY_LIMIT,
    )
    unknown = options.keys() - defaults.keys()
    if unknown:
        raise TypeError(f"no option of a query: {', '.join(sorted(unknown))}")
    return {**defaults, **options}
