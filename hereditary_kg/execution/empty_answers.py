"""Why an answer is empty: the patterns, filters and members at which its rows were lost.

The query is walked from the outside in. Each part is asked for one row, over the whole
federation and by the engine itself, so that what is said of it holds for the merge of all
members. Where every part of a join has rows, the smallest parts without a common row are
looked for, and samples of what they should share show what keeps them apart.
"""

from collections.abc import Sequence
from dataclasses import replace

from hereditary_kg.execution.dropped_rows import explain_dropping_filter
from hereditary_kg.execution.empty_leaves import explain_empty_leaf
from hereditary_kg.execution.engine import AsyncFederation
from hereditary_kg.execution.losses import Diagnosis, Loss
from hereditary_kg.execution.memory import DEFAULT_MEMORY_LIMIT
from hereditary_kg.execution.part_questions import Questioner, QuestionsEndedError
from hereditary_kg.execution.preparation import parse_for_federation
from hereditary_kg.execution.term_differences import find_near_pair, name_difference
from hereditary_kg.federation.deadline import Deadline
from hereditary_kg.planning.leaves import GraphName, Leaf, pattern_leaves
from hereditary_kg.planning.sources import Sources
from hereditary_kg.sparql.algebra import (
    BGP,
    Dataset,
    Filter,
    Graph,
    Join,
    LeftJoin,
    Minus,
    Pattern,
    Service,
    Slice,
    Union,
    Values,
    Variable,
)
from hereditary_kg.sparql.printing import group_text
from hereditary_kg.sparql.variables import scope_variables

__all__ = ["MOST_QUERIES", "explain_empty_answer"]

MOST_QUERIES = 40
"""Queries that are asked of the federation at most to explain one empty answer."""

_SAMPLED = 1000
_SHOWN_VARIABLES = 3


async def explain_empty_answer(
    federation: AsyncFederation,
    text: str,
    *,
    timeout: float | None = 60.0,
    most_queries: int = MOST_QUERIES,
    dataset: Dataset | None = None,
    base: str | None = None,
    memory_limit: int | None = DEFAULT_MEMORY_LIMIT,
) -> Diagnosis:
    """Say where the rows of a query were lost.

    Args:
        federation: whom to ask.
        text: the query.
        timeout: seconds for all of it, None for no limit.
        most_queries: how many queries may be asked of the federation.
        dataset: the graphs to ask, in place of the query's own FROM and FROM NAMED.
        base: what relative IRIs are relative to where the query has no BASE.
        memory_limit: bytes that one of those queries may hold, None for no limit.

    Raises:
        SparqlError: the text is wrong, or a form is refused.
        ExecutionError: a part of the query cannot be answered.
    """
    query = parse_for_federation(text, federation.description.prefixes, base)
    if dataset is not None:
        query = replace(query, dataset=dataset)
    questioner = Questioner(
        federation, query, Deadline(timeout), most_queries, memory_limit=memory_limit
    )
    losses: list[Loss] = []
    unfinished: str | None = None
    is_empty = True
    try:
        result = await questioner.first_row(query.pattern)
        is_empty = not result
        if is_empty:
            walker = _Walker(questioner, result.prepared.sources, losses)
            await walker.explain(query.pattern, None)
    except QuestionsEndedError as error:
        unfinished = str(error)
    return Diagnosis(
        tuple(dict.fromkeys(losses)),
        dict(questioner.failures),
        questioner.queries,
        questioner.requests,
        unfinished,
        is_empty,
    )


