"""Source selection: which members can contribute to which leaf of a query.

Profiles answer most of it without a request: a predicate or class that a member does not
hold, a constant whose namespace never stands at that end, a literal whose datatype or
language the predicate never has. What they leave open for a pattern with a constant is put
to the members as one batched probe each (:func:`probe_text`).

A pattern without candidates is empty over the federation. A member without a profile is a
candidate for everything that its description's ``holds`` does not rule out.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from hereditary_kg.planning.copies import Copies
from hereditary_kg.planning.leaves import (
    Leaf,
    edge_leaves,
    node_leaves,
    pattern_leaves,
    walked_edges,
)
from hereditary_kg.rdf.datatypes import INTEGERS
from hereditary_kg.rdf.terms import IRI, RDF_TYPE, XSD, Literal
from hereditary_kg.sites.profile import PredicateProfile, Profile
from hereditary_kg.sparql.algebra import (
    Dataset,
    Graph,
    Pattern,
    Query,
    TriplePattern,
    Variable,
)
from hereditary_kg.sparql.variables import walk

if TYPE_CHECKING:
    from hereditary_kg.planning.domains import VariableEnd

__all__ = [
    "MemberView",
    "Sources",
    "pattern_candidates",
    "select_sources",
    "stored_datatypes",
]

_KEPT_AS = {
    **dict.fromkeys(INTEGERS, XSD + "integer"),
    XSD + "dateTimeStamp": XSD + "dateTime",
}


@dataclass(frozen=True)
class MemberView:
    """What planning knows of a member.

    Attributes:
        name: its name in the federation description.
        profile: its profile, or None where it publishes none.
        holds: IRIs or namespaces of the predicates it may hold; empty for anything.
        asked_once: whether all that is wanted of it must come in one answer, because the labels
            of its blank nodes hold for one answer only.
        cuts_answers: whether it cuts long answers short, so that an order would be lost.
    """

    name: str
    profile: Profile | None = None
    holds: tuple[str, ...] = ()
    asked_once: bool = False
    cuts_answers: bool = False


@dataclass(frozen=True)
class Sources:
    """The candidates of each leaf of a query.

    Attributes:
        members: every member of the federation, by name.
        dataset: the graphs that the query chooses (FROM, FROM NAMED).
        ends: of the leaves looked at so far; see `hereditary_kg.planning.domains.leaf_ends`.
        candidates: the members that may hold matches, in the federation's order.
        reasons: why a member is no candidate, in a few words.
        copies: what of a member's triples is left out, for others hold it as well.
    """

    members: Mapping[str, MemberView]
    candidates: Mapping[Leaf, tuple[str, ...]]
    reasons: Mapping[tuple[Leaf, str], str] = field(default_factory=dict)
    dataset: Dataset = field(default_factory=Dataset)
    copies: Copies = field(default_factory=dict)
    ends: dict[Leaf, dict[Variable, "VariableEnd"]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def without(self, excluded: Mapping[tuple[Leaf, str], str]) -> "Sources":
        """Give the sources without further pairs, with the reasons for leaving them out."""
        candidates = dict(self.candidates)
        for leaf in {leaf for leaf, _ in excluded}:
            names = self.candidates[leaf]
            candidates[leaf] = tuple(name for name in names if (leaf, name) not in excluded)
        fewer = replace(self, candidates=candidates, reasons={**self.reasons, **excluded})
        kept = (leaf for leaf in self.ends if candidates[leaf] == self.candidates[leaf])
        fewer.ends.update((leaf, self.ends[leaf]) for leaf in kept)
        return fewer

    @property
    def merges_graphs(self) -> bool:
        """Whether the default graph is a merge even at one member (FROM with two graphs)."""
        return len(self.dataset.default) > 1

    def graph_holders(self, name: Variable | IRI) -> tuple[str, ...]:
        """Give the members that may have a graph of this name, or any where it is a variable."""
        return tuple(
            member.name
            for member in self.members.values()
            if _graph_exclusion(name, member, self.dataset) is None
        )


def select_sources(query: Query, members: Sequence[MemberView]) -> Sources:
    """Choose candidates from the profiles alone, asking nobody."""
    candidates: dict[Leaf, tuple[str, ...]] = {}
    reasons: dict[tuple[Leaf, str], str] = {}
    leaves = dict.fromkeys(pattern_leaves(query.pattern))
    for leaf in tuple(leaves):
        # What a path walks may be fetched triple by triple.
        leaves.update(dict.fromkeys((*edge_leaves(leaf), *walked_edges(leaf), *node_leaves(leaf))))
    for leaf in leaves:
        kept = []
        for member in members:
            reason = _exclusion(leaf, member, query.dataset)
            if reason is None:
                kept.append(member.name)
            else:
                reasons[leaf, member.name] = reason
        candidates[leaf] = tuple(kept)
    by_name = {member.name: member for member in members}
    return Sources(by_name, candidates, reasons, query.dataset)


def _exclusion(leaf: Leaf, member: MemberView, dataset: Dataset) -> str | None:
    """Say why ``member`` cannot match ``leaf``, or None where it may."""
    if leaf.graph is not None:
        return _graph_exclusion(leaf.graph, member, dataset)
    if dataset.default:
        reasons = [_graph_exclusion(iri, member, Dataset()) for iri in dataset.default]
        return None if None in reasons else reasons[0]
    if dataset.named:
        return "FROM NAMED alone leaves the default graph empty"
    if member.profile is None:
        return _described_exclusion(leaf, member)
    return _profiled_exclusion(leaf, member.profile)


def _graph_exclusion(name: Variable | IRI, member: MemberView, dataset: Dataset) -> str | None:
    if dataset != Dataset():
        if isinstance(name, IRI) and name not in dataset.named:
            return "FROM NAMED does not list the graph"
        if not dataset.named:
            return "there is no FROM NAMED"
    if member.profile is None:
        return None
    profile = member.profile
    if isinstance(name, IRI):
        return None if profile.may_have_graph(name.value) else "does not have the named graph"
    if dataset.named:
        has_one = any(profile.may_have_graph(iri.value) for iri in dataset.named)
    else:
        has_one = bool(profile.named_graphs) or profile.unlisted_graphs.count > 0
    return None if has_one else "has none of the named graphs"


def _profiled_exclusion(leaf: Leaf, profile: Profile) -> str | None:
    if not profile.triples:
        return "holds no triples"
    if leaf.predicates is None:
        return _node_exclusion(leaf, profile)
    held = (profile.predicate(predicate.value) for predicate in leaf.predicates)
    known = [each for each in held if each is not None]
    if not known:
        return "does not use the predicate"
    if not leaf.constant_ends or leaf.triple.is_path:
        return None
    triple = leaf.triple
    target = triple.object if leaf.predicates[0].value == RDF_TYPE else None
    if isinstance(target, IRI) and not profile.may_have_class(target.value):
        return "holds no instance of the class"
    return _subject_exclusion(triple, known[0]) or _object_exclusion(triple, known[0])


def _node_exclusion(leaf: Leaf, profile: Profile) -> str | None:
    """Look for a constant among the nodes of all triples."""
    triple = leaf.triple
    if not leaf.constant_ends or triple.is_path:
        return None
    reasons = [
        _subject_exclusion(triple, known) or _object_exclusion(triple, known)
        for known in profile.every_predicate
    ]
    return None if None in reasons else "has the term at no predicate"


def _described_exclusion(leaf: Leaf, member: MemberView) -> str | None:
    predicates = leaf.predicates
    if not member.holds or predicates is None:
        return None
    if any(predicate.value.startswith(member.holds) for predicate in predicates):
        return None
    return "its description does not list the predicate"


def _subject_exclusion(triple: TriplePattern, known: PredicateProfile) -> str | None:
    subject, held = triple.subject, known.subject_filter
    if isinstance(subject, IRI):
        if _foreign(subject, known.subject_namespaces):
            return "has no such subject namespace at the predicate"
        if held is not None and held.excludes(subject.text):
            return "does not have the subject at the predicate"
    return None


def _object_exclusion(triple: TriplePattern, known: PredicateProfile) -> str | None:
    target, held = triple.object, known.object_filter
    if isinstance(target, IRI | Literal) and held is not None and held.excludes(target.text):
        return "does not have the object at the predicate"
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
        elif known.datatypes and not stored_datatypes(target.datatype) & set(known.datatypes):
            return "has no value of the datatype at the predicate"
    return None


def stored_datatypes(datatype: str) -> set[str]:
    """Give the datatypes that a store may keep a value of ``datatype`` under.

    Oxigraph keeps every integer as an xsd:integer, and finds it under the type it came with.
    """
    return {datatype, _KEPT_AS.get(datatype, datatype)}


def _foreign(iri: IRI, namespaces: Iterable[str]) -> bool:
    known = tuple(namespaces)
    return bool(known) and not iri.value.startswith(known)


def pattern_candidates(pattern: Pattern, sources: Sources) -> frozenset[str]:
    """Give every member that may contribute to ``pattern``."""
    found: set[str] = set()
    for leaf in pattern_leaves(pattern):
        found.update(sources.candidates[leaf])
    for node in walk(pattern):
        # Which graphs there are can matter where no triple does.
        if isinstance(node, Graph):
            found.update(sources.graph_holders(node.name))
    return frozenset(found)
