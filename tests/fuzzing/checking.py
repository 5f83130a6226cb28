"""One case, run with the optimiser, without it, and by the oracle.

Where there are blank nodes, some cases are run a third time, over members that give them other
labels in every answer.
"""

import asyncio
import re
import zlib
from dataclasses import replace
from typing import Any

import polars as pl

from hereditary_kg.execution.results import Result
from hereditary_kg.federation.errors import BlankNodeLabelError
from hereditary_kg.sparql.algebra import BGP, DescribeQuery, Pattern, Query, SelectQuery
from hereditary_kg.sparql.parsing import parse_query
from hereditary_kg.sparql.variables import walk
from tests.dealt_federations import federation_of
from tests.fuzzing.cases import Case
from tests.fuzzing.comparison import (
    blank_nodes,
    isomorphic,
    order_difference,
    order_keys,
    rows_difference,
    whole_query,
)
from tests.fuzzing.oracle import (
    Row,
    ask_oracle,
    has_parallel_triples,
    member_store,
    merged_store,
)
from tests.relabelling_members import relabelling_federation

__all__ = ["LONGEST", "DifferenceError", "check_case"]

LONGEST = 20.0
"""Seconds that one answer may take."""

_MEMBER_LABEL = re.compile(r"_:m\d+\.b\d+")


class DifferenceError(AssertionError):
    """Our answer is not the oracle's."""


async def check_case(case: Case) -> None:
    """Run a case.

    Raises:
        DifferenceError: an answer is wrong, incomplete, or is none.
    """
    query = parse_query(case.query)
    store = merged_store(case.members, query.dataset)
    if "!" in case.query and _negates_predicates(query.pattern) and has_parallel_triples(store):
        return
    expected = ask_oracle(store, query)
    whole = expected
    if isinstance(query, SelectQuery) and whole_query(query) != query:
        whole = ask_oracle(store, whole_query(query))
    federation = federation_of([member_store(lines) for lines in case.members])
    try:
        for optimise in (True, False):
            side = "with the rules" if optimise else "without the rules"
            try:
                result = await federation.query(case.query, timeout=LONGEST, optimise=optimise)
            except Exception as error:
                raise DifferenceError(f"{side}: {type(error).__name__}: {error}\n{case}") from error
            difference = _difference(query, result, expected, whole)
            if difference is None and not result.certificate.complete:
                difference = "the answer is not complete"
            if difference is not None:
                raise DifferenceError(f"{side}: {difference}\n{case}\n{result.plan}")
        if _is_relabelled(case):
            await _check_relabelled(case, query, expected, whole)
    finally:
        await federation.close()


def _negates_predicates(pattern: Pattern) -> bool:
    triples = (t for node in walk(pattern) if isinstance(node, BGP) for t in node.triples)
    return any("NegatedPropertySet" in repr(t.predicate) for t in triples if t.is_path)


def _is_relabelled(case: Case) -> bool:
    """Choose cases by their text, so that a kept one is run the same way again."""
    if not any("_:" in line for lines in case.members for line in lines):
        return False
    return zlib.crc32(case.query.encode()) % 3 == 0


async def _check_relabelled(case: Case, query: Query, expected: Any, whole: Any) -> None:
    """Compare what labels leave untouched; what cannot be told apart may be refused.

    Raises:
        DifferenceError: an answer is wrong.
    """
    federation = relabelling_federation([member_store(lines) for lines in case.members])
    try:
        result = await federation.query(case.query, timeout=LONGEST)
    except BlankNodeLabelError as error:
        if isinstance(query, DescribeQuery):
            return
        raise DifferenceError(f"with changing labels: {error}\n{case}") from error
    finally:
        await federation.close()
    plain = result.frame.with_columns(pl.col(pl.String).str.replace("^_:.+$", "_:b"))
    result = replace(result, frame=plain)
    nodes = len(blank_nodes(expected)) if isinstance(query, SelectQuery) else 0
    difference = _difference(
        query, result, _without_labels(expected), _without_labels(whole), nodes
    )
    if difference is not None:
        raise DifferenceError(f"with changing labels: {difference}\n{case}\n{result.plan}")


def _without_labels(answer: Any) -> Any:
    match answer:
        case bool():
            return answer
        case set():
            return {tuple(map(_without_label, triple)) for triple in answer}
        case _:
            return [{name: _without_label(text) for name, text in row.items()} for row in answer]


def _without_label(text: str) -> str:
    return "_:b" if text.startswith("_:") else text


def _difference(
    query: Query, result: Result, expected: Any, whole: Any, nodes: int = 0
) -> str | None:
    """Say how an answer differs, where labels of ``nodes`` blank nodes may have been taken off."""
    match expected:
        case bool():
            return None if bool(result) == expected else f"{bool(result)}, not {expected}"
        case set():
            ours = {(s, p, o) for s, p, o in result.frame.rows()}
            if isomorphic(ours, expected, _known_labels(ours | expected)):
                return None
            return f"too many: {ours - expected}, missing: {expected - ours}"
        case _:
            assert isinstance(query, SelectQuery)
            rows = _rows(result.frame)
            difference = rows_difference(query, rows, expected, whole)
            keys = order_keys(query.pattern)
            if difference is None and keys and len(rows) == len(expected):
                nodes = max(nodes, len(blank_nodes((*rows, *expected))))
                difference = order_difference(keys, rows, expected, nodes=nodes)
            return difference


def _known_labels(triples: set[tuple[str, str, str]]) -> set[str]:
    """Give the blank nodes of members, which are the same in both answers."""
    return {term for triple in triples for term in triple if _MEMBER_LABEL.fullmatch(term)}


def _rows(frame: pl.DataFrame) -> list[Row]:
    if not frame.width:
        return [{} for _ in range(frame.height)]
    return [
        {name: text for name, text in row.items() if text is not None}
        for row in frame.iter_rows(named=True)
    ]


def run(case: Case) -> None:
    """Run a case in an event loop of its own."""
    asyncio.run(check_case(case))
