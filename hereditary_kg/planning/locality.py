"""Locality: what each member can answer by itself, so that the answers need only be united.

Patients, encounters and samples are known at one site; what is said of one of them is said there.
A join over such a variable never crosses members, and a sub-query of such joins is asked whole of
every member that has it (union over joins). With it go its optional parts, MINUS, EXISTS, and what
groups by such a variable: their other side cannot match at another member either.

Two parts are *linked* by a variable that both always bind and whose values cannot be at one part
at one member and at the other part at another one. Every joint solution of linked parts comes from
one member, and from no second one: if two members gave it, the variable's value would cross.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from hereditary_kg.planning.domains import MemberDomains, VariableEnd, leaf_ends
from hereditary_kg.planning.leaves import GraphName, Leaf, pattern_leaves
from hereditary_kg.planning.rules.filters import is_stable
from hereditary_kg.planning.sources import Sources
from hereditary_kg.sparql.algebra import (
    BGP,
    Distinct,
    Expression,
    Extend,
    Filter,
    Group,
    Join,
    LeftJoin,
    Minus,
    Pattern,
    Project,
    Reduced,
    Union,
    Values,
    Variable,
)
from hereditary_kg.sparql.variables import (
    certain_variables,
    expression_patterns,
    scope_variables,
)

__all__ = ["LocalPart", "Locality", "joined_part"]


@dataclass(frozen=True)
class LocalPart:
    """A pattern whose solutions over the merge are those of its members, united.

    Attributes:
        members: whom to ask; None where the pattern holds data of its own only.
        exact: whether no two members give the same solution, so that a bag union is right.
        whole: whether a solution is known by its row, so that equal rows of several members
            are one solution. What is neither exact nor whole has lost count of its solutions:
            its rows are right, their number is not.
        ends: for variables that are always bound, where they stand in triple patterns.
    """

    members: tuple[str, ...] | None
    exact: bool
    whole: bool = True
    ends: Mapping[Variable, tuple[VariableEnd, ...]] = field(default_factory=dict)

    def is_linked(self, other: "LocalPart") -> bool:
        """Whether a variable keeps joint solutions at one member."""
        if self.members is None or other.members is None:
            return True
        if len(self.members) == 1 and self.members == other.members:
            return True
        return any(
            not ours.restricted(self.members).crosses(theirs.restricted(other.members))
            for variable in self.ends.keys() & other.ends.keys()
            for ours in self.ends[variable]
            for theirs in other.ends[variable]
        )

    def is_key(self, variable: Variable) -> bool:
        """Whether no value of ``variable`` comes from two members."""
        members = self.members or ()
        if len(members) <= 1:
            return True
        ends = (end.restricted(members) for end in self.ends.get(variable, ()))
        return any(not end.crosses(end) for end in ends)


def joined_part(first: LocalPart, second: LocalPart) -> LocalPart | None:
    """Give the join of two linked parts; None where no member has both."""
    ends = dict(first.ends)
    for variable, theirs in second.ends.items():
        ends[variable] = (*ends.get(variable, ()), *theirs)
    if first.members is None or second.members is None:
        whole = second if first.members is None else first
        exact, known = first.exact and second.exact, first.whole and second.whole
        return LocalPart(whole.members, exact, known, ends)
    members = tuple(name for name in first.members if name in second.members)
    return LocalPart(members, exact=True, ends=ends) if members else None


class Locality:
    """Finds out, for the patterns of one query, what is local.

    Patterns are values, and one may stand at several places: what is found holds for all.
    """

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._leaves: dict[Leaf, LocalPart | None] = {}
        self._found: dict[tuple[Pattern, GraphName], LocalPart | None] = {}

    def part(self, pattern: Pattern) -> LocalPart | None:
        """Give the pattern as a local part; None where it is none, or nobody knows."""
        key = (pattern, None)
        if key not in self._found:
            self._found[key] = self._find(pattern)
        return self._found[key]

    def leaf_part(self, leaf: Leaf) -> LocalPart | None:
        """Give one leaf as a local part; None for a path that may cross members."""
        if leaf not in self._leaves:
            self._leaves[leaf] = self._find_leaf(leaf)
        return self._leaves[leaf]

    def _find_leaf(self, leaf: Leaf) -> LocalPart | None:
        members = self._sources.candidates[leaf]
        if self._sources.merges_graphs or not members:
            return None
        if leaf.triple.is_path and (len(members) > 1 or self._is_converted(leaf, members[0])):
            return None
        ends = {variable: (end,) for variable, end in leaf_ends(leaf, self._sources).items()}
        part = LocalPart(members, exact=False, ends=ends)
        return replace(part, exact=any(map(part.is_key, ends)) or len(members) == 1)

    def _is_converted(self, leaf: Leaf, member: str) -> bool:
        """Whether a path walks what the member has in codes of its own."""
        conversion = self._sources.members[member].conversion
        return conversion is not None and conversion.affects(leaf.triple)

    def _find(self, pattern: Pattern) -> LocalPart | None:
        match pattern:
            case BGP() | Join():
                return self._find_join(pattern)
            case Values(_, rows):
                # Where a row leaves something open, two of them can come to the same solution.
                known = len(set(rows)) == len(rows) and None not in chain.from_iterable(rows)
                return LocalPart(None, exact=True, whole=known)
            case Filter(condition, inner):
                return self._find_filter(condition, inner)
            case LeftJoin(left, right, condition):
                if condition is not None and not _is_plain(condition):
                    return None
                return self._find_beside(left, right)
            case Minus(left, right):
                return self._find_beside(left, right)
            case Union(branches):
                return self._find_union(branches)
            case Extend(inner, _, expression):
                return self.part(inner) if _is_plain(expression) else None
            case Project(inner, variables):
                part = self.part(inner)
                return None if part is None else _visible(part, variables)
            case Reduced(inner):
                return self.part(inner)
            case Distinct(inner):
                part = self.part(inner)
                if part is None:
                    return None
                keyed = part.exact and any(map(part.is_key, scope_variables(inner)))
                bound = set(scope_variables(inner)) <= certain_variables(inner)
                return replace(part, exact=keyed, whole=bound or part.members is not None)
            case Group():
                return self._find_group(pattern)
            case _:
                return None

    def _exact(self, pattern: Pattern) -> LocalPart | None:
        part = self.part(pattern)
        return part if part is not None and part.exact else None

    def _find_join(self, pattern: BGP | Join) -> LocalPart | None:
        parts: list[LocalPart | None] = []
        for piece in pattern.parts if isinstance(pattern, Join) else (pattern,):
            if isinstance(piece, BGP):
                parts.extend(self.leaf_part(leaf) for leaf in pattern_leaves(piece))
            else:
                parts.append(self.part(piece))
        known = [part for part in parts if part is not None]
        return _merged(known) if known and len(known) == len(parts) else None

    def _find_filter(self, condition: Expression, inner: Pattern) -> LocalPart | None:
        part = self.part(inner)
        if part is None or not is_stable(condition):
            return None
        for tested in expression_patterns(condition):
            match = self.part(tested)
            if match is None or not part.is_linked(match):
                return None
        return part

    def _find_beside(self, left: Pattern, right: Pattern) -> LocalPart | None:
        """Take what is optional, or subtracted, along with what it belongs to."""
        part, beside = self._exact(left), self.part(right)
        if part is None or beside is None or not part.is_linked(beside):
            return None
        if part.members is None and beside.members is not None:
            return None
        return part

    def _find_union(self, branches: Sequence[Pattern]) -> LocalPart | None:
        parts = [self._exact(branch) for branch in branches]
        known = [part for part in parts if part is not None]
        holders = [part.members for part in known if part.members is not None]
        if len(known) < len(parts) or 0 < len(holders) < len(parts):
            return None
        asked = frozenset().union(*holders)
        if len(set(holders)) > 1 and len(asked) == sum(map(len, holders)):
            # Nobody has two branches: asked one by one, they are no more requests.
            return None
        members = tuple(name for name in self._sources.members if name in asked)
        shared = set(known[0].ends).intersection(*(part.ends for part in known[1:]))
        ends = {
            variable: (_united([_narrowed(part, variable) for part in known]),)
            for variable in sorted(shared, key=str)
        }
        return LocalPart(members if holders else None, exact=True, whole=False, ends=ends)

    def _find_group(self, pattern: Group) -> LocalPart | None:
        part = self._exact(pattern.pattern)
        if part is None or not any(map(part.is_key, pattern.keys)):
            return None
        if not all(_is_plain(aggregate) for _, aggregate in pattern.aggregates):
            return None
        return _visible(part, pattern.keys)


def _merged(parts: Sequence[LocalPart]) -> LocalPart | None:
    """Join parts along their links; None where they fall apart."""
    whole, *waiting = parts
    while waiting:
        found = next((part for part in waiting if whole.is_linked(part)), None)
        if found is None:
            return None
        waiting.remove(found)
        joined = joined_part(whole, found)
        if joined is None:
            return None
        whole = joined
    return whole


def _visible(part: LocalPart, variables: Iterable[Variable]) -> LocalPart:
    ends = {variable: part.ends[variable] for variable in variables if variable in part.ends}
    return replace(part, whole=False, ends=ends)


def _narrowed(part: LocalPart, variable: Variable) -> VariableEnd:
    end = part.ends[variable][0]
    return end if part.members is None else end.restricted(part.members)


def _united(ends: Sequence[VariableEnd]) -> VariableEnd:
    first, *others = ends
    domains = dict(first.domains)
    for end in others:
        for name, domain in end.domains.items():
            domains[name] = domains[name].united(domain) if name in domains else domain
    return VariableEnd(first.leaf, first.variable, MemberDomains(domains))


def _is_plain(expression: Expression) -> bool:
    """Whether every member gives an expression the same value, from one row alone."""
    return is_stable(expression) and not any(expression_patterns(expression))
