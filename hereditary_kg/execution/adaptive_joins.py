"""Chains of joins whose order is reconsidered while they run.

The planner orders joins by estimates. How many rows the parts joined so far really have shows
before the next part is asked for; where that is far from what was expected, the rest is put in the
order that is cheapest now.

Source: progressive optimisation by Markl et al., Robust Query Processing through Progressive
Optimization, SIGMOD 2004.
"""

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass

import polars as pl

from hereditary_kg.execution.context import ExecutionContext
from hereditary_kg.execution.joins import join
from hereditary_kg.execution.memory import Holding
from hereditary_kg.execution.pairing import Evaluate, bind_limit, patience
from hereditary_kg.execution.streams import Batches, ReadAhead, chain
from hereditary_kg.planning import plan
from hereditary_kg.planning.explanation import Reordering, q_error
from hereditary_kg.planning.join_chains import JoinChain
from hereditary_kg.rdf.solutions import restrict, unite_solutions
from hereditary_kg.sparql.algebra import Variable

__all__ = ["join_adaptively"]

# The factor by which an estimate must be off, and rows that are waited for to find out.
_FAR_OFF = 10.0
_MOST_OBSERVED = 10_000
# Rows of the left side that are looked at first for each row that is wanted.
_LOOKED_AT = 4


async def join_adaptively(
    context: ExecutionContext, node: plan.Join, chain: JoinChain, evaluate: Evaluate
) -> Batches:
    """Stream a join of three parts or more.

    Args:
        context: the running query; it takes note of each new order.
        node: the join of all parts.
        chain: what it joins.
        evaluate: streams the solutions of a part.
    """
    run = _ChainRun(context, node, node, chain, evaluate)
    stream = evaluate(context, chain.joins(node)[0].left)
    async with AsyncExitStack() as opened:
        while run.left:
            if run.left > 1:
                stream = await run.reconsider(stream, opened)
            stream = run.join_next(stream)
        async with aclosing(stream) as batches:
            async for batch in batches:
                yield batch


@dataclass
class _ChainRun:
    """A chain of joins on its way.

    Attributes:
        context: the running query.
        planned: the join of all parts, as it was planned.
        top: the same, as it is now.
        chain: what it joins, in its order of now.
        evaluate: streams the solutions of a part.
        joined: how many parts are joined already.
    """

    context: ExecutionContext
    planned: plan.Join
    top: plan.Join
    chain: JoinChain
    evaluate: Evaluate
    joined: int = 1

    @property
    def left(self) -> int:
        """How many parts are not joined yet."""
        return len(self.chain.parts) - self.joined

    def join_next(self, stream: Batches) -> Batches:
        """Join the next part with the rows of those before."""
        following = self.chain.joins(self.top)[self.joined - 1]
        self.joined += 1
        resumed = _Resumed(following.left, stream, self.evaluate)
        rows = join(self.context, following, None, resumed)
        return rows if following is self.planned else _counted(self.context, following, rows)

    async def reconsider(self, stream: Batches, opened: AsyncExitStack) -> Batches:
        """Look at the first rows of the parts joined so far, and order the others anew.

        Args:
            stream: the rows.
            opened: closes what is still open at the end.

        Returns:
            The same rows.
        """
        ahead = ReadAhead(stream)
        await opened.enter_async_context(aclosing(ahead))
        held = opened.enter_context(self.context.memory.hold(self.top))
        frames, is_whole = await self._observe(ahead, held)
        rows = sum(frame.height for frame in frames)
        expected = self.chain.expected(self.top, self.joined)
        is_known = is_whole or rows > expected
        if rows and is_known and q_error(expected, rows) > _FAR_OFF:
            distinct = _distinct(frames)
            better = self.chain.reordered(self.top, self.joined, float(rows), distinct)
            if better is not None:
                self.top, self.chain = better
                self._note(Reordering(self.top, rows, expected, at_least=not is_whole))
        return _released(held, chain(frames, ahead))

    async def _observe(
        self, stream: ReadAhead[pl.DataFrame], held: Holding
    ) -> tuple[list[pl.DataFrame], bool]:
        """Gather rows until it is known whether they are about as many as was expected.

        Returns:
            What came, and whether it is all.
        """
        right = self.chain.parts[self.joined][1]
        wait = patience(self.context, right)
        left = self.chain.joins(self.top)[self.joined - 1].left
        limit = bind_limit(self.context, left, right)
        most = _most_observed(self.chain.expected(self.top, self.joined), limit)
        if self.top.wanted is not None:
            most = min(most, _LOOKED_AT * self.top.wanted)
        frames: list[pl.DataFrame] = []
        rows = 0
        while rows <= most and not (rows and await stream.is_idle(wait)):
            batch = await anext(stream, None)
            if batch is None:
                return frames, True
            held.add(batch)
            frames.append(batch)
            rows += batch.height
        return frames, False

    def _note(self, made: Reordering) -> None:
        noted = self.context.reorderings.get(id(self.planned), ())
        self.context.reorderings[id(self.planned)] = (*noted, made)


def _most_observed(expected: float, limit: int) -> float:
    """Give how many rows show whether an expectation is right, or that it does not matter."""
    telling = expected * _FAR_OFF
    if telling > _MOST_OBSERVED:
        # That they are not far fewer has to do.
        telling = expected / _FAR_OFF
    return min(max(limit, telling), _MOST_OBSERVED)


def _distinct(frames: Sequence[pl.DataFrame]) -> Mapping[Variable, float]:
    frame = unite_solutions(frames, frames[0].columns)
    return {Variable(name): float(frame[name].n_unique()) for name in frame.columns}


@dataclass(frozen=True)
class _Resumed:
    """Evaluates as ``others`` does, but takes a stream that has begun for the node ``node``."""

    node: plan.Node
    stream: Batches
    others: Evaluate

    def __call__(
        self, context: ExecutionContext, node: plan.Node, bindings: pl.DataFrame | None = None
    ) -> Batches:
        return self.stream if node is self.node else self.others(context, node, bindings)


async def _released(held: Holding, batches: Batches) -> Batches:
    """Hand rows on; who takes them counts them."""
    async with aclosing(batches) as stream:
        async for batch in stream:
            held.release()
            yield batch


async def _counted(context: ExecutionContext, node: plan.Join, batches: Batches) -> Batches:
    """Count the rows of a join that runs under another one's name."""
    names = [variable.name for variable in node.variables]
    async with aclosing(batches) as stream:
        async for batch in stream:
            if batch.height:
                context.count(node, batch.height)
                yield restrict(batch, names)
