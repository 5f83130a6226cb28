"""Physical plans: what will be asked of whom, and what is done with the answers.

Leaves are requests to members, data of the query itself, and fragments; inner nodes are
operators at the mediator. Nodes are frozen values like those of the algebra; the classes
are used through the module name (``plan.Join``), for the algebra has its own of that name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from hereditary_kg.planning.cardinality import Estimate
from hereditary_kg.planning.domains import VariableEnd
from hereditary_kg.planning.leaves import Leaf
from hereditary_kg.rdf.terms import IRI, Term
from hereditary_kg.semantics.translation import Translation
from hereditary_kg.sparql.algebra import (
    Aggregate,
    Expression,
    OrderKey,
    Pattern,
    Service,
    Variable,
)
from hereditary_kg.sparql.variables import certain_variables, scope_variables

if TYPE_CHECKING:
    from hereditary_kg.planning.join_chains import JoinChain

__all__ = [
    "LEAF_NUMBER",
    "Distinct",
    "Extend",
    "Fetch",
    "Filter",
    "Fragment",
    "Group",
    "InlineData",
    "Join",
    "LeftJoin",
    "Mark",
    "Minus",
    "Node",
    "OrderBy",
    "Project",
    "Reach",
    "ServiceCall",
    "ServiceJoin",
    "Slice",
    "Union",
    "inputs",
]


LEAF_NUMBER = Variable(f"{Variable.HIDDEN}leaf")
"""Says, by position, of which leaf of a :class:`Fragment` a row is a match."""


def _united(*groups: tuple[Variable, ...]) -> tuple[Variable, ...]:
    return tuple(dict.fromkeys(variable for group in groups for variable in group))


@dataclass(frozen=True)
class Fetch:
    """One pattern asked of one or more members; the answers are united.

    Attributes:
        pattern: what is asked.
        members: whom, in the federation's order.
        variables: what is fetched of each solution.
        certain: those of ``variables`` that every solution binds.
        distinct: whether equal rows of several members are one solution (a triple that two
            members hold counts once).
        limit: how many rows of each member are enough, None for all.
        estimate: expected size of the answer.
        ends: where variables stand in triple patterns, so that each binding goes only to the
            members that may have it.
        own_patterns: what some members are asked instead of ``pattern``, by member: without the
            parts that they cannot match, and without what is another member's to give.
        translated: the columns that some members give in their own terms, by member.
        told_apart: the members whose rows may be equal once they are translated, and are one then.
        leaves_copies_out: whether some of them leave copies of others' triples out.
        exact_rows: how many solutions ``pattern`` has, by member, where profiles say just that.
    """

    pattern: Pattern
    members: tuple[str, ...]
    variables: tuple[Variable, ...]
    certain: frozenset[Variable]
    distinct: bool
    limit: int | None = None
    estimate: Estimate = field(default=Estimate(0.0), compare=False)
    ends: Mapping[Variable, tuple[VariableEnd, ...]] = field(
        default_factory=dict, compare=False, repr=False
    )
    own_patterns: Mapping[str, Pattern] = field(default_factory=dict, compare=False, repr=False)
    translated: Mapping[str, Mapping[Variable, Translation]] = field(
        default_factory=dict, compare=False, repr=False
    )
    told_apart: frozenset[str] = field(default=frozenset(), compare=False, repr=False)
    leaves_copies_out: bool = field(default=False, compare=False, repr=False)
    exact_rows: Mapping[str, int] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True)
class InlineData:
    """Rows that the query itself brings (VALUES); no rows: no solution."""

    variables: tuple[Variable, ...]
    rows: tuple[tuple[Term | None, ...], ...]

    @cached_property
    def certain(self) -> frozenset[Variable]:
        """The variables without UNDEF."""
        return frozenset(
            variable
            for position, variable in enumerate(self.variables)
            if all(row[position] is not None for row in self.rows)
        )


@dataclass(frozen=True)
class Fragment:
    """A pattern evaluated by Oxigraph over the triples it can touch.

    ``fetches`` bring, for each of ``leaves``, its matches at all members; the mediator loads
    them into a store of its own and evaluates the pattern there. The answer over this
    fragment is the answer over the merge, whatever the pattern. A member whose blank nodes
    keep their labels for one answer only is asked for the matches of all leaves at once.

    Attributes:
        pattern: what is evaluated.
        leaves: plain triple patterns and their graphs, one for each of ``fetches``.
        fetches: what brings their matches.
        at_once: what brings the matches of all of them from one member; the column
            :data:`LEAF_NUMBER` says of which leaf a row is.
        graph_names: named graphs that exist, also where no triple of them is fetched.
        services: explicit SERVICE calls inside ``pattern``, whose answers take their place.
        variables: the variables of ``pattern``.
        certain: those that every solution binds.
        graph_fetch: what brings the names of further graphs that matter even where no triple of
            them is fetched, from members that do not list all of theirs.
    """

    pattern: Pattern
    leaves: tuple[Leaf, ...]
    fetches: tuple[Fetch, ...]
    at_once: tuple[Fetch, ...]
    graph_names: tuple[IRI, ...]
    services: tuple["ServiceCall", ...]
    variables: tuple[Variable, ...]
    certain: frozenset[Variable]
    graph_fetch: Fetch | None = None


@dataclass(frozen=True)
class ServiceCall:
    """An explicit SERVICE.

    Attributes:
        service: the pattern's node: endpoint (or the variable that names it), pattern, SILENT.
    """

    service: Service

    @cached_property
    def variables(self) -> tuple[Variable, ...]:
        """The pattern's variables, and the one that names the endpoint."""
        return scope_variables(self.service)

    @cached_property
    def certain(self) -> frozenset[Variable]:
        """The variables that every solution binds; none where a failure is silent."""
        return certain_variables(self.service)


