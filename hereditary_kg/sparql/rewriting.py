"""Changing expressions wherever they stand in a pattern."""

from collections.abc import Callable
from dataclasses import replace

from hereditary_kg.sparql.algebra import (
    Aggregate,
    Call,
    Exists,
    Expression,
    Extend,
    Filter,
    FunctionCall,
    Group,
    LeftJoin,
    OrderBy,
    Pattern,
    children,
    with_children,
)

__all__ = ["replace_pattern", "rewrite_expression", "rewrite_expressions"]

Change = Callable[[Expression], Expression]


def rewrite_expressions(pattern: Pattern, change: Change) -> Pattern:
    """Apply ``change`` to every expression of ``pattern``, bottom up, inside EXISTS as well."""
    new = tuple(rewrite_expressions(child, change) for child in children(pattern))
    pattern = with_children(pattern, new)
    match pattern:
        case Filter(condition, inner):
            return Filter.of(rewrite_expression(condition, change), inner)
        case LeftJoin(left, right, condition) if condition is not None:
            return LeftJoin.of(left, right, rewrite_expression(condition, change))
        case Extend(_, _, expression):
            return replace(pattern, expression=rewrite_expression(expression, change))
        case OrderBy(_, keys):
            changed = (rewrite_expression(key.expression, change) for key in keys)
            ordered = zip(keys, changed, strict=True)
            return replace(pattern, keys=tuple(replace(k, expression=e) for k, e in ordered))
        case Group(_, _, aggregates):
            return replace(
                pattern,
                aggregates=tuple((v, _rewrite_aggregate(a, change)) for v, a in aggregates),
            )
        case _:
            return pattern


def rewrite_expression(expression: Expression, change: Change) -> Expression:
    """Apply ``change`` to the parts of ``expression``, then to itself."""
    match expression:
        case Call(_, arguments) | FunctionCall(_, arguments):
            new = tuple(rewrite_expression(argument, change) for argument in arguments)
            return change(replace(expression, arguments=new))
        case Exists(pattern, _):
            return change(replace(expression, pattern=rewrite_expressions(pattern, change)))
        case Aggregate():
            return change(_rewrite_aggregate(expression, change))
        case _:
            return change(expression)


def _rewrite_aggregate(aggregate: Aggregate, change: Change) -> Aggregate:
    if aggregate.argument is None:
        return aggregate
    return replace(aggregate, argument=rewrite_expression(aggregate.argument, change))


def replace_pattern(pattern: Pattern, old: Pattern, new: Pattern) -> Pattern:
    """Put ``new`` wherever ``old`` stands in ``pattern``, inside EXISTS as well."""
    if pattern == old:
        return new
    changed = tuple(replace_pattern(child, old, new) for child in children(pattern))
    pattern = with_children(pattern, changed)

    def inside(expression: Expression) -> Expression:
        if isinstance(expression, Exists):
            return replace(expression, pattern=replace_pattern(expression.pattern, old, new))
        return expression

    return rewrite_expressions(pattern, inside)
