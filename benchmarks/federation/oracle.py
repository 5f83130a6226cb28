"""What is right, and with how few requests it could be had.

The *right answer* is that of one store with all members' data: the merge.

The *oracle's requests* are those of an engine that knows beforehand which members contribute
what. They are defined by provenance, after FedShop's reference source assignment:

1. The solutions of the query's pattern over the merge are taken before projection, grouping,
   ordering and slicing. Negation counts as OPTIONAL (``MINUS``, ``NOT EXISTS``, and
   ``OPTIONAL`` under ``!BOUND``): what excludes a row has to be fetched to exclude it.
2. In each solution every triple pattern that it matched has its *holders*: the members that
   hold the triple. Each pattern is given to one holder: again and again the member that holds
   most of what is left (the first by name where several do) gets that.
3. The patterns that one member has in one solution, and that hang together by shared
   variables, are one *exclusive group*, and one subquery to that member.
4. Groups of a member that one request can ask for are one: a group that is part of another
   (the rest is OPTIONAL), and groups of different branches of a UNION.
5. The oracle's requests are the subqueries that are left, summed over members.

It is what a perfect source selection sends with one request for each subquery and member, however
many bindings that carries. With replicated data step 2 is greedy (the least number is a
hitting-set problem). Property paths that repeat count for nothing; the number is then a lower
bound.

Source: Dang et al., FedShop (ISWC 2023), section 4; Aimonier-Davat et al., FedUP (WWW 2024).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, cast

import networkx as nx
import polars as pl
import pyoxigraph as ox

from benchmarks.federation.provenance import TracedPattern, trace_query
from hereditary_kg.rdf.tsv_reading import parse_tsv
from hereditary_kg.sparql.algebra import Path, Variable, VariableOrTerm
from hereditary_kg.sparql.printing import triple_text

if TYPE_CHECKING:
    from hereditary_kg.rdf.terms import Term

__all__ = ["Oracle", "count_requests"]

Group = frozenset[int]


def count_requests(
    patterns: Sequence[TracedPattern], solutions: Iterable[Mapping[int, frozenset[str]]]
) -> int:
    """Count the oracle's requests; see the module for the definition.

    Args:
        patterns: the query's triple patterns.
        solutions: per solution, and per pattern (by number) that it matched, the holders of
            the triple; at least one each.
    """
    groups: dict[str, set[Group]] = {}
    for holders in solutions:
        for member, given in _assign(holders).items():
            groups.setdefault(member, set()).update(_connect(patterns, given))
    return sum(_count_subqueries(patterns, found) for found in groups.values())


def _assign(holders: Mapping[int, frozenset[str]]) -> dict[str, set[int]]:
    """Give each pattern to one of its holders, so that few members have much each."""
    left = dict(holders)
    given: dict[str, set[int]] = {}
    while left:
        tally: dict[str, int] = {}
        for members in left.values():
            for member in members:
                tally[member] = tally.get(member, 0) + 1
        best = min(tally, key=lambda member: (-tally[member], member))
        given[best] = {pattern for pattern, members in left.items() if best in members}
        for pattern in given[best]:
            del left[pattern]
    return given


def _connect(patterns: Sequence[TracedPattern], given: Iterable[int]) -> list[Group]:
    """Part patterns into groups that hang together by shared variables."""
    graph = nx.Graph()
    for number in given:
        triple = patterns[number].triple
        graph.add_node(number)
        for end in (triple.subject, triple.predicate, triple.object):
            if isinstance(end, Variable):
                graph.add_edge(number, end)
    parts = nx.connected_components(graph)
    return [frozenset(node for node in part if isinstance(node, int)) for part in parts]


def _count_subqueries(patterns: Sequence[TracedPattern], groups: set[Group]) -> int:
    whole = [group for group in groups if not any(group < other for other in groups)]
    requests: list[list[Group]] = []
    for group in sorted(whole, key=sorted):
        for request in requests:
            if all(_are_alternative(patterns, group, other) for other in request):
                request.append(group)
                break
        else:
            requests.append([group])
    return len(requests)


def _are_alternative(patterns: Sequence[TracedPattern], one: Group, other: Group) -> bool:
    """Whether two groups lie in different branches of a UNION."""
    ours, theirs = (
        {branch for number in group for branch in patterns[number].branches}
        for group in (one, other)
    )
    return any(a[0] == b[0] and a[1] != b[1] for a in ours for b in theirs)


class Oracle:
    """Knows all members' data.

    Args:
        store: the merged store.
        holdings: who holds what: columns s, p, o (canonical) and member.
    """

    def __init__(self, store: ox.Store, holdings: pl.DataFrame) -> None:
        self._store = store
        held = holdings.select(_triple_key("s", "p", "o"), "member").sort("key", "member")
        first = held.select("key", "member").with_row_index("row")
        runs = first.group_by("key", maintain_order=True).agg(
            pl.col("row").first(), pl.len().alias("height")
        )
        self._keys = runs["key"]
        self._runs = list(zip(runs["row"], runs["height"], strict=True))
        self._members = held["member"]

    def answer(self, text: str) -> pl.DataFrame:
        """Give the right rows, in order: canonical terms, null for unbound."""
        results = cast("ox.QuerySolutions", self._store.query(text))
        document = results.serialize(format=ox.QueryResultsFormat.TSV)
        return parse_tsv(document or b"")

    def requests(self, text: str) -> int:
        """Give the oracle's number of requests for a query."""
        provenance = trace_query(text)
        rows = self.answer(provenance.text)
        columns = [self._holder_column(rows, pattern) for pattern in provenance.patterns]
        if not columns:
            return 0
        distinct = pl.DataFrame(columns).unique(maintain_order=True)
        return count_requests(provenance.patterns, map(self._read_holders, distinct.rows()))

    def _holder_column(self, rows: pl.DataFrame, pattern: TracedPattern) -> pl.Series:
        """Give per row the place of the triple among the keys; null where it did not match."""
        triple = pattern.triple
        ends = zip("spo", (triple.subject, triple.predicate, triple.object), strict=True)
        instances = rows.select(
            **{name: _column(end) for name, end in ends},
            matched=pl.all_horizontal(pl.lit(True), *map(_is_bound, sorted(pattern.needed))),
        )
        keys = instances.select(_triple_key("s", "p", "o"))["key"]
        places = self._keys.search_sorted(keys).clip(0, len(self._keys) - 1)
        found = pl.DataFrame({"place": places, "key": keys, "matched": instances["matched"]})
        matched = found.filter("matched")
        if not (self._keys.gather(matched["place"]) == matched["key"]).all():
            raise RuntimeError(
                f"nobody holds a triple that {triple_text(triple)} matched in the merged store; "
                "are there blank nodes, or named graphs, in the data?"
            )
        column = found.select(pl.when("matched").then("place"))["place"]
        return column.alias(f"{id(pattern)}")

    def _read_holders(self, row: tuple[int | None, ...]) -> dict[int, frozenset[str]]:
        holders = {}
        for number, place in enumerate(row):
            if place is not None:
                start, height = self._runs[place]
                holders[number] = frozenset(self._members[start : start + height])
        return holders


def _column(end: VariableOrTerm | Path) -> pl.Expr:
    return pl.col(end.name) if isinstance(end, Variable) else pl.lit(cast("Term", end).text)


def _is_bound(name: str) -> pl.Expr:
    return pl.col(name).is_not_null()


def _triple_key(*names: str) -> pl.Expr:
    return pl.struct(names).hash(seed=1).alias("key")
