"""Private set intersection: the plain result, and messages that tell nothing else."""

import hashlib

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from curve25519 import ORDER, PRIME, SMALL_ORDER, is_of_curve, multiply
from hypothesis import given, settings
from hypothesis import strategies as st

from hereditary_kg.embeddings.curve_points import hash_to_point, is_on_curve
from hereditary_kg.embeddings.errors import IntersectionError
from hereditary_kg.embeddings.set_intersection import (
    HashedLabels,
    count_holders,
    intersect_all,
)

LABELS = [f"http://purl.obolibrary.org/obo/HP_{number:07}" for number in range(40)]
label_sets = st.lists(st.sampled_from(LABELS), unique=True, max_size=8)


def exchange(mine, theirs, context="run 1"):
    """Run the protocol between two sites, and give each one's result and all messages."""
    one, two = HashedLabels(mine, context).start("b"), HashedLabels(theirs, context).start("a")
    offers = one.offer(), two.offer()
    answers = one.answer(offers[1]), two.answer(offers[0])
    return (one.finish(answers[1]), two.finish(answers[0])), (*offers, *answers)


def number(point: bytes) -> int:
    return int.from_bytes(point, "little")


def test_the_second_implementation_is_that_of_the_rfc():
    # Section 5.2, the first test vector, with its scalar clamped as section 5 says.
    scalar = number(
        bytes.fromhex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4")
    )
    u = number(bytes.fromhex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c"))
    clamped = (scalar & ~7 & (2**255 - 1)) | 2**254
    assert multiply(clamped, u).to_bytes(32, "little") == bytes.fromhex(
        "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"
    )
    assert is_of_curve(9)
    assert not is_of_curve(2)
    assert multiply(ORDER, 9) == 0


@given(st.text(max_size=20), st.binary(max_size=8))
@settings(max_examples=25)
def test_labels_are_hashed_onto_the_curve_and_not_its_twist(label, context):
    point = hash_to_point(label.encode(), context)
    assert is_of_curve(number(point))
    assert is_on_curve(point)
    assert point == hash_to_point(label.encode(), context)
    assert point != hash_to_point(label.encode(), context + b"x")


@given(st.integers(2, PRIME - 2).filter(lambda u: u not in SMALL_ORDER))
@settings(max_examples=40)
def test_points_of_the_twist_are_told(u):
    assert is_on_curve(u.to_bytes(32, "little")) == is_of_curve(u)


def test_a_context_and_a_label_do_not_run_into_each_other():
    assert hash_to_point(b"bc", b"a") != hash_to_point(b"c", b"ab")


@given(label_sets, label_sets)
@settings(max_examples=30)
def test_the_result_is_the_plain_intersection(mine, theirs):
    (at_first, at_second), _ = exchange(mine, theirs)
    assert at_first == tuple(label for label in mine if label in theirs)
    assert at_second == tuple(label for label in theirs if label in mine)


@given(st.lists(label_sets, min_size=1, max_size=4), st.integers(2, 3))
@settings(max_examples=15)
def test_among_several_sites_labels_of_enough_are_found(sets, fewest):
    named = {f"site {place}": labels for place, labels in enumerate(sets)}
    found = intersect_all(named, "run 1", fewest)
    for site, labels in named.items():
        holders = {label: sum(label in other for other in sets) for label in labels}
        assert found[site] == tuple(label for label in labels if holders[label] >= fewest)


def points_in(messages) -> set[bytes]:
    return {bytes(row) for message in messages for row in message}


def test_nothing_in_the_messages_can_be_tried_out():
    """A dictionary of all labels, and each way to hash them without a secret, finds nothing."""
    _, messages = exchange(LABELS[:20], LABELS[10:30])
    sent = points_in(messages)
    known = set()
    for label in LABELS:
        for context in (b"", b"run 1", b"hereditary_kg set intersection 1\0run 1"):
            known.add(hash_to_point(label.encode(), context))
            for text in (label.encode(), context + label.encode()):
                for name in ("sha256", "sha512", "sha3_256", "blake2s"):
                    digest = hashlib.new(name, text).digest()[:32]
                    # The label as an exponent would be such a hash as well.
                    public = X25519PrivateKey.from_private_bytes(digest).public_key()
                    known |= {digest, public.public_bytes_raw()}
    assert len(known) > 40 * 3
    assert not sent & known
    assert all(is_of_curve(number(point)) for point in list(sent)[:20])


def test_messages_of_another_exchange_have_nothing_in_common():
    _, first = exchange(LABELS[:20], LABELS[10:30])
    _, second = exchange(LABELS[:20], LABELS[10:30])
    assert not points_in(first) & points_in(second)


def test_the_order_of_an_offer_is_that_of_no_label():
    hashed = HashedLabels(LABELS, "run 1")
    orders = []
    for _ in range(2):
        started = hashed.start("b")
        offered = [bytes(row) for row in started.offer()]
        assert offered == sorted(offered)
        orders.append(started._order)
    assert orders[0] != orders[1]
    assert orders[0] != sorted(orders[0])


def test_labels_of_another_context_do_not_meet():
    one = HashedLabels(LABELS, "run 1").start("b")
    two = HashedLabels(LABELS, "run 2").start("a")
    answer = two.answer(one.offer())
    one.answer(two.offer())
    assert one.finish(answer) == ()


def as_message(*points: bytes) -> np.ndarray:
    return np.frombuffer(b"".join(sorted(points)), dtype=np.uint8).reshape(-1, 32)


GOOD = hash_to_point(b"good", b"")
TWIST = next(
    u.to_bytes(32, "little") for u in range(2, 99) if not is_of_curve(u) and u not in SMALL_ORDER
)


@pytest.mark.parametrize(
    "u", [*SMALL_ORDER, PRIME, PRIME + 1, *(u + PRIME for u in SMALL_ORDER if u < 19), 2**256 - 1]
)
def test_points_of_small_order_and_other_forms_are_refused(u):
    started = HashedLabels(LABELS[:1], "run 1").start("clinic b")
    with pytest.raises(IntersectionError, match=r"with clinic b ends here: it offers (a|what)"):
        started.answer(as_message(GOOD, u.to_bytes(32, "little")))


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (as_message(GOOD, TWIST), "no point of the curve"),
        (as_message(GOOD, GOOD), "ascending order, each once"),
        (as_message(TWIST, GOOD)[::-1], "ascending order"),
        (as_message(GOOD).astype(np.int64), "no list of points"),
        (as_message(GOOD)[:, :31], "no list of points"),
        (as_message(GOOD).reshape(-1), "no list of points"),
    ],
)
def test_other_wrong_offers_are_refused(message, told):
    with pytest.raises(IntersectionError, match=told):
        HashedLabels(LABELS[:1], "run 1").start("b").answer(message)


