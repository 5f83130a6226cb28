"""Private set intersection: two sites learn which of their own labels the other has, and no more.

The stricter way to align vocabularies: the key of `alignment` is known at all sites, so one that
gave it to the server would let it try out a dictionary. Here each site has a secret of its own for
each other site, used once.

Site A sends a*H(x) for each of its labels x, H hashing onto the curve and a being its secret; B
answers b*(a*H(x)) in the same order, and sends b*H(y) of its own labels, on which A puts a. What
is equal, both have, because a*(b*H(x)) = b*(a*H(x)). Sent points are in ascending order, which is
that of no label.

**What is learned.** Each of two sites learns which of its own labels the other has, and how many
the other has in all. Whoever carries the messages and can read them learns both numbers of labels,
and how many are in common, since both answers have the same points for these. Among more than two
sites each pair does this by itself, so a site also learns *which* other site has a label.

**Why that is all.** Points of labels under an unknown secret look like random ones, as long as
the decisional Diffie-Hellman problem is hard on Curve25519 and H is a random oracle; so nobody can
try out a dictionary. This holds for sites that are curious and keep to the protocol (semi-honest).
It does not hold against a site that puts in labels that it has not: it learns whether the other
has those. So the number of labels of the other site is shown and can be bounded, and what is put
in should be in the shared namespaces, where labels are no secret by themselves.

Received points that are not on the curve are refused, and so are those of small order, which
would show something of the secret or make all labels equal.

Source: Meadows, A more efficient cryptographic matchmaking protocol, IEEE S&P 1986; Huberman,
Franklin and Hogg, Enhancing privacy and trust in electronic communities, EC 1999; the proof:
Agrawal, Evfimievski and Srikant, Information sharing across private databases, SIGMOD 2003,
section 4.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise

import numpy as np
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from numpy.typing import NDArray

from hereditary_kg.embeddings.curve_points import POINT_SIZE, hash_to_point, is_on_curve
from hereditary_kg.embeddings.errors import IntersectionError

__all__ = [
    "LARGEST_SET",
    "HashedLabels",
    "PairIntersection",
    "count_holders",
    "intersect_all",
]

LARGEST_SET = 5_000_000
"""How many labels another site has at most, unless the caller says otherwise."""

_CONTEXT = b"hereditary_kg set intersection 1\0"


class HashedLabels:
    """The labels of one site as points, computed once for all other sites.

    Attributes:
        labels: the labels.

    Args:
        labels: different ones.
        context: what both sites say alike, such as the run and what the labels are of; points of
            another context do not meet these.

    Raises:
        IntersectionError: a label is given twice.
    """

    def __init__(self, labels: Sequence[str], context: str) -> None:
        self.labels = tuple(labels)
        if len(set(self.labels)) != len(self.labels):
            raise IntersectionError(
                "The labels to intersect are not all different. Give each once."
            )
        full = _CONTEXT + context.encode()
        self._points = [hash_to_point(label.encode(), full) for label in self.labels]

    def start(self, other: str, largest_set: int = LARGEST_SET) -> "PairIntersection":
        """Begin the intersection with one other site, under a new secret.

        Args:
            other: the other site's name, for errors.
            largest_set: how many labels the other site has at most.
        """
        return PairIntersection(self.labels, self._points, other, largest_set)


class PairIntersection:
    """One site's part of the intersection with one other.

    Send `offer`; give what the other offers to `answer` and send the result; give the other's
    answer to `finish`.
    """

    def __init__(
        self, labels: tuple[str, ...], points: Sequence[bytes], other: str, largest_set: int
    ) -> None:
        self._labels = labels
        self._other = other
        self._largest_set = largest_set
        self._secret = X25519PrivateKey.generate()
        blinded = [self._blind(point) for point in points]
        self._order = sorted(range(len(blinded)), key=blinded.__getitem__)
        self._offered = [blinded[place] for place in self._order]
        self._theirs: frozenset[bytes] | None = None

    def offer(self) -> NDArray[np.uint8]:
        """Give this site's labels under its secret, in ascending order. Shape ``[n, 32]``."""
        return _pack(self._offered)

    def answer(self, offered: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Put this site's secret on what the other offers, in the order in which it came.

        Args:
            offered: the other's offer. Shape ``[m, 32]``.

        Returns:
            Shape ``[m, 32]``.

        Raises:
            IntersectionError: it was answered already; or the offer is too large, has a point
                twice, is not in ascending order, or has one that is not on the curve or of small
                order.
        """
        if self._theirs is not None:
            raise self._refuse("offers a second time. An offer is answered once in a run")
        points = self._unpack(offered)
        if len(points) > self._largest_set:
            raise self._refuse(
                f"offers {len(points)} labels, more than the {self._largest_set} that are allowed. "
                "Whoever offers a whole dictionary learns which of it this site has; if so many "
                "labels are right, allow them"
            )
        if any(first >= second for first, second in pairwise(points)):
            raise self._refuse("offers points that are not in ascending order, each once")
        if not all(map(is_on_curve, points)):
            raise self._refuse("offers what is no point of the curve")
        answered = [self._blind(point) for point in points]
        self._theirs = frozenset(answered)
        return _pack(answered)

    def finish(self, answered: NDArray[np.uint8]) -> tuple[str, ...]:
        """Find this site's labels that the other has as well.

        Args:
            answered: the other's answer to `offer`. Shape ``[n, 32]``.

        Returns:
            The labels, in the order in which they were given.

        Raises:
            IntersectionError: the other's offer was not answered yet, or the answer is not one to
                this site's offer.
        """
        if self._theirs is None:
            raise self._refuse("has answered before it offered. Answer its offer first")
        points = self._unpack(answered)
        if len(points) != len(self._offered) or len(set(points)) != len(points):
            raise self._refuse(
                f"answers {len(set(points))} different points to {len(self._offered)} offered"
            )
        common = {
            place for place, point in zip(self._order, points, strict=True) if point in self._theirs
        }
        return tuple(label for place, label in enumerate(self._labels) if place in common)

    def _blind(self, point: bytes) -> bytes:
        try:
            return self._secret.exchange(X25519PublicKey.from_public_bytes(point))
        except ValueError as error:
            raise self._refuse("offers a point of small order") from error

    def _unpack(self, message: NDArray[np.uint8]) -> list[bytes]:
        if message.dtype != np.uint8 or message.ndim != 2 or message.shape[1] != POINT_SIZE:
            raise self._refuse(f"sends no list of points of {POINT_SIZE} bytes")
        joined = message.tobytes()
        return [joined[start : start + POINT_SIZE] for start in range(0, len(joined), POINT_SIZE)]

    def _refuse(self, reason: str) -> IntersectionError:
        return IntersectionError(
            f"The intersection with {self._other} ends here: it {reason}. See that "
            "both sites run the same version, then start the run anew."
        )


def count_holders(labels: Sequence[str], common: Sequence[Sequence[str]]) -> NDArray[np.int64]:
    """Count at how many sites each of a site's labels is, its own included.

    Args:
        labels: the site's labels.
        common: what the intersection with each other site found.

    Returns:
        Shape ``[n]``.
    """
    places = {label: place for place, label in enumerate(labels)}
    counts = np.ones(len(labels), dtype=np.int64)
    for found in common:
        counts[[places[label] for label in found]] += 1
    return counts


def intersect_all(
    sets: Mapping[str, Sequence[str]], context: str, fewest_holders: int = 2
) -> dict[str, tuple[str, ...]]:
    """Run the protocol between all pairs of sites in one process, for simulations.

    Args:
        sets: the labels of each site.
        context: as of `HashedLabels`.
        fewest_holders: at how many sites a label must be.

    Returns:
        Of each site those of its labels that enough sites hold.
    """
    hashed = {site: HashedLabels(labels, context) for site, labels in sets.items()}
    common: dict[str, list[tuple[str, ...]]] = {site: [] for site in sets}
    for one, other in combinations(sets, 2):
        first, second = hashed[one].start(other), hashed[other].start(one)
        to_second, to_first = first.answer(second.offer()), second.answer(first.offer())
        common[one].append(first.finish(to_first))
        common[other].append(second.finish(to_second))
    found = {}
    for site, labels in sets.items():
        holders = count_holders(labels, common[site]).tolist()
        found[site] = tuple(
            label for label, count in zip(labels, holders, strict=True) if count >= fewest_holders
        )
    return found


def _pack(points: Sequence[bytes]) -> NDArray[np.uint8]:
    return np.frombuffer(b"".join(points), dtype=np.uint8).reshape(-1, POINT_SIZE)
