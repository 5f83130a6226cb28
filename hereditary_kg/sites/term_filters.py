"""Filters over the constants at one end of a predicate.

A filter lets a planner leave out a member that certainly does not have a code, without asking it.
"""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import blake2b
from itertools import compress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "HASH_BYTES",
    "TermFilter",
    "hash_term",
    "pack_members",
    "split_hashes",
    "union_size",
    "unpack_members",
]

HASH_BYTES = 5
"""How long the truncated hash of a term is."""

_SKETCH = 128

_PERSON = b"hkg public term"
_BITS = bytes.maketrans(b"01", b"\x00\x01")
_DIGITS = bytes.maketrans(b"\x00\x01", b"01")


def hash_term(term: str) -> bytes:
    """Hash a canonical term to `HASH_BYTES` bytes.

    BLAKE2b (RFC 7693) with a personalisation string of our own. The hash hides nothing: whoever
    knows a vocabulary can hash all of it and look each term up. It is there to be short, and
    only terms of public vocabularies are ever hashed into a profile.
    """
    return blake2b(term.encode(), digest_size=HASH_BYTES, person=_PERSON).digest()


@dataclass(frozen=True)
class TermFilter:
    """The constants at one end of a predicate: absent for certain, or perhaps present.

    Of 2**40 hashes even 200,000 terms take so few that an absent constant passes for present
    once in five million times; a present one never passes for absent.

    What is in it is no secret: hashes of terms that many share (`hash_term`).

    Attributes:
        namespaces: the filter covers exactly the IRIs that begin with one of these; of other
            IRIs, and of blank nodes, it says nothing. Sorted.
        hashes: the hashes of the covered terms, sorted, one behind the other.
        literals: whether it covers the texts at this end too: literals of ``xsd:string`` and
            with a language tag. Of those of other datatypes it says nothing, for a store may
            match them by value.
    """

    namespaces: tuple[str, ...]
    hashes: bytes
    literals: bool = False

    @classmethod
    def of_terms(
        cls, namespaces: Iterable[str], terms: Iterable[str], *, literals: bool = False
    ) -> "TermFilter":
        """Build a filter.

        Args:
            namespaces: what it shall cover.
            terms: the canonical texts of all covered terms, each at least once.
            literals: whether those are all texts too.
        """
        hashes = sorted(set(map(hash_term, terms)))
        return cls(tuple(sorted(set(namespaces))), b"".join(hashes), literals)

    def __len__(self) -> int:
        return len(self.hashes) // HASH_BYTES

    def __bool__(self) -> bool:
        return True

    def covers(self, term: str) -> bool:
        """Say whether the filter knows of a canonical term if it is there."""
        if term.startswith("<"):
            return term.startswith(self._starts)
        return self.literals and _is_text(term)

    def excludes(self, term: str) -> bool:
        """Say whether a canonical term is certainly absent.

        >>> codes = TermFilter.of_terms(["http://a/"], ["<http://a/1>"])
        >>> [codes.excludes(f"<http://{term}>") for term in ("a/1", "a/2", "b/2")]
        [False, True, False]
        """
        return self.covers(term) and not self._holds(_hash_constant(term))

    def admits_many(self, terms: "pl.Series") -> "pl.Series":
        """Say of each of many canonical terms whether it may be present.

        Args:
            terms: strings; null where a variable is unbound.

        Returns:
            As many booleans: False where the term is certainly absent, else True.
        """
        import polars as pl  # noqa: PLC0415 (slow to import)

        held = self._members
        covers = self.covers
        known: dict[str | None, bool] = {
            term: term is None or not covers(term) or hash_term(term) in held
            for term in terms.unique()
        }
        if all(known.values()):
            return pl.repeat(value=True, n=len(terms), dtype=pl.Boolean, eager=True)
        absent = pl.Series([term for term, admitted in known.items() if not admitted])
        return ~terms.is_in(absent.implode()).fill_null(value=False)

    def overlaps(self, other: "TermFilter") -> bool:
        """Say whether a term that both cover may be present at both ends.

        Terms that only one of them covers are not looked at.
        """
        small, large = sorted((self, other), key=len)
        return not large._members.isdisjoint(small._members)  # noqa: SLF001 (of the same class)

    @cached_property
    def _starts(self) -> tuple[str, ...]:
        return tuple("<" + namespace for namespace in self.namespaces)

    @cached_property
    def _members(self) -> frozenset[bytes]:
        return frozenset(split_hashes(self.hashes))

    def _holds(self, wanted: bytes) -> bool:
        hashes = self.hashes
        low, high = 0, len(hashes) // HASH_BYTES
        while low < high:
            middle = (low + high) // 2
            start = middle * HASH_BYTES
            found = hashes[start : start + HASH_BYTES]
            if found == wanted:
                return True
            if found < wanted:
                low = middle + 1
            else:
                high = middle
        return False


