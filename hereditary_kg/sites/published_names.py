"""Which predicates, classes and named graphs a profile lists, and how it sums up the others.

A name may be a person's, or stand below one (``…/patient/anna#genome``). So these are left out:

- named graphs, but for those in declared namespaces and the documents of public terminologies;
- classes below the site's base IRI, classes of fewer than three instances, and those whose path
  has numbers, but for public and declared ones;
- predicates of fewer than three subjects below the site's base IRI or a path with numbers;
- whatever the data have an individual for, or below the IRI of one (`sites.individuals`).

Names beyond the `ListLimits` are left out too, those of the fewest triples.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from hereditary_kg.rdf.terms import RDF_TYPE, XSD
from hereditary_kg.sites.individuals import Individuals
from hereditary_kg.sites.namespaces import cut_numbered, generalise_namespaces, namespace_of
from hereditary_kg.sites.profile import Unlisted
from hereditary_kg.sites.shared_namespaces import (
    FEWEST_USERS,
    PUBLIC_VOCABULARIES,
    TERM_CLASSES,
    SharingPolicy,
    is_well_known_whole,
)

__all__ = ["ListLimits", "NameRules", "sum_up"]

_CODE = re.compile(r".*[#/:_][A-Z]{0,3}[0-9]+(?:[.-][0-9]+)*", re.DOTALL)
_MOST_DATATYPES = 64


@dataclass(frozen=True)
class ListLimits:
    """How much a profile lists at most, so that its size does not grow with odd data.

    Attributes:
        predicates: so many predicates.
        classes: so many classes.
        graphs: so many named graphs.
        namespaces: so many namespaces at the ends of all predicates together.
        counts: so many counted constants of all predicates together.
        set_entries: so many predicates of all characteristic sets together.
        codes: so many codes in the censuses of all predicates together.
    """

    predicates: int = 1000
    classes: int = 1000
    graphs: int = 500
    namespaces: int = 4096
    counts: int = 4096
    set_entries: int = 16384
    codes: int = 100_000


@dataclass(frozen=True)
class NameRules:
    """Decides which names may be listed.

    Attributes:
        policy: the site's.
        individuals: what the data say; None where they are not at hand.
        limits: how many names are listed.
    """

    policy: SharingPolicy
    individuals: Individuals | None = None
    limits: ListLimits = ListLimits()

    def predicates(self, triples: Mapping[str, int], subjects: Mapping[str, int]) -> set[str]:
        """Choose predicates.

        Args:
            triples: per predicate its triples.
            subjects: per predicate its distinct subjects.
        """
        may = {iri for iri in triples if self._may_name_predicate(iri, subjects[iri])}
        chosen = _most_used(may, triples, self.limits.predicates)
        return chosen | ({RDF_TYPE} & triples.keys())

    def classes(self, instances: Mapping[str, int], shared: Iterable[str] = ()) -> set[str]:
        """Choose classes.

        Args:
            instances: per class its instances.
            shared: namespaces that turned out to hold terms only.
        """
        public = tuple(shared)
        may = {
            iri
            for iri, count in instances.items()
            if iri.startswith(public) or self._may_name_class(iri, count)
        }
        return _most_used(may, instances, self.limits.classes)

    def graphs(self, triples: Mapping[str, int]) -> set[str]:
        """Choose named graphs, of which the triples are given."""
        may = {iri for iri in triples if self._may_name_graph(iri)}
        return _most_used(may, triples, self.limits.graphs)

    def datatypes(self, found: Collection[str]) -> tuple[str, ...]:
        """Give datatypes, sorted; none, which stands for not known, where one may not be named."""
        if len(found) > _MOST_DATATYPES or not all(map(self._may_name_datatype, found)):
            return ()
        return tuple(sorted(found))

    def _may_name_predicate(self, iri: str, subjects: int) -> bool:
        if iri == RDF_TYPE or self._is_public(iri):
            return True
        if subjects < FEWEST_USERS and (self._is_own(iri) or _is_numbered(iri)):
            return False
        return not self._tells_of_individual(iri)

    def _may_name_class(self, iri: str, instances: int) -> bool:
        if self._is_public(iri):
            return True
        if instances < FEWEST_USERS or self._is_own(iri) or _is_numbered(iri):
            return False
        return not self._tells_of_individual(iri)

    def _may_name_graph(self, iri: str) -> bool:
        if iri.startswith(self.policy.namespaces):
            return True
        is_document = is_well_known_whole(namespace_of(iri)) and iri.endswith(".owl")
        return is_document and not self._tells_of_individual(iri)

    def _may_name_datatype(self, iri: str) -> bool:
        if iri.startswith(XSD) or self._is_public(iri):
            return True
        return not (self._is_own(iri) or _is_numbered(iri) or self._tells_of_individual(iri))

    def _is_public(self, iri: str) -> bool:
        if iri in TERM_CLASSES or iri.startswith(self.policy.namespaces):
            return True
        namespace = namespace_of(iri)
        if namespace in PUBLIC_VOCABULARIES:
            return True
        return is_well_known_whole(namespace) and _CODE.fullmatch(iri) is not None

    def _is_own(self, iri: str) -> bool:
        base = self.policy.base_iri
        return base is not None and iri.startswith(base)

    def _tells_of_individual(self, iri: str) -> bool:
        known = self.individuals
        return known is not None and (known.is_described(iri) or known.above(iri) is not None)


def sum_up(
    uses: Mapping[str, int],
    listed: Collection[str],
    is_public: Callable[[str], bool] | None = None,
    individuals: Individuals | None = None,
) -> Unlisted:
    """Sum up the names that are not listed.

    Args:
        uses: per name its triples; all names.
        listed: those that are listed.
        is_public: tells namespaces of vocabularies from others, if that is known.
        individuals: what the data say; None where they are not at hand.
    """
    rest = {iri: count for iri, count in uses.items() if iri not in listed}
    namespaces = generalise_namespaces(
        Counter(map(namespace_of, rest)), is_public, individuals=individuals
    )
    return Unlisted(len(rest), sum(rest.values()), namespaces)


def _most_used(names: Collection[str], uses: Mapping[str, int], most: int) -> set[str]:
    return set(sorted(names, key=lambda iri: (-uses[iri], iri))[:most])


def _is_numbered(iri: str) -> bool:
    namespace = namespace_of(iri)
    return cut_numbered(namespace) != namespace
