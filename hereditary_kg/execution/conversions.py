"""What is converted of each member's data, by the codes that it is asked for.

The codes at a member's coded predicates are asked for once for each version of its data, in one
request. Members that do not say which version they answer from are asked for each query.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from hereditary_kg.execution.context import ExecutionContext
from hereditary_kg.execution.requests import ask_members
from hereditary_kg.execution.streams import collect, gather
from hereditary_kg.federation.coding import MemberCoding
from hereditary_kg.planning import plan
from hereditary_kg.planning.converted_profiles import converted_profile
from hereditary_kg.planning.members import MemberView
from hereditary_kg.rdf.terms import IRI
from hereditary_kg.semantics.included_patterns import SUBCLASS_OF, resolve_includes
from hereditary_kg.semantics.query_conversion import ConvertedPredicate, MemberConversion
from hereditary_kg.semantics.translation import Translation, Translator
from hereditary_kg.sites.profile import Profile
from hereditary_kg.sparql.algebra import (
    BGP,
    Distinct,
    Extend,
    Graph,
    Pattern,
    Project,
    Query,
    TriplePattern,
    Union,
    Variable,
)

__all__ = ["Conversions"]

_SUBJECT, _OBJECT, _GRAPH, _PREDICATE = (
    Variable(f"{Variable.HIDDEN}{name}") for name in ("s", "value", "g", "predicate")
)


@dataclass(frozen=True)
class _Known:
    """A member's view, and the profile that it was made from."""

    profile: Profile | None
    view: MemberView


class Conversions:
    """Converts queries for the members of a federation.

    Args:
        translator: the user's vocabulary.
        codings: what members write in their own way, by member.
    """

    def __init__(self, translator: Translator, codings: Mapping[str, MemberCoding]) -> None:
        self._translator = translator
        self._codings = codings
        self._plain = MemberConversion(translator, {})
        self._known: dict[str, _Known] = {}

    def query(self, query: Query, views: Sequence[MemberView]) -> Query:
        """Give a query without ``hkg:includes``, which stands in the marks of its patterns then.

        Raises:
            SemanticsError: ``hkg:includes`` says nothing, or of a code that nobody knows.
        """
        paths = not any(_may_have_hierarchy(view, self._translator.namespaces) for view in views)
        return replace(
            query, pattern=resolve_includes(query.pattern, self._translator, paths=paths)
        )

    async def views(
        self, views: Sequence[MemberView], context: ExecutionContext
    ) -> list[MemberView]:
        """Give what planning is to know of members: their data as the user sees them.

        Args:
            views: what their own profiles say.
            context: asks those whose codes are not known.
        """
        await gather(self._learn(view, context) for view in views if self._is_new(view))
        return [self._seen(view) for view in views if view.name not in context.failures]

    def _is_new(self, view: MemberView) -> bool:
        known = self._known.get(view.name)
        return bool(self._codings.get(view.name)) and (
            known is None or view.profile is None or known.profile is not view.profile
        )

    def _seen(self, view: MemberView) -> MemberView:
        known = self._known.get(view.name)
        if known is None:
            return replace(view, conversion=self._plain)
        return replace(view, profile=known.view.profile, conversion=known.view.conversion)

    async def _learn(self, view: MemberView, context: ExecutionContext) -> None:
        coding = self._codings[view.name]
        wanted = sorted(
            iri for iri in {*coding.codes, *coding.values} if _may_use(view.profile, iri)
        )
        terms = await _ask_terms(context, view.name, wanted) if wanted else {}
        if view.name in context.failures:
            return
        conversion = self._conversion(view.profile, coding, terms)
        profile = None if view.profile is None else converted_profile(view.profile, conversion)
        seen = replace(view, profile=profile, conversion=conversion)
        self._known[view.name] = _Known(view.profile, seen)

    def _conversion(
        self, profile: Profile | None, coding: MemberCoding, terms: Mapping[str, list[str]]
    ) -> MemberConversion:
        found: dict[str, list[ConvertedPredicate]] = {}
        natives = {*terms, *coding.predicates}
        # What is the user's by name already, and keeps it.
        natives |= {
            iri
            for iri in coding.predicates.values()
            if iri not in coding.predicates and _may_use(profile, iri)
        }
        for iri in sorted(natives):
            translation = self._translation(coding, iri, terms[iri]) if iri in terms else None
            seen = ConvertedPredicate(
                IRI(iri), translation, _may_have_blank(profile, iri), _is_functional(profile, iri)
            )
            found.setdefault(coding.predicates.get(iri, iri), []).append(seen)
        return MemberConversion(self._translator, {iri: tuple(seen) for iri, seen in found.items()})

    def _translation(self, coding: MemberCoding, iri: str, terms: list[str]) -> Translation:
        coded = coding.codes.get(iri)
        if coded is not None:
            user = coding.predicates.get(iri, iri)
            return self._translator.at(user).translate(terms, coded)
        return self._translator.enumerate(terms, coding.values[iri])


def _may_use(profile: Profile | None, iri: str) -> bool:
    # Named graphs are not in the profile's numbers.
    has_graphs = profile is not None and (profile.named_graphs or profile.unlisted_graphs.count)
    return profile is None or bool(has_graphs) or profile.predicate(iri) is not None


def _may_have_blank(profile: Profile | None, iri: str) -> bool:
    known = None if profile is None else profile.predicate(iri)
    return known is None or known.blank_objects


def _is_functional(profile: Profile | None, iri: str) -> bool:
    """Whether each subject of a predicate has one object only."""
    known = None if profile is None else profile.predicate(iri)
    return known is not None and known.triples == known.subjects


def _may_have_hierarchy(view: MemberView, namespaces: frozenset[str]) -> bool:
    """Whether a member may say what is below a code of the user's."""
    if view.profile is None:
        return True
    known = view.profile.predicate(SUBCLASS_OF.value)
    if known is None:
        return False
    admitted = known.subject_namespaces
    return not admitted or any(
        each.startswith(namespace) or namespace.startswith(each)
        for each in admitted
        for namespace in namespaces
    )


async def _ask_terms(
    context: ExecutionContext, member: str, predicates: Sequence[str]
) -> dict[str, list[str]]:
    """Ask a member which terms stand at some predicates, in any graph."""
    branches: list[Pattern] = []
    for iri in map(IRI, predicates):
        triples = BGP((TriplePattern(_SUBJECT, iri, _OBJECT),))
        places = (triples, Graph(_GRAPH, triples))
        branches.extend(Extend(place, _PREDICATE, iri) for place in places)
    shown = (_PREDICATE, _OBJECT)
    asked = Distinct(Project(Union.of(branches), shown))
    fetch = plan.Fetch(asked, (member,), shown, frozenset(shown), distinct=False)
    frame = await collect(ask_members(context, fetch, None), [variable.name for variable in shown])
    named = frame.filter(~pl.col(_OBJECT.name).str.starts_with("_:"))
    by_predicate: dict[str, list[str]] = {iri: [] for iri in predicates}
    for predicate, term in named.unique().sort(named.columns).iter_rows():
        by_predicate[predicate[1:-1]].append(term)
    return by_predicate
