"""How many bindings a member gets in one request, learnt from its answers.

Slow start, threshold and additive growth as in TCP's congestion control: M. Allman, V. Paxson
and E. Blanton, TCP Congestion Control, RFC 5681, section 3.1.
"""

__all__ = ["FIRST_BLOCK", "LARGEST_BLOCK", "BlockSize"]

FIRST_BLOCK = 960
"""Bindings in a member's first block. A member looks one up in about 5 microseconds, a request
costs some milliseconds: at this size the request's own cost hardly counts any more. (One row
for each binding is common, and a thousand rows would look like a cap: see `row_caps`.)"""

LARGEST_BLOCK = 9_600
"""The most bindings in one request."""

_MOST_CHARACTERS = 1 << 20
# An answer within this many seconds is quick; one that takes longer than the other is slow.
_QUICK = 1.0
_SLOW = 5.0
# A look-up may have become this much slower before larger blocks are taken to be no gain.
_NOISE = 1.25


class BlockSize:
    """The size of blocks at one member.

    It doubles while answers come quickly and a look-up does not become slower. A failure that
    smaller blocks may avoid halves it; from there it grows by an eighth at a time.

    Attributes:
        bindings: the most bindings in the next block.
        characters: the most characters of the next block's query.
    """

    def __init__(self) -> None:
        self.bindings = FIRST_BLOCK
        self.characters = _MOST_CHARACTERS
        self._threshold = LARGEST_BLOCK
        self._pace: float | None = None

    def succeed(self, bindings: int, seconds: float) -> None:
        """Learn from an answer.

        Args:
            bindings: how many the block had; a small one says nothing about larger ones.
            seconds: how long the whole answer took.
        """
        if bindings < self.bindings:
            return
        pace = seconds / bindings
        gains = self._pace is None or pace <= self._pace * _NOISE
        self._pace = pace
        if seconds > _SLOW:
            self.bindings = max(min(self.bindings, FIRST_BLOCK), self.bindings // 2)
        elif seconds < _QUICK and gains:
            step = self.bindings if self.bindings < self._threshold else self.bindings // 8
            self.bindings = min(LARGEST_BLOCK, self.bindings + max(1, step))

    def fail(self, bindings: int, characters: int | None = None) -> None:
        """Learn from a failure that a smaller block may avoid.

        Args:
            bindings: how many the block had.
            characters: the length of its query where that was to blame.
        """
        # Several blocks of one size fail together; together they halve it once.
        self.bindings = max(1, min(self.bindings, bindings // 2))
        self._threshold = self.bindings
        self._pace = None
        if characters is not None:
            self.characters = min(self.characters, characters // 2)

    def absolve(self) -> None:
        """Forget failures that turned out not to be due to size: one binding failed as well."""
        self.bindings = FIRST_BLOCK
        self.characters = _MOST_CHARACTERS
        self._threshold = LARGEST_BLOCK
        self._pace = None
