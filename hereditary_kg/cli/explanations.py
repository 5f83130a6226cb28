"""What ``hkg explain`` shows: the stages of a query, and how each of them is written."""

import json
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hereditary_kg.cli.conversion_display import write_conversions
from hereditary_kg.cli.plan_display import (
    draw_plan,
    write_legend,
    write_queries,
    write_totals,
)
from hereditary_kg.cli.progress import RequestCounter, open_watched_federation, show_requests
from hereditary_kg.cli.query_layout import lay_out_query, shorten_query
from hereditary_kg.cli.query_texts import QueryText
from hereditary_kg.cli.settings import Settings

if TYPE_CHECKING:
    from hereditary_kg.execution.certificates import Certificate
    from hereditary_kg.execution.engine import AsyncFederation
    from hereditary_kg.execution.losses import Diagnosis
    from hereditary_kg.execution.preparation import PreparedQuery
    from hereditary_kg.execution.timings import Timings
    from hereditary_kg.planning.explanation import Explanation, LeafSelection
    from hereditary_kg.sparql.algebra import Query

__all__ = ["Explained", "run_stage", "write_explained"]

_NUMBER_AND_UNIT = re.compile(r"(\d) (ms|[kMG]?B)\b")


@dataclass(frozen=True)
class Explained:
    """What there is to say of a query.

    Attributes:
        stage: which stage is to be shown.
        prefixes: for short IRIs.
        prepared: the stages of planning; None where only the emptiness is explained.
        plan: the plan, with what it has cost if it has run.
        certificate: there once the query has run.
        timings: where the time went, once it has run.
        diagnosis: why the answer is empty, where it is and that is wanted.
    """

    stage: str
    prefixes: Mapping[str, str]
    prepared: "PreparedQuery | None" = None
    plan: "Explanation | None" = None
    certificate: "Certificate | None" = None
    timings: "Timings | None" = None
    diagnosis: "Diagnosis | None" = None


async def run_stage(
    settings: Settings,
    query_text: QueryText,
    path: Path,
    stage: str,
    timeout: float,
    *,
    why_empty: bool,
) -> Explained:
    """Take a query as far as a stage.

    Args:
        settings: whether to show progress.
        query_text: the query.
        path: the federation description.
        stage: one of the stages of planning.
        timeout: seconds.
        why_empty: whether to explain its empty answer instead.

    Raises:
        CommandError: the text is wrong.
        FederationError: the federation cannot be used.
        ExecutionError: the query failed.
    """
    counter = RequestCounter()
    federation = open_watched_federation(path, counter)
    try:
        with query_text.blamed():
            prefixes = {**federation.description.prefixes, **query_text.declared_prefixes()}
            started = Explained(stage, prefixes)
            async with show_requests(settings, counter):
                if why_empty:
                    diagnosis = await _diagnose(federation, query_text.text, timeout)
                    return replace(started, diagnosis=diagnosis)
                if stage == "executed":
                    return await _analyze(federation, query_text.text, timeout, started)
                return await _prepare(federation, query_text.text, timeout, started)
    finally:
        await federation.close()


async def _prepare(
    federation: "AsyncFederation", text: str, timeout: float, started: Explained
) -> Explained:
    from hereditary_kg.planning.explanation import explain_plan

    prepared = await federation.prepare(text, timeout=timeout)
    plan = explain_plan(prepared.physical, prefixes=started.prefixes, sources=prepared.sources)
    return replace(started, prepared=prepared, plan=plan)


async def _analyze(
    federation: "AsyncFederation", text: str, timeout: float, started: Explained
) -> Explained:
    result = await federation.query(text, timeout=timeout)
    diagnosis = None
    if not result and result.kind != "boolean":
        diagnosis = await _diagnose(federation, text, timeout)
    return replace(
        started,
        prepared=result.prepared,
        plan=replace(result.plan, prefixes=started.prefixes),
        certificate=result.certificate,
        timings=result.timings,
        diagnosis=diagnosis,
    )


async def _diagnose(federation: "AsyncFederation", text: str, timeout: float) -> "Diagnosis":
    from hereditary_kg.execution.empty_answers import explain_empty_answer

    return await explain_empty_answer(federation, text, timeout=timeout)


def write_explained(
    explained: Explained, output_format: str, *, width: int | None, queries: bool
) -> str:
    """Write what there is to say of a query.

    Args:
        explained: what there is to say.
        output_format: text, json, mermaid or svg.
        width: columns of a text, None for as many as it needs.
        queries: whether a text lists the sub-queries.
    """
    match output_format:
        case "json":
            return json.dumps(_describe(explained), indent=2, ensure_ascii=False)
        case "mermaid" if explained.plan is not None:
            return explained.plan.to_mermaid()
        case "svg" if explained.plan is not None:
            return explained.plan.to_svg()
        case _:
            return _write_text(explained, width, queries=queries)


