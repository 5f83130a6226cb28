"""Points of Curve25519, by their u-coordinates: labels hashed onto it, and received ones checked.

The curve is v^2 = u^3 + 486662 u^2 + u over the integers modulo p = 2^255 - 19. Half of all u
belong to no point of it, but to one of its *twist*. X25519 would compute with those as well, in
another group, so both hashing and checking tell them apart. A point's component of small order is
removed by X25519 itself, whose scalars are multiples of 8; where nothing is left, it refuses.

Source: RFC 7748, sections 4.1 and 5; Bernstein, Curve25519: new Diffie-Hellman speed records,
2006.
"""

import hashlib

__all__ = ["POINT_SIZE", "hash_to_point", "is_on_curve"]

POINT_SIZE = 32
"""Bytes of a point: its u-coordinate, the lowest byte first."""

_PRIME = 2**255 - 19
_COEFFICIENT = 486662
_TRIES = 256


def hash_to_point(label: bytes, context: bytes) -> bytes:
    """Hash a label to a point whose discrete logarithm nobody knows.

    One candidate after the other is taken from SHA-512 until one is on the curve; every second
    one is. How long that takes depends on the label, so hash where nobody can measure it.

    (A multiple of the base point by a hash would be on the curve at once, and would let everybody
    who sees a multiple of it try out labels.)

    Args:
        label: the label.
        context: sets points of different uses apart.

    Returns:
        The point, `POINT_SIZE` bytes.
    """
    start = hashlib.sha512(len(context).to_bytes(8, "big") + context + label).digest()
    for attempt in range(_TRIES):
        drawn = hashlib.sha512(start + attempt.to_bytes(1, "big")).digest()
        # 512 bits modulo a prime of 255: as good as evenly spread.
        candidate = int.from_bytes(drawn, "little") % _PRIME
        if _is_square(_right_side(candidate)):
            return candidate.to_bytes(POINT_SIZE, "little")
    raise AssertionError("no point in 256 tries, which happens once in 2^256 labels")


def is_on_curve(point: bytes) -> bool:
    """Say whether bytes are the u-coordinate of a point of the curve, in its one form.

    Points of small order are not found by this: X25519 refuses them.
    """
    number = int.from_bytes(point, "little")
    return len(point) == POINT_SIZE and number < _PRIME and _is_square(_right_side(number))


def _right_side(number: int) -> int:
    return number * ((number + _COEFFICIENT) * number + 1) % _PRIME


def _is_square(number: int) -> bool:
    """Euler's criterion; 0 is one."""
    return pow(number, (_PRIME - 1) // 2, _PRIME) <= 1
