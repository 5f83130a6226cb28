"""Masks are the key stream of ChaCha20, and every bit of the key matters."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hereditary_kg.embeddings.secure_aggregation.masks import add_mask

# RFC 8439, appendix A.1, test vector 1: key, nonce and counter of zeros.
STREAM_OF_ZERO_KEY = bytes.fromhex(
    "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
    "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586"
)


@pytest.mark.parametrize("kind", ["u1", "<u2", "<u4"])
def test_the_stream_is_the_one_of_the_rfc(kind):
    residues = np.zeros(64 // np.dtype(kind).itemsize, dtype=kind)
    add_mask(residues, bytes(32), negative=False)
    assert residues.tobytes() == STREAM_OF_ZERO_KEY


@given(
    kind=st.sampled_from(["u1", "<u2", "<u4"]),
    length=st.sampled_from([0, 1, 65_535, 65_536, 65_537, 300_001]),
    key=st.binary(min_size=32, max_size=32),
)
def test_what_is_added_is_taken_away(kind, length, key):
    before = np.arange(length).astype(kind)
    residues = before.copy()
    add_mask(residues, key, negative=False)
    add_mask(residues, key, negative=True)
    assert (residues == before).all()


def test_the_stream_goes_on_from_part_to_part():
    long = np.zeros(200_000, dtype="<u4")
    add_mask(long, b"k" * 32, negative=False)
    short = np.zeros(100_000, dtype="<u4")
    add_mask(short, b"k" * 32, negative=False)
    assert (long[:100_000] == short).all()
    assert len(np.unique(long)) > 199_900


def test_every_bit_of_the_key_matters():
    streams = set()
    for bit in range(-1, 256):
        key = (1 << bit if bit >= 0 else 0).to_bytes(32, "little")
        residues = np.zeros(4, dtype="<u4")
        add_mask(residues, key, negative=False)
        streams.add(residues.tobytes())
    assert len(streams) == 257


def test_a_short_key_is_refused():
    with pytest.raises(ValueError, match="32 bytes, not 31"):
        add_mask(np.zeros(1, dtype="<u4"), bytes(31), negative=False)