@lru_cache(maxsize=1024)
def _hash_constant(term: str) -> bytes:
    """Hash a term of a query, which the filters of many members are asked for."""
    return hash_term(term)


def union_size(filters: tuple[TermFilter, ...]) -> float:
    """Estimate how many distinct terms several filters have together.

    Hashes are as good as random, so that the smallest ones say how densely they lie. The number
    is exact where no filter has more than 128 terms.

    Source: Beyer et al., On Synopses for Distinct-Value Estimation Under Multiset Operations,
    SIGMOD 2007, section 3 (k minimum values).
    """
    # They are sorted already.
    lowest = (split_hashes(each.hashes[: _SKETCH * HASH_BYTES]) for each in filters)
    found = sorted(set().union(*lowest))
    if all(len(each) <= _SKETCH for each in filters):
        return float(len(found))
    return (_SKETCH - 1) * 2.0 ** (8 * HASH_BYTES) / int.from_bytes(found[_SKETCH - 1])


def split_hashes(hashes: bytes) -> list[bytes]:
    """Take hashes that stand one behind the other apart."""
    return [hashes[start : start + HASH_BYTES] for start in range(0, len(hashes), HASH_BYTES)]


def pack_members(members: Sequence[int], size: int) -> str:
    """Write which of ``size`` things are members: as a bit each, or as distances where rare.

    Args:
        members: their positions, ascending.
        size: how many there are to choose from.

    Returns:
        Base64 behind ``b`` (bits, the first thing's last) or ``d`` (distances, LEB128).
    """
    distances = bytearray()
    last = -1
    for member in members:
        distance = member - last - 1
        last = member
        while distance > 0x7F:
            distances.append(distance & 0x7F | 0x80)
            distance >>= 7
        distances.append(distance)
    length = (size + 7) // 8
    if len(distances) <= length:
        return "d" + base64.b64encode(distances).decode()
    bits = bytearray(size)
    for member in members:
        bits[size - 1 - member] = 1
    number = int(bits.translate(_DIGITS), 2)
    return "b" + base64.b64encode(number.to_bytes(length, "big")).decode()


def unpack_members(text: str, things: Sequence[bytes]) -> list[bytes]:
    """Read what `pack_members` wrote.

    Args:
        text: what it wrote.
        things: what there is to choose from.

    Returns:
        The members, in the order of ``things``.

    Raises:
        ValueError: the text is broken.
    """
    data = base64.b64decode(text[1:], validate=True)
    if text.startswith("b"):
        number = int.from_bytes(data, "big")
        if number >> len(things):
            raise ValueError("a filter has members that do not exist")
        bits = f"{number:0{len(things)}b}".encode().translate(_BITS)
        return list(compress(things, reversed(bits)))
    if not text.startswith("d"):
        raise ValueError(f"a filter's members are written in no known way ({text[:1]!r})")
    members: list[bytes] = []
    position = distance = shift = 0
    for byte in data:
        distance |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            position += distance
            if position >= len(things):
                raise ValueError("a filter has members that do not exist")
            members.append(things[position])
            position += 1
            distance = shift = 0
    return members


def _is_text(term: str) -> bool:
    """Whether a canonical literal is a plain or language-tagged string."""
    return term.startswith('"') and not term.endswith(">")
