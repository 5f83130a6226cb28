"""What is converted of each member's data, by the codes that it is asked for.

The codes at a member's coded predicates stand in its profile where it lists them all
(`hereditary_kg.sites.code_censuses`). Others are asked for once for each version of its data, in
one request. Members that do not say which version they answer from are asked for each query.
Members that refuse are asked, query by query, for the codes that matter to it
(`hereditary_kg.execution.unlisted_codes`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hereditary_kg.execution.code_questions import ask_terms
from hereditary_kg.execution.context import ExecutionContext
from hereditary_kg.execution.streams import gather
from hereditary_kg.execution.unlisted_codes import UnlistedCodes
from hereditary_kg.federation.coding import MemberCoding
from hereditary_kg.federation.errors import MemberError
from hereditary_kg.planning.converted_profiles import converted_profile
from hereditary_kg.planning.members import MemberView
from hereditary_kg.rdf.terms import IRI
from hereditary_kg.semantics.included_patterns import SUBCLASS_OF, resolve_includes
from hereditary_kg.semantics.query_conversion import ConvertedPredicate, MemberConversion
from hereditary_kg.semantics.translation import Translation, Translator
from hereditary_kg.sites.profile import Profile
from hereditary_kg.sparql.algebra import Query

__all__ = ["Conversions"]


@dataclass(frozen=True)
class _Known:
    """What was made from a member's profile.

    Attributes:
        profile: the profile.
        view: the member as the user sees it.
        terms: the terms that it lists, by predicate.
        unlisted: those that it does not list; None where it lists all.
    """

    profile: Profile | None
    view: MemberView
    terms: Mapping[str, list[str]]
    unlisted: UnlistedCodes | None = None


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

        Of members that do not list their codes, `settled` is to be asked for more.

        Args:
            views: what their own profiles say.
            context: asks those whose codes are not known.
        """
        await gather(self._learn(view, context) for view in views if self._is_new(view))
        return [self._seen(view) for view in views if view.name not in context.failures]

    async def settled(
        self, query: Query, views: Sequence[MemberView], context: ExecutionContext
    ) -> list[MemberView]:
        """Give the same views with the codes that matter to a query.

        Args:
            query: without ``hkg:includes``.
            views: as `views` gave them.
            context: asks members that do not list their codes.
        """
        await gather(
            self._settle(known, query, context)
            for view in views
            if (known := self._known.get(view.name)) is not None and known.unlisted is not None
        )
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
        before = self._known.get(view.name)
        refused: dict[str, MemberError] = {}
        if view.profile is None and before is not None and before.unlisted is not None:
            refused |= before.unlisted.refused
        terms: dict[str, list[str]] = {}
        asked: list[str] = []
        for iri in sorted({*coding.codes, *coding.values} - refused.keys()):
            if not _may_use(view.profile, iri):
                continue
            listed = _listed_terms(view.profile, iri)
            if listed is None:
                asked.append(iri)
            else:
                terms[iri] = listed
        if asked:
            answers, more = await _ask_or_be_refused(context, view.name, asked)
            terms |= answers
            refused |= more
        if view.name in context.failures:
            return
        unlisted = None
        if refused:
            unlisted = UnlistedCodes(self._translator, coding, refused, view.profile)
        self._known[view.name] = self._made(view, view.profile, terms, unlisted)

    async def _settle(self, known: _Known, query: Query, context: ExecutionContext) -> None:
        name, unlisted = known.view.name, known.unlisted
        if unlisted is None:
            return
        try:
            is_new = await unlisted.find(query, name, context)
        except MemberError as error:
            context.fail(error)
            return
        context.notes.extend(f"{name} {told}" for told in unlisted.statements)
        if is_new:
            self._known[name] = self._made(known.view, known.profile, known.terms, unlisted)

    def _made(
        self,
        view: MemberView,
        profile: Profile | None,
        terms: Mapping[str, list[str]],
        unlisted: UnlistedCodes | None,
    ) -> _Known:
        asked = {} if unlisted is None else unlisted.asked
        every = terms if unlisted is None else {**terms, **unlisted.terms}
        conversion = self._conversion(profile, self._codings[view.name], every, asked)
        converted = None if profile is None else converted_profile(profile, conversion)
        seen = replace(view, profile=converted, conversion=conversion)
        return _Known(profile, seen, terms, unlisted)

    def _conversion(
        self,
        profile: Profile | None,
        coding: MemberCoding,
        terms: Mapping[str, list[str]],
        asked: Mapping[str, int],
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
            translation = None
            if iri in terms:
                translation = self._translation(coding, iri, terms[iri], asked.get(iri))
            seen = ConvertedPredicate(
                IRI(iri), translation, _may_have_blank(profile, iri), _is_functional(profile, iri)
            )
            found.setdefault(coding.predicates.get(iri, iri), []).append(seen)
        return MemberConversion(self._translator, {iri: tuple(seen) for iri, seen in found.items()})

    def _translation(
        self, coding: MemberCoding, iri: str, terms: list[str], asked: int | None
    ) -> Translation:
        coded = coding.codes.get(iri)
        if coded is not None:
            user = coding.predicates.get(iri, iri)
            return self._translator.at(user).translate(terms, coded, asked)
        return self._translator.enumerate(terms, coding.values[iri], asked)


async def _ask_or_be_refused(
    context: ExecutionContext, member: str, predicates: Sequence[str]
) -> tuple[Mapping[str, list[str]], Mapping[str, MemberError]]:
    """Ask for the terms at predicates; give the answers, and what was said instead of some."""
    try:
        return await ask_terms(context, member, predicates), {}
    except MemberError as error:
        if error.kind == "unreachable":
            context.fail(error)
            return {}, {}
        if len(predicates) == 1:
            return {}, {predicates[0]: error}
    answers: dict[str, list[str]] = {}
    refused: dict[str, MemberError] = {}
    for iri in predicates:
        one, other = await _ask_or_be_refused(context, member, [iri])
        answers |= one
        refused |= other
    return answers, refused


def _may_use(profile: Profile | None, iri: str) -> bool:
    return profile is None or _has_graphs(profile) or profile.predicate(iri) is not None


def _has_graphs(profile: Profile) -> bool:
    # What is in named graphs is not in the profile's numbers.
    return bool(profile.named_graphs or profile.unlisted_graphs.count)


def _listed_terms(profile: Profile | None, iri: str) -> list[str] | None:
    """Give the terms at a predicate if a profile lists all of them, blank nodes apart."""
    if profile is None or _has_graphs(profile):
        return None
    known = profile.predicates.get(iri)
    if known is None or known.codes is None or not known.codes.is_whole:
        return None
    return [f"<{iri}>" for iri in known.codes.iris]


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
