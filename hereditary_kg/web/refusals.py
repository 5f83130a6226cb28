"""What a failed query is answered with: an HTTP status and a text for the asker."""

import logging
import traceback

from hereditary_kg.execution.errors import (
    ExecutionError,
    IncompleteAnswerError,
    MemoryLimitError,
    QueryTimeoutError,
)
from hereditary_kg.federation.errors import FederationError, StaleProfileError
from hereditary_kg.rdf.errors import GraphError, ResultError
from hereditary_kg.semantics.errors import SemanticsError
from hereditary_kg.sites.protocol import ServiceError
from hereditary_kg.sparql.errors import SparqlError

__all__ = ["refuse"]

_log = logging.getLogger("hereditary_kg.service")


def refuse(error: Exception) -> ServiceError:
    """Turn what the engine raises into a refusal.

    =====  ==========================================================================
    400    the query is no SPARQL 1.1 (a caret stands under the place), or calls a service
           that the federation does not allow, or asks for a code that nobody knows
    406    the format that was asked for cannot hold a term of the answer
    502    a member failed, or a service that the query calls; the text names it
    503    the query needs more memory than it may have; the text names the step, and has
           the plan
    503    a member's data keep changing while they are read; with Retry-After
    504    the time ran out, the query's or a member's; the text names the member
    500    anything else; the details are in the operator's log alone
    =====  ==========================================================================
    """
    match error:
        case ServiceError():
            return error
        case SparqlError() | SemanticsError():
            return ServiceError(400, str(error))
        case IncompleteAnswerError(kind=kind):
            hint = "\nWith the parameter allow-partial=true you get what the other members hold."
            return ServiceError(504 if kind == "timeout" else 502, str(error) + hint)
        case MemoryLimitError():
            return ServiceError(503, str(error))
        case QueryTimeoutError():
            return ServiceError(504, str(error))
        case StaleProfileError():
            return ServiceError(503, str(error), {"Retry-After": "1"})
        case FederationError():
            return ServiceError(502, str(error))
        case ExecutionError():
            failed_elsewhere = isinstance(error.__cause__, FederationError)
            return ServiceError(502 if failed_elsewhere else 400, str(error))
        case ResultError() | GraphError():
            return ServiceError(406, str(error))
        case _:
            # Where it failed, and never the message, which may hold data.
            place = "".join(traceback.format_tb(error.__traceback__))
            _log.error("%s in the mediator:\n%s", type(error).__name__, place)
            return ServiceError(
                500, f"The mediator failed ({type(error).__name__}); its operator's log has more."
            )
