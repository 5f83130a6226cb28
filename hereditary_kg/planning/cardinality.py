"""How many solutions a pattern will have: estimates from the members' profiles.

An estimate holds the expected rows and, for each variable, the expected distinct terms. Two
estimates join as attribute-value independence has it: the product of the rows, divided for
each shared variable by the larger number of distinct terms.

Source: Selinger et al., Access Path Selection in a Relational Database Management System,
SIGMOD 1979.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import prod

from hereditary_kg.planning.sources import MemberView, Sources
from hereditary_kg.rdf.terms import IRI, RDF_TYPE
from hereditary_kg.sparql.algebra import (
    BGP,
    Filter,
    Group,
    Join,
    LeftJoin,
    Minus,
    Pattern,
    Slice,
    TriplePattern,
    Union,
    Values,
    Variable,
    conjuncts,
)
from hereditary_kg.sparql.variables import triple_variables

__all__ = [
    "FILTER_SELECTIVITY",
    "Estimate",
    "estimate_pattern",
    "estimate_triple",
    "join_estimates",
]

# What is assumed of a member without a profile.
_UNKNOWN_ROWS = 10_000.0
_UNKNOWN_SELECTIVITY = 0.001
_TRIPLES_A_SUBJECT = 8.0
_UNKNOWN_GROUPS = 10.0
FILTER_SELECTIVITY = 0.3


@dataclass(frozen=True)
class Estimate:
    """Expected rows, and expected distinct terms of each variable."""

    rows: float
    distinct: Mapping[Variable, float] = field(default_factory=dict)

    def scaled(self, factor: float) -> "Estimate":
        """Give the estimate after something kept ``factor`` of the rows."""
        rows = self.rows * factor
        return Estimate(rows, {v: max(1.0, min(n, rows)) for v, n in self.distinct.items()})


def estimate_triple(triple: TriplePattern, sources: Sources) -> Estimate:
    """Estimate the matches of ``triple`` over all its candidates."""
    rows = 0.0
    subjects = 0.0
    objects = 0.0
    for name in sources.candidates[triple]:
        own_rows, own_subjects, own_objects = _at_member(triple, sources.members[name])
        rows += own_rows
        subjects += own_subjects
        objects += own_objects
    ends = {triple.subject: subjects, triple.object: objects}
    distinct = {
        variable: max(1.0, min(ends.get(variable, 50.0), rows))
        for variable in triple_variables(triple)
    }
    return Estimate(rows, distinct)


def _at_member(triple: TriplePattern, member: MemberView) -> tuple[float, float, float]:
    """Estimate rows, distinct subjects and distinct objects at one member."""
    profile = member.profile
    predicate = triple.predicate
    if profile is None:
        rows = subjects = objects = _UNKNOWN_ROWS
    elif not isinstance(predicate, IRI):
        rows = float(profile.triples)
        subjects = objects = max(1.0, rows / _TRIPLES_A_SUBJECT)
    else:
        known = profile.predicates.get(predicate.value)
        if known is None:
            return 0.0, 0.0, 0.0
        rows, subjects, objects = float(known.triples), float(known.subjects), float(known.objects)
        if predicate.value == RDF_TYPE and isinstance(triple.object, IRI):
            rows = subjects = float(profile.classes.get(triple.object.value, 0))
            objects = 1.0
    if not isinstance(triple.subject, Variable):
        rows = rows * _UNKNOWN_SELECTIVITY if profile is None else rows / max(subjects, 1.0)
        subjects = 1.0
    if not isinstance(triple.object, Variable):
        rows = rows * _UNKNOWN_SELECTIVITY if profile is None else rows / max(objects, 1.0)
        objects = 1.0
    return rows, min(subjects, rows), min(objects, rows)


def join_estimates(estimates: Iterable[Estimate]) -> Estimate:
    """Estimate the join of independent parts."""
    rows = 1.0
    distinct: dict[Variable, float] = {}
    for part in estimates:
        rows *= part.rows
        for variable, count in part.distinct.items():
            if variable in distinct:
                rows /= max(distinct[variable], count, 1.0)
                distinct[variable] = min(distinct[variable], count)
            else:
                distinct[variable] = count
    return Estimate(rows, {v: max(1.0, min(n, rows)) for v, n in distinct.items()})


def estimate_pattern(pattern: Pattern, sources: Sources) -> Estimate:
    """Estimate the solutions of ``pattern`` over all the candidates of its triples."""

    def estimate(inner: Pattern) -> Estimate:
        return estimate_pattern(inner, sources)

    match pattern:
        case BGP(triples):
            return join_estimates(estimate_triple(triple, sources) for triple in triples)
        case Values(variables, rows):
            columns = {v: {row[i] for row in rows} for i, v in enumerate(variables)}
            return Estimate(
                float(len(rows)), {v: float(len(terms) or 1) for v, terms in columns.items()}
            )
        case Join(parts):
            return join_estimates(map(estimate, parts))
        case Union(branches):
            return _sum(map(estimate, branches))
        case Filter(condition, inner):
            conditions = len(tuple(conjuncts(condition)))
            return estimate(inner).scaled(FILTER_SELECTIVITY**conditions)
        case LeftJoin(left, _) | Minus(left, _):
            return estimate(left)
        case Slice(inner, _, limit):
            whole = estimate(inner)
            cut = limit is not None and whole.rows > limit
            return whole.scaled((limit or 0) / whole.rows) if cut else whole
        case Group(inner, keys):
            whole = estimate(inner)
            groups = prod(whole.distinct.get(key, _UNKNOWN_GROUPS) for key in keys)
            count = min(groups, max(whole.rows, 1.0))
            return Estimate(count, dict.fromkeys(keys, count))
        case _:
            return estimate(pattern.pattern)


def _sum(estimates: Iterable[Estimate]) -> Estimate:
    rows = 0.0
    distinct: dict[Variable, float] = {}
    for part in estimates:
        rows += part.rows
        for variable, number in part.distinct.items():
            distinct[variable] = distinct.get(variable, 0.0) + number
    return Estimate(rows, distinct)
