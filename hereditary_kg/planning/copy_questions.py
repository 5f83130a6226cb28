"""What members are asked to find out who holds copies (:mod:`hereditary_kg.planning.copies`).

Profiles say which members have IRIs of a namespace at an end of a predicate. Where a few do, one
of them may be the owner and the others may hold copies. Shared vocabularies are nobody's own:
profiles list their terms, or all members that use a predicate have nothing else at that end.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hereditary_kg.planning.copies import Copied
from hereditary_kg.planning.leaves import Leaf
from hereditary_kg.planning.members import Members, remembered
from hereditary_kg.planning.sources import Sources
from hereditary_kg.rdf.terms import IRI, Literal
from hereditary_kg.sites.profile import Profile
from hereditary_kg.sparql.algebra import Dataset, Variable

__all__ = [
    "COUNTED",
    "NUMBER",
    "OBJECT",
    "SUBJECT",
    "Place",
    "assumed_copies",
    "assumed_owners",
    "contested",
    "count_text",
    "places",
    "rows_text",
    "said_text",
]

NUMBER, SUBJECT, OBJECT, COUNTED = (
    f"{Variable.HIDDEN}{name}" for name in ("copy", "subject", "object", "counted")
)
"""The columns of answers: the position of what was asked, the ends of a triple, a number."""

_MOST_HOLDERS = 4
# Ends of predicates of which the places are kept.
_MOST_ENDS = 1024


@dataclass(frozen=True, order=True)
class Place:
    """A namespace at an end of a predicate.

    No two places of one end share an IRI: a place has the shortest of the namespaces that begin
    one with another.

    Attributes:
        predicate: its IRI.
        subjects: which end.
        namespace: what the IRIs begin with.
        holders: the members that have such IRIs there, in the federation's order.
    """

    predicate: str
    subjects: bool
    namespace: str
    holders: tuple[str, ...]

    @property
    def column(self) -> str:
        """The column of the end."""
        return SUBJECT if self.subjects else OBJECT

    @property
    def condition(self) -> str:
        """The condition that a triple is in it."""
        name, text = self.column, Literal(self.namespace).text
        return f"(isIRI(?{name}) && STRSTARTS(STR(?{name}), {text}))"

    def is_related(self, other: "Place") -> bool:
        """Whether an IRI can be in both namespaces."""
        one, two = self.namespace, other.namespace
        return one.startswith(two) or two.startswith(one)


def places(sources: Sources) -> tuple[Place, ...]:
    """Give the places of a query's predicates that at most a few members hold."""
    if len(sources.members) < 2 or sources.dataset != Dataset():
        return ()
    predicates = dict.fromkeys(
        leaf.triple.predicate.value
        for leaf in sources.candidates
        if leaf.graph is None
        and isinstance(leaf.triple.predicate, IRI)
        and not _is_converted(leaf, sources)
    )
    if len(predicates) < 2 and len(sources.candidates) < 2:
        return ()
    return tuple(
        place
        for predicate in predicates
        for subjects in (True, False)
        for place in _places(sources.members, (predicate, subjects))
    )


def _is_converted(leaf: Leaf, sources: Sources) -> bool:
    """Whether some member is asked in codes of its own, so that its triples are no copies."""
    return any(
        view.conversion is not None and view.conversion.affects(leaf.triple)
        for view in sources.members.values()
    )


def contested(found: Iterable[Place]) -> tuple[Place, ...]:
    """Give the places that several members hold."""
    return tuple(place for place in found if len(place.holders) > 1)


@remembered(most=_MOST_ENDS)
def _places(members: Members, end: tuple[str, bool]) -> tuple[Place, ...]:
    """Give the places of an end of a predicate that at most a few members hold.

    Args:
        members: the federation.
        end: the predicate's IRI, and whether its subjects are meant.
    """
    profiles = {
        name: view.profile
        for name, view in members.items()
        if view.profile is not None and view.profile.stamp
    }
    predicate, subjects = end
    found = _all_places(profiles, predicate, subjects=subjects)
    return tuple(place for place in found if len(place.holders) <= _MOST_HOLDERS)


