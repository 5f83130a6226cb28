"""Which triples a query's solutions come from: the query rewritten so that they can be read off."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

from hereditary_kg.rdf.terms import XSD, Literal
from hereditary_kg.sparql.algebra import (
    BGP,
    Call,
    Distinct,
    Exists,
    Expression,
    Extend,
    Filter,
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
    conjuncts,
)
from hereditary_kg.sparql.parsing import parse_query
from hereditary_kg.sparql.printing import select_text
from hereditary_kg.sparql.variables import (
    certain_variables,
    expression_patterns,
    expression_variables,
    scope_variables,
    triple_variables,
)

__all__ = ["ProvenanceQuery", "TracedPattern", "trace_query"]

_YES = Literal("true", XSD + "boolean")


@dataclass(frozen=True)
class TracedPattern:
    """A triple pattern of the query, and when a solution matched it.

    Attributes:
        triple: the pattern.
        branches: the UNION branches around it: the union's number and the branch's.
        needed: the variables that are bound in a solution exactly if the pattern matched.
    """

    triple: TriplePattern
    branches: frozenset[tuple[int, int]]
    needed: frozenset[str]


@dataclass(frozen=True)
class ProvenanceQuery:
    """A query whose rows bind all variables of the triple patterns that they come from.

    Attributes:
        text: a SELECT DISTINCT; negation has become OPTIONAL, slices and groups are gone.
        patterns: the triple patterns, those of negations included.
    """

    text: str
    patterns: tuple[TracedPattern, ...]


def trace_query(text: str) -> ProvenanceQuery:
    """Rewrite a query so that its rows show what they come from.

    Variables of a sub-select that it does not project must have names of their own.
    Property paths that repeat are left out of `ProvenanceQuery.patterns`: they name no triple.

    Args:
        text: a SELECT or ASK query over the default graph.
    """
    tracer = _Tracer()
    pattern = tracer.trace(parse_query(text).pattern, frozenset(), frozenset())
    variables = scope_variables(pattern)
    shown = Distinct(Project(pattern, variables))
    return ProvenanceQuery(select_text(shown), tuple(tracer.patterns))


@dataclass
class _Tracer:
    patterns: list[TracedPattern] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)

    def trace(
        self, pattern: Pattern, branches: frozenset[tuple[int, int]], marks: frozenset[str]
    ) -> Pattern:
        """Rewrite a pattern, and note its triple patterns.

        Args:
            pattern: the pattern.
            branches: the UNION branches around it.
            marks: variables that are bound where the parts around it matched.
        """
        match pattern:
            case BGP(triples):
                for triple in triples:
                    if not triple.is_path:
                        names = frozenset(variable.name for variable in triple_variables(triple))
                        self.patterns.append(TracedPattern(triple, branches, marks | names))
                return pattern
            case Values() | Service():
                return pattern
            case Join(parts):
                return Join.of([self.trace(part, branches, marks) for part in parts])
            case Union(parts):
                return self._trace_union(parts, branches, marks)
            case LeftJoin(left, right, condition):
                return self._optional(
                    self.trace(left, branches, marks), right, condition, branches, marks
                )
            case Minus(left, right):
                traced = self.trace(left, branches, marks)
                return self._optional(traced, right, None, branches, marks)
            case Filter(condition, inner):
                traced = self.trace(inner, branches, marks)
                return self._filter(traced, condition, branches, marks)
            case Extend(inner, variable, expression):
                return Extend(self.trace(inner, branches, marks), variable, expression)
            case Graph(name, inner):
                return Graph(name, self.trace(inner, branches, marks))
            case Group() | Project() | Distinct() | Reduced() | OrderBy() | Slice():
                return self.trace(pattern.pattern, branches, marks)

    def _trace_union(
        self,
        parts: Sequence[Pattern],
        branches: frozenset[tuple[int, int]],
        marks: frozenset[str],
    ) -> Pattern:
        union = next(self._numbers)
        traced = []
        for i, part in enumerate(parts):
            mark = self._mark()
            inside = self.trace(part, branches | {(union, i)}, marks | {mark.name})
            traced.append(Extend(inside, mark, _YES))
        return Union.of(traced)

    def _optional(
        self,
        left: Pattern,
        right: Pattern,
        condition: Expression | None,
        branches: frozenset[tuple[int, int]],
        marks: frozenset[str],
    ) -> Pattern:
        if certain_variables(right) <= frozenset(scope_variables(left)):
            mark = self._mark()
            marks |= {mark.name}
            traced: Pattern = Extend(self.trace(right, branches, marks), mark, _YES)
        else:
            traced = self.trace(right, branches, marks)
        if condition is None and isinstance(traced, Filter):
            # What stands directly in the braces sees the left side's variables.
            condition = traced.condition
            traced = traced.pattern
        plain = []
        for part in () if condition is None else conjuncts(condition):
            if not isinstance(part, Exists):
                plain.append(part)
            elif part.negated:
                traced = self._optional(traced, part.pattern, None, branches, marks)
            else:
                traced = Join.of([traced, self.trace(part.pattern, branches, marks)])
        return LeftJoin.of(left, traced, conjunction(plain) if plain else None)

    def _filter(
        self,
        traced: Pattern,
        condition: Expression,
        branches: frozenset[tuple[int, int]],
        marks: frozenset[str],
    ) -> Pattern:
        plain = []
        for part in conjuncts(condition):
            match part:
                case Exists(pattern, negated=True):
                    traced = self._optional(traced, pattern, None, branches, marks)
                case Exists(pattern):
                    traced = Join.of([traced, self.trace(pattern, branches, marks)])
                case Call("!", (Call("BOUND"),)):
                    pass
                case _:
                    for pattern in expression_patterns(part):
                        traced = self._optional(traced, pattern, None, branches, marks)
                    plain.append(part)
        known = frozenset(scope_variables(traced))
        # What an aggregate gave is not there any more.
        kept = [part for part in plain if expression_variables(part, into_exists=False) <= known]
        return Filter.of(conjunction(kept), traced) if kept else traced

    def _mark(self) -> Variable:
        return Variable(f"matched{next(self._numbers)}")
