"""What a member is asked for a pattern that is written in the user's vocabulary.

A member's graph is seen as if its codes, values and predicates were the user's
(:mod:`hereditary_kg.semantics.translation`). A pattern's solutions over that view are those of
another pattern over the member's data, in which each triple pattern of a converted predicate is
replaced. Of ``?p ex:disease NCIT:C34373`` at a member with two codes for it::

    SELECT DISTINCT ?p { VALUES ?code { OMIM:105400 OMIM:612069 } ?p ex:disease ?code }

and of ``?p ex:disease ?d``, where no two codes become one::

    VALUES (?code ?d) { (OMIM:105400 NCIT:C34373) … } ?p ex:disease ?code

Each has as many solutions as the view has matching triples, so that whatever is true of patterns
over the view (which joins cross members, what may be asked whole) is true of what is asked.

Where nothing but the answer reads ``?d``, the member is spared the table, and the answer is
translated when it comes (:mod:`hereditary_kg.semantics.late_translation`).
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TypeAlias

from hereditary_kg.rdf.terms import IRI, XSD, Literal, Term
from hereditary_kg.semantics.included_patterns import IncludedPattern
from hereditary_kg.semantics.late_translation import (
    CodedObject,
    LateTranslations,
    counts_rows,
    find_late_translations,
)
from hereditary_kg.semantics.translation import (
    Pair,
    Translation,
    Translator,
    is_disjoint,
    is_single,
)
from hereditary_kg.sparql.algebra import (
    BGP,
    UNIT,
    Call,
    Distinct,
    Exists,
    Expression,
    Filter,
    Graph,
    Join,
    Pattern,
    Project,
    Service,
    Slice,
    TriplePattern,
    Union,
    Values,
    Variable,
    VariableOrTerm,
    children,
    empty,
    with_children,
)
from hereditary_kg.sparql.paths import matches_zero_length, path_predicates
from hereditary_kg.sparql.rewriting import rewrite_expressions
from hereditary_kg.sparql.variables import triple_variables

__all__ = ["ConvertedPredicate", "MemberConversion", "NativeRequest"]

GraphName: TypeAlias = Variable | IRI | None

# What `MemberConversion.request` is asked; the answers to the latest are kept.
_Asked: TypeAlias = tuple[Pattern, frozenset[Variable], bool, bool]
_MOST_KEPT = 256

_NOTHING_LATE = LateTranslations()


@dataclass(frozen=True)
class ConvertedPredicate:
    """What of a member's data is seen under one predicate of the user's.

    Attributes:
        native: the member's predicate.
        translation: of its objects; None where they stay as they are.
        blank: whether blank nodes are among them.
        functional: whether each subject has one of them only, in the default graph.
    """

    native: IRI
    translation: Translation | None = None
    blank: bool = False
    functional: bool = False


@dataclass(frozen=True)
class NativeRequest:
    """What a member is asked instead of a pattern of the user's, and what becomes of its answer.

    Attributes:
        pattern: what it is asked.
        translated: the columns of its answer that are in its own terms, with the translations.
        distinct: whether rows that are equal once they are translated are one.
    """

    pattern: Pattern
    translated: Mapping[Variable, Translation] = field(default_factory=dict)
    distinct: bool = False


class MemberConversion:
    """How one member's data are seen by the user.

    Args:
        translator: the user's vocabulary.
        predicates: the user's predicate -> what is seen under it, where that is not just the
            member's own predicate of that name as it is.
    """

    def __init__(
        self,
        translator: Translator,
        predicates: Mapping[str, tuple[ConvertedPredicate, ...]],
    ) -> None:
        self.translator = translator
        self.predicates = predicates
        own = {each.native.value for seen in predicates.values() for each in seen}
        self.hidden = frozenset(own) | frozenset(predicates)
        """Predicates whose triples are not seen as they are."""
        self._requests: dict[_Asked, NativeRequest] = {}

    def affects(self, triple: TriplePattern) -> bool:
        """Whether a triple pattern's matches are other ones than it says."""
        if isinstance(triple, IncludedPattern):
            return True
        if isinstance(triple.predicate, Variable):
            return bool(self.hidden)
        walked = path_predicates(triple.predicate)
        if walked is None or matches_zero_length(triple.predicate):
            # A path of zero length matches all nodes, and so all codes.
            return bool(self.hidden)
        return any(iri.value in self.hidden for iri in walked)

    def matches_nothing(self, triple: TriplePattern) -> bool:
        """Whether it is clear that no triple matches."""
        if triple.is_path or isinstance(triple.predicate, Variable) or not self.affects(triple):
            return False
        seen = self.seen(triple)
        return all(
            each.translation is not None
            and not each.blank
            and not _may_be_other(triple, each.translation)
            and not self.pairs_of(triple, each.translation)
            for each in seen
        )

    def native(self, pattern: Pattern) -> Pattern:
        """Give what the member is asked for a pattern of the user's, answered in the user's terms.

        Paths must not walk converted predicates.
        """
        return _Rewriting(self).whole(pattern)

    def request(
        self,
        pattern: Pattern,
        shown: AbstractSet[Variable],
        *,
        merged: bool = False,
        whole_graph: bool = True,
    ) -> NativeRequest:
        """Give what the member is asked for a pattern of the user's, and what becomes of it.

        Paths must not walk converted predicates.

        Args:
            pattern: the pattern.
            shown: the variables that are columns of the answer.
            merged: whether it is a grouping of which equal groups are merged afterwards.
            whole_graph: whether the default graph is the member's own.
        """
        asked = (pattern, frozenset(shown), merged, whole_graph)
        if asked not in self._requests:
            if len(self._requests) >= _MOST_KEPT:
                self._requests.clear()
            self._requests[asked] = self._request(*asked)
        return self._requests[asked]

    def _request(
        self, pattern: Pattern, shown: frozenset[Variable], merged: bool, whole_graph: bool
    ) -> NativeRequest:
        def coded(triple: TriplePattern) -> CodedObject | None:
            return self._coded_object(triple, whole_graph=whole_graph)

        late = find_late_translations(pattern, shown, coded, merged=merged)
        native = _Rewriting(self, late, whole_graph=whole_graph).whole(pattern)
        return NativeRequest(native, late.shown, late.distinct)

    def _coded_object(self, triple: TriplePattern, *, whole_graph: bool) -> CodedObject | None:
        """Say how an object is translated; None where it is not, by several or in part."""
        if triple.is_path or isinstance(triple.predicate, Variable) or not self.affects(triple):
            return None
        seen = self.seen(triple)
        if len(seen) != 1 or seen[0].translation is None:
            return None
        translation = seen[0].translation
        if translation.asked is not None:
            # What stands there besides is not known, so neither is what becomes equal.
            return None
        functional = seen[0].functional and whole_graph
        if not isinstance(triple, IncludedPattern):
            single, disjoint = translation.is_single, translation.is_disjoint
            if translation.is_identity:
                return None
        else:
            pairs = self.pairs_of(triple, translation)
            single, disjoint = is_single(pairs), is_disjoint(pairs)
        return CodedObject(translation, single, disjoint, functional)

    def seen(self, triple: TriplePattern) -> tuple[ConvertedPredicate, ...]:
        """Give what of the member's data a pattern with a named predicate matches."""
        predicate = triple.predicate
        if not isinstance(predicate, IRI):
            raise TypeError(f"the predicate is not named: {triple}")
        seen = self.predicates.get(predicate.value)
        if seen is not None:
            return seen
        return () if predicate.value in self.hidden else (ConvertedPredicate(predicate),)

    def pairs_of(self, triple: TriplePattern, translation: Translation) -> tuple[Pair, ...]:
        """Give the terms that are asked for the user's."""
        if isinstance(triple, IncludedPattern):
            found = [set(translation.expand(asked).codes) for asked in triple.asked]
            return translation.of_codes(set.intersection(*found))
        if isinstance(triple.object, Variable):
            return translation.pairs
        return translation.of_user(triple.object)

    def included(self, asked: Iterable[str]) -> tuple[Term, ...]:
        """Give the user's terms for the codes that all of ``asked`` include."""
        found = [set(self.translator.included(code)) for code in asked]
        return tuple(map(self.translator.iri, sorted(set.intersection(*found))))


