"""From query text to a physical plan: profiles, probes, rules.

The stages have names that ``hkg explain --stage`` shows: *parsed*, *sources*, *logical*,
*physical*.
"""

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from hereditary_kg.execution.context import ExecutionContext
from hereditary_kg.execution.streams import gather
from hereditary_kg.federation.errors import MemberError
from hereditary_kg.federation.member import Member
from hereditary_kg.planning import plan
from hereditary_kg.planning.physical import build_plan
from hereditary_kg.planning.rules import apply_rules
from hereditary_kg.planning.sources import (
    PROBED,
    MemberView,
    Sources,
    probe_text,
    probe_triples,
    select_sources,
)
from hereditary_kg.planning.support import check_supported
from hereditary_kg.rdf.terms import XSD, Literal
from hereditary_kg.sparql.algebra import Call, Expression, Pattern, Query, TriplePattern
from hereditary_kg.sparql.parsing import parse_query
from hereditary_kg.sparql.printing import triple_text
from hereditary_kg.sparql.rewriting import rewrite_expressions

__all__ = ["PreparedQuery", "ProbeCache", "parse_for_federation", "prepare_query"]


@dataclass(frozen=True)
class PreparedQuery:
    """A query, planned.

    Attributes:
        query: the parsed query.
        sources: the candidates of its triple patterns.
        logical: its pattern after the rules.
        physical: its plan.
        versions: the profile stamps that the plan relies on, by member.
    """

    query: Query
    sources: Sources
    logical: Pattern
    physical: plan.Node
    versions: Mapping[str, str]


class ProbeCache:
    """What probes have found, as long as the member's data stay the same."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, TriplePattern], bool] = {}

    def get(self, member: MemberView, triple: TriplePattern) -> bool | None:
        """Give what is known, or None."""
        if member.profile is None:
            return None
        return self._found.get((member.name, member.profile.stamp, triple))

    def put(self, member: MemberView, triple: TriplePattern, *, matches: bool) -> None:
        """Keep an answer; without a data version it could become wrong unnoticed."""
        if member.profile is not None:
            self._found[member.name, member.profile.stamp, triple] = matches


def parse_for_federation(text: str, prefixes: Mapping[str, str]) -> Query:
    """Parse a query, refuse what is not supported, and fix the time that NOW() gives.

    Raises:
        SparqlError: the text is not SPARQL, or a form is refused.
    """
    query = parse_query(text, prefixes)
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
    probes: ProbeCache,
    *,
    optimise: bool = True,
    probe: bool = True,
) -> PreparedQuery:
    """Plan ``query`` over ``members``.

    Args:
        query: a parsed query.
        members: the federation.
        context: deadline, log, and what happens when a member fails.
        probes: answers of earlier probes.
        optimise: False for the plainest plan (see :func:`build_plan`).
        probe: whether members may be asked which constants they hold.

    Raises:
        IncompleteAnswerError: a member gave no profile, and partial answers are not allowed.
    """
    views = await _views(members, context)
    versions = {v.name: v.profile.stamp for v in views if v.profile is not None}
    context.versions = versions
    sources = select_sources(query, views)
    if not optimise:
        node = build_plan(query.pattern, sources, optimise=False)
        return PreparedQuery(query, sources, query.pattern, node, versions)
    if probe:
        sources = await _probed(sources, context, probes)
    logical = apply_rules(query.pattern, sources)
    return PreparedQuery(query, sources, logical, build_plan(logical, sources), versions)


async def _views(members: Sequence[Member], context: ExecutionContext) -> list[MemberView]:
    async def view(member: Member) -> MemberView | None:
        try:
            profile = await member.profile(context.deadline)
        except MemberError as error:
            context.fail(error)
            return None
        return MemberView(member.name, profile, member.description.holds)

    found = await gather(view(m) for m in members if m.name not in context.failures)
    return [member for member in found if member is not None]


async def _probed(sources: Sources, context: ExecutionContext, probes: ProbeCache) -> Sources:
    """Ask the members about constants that the profiles leave open."""
    excluded: dict[tuple[TriplePattern, str], str] = {}

    async def ask(name: str, triples: Sequence[TriplePattern]) -> None:
        view = sources.members[name]
        known = {triple: probes.get(view, triple) for triple in triples}
        unknown = [triple for triple, matches in known.items() if matches is None]
        if unknown:
            found = await _probe(name, unknown, context)
            if found is None:
                return
            for triple in unknown:
                known[triple] = triple in found
                probes.put(view, triple, matches=triple in found)
        for triple, matches in known.items():
            if not matches:
                excluded[triple, name] = "a probe found no match"

    wanted = probe_triples(sources)
    await gather(ask(name, triples) for name, triples in wanted.items())
    return sources.without(excluded)


async def _probe(
    name: str, triples: Sequence[TriplePattern], context: ExecutionContext
) -> set[TriplePattern] | None:
    stream = context.members[name].select(
        probe_text(triples),
        [PROBED],
        deadline=context.deadline,
        log=context.log,
        purpose="probe",
        expected_version=context.versions.get(name),
    )
    found: set[TriplePattern] = set()
    try:
        async with aclosing(stream) as batches:
            async for batch in batches:
                positions = batch[PROBED].str.extract('"([0-9]+)"').cast(int)
                found.update(triples[position] for position in positions)
    except MemberError as error:
        context.fail(error)
        return None
    return found


def describe_sources(prepared: PreparedQuery) -> str:
    """Write, for each triple pattern, who may answer it and why the others cannot."""
    lines = []
    for triple, names in prepared.sources.candidates.items():
        lines.append(f"{triple_text(triple)}")
        lines.append(f"    asked: {', '.join(names) or 'nobody'}")
        lines += [
            f"    {name}: {reason}"
            for (excluded, name), reason in prepared.sources.reasons.items()
            if excluded == triple
        ]
    return "\n".join(lines)
