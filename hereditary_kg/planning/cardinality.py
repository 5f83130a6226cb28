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
from typing import TypeAlias

from hereditary_kg.planning.leaves import (
    GraphName,
    Leaf,
    graph_below,
    joined_leaves,
    leaf_shape,
    pattern_leaves,
)
from hereditary_kg.planning.members import Members, MemberView, remembered_by_member
from hereditary_kg.planning.overlaps import NO_OVERLAP, Overlap, overlap_of
from hereditary_kg.planning.selectivity import FILTER_SELECTIVITY, kept_share
from hereditary_kg.planning.sources import Sources
from hereditary_kg.planning.stars import (
    Star,
    StarPattern,
    group_by_subject,
    link_factor,
    read_stars,
)
from hereditary_kg.rdf.terms import IRI, RDF_TYPE
from hereditary_kg.sites.characteristic_sets import constant_share
from hereditary_kg.sites.profile import Profile
from hereditary_kg.sparql.algebra import (
    BGP,
    Dataset,
    Expression,
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
    "estimate_filtered",
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

# Kinds of leaves, and joins of leaves, of which the size at each member is kept.
_MOST_SHAPES = 512
_MOST_JOINS = 64

_Counts: TypeAlias = tuple[float, float, float]


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


def estimate_leaf(leaf: Leaf, sources: Sources) -> Estimate:
    """Estimate the matches of ``leaf`` over all its candidates."""
    names = sources.candidates[leaf]
    rows = subjects = objects = 0.0
    for counts in _counted(sources.members, leaf_shape(leaf), names):
        rows += counts[0]
        subjects += counts[1]
        objects += counts[2]
    return _leaf_estimate(leaf, (rows, subjects, objects), overlap_of((leaf,), names, sources))


def _leaf_estimate(leaf: Leaf, counts: _Counts, overlap: Overlap) -> Estimate:
    triple = leaf.triple
    rows, subjects, objects = counts
    rows *= overlap.rows
    if triple.is_path:
        rows *= _PATH_FACTOR
    ends = {triple.subject: subjects, triple.object: objects}
    distinct = {
        variable: max(
            1.0,
            min(ends.get(variable, _UNKNOWN_DISTINCT) * overlap.distinct.get(variable, 1.0), rows),
        )
        for variable in leaf.variables
    }
    return Estimate(rows, distinct)


def _count(member: MemberView, leaf: Leaf) -> _Counts:
    """Estimate rows, distinct subjects and distinct objects at one member."""
    triple, profile = leaf.triple, member.profile
    if profile is None:
        rows = subjects = objects = _UNKNOWN_ROWS
    elif leaf.graph is not None:
        rows = float(profile.all_graph_triples)
        subjects = objects = max(1.0, rows / _TRIPLES_A_SUBJECT)
    else:
        rows, subjects, objects = _in_default_graph(leaf, profile)
    if not isinstance(triple.subject, Variable):
        rows = rows * _UNKNOWN_SELECTIVITY if profile is None else rows / max(subjects, 1.0)
        subjects = 1.0
    if not isinstance(triple.object, Variable):
        rows *= _UNKNOWN_SELECTIVITY if profile is None else _object_share(leaf, profile, objects)
        objects = 1.0
    return rows, min(subjects, rows), min(objects, rows)


@remembered_by_member(most=_MOST_SHAPES)
def _counted(members: Members, leaf: Leaf, names: Iterable[str]) -> Sequence[_Counts]:
    """Estimate what each of several members has for a leaf."""
    return [_count(members[name], leaf) for name in names]


def _object_share(leaf: Leaf, profile: Profile, objects: float) -> float:
    """Give the share of a constant object in the triples of a leaf's predicates."""
    triple = leaf.triple
    known = None
    if leaf.graph is None and isinstance(triple.predicate, IRI):
        known = profile.predicate(triple.predicate.value)
    if known is None or triple.predicate == IRI(RDF_TYPE) or isinstance(triple.object, Variable):
        return 1 / max(objects, 1.0)
    return constant_share(known, triple.object.text)


def _in_default_graph(leaf: Leaf, profile: Profile) -> tuple[float, float, float]:
    predicates = leaf.predicates
    if predicates is None:
        rows = float(profile.triples)
        return rows, max(1.0, rows / _TRIPLES_A_SUBJECT), max(1.0, rows / _TRIPLES_A_SUBJECT)
    target = leaf.triple.object
    if predicates == (IRI(RDF_TYPE),) and isinstance(target, IRI) and not leaf.triple.is_path:
        instances = profile.instances(target.value)
        return instances, instances, 1.0
    held = (profile.predicate(predicate.value) for predicate in predicates)
    known = [each for each in held if each is not None]
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
    names = tuple(members)
    return _unite(_estimates_at(leaves, names, sources), names, leaves, sources)


def certainly_empty(
    leaves: Sequence[Leaf], members: Iterable[str], sources: Sources
) -> frozenset[str]:
    """Give the members where no subject has all the predicates that one is asked to have."""
    names = tuple(members)
    if sources.dataset != Dataset():
        return frozenset()
    return frozenset(
        name
        for pattern in group_by_subject(tuple(leaves))
        if len(pattern.leaves) > 1
        for name, star in zip(names, read_stars(sources.members, pattern, names), strict=True)
        if star is not None and not star.rows
    )


def _estimates_at(
    leaves: Sequence[Leaf], names: Iterable[str], sources: Sources
) -> Sequence[Estimate]:
    """Estimate the join of leaves at each of several members, for itself."""
    return _estimate_joins(sources.members, (tuple(leaves), sources.dataset == Dataset()), names)


@remembered_by_member(most=_MOST_JOINS)
def _estimate_joins(
    members: Members, joined: tuple[tuple[Leaf, ...], bool], names: Iterable[str]
) -> Sequence[Estimate]:
    """Estimate a join of leaves at several members, each for itself.

    Args:
        members: the federation.
        joined: the leaves, and whether its default graph is asked.
        names: the members.
    """
    leaves, by_default = joined
    names = tuple(names)
    patterns = group_by_subject(leaves)
    counts = [[_counted(members, leaf_shape(leaf), names) for leaf in p.leaves] for p in patterns]
    stars: list[Sequence[Star | None]] = [[None] * len(names)] * len(patterns)
    if by_default and len(leaves) > 1:
        stars = [read_stars(members, pattern, names) for pattern in patterns]
    return [
        _estimate_join(
            members[name].profile,
            [
                (pattern, [column[i] for column in counted], found[i])
                for pattern, counted, found in zip(patterns, counts, stars, strict=True)
            ],
        )
        for i, name in enumerate(names)
    ]


def _estimate_join(
    profile: Profile | None,
    patterns: Sequence[tuple[StarPattern, Sequence[_Counts], Star | None]],
) -> Estimate:
    """Estimate a join of leaves at one member, by the characteristic sets of their subjects.

    Args:
        profile: the member's.
        patterns: leaves of one subject, what the member has for each of them, and for all.
    """
    parts: list[Estimate] = []
    stars: dict[Variable, Star] = {}
    for pattern, counted, star in patterns:
        if star is not None:
            stars[star.subject] = star
        if star is not None and len(pattern.leaves) > 1:
            parts.append(Estimate(star.rows, star.distinct) if star.rows else NOTHING)
        else:
            parts.extend(
                _leaf_estimate(leaf, own, NO_OVERLAP)
                for leaf, own in zip(pattern.leaves, counted, strict=True)
            )
    joined = join_estimates(parts)
    if profile is None or not joined.rows or len(stars) < 2:
        return joined
    return joined.scaled(link_factor(stars, profile))


def estimate_pattern(
    pattern: Pattern,
    sources: Sources,
    graph: GraphName = None,
    members: Iterable[str] | None = None,
) -> Estimate:
    """Estimate the solutions of ``pattern``.

    Args:
        pattern: the pattern.
        sources: the candidates of its leaves.
        graph: the graph that it is matched in.
        members: those that are asked for all of it, each for itself. Without them it is matched
            over all candidates, and its parts are joined at the mediator.
    """
    if members is None:
        return _estimate_below(pattern, sources, graph, (None,))[0]
    names = tuple(members)
    parts = _estimate_below(pattern, sources, graph, names)
    return _unite(parts, names, pattern_leaves(pattern, graph), sources)


def estimate_filtered(
    estimate: Estimate,
    condition: Expression,
    pattern: Pattern,
    sources: Sources,
    members: Iterable[str] | None = None,
    *,
    graph: GraphName = None,
) -> Estimate:
    """Estimate what a condition leaves of the solutions of a pattern.

    Args:
        estimate: the solutions of the pattern.
        condition: the condition.
        pattern: the pattern. If it is a filter already, both count together.
        sources: the candidates of its leaves.
        members: those that are asked for all of it; None for all candidates.
        graph: the graph that the pattern is matched in.
    """
    before: tuple[Expression, ...] = ()
    if isinstance(pattern, Filter):
        before, pattern = tuple(conjuncts(pattern.condition)), pattern.pattern
    leaves = tuple(joined_leaves(pattern, graph))
    asked = None if members is None else tuple(members)

    def share(conditions: Iterable[Expression]) -> float:
        return kept_share(conditions, leaves, estimate.distinct, sources, asked)

    kept = share((*before, *conjuncts(condition)))
    return estimate.scaled(min(1.0, kept / share(before)) if kept else 0.0)


def _estimate_below(
    pattern: Pattern, sources: Sources, graph: GraphName, names: Sequence[str | None]
) -> list[Estimate]:
    """Estimate a pattern at each of several members, or over all candidates (None)."""

    def estimate(inner: Pattern) -> list[Estimate]:
        return _estimate_below(inner, sources, graph_below(pattern, graph), names)

    match pattern:
        case BGP():
            return _estimate_leaves(tuple(pattern_leaves(pattern, graph)), sources, names)
        case Service():
            return [Estimate(_UNKNOWN_ROWS)] * len(names)
        case Values(variables, rows):
            columns = {v: {row[i] for row in rows} for i, v in enumerate(variables)}
            distinct = {v: float(len(terms) or 1) for v, terms in columns.items()}
            return [Estimate(float(len(rows)), distinct)] * len(names)
        case Join(parts):
            return list(map(join_estimates, zip(*map(estimate, parts), strict=True)))
        case Union(branches):
            return list(map(_sum, zip(*map(estimate, branches), strict=True)))
        case Filter(condition, inner):
            return [
                estimate_filtered(
                    whole,
                    condition,
                    inner,
                    sources,
                    None if name is None else (name,),
                    graph=graph,
                )
                for name, whole in zip(names, estimate(inner), strict=True)
            ]
        case LeftJoin(left, right):
            pairs = zip(estimate(left), estimate(right), strict=True)
            return [max(one, join_estimates((one, other)), key=_rows) for one, other in pairs]
        case Minus(left, _):
            return estimate(left)
        case Slice(inner, _, limit):
            return [_cut(whole, limit) for whole in estimate(inner)]
        case Group(inner, keys):
            return [_grouped(whole, keys) for whole in estimate(inner)]
        case _:
            return estimate(pattern.pattern)


def _rows(estimate: Estimate) -> float:
    return estimate.rows


def _cut(whole: Estimate, limit: int | None) -> Estimate:
    return whole if limit is None or whole.rows <= limit else whole.scaled(limit / whole.rows)


def _grouped(whole: Estimate, keys: Sequence[Variable]) -> Estimate:
    groups = prod(whole.distinct.get(key, _UNKNOWN_GROUPS) for key in keys)
    count = min(groups, max(whole.rows, 1.0))
    return Estimate(count, dict.fromkeys(keys, count))


def _estimate_leaves(
    leaves: Sequence[Leaf], sources: Sources, names: Sequence[str | None]
) -> list[Estimate]:
    alone = _only_candidate(leaves, sources)
    asked = [name or alone for name in names]
    known = [name for name in asked if name is not None]
    local = iter(_estimates_at(leaves, known, sources))
    return [
        join_estimates(estimate_leaf(leaf, sources) for leaf in leaves)
        if name is None
        else next(local)
        for name in asked
    ]


def _unite(
    estimates: Sequence[Estimate],
    members: Sequence[str],
    leaves: Iterable[Leaf],
    sources: Sources,
) -> Estimate:
    """Add up what members have, each for itself; what they share is distinct once."""
    whole = _sum(estimates)
    overlap = overlap_of(leaves, members, sources)
    distinct = dict(whole.distinct)
    for variable, share in overlap.distinct.items():
        if variable in distinct:
            most = max(each.distinct.get(variable, 0.0) for each in estimates)
            distinct[variable] = max(most, share * distinct[variable])
    return Estimate(whole.rows, distinct).scaled(overlap.rows)


def _only_candidate(leaves: Sequence[Leaf], sources: Sources) -> str | None:
    names = {name for leaf in leaves for name in sources.candidates[leaf]}
    return names.pop() if len(names) == 1 else None


def _sum(estimates: Iterable[Estimate]) -> Estimate:
    rows = 0.0
    distinct: dict[Variable, float] = {}
    for part in estimates:
        rows += part.rows
        for variable, number in part.distinct.items():
            distinct[variable] = distinct.get(variable, 0.0) + number
    return Estimate(rows, distinct)
