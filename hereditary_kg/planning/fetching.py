"""What members are asked: one leaf, or as much of the query as they can answer alone."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import TYPE_CHECKING

from hereditary_kg.planning import plan
from hereditary_kg.planning.cardinality import (
    Estimate,
    certainly_empty,
    estimate_leaf,
    estimate_local,
    estimate_pattern,
)
from hereditary_kg.planning.copy_filters import without_copies
from hereditary_kg.planning.domains import leaf_ends
from hereditary_kg.planning.leaves import (
    GRAPH,
    Leaf,
    any_graph_leaf,
    has_service,
    joined_leaves,
    pattern_leaves,
    required_leaves,
)
from hereditary_kg.planning.locality import Locality, LocalPart
from hereditary_kg.planning.rules.unanswerable import without_leaves
from hereditary_kg.planning.sources import Sources, pattern_candidates
from hereditary_kg.planning.top_rows import loses_order
from hereditary_kg.planning.units import is_connected
from hereditary_kg.rdf.terms import IRI, RDF_TYPE
from hereditary_kg.semantics.query_conversion import MemberConversion
from hereditary_kg.sites.profile import Profile
from hereditary_kg.sparql.algebra import (
    BGP,
    Dataset,
    Distinct,
    Pattern,
    Project,
    Reduced,
    TriplePattern,
    Variable,
)
from hereditary_kg.sparql.variables import certain_variables, scope_variables

if TYPE_CHECKING:
    from hereditary_kg.semantics.translation import Translation

__all__ = ["FetchPlanner", "exact_rows"]


class FetchPlanner:
    """Plans the requests of one query.

    Attributes:
        sources: the candidates of its triple patterns.
        locality: which of its parts stay at one member.
        optimise: False where every member is asked for every triple pattern.
    """

    def __init__(self, sources: Sources, *, optimise: bool) -> None:
        self.sources = sources
        self.locality = Locality(sources)
        self.optimise = optimise

    def members(self, leaf: Leaf) -> tuple[str, ...]:
        """Give the members that are asked for a leaf."""
        if self.optimise or self.sources.dataset != Dataset():
            return self.sources.candidates[leaf]
        return tuple(self.sources.members)

    def only_member(self, pattern: Pattern) -> str | None:
        """Give the one member that can answer all of ``pattern``, if there is one."""
        if not self.optimise or self.sources.merges_graphs or has_service(pattern):
            return None
        members = pattern_candidates(pattern, self.sources)
        if len(members) != 1:
            return None
        member = next(iter(members))
        return None if self._walks_converted(pattern, member) else member

    def _walks_converted(self, pattern: Pattern, member: str) -> bool:
        """Whether a path walks what the member has in codes of its own."""
        conversion = self.sources.members[member].conversion
        return conversion is not None and any(
            leaf.triple.is_path and conversion.affects(leaf.triple)
            for leaf in pattern_leaves(pattern)
        )

    def part(self, pattern: Pattern) -> LocalPart | None:
        """Give a pattern as what members can be asked for whole, if they can."""
        part = self._part(pattern)
        members = () if part is None else part.members or ()
        if loses_order(pattern, [self.sources.members[name] for name in members]):
            return None
        return part

    def _part(self, pattern: Pattern) -> LocalPart | None:
        member = self.only_member(pattern)
        if member is not None:
            part = self.locality.part(pattern)
            ends = {} if part is None else part.ends
            return LocalPart((member,), exact=True, ends=ends)
        if not self.optimise or self.sources.merges_graphs or has_service(pattern):
            return None
        part = self.locality.part(pattern)
        return part if part is not None and part.members else None

    def whole(self, pattern: Pattern, needed: AbstractSet[Variable]) -> plan.Fetch | None:
        """Plan to ask members for all of ``pattern``; None where that is not right, or dear."""
        part = self.part(pattern)
        if part is None or not (part.exact or part.whole) or not is_connected(pattern):
            return None
        return self.fetch(pattern, part, needed)

    def fetch(
        self,
        pattern: Pattern,
        part: LocalPart,
        needed: AbstractSet[Variable],
        estimate: Estimate | None = None,
        *,
        merged: bool = False,
    ) -> plan.Fetch:
        """Plan to ask the members of a part for it.

        Args:
            pattern: what is asked.
            part: what is known of it.
            needed: the variables that are wanted; more are fetched where rows of several
                members can only be told apart by all of them.
            estimate: the expected size, if it is known already.
            merged: whether it is a grouping of which equal groups are merged afterwards.
        """
        scope = scope_variables(pattern)
        repeated = not part.exact or self.sources.merges_graphs
        variables = scope if repeated else tuple(v for v in scope if v in needed)
        certain = certain_variables(pattern) & frozenset(variables)
        members = self._with_solutions(pattern, part.members or ())
        if estimate is None:
            estimate = self._estimate(pattern, members)
        ends = {variable: part.ends[variable] for variable in variables if variable in part.ends}
        own, leaves_out = self._own_patterns(pattern, members, repeated=repeated)
        fetch = plan.Fetch(
            pattern,
            members,
            variables,
            certain,
            repeated,
            estimate=estimate,
            ends=ends,
            own_patterns=own,
            leaves_copies_out=leaves_out,
            exact_rows=exact_rows(pattern, members, self.sources),
        )
        return self._native(fetch, merged=merged)

    def _own_patterns(
        self, pattern: Pattern, members: tuple[str, ...], *, repeated: bool
    ) -> tuple[dict[str, Pattern], bool]:
        """Give what members are asked instead of a pattern, and whether they leave copies out."""
        # One member's copies join with nothing of others; rows of one triple pattern count once.
        is_leaf = isinstance(pattern, BGP) and len(pattern.triples) == 1
        if len(members) < 2 or (is_leaf and repeated):
            return {}, False
        matched = self._matched(pattern, members)
        if not self.sources.copies:
            return {name: own for name, own in matched.items() if own != pattern}, False
        asked = {name: without_copies(matched[name], name, self.sources) for name in members}
        leaves_out = any(asked[name] != matched[name] for name in members)
        return {name: own for name, own in asked.items() if own != pattern}, leaves_out

    def _native(self, fetch: plan.Fetch, *, merged: bool = False) -> plan.Fetch:
        """Ask members in their own codes."""
        conversions = {name: self.sources.members[name].conversion for name in fetch.members}
        own = dict(fetch.own_patterns)
        translated: dict[str, Mapping[Variable, Translation]] = {}
        told_apart: set[str] = set()
        shown = frozenset(fetch.variables)
        for name, conversion in conversions.items():
            asked = own.get(name, fetch.pattern)
            if conversion is None or not _is_affected(asked, conversion):
                continue
            request = conversion.request(
                asked, shown, merged=merged, whole_graph=self.sources.dataset == Dataset()
            )
            own[name] = request.pattern
            if request.translated:
                translated[name] = request.translated
            if request.distinct:
                told_apart.add(name)
        return replace(
            fetch, own_patterns=own, translated=translated, told_apart=frozenset(told_apart)
        )

    def _matched(self, pattern: Pattern, members: tuple[str, ...]) -> dict[str, Pattern]:
        """Give what of a pattern each member can match."""
        leaves = dict.fromkeys(pattern_leaves(pattern))
        lacking: dict[str, list[Leaf]] = {}
        for leaf in leaves:
            for name in set(members).difference(self.sources.candidates[leaf]):
                lacking.setdefault(name, []).append(leaf)
        # Few members differ from all others in what they lack.
        reduced: dict[tuple[Leaf, ...], Pattern] = {(): pattern}
        matched: dict[str, Pattern] = {}
        for name in members:
            missing = tuple(leaf for leaf in leaves if leaf in lacking.get(name, ()))
            if missing not in reduced:
                reduced[missing] = without_leaves(pattern, frozenset(missing))
            matched[name] = reduced[missing]
        return matched

    def _with_solutions(self, pattern: Pattern, members: tuple[str, ...]) -> tuple[str, ...]:
        """Leave out members where no subject has all the predicates that one must have."""
        leaves = tuple(required_leaves(pattern))
        if len(members) < 2 or len(leaves) < 2:
            return members
        empty = certainly_empty(leaves, members, self.sources)
        kept = tuple(name for name in members if name not in empty)
        # Somebody has to be asked, to hear that there is nothing.
        return kept or members[:1]

    def _estimate(self, pattern: Pattern, members: tuple[str, ...]) -> Estimate:
        estimate = estimate_pattern(pattern, self.sources)
        leaves = tuple(joined_leaves(pattern))
        if len(leaves) < 2 or len(members) < 2:
            return estimate
        local = estimate_local(leaves, members, self.sources)
        return local if local.rows < estimate.rows else estimate

    def fetch_leaf(self, leaf: Leaf) -> plan.Fetch:
        """Plan to ask every candidate for one leaf."""
        members = self.members(leaf)
        variables = leaf.variables
        # One member doubles rows as well where it merges the graphs of several FROM clauses.
        repeated = len(members) > 1 or self.sources.merges_graphs
        fetch = plan.Fetch(
            leaf.pattern,
            members,
            variables,
            frozenset(variables),
            repeated,
            estimate=estimate_leaf(leaf, self.sources),
            ends={variable: (end,) for variable, end in leaf_ends(leaf, self.sources).items()}
            if self.optimise
            else {},
            exact_rows=exact_rows(leaf.pattern, members, self.sources),
        )
        return self._native(fetch)

    def fetch_graphs(self, members: tuple[str, ...]) -> plan.Fetch:
        """Plan to ask members for the names of their graphs."""
        leaf = any_graph_leaf()
        names = Distinct(Project(leaf.pattern, (GRAPH,)))
        return plan.Fetch(names, members, (GRAPH,), frozenset((GRAPH,)), len(members) > 1)

    def fetch_once(self, pattern: Pattern, member: str) -> plan.Fetch:
        """Plan to ask one member for all variables of ``pattern``."""
        part = LocalPart((member,), exact=True)
        needed = frozenset(scope_variables(pattern))
        return self.fetch(pattern, part, needed, Estimate(0.0))


def _is_affected(pattern: Pattern, conversion: MemberConversion) -> bool:
    return any(conversion.affects(leaf.triple) for leaf in pattern_leaves(pattern))


def exact_rows(pattern: Pattern, members: tuple[str, ...], sources: Sources) -> dict[str, int]:
    """Give how many solutions a pattern has at members whose profiles count just that.

    They count the triples of the default graph: all, by predicate, and by class.
    """
    if sources.dataset != Dataset():
        return {}
    while isinstance(pattern, Project | Reduced):
        pattern = pattern.pattern
    match pattern:
        case BGP((triple,)):
            profiles = ((name, sources.members[name].profile) for name in members)
            counted = ((name, _counted(triple, known)) for name, known in profiles if known)
            return {name: rows for name, rows in counted if rows is not None}
        case _:
            return {}


def _counted(triple: TriplePattern, profile: Profile) -> int | None:
    subject, predicate, target = triple.subject, triple.predicate, triple.object
    if not isinstance(subject, Variable) or subject in (predicate, target):
        return None
    if isinstance(predicate, IRI) and isinstance(target, IRI):
        return profile.classes.get(target.value) if predicate.value == RDF_TYPE else None
    if not isinstance(target, Variable) or predicate == target:
        return None
    if isinstance(predicate, IRI):
        known = profile.predicates.get(predicate.value)
        return None if known is None else known.triples
    return profile.triples if isinstance(predicate, Variable) else None
