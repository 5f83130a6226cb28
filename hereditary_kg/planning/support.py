"""Which query forms this engine answers, checked before any member is asked."""

from hereditary_kg.rdf.terms import XSD
from hereditary_kg.sparql.algebra import (
    BGP,
    Aggregate,
    Call,
    Dataset,
    DescribeQuery,
    Expression,
    FunctionCall,
    Graph,
    Query,
    Service,
)
from hereditary_kg.sparql.errors import UnsupportedQueryError
from hereditary_kg.sparql.printing import triple_text
from hereditary_kg.sparql.variables import pattern_expressions, walk

__all__ = ["check_supported"]


def check_supported(query: Query) -> None:
    """Refuse by name what this engine would not answer exactly.

    Raises:
        UnsupportedQueryError: the query uses such a form.
    """
    if isinstance(query, DescribeQuery):
        raise UnsupportedQueryError(
            "DESCRIBE is not answered over a federation: write a CONSTRUCT that says which "
            "triples describe the resource"
        )
    if query.dataset != Dataset():
        raise UnsupportedQueryError(
            "FROM and FROM NAMED are not answered over a federation: its default graph is the "
            "merge of its members' default graphs"
        )
    for node in walk(query.pattern):
        if isinstance(node, Graph):
            raise UnsupportedQueryError("GRAPH is not answered over a federation")
        if isinstance(node, Service):
            raise UnsupportedQueryError(
                "SERVICE is not answered over a federation: leave it out, the members are found "
                "from their profiles"
            )
        if isinstance(node, BGP):
            for triple in node.triples:
                if triple.is_path:
                    raise UnsupportedQueryError(
                        "repeated (* + ?) and negated (!) property paths are not answered over a "
                        f"federation: {triple_text(triple)}"
                    )
        for expression in pattern_expressions(node):
            _check_functions(expression)


def _check_functions(expression: Expression) -> None:
    match expression:
        case FunctionCall(function, arguments):
            if not function.value.startswith(XSD):
                raise UnsupportedQueryError(
                    f"unknown function {function}: only the functions of SPARQL 1.1 and the XSD "
                    "casts mean the same at every member"
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
