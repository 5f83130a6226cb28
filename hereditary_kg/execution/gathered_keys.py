"""Rows that wait to be joined, and the different bindings that they have for the other side."""

from collections.abc import Sequence

import polars as pl

from hereditary_kg.execution.memory import Holding
from hereditary_kg.planning import plan
from hereditary_kg.rdf.solutions import empty_solutions, unite_solutions

__all__ = ["AskedKeys", "GatheredRows"]


class AskedKeys:
    """Keys that the right side was asked for, and the answers as long as they are kept.

    Attributes:
        held: counts what is kept.
        count: how many keys were asked for.
    """

    def __init__(self, held: Holding) -> None:
        self.held = held
        self.count = 0
        self._keys: list[pl.DataFrame] = []
        self._answers: list[pl.DataFrame] = []

    def add(self, keys: pl.DataFrame, answer: pl.DataFrame) -> None:
        """Keep the answer to keys.

        Args:
            keys: the keys.
            answer: at least all rows that have one of them.

        Raises:
            MemoryLimitError: that is too much.
        """
        # More may have come than was asked for, and would come again.
        answer = answer.join(keys, on=keys.columns, how="semi")
        self.held.add(keys)
        self.held.add(answer)
        self._keys.append(keys)
        self._answers.append(answer)

    def new(self, keys: pl.DataFrame) -> pl.DataFrame:
        """Give those of ``keys`` whose answers are not kept."""
        if not self._keys:
            return keys
        if self._keys[0].columns != keys.columns:
            # Answers to other columns say nothing.
            self.forget()
            return keys
        known = pl.concat(self._keys)
        return keys.join(known, on=keys.columns, how="anti", maintain_order="left")

    def answers(self, names: Sequence[str]) -> pl.DataFrame:
        """Give all rows that are kept."""
        return unite_solutions(self._answers, names)

    def forget(self) -> None:
        """Keep nothing; keys are asked for again where they come again."""
        self._keys, self._answers = [], []
        self.held.release()


class GatheredRows:
    """Rows of the left side of a join that wait for their right rows.

    Attributes:
        names: their columns.
        columns: those of them that can restrict the right side.
        held: counts them.
        height: how many they are.
    """

    def __init__(self, left: plan.Node, right: plan.Node, held: Holding) -> None:
        self.names = [variable.name for variable in left.variables]
        self.columns = [v.name for v in left.variables if v in right.certain]
        self.held = held
        self.height = 0
        self._frames: list[pl.DataFrame] = []
        self._keys = empty_solutions(self.columns)

    def add(self, batch: pl.DataFrame) -> None:
        """Gather one more batch.

        Raises:
            MemoryLimitError: that is too much.
        """
        self.held.add(batch)
        self._frames.append(batch)
        self.height += batch.height
        # What is unbound restricts nothing, and a blank node cannot be asked for.
        columns = [name for name in self.columns if _is_askable(batch[name])]
        frames = [self._keys, batch] if columns == self.columns else self._frames
        self.columns = columns
        if columns:
            keys = pl.concat([frame.select(columns) for frame in frames])
            self._keys = keys.unique(maintain_order=True)

    def new_keys(self, asked: AskedKeys) -> pl.DataFrame:
        """Give the different bindings of the rows whose answers are not known."""
        self._keys = asked.new(self._keys)
        return self._keys

    def take(self, asked: AskedKeys, size: int) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Take the rows whose answers are known, or will be with so many new keys.

        They stay counted as held until :meth:`count_waiting`.

        Args:
            asked: keys whose answers are known.
            size: how many new keys.

        Returns:
            The rows, and the new keys.
        """
        keys = self.new_keys(asked)
        taken, rest = keys.head(size), keys.slice(size)
        frame = unite_solutions(self._frames, self.names)
        waiting = frame.clear()
        if rest.height:
            waiting = frame.join(rest, on=self.columns, how="semi")
            frame = frame.join(rest, on=self.columns, how="anti")
        asked.count += taken.height
        self._frames, self._keys, self.height = [waiting], rest, waiting.height
        return frame, taken

    def count_waiting(self) -> None:
        """Count only those as held that still wait."""
        self.held.release()
        for frame in self._frames:
            self.held.add(frame)

    def release(self) -> list[pl.DataFrame]:
        """Give all rows, which stay counted as held."""
        frames, self._frames, self.height = self._frames, [], 0
        return frames


def _is_askable(terms: pl.Series) -> bool:
    return not terms.null_count() and not terms.str.starts_with("_:").any()
