"""What this engine refuses, checked before any member is asked."""

import difflib

from hereditary_kg.rdf.terms import XSD
from hereditary_kg.sparql.algebra import Aggregate, Call, Expression, FunctionCall, Query
from hereditary_kg.sparql.errors import UnsupportedQueryError
from hereditary_kg.sparql.variables import pattern_expressions, walk

__all__ = ["check_supported"]

_CASTS = tuple(
    XSD + name
    for name in ("boolean", "date", "dateTime", "decimal", "double", "float", "integer", "string")
)


def check_supported(query: Query) -> None:
    """Refuse by name what would not mean the same at every member.

    Raises:
        UnsupportedQueryError: the query calls a function that is not of SPARQL 1.1.
    """
    for node in walk(query.pattern):
        for expression in pattern_expressions(node):
            _check_functions(expression)


def _check_functions(expression: Expression) -> None:
    match expression:
        case FunctionCall(function, arguments):
            if not function.value.startswith(XSD):
                near = difflib.get_close_matches(function.value, _CASTS, n=1, cutoff=0.8)
                hint = f" Did you mean <{near[0]}>?" if near else ""
                raise UnsupportedQueryError(
                    f"unknown function {function}: only the functions of SPARQL 1.1 and the XSD "
                    f"casts mean the same at every member.{hint}"
                )
            for argument in arguments:
                _check_functions(argument)
        case Call(_, arguments):
            for argument in arguments:
                _check_functions(argument)
        case Aggregate(_, argument) if argument is not None:
            _check_functions(argument)
        case _:
            return
