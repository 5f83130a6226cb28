"""Rewriting rules, in the order in which they are applied.

A rule is a function from a pattern and its sources to a pattern with the same answer. After
each one two things are checked: the variables in scope are the same, and no member is asked
that was not asked before. Switching the rules off must never change an answer; the tests
run every query both ways.
"""

from collections.abc import Callable

from hereditary_kg.planning.errors import PlanningError
from hereditary_kg.planning.rules.filters import push_filters_down
from hereditary_kg.planning.rules.graphs import push_graphs_down
from hereditary_kg.planning.rules.optionals import push_conditions_into_optionals
from hereditary_kg.planning.rules.unanswerable import remove_unanswerable
from hereditary_kg.planning.sources import Sources, pattern_candidates
from hereditary_kg.sparql.algebra import Pattern, is_empty
from hereditary_kg.sparql.variables import scope_variables

__all__ = ["RULES", "Rule", "apply_rules"]

Rule = Callable[[Pattern, Sources], Pattern]

RULES: tuple[Rule, ...] = (
    remove_unanswerable,
    push_graphs_down,
    push_conditions_into_optionals,
    push_filters_down,
)


def apply_rules(pattern: Pattern, sources: Sources) -> Pattern:
    """Apply every rule once, in order.

    Raises:
        PlanningError: a rule broke one of the two invariants (an error of this software).
    """
    for rule in RULES:
        rewritten = rule(pattern, sources)
        lost = set(scope_variables(pattern)) ^ set(scope_variables(rewritten))
        added = pattern_candidates(rewritten, sources) - pattern_candidates(pattern, sources)
        # Where nothing can match, the variables vanish with the pattern that bound them.
        vanished = lost <= set(scope_variables(pattern)) and rule is remove_unanswerable
        if (lost and not vanished and not is_empty(rewritten)) or added:
            raise PlanningError(
                f"the rule {rule.__name__} changed the variables {sorted(map(str, lost))} or "
                f"added the members {sorted(added)}; please report this query"
            )
        pattern = rewritten
    return pattern
