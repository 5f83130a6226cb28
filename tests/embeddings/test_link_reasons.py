"""Reasons are known triples, the nearest first, and nothing local unless asked for."""

import pytest
from small_models import ring_model

from hereditary_kg.embeddings.link_reasons import NearLink, Path, ReasonFinder
from hereditary_kg.embeddings.prediction import read_namespaces

LINK = ("term:3", "relation:next", "term:4")


def _find(saved, link=LINK, **options):
    return ReasonFinder(saved, read_namespaces(saved.about), **options).find(link)


def test_neighbours_in_the_ring_are_nearest():
    reasons = _find(ring_model(), most=2)
    assert {(near.head, near.tail) for near in reasons.nearest} == {
        ("term:2", "term:3"),
        ("term:4", "term:5"),
    }
    # Both ends are turned by a twelfth of the circle: the cosine of 30 degrees.
    assert [near.similarity for near in reasons.nearest] == pytest.approx([3**0.5 / 2] * 2)


def test_paths_are_through_what_both_ends_are_linked_with():
    saved = ring_model()
    assert _find(saved).paths == (Path(("relation:near", "^relation:near"), ("term:11",)),)
    local = _find(saved, local=True, most=9).paths
    assert Path(("^relation:has", "relation:has"), ("person:0",)) in local
    # Entities of few triples come first: a person has two, term 11 has four.
    assert local[0].through == ("person:0",)
    ways = _find(saved, ("term:1", "relation:next", "term:3"), most=1).paths
    assert ways == (Path(("relation:next", "relation:next"), ("term:2",)),)


def test_paths_of_three_steps_come_after_those_of_two():
    saved = ring_model()
    ways = _find(saved, ("term:0", "relation:next", "term:3"), most=9).paths
    assert ways == (
        Path(("^relation:next", "^relation:near"), ("term:11",)),
        Path(("relation:next",) * 3, ("term:1", "term:2")),
    )
    # By an oracle of another kind: all chains of three known triples, whichever way they are gone.
    known = [(h, r, t) for h, r, t in saved.known.labels() if not (h + t).count("person")]
    steps = known + [(t, f"^{r}", h) for h, r, t in known]
    chains = {
        ((first, second, third), (a, b))
        for start, first, a in steps
        for here, second, b in steps
        for there, third, end in steps
        if (start, here, there, end) == ("term:3", a, b, "term:5") and len({start, a, b, end}) == 4
    }
    found = _find(saved, ("term:3", "relation:next", "term:5"), most=99).paths
    assert {(path.relations, path.through) for path in found if len(path.through) == 2} == chains
    assert chains
    sizes = [len(path.through) for path in found]
    assert sizes == sorted(sizes)


def test_there_may_be_no_reason():
    reasons = _find(ring_model(), ("term:9", "relation:has", "term:2"))
    assert reasons.nearest == ()
    assert reasons.paths == ()
    shown = _find(ring_model(), ("term:9", "relation:has", "term:2"), local=True)
    assert isinstance(shown.nearest[0], NearLink)
