"""When EXISTS can be answered by a join.

``EXISTS { P }`` puts the terms of the row at hand into ``P`` before it evaluates ``P``
(section 18.6, substitute). For most patterns that is the same as evaluating ``P`` once and
looking for a compatible solution. It is not where a variable of the row is read in a place
that ``P`` itself does not bind: a filter over an outer variable, the right side of MINUS, an
optional part, a sub-select.
"""

from collections.abc import Set as AbstractSet

from hereditary_kg.sparql.algebra import (
    BGP,
    Distinct,
    Extend,
    Filter,
    Join,
    LeftJoin,
    Pattern,
    Project,
    Reduced,
    Union,
    Values,
    Variable,
    children,
)
from hereditary_kg.sparql.variables import (
    certain_variables,
    expression_patterns,
    expression_variables,
    mentioned_variables,
    scope_variables,
)

__all__ = ["is_uncorrelated"]


def is_uncorrelated(pattern: Pattern, outer: AbstractSet[Variable]) -> bool:
    """Whether compatibility with a solution of ``pattern`` means the same as EXISTS.

    Args:
        pattern: the pattern of EXISTS.
        outer: the variables that rows may bind.
    """
    match pattern:
        case BGP() | Values():
            return True
        case Join() | Union() | Distinct() | Reduced():
            return all(is_uncorrelated(child, outer) for child in children(pattern))
        case Filter(condition, inner):
            read = expression_variables(condition) & outer
            nested = any(expression_patterns(condition))
            return not nested and read <= certain_variables(inner) and is_uncorrelated(inner, outer)
        case LeftJoin(left, right, condition):
            read = mentioned_variables(right)
            if condition is not None:
                if any(expression_patterns(condition)):
                    return False
                read |= expression_variables(condition)
            safe = read & outer <= certain_variables(left)
            return safe and is_uncorrelated(left, outer) and is_uncorrelated(right, outer)
        case Extend(inner, variable, expression):
            read = expression_variables(expression) & outer
            if variable in outer or any(expression_patterns(expression)):
                return False
            return read <= certain_variables(inner) and is_uncorrelated(inner, outer)
        case Project(inner, variables):
            hidden = (mentioned_variables(inner) - set(variables)) & outer
            visible = set(variables) <= set(scope_variables(inner))
            return not hidden and visible and is_uncorrelated(inner, outer)
        case _:
            return not mentioned_variables(pattern) & outer