def test_an_offer_is_answered_once_and_first():
    one, two = (HashedLabels(LABELS[:3], "run 1").start(name) for name in "ab")
    with pytest.raises(IntersectionError, match="Answer its offer first"):
        one.finish(two.answer(one.offer()))
    one.answer(two.offer())
    with pytest.raises(IntersectionError, match="answered once"):
        one.answer(two.offer())


def test_a_whole_dictionary_is_refused_where_a_bound_was_set():
    one = HashedLabels(LABELS[:3], "run 1").start("b", largest_set=10)
    with pytest.raises(IntersectionError, match="offers 40 labels, more than the 10"):
        one.answer(HashedLabels(LABELS, "run 1").start("a").offer())


def test_an_answer_to_another_offer_is_refused():
    one, two = (HashedLabels(LABELS[:3], "run 1").start(name) for name in "ab")
    one.answer(two.offer())
    answer = two.answer(one.offer())
    for wrong in (answer[:2], np.repeat(answer[:1], 3, axis=0)):
        with pytest.raises(IntersectionError, match="different points to 3 offered"):
            one.finish(wrong)
    assert one.finish(answer) == tuple(LABELS[:3])


def test_labels_given_twice_are_refused():
    with pytest.raises(IntersectionError, match="not all different"):
        HashedLabels(["a", "a"], "run 1")


def test_holders_are_counted():
    assert count_holders("abc", [("a", "b"), ("b",), ()]).tolist() == [2, 3, 1]
