"""Joins that cross some members only: a union over joins and a join over unions, in one plan.

Two hospitals that treat the same persons make a join over persons cross members, though all others
keep theirs to themselves. So the others are asked for the whole join, and what remains is joined
at the mediator from the parts of the few that cross; both answers are united.

Terms. U1 … Uk are units of a join, each with its members; Ui(n) are the solutions of Ui at member
n. The units are connected by edges, each between two units that always bind a common variable.
A member n *crosses* at an edge if a value of each of the edge's variables may be at one unit at n
and at the other unit at another member. L are the members that cross at no edge, C all others.

Why the union is right, for edges that form a tree over the units:

* A solution s of U1 ⋈ … ⋈ Uk over the merge consists of one solution of each unit, each from some
  member, for the solutions of a unit are those of its members, united. If one of them is from a
  member n of L, then those of the neighbouring units are from n as well: n does not cross at the
  edge, so by one of its variables nothing of n joins with another member. Along the tree, all of
  them are from n. So s is in U1(n) ⋈ … ⋈ Uk(n) for one n of L, or all of it is from members of C.
* No solution is found twice. Let s be found at n of L, and some part of it, of Ui, at another
  member m as well. A neighbour Uj of Ui has its part of s at n. The value of an edge's variable is
  then at Uj(n) and at Ui(m), for each of its variables, so n crosses, and is not in L.
* So each solution counts as often at n as over the merge: none of its parts is at another member,
  so that its number at n is its number. What is from C is joined at the mediator as ever.

What members leave out because others have it (:mod:`hereditary_kg.planning.copies`) is left out in
requests to several members only; a join with members of which that is known is not split.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from hereditary_kg.planning.cardinality import Estimate, estimate_pattern, join_estimates
from hereditary_kg.planning.join_order import MOST_UNITS, join_cost
from hereditary_kg.planning.locality import LocalPart
from hereditary_kg.planning.sources import Sources
from hereditary_kg.planning.units import Unit, local_groups
from hereditary_kg.sparql.algebra import Join

__all__ = ["split_join"]

_FEWEST_LOCAL = 2


def split_join(units: list[Unit], sources: Sources, given: Estimate | None) -> list[Unit]:
    """Split a join where some of its members keep to themselves, if that costs less.

    Args:
        units: what is joined.
        sources: the candidates of its leaves.
        given: what is joined with them from outside.

    Returns:
        The units, those that are split replaced by one that has two branches.
    """
    if len(units) < 2 or len(units) > MOST_UNITS:
        return units
    tree = _grow(units)
    if tree is None or any(name in tree.members for name, _ in sources.copies):
        return units
    whole = _asked_whole(tree, sources)
    rest = _joined_here(tree, sources)
    cost = partial(join_cost, given=given, members=sources.members)
    after = cost([whole]) + (cost(rest) if rest else 0.0)
    if after >= cost(list(tree.units)):
        return units
    branches = ((whole,), tuple(rest)) if rest else ((whole,),)
    size = _added(whole.estimate, join_estimates(unit.estimate for unit in rest) if rest else None)
    mixed = Unit(whole.pattern, tree.members, size, pushable=False, branches=branches)
    return [mixed, *(unit for unit in units if unit not in tree.units)]


@dataclass(frozen=True)
class _Tree:
    """Units, connected by edges, and the members that cross at one of them."""

    units: tuple[Unit, ...]
    crossing: frozenset[str]

    @property
    def members(self) -> tuple[str, ...]:
        """The members of all units."""
        return tuple(dict.fromkeys(name for unit in self.units for name in unit.members))

    @property
    def local(self) -> tuple[str, ...]:
        """The members that have every unit and cross at no edge."""
        first, *others = self.units
        return tuple(
            name
            for name in first.members
            if name not in self.crossing and all(name in unit.members for unit in others)
        )


def _grow(units: Sequence[Unit]) -> _Tree | None:
    """Connect units by edges at which few members cross."""
    edges = sorted(_edges(units), key=lambda edge: (len(edge[2]), edge[:2]))
    if not edges:
        return None
    here, there, crossing = edges[0]
    chosen = [here, there]
    tree = _Tree((units[here], units[there]), crossing)
    while True:
        longer = (
            (place, _Tree((*tree.units, units[place]), tree.crossing | more))
            for one, other, more in edges
            for start, place in ((one, other), (other, one))
            if start in chosen and place not in chosen
        )
        found = next(((p, t) for p, t in longer if len(t.local) >= _FEWEST_LOCAL), None)
        if found is None:
            return tree if len(tree.local) >= _FEWEST_LOCAL else None
        chosen.append(found[0])
        tree = found[1]


def _edges(units: Sequence[Unit]) -> Iterator[tuple[int, int, frozenset[str]]]:
    for there, second in enumerate(units):
        for here, first in enumerate(units[:there]):
            if first.pushable and second.pushable and first.part and second.part:
                crossing = _crossing(first.part, second.part)
                if crossing is not None:
                    yield here, there, crossing


def _crossing(first: LocalPart, second: LocalPart) -> frozenset[str] | None:
    """Give the members that cross between two parts; None where most do, or nothing is shared."""
    ours, theirs = first.members or (), second.members or ()
    pairs = [
        (end.restricted(ours), other.restricted(theirs))
        for variable in sorted(first.ends.keys() & second.ends.keys(), key=str)
        for end in first.ends[variable]
        for other in second.ends[variable]
    ]
    members = tuple(dict.fromkeys((*ours, *theirs)))
    if not pairs or len(members) < _FEWEST_LOCAL:
        return None
    crossing: set[str] = set()
    for name in members:
        if all(
            one.restricted((name,)).crosses(other) or other.restricted((name,)).crosses(one)
            for one, other in pairs
        ):
            crossing.add(name)
            if 2 * len(crossing) > len(members):
                return None
    return frozenset(crossing)


def _asked_whole(tree: _Tree, sources: Sources) -> Unit:
    """Give the join as members that do not cross are asked for it."""
    pattern = Join.of(tuple(unit.pattern for unit in tree.units))
    members = tree.local
    ends = {
        variable: tuple(
            end for unit in tree.units if unit.part for end in unit.part.ends.get(variable, ())
        )
        for variable in dict.fromkeys(v for u in tree.units if u.part for v in u.part.ends)
    }
    part = LocalPart(members, exact=True, ends=ends)
    estimate = estimate_pattern(pattern, sources, members=members)
    return Unit(pattern, members, estimate, pushable=True, part=part)


def _joined_here(tree: _Tree, sources: Sources) -> list[Unit]:
    """Give the units as the other members are asked for them; none where one has no member."""
    rest: list[Unit] = []
    for unit in tree.units:
        members = tuple(name for name in unit.members if name in tree.crossing)
        if not members or unit.part is None:
            return []
        estimate = estimate_pattern(unit.pattern, sources, members=members)
        part = replace(unit.part, members=members)
        rest.append(Unit(unit.pattern, members, estimate, pushable=True, part=part))
    return local_groups(rest, sources)


def _added(first: Estimate, second: Estimate | None) -> Estimate:
    if second is None:
        return first
    distinct = {v: n + second.distinct.get(v, 0.0) for v, n in first.distinct.items()}
    return Estimate(first.rows + second.rows, distinct)
