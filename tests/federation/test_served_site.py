"""A member that is a site served by this project."""

import asyncio
from contextlib import asynccontextmanager

import polars as pl
import pytest

from hereditary_kg.federation.connection import connect_member
from hereditary_kg.federation.deadline import Deadline
from hereditary_kg.federation.description import MemberDescription
from hereditary_kg.federation.errors import MemberError
from hereditary_kg.federation.request_log import RequestLog
from hereditary_kg.sites.service import serve
from hereditary_kg.sites.site import Site

pytestmark = pytest.mark.sockets


@asynccontextmanager
async def serve_site(site, **options):
    ready = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    service = asyncio.create_task(
        serve(site, "127.0.0.1", 0, workers=1, on_ready=ready.set_result, stop=stop, **options)
    )
    try:
        yield (await ready).rstrip("/")
    finally:
        stop.set()
        await service


@pytest.fixture
def site(tmp_path):
    site = Site.create(tmp_path / "clinic", name="clinic", title="St. Mary")
    data = tmp_path / "data.nt"
    data.write_text("".join(f'<http://e/{n}> <http://e/p> "{n}" .\n' for n in range(300)))
    site.load([data])
    site.build_profile()
    return site


async def test_a_served_site_is_a_member_like_any_other(site):
    async with serve_site(site) as base:
        member = connect_member(MemberDescription("clinic", url=base + "/sparql"))
        deadline, log = Deadline(60), RequestLog()
        profile = await member.profile(deadline)
        assert profile == site.profile()
        assert await member.profile(deadline, max_age=0) is profile
        batches = member.select("SELECT ?s ?o { ?s ?p ?o }", ["s", "o"], deadline=deadline, log=log)
        frame = pl.concat([batch async for batch in batches])
        assert frame.height == 300
        assert await member.ask("ASK { <http://e/7> ?p '7' }", deadline=deadline, log=log)
        status = await member.check(deadline)
        assert (status.up, status.title, status.triples) == (True, "St. Mary", 300)
        assert (status.profile, status.error) == ("current", None)
        with pytest.raises(MemberError, match="not valid SPARQL") as caught:
            await member.ask("ASK {", deadline=deadline, log=log)
        assert caught.value.kind == "status"
        assert [record.status for record in log] == [200, 200, 400]
        await member.close()


async def test_a_query_that_the_site_stops_is_told_with_its_reason(site):
    async with serve_site(site, time_limit=0.5) as base:
        member = connect_member(MemberDescription("clinic", url=base + "/sparql"))
        query = "SELECT (COUNT(*) AS ?n) { ?a ?p ?x . ?b ?p ?y . ?c ?p ?z . ?d ?p ?w }"
        with pytest.raises(MemberError, match="needed more than") as caught:
            async for _ in member.select(query, ["n"], deadline=Deadline(4), log=RequestLog()):
                pass
        assert caught.value.kind == "status"
        await member.close()
