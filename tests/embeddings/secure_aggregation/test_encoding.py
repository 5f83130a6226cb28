"""Messages have one encoding each, and nothing else is read."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hereditary_kg.embeddings.errors import RefusedMessageError, SecureAggregationError
from hereditary_kg.embeddings.secure_aggregation.encoding import frame
from hereditary_kg.embeddings.secure_aggregation.messages import (
    Declaration,
    DeclarationList,
    Introduction,
    MaskedUpdate,
    Roster,
    SignedMessage,
    UnmaskingRequest,
    UnmaskingShares,
)
from hereditary_kg.embeddings.secure_aggregation.settings import RowSpace, RunSettings

numbers = st.integers(0, 2**64 - 1)
names = st.text(max_size=20)
data = st.binary(max_size=40)
many = st.lists(data, max_size=4).map(tuple)
sites = st.lists(names, max_size=4).map(tuple)
MESSAGES = st.one_of(
    st.builds(SignedMessage, names, data, data),
    st.builds(Introduction, data, data, names, data, data, data),
    st.builds(Roster, data, many),
    st.builds(Declaration, data, names, many),
    st.builds(DeclarationList, data, many),
    st.builds(MaskedUpdate, data, numbers, names, data, many, many, data, many),
    st.builds(UnmaskingRequest, data, numbers, sites, sites, many),
    st.builds(UnmaskingShares, data, numbers, names, sites, many, many),
    st.builds(
        RunSettings,
        st.binary(min_size=16, max_size=16),
        st.just(("a", "b", "c")),
        st.just(3),
        st.just(2),
        st.tuples(st.builds(RowSpace, names, st.integers(0, 2**31))),
    ),
)
UPDATE = MaskedUpdate(b"roster", 7, "genève", b"l", (b"one", b""), (b"c",), b"d", (b"", b"s"))


@settings(max_examples=40)
@given(MESSAGES)
def test_decoding_gives_back_what_was_encoded(message):
    encoded = message.encode()
    assert type(message).decode(encoded) == message
    assert type(message).decode(encoded).encode() == encoded


@settings(max_examples=40)
@given(MESSAGES, st.data())
def test_a_message_cut_short_is_refused(message, drawn):
    encoded = message.encode()
    length = drawn.draw(st.integers(0, len(encoded) - 1))
    with pytest.raises(RefusedMessageError):
        type(message).decode(encoded[:length])


@settings(max_examples=40)
@given(MESSAGES, st.binary(min_size=1, max_size=5))
def test_bytes_too_many_are_refused(message, more):
    with pytest.raises(RefusedMessageError, match="bytes too many"):
        type(message).decode(message.encode() + more)


@given(st.data())
def test_a_changed_byte_is_refused_or_another_message(drawn):
    """No two encodings mean the same: whatever is read after a change differs."""
    encoded = bytearray(UPDATE.encode())
    place = drawn.draw(st.integers(0, len(encoded) - 1))
    encoded[place] ^= drawn.draw(st.integers(1, 255))
    with contextlib.suppress(SecureAggregationError):
        assert MaskedUpdate.decode(bytes(encoded)) != UPDATE


@given(st.binary(max_size=200))
def test_noise_is_refused_without_another_error(noise):
    for kind in (SignedMessage, MaskedUpdate, UnmaskingRequest, RunSettings):
        with pytest.raises(SecureAggregationError):
            kind.decode(b"HKGA\x01" + bytes((kind.KIND,)) + noise[:3])


def test_another_version_says_what_to_do():
    encoded = bytearray(UPDATE.encode())
    encoded[4] = 2
    with pytest.raises(RefusedMessageError, match=r"version 2 .* this program 1. Install the same"):
        MaskedUpdate.decode(bytes(encoded))


def test_another_kind_is_refused():
    with pytest.raises(RefusedMessageError, match=r"kind 6 came where a Roster \(3\)"):
        Roster.decode(UPDATE.encode())
    with pytest.raises(RefusedMessageError, match="no message of secure aggregation"):
        Roster.decode(b"PK\x03\x04 and so on")


def test_too_long_a_message_is_not_read():
    with pytest.raises(RefusedMessageError, match="longer than the 65536"):
        Introduction.decode(bytes(Introduction.LARGEST + 1))


def test_a_list_longer_than_the_message_is_not_begun():
    encoded = Roster(b"", ()).encode()
    with pytest.raises(RefusedMessageError, match="ends before its fields"):
        Roster.decode(encoded[:-4] + b"\xff\xff\xff\xff")


def test_long_names_are_refused_at_both_ends():
    with pytest.raises(RefusedMessageError, match="name of 256 bytes is too long"):
        SignedMessage("x" * 256, b"", b"").encode()
    honest = SignedMessage("x" * 255, b"", b"").encode()
    with pytest.raises(RefusedMessageError, match="name in a message has 256 bytes"):
        SignedMessage.decode(honest.replace(b"\xff\x00\x00\x00", b"\x00\x01\x00\x00", 1) + b"x")


def test_names_are_utf_8():
    broken = SignedMessage("é", b"", b"").encode().replace("é".encode(), b"\xff\xff")
    with pytest.raises(RefusedMessageError, match="not UTF-8"):
        SignedMessage.decode(broken)


@given(st.lists(data, max_size=4), st.lists(data, max_size=4))
def test_different_parts_are_framed_differently(one, other):
    assert (frame(*one) == frame(*other)) == (one == other)
