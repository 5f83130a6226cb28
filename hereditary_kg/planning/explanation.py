"""A plan for people: one neutral record, and text, JSON and Mermaid made from it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hereditary_kg.planning import plan
from hereditary_kg.sparql.algebra import Variable
from hereditary_kg.sparql.printing import expression_text, group_text, select_text

__all__ = ["Explanation", "PlanStep", "explain_plan"]

_DETAIL_WIDTH = 100
# Between quotation marks Mermaid reads HTML, Markdown, escapes and entities of its own.
_MERMAID = str.maketrans(
    {
        "#": "#35;",
        "&": "#amp;",
        '"': "#quot;",
        "<": "#lt;",
        ">": "#gt;",
        "`": "#96;",
        "\\": "#92;",
    }
)


@dataclass(frozen=True)
class PlanStep:
    """One node of a plan.

    Attributes:
        title: what it does, in a few words.
        detail: on what: a pattern, a condition, variables.
        members: who is asked; empty for the mediator itself.
        estimate: expected rows, None where there is no estimate.
        rows: actual rows, None before the plan has run.
        query: the text that members are asked (bindings apart), None for the mediator itself.
        steps: what it takes its input from.
    """

    title: str
    detail: str = ""
    members: tuple[str, ...] = ()
    estimate: float | None = None
    rows: int | None = None
    query: str | None = None
    steps: tuple["PlanStep", ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Give the step and all below it as plain values."""
        return {
            "title": self.title,
            "detail": self.detail,
            "members": list(self.members),
            "estimate": None if self.estimate is None else round(self.estimate, 1),
            "rows": self.rows,
            "query": self.query,
            "steps": [step.to_dict() for step in self.steps],
        }


@dataclass(frozen=True)
class Explanation:
    """A plan ready to be shown."""

    root: PlanStep
    prefixes: Mapping[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Give the plan as plain values, ready for JSON."""
        return self.root.to_dict()

    def to_text(self) -> str:
        """Draw the plan as a tree of lines."""
        return "\n".join(self._lines(self.root, "", ""))

    def __str__(self) -> str:
        return self.to_text()

    def _lines(self, step: PlanStep, first: str, rest: str) -> Iterator[str]:
        yield first + self.label(step)
        for position, below in enumerate(step.steps):
            last = position == len(step.steps) - 1
            corner, bar = ("└─ ", "   ") if last else ("├─ ", "│  ")
            yield from self._lines(below, rest + corner, rest + bar)

    def label(self, step: PlanStep) -> str:
        """Write one step in one line."""
        text = step.title
        if step.members:
            text += f" @ {', '.join(step.members)}"
        if step.detail:
            text += f": {_cut(self.shorten(step.detail))}"
        sizes = []
        if step.estimate is not None:
            sizes.append(f"~{_rounded(step.estimate)} rows")
        if step.rows is not None:
            sizes.append(f"{step.rows:,} actual")
        return f"{text}  [{', '.join(sizes)}]" if sizes else text

    def shorten(self, text: str) -> str:
        """Write the IRIs in ``text`` with the prefixes at hand."""
        for prefix, namespace in sorted(
            self.prefixes.items(), key=lambda item: (-len(item[1]), item[0])
        ):
            text = _with_prefix(text, prefix, namespace)
        return text

    def to_mermaid(self) -> str:
        """Draw the plan as a Mermaid flow chart."""
        lines = ["flowchart BT"]
        steps = list(_walk(self.root))
        numbers = {id(step): number for number, step in enumerate(steps)}
        for number, step in enumerate(steps):
            label = self.label(step).translate(_MERMAID)
            shape = ("[(", ")]") if step.members else ("[", "]")
            lines.append(f'    n{number}{shape[0]}"{label}"{shape[1]}')
        for step in steps:
            lines += [f"    n{numbers[id(b)]} --> n{numbers[id(step)]}" for b in step.steps]
        return "\n".join(lines)


def _walk(step: PlanStep) -> Iterator[PlanStep]:
    yield step
    for below in step.steps:
        yield from _walk(below)


def _cut(text: str) -> str:
    return text if len(text) <= _DETAIL_WIDTH else text[: _DETAIL_WIDTH - 1] + "…"


def _rounded(number: float) -> str:
    return f"{number:,.0f}" if number >= 1 or number == 0 else "<1"


def _with_prefix(text: str, prefix: str, namespace: str) -> str:
    start = "<" + namespace
    pieces = text.split(start)
    shortened = pieces[0]
    for piece in pieces[1:]:
        local, closing, behind = piece.partition(">")
        plain = closing and local.replace("_", "").replace("-", "").isalnum()
        shortened += f"{prefix}:{local}{behind}" if plain else start + piece
    return shortened


def explain_plan(
    node: plan.Node,
    rows: Mapping[int, int] | None = None,
    prefixes: Mapping[str, str] | None = None,
) -> Explanation:
    """Describe a plan.

    Args:
        node: its root.
        rows: the rows that left each node, by identity, after it has run.
        prefixes: for short IRIs.
    """
    return Explanation(_step(node, rows), dict(prefixes or {}))


def _step(node: plan.Node, rows: Mapping[int, int] | None) -> PlanStep:
    title, detail = _words(node)
    fetch = node if isinstance(node, plan.Fetch) else None
    estimate = node.estimate.rows if isinstance(node, plan.Fetch | plan.Join) else None
    return PlanStep(
        title=title,
        detail=detail,
        members=fetch.members if fetch else (),
        estimate=estimate,
        rows=None if rows is None else rows.get(id(node), 0),
        query=select_text(fetch.pattern, fetch.variables) if fetch else None,
        steps=tuple(_step(below, rows) for below in plan.inputs(node)),
    )


def _words(node: plan.Node) -> tuple[str, str]:  # noqa: C901 - one case a node type
    match node:
        case plan.Fetch():
            return "ask" + (" distinct" if node.distinct else ""), group_text(node.pattern)
        case plan.InlineData(variables, data):
            return "data", f"{len(data)} row(s) of {_listed(variables) or 'nothing'}"
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


def _listed(variables: tuple[Variable, ...]) -> str:
    return ", ".join(map(str, variables))
