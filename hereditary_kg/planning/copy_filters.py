"""Patterns and sources without copies (:mod:`hereditary_kg.planning.copies`).

A triple pattern is matched without the copies of a member by a filter on its variables:
``{ ?p :age ?a FILTER(!STRSTARTS(STR(?p), "http://other.example/")) }``. Filters that change
nothing are not written:

* Solutions that will be joined with what already keeps a variable out of a namespace need no
  second filter on it, nor does what is optional to them, subtracted or tested, if they always bind
  the variable: where the terms differ, there is no compatible solution.
* Where subject and object of all copies of a predicate are in the namespaces that are left out,
  a filter on one of them is one on both.
"""

from collections.abc import Iterable
from dataclasses import replace

from hereditary_kg.planning.copies import Copied, Copies
from hereditary_kg.planning.domains import leaf_ends
from hereditary_kg.planning.leaves import Leaf, pattern_leaves
from hereditary_kg.planning.sources import Sources
from hereditary_kg.rdf.terms import IRI, Literal
from hereditary_kg.sparql.algebra import (
    BGP,
    Aggregate,
    Call,
    Dataset,
    Distinct,
    Exists,
    Expression,
    Extend,
    Filter,
    FunctionCall,
    Graph,
    Group,
    Join,
    LeftJoin,
    Minus,
    OrderBy,
    Pattern,
    Project,
    Reduced,
    Service,
    Slice,
    TriplePattern,
    Union,
    Values,
    Variable,
    conjunction,
)
from hereditary_kg.sparql.variables import certain_variables

__all__ = ["with_copies", "without_copies"]

_REASON = "has only copies of another member's triples there"

_Kept = frozenset[tuple[Variable, str]]
"""Variables with the namespaces that their values are known not to be in."""


def with_copies(sources: Sources, copies: Copies) -> Sources:
    """Give the sources without the candidates of which only copies could match."""
    kept = {key: copied for key, copied in copies.items() if copied}
    if not kept or sources.dataset != Dataset():
        return sources
    sources = replace(sources, copies=kept)
    excluded: dict[Leaf, dict[str, str]] = {}
    for leaf, names in sources.candidates.items():
        for name in names:
            if _is_left_out(leaf, name, sources):
                excluded.setdefault(leaf, {})[name] = _REASON
    return sources.without(excluded) if excluded else sources


def _is_left_out(leaf: Leaf, name: str, sources: Sources) -> bool:
    copied = _copied(leaf, name, sources)
    if copied is None:
        return False
    ends = ((leaf.triple.subject, copied.subjects), (leaf.triple.object, copied.objects))
    if any(isinstance(term, IRI) and term.value.startswith(known) for term, known in ends):
        return True
    domains = (end.domain(name) for end in leaf_ends(leaf, sources).values())
    return any(d.namespaces == () and not d.blank and d.datatypes == frozenset() for d in domains)


def _copied(leaf: Leaf, name: str, sources: Sources) -> Copied | None:
    predicate = leaf.triple.predicate
    if leaf.graph is not None or not isinstance(predicate, IRI):
        return None
    return sources.copies.get((name, predicate.value))


def without_copies(pattern: Pattern, member: str, sources: Sources) -> Pattern:
    """Give the pattern whose solutions at ``member`` are those over what is not left out there."""
    leaves = pattern_leaves(pattern)
    if not any(_copied(leaf, member, sources) for leaf in leaves):
        return pattern
    return _Restriction(member, sources).apply(pattern, frozenset())


