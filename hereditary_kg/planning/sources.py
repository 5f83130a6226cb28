"""Source selection: which members can contribute to which triple pattern.

Profiles answer most of it without a request: a predicate or class that a member does not
hold, a constant whose namespace never stands at that end, a literal whose datatype or
language the predicate never has. What they leave open for a pattern with a constant is put
to the members as one batched probe each (:func:`probe_text`).

A pattern without candidates is empty over the federation. A member without a profile is a
candidate for everything that its description's ``holds`` does not rule out.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from hereditary_kg.rdf.terms import IRI, RDF_TYPE, Literal
from hereditary_kg.sites.profile import PredicateProfile, Profile
from hereditary_kg.sparql.algebra import (
    BGP,
    NegatedPropertySet,
    Pattern,
    Query,
    TriplePattern,
    Variable,
)
from hereditary_kg.sparql.printing import triple_text
from hereditary_kg.sparql.variables import walk

__all__ = ["PROBED", "MemberView", "Sources", "probe_text", "probe_triples", "select_sources"]

PROBED = f"{Variable.HIDDEN}probed"
"""The column in which a member says which pattern it matches."""


@dataclass(frozen=True)
class MemberView:
    """What planning knows of a member.

    Attributes:
        name: its name in the federation description.
        profile: its profile, or None where it publishes none.
        holds: IRIs or namespaces of the predicates it may hold; empty for anything.
    """

    name: str
    profile: Profile | None = None
    holds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sources:
    """The candidates of each triple pattern of a query.

    Attributes:
        members: every member of the federation, by name.
        candidates: the members that may hold matches, in the federation's order.
        reasons: why a member is no candidate, in a few words.
    """

    members: Mapping[str, MemberView]
    candidates: Mapping[TriplePattern, tuple[str, ...]]
    reasons: Mapping[tuple[TriplePattern, str], str] = field(default_factory=dict)

    def without(self, excluded: Mapping[tuple[TriplePattern, str], str]) -> "Sources":
        """Give the sources without further pairs, with the reasons for leaving them out."""
        candidates = {
            triple: tuple(name for name in names if (triple, name) not in excluded)
            for triple, names in self.candidates.items()
        }
        return Sources(self.members, candidates, {**self.reasons, **excluded})


def query_triples(query: Query) -> tuple[TriplePattern, ...]:
    """Give the triple patterns of a query, those inside EXISTS included, each once."""
    found: dict[TriplePattern, None] = {}
    for node in walk(query.pattern):
        if isinstance(node, BGP):
            found.update(dict.fromkeys(node.triples))
    return tuple(found)


def select_sources(query: Query, members: Sequence[MemberView]) -> Sources:
    """Choose candidates from the profiles alone, asking nobody."""
    candidates: dict[TriplePattern, tuple[str, ...]] = {}
    reasons: dict[tuple[TriplePattern, str], str] = {}
    for triple in query_triples(query):
        kept = []
        for member in members:
            reason = _exclusion(triple, member)
            if reason is None:
                kept.append(member.name)
            else:
                reasons[triple, member.name] = reason
        candidates[triple] = tuple(kept)
    return Sources({member.name: member for member in members}, candidates, reasons)


def _exclusion(triple: TriplePattern, member: MemberView) -> str | None:
    """Say why ``member`` cannot match ``triple``, or None where it may."""
    predicate = triple.predicate
    if member.profile is None:
        return _described_exclusion(predicate, member)
    if not member.profile.triples:
        return "holds no triples"
    if not isinstance(predicate, IRI):
        return None
    target = triple.object if predicate.value == RDF_TYPE else None
    if isinstance(target, IRI) and target.value not in member.profile.classes:
        return "holds no instance of the class"
    known = member.profile.predicates.get(predicate.value)
    if known is None:
        return "does not use the predicate"
    return _subject_exclusion(triple, known) or _object_exclusion(triple, known)


def _described_exclusion(predicate: Variable | object, member: MemberView) -> str | None:
    if not member.holds or not isinstance(predicate, IRI):
        return None
    if predicate.value.startswith(member.holds):
        return None
    return "its description does not list the predicate"


def _subject_exclusion(triple: TriplePattern, known: PredicateProfile) -> str | None:
    if isinstance(triple.subject, IRI) and _foreign(triple.subject, known.subject_namespaces):
        return "has no such subject namespace at the predicate"
    return None


def _object_exclusion(triple: TriplePattern, known: PredicateProfile) -> str | None:
    target = triple.object
    if isinstance(target, IRI):
        if not known.iri_objects:
            return "has no IRI as object of the predicate"
        if _foreign(target, known.object_namespaces):
            return "has no such object namespace at the predicate"
    if isinstance(target, Literal):
        if not known.literal_objects:
            return "has no literal as object of the predicate"
        if target.language is not None:
            if known.languages and target.language not in known.languages:
                return "has no text in the language at the predicate"
        elif known.datatypes and target.datatype not in known.datatypes:
            return "has no value of the datatype at the predicate"
    return None


def _foreign(iri: IRI, namespaces: Iterable[str]) -> bool:
    known = tuple(namespaces)
    return bool(known) and not iri.value.startswith(known)


def probe_triples(sources: Sources) -> dict[str, tuple[TriplePattern, ...]]:
    """Give, per member, the patterns whose constants only the member itself can decide.

    A pattern with one candidate needs no probe: an empty answer says as much.
    """
    probes: dict[str, list[TriplePattern]] = {}
    for triple, names in sources.candidates.items():
        if len(names) > 1 and _has_open_constant(triple):
            for name in names:
                probes.setdefault(name, []).append(triple)
    return {name: tuple(triples) for name, triples in probes.items()}


def _has_open_constant(triple: TriplePattern) -> bool:
    if isinstance(triple.predicate, NegatedPropertySet) or triple.is_path:
        return False
    if isinstance(triple.predicate, IRI) and triple.predicate.value == RDF_TYPE:
        return not isinstance(triple.subject, Variable)
    return not (isinstance(triple.subject, Variable) and isinstance(triple.object, Variable))


def probe_text(triples: Sequence[TriplePattern]) -> str:
    """Write one query that asks a member which of ``triples`` it matches, by position."""
    branches = " UNION ".join(
        f"{{ SELECT ({position} AS ?{PROBED}) WHERE {{ {triple_text(triple)} }} LIMIT 1 }}"
        for position, triple in enumerate(triples)
    )
    return f"SELECT ?{PROBED} WHERE {{ {branches} }}"


def pattern_candidates(pattern: Pattern, sources: Sources) -> frozenset[str]:
    """Give every member that may contribute to some triple pattern of ``pattern``."""
    found: set[str] = set()
    for node in walk(pattern):
        if isinstance(node, BGP):
            for triple in node.triples:
                found.update(sources.candidates[triple])
    return frozenset(found)
