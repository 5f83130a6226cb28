"""The SPARQL 1.1 query algebra as immutable values.

Nodes are frozen dataclasses, so a plan can be shared, compared, hashed and cached. The
``of`` constructors normalise while they build: a join of joins, a union of one branch, a
filter that is always true or a join with the empty group never exists, and no later stage
has to look for them.

Source: SPARQL 1.1 Query Language, section 18.2 (translation to the algebra). Blank nodes of
a query are variables that no projection shows (section 4.1.4); group keys that are
expressions become extensions below the group; everything else keeps its name there.
A constructor may narrow a pattern's scope by variables that no solution can bind, so what
``SELECT *`` shows is settled by the parser, which sees the text.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeAlias

from hereditary_kg.rdf.terms import IRI, BlankNode, Literal, Term
from hereditary_kg.sparql.paths import (
    AlternativePath,
    InversePath,
    NegatedPropertySet,
    Path,
    RepeatedPath,
    SequencePath,
)

__all__ = [
    "BGP",
    "UNIT",
    "Aggregate",
    "AlternativePath",
    "AskQuery",
    "Call",
    "ConstructQuery",
    "Dataset",
    "DescribeQuery",
    "Distinct",
    "Exists",
    "Expression",
    "Extend",
    "Filter",
    "FunctionCall",
    "Graph",
    "Group",
    "InversePath",
    "Join",
    "LeftJoin",
    "Minus",
    "NegatedPropertySet",
    "OrderBy",
    "OrderKey",
    "Path",
    "Pattern",
    "Project",
    "Query",
    "Reduced",
    "RepeatedPath",
    "SelectQuery",
    "SequencePath",
    "Service",
    "Slice",
    "TriplePattern",
    "Union",
    "Values",
    "Variable",
    "VariableOrTerm",
    "children",
    "conjunction",
    "conjuncts",
    "empty",
    "is_empty",
    "with_children",
]


@dataclass(frozen=True, order=True)
class Variable:
    """A query variable. Names that begin with :attr:`HIDDEN` stand for blank nodes."""

    name: str

    HIDDEN = "hkg__"

    @property
    def hidden(self) -> bool:
        """Whether the variable was made by the parser or a rule, not by the user."""
        return self.name.startswith(self.HIDDEN)

    def __str__(self) -> str:
        return f"?{self.name}"


VariableOrTerm: TypeAlias = Variable | IRI | BlankNode | Literal


@dataclass(frozen=True)
class TriplePattern:
    """One triple pattern, or one property path pattern where the predicate is a path."""

    subject: VariableOrTerm
    predicate: "Variable | Path"
    object: VariableOrTerm

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        # Planning looks up one and the same triple pattern a thousand times.
        return hash((self.subject, self.predicate, self.object))

    @property
    def is_path(self) -> bool:
        """Whether the predicate is a property path, not a plain IRI or variable."""
        return not isinstance(self.predicate, Variable | IRI)


# Expressions (section 17)


@dataclass(frozen=True)
class Call:
    """A built-in call or operator: ``name`` is ``STRLEN``, ``=``, ``&&``, ``IN`` and so on."""

    name: str
    arguments: tuple["Expression", ...]


@dataclass(frozen=True)
class FunctionCall:
    """A call of a function named by IRI, such as an XSD cast."""

    function: IRI
    arguments: tuple["Expression", ...]
    distinct: bool = False


@dataclass(frozen=True)
class Exists:
    """``EXISTS { pattern }`` or, negated, ``NOT EXISTS { pattern }``."""

    pattern: "Pattern"
    negated: bool


@dataclass(frozen=True)
class Aggregate:
    """One aggregate; ``argument`` is None for ``COUNT(*)``."""

    name: str
    argument: "Expression | None"
    distinct: bool = False
    separator: str | None = None


Expression: TypeAlias = (
    Variable | IRI | BlankNode | Literal | Call | FunctionCall | Exists | Aggregate
)

TRUE = Literal("true", "http://www.w3.org/2001/XMLSchema#boolean")


def conjuncts(expression: Expression) -> Iterator[Expression]:
    """Yield the parts of a conjunction; a filter holds when each of them is true."""
    if isinstance(expression, Call) and expression.name == "&&":
        for argument in expression.arguments:
            yield from conjuncts(argument)
    else:
        yield expression


def conjunction(parts: Iterable[Expression]) -> Expression:
    """Join conditions by ``&&``; there must be at least one."""
    flat = tuple(dict.fromkeys(leaf for part in parts for leaf in conjuncts(part)))
    return flat[0] if len(flat) == 1 else Call("&&", flat)


# Patterns (section 18.2.2)


@dataclass(frozen=True)
class BGP:
    """A basic graph pattern; the one without triples has the one empty solution."""

    triples: tuple[TriplePattern, ...] = ()


UNIT = BGP()


@dataclass(frozen=True)
class Values:
    """Inline data: rows of terms, None for UNDEF. Without rows: no solution at all."""

    variables: tuple[Variable, ...]
    rows: tuple[tuple[Term | None, ...], ...]


@dataclass(frozen=True)
class Join:
    """The join of two or more parts."""

    parts: tuple["Pattern", ...]

    @staticmethod
    def of(parts: Iterable["Pattern"]) -> "Pattern":
        """Join ``parts``: nested joins flattened, BGPs merged, emptiness passed on."""
        flat: list[Pattern] = []
        triples: list[TriplePattern] = []
        plain: set[TriplePattern] = set()
        for part in parts:
            for leaf in part.parts if isinstance(part, Join) else (part,):
                if is_empty(leaf):
                    return empty()
                if isinstance(leaf, BGP):
                    for triple in leaf.triples:
                        if triple in plain:
                            continue
                        triples.append(triple)
                        # A path may match in several ways: its repeats count.
                        if not triple.is_path:
                            plain.add(triple)
                else:
                    flat.append(leaf)
        if triples:
            flat.insert(0, BGP(tuple(triples)))
        if not flat:
            return UNIT
        return flat[0] if len(flat) == 1 else Join(tuple(flat))


@dataclass(frozen=True)
class LeftJoin:
    """``left OPTIONAL { right FILTER(condition) }``."""

    left: "Pattern"
    right: "Pattern"
    condition: Expression | None = None

    @staticmethod
    def of(left: "Pattern", right: "Pattern", condition: Expression | None = None) -> "Pattern":
        """Left join; an empty side or an optional empty group makes it the left side."""
        if is_empty(left) or is_empty(right) or right == UNIT:
            return left
        return LeftJoin(left, right, None if condition == TRUE else condition)


@dataclass(frozen=True)
class Union:
    """The bag union of two or more branches."""

    branches: tuple["Pattern", ...]

    @staticmethod
    def of(branches: Iterable["Pattern"]) -> "Pattern":
        """Unite ``branches``: nested unions flattened, empty branches left out."""
        flat: list[Pattern] = []
        for branch in branches:
            flat.extend(branch.branches if isinstance(branch, Union) else (branch,))
        flat = [branch for branch in flat if not is_empty(branch)]
        if not flat:
            return empty()
        return flat[0] if len(flat) == 1 else Union(tuple(flat))


@dataclass(frozen=True)
class Filter:
    """The solutions of ``pattern`` for which ``condition`` is true."""

    condition: Expression
    pattern: "Pattern"

    @staticmethod
    def of(condition: Expression, pattern: "Pattern") -> "Pattern":
        """Filter; adjacent filters become one conjunction, true ones vanish."""
        parts = [condition]
        if isinstance(pattern, Filter):
            parts.insert(0, pattern.condition)
            pattern = pattern.pattern
        kept = [leaf for part in parts for leaf in conjuncts(part) if leaf != TRUE]
        if is_empty(pattern) or not kept:
            return pattern
        return Filter(conjunction(kept), pattern)


@dataclass(frozen=True)
class Extend:
    """``BIND(expression AS variable)`` after ``pattern``; an error leaves it unbound."""

    pattern: "Pattern"
    variable: Variable
    expression: Expression


@dataclass(frozen=True)
class Minus:
    """The solutions of ``left`` that no solution of ``right`` excludes (section 18.5)."""

    left: "Pattern"
    right: "Pattern"

    @staticmethod
    def of(left: "Pattern", right: "Pattern") -> "Pattern":
        """Subtract; nothing to subtract from, or nothing to subtract, makes it ``left``."""
        return left if is_empty(left) or is_empty(right) else Minus(left, right)


@dataclass(frozen=True)
class Graph:
    """``GRAPH name { pattern }``."""

    name: Variable | IRI
    pattern: "Pattern"


@dataclass(frozen=True)
class Service:
    """``SERVICE [SILENT] name { pattern }``."""

    name: Variable | IRI
    pattern: "Pattern"
    silent: bool


@dataclass(frozen=True)
class Group:
    """Solutions grouped by ``keys``, each group reduced by named aggregates."""

    pattern: "Pattern"
    keys: tuple[Variable, ...]
    aggregates: tuple[tuple[Variable, Aggregate], ...]


@dataclass(frozen=True)
class Project:
    """The solutions restricted to ``variables``; the end of their scope for all others."""

    pattern: "Pattern"
    variables: tuple[Variable, ...]


@dataclass(frozen=True)
class Distinct:
    """Each solution once."""

    pattern: "Pattern"


@dataclass(frozen=True)
class Reduced:
    """Each solution at least once and at most as often as it came."""

    pattern: "Pattern"


@dataclass(frozen=True)
class OrderKey:
    """One ``ORDER BY`` comparator."""

    expression: Expression
    descending: bool = False


@dataclass(frozen=True)
class OrderBy:
    """The solutions in the order of ``keys``."""

    pattern: "Pattern"
    keys: tuple[OrderKey, ...]


@dataclass(frozen=True)
class Slice:
    """``OFFSET`` and ``LIMIT`` (None: no limit), in solutions."""

    pattern: "Pattern"
    offset: int
    limit: int | None


Pattern: TypeAlias = (
    BGP
    | Values
    | Join
    | LeftJoin
    | Union
    | Filter
    | Extend
    | Minus
    | Graph
    | Service
    | Group
    | Project
    | Distinct
    | Reduced
    | OrderBy
    | Slice
)


def empty(variables: tuple[Variable, ...] = ()) -> Values:
    """Give the pattern without any solution."""
    return Values(variables, ())


def is_empty(pattern: "Pattern") -> bool:
    """Whether ``pattern`` is the one that :func:`empty` gives."""
    return isinstance(pattern, Values) and not pattern.rows


def children(pattern: Pattern) -> tuple[Pattern, ...]:
    """Give the patterns directly below ``pattern``, not those inside its expressions."""
    match pattern:
        case BGP() | Values():
            return ()
        case Join(parts):
            return parts
        case Union(branches):
            return branches
        case LeftJoin(left, right) | Minus(left, right):
            return (left, right)
        case _:
            return (pattern.pattern,)


def with_children(pattern: Pattern, new: tuple[Pattern, ...]) -> Pattern:
    """Give ``pattern`` with other children, normalised again by its constructor."""
    if new == children(pattern):
        return pattern
    match pattern:
        case BGP() | Values():
            return pattern
        case Join():
            return Join.of(new)
        case Union():
            return Union.of(new)
        case LeftJoin():
            return LeftJoin.of(new[0], new[1], pattern.condition)
        case Minus():
            return Minus.of(*new)
        case Filter():
            return Filter.of(pattern.condition, new[0])
        case _:
            return replace(pattern, pattern=new[0])


# Queries (section 16)


@dataclass(frozen=True)
class Dataset:
    """``FROM`` and ``FROM NAMED`` clauses."""

    default: tuple[IRI, ...] = ()
    named: tuple[IRI, ...] = ()


@dataclass(frozen=True)
class SelectQuery:
    """A SELECT query; ``variables`` in the order the user wrote them.

    Here as in the other forms, ``base`` is what ``IRI()`` resolves against; None where the
    query calls no ``IRI()``, for all its other IRIs are absolute already.
    """

    pattern: Pattern
    variables: tuple[Variable, ...]
    dataset: Dataset = Dataset()
    base: str | None = None


@dataclass(frozen=True)
class AskQuery:
    """An ASK query."""

    pattern: Pattern
    dataset: Dataset = Dataset()
    base: str | None = None


@dataclass(frozen=True)
class ConstructQuery:
    """A CONSTRUCT query; blank nodes of the template stay blank nodes."""

    template: tuple[TriplePattern, ...]
    pattern: Pattern
    dataset: Dataset = Dataset()
    base: str | None = None


@dataclass(frozen=True)
class DescribeQuery:
    """A DESCRIBE query."""

    targets: tuple[Variable | IRI, ...]
    pattern: Pattern
    dataset: Dataset = Dataset()
    base: str | None = None


Query: TypeAlias = SelectQuery | AskQuery | ConstructQuery | DescribeQuery
