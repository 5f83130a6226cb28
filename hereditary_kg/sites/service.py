"""A site's service: its store behind the SPARQL 1.1 Protocol."""

import asyncio
from collections.abc import Callable, Sequence

from hereditary_kg.rdf.media_types import GraphFormat, ResultFormat, negotiate
from hereditary_kg.sites.frames import Job
from hereditary_kg.sites.protocol import (
    ENDPOINT_PATH,
    VOID_PATH,
    Answer,
    QueryRequest,
    ServiceError,
    create_application,
)
from hereditary_kg.sites.service_description import describe_service
from hereditary_kg.sites.serving import serve_application
from hereditary_kg.sites.site import Site
from hereditary_kg.sites.void import describe_data
from hereditary_kg.sites.workers import WorkerPool

__all__ = ["PoolBackend", "serve"]


class PoolBackend:
    """Answers queries by a pool of workers."""

    def __init__(self, pool: WorkerPool) -> None:
        self._pool = pool

    async def answer(self, request: QueryRequest) -> Answer:
        """Start to answer a query.

        Raises:
            ServiceError: there is no answer.
        """
        # Which of the two counts shows when the query is parsed, in the worker.
        result_format = negotiate(request.accept, list(ResultFormat))
        graph_format = negotiate(request.accept, list(GraphFormat))
        if result_format is None and graph_format is None:
            offered = (*ResultFormat, *GraphFormat)
            raise ServiceError(
                406,
                "Answers are offered as " + ", ".join(each.media_type for each in offered) + ".",
            )
        media_type, chunks = await self._pool.execute(
            Job(
                query=request.query,
                default_graphs=request.default_graphs,
                named_graphs=request.named_graphs,
                result_format=result_format.value if result_format else None,
                graph_format=graph_format.value if graph_format else None,
                base=request.base,
            )
        )
        return Answer(media_type, chunks)


async def serve(
    site: Site,
    host: str | None = None,
    port: int | None = None,
    *,
    workers: int | None = None,
    time_limit: float | None = None,
    memory_limit: int | None = None,
    allowed_origins: Sequence[str] = (),
    on_ready: Callable[[str], None] | None = None,
    stop: asyncio.Event | None = None,
    drain_seconds: float = 30.0,
) -> None:
    """Serve a site until SIGTERM or SIGINT comes, or ``stop`` is set.

    What is not given is taken from the site's ``site.toml``.

    Args:
        site: the site; loads are refused while it is served.
        host: the address to listen on.
        port: the TCP port; 0 takes a free one.
        workers: how many queries run at once.
        time_limit: seconds that one query may take.
        memory_limit: megabytes (2**20 bytes) of memory that one query may hold.
        allowed_origins: the origins whose pages may read answers (CORS); none as a rule.
        on_ready: told the service's URL once it takes queries.
        stop: ends the service when it is set.
        drain_seconds: how long queries that run may take to finish at the end.

    Raises:
        SiteError: the store cannot be opened, or the address cannot be listened on.
    """
    settings = site.description.service
    pool = WorkerPool(
        site.directory,
        workers if workers is not None else settings.workers,
        time_limit if time_limit is not None else settings.time_limit,
        memory_limit if memory_limit is not None else settings.memory_limit,
    )
    with site.hold():
        papers = _Papers(site)
        application = create_application(
            PoolBackend(pool),
            service_description=papers.describe_service,
            void=papers.describe_data,
            profile=papers.give_profile,
            data_version=lambda: papers.stamp,
            allowed_origins=allowed_origins,
        )
        async with pool:
            await serve_application(
                application,
                host if host is not None else settings.host,
                port if port is not None else settings.port,
                on_ready=on_ready,
                stop=stop,
                drain_seconds=drain_seconds,
            )


class _Papers:
    """What a service tells of its site; read anew when the profile has been rebuilt."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.stamp = site.stamp()

    def describe_service(self, base_url: str, graph_format: GraphFormat) -> bytes:
        profile = self._site.profile()
        return describe_service(
            title=self._site.description.title,
            endpoint=base_url + ENDPOINT_PATH,
            graph_format=graph_format,
            triples=profile.triples if profile else None,
            graph_triples=profile.graph_triples if profile else None,
        )

    def describe_data(self, base_url: str, graph_format: GraphFormat) -> bytes:
        return describe_data(
            self._site.description,
            self._site.profile(),
            endpoint=base_url + ENDPOINT_PATH,
            document=base_url + VOID_PATH,
            graph_format=graph_format,
        )

    def give_profile(self) -> tuple[bytes, str] | None:
        profile = self._site.profile()
        return (profile.to_json(), profile.stamp) if profile else None
