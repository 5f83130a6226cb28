"""Which rows of one side of a join meet which of the other, asking for no more than needed.

The rows of the left side are gathered, and the different bindings that they have for the right
side are counted. While those are few, the right side is asked only for what can join, block by
block, several blocks at a time (a bind join). Once they are many, the right side is fetched whole
once, and both sides stream past each other, or the left one past the right one (a hash join).
Where the line runs is a matter of cost: a look-up for each binding, and a request for each block
and member, against the estimated rows of the whole right side.

Rows don't wait for a member that is slow: while nothing more comes of the left side, what has
come is looked up. Where only some rows are wanted, blocks begin small and grow.

Source: bind joins after Haas et al., Optimizing Queries across Diverse Data Sources, VLDB
1997, and Schwarte et al., FedX, ISWC 2011.
"""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from statistics import median_low
from typing import Protocol, TypeAlias

import polars as pl

from hereditary_kg.execution.context import ExecutionContext
from hereditary_kg.execution.gathered_keys import AskedKeys, GatheredRows
from hereditary_kg.execution.memory import Holding
from hereditary_kg.execution.requests import LARGEST_BLOCK, blocks
from hereditary_kg.execution.streams import Batches, ReadAhead, chain, collect, merge, rebatch
from hereditary_kg.execution.symmetric_joins import Side, pair_as_they_come
from hereditary_kg.planning import plan
from hereditary_kg.planning.costs import asking_cost, routed_share
from hereditary_kg.rdf.solutions import unite_solutions
from hereditary_kg.sparql.algebra import Variable

__all__ = ["Evaluate", "Pair", "Pairing", "Pairs", "bind_limit", "patience"]

Pair: TypeAlias = tuple[pl.DataFrame, pl.DataFrame]
"""Rows of the left side, and rows of the right side that they are to be joined with."""
Pairs: TypeAlias = AsyncGenerator[Pair, None]

_FEWEST_KEYS = 64
# Times the limit from which a left side is taken for large before it has shown it, and the part
# of the limit that it has to show nevertheless.
_CLEARLY_LARGE = 2
_SHOWN_PART = 8
# Waiting rows past which they are looked up, however few bindings they have.
_MOST_WAITING = 100_000
# And the part of the query's memory that they, or known answers, may take.
_LARGEST_SHARE = 0.25
# Blocks of a join of which only some rows are wanted: bindings of the first one for each row,
# and how many times larger the next one is.
_FIRST_BLOCK = 4
_GROWTH = 4
# Seconds for which nothing must come before a side counts as idle, and the least of them: as
# long as another request is likely to take, so that waiting and asking cost about the same.
_LATENCIES = 4
_LEAST_PATIENCE = 0.1


class Evaluate(Protocol):
    """Streams the solutions of a plan node."""

    def __call__(
        self,
        context: ExecutionContext,
        node: plan.Node,
        bindings: pl.DataFrame | None = None,
    ) -> Batches:
        """Stream the solutions of ``node``, which will be joined with ``bindings``."""


def bind_limit(context: ExecutionContext, left: plan.Node, right: plan.Node) -> int:
    """Give how many bindings of ``left`` cost less than to fetch ``right`` whole."""
    fetches = list(_fetches(right))
    members = [name for node in fetches for name in node.members]
    asking = asking_cost(context.members[name].statistics for name in members)
    rows = sum(node.estimate.rows for node in fetches)
    keys = right.certain.intersection(left.variables)
    share = max((_share(node, keys) for node in fetches), default=1.0)
    most = asking.most_bindings(rows, len(right.variables), share, _rows_each(right, keys))
    limit = int(most)
    if sum(node.estimate.rows for node in _fetches(left)) > _CLEARLY_LARGE * limit:
        # The first rows need not wait until that many bindings have shown what is expected.
        limit //= _SHOWN_PART
    return max(_FEWEST_KEYS, limit)


def _rows_each(right: plan.Node, keys: frozenset[Variable]) -> float:
    """Estimate how many rows come for one binding; none where nothing tells."""
    if not isinstance(right, plan.Fetch):
        return 0.0
    distinct = [right.estimate.distinct[key] for key in keys if key in right.estimate.distinct]
    return right.estimate.rows / max(1.0, *distinct) if distinct else 0.0


def _share(node: plan.Fetch, keys: frozenset[Variable]) -> float:
    """Give the share of a request's members to which a binding goes."""
    ends = [node.ends[key] for key in sorted(keys & node.ends.keys(), key=str)]
    return min((routed_share(each, node.members) for each in ends), default=1.0)


def _fetches(node: plan.Node) -> Iterator[plan.Fetch]:
    if isinstance(node, plan.Fetch):
        yield node
    for child in plan.inputs(node):
        yield from _fetches(child)


def patience(context: ExecutionContext, right: plan.Node) -> float:
    """Give for how long a left side must be idle before ``right`` is asked for what has come."""
    asked = {name for node in _fetches(right) for name in node.members}
    statistics = (context.members[name].statistics for name in asked)
    latencies = [each.latency for each in statistics if each.latency is not None]
    usual = median_low(latencies) if latencies else 0.0
    return max(_LEAST_PATIENCE, _LATENCIES * usual)


