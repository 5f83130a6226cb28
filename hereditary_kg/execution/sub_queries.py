"""The text of a request, and of the requests that read it on where a member cuts it short.

Bindings restrict a pattern to solutions that can join; they never change what is a solution.
So they go as deep into it as they can: through projections, groupings by the bound variables
and the left sides of optionals, down to the basic graph patterns, which a store then answers
by look-ups instead of a scan.

A request can be read in parts if its solutions are the same whenever it is asked. A solution's
part is the beginning of a hash of all its variables' strings: a function of the solution, so
that each lies in just one part, however often it occurs and whatever terms it binds. (Pages by
OFFSET need an order, and SPARQL's is none over terms of several kinds or over blank nodes.)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count

from hereditary_kg.planning import plan
from hereditary_kg.sparql.algebra import (
    Aggregate,
    Call,
    Distinct,
    Expression,
    Extend,
    Filter,
    FunctionCall,
    Group,
    Join,
    LeftJoin,
    Minus,
    OrderBy,
    Pattern,
    Project,
    Reduced,
    Slice,
    Values,
    Variable,
    with_children,
)
from hereditary_kg.sparql.printing import group_text, select_text
from hereditary_kg.sparql.variables import pattern_expressions, scope_variables, walk

__all__ = ["COUNTED", "NO_COLUMN", "PART", "SubQuery", "SubQueryTemplate"]

NO_COLUMN = f"{Variable.HIDDEN}row"
"""The column of a request that shows nothing."""
COUNTED = f"{Variable.HIDDEN}counted"
"""The column of a number of rows."""
PART = f"{Variable.HIDDEN}part"
"""The column of the beginning of a hash."""

_UNSTABLE_CALLS = frozenset(("RAND", "UUID", "STRUUID", "BNODE", "NOW"))
_UNSTABLE_AGGREGATES = frozenset(("SAMPLE", "GROUP_CONCAT"))


@dataclass(frozen=True)
class SubQuery:
    """A request as text.

    Attributes:
        text: what is sent.
        columns: the columns of the answer.
        limit: how many rows are enough; None for all.
        obstacle: why it cannot be read in parts; empty where it can.
        is_ordered: whether that is because its rows come in an order.
    """

    text: str
    columns: tuple[str, ...]
    limit: int | None
    obstacle: str
    is_ordered: bool
    _bindings: str
    _template: "SubQueryTemplate"

    def count_text(self) -> str:
        """Ask how many rows there are, whatever the limit, in the column `COUNTED`."""
        return self._select(f"(COUNT(*) AS ?{COUNTED})", "")

    def next_text(self, rows: int) -> str:
        """Ask for a row beyond so many."""
        names = " ".join(f"?{name}" for name in self.columns)
        return self._select(names, "", f" LIMIT 1 OFFSET {rows}")

    def sizes_text(self, beginning: str, digits: int) -> str:
        """Ask how many rows each part has, in the columns `PART` and `COUNTED`.

        Args:
            beginning: of the hashes; empty for all rows.
            digits: how many digits of the hash tell the parts apart.
        """
        condition = f' FILTER(STRSTARTS({self._hash()}, "{beginning}"))' if beginning else ""
        return self._select(
            f"?{PART} (COUNT(*) AS ?{COUNTED})",
            f"{condition} BIND(SUBSTR({self._hash()}, 1, {digits}) AS ?{PART})",
            f" GROUP BY ?{PART}",
        )

    def part_text(self, parts: Sequence[str]) -> str:
        """Ask for the rows of some parts, whose names are of one length."""
        return self._select(" ".join(f"?{name}" for name in self.columns), self._within(parts))

    def grouped_text(self, parts: Sequence[str]) -> str:
        """Ask for the different rows of some parts, and in `COUNTED` how often each occurs."""
        names = " ".join(f"?{name}" for name in self.columns)
        return self._select(
            f"{names} (COUNT(*) AS ?{COUNTED})", self._within(parts), f" GROUP BY {names}"
        )

    def _within(self, parts: Sequence[str]) -> str:
        names = ", ".join(f'"{part}"' for part in parts)
        return f" FILTER(SUBSTR({self._hash()}, 1, {len(parts[0])}) IN ({names}))"

    def _select(self, head: str, condition: str, tail: str = "") -> str:
        rows = self._template.rows_text(self._bindings)
        start, source = self._template.prologue, self._template.source
        return f"{start}SELECT {head} {source}WHERE {{ {{ {rows} }}{condition} }}{tail}"

    def _hash(self) -> str:
        # Where a variable is unbound, or a blank node has no string, COALESCE has.
        strings = [f'COALESCE(STR(?{name}), "")' for name in self._template.keys]
        joined = ', " ", '.join([*strings, '""'])
        return f"MD5(CONCAT({joined}))"


class SubQueryTemplate:
    """The request of a plan's leaf, around a place for bindings.

    Attributes:
        keys: the variables that tell its solutions apart.
        source: dataset clauses, each with a space after it.
        prologue: what stands in front of the query.
    """

    def __init__(
        self,
        node: plan.Fetch,
        columns: Sequence[str] = (),
        *,
        source: str = "",
        prologue: str = "",
    ) -> None:
        """Write the request.

        Args:
            node: what is asked.
            columns: the columns that bindings will come in.
            source: dataset clauses, each with a space after it.
            prologue: what stands in front of the query.
        """
        pattern: Pattern = node.pattern
        marker = _marker(pattern) if columns else None
        self._marker = "" if marker is None else group_text(marker)
        if marker is not None:
            pattern = _with_marker(pattern, {Variable(name) for name in columns}, marker)
        # Around a projection of its own, a second one would make it a sub-select, whose order a
        # member need not keep.
        shown = pattern if _shows(pattern, node.variables) else Project(pattern, node.variables)
        if node.limit is not None:
            shown = Slice(shown, 0, node.limit)
        rows, self._limit = _without_limit(shown)
        rows = _without_projection(rows, node.variables)
        hidden = () if marker is None else marker.variables
        keys = (variable for variable in scope_variables(rows) if variable not in hidden)
        self.keys = tuple(variable.name for variable in keys)
        self.source = source
        self.prologue = prologue
        self._obstacle = _obstacle(rows)
        self._is_ordered = _is_ordered(rows)
        self._rows = rows
        self._text = prologue + select_text(shown, source=source)
        self._columns = tuple(variable.name for variable in node.variables) or (NO_COLUMN,)

    def write(self, bindings: str = "") -> SubQuery:
        """Write the request with bindings, as text, in their place."""
        text = self._with_bindings(self._text, bindings)
        return SubQuery(
            text, self._columns, self._limit, self._obstacle, self._is_ordered, bindings, self
        )

    def rows_text(self, bindings: str) -> str:
        """Write the group whose solutions are the rows, none of their variables hidden."""
        return self._with_bindings(self._rows_text, bindings)

    @cached_property
    def _rows_text(self) -> str:
        # Only answers that may have been cut short are asked for their rows again.
        return group_text(self._rows)

    def _with_bindings(self, text: str, bindings: str) -> str:
        return text.replace(self._marker, bindings, 1) if self._marker else text


def _shows(pattern: Pattern, variables: tuple[Variable, ...]) -> bool:
    while isinstance(pattern, Slice | Distinct | Reduced):
        pattern = pattern.pattern
    return isinstance(pattern, Project) and pattern.variables == variables


def _marker(pattern: Pattern) -> Values:
    """Give inline data whose text stands nowhere in ``pattern``, not in a literal either."""
    text = group_text(pattern)
    markers = (Values((Variable(f"{Variable.HIDDEN}block{n}"),), ()) for n in count())
    return next(marker for marker in markers if group_text(marker) not in text)


def _with_marker(pattern: Pattern, bound: set[Variable], marker: Values) -> Pattern:
    match pattern:
        case Project() | Distinct() | Reduced() | OrderBy() | Filter() | Extend():
            return with_children(pattern, (_with_marker(pattern.pattern, bound, marker),))
        case Group(inner, keys) if bound <= set(keys):
            return with_children(pattern, (_with_marker(inner, bound, marker),))
        case LeftJoin(left, right, condition):
            return LeftJoin(_with_marker(left, bound, marker), right, condition)
        case Minus(left, right):
            return Minus(_with_marker(left, bound, marker), right)
        case Join(parts):
            return Join((marker, *parts))
        case _:
            return Join((marker, pattern))


def _without_limit(pattern: Pattern) -> tuple[Pattern, int | None]:
    """Take off limits: of rows in no order, any so many will do."""
    limit: int | None = None
    while isinstance(pattern, Slice) and not pattern.offset and not _is_ordered(pattern.pattern):
        if pattern.limit is not None:
            limit = pattern.limit if limit is None else min(limit, pattern.limit)
        pattern = pattern.pattern
    return pattern, limit


def _without_projection(pattern: Pattern, shown: tuple[Variable, ...]) -> Pattern:
    """Take off what only hides variables, for with more of them rows are easier told apart."""
    while isinstance(pattern, Reduced) or (
        isinstance(pattern, Project) and set(shown) <= set(pattern.variables)
    ):
        pattern = pattern.pattern
    return pattern


def _is_ordered(pattern: Pattern) -> bool:
    while isinstance(pattern, Project | Distinct | Reduced | Slice):
        pattern = pattern.pattern
    return isinstance(pattern, OrderBy)


def _obstacle(pattern: Pattern) -> str:
    if _is_ordered(pattern):
        return "its rows come in an order"
    for part in walk(pattern):
        if isinstance(part, Slice):
            return "it has a LIMIT or OFFSET inside"
        if not all(map(_is_stable, pattern_expressions(part))):
            return "not all of its values are the same whenever it is asked"
    return ""


def _is_stable(expression: Expression) -> bool:
    match expression:
        case Call(name, arguments):
            return name not in _UNSTABLE_CALLS and all(map(_is_stable, arguments))
        case FunctionCall(_, arguments):
            return all(map(_is_stable, arguments))
        case Aggregate(name, argument):
            stable = argument is None or _is_stable(argument)
            return stable and name not in _UNSTABLE_AGGREGATES
        case _:
            return True
