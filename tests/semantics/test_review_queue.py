"""Who gets which pair, and what votes make together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from review_files import ADA, BOB, CYD, HUB

from hereditary_kg.semantics.errors import ReviewError
from hereditary_kg.semantics.review.candidates import Candidate
from hereditary_kg.semantics.review.decisions import Decision, Role, State
from hereditary_kg.semantics.review.journal import Entry
from hereditary_kg.semantics.review.queue import ReviewQueue
from hereditary_kg.semantics.review.reviewers import Reviewer
from hereditary_kg.semantics.review.weights import Weight, in_order, weigh
from hereditary_kg.semantics.saved_queries import SavedQuery

ONE, TWO, THREE = ("A:1", "B:1"), ("A:2", "B:2"), ("A:3", "B:3")


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Table:
    """A queue, and entries as a session makes them."""

    def __init__(self, pairs=(ONE, TWO, THREE), **options):
        self.clock = Clock()
        self.queue = ReviewQueue(pairs, clock=self.clock, **options)
        self.entries = []

    def take(self, reviewer):
        given = self.queue.take(reviewer)
        return given and given.pair

    def decide(self, reviewer, decision, pair=None):
        pair = pair or self.queue.given(reviewer).pair
        role = self.queue.role_of(reviewer, pair)
        self.add(reviewer, decision, pair, role=role.value)
        return role

    def undo(self, reviewer):
        last = self.queue.last(reviewer)
        self.add(reviewer, "undo", last.pair, undone=last.number)

    def add(self, reviewer, kind, pair, **more):
        number = len(self.entries) + 1
        entry = Entry(number, str(kind), reviewer.text, "2026-11-29T12:00:00Z", pair, **more)
        assert Entry.from_json(entry.to_json()) == entry
        self.entries.append(entry)
        self.queue.apply(entry)

    def standing(self, pair):
        found = self.queue.standing(pair)
        return found.state, found.decision


def test_nobody_gets_what_another_has():
    table = Table()
    assert [table.take(each) for each in (ADA, BOB, CYD)] == [ONE, TWO, THREE]
    assert table.take(Reviewer("Dan")) is None
    # Whoever asks again gets the same again.
    assert table.take(ADA) == ONE


def test_a_loan_ends_and_a_late_decision_counts_as_a_further_reading():
    table = Table([ONE], lease_seconds=60)
    assert table.take(ADA) == ONE
    table.clock.now = 61
    assert table.take(BOB) == ONE
    assert table.decide(BOB, Decision.EXACT) is Role.FIRST
    assert table.decide(ADA, Decision.BROAD) is Role.SECOND
    assert table.standing(ONE) == (State.DISPUTED, None)
    assert table.take(CYD) == ONE
    assert table.queue.take(CYD).role is Role.ARBITER


def test_a_second_reader_is_somebody_else():
    table = Table([ONE, TWO], readers=2)
    table.take(ADA)
    table.decide(ADA, Decision.EXACT)
    assert table.standing(ONE) == (State.HALF, Decision.EXACT)
    assert table.take(ADA) == TWO
    assert table.take(BOB) == ONE
    assert table.decide(BOB, Decision.EXACT) is Role.SECOND
    assert table.standing(ONE) == (State.SETTLED, Decision.EXACT)
    assert table.queue.standing(ONE).agreement(Decision.EXACT) == 1


def test_an_arbiter_settles_what_two_readers_dispute():
    table = Table([ONE], readers=2, arbiters=[CYD])
    for reviewer, decision in ((ADA, Decision.EXACT), (BOB, Decision.BROAD)):
        table.take(reviewer)
        table.decide(reviewer, decision)
    assert table.standing(ONE) == (State.DISPUTED, None)
    assert table.queue.standing(ONE).agreement(Decision.EXACT) == 0
    assert table.take(Reviewer("Dan")) is None
    assert table.take(CYD) == ONE
    assert table.decide(CYD, Decision.BROAD) is Role.ARBITER
    assert table.standing(ONE) == (State.SETTLED, Decision.BROAD)
    assert table.queue.standing(ONE).agreement(Decision.BROAD) == pytest.approx(1 / 3, abs=1e-4)


def test_undo_goes_back_step_by_step_and_gives_the_pair_again():
    table = Table()
    for decision in (Decision.EXACT, Decision.SKIP, Decision.NOT):
        table.take(ADA)
        table.decide(ADA, decision)
    assert table.take(ADA) is None
    table.undo(ADA)
    assert table.take(ADA) == THREE
    table.undo(ADA)
    assert table.take(ADA) == TWO
    table.undo(ADA)
    assert table.take(ADA) == ONE
    assert table.queue.progress(ADA).settled == 0
    assert table.queue.last(ADA) is None


def test_what_was_skipped_goes_to_others_and_can_be_taken_up_again():
    table = Table([ONE])
    table.take(ADA)
    table.decide(ADA, Decision.SKIP)
    assert table.take(ADA) is None
    assert table.take(BOB) == ONE
    table.queue.release(BOB)
    table.add(ADA, "recall", ("", ""))
    assert table.take(ADA) == ONE


steps = st.lists(
    st.tuples(
        st.sampled_from([ADA, BOB, CYD]),
        st.sampled_from([*Decision, "undo", "wait"]),
    ),
    max_size=40,
)


@given(steps, st.integers(1, 3))
def test_a_journal_read_again_gives_the_same_queue(actions, readers):
    table = Table(readers=readers, lease_seconds=10)
    for reviewer, action in actions:
        if action == "wait":
            table.clock.now += 11
        elif action == "undo":
            if table.queue.last(reviewer):
                table.undo(reviewer)
        elif table.take(reviewer):
            table.decide(reviewer, action)
        leases = table.queue._leases
        assert len({r for r, _ in leases.values()}) == len(leases)
    again = ReviewQueue([ONE, TWO, THREE], readers=readers)
    for entry in table.entries:
        again.apply(entry)
    for pair in (ONE, TWO, THREE):
        assert again.standing(pair) == table.queue.standing(pair)
    for reviewer in (ADA, BOB, CYD):
        assert again.progress(reviewer) == table.queue.progress(reviewer)
    progress = again.progress(ADA)
    states = [again.standing(pair).state for pair in (ONE, TWO, THREE)]
    assert progress.settled == states.count(State.SETTLED)
    assert progress.disputed == states.count(State.DISPUTED)
    assert [pair for _, pair in again._unsettled] == [
        pair for pair, state in zip((ONE, TWO, THREE), states, strict=True) if state != "settled"
    ]


def test_what_hangs_on_a_mapping_is_counted_once():
    pairs = [("MONDO:0004976", "NCIT:C34373"), ("MONDO:0007103", "NCIT:C1")]
    counts = {"OMIM:105400": 10, "MONDO:0004976": 3, "NCIT:C34373": 2, "HP:0000001": 7}
    queries = [SavedQuery("als", frozenset({"MONDO:0004976"})), SavedQuery("other")]
    weights = weigh(pairs, counts, queries, HUB)
    assert weights[pairs[0]] == Weight(5, 10, ("als",))
    assert weights[pairs[1]] == Weight(10, 0, ("als",))
    candidates = [Candidate(pair, (place,), ({},)) for place, pair in enumerate(reversed(pairs))]
    assert [each.pair for each in in_order(candidates, weights)] == pairs


def test_an_orcid_is_checked():
    assert Reviewer.parse(" https://orcid.org/0000-0002-1694-233x ").text == (
        "orcid:0000-0002-1694-233X"
    )
    assert Reviewer.parse("Ada Lovelace") == Reviewer("Ada Lovelace")
    for wrong in ("0000-0002-1825-0098", "", "a|b", "a\tb"):
        with pytest.raises(ReviewError):
            Reviewer.parse(wrong)
