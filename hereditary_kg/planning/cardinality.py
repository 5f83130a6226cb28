"""How many solutions a pattern will have: estimates from the members' profiles.

An estimate holds the expected rows and, for each variable, the expected distinct terms. Two
estimates join as attribute-value independence has it: the product of the rows, divided for
each shared variable by the larger number of distinct terms.

Source: Selinger et al., Access Path Selection in a Relational Database Management System,
SIGMOD 1979.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

from hereditary_kg.planning.leaves import GraphName, Leaf, graph_below, pattern_leaves
from hereditary_kg.planning.sources import MemberView, Sources
from hereditary_kg.rdf.terms import IRI, RDF_TYPE
from hereditary_kg.sites.characteristic_sets import star_cardinality
from hereditary_kg.sites.profile import Profile
from hereditary_kg.sparql.algebra import (
    BGP,
    Dataset,
    Filter,
    Group,
    Join,
    LeftJoin,
    Minus,
    Pattern,
    Service,
    Slice,
    Union,
    Values,
    Variable,
    conjuncts,
)

__all__ = [
    "FILTER_SELECTIVITY",
    "NOTHING",
    "Estimate",
    "certainly_empty",
    "estimate_leaf",
    "estimate_local",
    "estimate_pattern",
    "join_estimates",
]

# What is assumed of a member without a profile.
_UNKNOWN_ROWS = 10_000.0
_UNKNOWN_SELECTIVITY = 0.001
_TRIPLES_A_SUBJECT = 8.0
_UNKNOWN_GROUPS = 10.0
_UNKNOWN_DISTINCT = 50.0
_PATH_FACTOR = 3.0
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


NOTHING = Estimate(0.0)
"""The size of what is certainly empty."""


def estimate_leaf(leaf: Leaf, sources: Sources, members: Iterable[str] | None = None) -> Estimate:
    """Estimate the matches of ``leaf`` over all its candidates, or at these members alone."""
    triple = leaf.triple
    rows = subjects = objects = 0.0
    for name in sources.candidates[leaf] if members is None else members:
        own_rows, own_subjects, own_objects = _at_member(leaf, sources.members[name])
        rows += own_rows
        subjects += own_subjects
        objects += own_objects
    if triple.is_path:
        rows *= _PATH_FACTOR
    ends = {triple.subject: subjects, triple.object: objects}
    distinct = {
        variable: max(1.0, min(ends.get(variable, _UNKNOWN_DISTINCT), rows))
        for variable in leaf.variables
    }
    return Estimate(rows, distinct)


def _at_member(leaf: Leaf, member: MemberView) -> tuple[float, float, float]:
    """Estimate rows, distinct subjects and distinct objects at one member."""
    triple, profile = leaf.triple, member.profile
    if profile is None:
        rows = subjects = objects = _UNKNOWN_ROWS
    elif leaf.graph is not None:
        rows = float(sum(profile.graph_triples.values()))
        subjects = objects = max(1.0, rows / _TRIPLES_A_SUBJECT)
    else:
        rows, subjects, objects = _in_default_graph(leaf, profile)
    if not isinstance(triple.subject, Variable):
        rows = rows * _UNKNOWN_SELECTIVITY if profile is None else rows / max(subjects, 1.0)
        subjects = 1.0
    if not isinstance(triple.object, Variable):
        rows = rows * _UNKNOWN_SELECTIVITY if profile is None else rows / max(objects, 1.0)
        objects = 1.0
    return rows, min(subjects, rows), min(objects, rows)


def _in_default_graph(leaf: Leaf, profile: Profile) -> tuple[float, float, float]:
    predicates = leaf.predicates
    if predicates is None:
        rows = float(profile.triples)
        return rows, max(1.0, rows / _TRIPLES_A_SUBJECT), max(1.0, rows / _TRIPLES_A_SUBJECT)
    target = leaf.triple.object
    if predicates == (IRI(RDF_TYPE),) and isinstance(target, IRI) and not leaf.triple.is_path:
        instances = float(profile.classes.get(target.value, 0))
        return instances, instances, 1.0
    known = [profile.predicates[p.value] for p in predicates if p.value in profile.predicates]
    return (
        float(sum(predicate.triples for predicate in known)),
        float(sum(predicate.subjects for predicate in known)),
        float(sum(predicate.objects for predicate in known)),
    )


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


def estimate_local(leaves: Sequence[Leaf], members: Iterable[str], sources: Sources) -> Estimate:
    """Estimate the join of leaves that never crosses members."""
    return _sum(_estimate_at(leaves, name, sources) for name in members)


def certainly_empty(leaves: Sequence[Leaf], name: str, sources: Sources) -> bool:
    """Whether no subject at a member has all the predicates that one is asked to have there."""
    return any(_estimate_star(star, name, sources) == NOTHING for star in _stars(leaves))


def _estimate_at(leaves: Sequence[Leaf], name: str, sources: Sources) -> Estimate:
    """Estimate the join of leaves at one member, stars by their characteristic sets."""
    parts: list[Estimate] = []
    for star in _stars(leaves):
        known = _estimate_star(star, name, sources)
        if known is None:
            parts.extend(estimate_leaf(leaf, sources, (name,)) for leaf in star)
        else:
            parts.append(known)
    return join_estimates(parts)


def _stars(leaves: Sequence[Leaf]) -> Iterable[list[Leaf]]:
    """Group leaves by their subjects."""
    stars: dict[object, list[Leaf]] = {}
    for leaf in leaves:
        stars.setdefault(leaf.triple.subject, []).append(leaf)
    return stars.values()


def _estimate_star(star: Sequence[Leaf], name: str, sources: Sources) -> Estimate | None:
    """Estimate triple patterns with one subject; None where the profile says nothing of them."""
    subject, profile = star[0].triple.subject, sources.members[name].profile
    if len(star) < 2 or not isinstance(subject, Variable) or sources.dataset != Dataset():
        return None
    if profile is None or not profile.characteristic_sets:
        return None
    predicates: list[str] = []
    classes: list[str] = []
    constants: dict[str, str] = {}
    objects: dict[Variable, float] = {}
    for leaf in star:
        predicate, target = leaf.triple.predicate, leaf.triple.object
        if not isinstance(predicate, IRI) or leaf.graph is not None:
            return None
        known = profile.predicates.get(predicate.value)
        if known is None:
            return NOTHING
        if predicate.value == RDF_TYPE and isinstance(target, IRI):
            classes.append(target.value)
            continue
        predicates.append(predicate.value)
        if isinstance(target, Variable):
            objects[target] = float(known.objects)
        else:
            constants[predicate.value] = target.text
    rows, subjects = star_cardinality(profile, predicates, constants, classes)
    if not rows:
        return NOTHING
    distinct = {subject: subjects, **objects}
    return Estimate(rows, {v: max(1.0, min(n, rows)) for v, n in distinct.items()})


def estimate_pattern(pattern: Pattern, sources: Sources, graph: GraphName = None) -> Estimate:
    """Estimate the solutions of ``pattern`` over all the candidates of its leaves."""

    def estimate(inner: Pattern) -> Estimate:
        return estimate_pattern(inner, sources, graph_below(pattern, graph))

    match pattern:
        case BGP():
            leaves = pattern_leaves(pattern, graph)
            return join_estimates(estimate_leaf(leaf, sources) for leaf in leaves)
        case Service():
            return Estimate(_UNKNOWN_ROWS)
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
