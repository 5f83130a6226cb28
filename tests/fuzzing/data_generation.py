"""Hypothesis strategies for data and for ways to deal them over members.

A triple without blank nodes may lie at several members, in any of its graphs. Blank nodes
belong to one member: their labels are those of its document.
"""

from dataclasses import dataclass

from hypothesis import strategies as st

from hereditary_kg.rdf.terms import IRI, BlankNode, Literal
from tests.fuzzing.vocabulary import LOCAL, MEMBERS, Vocabulary

__all__ = ["Deal", "deals"]

Quad = tuple[IRI | BlankNode | Literal, ...]

BLANK_NODES = tuple(BlankNode(f"b{number}") for number in (1, 2, 3))
WAYS = ("anywhere", "replicated", "by predicate", "by subject", "one member", "everywhere")
SIZES = (0, 6, 10, 14, 14, 20)


@dataclass(frozen=True)
class Deal:
    """Data and where they lie.

    Attributes:
        members: the N-Quads of each member, a line each.
        quads: all quads, each once; the default graph's have three terms.
    """

    members: tuple[tuple[str, ...], ...]
    quads: tuple[Quad, ...]


@st.composite
def deals(draw, vocabulary: Vocabulary) -> Deal:
    """Draw data and deal them over one to four members."""
    count = draw(st.sampled_from((2, 2, 3, 1, MEMBERS)))
    way = draw(st.sampled_from(WAYS))
    dealt: list[dict[str, None]] = [{} for _ in range(count)]
    least = draw(st.sampled_from(SIZES))
    placed = draw(st.lists(_quads(vocabulary), min_size=least, max_size=least + 4))
    for quad, place, other in placed:
        line = " ".join(term.text for term in quad) + " ."
        if any(isinstance(term, BlankNode) for term in quad):
            dealt[place % count][line] = None
            continue
        owner = LOCAL.index(quad[0]) // 2 % count if quad[0] in LOCAL else None
        match way:
            case "by predicate":
                holders = {_deal(quad[1].text, count)}
            case "by subject":
                holders = {_deal(quad[0].text, count)}
            case "one member":
                holders = {0}
            case "everywhere":
                holders = set(range(count))
            case "replicated":
                holders = {place % count, other % count}
            case _:
                holders = {place % count}
        for holder in holders if owner is None else {owner}:
            dealt[holder][line] = None
    quads = tuple(dict.fromkeys(quad for quad, _, _ in placed))
    return Deal(tuple(tuple(lines) for lines in dealt), quads)


def _deal(text: str, count: int) -> int:
    return sum(map(ord, text)) % count


def _quads(vocabulary: Vocabulary):
    named = st.sampled_from(vocabulary.resources)
    subjects = [named, named]
    objects = [named, named, st.sampled_from(vocabulary.literals)]
    if vocabulary.blank_nodes:
        subjects.append(st.sampled_from(BLANK_NODES))
        objects.append(st.sampled_from(BLANK_NODES))
    triple = st.tuples(
        st.one_of(subjects), st.sampled_from(vocabulary.predicates), st.one_of(objects)
    )
    quad = triple
    if vocabulary.graphs:
        graph = st.sampled_from(((), *((name,) for name in vocabulary.graphs)))
        quad = st.tuples(triple, graph).map(lambda parts: parts[0] + parts[1])
    place = st.integers(0, MEMBERS - 1)
    return st.tuples(quad, place, place)
