"""How finely the IRIs at one end of a predicate are told apart: finer where there are many.

What all of some texts begin with describes them too, only less finely. So a list that may have
so many entries is made from the whole downward: what most IRIs begin with is taken apart first.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from heapq import heappop, heappush

__all__ = ["MOST_NAMESPACES", "choose_namespaces", "fold_rare"]

MOST_NAMESPACES = 64
"""No more than this many are told apart at one end."""

_LARGE_SHARE = 20
_FEWEST_MEMBERS = 3


def choose_namespaces(
    counts: Mapping[str, int],
    finer: Mapping[str, int] | None = None,
    most: int = MOST_NAMESPACES,
) -> tuple[str, ...]:
    """Choose what IRIs are said to begin with.

    Args:
        counts: namespaces that cover the IRIs, with how many they cover. All are given back where
            they are not too many.
        finer: beginnings that cover further IRIs; they are told apart only where together they
            are more than a twentieth of all.
        most: how many are given back at most.

    Returns:
        Beginnings of all IRIs, sorted, none the beginning of another; empty where they have
        nothing in common.

    >>> choose_namespaces({"http://a/b/": 90, "http://a/c/": 5, "http://b/": 5}, most=2)
    ('http://a/', 'http://b/')
    """
    small = finer or {}
    units = _absorb(Counter(counts) + Counter(small))
    total = sum(count for _, count in units)
    done: list[str] = []
    waiting = [(-total, 0, len(units))] if units else []
    while waiting:
        negative, start, end = heappop(waiting)
        shared = _common(units[start][0], units[end - 1][0])
        is_fine = -negative * _LARGE_SHARE <= total and all(
            text in small for text, _ in units[start:end]
        )
        branches = [] if is_fine else _branches(units, start, end, len(shared))
        if 1 < len(branches) <= most - len(done) - len(waiting):
            for first, last in branches:
                held = sum(count for _, count in units[first:last])
                heappush(waiting, (-held, first, last))
        else:
            done.append(shared)
    return () if "" in done else tuple(sorted(done))


def fold_rare(beginnings: Mapping[str, int], stem: str) -> dict[str, int]:
    """Shorten beginnings that fewer than three IRIs have, down to their stem.

    >>> fold_rare({"http://a/xy": 1, "http://a/xz": 2, "http://a/yz": 4}, "http://a/")
    {'http://a/yz': 4, 'http://a/x': 3}
    """
    folded = dict(beginnings)
    for length in range(max(map(len, folded), default=0), len(stem), -1):
        rare = [text for text, n in folded.items() if len(text) == length and n < _FEWEST_MEMBERS]
        for text in rare:
            folded[text[:-1]] = folded.get(text[:-1], 0) + folded.pop(text)
    return folded


def _absorb(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Leave out what begins with another one, and add its count there; sorted."""
    kept: list[tuple[str, int]] = []
    for text, count in sorted(counts.items()):
        if kept and text.startswith(kept[-1][0]):
            kept[-1] = (kept[-1][0], kept[-1][1] + count)
        else:
            kept.append((text, count))
    return kept


def _branches(
    units: Sequence[tuple[str, int]], start: int, end: int, depth: int
) -> list[tuple[int, int]]:
    """Part units by the character behind what all of them begin with."""
    if end - start == 1:
        return [(start, end)]
    edges = [start]
    edges += [n for n in range(start + 1, end) if units[n][0][depth] != units[n - 1][0][depth]]
    return list(zip(edges, [*edges[1:], end], strict=True))


def _common(first: str, last: str) -> str:
    """Give what all texts between two of a sorted list begin with."""
    for place, (a, b) in enumerate(zip(first, last, strict=False)):
        if a != b:
            return first[:place]
    return first
