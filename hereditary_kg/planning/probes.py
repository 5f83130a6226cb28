"""Probes: one question to a member about all that its profile leaves open.

A probe costs a request to each member that it goes to. It pays where a plan would otherwise ask
more often in vain: not for what is asked first, whose answer says as much, but for what is asked
with the bindings of something else.

Source: ASK queries for source selection after Schwarte et al., FedX, ISWC 2011, here one for
everything that is open at a member.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence

from hereditary_kg.planning import plan
from hereditary_kg.planning.leaves import Leaf, pattern_leaves
from hereditary_kg.planning.sources import Sources
from hereditary_kg.rdf.terms import IRI, RDF_TYPE
from hereditary_kg.semantics.query_conversion import MemberConversion
from hereditary_kg.sparql.algebra import Variable
from hereditary_kg.sparql.printing import group_text

__all__ = ["PROBED", "has_open_constants", "probe_leaves", "probe_text"]

PROBED = f"{Variable.HIDDEN}probed"
"""The column in which a member says which leaf it matches."""


def has_open_constants(sources: Sources) -> bool:
    """Whether there is anything that a probe could find out."""
    return any(True for _ in _open_leaves(sources))


def probe_leaves(
    node: plan.Node, sources: Sources, known: Mapping[Leaf, Collection[str]]
) -> dict[str, tuple[Leaf, ...]]:
    """Give, per member, the leaves whose constants it is worth to ask the member about.

    Args:
        node: the plan as it is without probes.
        sources: the candidates of its leaves.
        known: the members of which it is known whether they match a leaf.

    Returns:
        Nothing where probes would cost more requests than they can save.
    """
    probes: dict[str, list[Leaf]] = {}
    for leaf in _open_leaves(sources):
        for name in sources.candidates[leaf]:
            if name not in known.get(leaf, ()):
                probes.setdefault(name, []).append(leaf)
    saved = 0
    for fetch in _asked_later(node, later=False):
        if len(fetch.members) > 1:
            found = [known.get(leaf, ()) for leaf in _open_constants(fetch)]
            saved += sum(any(name not in each for each in found) for name in fetch.members)
    if saved <= len(probes):
        return {}
    return {name: tuple(leaves) for name, leaves in probes.items()}


def _open_leaves(sources: Sources) -> Iterator[Leaf]:
    """Yield the leaves with constants that several members may have.

    A leaf with one candidate needs no probe: an empty answer says as much.
    """
    for leaf, names in sources.candidates.items():
        if len(names) > 1 and _has_open_constant(leaf):
            yield leaf


def _asked_later(node: plan.Node, *, later: bool) -> Iterator[plan.Fetch]:
    """Yield the requests that are not the first thing that is asked."""
    match node:
        case plan.Fetch():
            if later:
                yield node
        case plan.Fragment():
            for fetch in node.fetches:
                yield from _asked_later(fetch, later=True)
        case _:
            for position, below in enumerate(plan.inputs(node)):
                is_first = position == 0 or isinstance(node, plan.Union)
                yield from _asked_later(below, later=later or not is_first)


def _open_constants(fetch: plan.Fetch) -> list[Leaf]:
    return [leaf for leaf in pattern_leaves(fetch.pattern) if _has_open_constant(leaf)]


def _has_open_constant(leaf: Leaf) -> bool:
    triple = leaf.triple
    if triple.is_path or isinstance(leaf.graph, Variable):
        return False
    if isinstance(triple.predicate, IRI) and triple.predicate.value == RDF_TYPE:
        return not isinstance(triple.subject, Variable)
    return not (isinstance(triple.subject, Variable) and isinstance(triple.object, Variable))


def probe_text(
    leaves: Sequence[Leaf], source: str = "", conversion: MemberConversion | None = None
) -> str:
    """Write one query that asks a member which of ``leaves`` it matches, by position.

    Args:
        leaves: what is asked.
        source: dataset clauses, each with a space after it.
        conversion: how the member's data are seen by the user.
    """
    asked = [
        leaf.pattern if conversion is None else conversion.native(leaf.pattern) for leaf in leaves
    ]
    branches = " UNION ".join(
        f"{{ SELECT ({position} AS ?{PROBED}) WHERE {{ {group_text(pattern)} }} LIMIT 1 }}"
        for position, pattern in enumerate(asked)
    )
    return f"SELECT ?{PROBED} {source}WHERE {{ {branches} }}"