def _all_places(
    profiles: Mapping[str, Profile], predicate: str, *, subjects: bool
) -> Iterable[Place]:
    holders: dict[str, list[str]] = {}
    listed, users = set[str](), set[str]()
    for name, profile in profiles.items():
        known = profile.predicate(predicate)
        if known is None or not (subjects or known.iri_objects):
            continue
        namespaces = known.subject_namespaces if subjects else known.object_namespaces
        if not namespaces:
            return
        users.add(name)
        codes = known.subject_filter if subjects else known.object_filter
        for namespace in namespaces:
            if codes is not None and namespace.startswith(codes.namespaces):
                listed.add(namespace)
            holders.setdefault(namespace, []).append(name)
    roots: dict[str, dict[str, None]] = {}
    root, dropped = None, set[str]()
    for namespace in sorted(holders):
        if root is None or not namespace.startswith(root):
            root = namespace
        roots.setdefault(root, {}).update(dict.fromkeys(holders[namespace]))
        if namespace in listed:
            dropped.add(root)
    # What everybody says something of, and nothing else, is nobody's own.
    if all(users == names.keys() for names in roots.values()):
        return
    for namespace, names in roots.items():
        if namespace not in dropped:
            ordered = tuple(name for name in profiles if name in names)
            yield Place(predicate, subjects, namespace, ordered)


def assumed_owners(found: Sequence[Place], decided: Mapping[str, str]) -> dict[str, str]:
    """Guess the owners of namespaces: whoever has them at most ends of the query's predicates."""
    owners = dict(decided)
    for place in contested(found):
        if place.namespace in owners:
            continue
        related = [other for other in found if place.is_related(other)]
        weights = {n: sum(n in other.holders for other in related) for n in place.holders}
        owners[place.namespace] = max(place.holders, key=lambda name: weights[name])
    return owners


def assumed_copies(
    found: Sequence[Place], owners: Mapping[str, str]
) -> dict[tuple[str, str], Copied]:
    """Give what could be left out if all that is not the owners' were copies."""
    subjects: dict[tuple[str, str], list[str]] = {}
    objects: dict[tuple[str, str], list[str]] = {}
    for place in contested(found):
        owner = owners[place.namespace]
        if owner not in place.holders:
            continue
        for name in place.holders:
            if name != owner:
                kind = subjects if place.subjects else objects
                kind.setdefault((name, place.predicate), []).append(place.namespace)
    return {
        key: Copied(tuple(subjects.get(key, ())), tuple(objects.get(key, ())))
        for key in {**subjects, **objects}
    }


def _triple(predicate: str, target: str = OBJECT) -> str:
    return f"?{SUBJECT} <{predicate}> ?{target}"


def count_text(asked: Sequence[Place]) -> str:
    """Ask how many triples a member has in each place, by position."""
    branches = " UNION ".join(
        f"{{ SELECT ({number} AS ?{NUMBER}) (COUNT(*) AS ?{COUNTED}) "
        f"WHERE {{ {_triple(place.predicate)} FILTER{place.condition} }} }}"
        for number, place in enumerate(asked)
    )
    return f"SELECT ?{NUMBER} ?{COUNTED} WHERE {{ {branches} }}"


def rows_text(asked: Sequence[tuple[str, Sequence[Place]]]) -> str:
    """Ask for the triples of each predicate that are in one of its places.

    Those with blank nodes, which have no copies, are left out.
    """
    branches = " UNION ".join(
        f"{{ {_triple(predicate)} "
        f"FILTER({' || '.join(place.condition for place in found)}) "
        f"FILTER(!isBlank(?{SUBJECT}) && !isBlank(?{OBJECT})) BIND({number} AS ?{NUMBER}) }}"
        for number, (predicate, found) in enumerate(asked)
    )
    return f"SELECT ?{NUMBER} ?{SUBJECT} ?{OBJECT} WHERE {{ {branches} }}"


def said_text(asked: Iterable[tuple[int, str, Iterable[str]]]) -> str:
    """Ask what a member says of subjects.

    Args:
        asked: a number, a predicate's IRI, and subjects in canonical text.
    """
    branches = " UNION ".join(
        f"{{ VALUES ?{SUBJECT} {{ {' '.join(subjects)} }} {_triple(predicate)} "
        f"FILTER(!isBlank(?{OBJECT})) BIND({number} AS ?{NUMBER}) }}"
        for number, predicate, subjects in asked
    )
    return f"SELECT ?{NUMBER} ?{SUBJECT} ?{OBJECT} WHERE {{ {branches} }}"
