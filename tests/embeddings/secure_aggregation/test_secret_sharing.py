"""Any threshold of shares gives the secret; fewer give nothing."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hereditary_kg.embeddings.errors import RefusedMessageError, TooFewSitesError
from hereditary_kg.embeddings.secure_aggregation.secret_sharing import (
    PRIME,
    SHARE_BYTES,
    join_shares,
    split_secret,
)


def is_prime(number: int) -> bool:
    """Miller and Rabin's test with the first forty primes as bases."""
    bases = [n for n in range(2, 174) if all(n % m for m in range(2, n))]
    if any(number % base == 0 for base in bases):
        return number in bases
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for base in bases:
        power = pow(base, odd, number)
        if power in (1, number - 1):
            continue
        if all((power := power * power % number) != number - 1 for _ in range(twos - 1)):
            return False
    return True


def test_the_field_is_the_smallest_that_holds_32_bytes():
    assert is_prime(PRIME)
    assert not any(is_prime(number) for number in range(2**256, PRIME))


@given(secret=st.binary(min_size=32, max_size=32), holders=st.integers(1, 9), data=st.data())
def test_any_threshold_of_shares_gives_the_secret(secret, holders, data):
    threshold = data.draw(st.integers(1, holders))
    chosen = data.draw(st.sets(st.integers(0, holders - 1), min_size=threshold, max_size=holders))
    shares = split_secret(secret, holders, threshold)
    assert all(len(share) == SHARE_BYTES for share in shares)
    assert join_shares({holder: shares[holder] for holder in chosen}, threshold) == secret


@pytest.mark.parametrize("secret", [bytes(32), b"\xff" * 32])
def test_the_ends_of_the_field(secret):
    shares = split_secret(secret, 5, 3)
    for chosen in itertools.combinations(range(5), 3):
        assert join_shares({holder: shares[holder] for holder in chosen}, 3) == secret


def test_one_share_less_agrees_with_every_secret():
    """With two of three shares of a line's points missing, each secret has its own line."""
    share = int.from_bytes(split_secret(b"\x01" * 32, 3, 2)[0], "little")
    for secret in (0, 1, 2**256 - 1):
        slope = (share - secret) % PRIME
        assert (secret + slope) % PRIME == share


def test_shares_are_drawn_anew():
    assert split_secret(bytes(32), 3, 2) != split_secret(bytes(32), 3, 2)


def test_too_few_shares_open_nothing():
    shares = split_secret(bytes(range(32)), 4, 3)
    with pytest.raises(TooFewSitesError, match="2 shares of a secret came, and 3 are needed"):
        join_shares({0: shares[0], 3: shares[3]}, 3)


def test_a_number_outside_the_field_is_refused():
    shares = dict(enumerate(split_secret(bytes(32), 3, 2)))
    with pytest.raises(RefusedMessageError, match="no number of the field"):
        join_shares(shares | {0: b"\xff" * SHARE_BYTES}, 2)
    with pytest.raises(RefusedMessageError, match="no number of the field"):
        join_shares(shares | {0: shares[0][:-1]}, 2)


def test_a_changed_share_never_gives_the_secret():
    secret = bytes(range(32))
    shares = dict(enumerate(split_secret(secret, 3, 2)))
    changed = (int.from_bytes(shares[0], "little") + 1) % PRIME
    shares[0] = changed.to_bytes(SHARE_BYTES, "little")
    assert join_shares(shares, 2) != secret
