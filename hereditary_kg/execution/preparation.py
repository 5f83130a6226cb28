"""From query text to a physical plan: profiles, probes, rules.

The stages have names that ``hkg explain --stage`` shows: *parsed*, *sources*, *logical*,
*physical*.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property

from hereditary_kg.execution.context import ExecutionContext
from hereditary_kg.execution.conversions import Conversions
from hereditary_kg.execution.copy_checks import CopyCache, check_copies
from hereditary_kg.execution.probe_cache import PROBED_IN_VAIN, ProbeCache
from hereditary_kg.execution.streams import gather
from hereditary_kg.federation.errors import MemberError
from hereditary_kg.federation.member import Member
from hereditary_kg.planning import plan
from hereditary_kg.planning.arc_consistency import reduce_sources
from hereditary_kg.planning.conversion_reports import ConversionReport, report_conversions
from hereditary_kg.planning.copy_filters import with_copies
from hereditary_kg.planning.copy_questions import assumed_copies, assumed_owners, places
from hereditary_kg.planning.leaves import Leaf, pattern_leaves
from hereditary_kg.planning.members import MembersCache, MemberView
from hereditary_kg.planning.physical import build_plan
from hereditary_kg.planning.probes import (
    PROBED,
    has_open_constants,
    probe_leaves,
    probe_text,
)
from hereditary_kg.planning.range_exclusion import exclude_by_ranges
from hereditary_kg.planning.rules import apply_rules
from hereditary_kg.planning.sources import Sources, select_sources
from hereditary_kg.planning.support import check_supported
from hereditary_kg.rdf.terms import XSD, Literal
from hereditary_kg.semantics.query_conversion import MemberConversion
from hereditary_kg.sites.profile import Profile
from hereditary_kg.sparql.algebra import Call, Expression, Pattern, Query
from hereditary_kg.sparql.parsing import parse_query
from hereditary_kg.sparql.printing import base_text, dataset_text
from hereditary_kg.sparql.rewriting import rewrite_expressions

__all__ = ["Findings", "PreparedQuery", "parse_for_federation", "prepare_query"]


@dataclass(frozen=True)
class PreparedQuery:
    """A query, planned.

    Attributes:
        query: the parsed query.
        sources: the candidates of its leaves.
        logical: its pattern after the rules.
        physical: its plan.
        versions: the profile stamps that the plan relies on, by member.
        converted: the query's pattern with ``hkg:includes`` in the marks of others; None where
            nothing is converted.
    """

    query: Query
    sources: Sources
    logical: Pattern
    physical: plan.Node
    versions: Mapping[str, str]
    converted: Pattern | None = None

    @property
    def pattern(self) -> Pattern:
        """The pattern that was planned."""
        return self.query.pattern if self.converted is None else self.converted

    @cached_property
    def conversions(self) -> tuple[ConversionReport, ...]:
        """What is converted at which member, by which mappings."""
        return () if self.converted is None else report_conversions(self.converted, self.sources)


@dataclass
class Findings:
    """What was found out about members, as long as their data stay the same.

    Attributes:
        probes: which leaves they match, and which not.
        copies: what they hold of others.
        members: what planning has concluded from the profiles.
    """

    probes: ProbeCache = field(default_factory=ProbeCache)
    copies: CopyCache = field(default_factory=CopyCache)
    members: MembersCache = field(default_factory=MembersCache)


def parse_for_federation(text: str, prefixes: Mapping[str, str], base: str | None = None) -> Query:
    """Parse a query, refuse what is not supported, and fix the time that NOW() gives.

    Args:
        text: the query.
        prefixes: prefixes that need no declaration.
        base: what relative IRIs are relative to where the query has no BASE.

    Raises:
        SparqlError: the text is not SPARQL, or a form is refused.
    """
    query = parse_query(text, prefixes, base)
    check_supported(query)
    now = Literal(datetime.now(UTC).isoformat(timespec="milliseconds"), XSD + "dateTime")

    def fix(expression: Expression) -> Expression:
        # All calls in one query give the same time (section 17.4.5.1), at whichever member.
        return now if expression == Call("NOW", ()) else expression

    return replace(query, pattern=rewrite_expressions(query.pattern, fix))


async def prepare_query(
    query: Query,
    members: Sequence[Member],
    context: ExecutionContext,
    findings: Findings,
    *,
    optimise: bool = True,
    probe: bool = True,
    conversions: Conversions | None = None,
) -> PreparedQuery:
    """Plan ``query`` over ``members``.

    Args:
        query: a parsed query.
        members: the federation.
        context: deadline, log, what happens when a member fails, and who may be asked once only.
        findings: what earlier queries have found out.
        optimise: False for the plainest plan (see :func:`build_plan`).
        probe: whether members may be asked which constants they hold.
        conversions: converts the query for the members; None where nothing is converted.

    Raises:
        IncompleteAnswerError: a member gave no profile, and partial answers are not allowed.
    """
    views = await _views(members, context)
    versions = {v.name: v.profile.stamp for v in views if v.profile is not None}
    context.versions = versions
    asked = query
    if conversions is not None:
        views = await conversions.views(views, context)
        query = conversions.query(query, views)
        views = await conversions.settled(query, views, context)
    planned = await _plan_over(
        query, views, context, findings, versions, optimise=optimise, probe=probe
    )
    if conversions is None:
        return planned
    return replace(planned, query=asked, converted=query.pattern)


async def _plan_over(
    query: Query,
    views: Sequence[MemberView],
    context: ExecutionContext,
    findings: Findings,
    versions: Mapping[str, str],
    *,
    optimise: bool,
    probe: bool,
) -> PreparedQuery:
    """Plan over what is known of members."""
    context.source = dataset_text(query.dataset)
    context.prologue = base_text(query.base)
    sources = select_sources(query, findings.members.of(views))
    if not optimise:
        node = build_plan(query.pattern, sources, optimise=False)
        return PreparedQuery(query, sources, query.pattern, node, versions)
    context.note_empty = _learning(sources, context, findings.probes)
    sources = findings.probes.without_misses(sources, context.source)
    planned = await _plan_without_copies(query, sources, context, findings.copies, probe=probe)
    if probe and has_open_constants(planned.sources):
        sources = await _probed(planned, context, findings.probes)
        if sources is not planned.sources:
            return _plan(query, sources, versions)
    return planned


async def _plan_without_copies(
    query: Query, sources: Sources, context: ExecutionContext, cache: CopyCache, *, probe: bool
) -> PreparedQuery:
    """Plan with what is known of copies, and find out more where that saves requests."""
    versions = context.versions
    found = places(sources)
    known = cache.knowledge(found, versions)
    planned = _plan(query, with_copies(sources, known.copies), versions)
    if not known.open or not probe or cache.is_declined(query.pattern, known):
        return planned
    if _steps(planned.physical) <= 1:
        # No plan is shorter.
        return planned
    guessed = assumed_copies(found, assumed_owners(found, known.owners))
    guessed.update(known.copies)
    hoped = _plan(query, with_copies(sources, guessed), versions)
    if _steps(hoped.physical) >= _steps(planned.physical):
        cache.decline(query.pattern, known)
        return planned
    known = await check_copies(cache, found, context)
    return _plan(query, with_copies(sources, known.copies), versions)


def _steps(node: plan.Node) -> int:
    """Count what members are asked one after the other, or side by side."""
    return isinstance(node, plan.Fetch) + sum(map(_steps, plan.inputs(node)))


def _plan(query: Query, sources: Sources, versions: Mapping[str, str]) -> PreparedQuery:
    sources = reduce_sources(query.pattern, exclude_by_ranges(query.pattern, sources))
    logical = apply_rules(query.pattern, sources)
    return PreparedQuery(query, sources, logical, build_plan(logical, sources), versions)


async def _views(members: Sequence[Member], context: ExecutionContext) -> list[MemberView]:
    present = [member for member in members if member.name not in context.failures]
    # With many members a task for each takes longer than the rest of planning.
    profiles = {each.name: each.known_profile for each in present if each.knows_profile()}

    async def ask(member: Member) -> None:
        try:
            profiles[member.name] = await member.profile(context.deadline, log=context.log)
        except MemberError as error:
            context.fail(error)

    await gather(ask(member) for member in present if member.name not in profiles)
    return [_view(each, profiles[each.name], context) for each in present if each.name in profiles]


def _view(member: Member, profile: Profile | None, context: ExecutionContext) -> MemberView:
    if member.profile_warning:
        context.notes.append(member.profile_warning)
    once = member.name in context.asked_once
    holds, learnt = member.description.holds, member.statistics
    return MemberView(member.name, profile, holds, once, member.row_cap, learnt=learnt)


def _learning(
    sources: Sources, context: ExecutionContext, probes: ProbeCache
) -> Callable[[str, Pattern], None]:
    """Give what is told of answers without rows: member and pattern."""

    def note(name: str, pattern: Pattern) -> None:
        member = sources.members[name]
        if member.conversion is None or not any(
            # It was asked in the member's codes, and says nothing of the user's.
            member.conversion.affects(leaf.triple)
            for leaf in pattern_leaves(pattern)
        ):
            probes.put_empty(member, pattern, context.source)

    return note


async def _probed(planned: PreparedQuery, context: ExecutionContext, probes: ProbeCache) -> Sources:
    """Ask the members about constants that the profiles leave open, where that pays."""
    sources = planned.sources
    excluded: dict[Leaf, dict[str, str]] = {}

    async def ask(name: str, leaves: Sequence[Leaf]) -> None:
        found = await _probe(name, leaves, context, sources.members[name].conversion)
        if found is None:
            return
        for leaf in leaves:
            miss = None if leaf in found else PROBED_IN_VAIN
            probes.put(sources.members[name], leaf, context.source, miss)
            if miss is not None:
                excluded.setdefault(leaf, {})[name] = miss

    known = {leaf: probes.find(leaf, sources, context.source).keys() for leaf in sources.candidates}
    wanted = probe_leaves(planned.physical, sources, known)
    await gather(ask(name, leaves) for name, leaves in wanted.items())
    return sources.without(excluded) if excluded else sources


async def _probe(
    name: str,
    leaves: Sequence[Leaf],
    context: ExecutionContext,
    conversion: MemberConversion | None,
) -> set[Leaf] | None:
    stream = context.members[name].select(
        probe_text(leaves, context.source, conversion),
        [PROBED],
        deadline=context.deadline,
        log=context.log,
        purpose="probe",
        expected_version=context.versions.get(name),
    )
    found: set[Leaf] = set()
    try:
        async with aclosing(stream) as batches:
            async for batch in batches:
                positions = batch[PROBED].str.extract('"([0-9]+)"').cast(int)
                found.update(leaves[position] for position in positions)
    except MemberError as error:
        context.fail(error)
        return None
    return found
