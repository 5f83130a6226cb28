"""From a physical plan to the record that people are shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import assert_never

from hereditary_kg.planning import plan
from hereditary_kg.planning.explanation.measurement import PlanRun, Reordering, sum_up
from hereditary_kg.planning.explanation.record import Cost, Explanation, MembersQuery, PlanStep
from hereditary_kg.planning.explanation.selection import SourceChoice
from hereditary_kg.planning.explanation.sizes import expected_rows
from hereditary_kg.planning.explanation.wording import write_amount, write_estimate
from hereditary_kg.planning.sources import Sources
from hereditary_kg.sparql.algebra import Extend, Group, Pattern, Project, Slice, Variable
from hereditary_kg.sparql.printing import dataset_text, expression_text, group_text, select_text
from hereditary_kg.sparql.variables import walk

__all__ = ["explain_plan"]


def explain_plan(
    node: plan.Node,
    rows: Mapping[int, int] | None = None,
    prefixes: Mapping[str, str] | None = None,
    *,
    sources: Sources | None = None,
    run: PlanRun | None = None,
) -> Explanation:
    """Describe a plan.

    Args:
        node: its root.
        rows: the rows that left each node, by identity, after it has run.
        prefixes: for short IRIs.
        sources: whom it chose from, and why it left members out.
        run: what running it has cost; it has the rows as well.
    """
    choice = None if sources is None else SourceChoice(sources)
    describer = _Describer(rows if run is None else run.rows, sources, choice, run)
    root = describer.step(node, cut=run is not None and not run.whole)
    return Explanation(
        root,
        dict(prefixes or {}),
        tuple(sources.members) if sources is not None else (),
        None if run is None else sum_up(run.all_requests),
        None if run is None else sum_up(run.beside),
    )


@dataclass
class _Describer:
    rows: Mapping[int, int] | None
    sources: Sources | None
    choice: SourceChoice | None
    run: PlanRun | None
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    def step(self, node: plan.Node, *, cut: bool, counted: bool = True) -> PlanStep:
        """Describe a node and all below it.

        Args:
            node: the node.
            cut: whether the rest of its rows may not have been wanted.
            counted: whether it gives rows of its own.
        """
        made = () if self.run is None else self.run.reorderings.get(id(node), ())
        if made:
            node = made[-1].node
        title, detail = _words(node)
        detail = "; ".join([detail, *map(_reordered, made)])
        cost = self._cost(node)
        fetch = self._fetch(node) if isinstance(node, plan.Fetch) else PlanStep(title)
        below = self._cut_below(node, cut=cut)
        steps = tuple(
            self.step(each, cut=below, counted=not _is_walked(node, each))
            for each in plan.inputs(node)
        )
        first, last = self._times(node)
        return replace(
            fetch,
            title=title,
            detail=detail,
            estimate=expected_rows(node, self.sources),
            rows=None if self.rows is None or not counted else self.rows.get(id(node), 0),
            steps=steps,
            cost=cost,
            comparable=not (cut or self._is_restricted(node) or self._is_idle(node)),
            first_row=first,
            last_row=last,
        )

    def _fetch(self, node: plan.Fetch) -> PlanStep:
        """Describe who is asked what, and why."""
        chosen, excluded = ((), ()) if self.choice is None else self.choice.explain(node)
        dataset = "" if self.sources is None else dataset_text(self.sources.dataset)
        return PlanStep(
            "",
            members=node.members,
            query=_request(node, node.pattern, dataset),
            queries=_requests(node, dataset),
            number=next(self.numbers),
            chosen=chosen,
            excluded=excluded,
        )

    def _cost(self, node: plan.Node) -> Cost | None:
        if self.run is None:
            return None
        records = self.run.requests.get(id(node), ())
        return sum_up(records) if records or isinstance(node, plan.Fetch) else None

    def _times(self, node: plan.Node) -> tuple[float | None, float | None]:
        if self.run is None or id(node) not in self.run.times:
            return None, None
        first, last = self.run.times[id(node)]
        return 1000 * first, 1000 * last

    def _cut_below(self, node: plan.Node, *, cut: bool) -> bool:
        match node:
            case plan.OrderBy() | plan.Group() | plan.Fragment():
                # They read everything before they give anything.
                return False
            case plan.Slice(_, _, limit):
                return cut or (self.rows is not None and self.rows.get(id(node), 0) == limit)
            case _:
                return cut

    def _is_restricted(self, node: plan.Node) -> bool:
        """Whether bindings from outside, or somebody's refusal to go on, restricted it."""
        if self.run is None:
            return False
        records = self.run.requests.get(id(node), ())
        if any(r.purpose.startswith("bind") or r.error is not None for r in records):
            return True
        # Bindings go down to the first input; the others get theirs from it.
        return any(map(self._is_restricted, plan.inputs(node)[:1]))

    def _is_idle(self, node: plan.Node) -> bool:
        """Whether no member had to be asked for it."""
        if self.run is None:
            return False
        if isinstance(node, plan.Fetch):
            return id(node) not in self.run.requests
        return any(map(self._is_idle, plan.inputs(node)[:1]))