@dataclass(frozen=True)
class _Place:
    """Where in a query a pattern stands.

    Attributes:
        graph: the graph that it is matched in.
        counted: whether it matters how often it has a solution.
    """

    graph: GraphName = None
    counted: bool = True


class _Rewriting:
    """Rewrites one pattern, with new variables for the member's terms."""

    def __init__(
        self,
        conversion: MemberConversion,
        late: LateTranslations = _NOTHING_LATE,
        *,
        whole_graph: bool = False,
    ) -> None:
        self._conversion = conversion
        self._late = late.variables
        self._whole_graph = whole_graph
        self._numbers = count()

    def whole(self, pattern: Pattern) -> Pattern:
        """Rewrite a pattern, and those of EXISTS in its expressions."""
        return self._pattern(rewrite_expressions(pattern, self._expression), _Place())

    def _expression(self, expression: Expression) -> Expression:
        # Those further inside have been rewritten before.
        if not isinstance(expression, Exists):
            return expression
        return replace(expression, pattern=self._pattern(expression.pattern, _Place(counted=False)))

    def _pattern(self, pattern: Pattern, place: _Place) -> Pattern:
        match pattern:
            case BGP(triples):
                affected = [each for each in triples if self._conversion.affects(each)]
                plain = BGP(tuple(each for each in triples if each not in affected))
                return Join.of((plain, *(self._triple(each, place) for each in affected)))
            case Service():
                return pattern
            case Graph(name, inner):
                return Graph(name, self._pattern(inner, replace(place, graph=name)))
            case Project(inner, shown) if place.graph not in shown:
                # Inside, its name is another variable's.
                return Project(self._pattern(inner, replace(place, graph=None)), shown)
            case _:
                inside = replace(place, counted=counts_rows(pattern, counted=place.counted))
                new = tuple(self._pattern(child, inside) for child in children(pattern))
                return with_children(pattern, new)

    def _triple(self, triple: TriplePattern, place: _Place) -> Pattern:
        """Rewrite a triple pattern; of each of its matches, the result has one solution."""
        if triple.is_path:
            raise ValueError(f"a path walks what is converted: {triple}")
        if isinstance(triple.predicate, Variable):
            return self._any_predicate(triple, triple.predicate, place)
        branches = [self._branch(triple, each, place) for each in self._conversion.seen(triple)]
        united = Union.of(branches)
        return united if len(branches) < 2 else self._once(united, triple, place)

    def _any_predicate(self, triple: TriplePattern, predicate: Variable, place: _Place) -> Pattern:
        hidden = (IRI(iri) for iri in sorted(self._conversion.hidden))
        rest: Pattern = Join.of((_plain(triple), self._admitted(triple)))
        if self._conversion.hidden:
            rest = Filter.of(Call("NOT IN", (predicate, *hidden)), rest)
        branches = [rest]
        for iri in map(IRI, self._conversion.predicates):
            named = Values((predicate,), ((iri,),))
            branches.append(Join.of((named, self._triple(replace(triple, predicate=iri), place))))
        return Union.of(branches)

    def _admitted(self, triple: TriplePattern) -> Pattern:
        """Give what keeps an object that is no code of the member's to what was asked for."""
        if not isinstance(triple, IncludedPattern) or not isinstance(triple.object, Variable):
            return UNIT
        terms = self._conversion.included(triple.asked)
        return Values((triple.object,), tuple((term,) for term in terms))

    def _branch(self, triple: TriplePattern, seen: ConvertedPredicate, place: _Place) -> Pattern:
        native = _plain(triple, seen.native)
        if seen.translation is None:
            return Join.of((native, self._admitted(triple)))
        pairs = self._conversion.pairs_of(triple, seen.translation)
        if self._whole_graph and seen.functional and place.graph is None:
            # A subject has one match only, however many codes are looked for.
            place = replace(place, counted=False)
        if not isinstance(triple.object, Variable):
            return self._constant(triple, seen.native, pairs, place)
        if triple.object in self._late:
            return self._untranslated(triple, triple.object, seen.native, pairs)
        others = _may_be_other(triple, seen.translation)
        is_whole = others or seen.translation.asked is None
        if is_whole and pairs == seen.translation.pairs and seen.translation.is_identity:
            return native
        translated = self._variable(triple, triple.object, seen.native, pairs, place)
        if others:
            rest = _none_of(triple.object, (pair.native for pair in pairs))
            return Union.of((translated, Filter.of(rest, native)))
        if not seen.blank or isinstance(triple, IncludedPattern):
            return translated
        return Union.of((translated, Filter.of(Call("ISBLANK", (triple.object,)), native)))

    def _constant(
        self,
        triple: TriplePattern,
        native: IRI,
        pairs: tuple[Pair, ...],
        place: _Place,
    ) -> Pattern:
        terms = tuple(dict.fromkeys(pair.native for pair in pairs))
        if not terms:
            return empty(triple_variables(triple))
        if len(terms) == 1:
            return _plain(triple, native, terms[0])
        code = self._fresh()
        rows = Values((code,), tuple((term,) for term in terms))
        return self._once(Join.of((_plain(triple, native, code), rows)), triple, place)

    def _untranslated(
        self,
        triple: TriplePattern,
        shown: Variable,
        native: IRI,
        pairs: tuple[Pair, ...],
    ) -> Pattern:
        """Match the member's own codes, of those that are included."""
        plain = _plain(triple, native)
        if not isinstance(triple, IncludedPattern):
            return plain
        terms = dict.fromkeys(pair.native for pair in pairs)
        if not terms:
            return empty(triple_variables(triple))
        return Join.of((plain, Values((shown,), tuple((term,) for term in terms))))

    def _variable(
        self,
        triple: TriplePattern,
        shown: Variable,
        native: IRI,
        pairs: tuple[Pair, ...],
        place: _Place,
    ) -> Pattern:
        if not pairs:
            return empty(triple_variables(triple))
        if all(pair.native == pair.user for pair in pairs):
            rows = Values((shown,), tuple((pair.native,) for pair in pairs))
            return Join.of((_plain(triple, native), rows))
        code = self._fresh()
        rows = Values((code, shown), tuple((pair.native, pair.user) for pair in pairs))
        joined = Join.of((_plain(triple, native, code), rows))
        if len({pair.user for pair in pairs}) == len(pairs):
            # No two codes become one: no triple of the view comes twice.
            return joined
        return self._once(joined, triple, place)

    def _once(self, pattern: Pattern, triple: TriplePattern, place: _Place) -> Pattern:
        """Give each match of a triple pattern once."""
        if not place.counted:
            return pattern
        named = (place.graph,) if isinstance(place.graph, Variable) else ()
        variables = tuple(dict.fromkeys((*triple_variables(triple), *named)))
        if variables:
            return Distinct(Project(pattern, variables))
        return Slice(Project(pattern, (self._fresh(),)), 0, 1)

    def _fresh(self) -> Variable:
        return Variable(f"{Variable.HIDDEN}code{next(self._numbers)}")


def _may_be_other(triple: TriplePattern, translation: Translation) -> bool:
    """Whether a pattern matches terms that the member does not list, which stay as they are."""
    is_open = isinstance(triple.object, Variable) and not isinstance(triple, IncludedPattern)
    return translation.asked is not None and is_open


def _none_of(shown: Variable, terms: Iterable[Term]) -> Expression:
    """Give the condition that a variable is none of some terms."""
    iris: dict[Term, None] = {}
    condition: Expression = Literal("true", XSD + "boolean")
    for term in terms:
        if isinstance(term, IRI):
            iris[term] = None
        else:
            # Literals of other datatypes are not compared by NOT IN, but are an error.
            other = Call("!", (Call("SAMETERM", (shown, term)),))
            condition = Call("&&", (condition, other))
    return Call("&&", (condition, Call("NOT IN", (shown, *iris)))) if iris else condition


def _plain(
    triple: TriplePattern, predicate: IRI | None = None, target: VariableOrTerm | None = None
) -> BGP:
    """Give a pattern that is matched as it stands."""
    ends = (triple.subject, predicate or triple.predicate, target or triple.object)
    return BGP((TriplePattern(*ends),))
