"""Which variables a pattern can bind, always binds, and mentions.

Source: SPARQL 1.1 Query Language, section 18.2.1 (variable scope).
"""

from collections.abc import Iterable, Iterator

from hereditary_kg.sparql.algebra import (
    BGP,
    Aggregate,
    Call,
    Distinct,
    Exists,
    Expression,
    Extend,
    Filter,
    FunctionCall,
    Graph,
    Group,
    Join,
    LeftJoin,
    Minus,
    OrderBy,
    Pattern,
    Project,
    Reduced,
    Service,
    Slice,
    TriplePattern,
    Union,
    Values,
    Variable,
    children,
)

__all__ = [
    "certain_variables",
    "expression_patterns",
    "expression_variables",
    "mentioned_variables",
    "pattern_expressions",
    "scope_variables",
    "triple_variables",
    "walk",
]


def triple_variables(triple: TriplePattern) -> tuple[Variable, ...]:
    """Give the variables of one triple pattern, each once, in order."""
    ends = (triple.subject, triple.predicate, triple.object)
    return tuple(dict.fromkeys(end for end in ends if isinstance(end, Variable)))


def scope_variables(pattern: Pattern) -> tuple[Variable, ...]:
    """Give the variables in scope: those a solution of ``pattern`` may bind."""
    return tuple(dict.fromkeys(_scope(pattern)))


def _scope(pattern: Pattern) -> Iterator[Variable]:
    match pattern:
        case BGP(triples):
            for triple in triples:
                yield from triple_variables(triple)
        case Values(variables, _) | Project(_, variables):
            yield from variables
        case Minus(left, _):
            yield from _scope(left)
        case Extend(inner, variable, _):
            yield from _scope(inner)
            yield variable
        case Group(_, keys, aggregates):
            yield from keys
            yield from (variable for variable, _ in aggregates)
        case Graph(name, inner) | Service(name, inner, _):
            yield from _scope(inner)
            if isinstance(name, Variable):
                yield name
        case _:
            for child in children(pattern):
                yield from _scope(child)


def certain_variables(pattern: Pattern) -> frozenset[Variable]:
    """Give the variables that every solution of ``pattern`` binds.

    A lower bound: a variable that is left out may still always be bound.
    """
    match pattern:
        case BGP():
            return frozenset(_scope(pattern))
        case Values(variables, rows):
            bound = (i for i in range(len(variables)) if all(row[i] is not None for row in rows))
            return frozenset(variables[i] for i in bound)
        case Join(parts):
            return frozenset().union(*map(certain_variables, parts))
        case LeftJoin(left, _) | Minus(left, _):
            return certain_variables(left)
        case Union(branches):
            first, *others = map(certain_variables, branches)
            return first.intersection(*others)
        case Extend(inner, _, _):
            return certain_variables(inner)
        case Graph(name, inner):
            own = {name} if isinstance(name, Variable) else set()
            return certain_variables(inner) | own
        case Service(_, inner, silent):
            return frozenset() if silent else certain_variables(inner)
        case Group(inner, keys, _):
            return certain_variables(inner) & frozenset(keys)
        case Project(inner, variables):
            return certain_variables(inner) & frozenset(variables)
        case Filter(_, inner) | Distinct(inner) | Reduced(inner) | OrderBy(inner) | Slice(inner):
            return certain_variables(inner)


def expression_variables(
    expression: Expression, *, into_exists: bool = True
) -> frozenset[Variable]:
    """Give the variables an expression reads.

    Args:
        expression: the expression.
        into_exists: whether the variables of patterns inside EXISTS belong to them.
    """
    match expression:
        case Variable():
            return frozenset((expression,))
        case Call(_, arguments) | FunctionCall(_, arguments):
            return frozenset().union(
                *(expression_variables(part, into_exists=into_exists) for part in arguments)
            )
        case Exists(pattern):
            return mentioned_variables(pattern) if into_exists else frozenset()
        case Aggregate(_, argument) if argument is not None:
            return expression_variables(argument, into_exists=into_exists)
        case _:
            return frozenset()


def pattern_expressions(pattern: Pattern) -> tuple[Expression, ...]:
    """Give the expressions that stand directly in ``pattern``."""
    match pattern:
        case Filter(condition, _):
            return (condition,)
        case LeftJoin(_, _, condition):
            return () if condition is None else (condition,)
        case Extend(_, _, expression):
            return (expression,)
        case OrderBy(_, keys):
            return tuple(key.expression for key in keys)
        case Group(_, _, aggregates):
            return tuple(aggregate for _, aggregate in aggregates)
        case _:
            return ()


def expression_patterns(expression: Expression) -> Iterator[Pattern]:
    """Yield the patterns of every EXISTS inside ``expression``."""
    match expression:
        case Exists(pattern):
            yield pattern
        case Call(_, arguments) | FunctionCall(_, arguments):
            for argument in arguments:
                yield from expression_patterns(argument)
        case Aggregate(_, argument) if argument is not None:
            yield from expression_patterns(argument)
        case _:
            return


def walk(pattern: Pattern, *, into_exists: bool = True) -> Iterator[Pattern]:
    """Yield ``pattern`` and every pattern below it, top down."""
    yield pattern
    for child in children(pattern):
        yield from walk(child, into_exists=into_exists)
    if into_exists:
        for expression in pattern_expressions(pattern):
            for inner in expression_patterns(expression):
                yield from walk(inner)


def mentioned_variables(pattern: Pattern) -> frozenset[Variable]:
    """Give every variable that stands anywhere in ``pattern``, in scope or not."""
    found: set[Variable] = set()
    for node in walk(pattern):
        found.update(_own_variables(node))
        for expression in pattern_expressions(node):
            found |= expression_variables(expression)
    return frozenset(found)


def _own_variables(node: Pattern) -> Iterable[Variable]:
    match node:
        case BGP() | Values() | Project() | Group():
            return _scope(node)
        case Extend(_, variable, _):
            return (variable,)
        case Graph(name, _) | Service(name, _, _):
            return (name,) if isinstance(name, Variable) else ()
        case _:
            return ()
