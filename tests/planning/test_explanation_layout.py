"""Boxes of a tree stand apart from each other, within the room that there is."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hereditary_kg.planning.explanation.tree_layout import Box, Spacing, lay_out_tree

SPACING = Spacing(across=20, down=30, stack=10, indent=25)


def tree(shape, numbers=None):
    """A tree of lists; a number beside the lists is the box's height."""
    numbers = numbers or itertools.count()
    height = next((part for part in shape if isinstance(part, int)), 40)
    key = next(numbers)
    children = tuple(tree(part, numbers) for part in shape if not isinstance(part, int))
    return Box(key, 100, height, children)


def overlapping(root):
    boxes = list(root.walk())
    return [
        (a.key, b.key)
        for a, b in itertools.combinations(boxes, 2)
        if a.x < b.x + b.width
        and b.x < a.x + a.width
        and a.y < b.y + b.height
        and b.y < a.y + a.height
    ]


def right_edge(root):
    return max(box.x + box.width for box in root.walk())


def test_a_chain_is_a_straight_line():
    root = lay_out_tree(tree([[[[]]]]), 1000, SPACING)
    assert [(box.x, box.y) for box in root.walk()] == [(0, 0), (0, 50), (0, 100), (0, 150)]


def test_children_stand_beside_each_other_where_there_is_room():
    root = lay_out_tree(tree([[], []]), 1000, SPACING)
    assert [(box.x, box.y) for box in root.children] == [(0, 70), (120, 70)]
    assert not root.stacked


def test_a_narrow_subtree_slips_under_an_overhang():
    # The left child is wide only far below, so the right one stands beside its narrow part.
    left = [200, [[], [], []]]
    root = lay_out_tree(tree([left, []]), 1000, SPACING)
    assert root.children[1].x == 120


def test_children_stand_below_each_other_where_there_is_no_room():
    root = lay_out_tree(tree([[], []]), 150, SPACING)
    assert root.stacked
    assert [(box.x, box.y) for box in root.children] == [(25, 50), (25, 100)]


def test_a_left_deep_tree_needs_two_columns():
    shape = []
    for _ in range(12):
        shape = [shape, []]
    root = lay_out_tree(tree(shape), 5000, SPACING)
    assert overlapping(root) == []
    rights = [box.children[1] for box in root.walk() if box.children]
    assert min(box.x for box in rights) == 120


SHAPES = st.recursive(
    st.lists(st.integers(10, 200), max_size=1),
    lambda inner: st.lists(inner, max_size=4).map(list),
    max_leaves=25,
)


@given(SHAPES, st.sampled_from([150.0, 400.0, 1000.0]))
def test_boxes_never_overlap(shape, room):
    root = lay_out_tree(tree(shape), room, SPACING)
    assert overlapping(root) == []
    assert {box.key for box in root.walk()} == {box.key for box in tree(shape).walk()}
    for box in root.walk():
        assert all(child.y >= box.y + box.height for child in box.children)


@pytest.mark.parametrize("arms", [1, 2])
def test_a_large_tree_keeps_to_its_room(arms):
    shape = []
    for _ in range(25):
        shape = [shape, *([[], []] for _ in range(arms))]
    root = lay_out_tree(tree(shape), 900, SPACING)
    assert overlapping(root) == []
    assert right_edge(root) <= 900
