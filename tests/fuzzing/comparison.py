"""When two answers are the same, as far as the query determines them."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pyoxigraph as ox

from hereditary_kg.rdf.terms import XSD, Literal, parse_term
from hereditary_kg.sparql.algebra import (
    Aggregate,
    Distinct,
    Expression,
    Extend,
    Filter,
    Group,
    OrderBy,
    OrderKey,
    Pattern,
    Project,
    Reduced,
    SelectQuery,
    Slice,
    Variable,
)
from hereditary_kg.sparql.printing import expression_text
from tests.fuzzing.oracle import Row

__all__ = [
    "blank_nodes",
    "isomorphic",
    "order_difference",
    "order_keys",
    "rows_difference",
    "whole_query",
]

Triples = set[tuple[str, str, str]]
_NUMERIC = {XSD + name for name in ("integer", "decimal", "double", "float")}
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def whole_query(query: SelectQuery) -> SelectQuery:
    """Give the query without its slice and its REDUCED: all rows that it chooses from."""
    pattern = query.pattern
    if isinstance(pattern, Slice):
        pattern = pattern.pattern
    if isinstance(pattern, Reduced):
        pattern = pattern.pattern
    return replace(query, pattern=pattern)


def rows_difference(
    query: SelectQuery, ours: Sequence[Row], expected: Sequence[Row], whole: Sequence[Row]
) -> str | None:
    """Say how ``ours`` differs from what the query determines, if it does.

    Args:
        query: the query.
        ours: our rows.
        expected: the oracle's.
        whole: the oracle's to :func:`whole_query`.
    """
    vague = _vague_columns(query.pattern)
    mine, theirs, all_rows = (_multiset(rows, vague) for rows in (ours, expected, whole))
    if isinstance(query.pattern, Slice):
        if mine.total() != theirs.total():
            return f"{mine.total()} rows, not {theirs.total()}"
        return _too_many(mine - all_rows)
    if isinstance(query.pattern, Reduced):
        return _too_many(mine - all_rows) or _missing(Counter(all_rows.keys()) - mine)
    return _too_many(mine - theirs) or _missing(theirs - mine)


def _too_many(rows: Counter[object]) -> str | None:
    return f"rows too many: {dict(rows)}" if rows else None


def _missing(rows: Counter[object]) -> str | None:
    return f"rows missing: {dict(rows)}" if rows else None


def _multiset(rows: Iterable[Row], vague: dict[str, Aggregate]) -> Counter[object]:
    return Counter(
        frozenset(
            (name, _settled(text, vague[name]) if name in vague else text)
            for name, text in row.items()
            if not Variable(name).hidden
        )
        for row in rows
    )


# Aggregates whose value is not settled


def _vague_columns(pattern: Pattern) -> dict[str, Aggregate]:
    """Give the columns that show an aggregate whose value depends on an order or on a choice."""
    renamed: dict[Expression, Variable] = {}
    while not isinstance(pattern, Group):
        match pattern:
            case Extend(inner, variable, Variable() as source):
                renamed[source] = variable
                pattern = inner
            case Project(inner) | Filter(_, inner) | Extend(inner):
                pattern = inner
            case _:
                return {}
    return {
        renamed.get(variable, variable).name: aggregate
        for variable, aggregate in pattern.aggregates
        if aggregate.name in ("GROUP_CONCAT", "MIN", "MAX")
    }


def _settled(text: str, aggregate: Aggregate) -> object:
    term = parse_term(text)
    if not isinstance(term, Literal):
        return text
    if aggregate.name != "GROUP_CONCAT":
        # Equal numbers of several datatypes are equally small. NaN and ill-typed terms have no
        # such equals.
        number = term.datatype in _NUMERIC and _NUMBER.fullmatch(term.lexical)
        return float(term.lexical) if number else text
    separator = " " if aggregate.separator is None else aggregate.separator
    pieces = term.lexical.split(separator) if separator else list(term.lexical)
    return (*sorted(pieces), term.language)


# Order


def order_keys(pattern: Pattern) -> tuple[OrderKey, ...]:
    """Give the sort keys of a query's answer; none where its order is open.

    The order of a sub-select is not its query's.
    """
    for modifier in (Slice, Distinct | Reduced, Project):
        if isinstance(pattern, modifier):
            pattern = pattern.pattern
    return pattern.keys if isinstance(pattern, OrderBy) else ()


def blank_nodes(rows: Iterable[Row]) -> set[str]:
    """Give the blank nodes in rows."""
    return {text for row in rows for text in row.values() if text.startswith("_:")}


def order_difference(
    keys: Sequence[OrderKey], ours: Sequence[Row], expected: Sequence[Row], *, nodes: int
) -> str | None:
    """Say where ``ours`` is not sorted as ``expected`` is, up to ties.

    Row by row the two must be ties, and all of them in order. So Oxigraph sorts both lists
    as one, each row of ours once before and once after its partner where they are ties; and
    both times it has to leave everything in its place. Blank nodes have no order among
    themselves, though Oxigraph gives them one: all are made one here, which says nothing of
    further keys where there are several. ``nodes`` is how many there are, since labels that have
    been taken off don't tell.
    """
    if list(ours) == list(expected):
        return None
    single = len(keys) == 1 and isinstance(keys[0].expression, Variable)
    if nodes > 1 and not single:
        return None
    for first, second in ((ours, expected), (expected, ours)):
        rows = [row for pair in zip(first, second, strict=True) for row in pair]
        places = _sorted_places(keys, rows)
        if places != list(range(len(rows))):
            return f"the order is not the query's: {[rows[i] for i in places]}"
    return None


def _sorted_places(keys: Sequence[OrderKey], rows: Sequence[Row]) -> list[int]:
    """Sort rows by keys, then by their place."""
    names = dict.fromkeys(name for row in rows for name in row)
    lines = []
    for place, row in enumerate(rows):
        number = Literal(str(place), XSD + "integer").text
        lines.append(f"<urn:row:{place}> <urn:place> {number} .")
        for name, text in row.items():
            cell = "_:one" if text.startswith("_:") else text
            lines.append(f"<urn:row:{place}> <urn:column:{name}> {cell} .")
    store = ox.Store()
    store.extend(ox.parse("\n".join(lines).encode(), format=ox.RdfFormat.N_TRIPLES))
    cells = " ".join(f"OPTIONAL {{ ?the_row <urn:column:{name}> ?{name} }}" for name in names)
    order = " ".join(
        f"{'DESC' if key.descending else 'ASC'}({expression_text(key.expression)})" for key in keys
    )
    text = f"SELECT ?place {{ ?the_row <urn:place> ?place {cells} }} ORDER BY {order} ?place"
    return [int(row["place"].value) for row in store.query(text)]


# Graphs


def isomorphic(ours: Triples, expected: Triples, known: Iterable[str]) -> bool:
    """Whether two graphs are the same up to the names of blank nodes that are not ``known``.

    Nodes are told apart by what stands around them, refined until nothing changes. That is
    exact here: the new nodes of a CONSTRUCT hang together by twos at most.
    """
    known = set(known)
    return _refined(ours, known) == _refined(expected, known)


def _refined(triples: Triples, known: set[str]) -> Counter[object]:
    new = {t for triple in triples for t in triple if t.startswith("_:") and t not in known}
    colour: dict[str, object] = dict.fromkeys(new, "new")
    for _ in range(3):
        seen: dict[str, list[object]] = {node: [] for node in new}
        for s, p, o in triples:
            if s in new:
                seen[s].append((p, repr(colour.get(o, o)), s == o))
            if o in new:
                seen[o].append((repr(colour.get(s, s)), p))
        colour = {node: hash(tuple(sorted(map(repr, around)))) for node, around in seen.items()}
    return Counter(tuple(colour.get(term, term) for term in triple) for triple in triples)
