"""Asking a member which terms stand at a predicate; failures are raised."""

from collections.abc import Sequence

import polars as pl

from hereditary_kg.execution.blocks import ask_in_blocks
from hereditary_kg.execution.context import ExecutionContext
from hereditary_kg.execution.request_series import RequestSeries
from hereditary_kg.execution.streams import collect
from hereditary_kg.execution.sub_queries import SubQueryTemplate
from hereditary_kg.execution.whole_answers import read_whole
from hereditary_kg.planning import plan
from hereditary_kg.rdf.terms import IRI
from hereditary_kg.sparql.algebra import (
    BGP,
    Distinct,
    Extend,
    Graph,
    Pattern,
    Project,
    TriplePattern,
    Union,
    Variable,
)

__all__ = ["ask_terms", "ask_which"]

_SUBJECT, _OBJECT, _GRAPH, _PREDICATE = (
    Variable(f"{Variable.HIDDEN}{name}") for name in ("s", "value", "g", "predicate")
)


async def ask_terms(
    context: ExecutionContext, member: str, predicates: Sequence[str]
) -> dict[str, list[str]]:
    """Ask a member which terms stand at some predicates, in any graph.

    Returns:
        Predicate -> canonical texts, sorted, without blank nodes.

    Raises:
        MemberError: the member does not answer that.
    """
    branches = [
        Extend(place, _PREDICATE, iri) for iri in map(IRI, predicates) for place in _places(iri)
    ]
    shown = (_PREDICATE, _OBJECT)
    node = _fetch(Union.of(branches), member, shown)
    template = SubQueryTemplate(node, source=context.source, prologue=context.prologue)
    names = [variable.name for variable in shown]
    series = RequestSeries(context, context.members[member], "codes", context.step(node))
    frame = await collect(read_whole(series, template.write()), names)
    named = frame.filter(~pl.col(_OBJECT.name).str.starts_with("_:"))
    by_predicate: dict[str, list[str]] = {iri: [] for iri in predicates}
    for predicate, term in named.unique().sort(named.columns).iter_rows():
        by_predicate[predicate[1:-1]].append(term)
    return by_predicate


async def ask_which(
    context: ExecutionContext, member: str, predicate: IRI, terms: pl.Series
) -> list[str]:
    """Ask a member which of some terms stand at a predicate, in any graph, in blocks.

    Raises:
        MemberError: the member does not answer that.
    """
    found: set[str] = set()
    keys = terms.alias(_OBJECT.name).to_frame()
    for place in _places(predicate):
        # One after the other: in a union, a store may look through all triples first.
        node = _fetch(place, member, (_OBJECT,))
        template = SubQueryTemplate(
            node, [_OBJECT.name], source=context.source, prologue=context.prologue
        )
        series = RequestSeries(context, context.members[member], "codes", context.step(node))
        frame = await collect(ask_in_blocks(series, template, keys), [_OBJECT.name])
        found.update(frame[_OBJECT.name])
    return sorted(found.intersection(terms))


def _places(predicate: IRI) -> tuple[Pattern, Pattern]:
    triples = BGP((TriplePattern(_SUBJECT, predicate, _OBJECT),))
    return triples, Graph(_GRAPH, triples)


def _fetch(pattern: Pattern, member: str, shown: tuple[Variable, ...]) -> plan.Fetch:
    asked = Distinct(Project(pattern, shown))
    return plan.Fetch(asked, (member,), shown, frozenset(shown), distinct=False)
