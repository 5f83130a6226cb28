"""Which share of the rows filters keep.

Comparisons with numbers and dates are held against the ranges in the profiles, as if values lay
evenly between both ends; equality keeps one of the distinct terms. What is guessed is not taken
for independent: of several guesses the second counts by its square root, the third by the fourth
root, and so on.

Source: Selinger et al., Access Path Selection in a Relational Database Management System, SIGMOD
1979, table 1; the roots are those of SQL Server since 2014 (exponential backoff).
"""

from collections.abc import Iterable, Mapping, Sequence
from math import inf, prod

from hereditary_kg.planning.leaves import Leaf
from hereditary_kg.planning.sources import Sources
from hereditary_kg.planning.value_ranges import Comparison, Span, comparisons, known_span
from hereditary_kg.rdf.terms import IRI
from hereditary_kg.sites.profile import PredicateProfile
from hereditary_kg.sparql.algebra import Call, Expression, Variable

__all__ = ["FILTER_SELECTIVITY", "kept_share"]

FILTER_SELECTIVITY = 0.3
"""What a condition keeps of which nothing is known."""

_TEXT_SELECTIVITY = 0.1
_TEXT_SEARCHES = frozenset(("REGEX", "CONTAINS", "STRSTARTS", "STRENDS"))
_BOUNDS = frozenset(("<", "<=", ">", ">="))


def kept_share(
    conditions: Iterable[Expression],
    leaves: Sequence[Leaf],
    distinct: Mapping[Variable, float],
    sources: Sources,
    members: Sequence[str] | None = None,
) -> float:
    """Estimate which share of the rows meets all of some conditions.

    Args:
        conditions: what rows have to meet.
        leaves: what every row matches.
        distinct: expected distinct terms of the rows' variables.
        sources: the candidates of the leaves.
        members: who is asked; None for all candidates.

    Returns:
        A number between 0 and 1.
    """
    bounds: dict[Variable, list[Comparison]] = {}
    known: list[float] = []
    guesses: list[float] = []
    for condition in conditions:
        found = comparisons(condition)
        if found is not None and found[0].operator in _BOUNDS:
            bounds.setdefault(found[0].variable, []).append(found[0])
        else:
            share = _equal_share(condition, distinct)
            if share is None:
                guesses.append(_guess(condition, distinct))
            else:
                known.append(share)
    for variable, several in bounds.items():
        held = list(_objects(variable, leaves, sources, members))
        shares = [(each.triples, _share_between(several, each)) for each in held]
        told = [(weight, share) for weight, share in shares if share is not None]
        if told:
            total = sum(weight for weight, _ in told)
            known.append(sum(weight * share for weight, share in told) / max(total, 1))
        else:
            guesses.extend(FILTER_SELECTIVITY for _ in several)
    backed_off = (pow(guess, 0.5**place) for place, guess in enumerate(sorted(guesses)))
    return prod(known) * float(prod(backed_off))


def _objects(
    variable: Variable, leaves: Sequence[Leaf], sources: Sources, members: Sequence[str] | None
) -> Iterable[PredicateProfile]:
    """Give what is known, member by member, of a predicate that a variable is the object of."""
    for leaf in leaves:
        predicate = leaf.triple.predicate
        if leaf.triple.object != variable or not isinstance(predicate, IRI) or leaf.graph:
            continue
        for name in sources.candidates[leaf] if members is None else members:
            profile = sources.members[name].profile
            known = None if profile is None else profile.predicate(predicate.value)
            if known is not None:
                yield known
        return


def _share_between(bounds: Sequence[Comparison], known: PredicateProfile) -> float | None:
    """Give the share of a predicate's values that meet all bounds; None where it is not known."""
    dates = bounds[0].constant.dates
    held = known_span(known, dates=dates)
    if held is None:
        return None
    wanted = held
    for bound in bounds:
        if bound.constant.dates != dates:
            return 0.0
        wanted = wanted.meet(bound.admitted)
    if held.is_empty or wanted.is_empty:
        return 0.0
    return min(1.0, max(_width(wanted) / _width(held), 1 / max(known.objects, 1)))


def _width(span: Span) -> float:
    return max(span.high - span.low, 1e-300)


def _equal_share(condition: Expression, distinct: Mapping[Variable, float]) -> float | None:
    """Give the share that an equality keeps, or its opposite; None of other conditions."""
    match condition:
        case Call("=" | "!=" as operator, compared):
            choices = 1
        case Call("IN", (first, *others)):
            operator, compared, choices = "=", (first,), len(others)
        case _:
            return None
    counts = [distinct.get(each, 0.0) for each in compared if isinstance(each, Variable)]
    most = max(counts, default=0.0)
    if most <= 0.0 or most == inf:
        return None
    share = min(1.0, choices / max(most, 1.0))
    return share if operator == "=" else 1 - share if most > 1 else None


def _guess(condition: Expression, distinct: Mapping[Variable, float]) -> float:
    match condition:
        case Call("||", parts):
            return 1 - prod(1 - _guess(part, distinct) for part in parts)
        case Call("&&", parts):
            return prod(_guess(part, distinct) for part in parts)
        case Call(name) if name in _TEXT_SEARCHES:
            return _TEXT_SELECTIVITY
    share = _equal_share(condition, distinct)
    return FILTER_SELECTIVITY if share is None else share
