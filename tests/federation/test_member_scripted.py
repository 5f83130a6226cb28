"""What a member makes of answers and faults, on scripted transports."""

import asyncio
from contextlib import aclosing

import polars as pl
import pytest

from hereditary_kg.federation.circuit_breaker import CircuitBreaker
from hereditary_kg.federation.deadline import Deadline
from hereditary_kg.federation.description import MemberDescription
from hereditary_kg.federation.errors import (
    MemberError,
    TruncatedAnswerError,
    UnreachableError,
)
from hereditary_kg.federation.member import Member
from hereditary_kg.federation.request_log import RequestLog
from hereditary_kg.federation.retry import RetryPolicy
from hereditary_kg.federation.transport import ScriptedAnswer, ScriptedTransport

TSV = "text/tab-separated-values"
JSON = "application/sparql-results+json"


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def make_member(handler, *, clock=None, **described):
    transport = ScriptedTransport(handler)
    options = {} if clock is None else {"circuit_breaker": CircuitBreaker(clock=clock)}
    member = Member(
        MemberDescription("clinic", **described),
        transport,
        retry_policy=RetryPolicy(base=0.001),
        **options,
    )
    return member, transport


async def collect(member, variables=("s",), *, seconds=30, log=None, **options):
    log = RequestLog() if log is None else log
    batches = member.select(
        "SELECT ?s {}", variables, deadline=Deadline(seconds), log=log, **options
    )
    return pl.concat([batch async for batch in batches])


async def wait_until(condition):
    while not condition():  # noqa: ASYNC110 - ends with pytest's timeout
        await asyncio.sleep(0)


async def fail(member, **options):
    with pytest.raises(MemberError) as caught:
        await collect(member, **options)
    return caught.value


async def test_solutions_come_as_canonical_columns_in_the_order_asked_for():
    member, transport = make_member(
        lambda _: ScriptedAnswer('?o\t?s\n5\t<http://e/a>\n\t_:b1\n"x"@EN\t_:b1\n')
    )
    log = RequestLog()
    frame = await collect(member, ("s", "o"), log=log, purpose="scan")
    assert frame.columns == ["s", "o"]
    assert frame.rows() == [
        ("<http://e/a>", '"5"^^<http://www.w3.org/2001/XMLSchema#integer>'),
        ("_:clinic.1.b1", None),
        ("_:clinic.1.b1", '"x"@en'),
    ]
    (record,) = log
    assert (record.member, record.purpose, record.rows, record.status) == (
        "clinic",
        "scan",
        3,
        200,
    )
    assert record.error is None
    assert record.bytes == 39
    assert transport.requests[0].accept.startswith(TSV)
    assert transport.open == 0


async def test_a_first_frame_comes_without_any_row():
    member, _ = make_member(lambda _: ScriptedAnswer("?s\n"))
    frame = await collect(member)
    assert frame.columns == ["s"]
    assert frame.height == 0


async def test_json_is_asked_for_first_where_the_description_says_so():
    body = '{"head":{"vars":["s"]},"results":{"bindings":[{"s":{"type":"uri","value":"e:a"}}]}}'
    member, transport = make_member(lambda _: ScriptedAnswer(body, media_type=JSON), results="json")
    assert (await collect(member)).rows() == [("<e:a>",)]
    assert transport.requests[0].accept.startswith(JSON)


async def test_rows_arrive_before_the_answer_is_complete():
    gate = asyncio.Event()

    async def play():
        yield b"?s\n<e:a>\n"
        await gate.wait()
        yield b"<e:b>\n"

    class Slow(ScriptedAnswer):
        def play(self):
            return play()

    member, _ = make_member(lambda _: Slow())
    batches = member.select("q", ["s"], deadline=Deadline(30), log=RequestLog())
    rows = []
    async for batch in batches:
        rows += batch.rows()
        if rows:
            gate.set()
    assert rows == [("<e:a>",), ("<e:b>",)]


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (UnreachableError("connection refused"), "unreachable", "connection refused"),
        (
            ScriptedAnswer("out of memory", status=500, media_type="text/plain"),
            "status",
            "500 Internal Server Error: out of memory",
        ),
        (
            ScriptedAnswer("<html><head><title>Sign in</title></head></html>", status=403),
            "refused",
            "403 Forbidden: Sign in",
        ),
        (
            ScriptedAnswer(
                "<!DOCTYPE html><html><title>Maintenance</title><p>Back soon</p></html>",
                media_type="text/html; charset=utf-8",
            ),
            "content",
            "'Maintenance'",
        ),
        (ScriptedAnswer("?s\n", media_type=""), "content", "no media type"),
        (
            ScriptedAnswer(["?s\n<e:a>\n", TruncatedAnswerError("cut")]),
            "truncated",
            "cut",
        ),
        (ScriptedAnswer("?s\n<e:a>\n<e:"), "content", "<e:"),
        (ScriptedAnswer('{"head":{"vars":["s"]},"results":', media_type=JSON), "content", ""),
        (ScriptedAnswer("?x\n<e:a>\n"), "content", "?x where ?s were asked for"),
        (ScriptedAnswer("?s\t?s2\n<e:a>\t\n"), "content", "?s ?s2 where ?s"),
        (ScriptedAnswer("?s\n<e:a>\n", delimited=False), "content", 'results = "json"'),
        (ScriptedAnswer("nope", status=299, media_type="text/plain"), "status", "299: nope"),
    ],
)
async def test_every_fault_names_the_member_and_what_happened(answer, kind, words):
    member, transport = make_member(lambda _: answer)
    log = RequestLog()
    error = await fail(member, log=log)
    assert error.kind == kind
    assert words in error.reason
    assert "'clinic'" in str(error)
    assert error.query == "SELECT ?s {}"
    (record,) = log
    assert record.error == f"{kind}: {error.reason}"
    assert transport.open == 0


