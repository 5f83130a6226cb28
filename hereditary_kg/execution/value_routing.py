"""Bindings to the members that may hold them, and to no others.

Profiles say in which namespaces the IRIs at a pattern's ends are, and which shared codes. So of
each binding it is known which members cannot match it.
"""

from collections.abc import Sequence

import polars as pl

from hereditary_kg.planning import plan
from hereditary_kg.planning.domains import Domain

__all__ = ["ValueRouter"]


class ValueRouter:
    """Gives each member of a request the bindings that it may match.

    Args:
        node: the request.
        keys: different bindings, without blank nodes and nulls.
    """

    def __init__(self, node: plan.Fetch, keys: pl.DataFrame) -> None:
        self._keys = keys
        self._ends = {
            variable.name: ends
            for variable, ends in node.ends.items()
            if variable.name in keys.columns
        }
        # Members often have the same namespaces.
        self._prefixed: dict[tuple[str, tuple[str, ...]], pl.Series] = {}

    def keys_for(self, member: str) -> pl.DataFrame:
        """Give the bindings that ``member`` may match."""
        kept: pl.Series | None = None
        for name, ends in self._ends.items():
            for domain in (end.domains.get(member) for end in ends):
                admitted = None if domain is None else self._admitted(name, domain)
                if admitted is not None:
                    kept = admitted if kept is None else kept & admitted
        return self._keys if kept is None or kept.all() else self._keys.filter(kept)

    def _admitted(self, name: str, domain: Domain) -> pl.Series | None:
        """Say of each binding of a variable whether it may be in the domain; None: of all."""
        terms = self._keys[name]
        admitted: pl.Series | None = None
        if domain.namespaces is not None:
            admitted = self._begins(name, domain.namespaces)
            if domain.datatypes != frozenset():
                admitted |= terms.str.starts_with('"')
        elif domain.datatypes == frozenset():
            admitted = ~terms.str.starts_with('"')
        if domain.codes is not None:
            known = domain.codes.admits_many(terms)
            admitted = known if admitted is None else admitted & known
        return admitted

    def _begins(self, name: str, namespaces: Sequence[str]) -> pl.Series:
        key = (name, tuple(namespaces))
        if key not in self._prefixed:
            terms = self._keys[name]
            found = pl.repeat(value=False, n=len(terms), dtype=pl.Boolean, eager=True)
            for namespace in namespaces:
                found |= terms.str.starts_with("<" + namespace)
            self._prefixed[key] = found
        return self._prefixed[key]
