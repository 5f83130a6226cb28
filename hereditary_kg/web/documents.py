"""From an answer's batches to the document that travels."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping

import polars as pl

from hereditary_kg.execution.answers import Answer
from hereditary_kg.rdf.graph_writing import write_triples
from hereditary_kg.rdf.media_types import Format, GraphFormat, ResultFormat
from hereditary_kg.rdf.result_writing import SolutionWriter, write_boolean

__all__ = ["write_answer"]

# Rows written at once: some megabytes of text, of which a slow client keeps no more waiting.
_SLICE = 16_384
# Fewer rows are written faster than a thread takes them.
_WORTH_A_THREAD = 512


async def write_answer(
    answer: Answer, chosen: Format, prefixes: Mapping[str, str]
) -> AsyncGenerator[bytes, None]:
    """Write an answer as a document, piece by piece as its rows come.

    Args:
        answer: what the engine gives; its batches are read to their end.
        chosen: a `GraphFormat` for a graph, else a `ResultFormat`.
        prefixes: used in graphs.

    Raises:
        ResultError: the format cannot hold a term.
        GraphError: the same of a graph.
        ExecutionError: the answer breaks off, or a graph needs too much memory.
    """
    match chosen:
        case GraphFormat():
            triples = await answer.gather()
            yield await asyncio.to_thread(write_triples, triples, chosen, prefixes)
        case ResultFormat() if answer.kind == "boolean":
            rows = [batch.height async for batch in answer.batches]
            yield write_boolean(bool(sum(rows)), chosen)
        case ResultFormat():
            writer = SolutionWriter(answer.variables, chosen)
            yield writer.header()
            async for piece in _slices(answer.batches):
                if piece.height < _WORTH_A_THREAD:
                    yield writer.rows(piece)
                else:
                    yield await asyncio.to_thread(writer.rows, piece)
            yield writer.footer()
        case _:
            raise TypeError(f"{chosen!r} is neither a result format nor a graph format")


async def _slices(batches: AsyncIterator[pl.DataFrame]) -> AsyncIterator[pl.DataFrame]:
    async for batch in batches:
        for piece in batch.iter_slices(_SLICE):
            yield piece