@dataclass(frozen=True)
class ServiceJoin:
    """Join with a SERVICE whose endpoint is a variable that the left side binds."""

    left: "Node"
    right: ServiceCall

    @cached_property
    def variables(self) -> tuple[Variable, ...]:
        """Variables of both sides."""
        return _united(self.left.variables, self.right.variables)

    @cached_property
    def certain(self) -> frozenset[Variable]:
        """Variables that either side always binds."""
        return self.left.certain | self.right.certain


@dataclass(frozen=True)
class Reach:
    """Join with a path: from the terms that ``start`` takes on the left side, where it leads.

    Attributes:
        left: what binds ``start``.
        path: the path pattern alone, and what it can walk.
        start: a variable at one end of the path.
    """

    left: "Node"
    path: Fragment
    start: Variable

    @cached_property
    def variables(self) -> tuple[Variable, ...]:
        """Variables of both sides."""
        return _united(self.left.variables, self.path.variables)

    @cached_property
    def certain(self) -> frozenset[Variable]:
        """Variables that either side always binds."""
        return self.left.certain | self.path.certain


@dataclass(frozen=True)
class Join:
    """Join. ``right`` is asked with the left side's bindings where that is cheaper.

    Attributes:
        left: the side that is read first.
        right: the other one.
        estimate: expected size of the result.
        wanted: about how many rows of it may be enough, None for all.
        chain: all that is joined here, so that it can be put in another order while it runs;
            None where that is too little, or must stay in its order.
    """

    left: "Node"
    right: "Node"
    estimate: Estimate = field(default=Estimate(0.0), compare=False)
    wanted: int | None = field(default=None, compare=False)
    chain: "JoinChain | None" = field(default=None, compare=False, repr=False)

    @cached_property
    def variables(self) -> tuple[Variable, ...]:
        """Variables of both sides."""
        return _united(self.left.variables, self.right.variables)

    @cached_property
    def certain(self) -> frozenset[Variable]:
        """Variables that either side always binds."""
        return self.left.certain | self.right.certain


@dataclass(frozen=True)
class LeftJoin:
    """Left join; ``condition`` sees the variables of both sides.

    Attributes:
        left: the side whose rows are all kept.
        right: the optional one.
        condition: what a pair of rows must fulfil, None where that is nothing.
        wanted: about how many rows of the result may be enough, None for all.
    """

    left: "Node"
    right: "Node"
    condition: Expression | None
    wanted: int | None = field(default=None, compare=False)

    @cached_property
    def variables(self) -> tuple[Variable, ...]:
        """Variables of both sides."""
        return _united(self.left.variables, self.right.variables)

    @cached_property
    def certain(self) -> frozenset[Variable]:
        """Variables that the left side always binds."""
        return self.left.certain


@dataclass(frozen=True)
class Union:
    """Bag union."""

    branches: tuple["Node", ...]

    @cached_property
    def variables(self) -> tuple[Variable, ...]:
        """Variables of all branches."""
        return _united(*(branch.variables for branch in self.branches))

    @cached_property
    def certain(self) -> frozenset[Variable]:
        """Variables that every branch always binds."""
        first, *others = (branch.certain for branch in self.branches)
        return first.intersection(*others)