@dataclass
class Pairing:
    """Brings each row of the left side together with all that may join it on the right.

    Attributes:
        context: the running query.
        left: the side that is read first.
        right: the side that is asked for what the other one needs.
        bindings: what the result will be joined with.
        evaluate: streams the solutions of either side.
        wanted: how many rows of the result are enough, None for all.
        in_parts: whether a left row may meet its right rows one after the other, as they come.
    """

    context: ExecutionContext
    left: plan.Node
    right: plan.Node
    bindings: pl.DataFrame | None
    evaluate: Evaluate
    wanted: int | None = None
    in_parts: bool = False

    def __post_init__(self) -> None:
        self._limit = bind_limit(self.context, self.left, self.right)
        self._patience = patience(self.context, self.right)
        self._block: int | None = None
        if self.wanted is not None:
            # More look-ups than that would cost more than all of the right side.
            self._block = min(max(1, _FIRST_BLOCK * self.wanted), self._limit)

    async def pairs(self) -> Pairs:
        """Yield every left row with all right rows that may join it: once, or in parts."""
        memory = self.context.memory
        left = self.evaluate(self.context, self.left, self.bindings)
        with memory.hold(self.left) as ours, memory.hold(self.right) as theirs:
            rows = GatheredRows(self.left, self.right, ours)
            asked = AskedKeys(theirs)
            async with aclosing(ReadAhead(left)) as stream:
                async with aclosing(self._looked_up(rows, asked, stream)) as pairs:
                    async for pair in pairs:
                        yield pair
                if not rows.height:
                    return
                asked.forget()
                async with aclosing(self._whole(rows, stream, theirs)) as pairs:
                    async for pair in pairs:
                        yield pair

    async def _looked_up(
        self, rows: GatheredRows, asked: AskedKeys, stream: ReadAhead[pl.DataFrame]
    ) -> Pairs:
        """Look rows up while that is cheaper than all of the right side; others stay waiting."""
        has_ended = False
        while not has_ended or rows.height:
            has_ended = has_ended or await self._gather(rows, asked, stream)
            if self._is_dear(rows, asked):
                return
            if not rows.height:
                continue
            size = rows.new_keys(asked).height if self._block is None else self._block
            frame, keys = rows.take(asked, size)
            kept = None if has_ended else asked
            async with aclosing(self._ask(frame, keys, asked, kept)) as pairs:
                async for pair in pairs:
                    yield pair
            rows.count_waiting()
            if asked.held.share > _LARGEST_SHARE:
                asked.forget()
            if self._block is not None:
                self._block *= _GROWTH

    async def _gather(
        self, rows: GatheredRows, asked: AskedKeys, stream: ReadAhead[pl.DataFrame]
    ) -> bool:
        """Gather rows until it is known how to go on; say whether there are no more."""
        while not self._is_enough(rows, asked):
            if rows.height and await stream.is_idle(self._patience):
                return False
            batch = await anext(stream, None)
            if batch is None:
                return True
            rows.add(batch)
        return False

    def _is_enough(self, rows: GatheredRows, asked: AskedKeys) -> bool:
        if not rows.height:
            return False
        if rows.height > _MOST_WAITING or rows.held.share > _LARGEST_SHARE:
            return True
        if not rows.columns:
            return rows.height > self._limit
        keys = rows.new_keys(asked).height
        return keys > self._limit - asked.count or (self._block is not None and keys >= self._block)

    def _is_dear(self, rows: GatheredRows, asked: AskedKeys) -> bool:
        """Whether looking waiting rows up costs more than fetching the right side whole."""
        if not rows.height:
            return False
        if not rows.columns:
            return True
        keys = rows.new_keys(asked).height
        if self._block is not None:
            # Some rows are looked for before all are fetched.
            keys = min(keys, self._block) if asked.count else 0
        return asked.count + keys > self._limit

    async def _ask(
        self, frame: pl.DataFrame, keys: pl.DataFrame, asked: AskedKeys, kept: AskedKeys | None
    ) -> Pairs:
        """Pair rows with the answers to their keys.

        Args:
            frame: the rows.
            keys: those of their keys that were not asked for before.
            asked: those that were, and the answers.
            kept: takes the new answers, None where no more rows can need them.
        """
        if asked.count:
            known = frame.join(keys, on=keys.columns, how="anti")
            if known.height:
                yield known, asked.answers(self._right_names)
        new = [self._look_up(frame, block, kept) for block in blocks(keys, LARGEST_BLOCK)]
        async with aclosing(merge(new)) as pairs:
            async for pair in pairs:
                yield pair

    async def _look_up(
        self, frame: pl.DataFrame, block: pl.DataFrame, kept: AskedKeys | None
    ) -> Pairs:
        rows = frame.join(block, on=block.columns, how="semi")
        answer = self.evaluate(self.context, self.right, block)
        if self.in_parts:
            answer = rebatch(answer, self._right_names)
        with self.context.memory.hold(self.right) as held:
            found = []
            async with aclosing(answer) as batches:
                async for batch in batches:
                    if self.in_parts:
                        yield rows, batch
                    if kept is not None or not self.in_parts:
                        held.add(batch)
                        found.append(batch)
            whole = unite_solutions(found, self._right_names)
            if kept is not None:
                kept.add(block, whole)
            if not self.in_parts:
                yield rows, whole

    async def _whole(
        self, rows: GatheredRows, stream: ReadAhead[pl.DataFrame], theirs: Holding
    ) -> Pairs:
        """Fetch the right side whole, once."""
        right = self.evaluate(self.context, self.right, self.bindings)
        left = chain(rows.release(), stream)
        if self.in_parts:
            rows.held.release()
            ours = Side(left, rows.names, rows.held)
            pairs = pair_as_they_come(ours, Side(right, self._right_names, theirs))
        else:
            pairs = self._past_whole(rows, left, await collect(right, self._right_names, theirs))
        async with aclosing(pairs) as opened:
            async for pair in opened:
                yield pair

    async def _past_whole(self, rows: GatheredRows, left: Batches, whole: pl.DataFrame) -> Pairs:
        async with aclosing(rebatch(left, rows.names)) as batches:
            async for batch in batches:
                rows.held.release()
                yield batch, whole

    @property
    def _right_names(self) -> list[str]:
        return [variable.name for variable in self.right.variables]