class _Restriction:
    def __init__(self, member: str, sources: Sources) -> None:
        self._member = member
        self._sources = sources

    def apply(self, pattern: Pattern, kept: _Kept) -> Pattern:
        """Restrict a pattern.

        Args:
            pattern: what is restricted.
            kept: what holds of every solution that matters: others may be among the solutions
                of the result, or not, as it comes.
        """
        match pattern:
            case BGP():
                return self._basic(pattern, kept)
            case Join(parts):
                # Of the parts, only these are filtered for certain; the others rely on it.
                basic = [part for part in parts if isinstance(part, BGP)]
                inside = kept.union(*map(self.ensured, basic))
                others = [self.apply(part, inside) for part in parts if part not in basic]
                return Join.of((*(self.apply(part, kept) for part in basic), *others))
            case LeftJoin(left, right, condition):
                beside = self._beside(left, kept)
                tested = None if condition is None else self._expression(condition, frozenset())
                return LeftJoin.of(self.apply(left, kept), self.apply(right, beside), tested)
            case Minus(left, right):
                beside = self._beside(left, kept)
                return Minus.of(self.apply(left, kept), self.apply(right, beside))
            case Filter(condition, inner):
                beside = self._beside(inner, kept)
                return Filter.of(self._expression(condition, beside), self.apply(inner, kept))
            case Union(branches):
                return Union.of(self.apply(branch, kept) for branch in branches)
            case Project(inner, variables):
                return replace(pattern, pattern=self.apply(inner, _seen(kept, variables)))
            case Group(inner, keys, aggregates):
                counted = tuple((v, self._aggregate(each)) for v, each in aggregates)
                return Group(self.apply(inner, _seen(kept, keys)), keys, counted)
            case Extend(inner, variable, expression):
                known = frozenset(pair for pair in kept if pair[0] != variable)
                value = self._expression(expression, frozenset())
                return replace(pattern, pattern=self.apply(inner, known), expression=value)
            case Distinct(inner) | Reduced(inner):
                return replace(pattern, pattern=self.apply(inner, kept))
            case OrderBy(inner, keys):
                ordered = tuple(
                    replace(key, expression=self._expression(key.expression, frozenset()))
                    for key in keys
                )
                return OrderBy(self.apply(inner, frozenset()), ordered)
            case Slice(inner):
                return replace(pattern, pattern=self.apply(inner, frozenset()))
            case Values() | Graph() | Service():
                return pattern

    def ensured(self, pattern: Pattern) -> _Kept:
        """Give what holds of every solution of a restricted pattern."""
        match pattern:
            case BGP(triples):
                return self._closure(triples, self._needed(triples))
            case Join(parts):
                return frozenset().union(*map(self.ensured, parts))
            case LeftJoin(left, _) | Minus(left, _):
                return self.ensured(left)
            case Filter(_, inner) | Distinct(inner) | Reduced(inner):
                return self.ensured(inner)
            case _:
                return frozenset()

    def _beside(self, left: Pattern, kept: _Kept) -> _Kept:
        return frozenset(_seen(kept | self.ensured(left), certain_variables(left)))

    def _basic(self, pattern: BGP, kept: _Kept) -> Pattern:
        known = self._closure(pattern.triples, kept)
        conditions: list[Expression] = []
        needed = self._needed(pattern.triples)
        # The shortest namespaces first: what is not in one is not in a part of it.
        for variable, namespace in sorted(needed, key=lambda pair: (len(pair[1]), str(pair[0]))):
            if _holds(variable, namespace, known):
                continue
            known = self._closure(pattern.triples, known | {(variable, namespace)})
            conditions.append(self._condition(pattern.triples, variable, namespace))
        return Filter.of(conjunction(conditions), pattern) if conditions else pattern

    def _needed(self, triples: Iterable[TriplePattern]) -> _Kept:
        return frozenset(
            (end, namespace)
            for triple in triples
            if (copied := _copied(Leaf(triple), self._member, self._sources)) is not None
            for end, namespaces in (
                (triple.subject, copied.subjects),
                (triple.object, copied.objects),
            )
            if isinstance(end, Variable)
            for namespace in namespaces
        )

    def _closure(self, triples: tuple[TriplePattern, ...], known: _Kept) -> _Kept:
        """Add what follows from triples of which both ends decide."""
        tied = [
            ((triple.subject, copied.subjects), (triple.object, copied.objects))
            for triple in triples
            if (copied := _copied(Leaf(triple), self._member, self._sources)) and copied.tied
        ]
        while True:
            found = known
            for ends in tied:
                for (end, namespaces), (other, others) in (ends, ends[::-1]):
                    if isinstance(other, Variable) and _is_kept_out(end, namespaces, found):
                        found |= {(other, namespace) for namespace in others}
            if found == known:
                return known
            known = found

    def _condition(
        self, triples: Iterable[TriplePattern], variable: Variable, namespace: str
    ) -> Expression:
        begins = Call("STRSTARTS", (Call("STR", (variable,)), Literal(namespace)))
        # As a subject that is no blank node, it can only be an IRI.
        if any(triple.subject == variable and not self._has_blank(triple) for triple in triples):
            return Call("!", (begins,))
        return Call("!", (Call("&&", (Call("ISIRI", (variable,)), begins)),))

    def _has_blank(self, triple: TriplePattern) -> bool:
        profile = self._sources.members[self._member].profile
        if profile is None or not isinstance(triple.predicate, IRI):
            return True
        known = profile.predicate(triple.predicate.value)
        return known is None or known.blank_subjects

    def _expression(self, expression: Expression, kept: _Kept) -> Expression:
        match expression:
            case Exists(pattern):
                return replace(expression, pattern=self.apply(pattern, kept))
            case Call(_, arguments) | FunctionCall(_, arguments):
                new = tuple(self._expression(argument, kept) for argument in arguments)
                return replace(expression, arguments=new)
            case Aggregate():
                return self._aggregate(expression)
            case _:
                return expression

    def _aggregate(self, aggregate: Aggregate) -> Aggregate:
        if aggregate.argument is None:
            return aggregate
        return replace(aggregate, argument=self._expression(aggregate.argument, frozenset()))


def _holds(variable: Variable, namespace: str, known: _Kept) -> bool:
    return any(v == variable and namespace.startswith(other) for v, other in known)


def _is_kept_out(end: object, namespaces: tuple[str, ...], known: _Kept) -> bool:
    if isinstance(end, Variable):
        return all(_holds(end, namespace, known) for namespace in namespaces)
    return not (isinstance(end, IRI) and end.value.startswith(namespaces))


def _seen(kept: _Kept, variables: Iterable[Variable]) -> _Kept:
    shown = frozenset(variables)
    return frozenset(pair for pair in kept if pair[0] in shown)
