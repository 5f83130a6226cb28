"""Profiles of stores that we do not run, over plain SPARQL.

The triples are read, in parts where the store gives few at once, into a store of our own that
lasts as long as the profiling, and measured there as a site's are: so the same data give the same
profile. Of predicates with too many triples only what the store can count is told; which
predicates subjects have together, and which constants there are, is then not known.

The profile names the numbers of triples as the version of the data (`federation.count_stamps`).
"""

import asyncio
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from hereditary_kg.federation.count_stamps import ask_counts, ask_stamp
from hereditary_kg.federation.deadline import Deadline, WaitBudget
from hereditary_kg.federation.endpoint_questions import EndpointQuestions
from hereditary_kg.federation.errors import ProfilingError, TransportError
from hereditary_kg.federation.member import Member
from hereditary_kg.federation.predicate_aggregates import count_classes, count_predicate
from hereditary_kg.federation.request_log import RequestLog
from hereditary_kg.federation.triple_reading import TripleReader
from hereditary_kg.federation.triple_spools import TripleSpool
from hereditary_kg.rdf.terms import IRI, RDF_TYPE
from hereditary_kg.sites.loading import Progress
from hereditary_kg.sites.predicate_profiles import mean_predicate
from hereditary_kg.sites.profile import PredicateProfile, Profile
from hereditary_kg.sites.profiling import profile_store
from hereditary_kg.sites.published_names import NameRules, sum_up
from hereditary_kg.sites.shared_namespaces import SharingPolicy

__all__ = ["MOST_TRIPLES", "EndpointProfile", "profile_endpoint", "publishes_profile"]

MOST_TRIPLES = 2_000_000
"""Triples of a predicate beyond which they are counted and not read."""


@dataclass(frozen=True)
class EndpointProfile:
    """A profile, and what it took.

    Attributes:
        profile: the profile; its stamp is a count stamp.
        requests: how many requests were sent.
        counted: the predicates whose triples were not read; where there are any, characteristic
            sets and detected constants are missing.
        unstable: whether there are blank nodes whose labels hold for one answer only, so that
            characteristic sets, ranges and detected constants are missing.
    """

    profile: Profile
    requests: int
    counted: tuple[str, ...]
    unstable: bool


async def publishes_profile(member: Member, deadline: Deadline) -> bool:
    """Say whether a member publishes a profile itself; not if it cannot be asked."""
    try:
        async with WaitBudget(deadline, member.description.timeout).waiting():
            return await member.transport.fetch_profile(None) is not None
    except (TransportError, TimeoutError):
        return False


async def profile_endpoint(
    member: Member,
    policy: SharingPolicy | None = None,
    *,
    deadline: Deadline | None = None,
    progress: Progress | None = None,
    most_triples: int = MOST_TRIPLES,
) -> EndpointProfile:
    """Profile the data of a member's endpoint.

    Memory and disk hold what a store of the triples takes, some 250 bytes each.

    Args:
        member: the member.
        policy: what may be said about constants; only what is detected where none is given.
        deadline: when to give up.
        progress: told how many of the triples are done; it may be called from another thread.
        most_triples: predicates of more than this many are counted and not read.

    Raises:
        MemberError: the member cannot be reached, or does not count its triples.
        ProfilingError: its numbers do not add up, or its data changed meanwhile.
    """
    policy = policy or SharingPolicy()
    log = RequestLog()
    questions = EndpointQuestions(member, deadline or Deadline(None), log)
    counts = await ask_counts(questions, summed=True)
    predicates, graphs = counts.predicates, counts.graphs
    halves = _Halves(progress, sum(predicates.values()))
    with (
        tempfile.TemporaryDirectory(prefix="hkg-profile-") as directory,
        TripleSpool(Path(directory)) as spool,
    ):
        reader = TripleReader(questions, spool.add, halves.read)
        wanted = {iri: count for iri, count in predicates.items() if count <= most_triples}
        await reader.read(wanted)
        unstable = bool(log.members_with_blank_nodes())
        counted = {*predicates} - {*wanted} | reader.unread
        if unstable:
            # What was handed out twice, under two labels, would count twice.
            counted |= reader.repeated
        policy = _restrict(policy, counted, unstable=unstable)
        profile = await asyncio.to_thread(_measure, spool, counted, policy, graphs, halves.measured)
    if unstable:
        profile = await _without_labels(questions, profile)
    if counted:
        rules = NameRules(policy)
        unread = {iri: predicates[iri] for iri in counted}
        profile = await _with_counted(questions, profile, unread, rules)
    if await ask_stamp(questions, counts.stamp) != counts.stamp:
        raise ProfilingError(
            member.name,
            "its data changed while they were read; build the profile again when nothing is "
            "being loaded",
        )
    profile = replace(profile, stamp=counts.stamp)
    return EndpointProfile(profile, len(log), tuple(sorted(counted)), unstable)


