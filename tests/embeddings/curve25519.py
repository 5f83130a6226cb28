"""Curve25519 a second time, from RFC 7748, to check the points of set intersections by."""

PRIME = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493

SMALL_ORDER = [
    0,
    1,
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
    PRIME - 1,
]
"""The points of small order of the curve and its twist."""


def multiply(scalar: int, u: int) -> int:
    """Multiply a point by a number (section 5), which is not clamped; 0 is the neutral element."""
    x1, x2, z2, x3, z3, swap = u % PRIME, 1, 0, u % PRIME, 1, 0
    for bit in reversed(range(scalar.bit_length())):
        k = scalar >> bit & 1
        if swap ^ k:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = k
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        da, cb, aa, bb = d * a % PRIME, c * b % PRIME, a * a % PRIME, b * b % PRIME
        x3, z3 = (da + cb) ** 2 % PRIME, x1 * (da - cb) ** 2 % PRIME
        x2, z2 = aa * bb % PRIME, (aa - bb) * (aa + 121665 * (aa - bb)) % PRIME
    if swap:
        x2, z2 = x3, z3
    return x2 * pow(z2, PRIME - 2, PRIME) % PRIME


def is_of_curve(u: int) -> bool:
    """Say whether a point is in the group of the curve, by the group's order."""
    return multiply(8 * ORDER, u) == 0
