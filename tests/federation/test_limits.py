"""Deadlines, retries, circuits and slots by themselves."""

import asyncio
import math
from datetime import UTC, datetime

import pytest

from hereditary_kg.federation.circuit_breaker import CircuitBreaker
from hereditary_kg.federation.deadline import Deadline, WaitBudget
from hereditary_kg.federation.errors import (
    RefusedError,
    StatusError,
    TruncatedAnswerError,
    UnreachableError,
)
from hereditary_kg.federation.request_slots import RequestSlots
from hereditary_kg.federation.retry import RetryPolicy, read_retry_after


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_a_deadline_runs_down_and_stays_at_zero():
    clock = Clock()
    deadline = Deadline(5, clock=clock)
    clock.now = 3
    assert deadline.remaining() == 2
    assert not deadline.expired
    clock.now = 7
    assert deadline.remaining() == 0
    assert deadline.expired
    assert Deadline(None).remaining() == math.inf


async def test_only_waiting_counts_against_the_members_limit():
    clock = Clock()
    budget = WaitBudget(Deadline(100, clock=clock), 10, clock=clock)
    async with budget.waiting():
        clock.now += 4
    clock.now += 50
    assert budget.remaining() == 6
    async with budget.waiting():
        clock.now += 6
    assert budget.exhausted_own_limit
    assert budget.remaining() == 0
    clock.now = 99
    assert WaitBudget(Deadline(100), None).exhausted_own_limit is False


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        (" 120 ", 120.0),
        ("Wed, 21 Oct 2015 07:28:30 GMT", 30.0),
        ("Wed, 21 Oct 2015 07:27:00 GMT", 0.0),
        ("Wed, 21 Oct 2015 07:28:30 -0000", 30.0),
        ("soon", None),
        ("-3", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value, seconds):
    now = datetime(2015, 10, 21, 7, 28, 0, tzinfo=UTC)
    assert read_retry_after(value, now) == seconds


@pytest.mark.parametrize(
    ("error", "took", "again"),
    [
        (UnreachableError("x"), 9.0, True),
        (StatusError("x", 429), 9.0, True),
        (StatusError("x", 503), 0.1, True),
        (StatusError("x", 503), 9.0, False),
        (StatusError("x", 503, 1.0), 0.1, True),
        (StatusError("x", 503, 1.0), 9.0, False),
        (StatusError("x", 503, 31.0), 0.1, False),
        (StatusError("x", 500), 0.1, False),
        (StatusError("x", 400), 0.1, False),
        (RefusedError("x"), 0.1, False),
        (TruncatedAnswerError("x"), 0.1, False),
    ],
)
def test_only_passing_failures_are_worth_another_attempt(error, took, again):
    assert (RetryPolicy().pause_after(error, 1, took) is not None) == again


def test_pauses_grow_and_respect_retry_after():
    policy = RetryPolicy(retries=5, base=1.0)
    for attempt in range(1, 6):
        pauses = [policy.pause_after(UnreachableError("x"), attempt, 0) for _ in range(200)]
        assert 0 <= min(pauses) <= max(pauses) <= 2 ** (attempt - 1)
        assert max(pauses) > 2 ** (attempt - 2)
    assert policy.pause_after(UnreachableError("x"), 6, 0) is None
    pause = policy.pause_after(StatusError("x", 429, 7.0), 1, 0)
    assert pause is not None
    assert 7 <= pause <= 8


def test_a_circuit_counts_failures_in_a_row_only():
    clock = Clock()
    breaker = CircuitBreaker(threshold=2, cooldown=10, clock=clock)
    breaker.fail("a")
    breaker.succeed()
    breaker.fail("b")
    assert breaker.admit() is None
    breaker.fail("c")
    assert breaker.admit() == 10
    clock.now = 4
    assert breaker.admit() == 6
    clock.now = 10
    assert breaker.admit() is None
    assert breaker.admit() == 0
    breaker.abandon()
    assert breaker.admit() is None
    breaker.succeed()
    assert breaker.admit() is None
    assert breaker.admit() is None


async def test_slots_are_given_first_come_first_served():
    slots = RequestSlots(1)
    order = []

    async def work(number):
        async with slots.hold():
            order.append(number)
            await asyncio.sleep(0)

    await asyncio.gather(*(work(number) for number in range(10)))
    assert order == list(range(10))


async def test_a_stalled_answer_lets_another_in_after_a_while():
    slots = RequestSlots(1, patience=0.02)
    async with slots.hold() as slot:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1), slots.hold():
                pass
        with slot.stalled():
            async with slots.hold() as second:
                assert second is not slot
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1), slots.hold():
                pass
