"""Where the boxes of a tree stand in a picture of a given width.

A first child stands below its parent and in line with it, so that a chain is a straight line;
further children stand beside it, as near as nothing overlaps. Where a tree would become wider
than its room, the children of a box stand one below the other instead, indented, so that a large
plan is scrolled in one direction only.

Source: the aims are those of Reingold and Tilford, Tidier Drawings of Trees, IEEE Transactions
on Software Engineering 1981; here boxes have heights of their own, and parents are in line with
their first child instead of centred, for plans are mostly left-deep.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

__all__ = ["Box", "Spacing", "lay_out_tree"]


@dataclass(frozen=True)
class Box:
    """A box of a tree; all lengths in pixels.

    Attributes:
        key: what it stands for, as the caller numbers it.
        width: its width.
        height: its height.
        children: the boxes below it.
        x: its left edge.
        y: its upper edge.
        stacked: whether its children stand one below the other.
    """

    key: int
    width: float
    height: float
    children: tuple["Box", ...] = ()
    x: float = 0.0
    y: float = 0.0
    stacked: bool = False

    def walk(self) -> Iterator["Box"]:
        """Yield the box and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()

    def moved(self, across: float, down: float) -> "Box":
        """Give the box with all below it at another place."""
        children = tuple(child.moved(across, down) for child in self.children)
        return replace(self, x=self.x + across, y=self.y + down, children=children)


@dataclass(frozen=True)
class Spacing:
    """How far boxes are apart, in pixels.

    Attributes:
        across: between neighbours.
        down: between a box and those beside each other below it.
        stack: between boxes that stand one below the other.
        indent: how far these are to the right of their parent.
    """

    across: float = 28.0
    down: float = 28.0
    stack: float = 14.0
    indent: float = 30.0


def lay_out_tree(root: Box, room: float, spacing: Spacing | None = None) -> Box:
    """Place a tree's boxes, the root at the upper left corner.

    Args:
        root: the tree, its keys all different; its places are not looked at.
        room: the width that it should not exceed.
        spacing: how far boxes are apart.
    """
    return _Layout(spacing or Spacing()).place(root, room).box


@dataclass(frozen=True)
class _Area:
    left: float
    top: float
    right: float
    bottom: float

    def moved(self, across: float, down: float) -> "_Area":
        return _Area(self.left + across, self.top + down, self.right + across, self.bottom + down)


@dataclass(frozen=True)
class _Placed:
    """A subtree whose root stands at the origin, and the areas that it takes."""

    box: Box
    areas: tuple[_Area, ...]

    @property
    def width(self) -> float:
        return max(area.right for area in self.areas)

    @property
    def height(self) -> float:
        return max(area.bottom for area in self.areas)

    def moved(self, across: float, down: float) -> "_Placed":
        areas = tuple(area.moved(across, down) for area in self.areas)
        return _Placed(self.box.moved(across, down), areas)


class _Layout:
    def __init__(self, spacing: Spacing) -> None:
        self._spacing = spacing
        # Each box is tried in several rooms, and in each of them by several boxes above it.
        self._known: dict[tuple[int, float], _Placed] = {}

    def place(self, box: Box, room: float) -> _Placed:
        known = self._known.get((box.key, room))
        if known is None:
            known = self._beside(box, room)
            if known.width > room and len(box.children) > 1:
                known = self._stacked(box, room)
            self._known[box.key, room] = known
        return known

    def _beside(self, box: Box, room: float) -> _Placed:
        """Place the children below the box, the first in line with it."""
        chain = len(box.children) == 1
        top = box.height + (self._spacing.stack if chain else self._spacing.down)
        placed: list[_Placed] = []
        areas: list[_Area] = []
        for child in box.children:
            if not placed:
                found = self.place(child, room).moved(0.0, top)
            else:
                beside = room - box.width - self._spacing.across
                found = self.place(child, beside).moved(0.0, top)
                found = found.moved(_distance(areas, found.areas, self._spacing.across), 0.0)
            placed.append(found)
            areas += found.areas
        if placed:
            # The lines to the children run here.
            last = placed[-1].box
            areas.append(_Area(0.0, box.height, last.x + last.width, top))
        return _united(box, placed, areas, stacked=False)

    def _stacked(self, box: Box, room: float) -> _Placed:
        """Place the children one below the other, to the right of a line from the box."""
        top = box.height + self._spacing.stack
        placed: list[_Placed] = []
        for child in box.children:
            found = self.place(child, room - self._spacing.indent)
            placed.append(found.moved(self._spacing.indent, top))
            top += found.height + self._spacing.stack
        areas = [area for each in placed for area in each.areas]
        areas.append(_Area(0.0, box.height, self._spacing.indent, top))
        return _united(box, placed, areas, stacked=True)


def _united(
    box: Box, placed: Sequence[_Placed], areas: Sequence[_Area], *, stacked: bool
) -> _Placed:
    children = tuple(each.box for each in placed)
    own = _Area(0.0, 0.0, box.width, box.height)
    return _Placed(replace(box, x=0.0, y=0.0, children=children, stacked=stacked), (own, *areas))


def _distance(placed: Sequence[_Area], areas: Sequence[_Area], gap: float) -> float:
    """Give how far to the right ``areas`` must go to stand beside what is placed."""
    return max(
        (
            ours.right + gap - theirs.left
            for ours in placed
            for theirs in areas
            if ours.top < theirs.bottom and theirs.top < ours.bottom
        ),
        default=0.0,
    )
