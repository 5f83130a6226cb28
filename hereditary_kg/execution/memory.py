"""How much memory one running query may hold, and what its steps hold of that.

What is counted is what stays: rows that an operator gathers, the store that a fragment is
evaluated over, and what Oxigraph needs for an evaluation. Batches on their way from one operator
to the next are not; there are few of them, and they are small. A frame is counted with the full
length of its texts, also where it shares them with another one, so that a query is rather
stopped too early than too late.
"""

import asyncio
import contextvars
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

import polars as pl

from hereditary_kg.execution.errors import MemoryLimitError
from hereditary_kg.planning import plan
from hereditary_kg.planning.explanation import explain_plan

__all__ = [
    "DEFAULT_MEMORY_LIMIT",
    "AbandonedError",
    "Document",
    "Holding",
    "MemoryBudget",
    "evaluation_memory",
    "frame_bytes",
]

DEFAULT_MEMORY_LIMIT = 2 * 2**30
"""Bytes that a query may hold at the mediator unless the caller says otherwise."""

Value = TypeVar("Value")

# Measured: of inline data Oxigraph makes 14 to 17 times as many bytes as they have characters.
_BYTES_A_CHARACTER = 18
_VIEW_BYTES = 16
_DOCUMENT_STEP = 2**16

_evaluating: contextvars.ContextVar["Holding | None"] = contextvars.ContextVar(
    "evaluating", default=None
)


def frame_bytes(frame: pl.DataFrame) -> int:
    """Give the bytes that a frame of texts takes: the texts, and a view of each."""
    return int(frame.estimated_size()) + _VIEW_BYTES * frame.width * frame.height


class AbandonedError(Exception):
    """Nobody waits any more for what a thread evaluates."""


@contextmanager
def evaluation_memory(characters: int) -> Iterator["Document"]:
    """Count an evaluation by Oxigraph as held by the step in whose :meth:`Holding.run` it runs.

    Args:
        characters: the length of the query, most of it inline data.

    Yields:
        The file that the answer is to be written to.

    Raises:
        MemoryLimitError: the step would hold too much.
    """
    holding = _evaluating.get() or Holding(MemoryBudget(), "evaluation")
    needed = characters * _BYTES_A_CHARACTER
    holding.take(needed)
    document = Document(holding)
    try:
        yield document
    finally:
        document.discard()
        holding.give_back(needed)


class Document:
    """A file in memory that counts what is written to it.

    Attributes:
        content: what was written.
    """

    def __init__(self, holding: "Holding") -> None:
        self.content = bytearray()
        self._holding = holding
        self._counted = 0

    def write(self, part: bytes) -> int:
        """Take a part.

        Raises:
            MemoryLimitError: there is no room for it.
            AbandonedError: nobody waits for it any more.
        """
        self.content += part
        missing = len(self.content) - self._counted
        if missing > 0:
            more = max(missing, _DOCUMENT_STEP)
            self._holding.take(more)
            self._counted += more
        return len(part)

    def flush(self) -> None:
        """Do nothing: all is written."""

    def discard(self) -> None:
        """Count no longer what was written."""
        self._holding.give_back(self._counted)
        self._counted = 0


class MemoryBudget:
    """The memory of one running query.

    Attributes:
        limit: bytes that its steps may hold together, None for any number.
        used: bytes that they hold.
        peak: the most that they have held at once.
    """

    def __init__(self, limit: int | None = None) -> None:
        self.limit = limit
        self.used = 0
        self.peak = 0

    @contextmanager
    def hold(self, node: plan.Node | str) -> Iterator["Holding"]:
        """Count what one step holds while the block runs; it holds nothing afterwards.

        Args:
            node: the step, or what to call it where it is none of the plan.
        """
        holding = Holding(self, node)
        try:
            yield holding
        finally:
            holding.end()


class Holding:
    """What one step of a plan holds.

    Attributes:
        size: bytes.
        rows: rows, or triples of a store.
    """

    def __init__(self, budget: MemoryBudget, node: plan.Node | str) -> None:
        self.size = 0
        self.rows = 0
        self._budget = budget
        self._node = node
        self._ended = False
        # Evaluations in threads count too.
        self._lock = threading.Lock()

    @property
    def share(self) -> float:
        """Its part of what the query may hold; 0 where that is not limited."""
        return self.size / self._budget.limit if self._budget.limit else 0.0

    def add(self, frame: pl.DataFrame) -> None:
        """Hold one more frame.

        Raises:
            MemoryLimitError: that is too much.
        """
        self.take(frame_bytes(frame), frame.height)

    def replace(self, frame: pl.DataFrame) -> None:
        """Hold ``frame`` and nothing else.

        Raises:
            MemoryLimitError: that is too much.
        """
        self.release()
        self.add(frame)

    def take(self, size: int, rows: int = 0) -> None:
        """Hold ``size`` bytes more, with ``rows`` rows in them.

        Raises:
            MemoryLimitError: that is too much.
            AbandonedError: the step has ended.
        """
        with self._lock:
            if self._ended:
                raise AbandonedError
            together = self._budget.used + size
            limit = self._budget.limit
            if limit is not None and together > limit:
                raise MemoryLimitError(
                    self._name(),
                    rows=self.rows + rows,
                    size=self.size + size,
                    held=together,
                    limit=limit,
                )
            self.size += size
            self.rows += rows
            self._budget.used = together
            self._budget.peak = max(self._budget.peak, together)

    def give_back(self, size: int) -> None:
        """Hold ``size`` bytes less; nothing happens where the step has ended."""
        with self._lock:
            if not self._ended:
                self.size -= size
                self._budget.used -= size

    def release(self) -> None:
        """Hold nothing."""
        with self._lock:
            self._budget.used -= self.size
            self.size = self.rows = 0

    def end(self) -> None:
        """Hold nothing any more; what still runs in a thread ends when it wants more."""
        self.release()
        self._ended = True

    async def run(self, function: Callable[..., Value], *arguments: object) -> Value:
        """Run a function in a thread; what is evaluated there counts as held here."""
        context = contextvars.copy_context()
        context.run(_evaluating.set, self)
        call = partial(context.run, function, *arguments)
        return await asyncio.get_running_loop().run_in_executor(None, call)

    def _name(self) -> str:
        if isinstance(self._node, str):
            return self._node
        explanation = explain_plan(self._node)
        return explanation.label(explanation.root)