class _Walker:
    """Walks a pattern without solutions down to what is to blame.

    Args:
        questioner: asks about parts.
        sources: the members, and who may match which leaf.
        losses: takes what is found, so that it is there where the time runs out.
    """

    def __init__(self, questioner: Questioner, sources: Sources, losses: list[Loss]) -> None:
        self._questioner = questioner
        self._sources = sources
        self._losses = losses

    async def explain(self, pattern: Pattern, graph: GraphName) -> None:
        """Note why ``pattern``, which has no solution, has none.

        Args:
            pattern: the pattern.
            graph: the graph that it is matched in, None for the default graph.
        """
        match pattern:
            case BGP((triple,)):
                leaf = Leaf(triple, graph)
                sources = self._questioner.sources(leaf.pattern) or self._sources
                loss = await explain_empty_leaf(self._questioner, sources, leaf)
                self._losses.append(loss)
            case BGP() | Join():
                await self._explain_join(_parts(pattern), graph)
            case Filter(_, inner) | Minus(inner, _) | Slice(inner, _, _):
                if await self._has_rows(inner, graph):
                    self._losses.append(await self._explain_dropping(pattern, graph))
                else:
                    await self.explain(inner, graph)
            case Union(branches):
                for branch in branches:
                    await self.explain(branch, graph)
            case Graph(name, inner):
                await self.explain(inner, name)
            case Values():
                self._losses.append(Loss("values", (), "The inline data (VALUES) have no row."))
            case Service():
                shown = (group_text(pattern),)
                self._losses.append(Loss("service", shown, "This SERVICE gave no row."))
            case LeftJoin(left, _):
                await self.explain(left, graph)
            case _:
                await self.explain(pattern.pattern, graph)

    async def _explain_dropping(self, pattern: Filter | Minus | Slice, graph: GraphName) -> Loss:
        """Say why nothing is left of the rows that reach ``pattern``."""
        match pattern:
            case Filter(condition, inner):
                place = _inside(inner, graph)
                return await explain_dropping_filter(self._questioner, condition, place)
            case Minus(_, right):
                shown = (f"MINUS {{ {group_text(right)} }}",)
                return Loss("minus", shown, "Rows reach this MINUS, and it takes all of them away:")
            case Slice(_, _, 0):
                return Loss("slice", ("LIMIT 0",), "The query asks for no row:")
            case Slice(_, offset, _):
                text = "There are rows, but no more than OFFSET skips:"
                return Loss("slice", (f"OFFSET {offset}",), text)

    async def _has_rows(self, pattern: Pattern, graph: GraphName) -> bool:
        return await self._questioner.has_rows(_inside(pattern, graph))

    async def _explain_join(self, parts: Sequence[Pattern], graph: GraphName) -> None:
        empty = [part for part in parts if not await self._has_rows(part, graph)]
        for part in empty:
            await self.explain(part, graph)
        if empty:
            return
        together = await self._smallest_empty_join(parts, graph)
        if together is None:
            return
        rest, part = together
        self._losses.append(await self._explain_apart(Join.of(rest), part, graph))

    async def _smallest_empty_join(
        self, parts: Sequence[Pattern], graph: GraphName
    ) -> tuple[list[Pattern], Pattern] | None:
        """Find parts, and one more, that have rows without it and none with it."""
        joined, *others = _connected_order(parts)
        kept = [joined]
        for part in others:
            if not await self._has_rows(Join.of([*kept, part]), graph):
                return await self._narrowed(kept, part, graph), part
            kept.append(part)
        return None

    async def _narrowed(
        self, kept: list[Pattern], part: Pattern, graph: GraphName
    ) -> list[Pattern]:
        """Leave out what is not needed for ``kept`` and ``part`` to have no common row."""
        if len(kept) == 1:
            return kept
        for other in kept:
            shares = set(scope_variables(other)) & set(scope_variables(part))
            if shares and not await self._has_rows(Join.of([other, part]), graph):
                return [other]
        for other in tuple(kept):
            rest = [each for each in kept if each is not other]
            if rest and not await self._has_rows(Join.of([*rest, part]), graph):
                kept = rest
        return kept

    async def _explain_apart(self, rest: Pattern, part: Pattern, graph: GraphName) -> Loss:
        """Say what keeps two patterns apart that have rows, but none in common."""
        theirs = set(scope_variables(part))
        shared = [variable for variable in scope_variables(rest) if variable in theirs]
        notes = []
        for variable in shared[:_SHOWN_VARIABLES]:
            left = await self._sample(rest, variable, graph)
            right = await self._sample(part, variable, graph)
            if left and right and not left & right:
                notes += _contrast(variable, left, right)
        names = ", ".join(map(str, shared))
        if len(shared) > 1 and not notes:
            notes.append(f"Values of {names} agree one by one, but in no row all together.")
        text = f"Each of these has rows, but no two of them agree in {names}:"
        return Loss(
            "join", (self._placed(rest, graph), self._placed(part, graph)), text, tuple(notes)
        )

    async def _sample(self, pattern: Pattern, variable: Variable, graph: GraphName) -> set[str]:
        frame = await self._questioner.sample(_inside(pattern, graph), [variable], _SAMPLED)
        return set(frame[variable.name].drop_nulls())

    def _placed(self, pattern: Pattern, graph: GraphName) -> str:
        """Write a pattern, and who may match it."""
        sources = self._questioner.sources(_inside(pattern, graph)) or self._sources
        leaves = tuple(pattern_leaves(pattern, graph))
        found = {n for leaf in leaves for n in sources.candidates.get(leaf, ())}
        names = [name for name in sources.members if name in found]
        where = f"  (at {', '.join(names[:5])}{_more(names)})" if names else ""
        return group_text(_inside(pattern, graph)) + where


def _more(names: Sequence[str]) -> str:
    return f" and {len(names) - 5} more" if len(names) > 5 else ""


def _contrast(variable: Variable, left: set[str], right: set[str]) -> list[str]:
    """Show values of both sides; two that people would take for the same, if there are."""
    pair = find_near_pair(left, right)
    if pair is not None:
        ours, theirs = pair
        told = f"{variable} is {ours} in the first and {theirs} in the second"
        return [f"{told}: {name_difference(ours, theirs)}."]
    first, second = min(left), min(right)
    return [f"{variable} is, for example, {first} in the first and {second} in the second."]


def _parts(pattern: BGP | Join) -> list[Pattern]:
    found: list[Pattern] = []
    for part in pattern.parts if isinstance(pattern, Join) else (pattern,):
        if isinstance(part, BGP):
            found += [BGP((triple,)) for triple in part.triples]
        else:
            found.append(part)
    return found


def _connected_order(parts: Sequence[Pattern]) -> list[Pattern]:
    """Order parts so that each shares a variable with one before it, where that is possible."""
    waiting = list(parts)
    order = [waiting.pop(0)]
    bound = set(scope_variables(order[0]))
    while waiting:
        following = next((p for p in waiting if bound & set(scope_variables(p))), waiting[0])
        waiting.remove(following)
        order.append(following)
        bound.update(scope_variables(following))
    return order


def _inside(pattern: Pattern, graph: GraphName) -> Pattern:
    return pattern if graph is None else Graph(graph, pattern)
