"""``hkg explain``: show what a query would ask of whom, or did."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from hereditary_kg.cli.errors import CommandError
from hereditary_kg.cli.federation_files import federation_option
from hereditary_kg.cli.plan_display import draw_plan
from hereditary_kg.cli.progress import RequestCounter, open_watched_federation, show_requests
from hereditary_kg.cli.query_layout import lay_out_query, shorten_query
from hereditary_kg.cli.query_texts import (
    QueryText,
    query_arguments,
    read_query_text,
    timeout_option,
)
from hereditary_kg.cli.settings import Settings, common_options, open_console, pass_settings
from hereditary_kg.cli.tables import print_certificate

if TYPE_CHECKING:
    from hereditary_kg.execution.certificates import Certificate
    from hereditary_kg.execution.preparation import PreparedQuery
    from hereditary_kg.planning.explanation import Explanation

__all__ = ["explain"]

_STAGES = ("parsed", "sources", "logical", "physical", "executed")
_FORMATS = ("text", "json", "mermaid")


@dataclass(frozen=True)
class _Explained:
    """A query's stages; the certificate is there once it has run."""

    prepared: "PreparedQuery"
    plan: "Explanation"
    prefixes: Mapping[str, str]
    certificate: "Certificate | None" = None


@click.command()
@query_arguments
@federation_option
@click.option("--analyze", is_flag=True, help="Run the query, and show the actual rows.")
@click.option(
    "--stage",
    type=click.Choice(_STAGES, case_sensitive=False),
    metavar="STAGE",
    help="The stage of planning to show: parsed, sources (who can match what, and why not), "
    "logical, physical (the default), executed (that of --analyze).",
)
@click.option(
    "-O",
    "--output-format",
    type=click.Choice(_FORMATS, case_sensitive=False),
    default="text",
    show_default=True,
    metavar="FORMAT",
    help="text, json or mermaid.",
)
@timeout_option
@common_options
@pass_settings
def explain(
    settings: Settings,
    *,
    file: str | None,
    text: str | None,
    federation_path: Path,
    analyze: bool,
    stage: str | None,
    output_format: str,
    timeout: float,
) -> None:
    """Show what a query would ask of whom.

    Without --analyze the plan comes from the members' profiles alone: no member is asked
    anything about its data.
    """
    import asyncio

    settings.start_logging()
    chosen = stage or ("executed" if analyze else "physical")
    if analyze and chosen != "executed":
        raise CommandError(
            f"--analyze shows the plan as it ran, not the stage {chosen}",
            "Leave --analyze or --stage out.",
        )
    if output_format == "mermaid" and chosen not in {"physical", "executed"}:
        raise CommandError(
            f"a Mermaid chart shows a plan, and the stage {chosen} has none",
            "Take -O text, or the stage physical or executed.",
        )
    query_text = read_query_text(file, text)
    explained = asyncio.run(_explain(settings, query_text, federation_path, chosen, timeout))
    click.echo(_write(explained, chosen, output_format))
    if explained.certificate is not None and not settings.quiet:
        console = open_console(stderr=True)
        console.print()
        print_certificate(
            console,
            explained.certificate,
            explained.prefixes,
            with_requests=settings.verbose,
        )


async def _explain(
    settings: Settings, query_text: QueryText, path: Path, stage: str, timeout: float
) -> _Explained:
    from hereditary_kg.planning.explanation import explain_plan

    counter = RequestCounter()
    federation = open_watched_federation(path, counter)
    try:
        with query_text.blamed():
            async with show_requests(settings, counter):
                if stage == "executed":
                    result = await federation.query(query_text.text, timeout=timeout)
                    prepared, certificate = result.prepared, result.certificate
                else:
                    prepared = await federation.prepare(query_text.text, timeout=timeout)
                    certificate = None
            prefixes = {**federation.description.prefixes, **query_text.declared_prefixes()}
    finally:
        await federation.close()
    plan = explain_plan(prepared.physical) if certificate is None else result.plan
    return _Explained(prepared, replace(plan, prefixes=prefixes), prefixes, certificate)


def _write(explained: _Explained, stage: str, output_format: str) -> str:
    if output_format == "mermaid":
        return explained.plan.to_mermaid()
    if output_format == "json":
        document = {"stage": stage, **_describe(explained, stage)}
        return json.dumps(document, indent=2, ensure_ascii=False)
    if stage not in {"physical", "executed"}:
        return _write_text(explained, stage)
    console = open_console()
    if console.is_terminal:
        return draw_plan(explained.plan, len(explained.prepared.sources.members), console.width)
    return explained.plan.to_text()


def _write_text(explained: _Explained, stage: str) -> str:
    from hereditary_kg.sparql.printing import query_text

    prepared = explained.prepared
    if stage == "sources":
        return "\n".join(_write_sources(prepared, explained.prefixes))
    query = prepared.query if stage == "parsed" else _logical_query(prepared)
    return lay_out_query(query_text(query), explained.prefixes)


def _write_sources(prepared: "PreparedQuery", prefixes: Mapping[str, str]) -> Iterator[str]:
    for described in _describe_sources(prepared):
        yield shorten_query(described["pattern"], prefixes)
        yield f"    asked: {', '.join(described['asked']) or 'nobody'}"
        yield from (f"    {name}: {reason}" for name, reason in described["left_out"].items())


def _describe_sources(prepared: "PreparedQuery") -> list[dict[str, Any]]:
    """Say for each pattern of the query who may match it, and why the others cannot."""
    from hereditary_kg.planning.leaves import pattern_leaves

    sources = prepared.sources
    return [
        {
            "pattern": str(leaf),
            "asked": list(sources.candidates.get(leaf, ())),
            "left_out": {
                name: sources.reasons[leaf, name]
                for name in sources.members
                if (leaf, name) in sources.reasons
            },
        }
        for leaf in dict.fromkeys(pattern_leaves(prepared.query.pattern))
    ]


def _logical_query(prepared: "PreparedQuery") -> Any:
    return replace(prepared.query, pattern=prepared.logical)


def _describe(explained: _Explained, stage: str) -> dict[str, Any]:
    from hereditary_kg.sparql.printing import query_text

    prepared = explained.prepared
    match stage:
        case "parsed":
            return {"query": query_text(prepared.query)}
        case "logical":
            return {"query": query_text(_logical_query(prepared))}
        case "sources":
            return {"patterns": _describe_sources(prepared)}
        case _:
            certificate = explained.certificate
            described = {"plan": explained.plan.to_dict()}
            return described | ({"certificate": certificate.to_dict()} if certificate else {})