@dataclass(frozen=True)
class Minus:
    """Rows of ``left`` that no row of ``right`` excludes."""

    left: "Node"
    right: "Node"

    @cached_property
    def variables(self) -> tuple[Variable, ...]:
        """Variables of the left side."""
        return self.left.variables

    @cached_property
    def certain(self) -> frozenset[Variable]:
        """Variables that the left side always binds."""
        return self.left.certain


@dataclass(frozen=True)
class _OverOne:
    input: "Node"

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Variables of the input."""
        return self.input.variables

    @property
    def certain(self) -> frozenset[Variable]:
        """Variables that the input always binds."""
        return self.input.certain


@dataclass(frozen=True)
class Filter(_OverOne):
    """Rows for which ``condition`` is true; it holds no EXISTS (see :class:`Mark`)."""

    condition: Expression


@dataclass(frozen=True)
class Extend(_OverOne):
    """Each row with the value of ``expression``, unbound where that is an error."""

    variable: Variable
    expression: Expression

    @cached_property
    def variables(self) -> tuple[Variable, ...]:
        """Variables of the input, and the new one."""
        return _united(self.input.variables, (self.variable,))


@dataclass(frozen=True)
class Mark(_OverOne):
    """Each row with a boolean: has ``EXISTS { pattern }`` a solution for it?

    Attributes:
        variable: takes the boolean.
        pattern: the pattern of EXISTS.
        right: what answers it: a plan whose rows need only be compatible, or a
            :class:`Fragment` where the row's terms must be put into the pattern first
            (section 18.6, substitute).
    """

    variable: Variable
    pattern: Pattern
    right: "Node"

    @cached_property
    def variables(self) -> tuple[Variable, ...]:
        """Variables of the input, and the new one."""
        return _united(self.input.variables, (self.variable,))

    @cached_property
    def certain(self) -> frozenset[Variable]:
        """Variables that the input always binds, and the new one."""
        return self.input.certain | {self.variable}


@dataclass(frozen=True)
class Group(_OverOne):
    """Groups by ``keys``, one row each, with aggregates."""

    keys: tuple[Variable, ...]
    aggregates: tuple[tuple[Variable, Aggregate], ...]

    @cached_property
    def variables(self) -> tuple[Variable, ...]:
        """Keys and aggregates."""
        return _united(self.keys, tuple(variable for variable, _ in self.aggregates))

    @cached_property
    def certain(self) -> frozenset[Variable]:
        """Keys that the input always binds."""
        return self.input.certain & frozenset(self.keys)


@dataclass(frozen=True)
class Project(_OverOne):
    """Only ``kept``."""

    kept: tuple[Variable, ...]

    @property
    def variables(self) -> tuple[Variable, ...]:
        """What is kept."""
        return self.kept

    @cached_property
    def certain(self) -> frozenset[Variable]:
        """What is kept and always bound."""
        return self.input.certain & frozenset(self.kept)


@dataclass(frozen=True)
class Distinct(_OverOne):
    """Each row once."""


@dataclass(frozen=True)
class OrderBy(_OverOne):
    """Rows in the order of ``keys``."""

    keys: tuple[OrderKey, ...]


@dataclass(frozen=True)
class Slice(_OverOne):
    """Rows from ``offset``, ``limit`` at most (None: all)."""

    offset: int
    limit: int | None


Node: TypeAlias = (
    Fetch
    | InlineData
    | Fragment
    | ServiceCall
    | ServiceJoin
    | Reach
    | Join
    | LeftJoin
    | Union
    | Minus
    | Filter
    | Extend
    | Mark
    | Group
    | Project
    | Distinct
    | OrderBy
    | Slice
)


def inputs(node: Node) -> tuple[Node, ...]:
    """Give the nodes directly below ``node``."""
    match node:
        case Fetch() | InlineData() | ServiceCall():
            return ()
        case Fragment(_, _, fetches, at_once, _, services, _, _, graph_fetch):
            names = () if graph_fetch is None else (graph_fetch,)
            return (*fetches, *at_once, *names, *services)
        case Reach(left, path, _):
            return (left, path)
        case (
            Join(left, right)
            | LeftJoin(left, right)
            | Minus(left, right)
            | ServiceJoin(left, right)
        ):
            return (left, right)
        case Union(branches):
            return branches
        case Mark(inner, _, _, right):
            return (inner, right)
        case _:
            return (node.input,)
