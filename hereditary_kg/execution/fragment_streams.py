"""Fragments and paths as streams: triples come into a scratch store, solutions out of it."""

from collections.abc import Iterable, Sequence
from contextlib import aclosing
from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING

import polars as pl

from hereditary_kg.execution.anchored_paths import anchor_paths
from hereditary_kg.execution.context import ExecutionContext
from hereditary_kg.execution.errors import ExecutionError
from hereditary_kg.execution.exact_terms import unwrap_terms, wrap_pattern
from hereditary_kg.execution.fragments import (
    add_graphs,
    add_nodes,
    load_matches,
    open_store,
    walk_from,
    walk_texts,
)
from hereditary_kg.execution.memory import Holding, frame_bytes
from hereditary_kg.execution.requests import ask_members
from hereditary_kg.execution.streams import Batches, gather, rebatch
from hereditary_kg.federation.transport import EmbeddedTransport, TransportRequest
from hereditary_kg.planning import plan
from hereditary_kg.planning.leaves import Leaf
from hereditary_kg.rdf.media_types import ResultFormat
from hereditary_kg.rdf.result_reading import read_solutions
from hereditary_kg.rdf.solutions import restrict
from hereditary_kg.rdf.terms import Literal, parse_term
from hereditary_kg.sparql.algebra import Pattern, Variable
from hereditary_kg.sparql.printing import select_text

if TYPE_CHECKING:
    from hereditary_kg.execution.fragments import Store

__all__ = ["load_fragment", "stream_fragment", "stream_walk"]

# Measured: what Oxigraph's store in memory takes for a triple, besides its texts.
_TRIPLE_BYTES = 550
# Triples between which Oxigraph may compute all connections at once: half a million at most.
_FEW_TRIPLES = 1000


async def load_fragment(context: ExecutionContext, node: plan.Fragment, held: Holding) -> "Store":
    """Fetch what the pattern of ``node`` can touch into a store.

    Raises:
        MemoryLimitError: it is too much.
    """
    store = open_store(node.graph_names)
    fetched = zip(node.leaves, node.fetches, strict=True)
    await gather(
        (
            *(_load(context, leaf, fetch, store, held) for leaf, fetch in fetched),
            *(_load_at_once(context, node.leaves, fetch, store, held) for fetch in node.at_once),
            *(_load_names(context, fetch, store, held) for fetch in (node.graph_fetch,) if fetch),
        )
    )
    return store


async def _load(
    context: ExecutionContext, leaf: Leaf, fetch: plan.Fetch, store: "Store", held: Holding
) -> None:
    # A store is a set: what several members give need not be compared before.
    asked = ask_members(context, replace(fetch, distinct=False), None, fetch)
    async with aclosing(rebatch(asked, _names(fetch.variables))) as batches:
        async for batch in batches:
            context.count(fetch, batch.height)
            size = batch.height * _TRIPLE_BYTES + frame_bytes(batch)
            held.take(size, batch.height)
            await held.run(load_matches, store, leaf, batch)


async def _load_names(
    context: ExecutionContext, fetch: plan.Fetch, store: "Store", held: Holding
) -> None:
    """Load the names of graphs."""
    asked = ask_members(context, fetch, None)
    async with aclosing(rebatch(asked, _names(fetch.variables))) as batches:
        async for batch in batches:
            context.count(fetch, batch.height)
            held.take(frame_bytes(batch), batch.height)
            await held.run(add_graphs, store, batch.to_series())


async def _load_at_once(
    context: ExecutionContext,
    leaves: Sequence[Leaf],
    fetch: plan.Fetch,
    store: "Store",
    held: Holding,
) -> None:
    """Load the matches of several leaves from one answer."""
    asked = ask_members(context, fetch, None)
    async with aclosing(rebatch(asked, _names(fetch.variables))) as batches:
        async for batch in batches:
            context.count(fetch, batch.height)
            held.take(batch.height * _TRIPLE_BYTES + frame_bytes(batch), batch.height)
            for (text,), rows in batch.group_by(plan.LEAF_NUMBER.name, maintain_order=True):
                number = parse_term(str(text))
                if not isinstance(number, Literal):
                    raise ExecutionError(f"a member numbered its answer {text}")
                leaf = leaves[int(number.lexical)]
                matches = restrict(rows, _names(leaf.variables))
                await held.run(load_matches, store, leaf, matches)


async def stream_fragment(
    context: ExecutionContext, node: plan.Fragment, pattern: Pattern, store: "Store"
) -> Batches:
    """Evaluate the pattern of a fragment over its store.

    Args:
        context: the running query.
        node: the fragment.
        pattern: its pattern, the answers of services in their places.
        store: what it is evaluated over.
    """
    if len(store) > _FEW_TRIPLES:
        pattern = anchor_paths(pattern)
    text = context.prologue + select_text(wrap_pattern(pattern), node.variables)
    async with aclosing(_stream_texts([text], node.variables, store)) as batches:
        async for batch in batches:
            yield batch


async def stream_walk(
    node: plan.Fragment, start: Variable, terms: pl.Series, store: "Store", held: Holding
) -> Batches:
    """Evaluate a path from given terms, which are nodes of the merge.

    Args:
        node: the path alone, as a fragment.
        start: the variable to start from.
        terms: the terms that it takes, each once.
        store: the triples that the path can walk.
        held: counts what is needed besides the store.
    """
    await held.run(add_nodes, node.pattern, terms, store)
    blank = terms.str.starts_with("_:")
    texts = walk_texts(node.pattern, node.variables, start.name, terms.filter(~blank))
    async with aclosing(_stream_texts(texts, node.variables, store)) as batches:
        async for batch in batches:
            yield batch
    names = _names(node.variables)
    for term in terms.filter(blank):
        found = await held.run(walk_from, node.pattern, node.variables, start.name, term, store)
        yield restrict(found, names)


async def _stream_texts(
    texts: Iterable[str], variables: tuple[Variable, ...], store: "Store"
) -> Batches:
    """Stream the answers of queries over a store, a bounded piece ahead of who reads them."""
    names = _names(variables)
    transport = EmbeddedTransport(store)
    for text in texts:
        request = TransportRequest(text, ResultFormat.TSV.media_type, inf)
        async with transport.send(request) as response:
            if response.status != 200:
                reason = b"".join([chunk async for chunk in response.chunks])
                raise ExecutionError(f"the mediator's own store: {reason.decode()}")
            solutions = read_solutions(response.chunks, response.media_type)
            async with aclosing(solutions) as batches:
                async for batch in batches:
                    yield restrict(unwrap_terms(batch), names)


def _names(variables: tuple[Variable, ...]) -> list[str]:
    return [variable.name for variable in variables]
