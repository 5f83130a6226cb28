"""What is learnt of a member: block sizes, forms of bindings, row caps, costs."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hereditary_kg.federation.binding_forms import BindingForm
from hereditary_kg.federation.block_sizes import FIRST_BLOCK, LARGEST_BLOCK, BlockSize
from hereditary_kg.federation.row_caps import LEARNT_FOR, RowCap
from hereditary_kg.federation.statistics import MemberStatistics


def test_blocks_double_while_look_ups_do_not_become_slower():
    size = BlockSize()
    sizes = [size.bindings]
    for _ in range(6):
        size.succeed(size.bindings, 0.1)
        sizes.append(size.bindings)
    assert sizes == [FIRST_BLOCK * 2**n for n in range(4)] + [LARGEST_BLOCK] * 3


def test_blocks_stay_where_larger_ones_gain_nothing():
    size = BlockSize()
    size.succeed(FIRST_BLOCK, 0.1)
    size.succeed(2 * FIRST_BLOCK, 0.4)
    assert size.bindings == 2 * FIRST_BLOCK


def test_slow_answers_bring_blocks_back_but_not_below_the_first_size():
    size = BlockSize()
    size.succeed(FIRST_BLOCK, 0.1)
    for _ in range(5):
        size.succeed(size.bindings, 20.0)
    assert size.bindings == FIRST_BLOCK


def test_an_incomplete_block_teaches_nothing():
    size = BlockSize()
    size.succeed(3, 0.0001)
    assert size.bindings == FIRST_BLOCK


def test_failures_of_one_size_halve_it_once_and_growth_is_slow_afterwards():
    size = BlockSize()
    for _ in range(4):
        size.fail(FIRST_BLOCK)
    assert size.bindings == FIRST_BLOCK // 2
    size.succeed(FIRST_BLOCK // 2, 0.01)
    assert size.bindings == FIRST_BLOCK // 2 + FIRST_BLOCK // 16


def test_a_text_that_was_too_long_limits_all_later_ones():
    size = BlockSize()
    size.fail(FIRST_BLOCK, 60_000)
    assert size.characters == 30_000


def test_absolved_failures_are_forgotten():
    size = BlockSize()
    for bindings in (960, 480, 240):
        size.fail(bindings, 1000)
    size.absolve()
    assert vars(size) == vars(BlockSize())


lessons = st.lists(
    st.one_of(
        st.tuples(st.just("succeed"), st.integers(1, LARGEST_BLOCK), st.floats(0, 30)),
        st.tuples(st.just("fail"), st.integers(2, LARGEST_BLOCK), st.integers(1, 1 << 20)),
    )
)


@given(lessons)
def test_sizes_stay_within_bounds(taught):
    size = BlockSize()
    for lesson, *what in taught:
        getattr(size, lesson)(*what)
        assert 1 <= size.bindings <= LARGEST_BLOCK
        assert size.characters >= 0


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize(
    "rows", [50, 64, 100, 250, 500, 512, 1000, 1024, 1500, 2500, 10_000, 100_001, 1 << 20]
)
def test_round_numbers_are_suspicious(rows):
    assert RowCap().is_suspicious(rows)


@pytest.mark.parametrize("rows", [0, 1, 16, 32, 49, 51, 99, 101, 999, 1002, 1023, 1499, 10_002])
def test_other_numbers_are_not(rows):
    assert not RowCap().is_suspicious(rows)


@pytest.mark.parametrize("rows", [0, 1, 76, 100])
def test_fewer_rows_than_are_known_to_be_there_are_suspicious(rows):
    assert RowCap().is_suspicious(rows, expected=rows + 1)
    assert not RowCap().is_suspicious(rows, expected=rows)


def test_two_queries_that_end_at_one_number_are_suspicious():
    cap = RowCap()
    cap.note_answer(77, "one")
    assert not cap.is_suspicious(77, "one")
    assert cap.is_suspicious(77, "two")
    cap.note_answer(78, "three")
    assert not cap.is_suspicious(77, "two")


def test_few_rows_are_often_as_many():
    cap = RowCap()
    cap.note_answer(49, "one")
    assert not cap.is_suspicious(49, "two")


def test_a_number_is_counted_once_for_each_of_two_queries():
    cap = RowCap()
    for query in ("one", "two"):
        assert cap.is_suspicious(500, query)
        cap.note_answer(500, query, counted=True)
        assert not cap.is_suspicious(500, query)
    assert not cap.is_suspicious(500, "three")
    assert cap.is_suspicious(550, "three")


def test_what_was_learnt_ages():
    clock = Clock()
    cap = RowCap(clock=clock)
    cap.note_answer(500, "one", counted=True)
    cap.note_answer(20_000, "two")
    assert not cap.is_suspicious(10_000, "three")
    clock.now += LEARNT_FOR + 1
    assert cap.is_suspicious(10_000, "three")
    assert cap.is_suspicious(500, "one")
    cap.note_answer(20, "four")
    assert cap.largest == 20


def test_a_known_cap_is_suspicious_whatever_its_number():
    cap = RowCap(77)
    assert cap.is_suspicious(77)
    assert not cap.is_suspicious(76)
    # The description was wrong, or the member was changed.
    cap.note_answer(78)
    assert cap.rows is None
    assert not cap.is_suspicious(77)


def test_a_larger_answer_vouches_for_smaller_ones_until_a_cap_is_found():
    cap = RowCap()
    cap.note_answer(5001)
    assert not cap.is_suspicious(5000)
    assert cap.is_suspicious(6000)
    cap.note_cap(2000)
    assert cap.is_suspicious(2000)
    assert cap.is_suspicious(3000)


def test_the_first_form_that_is_answered_stays():
    form = BindingForm()
    form.settle("filter")
    form.settle("values")
    assert (form.keyword, form.settled) == ("filter", True)
    assert BindingForm("values").settled


def test_statistics_follow_recent_answers():
    statistics = MemberStatistics()
    assert statistics.rows_per_second is None
    statistics = statistics.with_answer(latency=0.1, seconds=1.0, rows=1000, size=50_000)
    assert (statistics.latency, statistics.row_bytes) == (0.1, 50.0)
    assert statistics.rows_per_second == 1000
    for _ in range(50):
        statistics = statistics.with_answer(latency=0.5, seconds=4.0, rows=1000, size=10_000)
    assert math.isclose(statistics.latency, 0.5, rel_tol=0.01)
    assert math.isclose(statistics.row_seconds, 0.004, rel_tol=0.01)
    assert statistics.requests == 51


def test_small_answers_tell_of_latency_only():
    statistics = MemberStatistics().with_answer(latency=0.1, seconds=0.1, rows=3, size=100)
    assert statistics.latency == 0.1
    assert statistics.row_seconds is None
