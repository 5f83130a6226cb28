"""What members were found to hold and not to hold, as long as their data stay the same."""

from collections import OrderedDict
from collections.abc import Mapping

from hereditary_kg.planning.leaves import Leaf, pattern_leaves
from hereditary_kg.planning.members import MemberView
from hereditary_kg.planning.sources import Sources
from hereditary_kg.sparql.algebra import Pattern, Project, Reduced

__all__ = ["ASKED", "MOST_FINDINGS", "PROBED_IN_VAIN", "ProbeCache"]

PROBED_IN_VAIN = "a probe found no match"
ASKED = "had no match when it was last asked"

MOST_FINDINGS = 10_000
"""Findings, one for a leaf and a member, beyond which those used longest ago are forgotten."""


class ProbeCache:
    """Findings about leaves and members, each for one version of a member's data.

    Of a leaf, a member's latest version is kept. What is asked with a dataset clause is another
    question than the same leaf without it.
    """

    def __init__(self, most: int = MOST_FINDINGS) -> None:
        """Begin with nothing found.

        Args:
            most: how many findings are kept.
        """
        self._most = most
        self._size = 0
        # (dataset clauses, leaf) -> member -> (stamp of its profile, why it has no match: None
        # where it has one); what was used last stands last.
        self._found: OrderedDict[tuple[str, Leaf], dict[str, tuple[str, str | None]]]
        self._found = OrderedDict()

    def __len__(self) -> int:
        """How many findings there are."""
        return self._size

    def find(self, leaf: Leaf, sources: Sources, source: str) -> Mapping[str, str | None]:
        """Give what is known of a leaf's candidates.

        Args:
            leaf: the leaf.
            sources: its candidates, and whose data they have.
            source: the dataset clauses of the query.

        Returns:
            Member -> why it has no match; None where it has one.
        """
        found = self._found.get((source, leaf))
        if found is None:
            return {}
        self._found.move_to_end((source, leaf))
        return {
            name: found[name][1]
            for name in sources.candidates[leaf]
            if name in found and found[name][0] == _stamp(sources.members[name])
        }

    def without_misses(self, sources: Sources, source: str) -> Sources:
        """Give sources without the candidates that are known to have no match."""
        excluded: dict[Leaf, dict[str, str]] = {}
        for leaf in sources.candidates:
            for name, reason in self.find(leaf, sources, source).items():
                if reason is not None:
                    excluded.setdefault(leaf, {})[name] = reason
        return sources.without(excluded) if excluded else sources

    def put(self, member: MemberView, leaf: Leaf, source: str, miss: str | None) -> None:
        """Keep a finding; without a data version it could become wrong unnoticed.

        Args:
            member: who was asked.
            leaf: what for.
            source: with which dataset clauses.
            miss: why it has no match; None where it has one.
        """
        stamp = _stamp(member)
        if stamp is None:
            return
        found = self._found.setdefault((source, leaf), {})
        self._size += member.name not in found
        found[member.name] = (stamp, miss)
        self._found.move_to_end((source, leaf))
        while self._size > self._most:
            _, forgotten = self._found.popitem(last=False)
            self._size -= len(forgotten)

    def put_empty(self, member: MemberView, pattern: Pattern, source: str) -> None:
        """Learn from an answer without rows, where the pattern is one leaf.

        What a path does not match alone, it may match together with others' triples.
        """
        while isinstance(pattern, Project | Reduced):
            pattern = pattern.pattern
        leaf = next(pattern_leaves(pattern), None)
        if leaf is not None and leaf.pattern == pattern and not leaf.triple.is_path:
            self.put(member, leaf, source, ASKED)


def _stamp(member: MemberView) -> str | None:
    return None if member.profile is None else member.profile.stamp