def _reordered(made: Reordering) -> str:
    """Say why a join ran in another order."""
    rows = write_amount(made.rows, "row")
    seen = f"at least {rows}" if made.at_least else rows
    return f"reordered: {seen} instead of ~{write_estimate(made.expected)}"


def _is_walked(node: plan.Node, below: plan.Node) -> bool:
    """Whether ``node`` only walks in, or looks into, the triples that ``below`` fetches."""
    return isinstance(node, plan.Reach | plan.Mark) and isinstance(below, plan.Fragment)


def _requests(node: plan.Fetch, dataset: str) -> tuple[MembersQuery, ...]:
    """Write what members are asked, those together that are asked the same."""
    groups: dict[Pattern, list[str]] = {}
    for name in node.members:
        groups.setdefault(node.own_patterns.get(name, node.pattern), []).append(name)
    return tuple(
        MembersQuery(tuple(names), _request(node, pattern, dataset))
        for pattern, names in groups.items()
    )


def _request(node: plan.Fetch, pattern: Pattern, dataset: str) -> str:
    """Write a request for a pattern, bindings apart."""
    if node.limit is None:
        return select_text(pattern, node.variables, dataset)
    return select_text(Slice(Project(pattern, node.variables), 0, node.limit), source=dataset)


def _words(node: plan.Node) -> tuple[str, str]:  # noqa: C901 - one case a node type
    match node:
        case plan.Fetch():
            title = "ask" + (" distinct" if node.distinct else "")
            title += " without copies" if node.leaves_copies_out else ""
            late = dict.fromkeys(v for each in node.translated.values() for v in each)
            title += f", translate {_listed(tuple(late))}" if late else ""
            return title, group_text(_matched(node.pattern))
        case plan.InlineData(variables, data):
            return "data", f"{write_amount(len(data), 'row')} of {_listed(variables) or 'nothing'}"
        case plan.Fragment(pattern):
            return "evaluate over fetched triples", group_text(pattern)
        case plan.ServiceCall(service) | plan.ServiceJoin(_, plan.ServiceCall(service)):
            return "service", group_text(service)
        case plan.Reach(_, path, start):
            return "walk", f"from {start}: {group_text(path.pattern)}"
        case plan.Join(left, right):
            shared = tuple(v for v in right.variables if v in left.variables)
            return ("join", f"on {_listed(shared)}") if shared else ("cross product", "")
        case plan.LeftJoin(_, _, condition):
            return "optional", "" if condition is None else expression_text(condition)
        case plan.Union():
            return "union", ""
        case plan.Minus():
            return "minus", ""
        case plan.Filter(_, condition):
            return "filter", expression_text(condition)
        case plan.Extend(_, variable, expression):
            return "bind", f"{variable} = {expression_text(expression)}"
        case plan.Mark(_, variable, pattern):
            return "exists", f"{variable} = {{ {group_text(pattern)} }}"
        case plan.Group(_, keys, aggregates):
            written = ", ".join(f"{v} = {expression_text(a)}" for v, a in aggregates)
            return "group", f"by {_listed(keys) or 'nothing'}: {written}"
        case plan.Project(_, kept):
            return "project", _listed(kept)
        case plan.Distinct():
            return "distinct", ""
        case plan.OrderBy(_, order):
            parts = (
                f"{expression_text(k.expression)}{' desc' if k.descending else ''}" for k in order
            )
            return "order", ", ".join(parts)
        case plan.Slice(_, offset, limit):
            most = "all" if limit is None else str(limit)
            return "slice", f"{most} rows" + (f" from {offset}" if offset else "")
        case _:
            assert_never(node)


def _matched(pattern: Pattern) -> Pattern:
    """Give what members match: which of its variables they give back stands in the query.

    Where they compute new values, the SELECT says it best.
    """
    if not isinstance(pattern, Project):
        return pattern
    computes = any(isinstance(part, Extend | Group) for part in walk(pattern))
    return pattern if computes else pattern.pattern


def _listed(variables: tuple[Variable, ...]) -> str:
    return ", ".join(map(str, variables))