async def test_an_undelimited_json_answer_is_read():
    body = '{"head":{"vars":["s"]},"results":{"bindings":[]}}'
    member, _ = make_member(lambda _: ScriptedAnswer(body, media_type=JSON, delimited=False))
    assert (await collect(member)).height == 0


async def test_the_text_of_an_error_is_cut():
    member, _ = make_member(lambda _: ScriptedAnswer("x" * 10_000, status=400))
    error = await fail(member)
    assert "x" * 300 in error.reason
    assert "x" * 301 not in error.reason


@pytest.mark.parametrize(
    "answer",
    [
        ScriptedAnswer("?s\n", delay=60),
        ScriptedAnswer(["?s\n", 60.0, "<e:a>\n"]),
        ScriptedAnswer(["?s\n", *[b"<", 0.02] * 1000]),
        ScriptedAnswer([60.0, "no"], status=500),
    ],
)
@pytest.mark.parametrize("limit", ["member", "query"])
async def test_nothing_outlives_its_limit(answer, limit):
    described = {"timeout": 0.1} if limit == "member" else {}
    member, transport = make_member(lambda _: answer, **described)
    error = await fail(member, seconds=30 if limit == "member" else 0.1)
    assert error.kind == "timeout"
    assert ("its limit" if limit == "member" else "query's deadline") in error.reason
    assert transport.open == 0


async def test_an_expired_deadline_sends_nothing_that_lasts():
    member, transport = make_member(lambda _: ScriptedAnswer("?s\n", delay=60))
    error = await fail(member, seconds=0)
    assert error.kind == "timeout"
    assert transport.open == 0


async def test_a_slow_consumer_does_not_use_up_the_members_limit():
    member, _ = make_member(lambda _: ScriptedAnswer(["?s\n<e:a>\n", 0.01, "<e:b>\n"]), timeout=0.2)
    rows = 0
    async for batch in member.select("q", ["s"], deadline=Deadline(30), log=RequestLog()):
        rows += batch.height
        await asyncio.sleep(0.3)
    assert rows == 2


@pytest.mark.parametrize(
    "fault",
    [
        UnreachableError("refused"),
        ScriptedAnswer(status=429, headers={"retry-after": "0"}),
        ScriptedAnswer(status=502),
        ScriptedAnswer(status=503),
        ScriptedAnswer(status=504),
    ],
)
async def test_passing_failures_are_tried_again(fault):
    answers = iter([fault, fault, ScriptedAnswer("?s\n<e:a>\n")])
    member, _ = make_member(lambda _: next(answers))
    log = RequestLog()
    frame = await collect(member, log=log)
    assert frame.rows() == [("<e:a>",)]
    (record,) = log
    assert record.attempts == 3
    assert record.error is None


async def test_at_most_two_further_attempts_are_made():
    member, transport = make_member(lambda _: UnreachableError("refused"))
    await fail(member)
    assert len(transport.requests) == 3


@pytest.mark.parametrize(
    "answer",
    [
        ScriptedAnswer(status=500),
        ScriptedAnswer(status=400),
        ScriptedAnswer(status=401),
        ScriptedAnswer("<html>", media_type="text/html"),
        ScriptedAnswer(["?s\n<e:a>\n", TruncatedAnswerError("cut")]),
        ScriptedAnswer(status=429, headers={"Retry-After": "3600"}),
    ],
)
async def test_lasting_failures_are_not_tried_again(answer):
    member, transport = make_member(lambda _: answer)
    await fail(member)
    assert len(transport.requests) == 1


async def test_no_time_to_wait_for_retry_after_fails_at_once():
    member, transport = make_member(
        lambda _: ScriptedAnswer(status=503, headers={"Retry-After": "20"})
    )
    error = await fail(member, seconds=10)
    assert error.kind == "status"
    assert "after 20 s" in error.reason
    assert len(transport.requests) == 1


