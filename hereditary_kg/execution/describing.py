"""DESCRIBE: what the members hold of a resource.

The standard leaves open which triples describe a resource. Here they are its concise bounded
description over the merge: every triple with the resource as subject, and, where an object is
a blank node, that node's triples in turn.

Source: SPARQL 1.1 Query Language, section 16.4; Stickler, CBD - Concise Bounded Description,
W3C Member Submission, 2005.
"""

from collections.abc import Mapping, Sequence

import polars as pl

from hereditary_kg.execution.construction import TRIPLE_COLUMNS
from hereditary_kg.execution.context import ExecutionContext
from hereditary_kg.execution.memory import Holding
from hereditary_kg.execution.operators import solutions
from hereditary_kg.execution.streams import collect
from hereditary_kg.planning import plan
from hereditary_kg.planning.members import MemberView
from hereditary_kg.rdf.solutions import distinct
from hereditary_kg.rdf.terms import IRI
from hereditary_kg.sparql.algebra import BGP, Call, Filter, Pattern, TriplePattern, Variable

__all__ = ["describe_resources", "described_terms"]

_ENDS = tuple(Variable(f"{Variable.HIDDEN}{end}") for end in "spo")
_NAMES = [variable.name for variable in _ENDS]
_ANY = BGP((TriplePattern(*_ENDS),))


def described_terms(frame: pl.DataFrame, targets: Sequence[Variable | IRI]) -> pl.Series:
    """Give the distinct IRIs and blank nodes that the targets stand for."""
    texts = [pl.Series([target.text]) for target in targets if isinstance(target, IRI)]
    names = [target.name for target in targets if isinstance(target, Variable)]
    texts += [frame[name] for name in names if name in frame.columns]
    if not texts:
        return pl.Series([], dtype=pl.String)
    terms = pl.concat(texts).drop_nulls().unique(maintain_order=True)
    return terms.filter(~terms.str.starts_with('"'))


async def describe_resources(
    context: ExecutionContext, members: Mapping[str, MemberView], terms: pl.Series
) -> pl.DataFrame:
    """Gather the description of ``terms`` from ``members``.

    Returns:
        A frame of the columns subject, predicate, object; each triple once.
    """
    blank = terms.str.starts_with("_:")
    named = terms.filter(~blank)
    often = [view for name, view in members.items() if name not in context.asked_once]
    once = [view for name, view in members.items() if name in context.asked_once]
    with context.memory.hold("describe") as held:
        triples, below = _nothing(), _nothing()
        if len(named):
            triples = await _fetch(context, often, _ANY, named, held)
        if once:
            # What follows a blank node can only be asked for together with what leads to it.
            below = await _fetch(context, once, _ANY, None, held)
            described = below.filter(pl.col("subject").is_in(named.implode()))
            triples = pl.concat([triples, described])
        open_nodes = pl.concat([terms.filter(blank), _blank_objects(triples)]).unique()
        if len(open_nodes):
            from_blank = Filter(Call("ISBLANK", (_ENDS[0],)), _ANY)
            below = pl.concat([below, await _fetch(context, often, from_blank, None, held)])
            triples = pl.concat([triples, _closure(open_nodes, below)])
        return distinct(triples)


async def _fetch(
    context: ExecutionContext,
    members: Sequence[MemberView],
    pattern: Pattern,
    terms: pl.Series | None,
    memory: Holding,
) -> pl.DataFrame:
    names = tuple(view.name for view in members)
    native = {
        view.name: view.conversion.native(pattern)
        for view in members
        if view.conversion is not None
    }
    node = plan.Fetch(pattern, names, _ENDS, frozenset(_ENDS), distinct=True, own_patterns=native)
    bindings = None if terms is None else pl.DataFrame({_NAMES[0]: terms})
    frame = await collect(solutions(context, node, bindings), _NAMES, memory)
    return frame.rename(dict(zip(_NAMES, TRIPLE_COLUMNS, strict=True)))


def _closure(nodes: pl.Series, held: pl.DataFrame) -> pl.DataFrame:
    """Give the triples of blank nodes, and of those that they lead to."""
    found = _nothing()
    seen = nodes
    while len(nodes):
        step = held.filter(pl.col("subject").is_in(nodes.implode()))
        found = pl.concat([found, step])
        objects = _blank_objects(step).unique()
        nodes = objects.filter(~objects.is_in(seen.implode()))
        seen = pl.concat([seen, nodes])
    return found


def _blank_objects(triples: pl.DataFrame) -> pl.Series:
    objects = triples["object"]
    return objects.filter(objects.str.starts_with("_:"))


def _nothing() -> pl.DataFrame:
    return pl.DataFrame(schema=dict.fromkeys(TRIPLE_COLUMNS, pl.String))
