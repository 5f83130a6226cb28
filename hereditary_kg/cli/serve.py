"""``hkg serve``: the federation itself as one SPARQL endpoint."""

from pathlib import Path

import rich_click as click

from hereditary_kg.cli.federation_files import federation_option
from hereditary_kg.cli.query_texts import memory_option, timeout_option
from hereditary_kg.cli.settings import Settings, announce, common_options, pass_settings

__all__ = ["serve"]

_MEGABYTE = 2**20


@click.command()
@federation_option
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    metavar="PORT",
    help="The TCP port; 0 takes a free one.",
)
@timeout_option
@memory_option
@click.option(
    "--concurrency",
    type=click.IntRange(min=1),
    default=8,
    show_default=True,
    metavar="NUMBER",
    help="How many queries run at once; the others wait.",
)
@common_options
@pass_settings
def serve(
    settings: Settings,
    *,
    federation_path: Path,
    host: str,
    port: int,
    timeout: float,
    memory_limit: int,
    concurrency: int,
) -> None:
    """Serve a federation as one SPARQL 1.1 endpoint, for any client of a triple store.

    Its address is written to standard output once it takes queries. Ctrl-C or SIGTERM ends it
    when the queries that run are answered.
    """
    import asyncio

    settings.start_logging()
    asyncio.run(
        _serve(
            settings,
            federation_path,
            host,
            port,
            timeout=timeout,
            memory_limit=memory_limit * _MEGABYTE,
            concurrency=concurrency,
        )
    )


async def _serve(
    settings: Settings,
    path: Path,
    host: str,
    port: int,
    *,
    timeout: float,
    memory_limit: int,
    concurrency: int,
) -> None:
    from hereditary_kg.cli.garbage_collection import frozen_profiles
    from hereditary_kg.execution.engine import AsyncFederation
    from hereditary_kg.web.service import serve as serve_federation

    federation = AsyncFederation.open(path)
    count = len(federation.members)
    subject = f"{federation.description.name} ({count} member{'' if count == 1 else 's'})"
    try:
        async with frozen_profiles(federation.members):
            await serve_federation(
                federation,
                host,
                port,
                timeout=timeout,
                memory_limit=memory_limit,
                concurrency=concurrency,
                on_ready=lambda url: announce(settings, subject, url),
            )
    finally:
        await federation.close()
