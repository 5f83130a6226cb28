"""Comparing an engine's answer with the right one."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from enum import StrEnum
from typing import TypeAlias

import polars as pl

from benchmarks.federation.engines.base import EngineAnswer
from hereditary_kg.rdf.result_reading import ResultError, read_solutions
from hereditary_kg.rdf.solutions import restrict, unite_solutions

__all__ = ["Verdict", "judge_answer", "read_answer"]

Row: TypeAlias = tuple[str | None, ...]


class Verdict(StrEnum):
    """What an answer is worth.

    ``duplicated`` is a wrong answer of one kind: as a set it is right, but rows come too often
    or too rarely. ``disordered``: the rows are right and their order is not.
    """

    RIGHT = "right"
    DUPLICATED = "duplicated"
    DISORDERED = "disordered"
    WRONG = "wrong"
    TIMED_OUT = "timed out"
    FAILED = "failed"


def judge_answer(right: pl.DataFrame, given: pl.DataFrame, *, ordered: bool) -> Verdict:
    """Compare two answers as bags of rows of canonical terms, and their order if it counts.

    Args:
        right: the right rows.
        given: the engine's; columns in any order. A column may be missing if nothing is
            bound in it.
        ordered: whether the order counts.
    """
    if set(given.columns) - set(right.columns):
        return Verdict.WRONG
    expected: list[Row] = right.rows()
    rows: list[Row] = restrict(given, right.columns).rows()
    if rows == expected:
        return Verdict.RIGHT
    if Counter(rows) == Counter(expected):
        return Verdict.DISORDERED if ordered else Verdict.RIGHT
    return Verdict.DUPLICATED if set(rows) == set(expected) else Verdict.WRONG


def read_answer(answer: EngineAnswer) -> pl.DataFrame:
    """Read an answer to canonical rows.

    Raises:
        ResultError: it is no SPARQL results document, or breaks off.
    """
    return asyncio.run(_read(answer))


async def _read(answer: EngineAnswer) -> pl.DataFrame:
    frames = [frame async for frame in read_solutions(_once(answer.document), answer.media_type)]
    if not frames:
        raise ResultError("the answer has no columns")
    return unite_solutions(frames, frames[0].columns)


async def _once(document: bytes) -> AsyncIterator[bytes]:
    yield document