async def test_the_circuit_opens_after_three_failures_and_closes_after_a_good_trial():
    clock = Clock()
    answers = [ScriptedAnswer(status=500)] * 3
    member, transport = make_member(lambda _: answers.pop(0), clock=clock)
    for _ in range(3):
        await fail(member)
    log = RequestLog()
    error = await fail(member, log=log)
    assert error.kind == "unreachable"
    assert "circuit open" in error.reason
    assert "500" in error.reason
    assert len(transport.requests) == 3
    assert next(iter(log)).attempts == 0

    clock.now += 10
    answers.append(ScriptedAnswer(status=500))
    assert "500" in (await fail(member)).reason
    assert "circuit open" in (await fail(member)).reason

    clock.now += 10
    answers.extend([ScriptedAnswer("?s\n")] * 2)
    assert (await collect(member)).height == 0
    assert (await collect(member)).height == 0


async def test_a_half_open_circuit_lets_one_trial_through():
    clock = Clock()
    gate = asyncio.Event()
    failing = [True]

    async def answer(_):
        if failing[0]:
            return ScriptedAnswer(status=500)
        await gate.wait()
        return ScriptedAnswer("?s\n")

    member, transport = make_member(answer, clock=clock)
    for _ in range(3):
        await fail(member)
    failing[0] = False
    clock.now += 10
    trial = asyncio.create_task(collect(member))
    await wait_until(lambda: len(transport.requests) == 4)
    assert "circuit open" in (await fail(member)).reason
    trial.cancel()
    with pytest.raises(asyncio.CancelledError):
        await trial
    gate.set()
    assert (await collect(member)).height == 0


@pytest.mark.parametrize(
    "answer",
    [
        ScriptedAnswer(status=400),
        ScriptedAnswer("?s\nbroken\n"),
        ScriptedAnswer("?s\n", delay=60),
    ],
)
async def test_what_the_query_or_the_user_is_to_blame_for_opens_no_circuit(answer):
    member, transport = make_member(lambda _: answer)
    for _ in range(5):
        error = await fail(member, seconds=0.05)
        assert "circuit" not in error.reason
    assert len(transport.requests) == 5


async def test_giving_up_half_way_is_logged_and_closes_the_answer():
    member, transport = make_member(lambda _: ScriptedAnswer(["?s\n<e:a>\n", 60.0]))
    log = RequestLog()
    batches = member.select("q", ["s"], deadline=Deadline(30), log=log)
    async with aclosing(batches):
        async for batch in batches:
            if batch.height:
                break
    assert transport.open == 0
    (record,) = log
    assert record.error == "cancelled"
    assert record.rows == 1


async def test_cancelling_the_task_closes_the_answer():
    member, transport = make_member(lambda _: ScriptedAnswer(["?s\n<e:a>\n", 60.0]))
    log = RequestLog()
    task = asyncio.create_task(collect(member, log=log))
    await wait_until(lambda: transport.open)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert transport.open == 0
    assert [record.error for record in log] == ["cancelled"]
    assert len(asyncio.all_tasks()) == 1


async def test_no_more_requests_are_open_than_the_description_allows():
    member, transport = make_member(
        lambda _: ScriptedAnswer(["?s\n", 0.005, "<e:a>\n"]), concurrency=3
    )
    frames = await asyncio.gather(*(collect(member) for _ in range(20)))
    assert all(frame.rows() == [("<e:a>",)] for frame in frames)
    assert transport.most_open == 3


async def test_waiting_for_a_slot_ends_with_the_deadline():
    member, transport = make_member(lambda _: ScriptedAnswer("?s\n", delay=60), concurrency=1)
    first = asyncio.create_task(collect(member))
    await wait_until(lambda: transport.open)
    error = await fail(member, seconds=0.05)
    assert error.kind == "timeout"
    assert "all 1 requests" in error.reason
    assert len(transport.requests) == 1
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_answers_read_in_turns_do_not_lock_each_other_out():
    member, transport = make_member(
        lambda _: ScriptedAnswer(["?s\n<e:a>\n", 0.0, "<e:b>\n"]), concurrency=1
    )
    outer = member.select("q", ["s"], deadline=Deadline(30), log=RequestLog())
    pairs = 0
    async for batch in outer:
        inner = await collect(member)
        pairs += batch.height * inner.height
    assert pairs == 4
    assert transport.most_open == 2


async def test_ask_reads_booleans():
    body = '{"head":{},"boolean":true}'
    member, transport = make_member(lambda _: ScriptedAnswer(body, media_type=JSON))
    log = RequestLog()
    assert await member.ask("ASK {}", deadline=Deadline(30), log=log) is True
    assert transport.requests[0].accept.startswith(JSON)
    assert [record.purpose for record in log] == ["probe"]


async def test_ask_fails_like_select():
    member, _ = make_member(lambda _: ScriptedAnswer(status=500))
    with pytest.raises(MemberError) as caught:
        await member.ask("ASK {}", deadline=Deadline(30), log=RequestLog())
    assert caught.value.kind == "status"


def test_a_member_serves_several_event_loops_in_turn():
    member, transport = make_member(lambda _: ScriptedAnswer("?s\n<e:a>\n"), concurrency=1)
    for _ in range(2):
        assert asyncio.run(collect(member)).height == 1
    assert len(transport.requests) == 2
