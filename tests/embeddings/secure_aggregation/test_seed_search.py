"""A search of all seeds opens one masked update under Flower's SecAgg+, and not under ours.

Flower 1.42 folds the text of a 32-byte key, of seven bits a character, to one word of 32 bits: 28
of them vary. The searches here go over a part of such a space that holds the seed, so that they
take seconds: 2^20 of 2^28 seeds. All of them take 256 times as long, some minutes on one core.
"""

import base64
import warnings

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from hereditary_kg.embeddings.secure_aggregation.fixed_point import FixedPoint
from hereditary_kg.embeddings.secure_aggregation.masks import add_mask
from hereditary_kg.embeddings.secure_aggregation.messages import MaskedUpdate, SignedMessage
from tests.embeddings.secure_aggregation.sites_in_memory import Federation, run_settings

MODULUS = 1 << 32
SEARCHED_BITS = 20
CODING = FixedPoint(limit=1.0, step=2**-14, sites=2)
"""As coarse as SecAgg+'s own quantisation is by default, or coarser."""


def fold(key: bytes) -> int:
    """Fold a key as Flower's generator does."""
    words = np.frombuffer(key, dtype="<u4")
    return int(np.bitwise_xor.reduce(words))


def seeds_like(known: int) -> np.ndarray:
    """Give all seeds of a 28-bit space whose highest eight bits are the known ones."""
    varying = np.arange(1 << SEARCHED_BITS, dtype=np.uint32)
    spread = np.zeros_like(varying)
    for place in range(SEARCHED_BITS):
        spread |= (varying >> place & 1) << (place + place // 7)
    mask = spread[-1]
    return spread | np.uint32(known & ~int(mask))


def first_word(seeds: np.ndarray) -> np.ndarray:
    """Give the first word of a Mersenne Twister (MT19937) under each seed."""
    state = seeds.copy()
    second = None
    for place in range(1, 398):
        state = np.uint32(1812433253) * (state ^ state >> 30) + np.uint32(place)
        if place == 1:
            second = state
    joined = (seeds & 0x80000000) | (second & 0x7FFFFFFF)
    word = state ^ joined >> 1 ^ np.where(joined & 1, np.uint32(0x9908B0DF), np.uint32(0))
    word ^= word >> 11
    word ^= word << 7 & 0x9D2C5680
    word ^= word << 15 & 0xEFC60000
    return word ^ word >> 18


def is_plausible(residues: np.ndarray) -> np.ndarray:
    """Tell residues that numbers within the limit are coded by; chance gives few such ones."""
    return (residues.astype("<u4") + np.uint32(CODING.largest_residue)) <= np.uint32(
        2 * CODING.largest_residue
    )


def search(masked: np.ndarray, candidates: np.ndarray) -> list[np.ndarray]:
    """Find the updates that a masked vector may hide, by trying seeds of Flower's generator."""
    first = masked[0].astype(np.uint32) - first_word(candidates)
    found = []
    for seed in candidates[is_plausible(first)].tolist():
        generator = np.random.RandomState(seed)
        stream = generator.randint(0, MODULUS - 1, len(masked), dtype=np.int64)
        opened = (masked.astype(np.int64) - stream).astype("<u4")
        if is_plausible(opened).all():
            found.append(opened)
    return found


@pytest.fixture(scope="module")
def update():
    return np.random.default_rng(3).normal(0, 0.1, 64).astype(np.float32).clip(-1, 1)


def test_it_opens_a_vector_that_flower_has_masked(update):
    with warnings.catch_warnings():
        # What Flower imports uses what click will remove.
        warnings.simplefilter("ignore", DeprecationWarning)
        from flwr.common.secure_aggregation.crypto.symmetric_encryption import generate_shared_key
        from flwr.common.secure_aggregation.secaggplus_utils import pseudo_rand_gen

    ours, theirs = ec.generate_private_key(ec.SECP384R1()), ec.generate_private_key(ec.SECP384R1())
    key = generate_shared_key(ours, theirs.public_key())
    assert len(base64.urlsafe_b64decode(key)) == 32, "the key itself has 256 bits"
    assert fold(key) & 0x80808080 == 0, "of its folded seed, 28 bits vary"
    (mask,) = pseudo_rand_gen(key, MODULUS, [(64,)])
    masked = ((CODING.encode(update).astype(np.int64) + mask) % MODULUS).astype("<u4")
    (opened,) = search(masked, seeds_like(fold(key)))
    assert np.abs(CODING.decode(opened) - update).max() <= CODING.step


def test_it_opens_no_vector_that_is_masked_here(update):
    """Neither of the two sites' updates, by which anyone could have the other's from the sum."""
    federation = Federation(run_settings(2, spaces={"entities": 64}))
    layout = federation.layout(columns=1)
    values = {"entities/difference": update[:, None]}
    signed = federation.sites["site-00"].mask(1, layout, values)
    sent = MaskedUpdate.decode(SignedMessage.decode(signed).body).tensors[1]
    masked = np.frombuffer(sent, dtype="<u4")
    for known in (0, 0x7F7F7F7F):
        assert search(masked, seeds_like(known)) == []


def test_it_would_open_our_masks_if_their_keys_had_few_bits(update):
    """The generator is searched as easily as another one; the space of keys is what protects."""
    secret = 5_432
    plain = CODING.encode(update)
    masked = plain.copy()
    add_mask(masked, secret.to_bytes(32, "little"), negative=False)
    found = []
    for candidate in range(1 << 13):
        opened = masked[:4].copy()
        add_mask(opened, candidate.to_bytes(32, "little"), negative=True)
        if is_plausible(opened).all():
            found.append(candidate)
    assert found == [secret]
    whole = bytes(range(200, 232))
    masked = plain.copy()
    add_mask(masked, whole, negative=False)
    for candidate in range(1 << 13):
        opened = masked[:4].copy()
        add_mask(opened, candidate.to_bytes(32, "little"), negative=True)
        assert not is_plausible(opened).all()
