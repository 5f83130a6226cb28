"""Hypothesis strategies for data and for ways to deal them over members.

A triple without blank nodes may lie at several members, in any of its graphs. Blank nodes
belong to one member: their labels are those of its document.
"""

from dataclasses import dataclass

from hypothesis import strategies as st

from hereditary_kg.rdf.terms import IRI, BlankNode, Literal
from tests.fuzzing.choosing import pick
from tests.fuzzing.vocabulary import LOCAL, MEMBERS, Vocabulary

__all__ = ["Deal", "deals"]

Quad = tuple[IRI | BlankNode | Literal, ...]

BLANK_NODES = tuple(BlankNode(f"b{number}") for number in (1, 2, 3))
WAYS = ("anywhere", "replicated", "by predicate", "by subject", "one member", "everywhere")
SIZES = (0, 6, 10, 14, 14, 20)
# One number for each quad is one draw for it. The pools' sizes multiply to less than this.
_CODES = {size: st.lists(st.integers(0, 2**24), min_size=size, max_size=size + 4) for size in SIZES}


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
    count = pick(draw, (2, 2, 3, 1, MEMBERS))
    way = pick(draw, WAYS)
    dealt: list[dict[str, None]] = [{} for _ in range(count)]
    least = pick(draw, SIZES)
    codes = draw(_CODES[least])
    placed = [_decode(code, vocabulary) for code in codes]
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


def _decode(code: int, vocabulary: Vocabulary) -> tuple[Quad, int, int]:
    """Give the quad, and the two places for it, that a number stands for."""
    named = vocabulary.resources
    blank = BLANK_NODES[: 3 if vocabulary.blank_nodes else 0]
    pools = (
        (*named, *named, *blank),
        vocabulary.predicates,
        (*named, *vocabulary.literals, *blank),
        (None, *vocabulary.graphs),
        range(MEMBERS),
        range(MEMBERS),
    )
    chosen = []
    for pool in pools:
        code, place = divmod(code, len(pool))
        chosen.append(pool[place])
    subject, predicate, target, graph, place, other = chosen
    quad = (subject, predicate, target) if graph is None else (subject, predicate, target, graph)
    return quad, place, other
