"""Which terms a variable can take at which member: what joins can cross members.

A profile says of both ends of a predicate in which namespaces their IRIs are, what datatypes
their literals have, and of shared vocabularies which codes occur. So of a variable of a triple
pattern it is known, member by member, which terms it may take (its domain). Where the domains of
two patterns share nothing across members, their join never crosses members.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from hereditary_kg.planning.leaves import Leaf
from hereditary_kg.planning.sources import MemberView, Sources, stored_datatypes
from hereditary_kg.rdf.terms import IRI, Literal, Term
from hereditary_kg.sites.profile import PredicateProfile, Profile
from hereditary_kg.sites.term_filters import TermFilter
from hereditary_kg.sparql.algebra import Dataset, Variable

__all__ = ["ANYTHING", "Domain", "VariableEnd", "leaf_ends"]

# Pairs of members whose filters are compared before overlap is taken for granted.
_MOST_COMPARISONS = 2_000


@dataclass(frozen=True)
class Domain:
    """The terms that a variable can take in one triple pattern at one member.

    Attributes:
        namespaces: every IRI begins with one of these; None where nothing is known of IRIs.
        blank: whether blank nodes are possible.
        datatypes: the datatypes of literals; None where nothing is known of literals.
        codes: of the IRIs of shared vocabularies, which ones; None where that is not known.
    """

    namespaces: tuple[str, ...] | None
    blank: bool
    datatypes: frozenset[str] | None
    codes: TermFilter | None = None

    def united(self, other: "Domain") -> "Domain":
        """Give the terms of either."""
        namespaces = datatypes = None
        if self.namespaces is not None and other.namespaces is not None:
            namespaces = tuple(sorted({*self.namespaces, *other.namespaces}))
        if self.datatypes is not None and other.datatypes is not None:
            datatypes = self.datatypes | other.datatypes
        codes = self.codes if self.codes == other.codes else None
        return Domain(namespaces, self.blank or other.blank, datatypes, codes)

    def admits(self, term: Term) -> bool:
        """Whether a term may be among them."""
        match term:
            case IRI(value):
                if self.codes is not None and self.codes.excludes(term.text):
                    return False
                return self.namespaces is None or value.startswith(self.namespaces)
            case Literal(_, datatype):
                return self.datatypes is None or bool(stored_datatypes(datatype) & self.datatypes)
            case _:
                return self.blank


ANYTHING = Domain(None, blank=True, datatypes=None)


def leaf_domain(leaf: Leaf, variable: Variable, member: MemberView, dataset: Dataset) -> Domain:
    """Give the terms that ``variable`` can take in ``leaf`` at ``member``."""
    predicate, profile = leaf.triple.predicate, member.profile
    if profile is None or leaf.graph is not None or dataset != Dataset():
        return ANYTHING
    is_subject = variable == leaf.triple.subject
    if isinstance(predicate, Variable) and variable != predicate:
        return node_domain(profile, subjects=is_subject)
    if not isinstance(predicate, IRI) or predicate.value not in profile.predicates:
        return ANYTHING
    known = profile.predicates[predicate.value]
    return _subject_domain(known) if is_subject else _object_domain(known)


def node_domain(profile: Profile, *, subjects: bool) -> Domain:
    """Give the terms that are a subject, or an object, of any triple."""
    ends = _subject_domain if subjects else _object_domain
    domains = [ends(known) for known in profile.predicates.values()]
    open_iris = any(domain.namespaces is None for domain in domains)
    open_literals = any(domain.datatypes is None for domain in domains)
    namespaces = {text for domain in domains for text in domain.namespaces or ()}
    datatypes = {text for domain in domains for text in domain.datatypes or ()}
    return Domain(
        None if open_iris else tuple(sorted(namespaces)),
        any(domain.blank for domain in domains),
        None if open_literals else frozenset(datatypes),
    )


def _subject_domain(known: PredicateProfile) -> Domain:
    namespaces = known.subject_namespaces or None
    return Domain(namespaces, known.blank_subjects, frozenset(), known.subject_filter)


def _object_domain(known: PredicateProfile) -> Domain:
    namespaces: tuple[str, ...] | None = ()
    if known.iri_objects:
        namespaces = known.object_namespaces or None
    datatypes: frozenset[str] | None = frozenset()
    if known.literal_objects:
        stored: set[str] = set().union(*map(stored_datatypes, known.datatypes))
        datatypes = frozenset(stored) or None
    return Domain(namespaces, known.blank_objects, datatypes, known.object_filter)


class VariableEnd:
    """A variable in one leaf, with its domain at each candidate.

    Attributes:
        leaf: the leaf.
        variable: the variable.
        domains: per member, what it can take there.
    """

    def __init__(self, leaf: Leaf, variable: Variable, domains: Mapping[str, Domain]) -> None:
        self.leaf = leaf
        self.variable = variable
        self.domains = domains

    def restricted(self, members: Iterable[str]) -> "VariableEnd":
        """Give the end at these members only."""
        kept = {name: self.domains[name] for name in members if name in self.domains}
        return (
            self if len(kept) == len(self.domains) else VariableEnd(self.leaf, self.variable, kept)
        )

    @cached_property
    def of_unknown_iris(self) -> frozenset[str]:
        """The members of whose IRIs nothing is known."""
        return frozenset(name for name, d in self.domains.items() if d.namespaces is None)

    @cached_property
    def by_namespace(self) -> dict[str, frozenset[str]]:
        """The members that may have IRIs of a namespace."""
        found: dict[str, set[str]] = {}
        for name, domain in self.domains.items():
            for namespace in domain.namespaces or ():
                found.setdefault(namespace, set()).add(name)
        return {namespace: frozenset(found[namespace]) for namespace in sorted(found)}

    @cached_property
    def coded_namespaces(self) -> frozenset[str]:
        """The namespaces of whose IRIs some member says which ones it has."""
        return frozenset(
            namespace
            for namespace, names in self.by_namespace.items()
            if any(_codes_in(self.domains[name], namespace) is not None for name in names)
        )

    @cached_property
    def with_iris(self) -> frozenset[str]:
        """The members that may have IRIs."""
        return frozenset(name for name, d in self.domains.items() if d.namespaces != ())

    @cached_property
    def by_datatype(self) -> dict[str | None, frozenset[str]]:
        """The members with literals of a datatype; under None, of any."""
        found: dict[str | None, set[str]] = {}
        for name, domain in self.domains.items():
            for datatype in (None,) if domain.datatypes is None else domain.datatypes:
                found.setdefault(datatype, set()).add(name)
        return {datatype: frozenset(names) for datatype, names in found.items()}

    @cached_property
    def with_literals(self) -> frozenset[str]:
        """The members that may have literals."""
        return frozenset(name for name, d in self.domains.items() if d.datatypes != frozenset())

    @cached_property
    def with_blank_nodes(self) -> frozenset[str]:
        """The members that may have blank nodes."""
        return frozenset(name for name, d in self.domains.items() if d.blank)

    def crosses(self, other: "VariableEnd") -> bool:
        """Whether a term may be here at one member and at ``other`` at another member."""
        return any(_is_cross(ours, theirs) for ours, theirs in self._meetings(other))

    def supported(self, other: "VariableEnd") -> frozenset[str]:
        """Give the members whose terms here may also be at ``other``, at any member."""
        found = set(self.with_blank_nodes & other.with_blank_nodes)
        for ours, theirs in self._meetings(other):
            if theirs:
                found |= ours
        return frozenset(found)

    def _meetings(self, other: "VariableEnd") -> Iterator[tuple[frozenset[str], frozenset[str]]]:
        """Yield groups of members, here and there, that may share an IRI or a literal."""
        yield self.of_unknown_iris, other.with_iris
        yield self.with_iris, other.of_unknown_iris
        for first, second in _shared_namespaces(self.by_namespace, other.by_namespace):
            here, there = self.by_namespace[first], other.by_namespace[second]
            if first in self.coded_namespaces and second in other.coded_namespaces:
                yield from self._compared(other, here, there, max(first, second, key=len))
            else:
                yield here, there
        yield self.by_datatype.get(None, frozenset()), other.with_literals
        yield self.with_literals, other.by_datatype.get(None, frozenset())
        for datatype, here in self.by_datatype.items():
            if datatype is not None and datatype in other.by_datatype:
                yield here, other.by_datatype[datatype]

    def _compared(
        self, other: "VariableEnd", here: frozenset[str], there: frozenset[str], namespace: str
    ) -> Iterator[tuple[frozenset[str], frozenset[str]]]:
        """Yield the members that share a namespace, as finely as their filters tell."""
        ours = {name: _codes_in(self.domains[name], namespace) for name in here}
        theirs = {name: _codes_in(other.domains[name], namespace) for name in there}
        open_here = frozenset(name for name, codes in ours.items() if codes is None)
        open_there = frozenset(name for name, codes in theirs.items() if codes is None)
        closed_here, closed_there = here - open_here, there - open_there
        yield open_here, there
        yield here, open_there
        if len(closed_here) * len(closed_there) > _MOST_COMPARISONS:
            yield closed_here, closed_there
            return
        for name in sorted(closed_here):
            codes = ours[name]
            found = frozenset(
                each
                for each in closed_there
                if (others := theirs[each]) and codes and codes.overlaps(others)
            )
            yield frozenset((name,)), found


def _codes_in(domain: Domain, namespace: str) -> TermFilter | None:
    """Give the filter where it covers every IRI of a namespace."""
    codes = domain.codes
    return codes if codes is not None and namespace.startswith(codes.namespaces) else None


def _is_cross(ours: frozenset[str], theirs: frozenset[str]) -> bool:
    return bool(ours and theirs) and (len(ours | theirs) > 1)


def _shared_namespaces(
    some: Mapping[str, object], others: Mapping[str, object]
) -> Iterator[tuple[str, str]]:
    """Yield the pairs of namespaces of which one begins with the other."""
    for first in some:
        if first in others:
            yield first, first
    marked = sorted({*((text, 0) for text in some), *((text, 1) for text in others)})
    # In sorted order what begins with a text follows it at once.
    above: list[tuple[str, int]] = []
    for text, side in marked:
        while above and not text.startswith(above[-1][0]):
            above.pop()
        for shorter, its_side in above:
            if its_side != side and shorter != text:
                yield (text, shorter) if side == 0 else (shorter, text)
        above.append((text, side))


def leaf_ends(leaf: Leaf, sources: Sources) -> dict[Variable, VariableEnd]:
    """Give the ends of a leaf that are variables, over its candidates."""
    members = [sources.members[name] for name in sources.candidates[leaf]]
    return {
        variable: VariableEnd(
            leaf,
            variable,
            {m.name: leaf_domain(leaf, variable, m, sources.dataset) for m in members},
        )
        for variable in leaf.variables
    }
