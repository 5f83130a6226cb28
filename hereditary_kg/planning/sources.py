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
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from hereditary_kg.planning.copies import Copies
from hereditary_kg.planning.leaves import (
    Leaf,
    edge_leaves,
    leaf_shape,
    node_leaves,
    pattern_leaves,
    walked_edges,
)
from hereditary_kg.planning.members import Members, MemberView, remembered
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
    "Excluded",
    "Sources",
    "pattern_candidates",
    "select_sources",
    "stored_datatypes",
]

_KEPT_AS = {
    **dict.fromkeys(INTEGERS, XSD + "integer"),
    XSD + "dateTimeStamp": XSD + "dateTime",
}


Excluded: TypeAlias = Mapping[Leaf, Mapping[str, str]]
"""Why members are no candidates, in a few words, by leaf and member."""

# Kinds of triple patterns whose candidates are kept.
_MOST_SHAPES = 512


@dataclass(frozen=True)
class Sources:
    """The candidates of each leaf of a query.

    Attributes:
        members: every member of the federation.
        candidates: the members that may hold matches, in the federation's order.
        excluded: why a member is no candidate, in a few words, by leaf and member.
        dataset: the graphs that the query chooses (FROM, FROM NAMED).
        copies: what of a member's triples is left out, for others hold it as well.
        ends: of the leaves looked at so far; see `hereditary_kg.planning.domains.leaf_ends`.
    """

    members: Members
    candidates: Mapping[Leaf, tuple[str, ...]]
    excluded: Excluded = field(default_factory=dict)
    dataset: Dataset = field(default_factory=Dataset)
    copies: Copies = field(default_factory=dict)
    ends: dict[Leaf, dict[Variable, "VariableEnd"]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @cached_property
    def reasons(self) -> Mapping[tuple[Leaf, str], str]:
        """Why a member is no candidate, by leaf and member at once."""
        return {
            (leaf, name): reason
            for leaf, reasons in self.excluded.items()
            for name, reason in reasons.items()
        }

    def without(self, excluded: Excluded) -> "Sources":
        """Give the sources without further members, with the reasons for leaving them out.

        Args:
            excluded: candidates, by leaf and member.
        """
        candidates, reasons = dict(self.candidates), dict(self.excluded)
        for leaf, found in excluded.items():
            candidates[leaf] = tuple(name for name in candidates[leaf] if name not in found)
            reasons[leaf] = {**reasons.get(leaf, {}), **found}
        fewer = replace(self, candidates=candidates, excluded=reasons)
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


def select_sources(query: Query, members: Sequence[MemberView] | Members) -> Sources:
    """Choose candidates from the profiles alone, asking nobody.

    Args:
        query: the query.
        members: the federation; as :class:`Members` with what is known already.
    """
    known = members if isinstance(members, Members) else Members(members)
    leaves = dict.fromkeys(pattern_leaves(query.pattern))
    for leaf in tuple(leaves):
        # What a path walks may be fetched triple by triple.
        leaves.update(dict.fromkeys((*edge_leaves(leaf), *walked_edges(leaf), *node_leaves(leaf))))
    choices = {leaf: _choose(known, (leaf_shape(leaf), query.dataset)) for leaf in leaves}
    return Sources(
        known,
        {leaf: choice.candidates for leaf, choice in choices.items()},
        {leaf: choice.excluded for leaf, choice in choices.items() if choice.excluded},
        query.dataset,
    )


@dataclass(frozen=True)
class _Choice:
    """The candidates of a leaf, in the federation's order, and why others are none."""

    candidates: tuple[str, ...]
    excluded: Mapping[str, str]


@remembered(most=_MOST_SHAPES)
def _choose(members: Members, asked: tuple[Leaf, Dataset]) -> _Choice:
    """Choose the candidates of leaves of one shape."""
    leaf, dataset = asked
    names: Iterable[str] = members
    excluded: dict[str, str] = {}
    if leaf.constant_ends:
        # A constant only makes the candidates fewer, and most queries bring one of their own.
        before = _choose(members, (leaf_shape(leaf, constants=False), dataset))
        names, excluded = before.candidates, dict(before.excluded)
    candidates = []
    for name in names:
        reason = _exclusion(leaf, members[name], dataset)
        if reason is None:
            candidates.append(name)
        else:
            excluded[name] = reason
    return _Choice(tuple(candidates), excluded)


def _exclusion(leaf: Leaf, member: MemberView, dataset: Dataset) -> str | None:
    """Say why ``member`` cannot match ``leaf``, or None where it may."""
    if member.conversion is not None and member.conversion.matches_nothing(leaf.triple):
        return "has no code for it"
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
    ends = (triple.subject, profile.subject_namespaces), (triple.object, profile.object_namespaces)
    excluded = any(
        # Where no predicate has such terms, they need not be looked at one by one.
        isinstance(end, IRI) and namespaces is not None and not end.value.startswith(namespaces)
        for end, namespaces in ends
    ) or all(
        _subject_exclusion(triple, known) or _object_exclusion(triple, known)
        for known in profile.every_predicate
    )
    return "has the term at no predicate" if excluded else None


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
