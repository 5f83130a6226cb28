"""Which terms a variable can take at which member: what joins can cross members.

A profile says of both ends of a predicate in which namespaces their IRIs are, what datatypes
their literals have, and of shared vocabularies which codes occur. So of a variable of a triple
pattern it is known, member by member, which terms it may take (its domain). Where the domains of
two patterns share nothing across members, their join never crosses members.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeAlias
from weakref import WeakKeyDictionary

from hereditary_kg.planning.copies import Copies
from hereditary_kg.planning.leaves import Leaf
from hereditary_kg.planning.members import Members, remembered
from hereditary_kg.planning.sources import Sources, stored_datatypes
from hereditary_kg.rdf.terms import IRI, Literal, Term
from hereditary_kg.sites.profile import PredicateProfile, Profile
from hereditary_kg.sites.term_filters import TermFilter, split_hashes
from hereditary_kg.sparql.algebra import Dataset, Variable

__all__ = ["ANYTHING", "Domain", "MemberDomains", "VariableEnd", "leaf_ends"]

# Pairs of members whose filters are compared one with the other.
_MOST_COMPARISONS = 2_000
# Hashes that are looked up where there are more pairs; where there are more, overlap is taken
# for granted.
_MOST_HASHES = 1_000_000
# Ends of predicates that are kept.
_MOST_ENDS = 1024


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

    def outside(self, namespaces: tuple[str, ...]) -> "Domain":
        """Give the terms that are not in ``namespaces``."""
        if self.namespaces is None or not namespaces:
            return self
        kept = tuple(each for each in self.namespaces if not each.startswith(namespaces))
        return replace(self, namespaces=kept)

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


def _end_key(leaf: Leaf, variable: Variable, dataset: Dataset) -> tuple[IRI | None, bool] | None:
    """Give the predicate (None: any) and whether it is its subject; None where nothing is known."""
    predicate = leaf.triple.predicate
    if leaf.graph is not None or dataset != Dataset():
        return None
    if isinstance(predicate, IRI):
        return predicate, variable == leaf.triple.subject
    if isinstance(predicate, Variable) and variable != predicate:
        return None, variable == leaf.triple.subject
    return None


def predicate_domain(
    profile: Profile | None, predicate: IRI | None, *, subjects: bool
) -> Domain | None:
    """Give the terms that are a subject, or an object, of a predicate, or of any.

    Args:
        profile: of the member, if it has one.
        predicate: the predicate, or None for any.
        subjects: which end.

    Returns:
        Its domain; None where the member does not use the predicate.
    """
    if profile is None:
        return ANYTHING
    if predicate is None:
        return node_domain(profile, subjects=subjects)
    known = profile.predicate(predicate.value)
    if known is None:
        return None
    return _subject_domain(known) if subjects else _object_domain(known)


def node_domain(profile: Profile, *, subjects: bool) -> Domain:
    """Give the terms that are a subject, or an object, of any triple."""
    ends = _subject_domain if subjects else _object_domain
    domains = [ends(known) for known in profile.every_predicate]
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


class MemberDomains:
    """The domains of one end, member by member.

    Those of the predicates of a federation are kept between queries, and with them what can meet.
    """

    def __init__(self, domains: Mapping[str, Domain]) -> None:
        self.domains = domains
        self._partners: WeakKeyDictionary[MemberDomains, _Partners]
        self._partners = WeakKeyDictionary()

    def partners(self, other: "MemberDomains") -> "_Partners":
        """Give, by member, the members at whose other end one of its terms may be.

        A blank node is known at one member only, and may be at both ends there.
        """
        known = self._partners.get(other)
        if known is None:
            known = self._partners[other] = _Partners(self._find_partners(other))
        return known

    def _find_partners(self, other: "MemberDomains") -> dict[str, frozenset[str]]:
        found = dict.fromkeys(self.domains, frozenset[str]())
        for ours, theirs in self._meetings(other):
            for name in ours:
                found[name] |= theirs
        for name in self.with_blank_nodes & other.with_blank_nodes:
            found[name] |= {name}
        return found

    @cached_property
    def members(self) -> frozenset[str]:
        """The members."""
        return frozenset(self.domains)

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
    def codes(self) -> dict[str, TermFilter]:
        """The filters of the members that have one."""
        return {name: d.codes for name, d in self.domains.items() if d.codes is not None}

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

    def _meetings(self, other: "MemberDomains") -> Iterator[tuple[frozenset[str], frozenset[str]]]:
        """Yield groups of members, here and there, that may share an IRI or a literal."""
        yield self.of_unknown_iris, other.with_iris
        yield self.with_iris, other.of_unknown_iris
        overlaps: Mapping[str, frozenset[str]] | None = None
        for first, second in _shared_namespaces(self.by_namespace, other.by_namespace):
            here, there = self.by_namespace[first], other.by_namespace[second]
            if first not in self.coded_namespaces or second not in other.coded_namespaces:
                yield here, there
                continue
            namespace = max(first, second, key=len)
            open_here = _open(self.domains, here, namespace)
            open_there = _open(other.domains, there, namespace)
            yield open_here, there
            yield here, open_there
            if overlaps is None:
                overlaps = _overlapping(self.codes, other.codes)
            for name in here - open_here:
                yield frozenset((name,)), overlaps[name] & there
        yield self.by_datatype.get(None, frozenset()), other.with_literals
        yield self.with_literals, other.by_datatype.get(None, frozenset())
        for datatype, here in self.by_datatype.items():
            if datatype is not None and datatype in other.by_datatype:
                yield here, other.by_datatype[datatype]


class _Partners:
    """The members at whose other end terms of a member may be."""

    def __init__(self, found: Mapping[str, frozenset[str]]) -> None:
        """Sort members by whom they meet.

        Args:
            found: the partners of each member.
        """
        # Most members meet nobody but themselves, or else the same ones as all others do.
        self._by_themselves = frozenset(n for n, met in found.items() if met == {n})
        groups: dict[frozenset[str], set[str]] = {}
        for name, met in found.items():
            if met and name not in self._by_themselves:
                groups.setdefault(met, set()).add(name)
        self._groups = [(met, frozenset(names)) for met, names in groups.items()]

    def supported(self, here: frozenset[str], there: frozenset[str]) -> frozenset[str]:
        """Give the members of ``here`` with a partner ``there``."""
        found = [self._by_themselves & here & there]
        found += [names & here for met, names in self._groups if not met.isdisjoint(there)]
        return frozenset().union(*found)

    def crosses(self, here: frozenset[str], there: frozenset[str]) -> bool:
        """Whether a member of ``here`` has another one ``there`` as a partner."""
        for met, names in self._groups:
            ours, theirs = names & here, met & there
            # A member is no partner to itself.
            if ours and theirs and (len(theirs) > 1 or ours != theirs):
                return True
        return False


class VariableEnd:
    """A variable in one leaf, with its domain at each candidate.

    Attributes:
        leaf: the leaf.
        variable: the variable.
        members: the candidates.
    """

    def __init__(
        self,
        leaf: Leaf,
        variable: Variable,
        whole: MemberDomains,
        members: frozenset[str] | None = None,
    ) -> None:
        """Put an end together.

        Args:
            leaf: the leaf.
            variable: the variable.
            whole: per member, what it can take there.
            members: those of them that are candidates; None for all.
        """
        self.leaf = leaf
        self.variable = variable
        self.members = whole.members if members is None else members
        self._whole = whole

    @cached_property
    def domains(self) -> Mapping[str, Domain]:
        """What the variable can take at each candidate."""
        if self.members == self._whole.members:
            return self._whole.domains
        return {name: d for name, d in self._whole.domains.items() if name in self.members}

    def domain(self, name: str) -> Domain:
        """Give what the variable can take at one candidate."""
        return self._whole.domains[name]

    def restricted(self, members: Iterable[str]) -> "VariableEnd":
        """Give the end at these members only."""
        kept = self.members.intersection(members)
        if len(kept) == len(self.members):
            return self
        return VariableEnd(self.leaf, self.variable, self._whole, kept)

    def crosses(self, other: "VariableEnd") -> bool:
        """Whether a term may be here at one member and at ``other`` at another member."""
        partners = self._whole.partners(other._whole)  # noqa: SLF001 (of the same class)
        return partners.crosses(self.members, other.members)

    def supported(self, other: "VariableEnd") -> frozenset[str]:
        """Give the members whose terms here may also be at ``other``, at any member."""
        partners = self._whole.partners(other._whole)  # noqa: SLF001 (of the same class)
        return partners.supported(self.members, other.members)


def _overlapping(
    some: Mapping[str, TermFilter], others: Mapping[str, TermFilter]
) -> dict[str, frozenset[str]]:
    """Give, by member, the members whose filters may have a term in common with its own."""
    if len(some) * len(others) <= _MOST_COMPARISONS:
        return {
            name: frozenset(each for each, theirs in others.items() if codes.overlaps(theirs))
            for name, codes in some.items()
        }
    if sum(map(len, others.values())) > _MOST_HASHES:
        return dict.fromkeys(some, frozenset(others))
    holders: dict[bytes, set[str]] = {}
    for name, codes in others.items():
        for code in split_hashes(codes.hashes):
            holders.setdefault(code, set()).add(name)
    return {
        name: frozenset().union(
            *(holders[code] for code in split_hashes(codes.hashes) if code in holders)
        )
        for name, codes in some.items()
    }


def _open(domains: Mapping[str, Domain], names: frozenset[str], namespace: str) -> frozenset[str]:
    """Give the members that do not say which IRIs of a namespace they have."""
    return frozenset(name for name in names if _codes_in(domains[name], namespace) is None)


def _codes_in(domain: Domain, namespace: str) -> TermFilter | None:
    """Give the filter where it covers every IRI of a namespace."""
    codes = domain.codes
    return codes if codes is not None and namespace.startswith(codes.namespaces) else None


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


_EndKey: TypeAlias = tuple[IRI | None, bool]
_LeftOut: TypeAlias = tuple[tuple[str, tuple[str, ...]], ...]


def _left_out(key: _EndKey, copies: Copies) -> _LeftOut:
    """Give the namespaces that members leave out at an end."""
    predicate, subjects = key
    if predicate is None:
        return ()
    return tuple(
        (name, copied.subjects if subjects else copied.objects)
        for (name, iri), copied in copies.items()
        if iri == predicate.value
    )


@remembered(most=_MOST_ENDS)
def _predicate_end(members: Members, end: tuple[_EndKey, _LeftOut]) -> MemberDomains:
    """Give an end of a predicate, at the members that use it.

    Args:
        members: the federation.
        end: the end, and what is left out there.
    """
    (predicate, subjects), left_out = end
    domains = {
        name: predicate_domain(view.profile, predicate, subjects=subjects)
        for name, view in members.items()
    }
    used = {name: domain for name, domain in domains.items() if domain is not None}
    used |= {name: used[name].outside(each) for name, each in left_out if name in used}
    return MemberDomains(used)


def leaf_ends(leaf: Leaf, sources: Sources) -> dict[Variable, VariableEnd]:
    """Give the ends of a leaf that are variables, over its candidates."""
    if leaf not in sources.ends:
        sources.ends[leaf] = {v: _leaf_end(leaf, v, sources) for v in leaf.variables}
    return dict(sources.ends[leaf])


def _leaf_end(leaf: Leaf, variable: Variable, sources: Sources) -> VariableEnd:
    names = sources.candidates[leaf]
    key = _end_key(leaf, variable, sources.dataset)
    whole = None
    if key is not None:
        whole = _predicate_end(sources.members, (key, _left_out(key, sources.copies)))
    if whole is None or not whole.members.issuperset(names):
        return VariableEnd(leaf, variable, MemberDomains(dict.fromkeys(names, ANYTHING)))
    return VariableEnd(leaf, variable, whole).restricted(names)
