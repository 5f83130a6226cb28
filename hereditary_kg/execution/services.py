"""Explicit SERVICE calls, to the endpoints that the federation's description allows.

Source: SPARQL 1.1 Federated Query, sections 2 to 4.
"""

from contextlib import aclosing

import polars as pl

from hereditary_kg.execution.context import ExecutionContext
from hereditary_kg.execution.errors import ExecutionError, MemoryLimitError
from hereditary_kg.execution.requests import ask_pattern
from hereditary_kg.execution.streams import Batches
from hereditary_kg.federation.errors import MemberError
from hereditary_kg.planning import plan
from hereditary_kg.rdf.solutions import restrict, unit_solution
from hereditary_kg.rdf.terms import IRI, parse_term
from hereditary_kg.sparql.algebra import Pattern, Values, Variable

__all__ = ["call_service", "inline_values"]


async def call_service(
    context: ExecutionContext,
    node: plan.ServiceCall,
    bindings: pl.DataFrame | None,
    endpoint: str | None = None,
) -> Batches:
    """Ask an endpoint for its pattern.

    Args:
        context: the running query.
        node: the call.
        bindings: rows that the answer will be joined with.
        endpoint: canonical text of the endpoint's IRI where the call names it by a variable.

    Raises:
        ExecutionError: the endpoint is not known, not allowed, or failed, and the call is not
            SILENT. A silent failure gives the one solution that binds nothing.
    """
    service = node.service
    names = [variable.name for variable in node.variables]
    try:
        member = _find(context, str(service.name) if endpoint is None else endpoint)
        asked = ask_pattern(context, member, service.pattern, bindings)
        async with aclosing(asked) as batches:
            async for batch in batches:
                if isinstance(service.name, Variable) and endpoint is not None:
                    named = pl.lit(endpoint).alias(service.name.name)
                    batch = batch.with_columns(named)  # noqa: PLW2901 - with its endpoint
                yield restrict(batch, names)
    except MemoryLimitError:
        raise
    except (MemberError, ExecutionError) as error:
        failure = f"SERVICE {endpoint or service.name}: {error}"
        if not service.silent:
            raise ExecutionError(failure) from error
        context.notes.append(f"{failure} (SILENT: the answer goes on without it)")
        yield restrict(unit_solution(), names)


def _find(context: ExecutionContext, text: str) -> str:
    term = parse_term(text) if text.startswith(("<", '"', "_:")) else None
    if not isinstance(term, IRI):
        raise ExecutionError(f"{text} names no endpoint: SERVICE needs an IRI")
    if term.value not in context.services:
        allowed = ", ".join(sorted(context.services)) or "none"
        raise ExecutionError(
            f"the endpoint is not on the federation's allow-list (allowed: {allowed}); add it to "
            "`allowed` under [services] in the federation description"
        )
    return term.value


def inline_values(frame: pl.DataFrame, variables: tuple[Variable, ...]) -> Pattern:
    """Give rows as inline data; blank nodes cannot be named there and are refused."""
    rows = tuple(
        tuple(None if cell is None else parse_term(cell) for cell in row) for row in frame.rows()
    )
    if any(text.startswith("_:") for row in frame.rows() for text in row if text is not None):
        raise ExecutionError(
            "SERVICE gave blank nodes inside a pattern that is evaluated as a whole; move it out "
            "of GRAPH, EXISTS or MINUS"
        )
    return Values(variables, rows if frame.width else ((),) * frame.height)
