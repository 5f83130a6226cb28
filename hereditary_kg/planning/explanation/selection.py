"""Who is asked for a pattern, and why the others are not."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from hereditary_kg.planning import plan
from hereditary_kg.planning.explanation.record import Reason
from hereditary_kg.planning.leaves import Leaf, pattern_leaves
from hereditary_kg.planning.members import MemberView
from hereditary_kg.planning.sources import Sources
from hereditary_kg.rdf.terms import IRI, RDF_TYPE
from hereditary_kg.sparql.algebra import Pattern

__all__ = ["LeafSelection", "SourceChoice", "describe_sources"]

_ELSEWHERE = "is not needed for it by this plan"


@dataclass(frozen=True)
class LeafSelection:
    """Who may match one pattern of a query.

    Attributes:
        pattern: its text.
        asked: who may match it.
        chosen: why.
        excluded: why the others cannot.
    """

    pattern: str
    asked: tuple[str, ...]
    chosen: tuple[Reason, ...]
    excluded: tuple[Reason, ...]

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain values."""
        return {
            "pattern": self.pattern,
            "asked": list(self.asked),
            "chosen": [reason.to_dict() for reason in self.chosen],
            "left_out": {name: reason.text for reason in self.excluded for name in reason.members},
        }


def describe_sources(pattern: Pattern, sources: Sources) -> tuple[LeafSelection, ...]:
    """Say for each leaf of a query's pattern who may match it, and why the others cannot."""
    choice = SourceChoice(sources)
    described = []
    for leaf in dict.fromkeys(pattern_leaves(pattern)):
        asked = sources.candidates.get(leaf, ())
        chosen = _chosen(leaf, asked, sources)
        described.append(LeafSelection(str(leaf), asked, chosen, choice.excluded((leaf,), asked)))
    return tuple(described)


class SourceChoice:
    """The choice of members for the requests of one plan, ready to be asked about."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def explain(self, fetch: plan.Fetch) -> tuple[tuple[Reason, ...], tuple[Reason, ...]]:
        """Say why the members of a request are asked, and why all others are not."""
        leaves = tuple(dict.fromkeys(pattern_leaves(fetch.pattern)))
        known = tuple(name for name in fetch.members if name in self._sources.members)
        chosen = tuple(reason for leaf in leaves for reason in _chosen(leaf, known, self._sources))
        return chosen, self.excluded(leaves, fetch.members)

    def excluded(self, leaves: Iterable[Leaf], asked: Iterable[str]) -> tuple[Reason, ...]:
        """Group those who are not asked by the reason, the largest group first."""
        known = self._sources.excluded
        reasons = [(leaf, known[leaf]) for leaf in leaves if leaf in known]
        found: dict[tuple[int, str], list[str]] = {}
        passed = set(asked)
        for name in self._sources.members:
            if name in passed:
                continue
            held = ((n, told[name]) for n, (_, told) in enumerate(reasons) if name in told)
            found.setdefault(next(held, (-1, _ELSEWHERE)), []).append(name)
        grouped = (
            Reason(text, "" if n < 0 else str(reasons[n][0]), tuple(names))
            for (n, text), names in found.items()
        )
        return tuple(sorted(grouped, key=lambda r: (-len(r.members), r.text, r.pattern)))


def _chosen(leaf: Leaf, names: Iterable[str], sources: Sources) -> tuple[Reason, ...]:
    found: dict[str, list[tuple[str, int | None]]] = {}
    for name in names:
        text, triples = _attraction(leaf, sources.members[name])
        found.setdefault(text, []).append((name, triples))
    return tuple(Reason(text, str(leaf), *_unzipped(members)) for text, members in found.items())


def _unzipped(
    members: list[tuple[str, int | None]],
) -> tuple[tuple[str, ...], tuple[int | None, ...]]:
    return tuple(name for name, _ in members), tuple(triples for _, triples in members)


def _attraction(leaf: Leaf, member: MemberView) -> tuple[str, int | None]:
    """Say why a member may match ``leaf``, and how many triples it has of the kind."""
    profile = member.profile
    if profile is None:
        return "publishes no profile, and may hold anything", None
    if leaf.graph is not None:
        return "has the named graph", profile.all_graph_triples
    predicates = leaf.predicates
    if predicates is None:
        return "holds triples", profile.triples
    target = leaf.triple.object
    if predicates == (IRI(RDF_TYPE),) and isinstance(target, IRI) and not leaf.triple.is_path:
        return "holds instances of the class", round(profile.instances(target.value))
    known = (profile.predicate(predicate.value) for predicate in predicates)
    return "uses the predicate", sum(each.triples for each in known if each is not None)