def _write_text(explained: Explained, width: int | None, *, queries: bool) -> str:
    from hereditary_kg.sparql.printing import query_text

    prepared, plan = explained.prepared, explained.plan
    if prepared is None or plan is None:
        return _write_diagnosis(explained)
    match explained.stage:
        case "parsed":
            return lay_out_query(query_text(prepared.query), explained.prefixes)
        case "logical":
            return lay_out_query(query_text(_logical_query(prepared)), explained.prefixes)
        case "sources":
            return "\n".join(_write_sources(prepared, explained.prefixes, width))
        case _:
            return "\n\n".join(filter(None, _plan_sections(explained, plan, width, queries)))


def _plan_sections(
    explained: Explained, plan: "Explanation", width: int | None, queries: bool
) -> Iterator[str]:
    yield draw_plan(plan, len(plan.members), width, reasons=True, numbered=True)
    yield "\n".join(_unmatched(explained))
    if explained.prepared is not None:
        reports = explained.prepared.conversions
        yield _fitted("\n".join(write_conversions(reports, explained.prefixes)), width)
    if queries:
        yield write_queries(plan)
    yield _fitted(write_totals(plan, explained.timings), width)
    yield _fitted(write_legend(plan), width)
    if explained.diagnosis is not None:
        yield "The answer is empty.\n\n" + _write_diagnosis(explained)


def _unmatched(explained: Explained) -> Iterator[str]:
    """Name the patterns without candidates; what needs them is no longer in the plan."""
    from hereditary_kg.planning.explanation import write_excluded

    if explained.prepared is None or explained.diagnosis is not None:
        return
    for selection in _selections(explained.prepared):
        if not selection.asked:
            pattern = shorten_query(selection.pattern, explained.prefixes)
            yield f"Nobody is asked for: {pattern}"
            if selection.excluded:
                yield f"    excluded: {write_excluded(selection.excluded)}"


def _write_diagnosis(explained: Explained) -> str:
    from hereditary_kg.planning.explanation import shorten_terms

    if explained.diagnosis is None:
        return ""
    return explained.diagnosis.to_text(lambda text: shorten_terms(text, explained.prefixes))


def _write_sources(
    prepared: "PreparedQuery", prefixes: Mapping[str, str], width: int | None
) -> Iterator[str]:
    """Write who is asked for the patterns and who is not; what is alike is said once."""
    from hereditary_kg.planning.explanation import write_excluded, write_members

    everyone = len(prepared.sources.members)
    told: tuple[str, ...] = ()
    for selection in _selections(prepared):
        asked = f"asked: {write_members(selection.asked, everyone) or 'nobody'}"
        excluded = write_excluded(selection.excluded)
        notes = (asked, f"excluded: {excluded}") if excluded else (asked,)
        if told and notes != told:
            yield from _indented(told, width)
        told = notes
        yield shorten_query(selection.pattern, prefixes)
    yield from _indented(told, width)


def _fitted(text: str, width: int | None) -> str:
    """Break the lines of a text that are too long, but no number from its unit."""
    if width is None:
        return text
    joined = _NUMBER_AND_UNIT.sub("\\1\N{NO-BREAK SPACE}\\2", text)
    lines = (
        textwrap.fill(line, width, subsequent_indent="  ", break_on_hyphens=False)
        for line in joined.splitlines()
    )
    return "\n".join(lines).replace("\N{NO-BREAK SPACE}", " ")


def _indented(notes: Iterable[str], width: int | None) -> Iterator[str]:
    for note in notes:
        yield textwrap.fill(
            note,
            width or sys.maxsize,
            initial_indent="    ",
            subsequent_indent="      ",
            break_on_hyphens=False,
        )


def _selections(prepared: "PreparedQuery") -> tuple["LeafSelection", ...]:
    from hereditary_kg.planning.explanation import describe_sources

    return describe_sources(prepared.pattern, prepared.sources)


def _logical_query(prepared: "PreparedQuery") -> "Query":
    return replace(prepared.query, pattern=prepared.logical)


def _describe(explained: Explained) -> dict[str, Any]:
    """Give what there is to say as plain values."""
    from hereditary_kg.sparql.printing import query_text

    prepared, plan = explained.prepared, explained.plan
    told: dict[str, Any] = {"stage": explained.stage}
    if prepared is not None and plan is not None:
        match explained.stage:
            case "parsed":
                told["query"] = query_text(prepared.query)
            case "logical":
                told["query"] = query_text(_logical_query(prepared))
            case "sources":
                told["patterns"] = [each.to_dict() for each in _selections(prepared)]
            case _:
                told |= {"plan": plan.to_dict(), "totals": plan.totals()}
                if prepared.converted is not None:
                    told["conversions"] = [each.to_dict() for each in prepared.conversions]
    if explained.certificate is not None:
        told["certificate"] = explained.certificate.to_dict()
    if explained.timings is not None:
        told["timings"] = explained.timings.to_dict()
    if explained.diagnosis is not None:
        told["why_empty"] = explained.diagnosis.to_dict()
    return told
