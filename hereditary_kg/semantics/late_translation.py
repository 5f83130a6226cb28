"""Which of a query's variables can be translated in the answer, instead of at the member.

A member could be given a table of its codes and the user's, and join it with its data. Where a
variable does nothing but show the codes of one triple pattern, it is cheaper to ask for the
member's own codes, and to replace them in the answer::

    SELECT ?d (COUNT(DISTINCT ?p) AS ?n) { ?p ex:disease ?d } GROUP BY ?d

is asked as it stands, and the rows get the user's codes when they come. That is right where each
solution over the view is that of one solution over the member's data, with the code replaced:

* nothing else reads the variable: no other triple pattern, no expression, no inline data;
* no two of the member's triples become one, for no two codes become the same (the translation is
  *disjoint*) or each subject has one code only (the predicate is *functional*); or the rows are a
  set, and are made one again after they are translated;
* where rows are counted or told apart before they come (LIMIT, DISTINCT, grouping), translating
  changes neither their number nor which of them are equal.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

from hereditary_kg.semantics.translation import Translation
from hereditary_kg.sparql.algebra import (
    BGP,
    Distinct,
    Expression,
    Extend,
    Filter,
    Graph,
    Group,
    Join,
    Minus,
    OrderBy,
    Pattern,
    Project,
    Service,
    Slice,
    TriplePattern,
    Values,
    Variable,
    children,
)
from hereditary_kg.sparql.variables import (
    expression_patterns,
    expression_variables,
    mentioned_variables,
    pattern_expressions,
    scope_variables,
    walk,
)

__all__ = ["CodedObject", "LateTranslations", "counts_rows", "find_late_translations"]


@dataclass(frozen=True)
class CodedObject:
    """How the object of one triple pattern is translated.

    Attributes:
        translation: the terms that may stand there.
        single: whether each of the member's terms has one of the user's.
        disjoint: whether no two of the member's have the same one of the user's.
        functional: whether each subject has one of them only, in the default graph.
    """

    translation: Translation
    single: bool
    disjoint: bool
    functional: bool


@dataclass(frozen=True)
class LateTranslations:
    """What is translated in the answer.

    Attributes:
        variables: those for which the member is asked in its own codes.
        shown: the translations of those that are columns of the answer.
        distinct: whether rows may be equal once they are translated, and are to be one.
    """

    variables: frozenset[Variable] = frozenset()
    shown: Mapping[Variable, Translation] = field(default_factory=dict)
    distinct: bool = False


def counts_rows(pattern: Pattern, *, counted: bool) -> bool:
    """Whether it matters how often what is directly below a pattern has a solution.

    Args:
        pattern: a node.
        counted: whether it matters for the node itself.
    """
    match pattern:
        case Distinct():
            return False
        case Slice():
            return True
        case Group(_, _, aggregates):
            return not all(each.distinct or each.name in _UNCOUNTED for _, each in aggregates)
        case _:
            return counted


_UNCOUNTED = frozenset(("MIN", "MAX", "SAMPLE"))


def find_late_translations(
    pattern: Pattern,
    shown: AbstractSet[Variable],
    lookup: Callable[[TriplePattern], CodedObject | None],
    *,
    merged: bool = False,
) -> LateTranslations:
    """Find what can be translated in the answer.

    Args:
        pattern: what a member is asked, in the user's terms.
        shown: the variables that are columns of the answer.
        lookup: says how the object of a triple pattern is translated; None where it is not, or
            not by one translation.
        merged: whether the pattern is a grouping of which equal groups are merged afterwards.
    """
    analysis = _Analysis(lookup)
    is_whole = shown >= set(scope_variables(pattern))
    analysis.visit(pattern, _Place(frozenset(shown), outermost=is_whole, merged=merged))
    is_set = is_whole and _is_set(pattern)
    late = [use for use in analysis.uses() if use.is_late(is_set=is_set)]
    visible = [use for use in late if use.variable in use.place.shown]
    return LateTranslations(
        frozenset(use.variable for use in late),
        {use.variable: use.coded.translation for use in visible},
        any(use.makes_equal for use in visible),
    )


def _is_set(pattern: Pattern) -> bool:
    """Whether no two solutions of a pattern are equal, for they say all that was matched."""
    return all(isinstance(part, BGP | Join | Filter) for part in walk(pattern, into_exists=False))


@dataclass(frozen=True)
class _Place:
    """Where in a query a pattern stands.

    Attributes:
        shown: the variables that are columns of the answer.
        outermost: whether its rows are those of the answer.
        counted: whether it matters how often it has a solution.
        fixed: whether the number of rows matters on the way: some are cut off.
        told: the variables by which rows are told apart on the way; None where they are not.
        again: whether the rows of the answer can be told apart once more instead.
        keys: the keys of the grouping on the way.
        merged: whether groups are merged afterwards.
        counts: what is counted of the groups, each value once.
        graph: whether it is matched in named graphs.
    """

    shown: frozenset[Variable]
    outermost: bool = False
    counted: bool = True
    fixed: bool = False
    told: frozenset[Variable] | None = None
    again: bool = False
    keys: frozenset[Variable] = frozenset()
    merged: bool = False
    counts: tuple[Expression | None, ...] = ()
    graph: bool = False

    def below(self, pattern: Pattern) -> "_Place":
        """Give the place directly below a pattern that stands here."""
        inner = replace(self, outermost=False)
        match pattern:
            case Project(_, variables):
                kept = frozenset(variables)
                told = None if self.told is None else self.told & kept
                return replace(inner, shown=self.shown & kept, told=told)
            case Distinct(below):
                if self.told is not None and self.again:
                    return inner
                told = frozenset(scope_variables(below))
                return replace(inner, counted=False, told=told, again=self.outermost)
            case Slice():
                return replace(inner, counted=True, fixed=True, again=False)
            case Group(_, keys, aggregates):
                counts = tuple(each.argument for _, each in aggregates if each.distinct)
                return replace(
                    inner,
                    shown=self.shown & frozenset(keys),
                    counted=counts_rows(pattern, counted=True),
                    told=None,
                    again=False,
                    keys=frozenset(keys),
                    merged=self.merged and self.outermost,
                    counts=counts,
                )
            case Graph():
                return replace(inner, graph=True)
            case OrderBy():
                # Telling rows apart again would lose their order.
                return replace(inner, again=False)
            case _:
                return inner

    @property
    def unseen(self) -> "_Place":
        """Give the place of what is only tested for having solutions."""
        return _Place(frozenset(), counted=False, graph=self.graph)


@dataclass(frozen=True)
class _Use:
    """The one triple pattern that a variable shows the codes of."""

    variable: Variable
    triple: TriplePattern
    coded: CodedObject
    place: _Place

    @property
    def is_faithful(self) -> bool:
        """Whether no two matches become one."""
        return self.coded.disjoint or (self.coded.functional and not self.place.graph)

    @property
    def makes_equal(self) -> bool:
        """Whether rows of the answer may become equal that are to be one."""
        if self.variable in self.place.keys or self.coded.disjoint:
            return False
        return self.place.again or not self.is_faithful

    def is_late(self, *, is_set: bool) -> bool:
        """Whether it can be translated in the answer.

        Args:
            is_set: whether the rows of the answer are a set without further ado.
        """
        coded, place, variable = self.coded, self.place, self.variable
        if coded.single and coded.disjoint:
            # Another name for each code.
            return True
        is_shown = variable in place.shown
        if variable in place.keys:
            return is_shown and not place.fixed and (coded.disjoint or self._merges_groups())
        if place.told is not None and variable in place.told:
            return is_shown and not place.fixed and (coded.disjoint or place.again)
        if not is_shown:
            return not place.counted or (coded.single and self.is_faithful)
        if place.fixed:
            return coded.single and self.is_faithful
        return self.is_faithful or is_set

    def _merges_groups(self) -> bool:
        """Whether one of the user's groups is several of the member's, and their sum is right."""
        place = self.place
        return (
            place.merged
            and self.is_faithful
            and all(each == self.triple.subject for each in place.counts)
        )


class _Analysis:
    """Finds the variables that stand in one triple pattern alone."""

    def __init__(self, lookup: Callable[[TriplePattern], CodedObject | None]) -> None:
        self._lookup = lookup
        self._mentions: Counter[Variable] = Counter()
        self._read: set[Variable] = set()
        self._uses: list[_Use] = []

    def uses(self) -> Iterable[_Use]:
        """Give what is read by one triple pattern, and by nothing else."""
        return (
            use
            for use in self._uses
            if self._mentions[use.variable] == 1 and use.variable not in self._read
        )

    def visit(self, pattern: Pattern, place: _Place) -> None:
        """Look through a pattern that stands somewhere."""
        for expression in pattern_expressions(pattern):
            self._read |= expression_variables(expression, into_exists=False)
            for inner in expression_patterns(expression):
                self.visit(inner, place.unseen)
        match pattern:
            case BGP(triples):
                for triple in triples:
                    self._note(triple, place)
            case Service():
                self._read |= mentioned_variables(pattern)
                return
            case Minus(left, right):
                self.visit(left, place.below(pattern))
                self.visit(right, place.unseen)
                return
            case Values(variables):
                self._read.update(variables)
            case Extend(_, variable):
                self._read.add(variable)
            case Graph(name) if isinstance(name, Variable):
                self._read.add(name)
        for child in children(pattern):
            self.visit(child, place.below(pattern))

    def _note(self, triple: TriplePattern, place: _Place) -> None:
        ends = (triple.subject, triple.predicate, triple.object)
        self._mentions.update(end for end in ends if isinstance(end, Variable))
        if not isinstance(triple.object, Variable):
            return
        coded = self._lookup(triple)
        if coded is not None:
            self._uses.append(_Use(triple.object, triple, coded, place))
