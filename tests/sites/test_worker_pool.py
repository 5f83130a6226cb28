import asyncio
import os
import signal

import pytest

from hereditary_kg.sites import Site, SiteError
from hereditary_kg.sites.frames import Job
from hereditary_kg.sites.protocol_request import ServiceError
from hereditary_kg.sites.workers import WorkerPool

pytestmark = pytest.mark.sockets

COUNT = Job("SELECT (COUNT(*) AS ?n) { ?s <http://example.org/n> ?o }", result_format="csv")
ENDLESS = Job("SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f }", result_format="csv")
HUNGRY = Job("SELECT * { ?a ?b ?c . ?d ?e ?f } ORDER BY ?f ?c ?a ?d LIMIT 1", result_format="csv")
EVERYTHING = Job("SELECT * { ?s ?p ?o . ?a ?b ?o }", result_format="csv")


async def read(pool: WorkerPool, job: Job) -> bytes:
    _, stream = await pool.execute(job)
    try:
        return b"".join([chunk async for chunk in stream])
    finally:
        await stream.aclose()


async def refusal(pool: WorkerPool, job: Job) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        await read(pool, job)
    return caught.value


def make_pool(site: Site, size: int = 1, seconds: float = 30, megabytes: int = 1024, **options):
    return WorkerPool(site.directory, size, seconds, megabytes, **options)


async def test_answers_come_with_their_media_type(people_site):
    async with make_pool(people_site) as pool:
        media_type, stream = await pool.execute(COUNT)
        assert media_type == "text/csv"
        assert b"".join([chunk async for chunk in stream]) == b"n\r\n40000\r\n"


async def test_a_query_past_its_time_is_killed_and_the_next_one_served(people_site):
    async with make_pool(people_site, seconds=1) as pool:
        before = pool.process_ids()
        error = await refusal(pool, ENDLESS)
        assert error.status == 503
        assert "more than the 1 s" in error.text
        assert error.headers["Retry-After"]
        async with asyncio.timeout(60):
            assert await read(pool, COUNT) == b"n\r\n40000\r\n"
        assert pool.process_ids().isdisjoint(before)


async def test_a_query_past_its_memory_is_killed_and_the_next_one_served(people_site):
    async with make_pool(people_site, megabytes=300, seconds=60) as pool:
        before = pool.process_ids()
        error = await refusal(pool, HUNGRY)
        assert error.status == 503
        assert "300 MB" in error.text
        assert await read(pool, COUNT) == b"n\r\n40000\r\n"
        assert pool.process_ids().isdisjoint(before)


async def test_an_answer_that_is_left_frees_its_worker(people_site):
    async with make_pool(people_site) as pool:
        _, stream = await pool.execute(EVERYTHING)
        await anext(stream)
        await stream.aclose()
        assert await read(pool, COUNT) == b"n\r\n40000\r\n"


async def test_a_cancelled_query_frees_its_worker(people_site):
    async with make_pool(people_site) as pool:
        task = asyncio.create_task(read(pool, ENDLESS))
        await asyncio.sleep(0.3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await read(pool, COUNT) == b"n\r\n40000\r\n"


async def test_a_worker_that_is_killed_from_outside_is_reported_and_replaced(people_site):
    async with make_pool(people_site) as pool:
        task = asyncio.create_task(refusal(pool, ENDLESS))
        await asyncio.sleep(0.3)
        (process_id,) = pool.process_ids()
        os.kill(process_id, signal.SIGKILL)
        error = await task
        assert (error.status, "signal 9" in error.text) == (503, True)
        assert await read(pool, COUNT) == b"n\r\n40000\r\n"
        # And one that dies while it is idle is noticed too.
        (process_id,) = pool.process_ids()
        os.kill(process_id, signal.SIGKILL)
        async with asyncio.timeout(30):
            while process_id in pool.process_ids():  # noqa: ASYNC110 (another process's end)
                await asyncio.sleep(0.01)
        assert await read(pool, COUNT) == b"n\r\n40000\r\n"


async def test_queries_beyond_the_queue_are_refused(people_site):
    async with make_pool(people_site, queue_limit=2) as pool:
        tasks = [asyncio.create_task(read(pool, COUNT)) for _ in range(3)]
        await asyncio.sleep(0)
        error = await refusal(pool, COUNT)
        assert (error.status, "Retry-After" in error.headers) == (503, True)
        assert await asyncio.gather(*tasks) == [b"n\r\n40000\r\n"] * 3


async def test_a_query_whose_turn_does_not_come_is_refused(people_site):
    async with make_pool(people_site, queue_seconds=0.2) as pool:
        _, stream = await pool.execute(EVERYTHING)
        error = await refusal(pool, COUNT)
        assert (error.status, "waited 0.2 s" in error.text) == (503, True)
        await stream.aclose()


async def test_a_query_that_leaves_the_queue_is_not_in_the_way(people_site):
    async with make_pool(people_site) as pool:
        _, stream = await pool.execute(EVERYTHING)
        waiting = asyncio.create_task(read(pool, COUNT))
        await asyncio.sleep(0.1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await stream.aclose()
        assert await read(pool, COUNT) == b"n\r\n40000\r\n"


async def test_more_queries_than_workers_are_all_answered(people_site):
    async with make_pool(people_site, size=2) as pool:
        query = "SELECT ?n {{ <http://example.org/person/{}> <http://example.org/n> ?n }}"
        jobs = [Job(query.format(n), result_format="csv") for n in range(100)]
        answers = await asyncio.gather(*(read(pool, job) for job in jobs))
        assert answers == [f"n\r\n{n}\r\n".encode() for n in range(100)]
        assert len(pool.process_ids()) == 2


async def test_a_pool_over_what_is_no_site_does_not_start(tmp_path):
    with pytest.raises(SiteError, match="no such directory"):
        await WorkerPool(tmp_path / "missing", 2, 1, 1024).start()


async def test_stalled_readers_lose_their_worker_at_the_time_limit(people_site):
    async with make_pool(people_site, seconds=1) as pool:
        _, stream = await pool.execute(EVERYTHING)
        await anext(stream)
        before = pool.process_ids()
        await asyncio.sleep(1.5)
        with pytest.raises(ServiceError, match="more than the 1 s"):
            async for _ in stream:
                pass
        await stream.aclose()
        assert await read(pool, COUNT) == b"n\r\n40000\r\n"
        assert pool.process_ids().isdisjoint(before)