class _Halves:
    """Tells how far the work has come: one half is reading, the other measuring."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress = progress
        self._total = total
        self._read = 0

    def read(self, triples: int, label: str) -> None:
        self._read += triples
        if self._progress is not None:
            self._progress(self._read // 2, self._total, label)

    def measured(self, done: int, total: int, label: str) -> None:
        if self._progress is not None:
            share = done / total if total else 1.0
            self._progress(int(self._total * (1 + share) / 2), self._total, label)


def _restrict(policy: SharingPolicy, counted: set[str], *, unstable: bool) -> SharingPolicy:
    # Whether a constant is a person's shows in all triples, and in how many subjects have it.
    return replace(policy, detects=policy.detects and not counted and not unstable)


def _measure(
    spool: TripleSpool,
    counted: set[str],
    policy: SharingPolicy,
    graphs: Mapping[str, int],
    progress: Progress,
) -> Profile:
    profile = profile_store(spool.load(without=counted), "", progress, policy, graphs=graphs)
    # Our store turns numbers of some datatypes into others; the member may not.
    predicates = {
        iri: replace(
            known, datatypes=tuple(sorted({*known.datatypes, *spool.datatypes.get(iri, ())}))
        )
        for iri, known in profile.predicates.items()
    }
    return replace(profile, predicates=predicates)


async def _with_counted(
    questions: EndpointQuestions,
    profile: Profile,
    counted: Mapping[str, int],
    rules: NameRules,
) -> Profile:
    """Add the predicates whose triples were not read."""
    found = {
        iri: await count_predicate(questions, iri, triples)
        for iri, triples in sorted(counted.items())
    }
    listed = rules.predicates(counted, {iri: known.subjects for iri, known in found.items()})
    predicates = {**profile.predicates, **{iri: found[iri] for iri in listed}}
    hidden = [known for iri, known in found.items() if iri not in listed]
    before = profile.unlisted_predicates
    if profile.unlisted_predicate is not None:
        hidden += [profile.unlisted_predicate] * before.count
    if RDF_TYPE in counted:
        instances = await count_classes(questions, counted[RDF_TYPE])
        kept = rules.classes(instances)
        profile = replace(
            profile,
            classes={iri: count for iri, count in instances.items() if iri in kept},
            unlisted_classes=sum_up(instances, kept),
        )
    return replace(
        profile,
        triples=profile.triples + sum(counted.values()),
        subjects=await questions.number("COUNT(DISTINCT ?s)", "?s ?p ?o"),
        predicates=dict(sorted(predicates.items())),
        characteristic_sets=(),
        links=(),
        unlisted_predicates=before.united(sum_up(counted, listed)),
        unlisted_predicate=mean_predicate(hidden),
    )


async def _without_labels(questions: EndpointQuestions, profile: Profile) -> Profile:
    """Take back what is not true where one blank node passes for several."""
    predicates = {
        iri: await _recount(questions, iri, known) for iri, known in profile.predicates.items()
    }
    subjects = profile.subjects
    if any(known.blank_subjects for known in predicates.values()):
        subjects = await questions.number("COUNT(DISTINCT ?s)", "?s ?p ?o")
    return replace(
        profile, subjects=subjects, predicates=predicates, characteristic_sets=(), links=()
    )


async def _recount(
    questions: EndpointQuestions, iri: str, known: PredicateProfile
) -> PredicateProfile:
    pattern = f"?s {IRI(iri).text} ?o"
    subjects, objects = known.subjects, known.objects
    if known.blank_subjects:
        subjects = await questions.number("COUNT(DISTINCT ?s)", pattern)
    if known.blank_objects:
        objects = await questions.number("COUNT(DISTINCT ?o)", pattern)
    return replace(
        known,
        subjects=subjects,
        objects=objects,
        number_range=None,
        date_range=None,
        object_counts={},
    )
