"""Federations in this process, made by dealing one data set over members, and their oracle.

The oracle is one Oxigraph store with all the data: the answer over the federation must be
the answer over it, as a multiset of rows (SELECT), a truth value (ASK) or a set of triples
(CONSTRUCT).
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import polars as pl
import pyoxigraph as ox

from hereditary_kg.execution.engine import AsyncFederation
from hereditary_kg.execution.results import Result
from hereditary_kg.federation.description import FederationDescription, MemberDescription
from hereditary_kg.federation.member import Member
from hereditary_kg.federation.transport import EmbeddedTransport
from hereditary_kg.rdf.tsv_reading import parse_tsv

Triple = tuple[str, str, str]
Deal = Sequence[Sequence[Triple]]


def store_of(triples: Iterable[Triple]) -> ox.Store:
    """Load triples of canonical texts."""
    store = ox.Store()
    document = "".join(" ".join(triple) + " .\n" for triple in triples)
    store.bulk_load(document.encode(), format=ox.RdfFormat.N_TRIPLES)
    return store


def federation_of(stores: Sequence[ox.Store]) -> AsyncFederation:
    """Make a federation whose members are embedded stores, named m0, m1 and so on."""
    members = [
        Member(MemberDescription(f"m{i}"), EmbeddedTransport(store))
        for i, store in enumerate(stores)
    ]
    descriptions = tuple(member.description for member in members)
    return AsyncFederation(FederationDescription("dealt", members=descriptions), members)


def dealt(deal: Deal) -> AsyncFederation:
    """Make a federation from a deal."""
    return federation_of([store_of(hand) for hand in deal])


def deal_randomly(
    triples: Iterable[Triple], members: int, replicated: float, seed: int
) -> list[list[Triple]]:
    """Deal triples over members; the share ``replicated`` goes to two of them."""
    chance = random.Random(seed)
    hands: list[list[Triple]] = [[] for _ in range(members)]
    for triple in triples:
        first = chance.randrange(members)
        hands[first].append(triple)
        if members > 1 and chance.random() < replicated:
            hands[(first + chance.randrange(1, members)) % members].append(triple)
    return hands


def deal_by(
    triples: Iterable[Triple], members: int, key: Callable[[Triple], str]
) -> list[list[Triple]]:
    """Deal triples so that those of one key stay together."""
    hands: list[list[Triple]] = [[] for _ in range(members)]
    for triple in triples:
        hands[sum(map(ord, key(triple))) % members].append(triple)
    return hands


Answer = bool | frozenset[str] | Counter[tuple[str | None, ...]]


def oracle(store: ox.Store, text: str) -> Answer:
    """Give Oxigraph's answer."""
    results = store.query(text)
    if isinstance(results, ox.QueryBoolean):
        return bool(results)
    if isinstance(results, ox.QueryTriples):
        return frozenset(str(triple) for triple in results)
    document = results.serialize(format=ox.QueryResultsFormat.TSV)
    assert document is not None
    return rows_of(parse_tsv(document))


def answer_of(result: Result) -> Answer:
    """Give our answer in the oracle's terms."""
    if result.kind == "boolean":
        return bool(result)
    if result.kind == "graph":
        return frozenset(" ".join(row) for row in result.frame.rows())
    return rows_of(result.frame)


def rows_of(frame: pl.DataFrame) -> Counter[tuple[str | None, ...]]:
    """Give rows as a multiset, columns in the order of their names."""
    if not frame.width:
        return Counter({(): frame.height}) if frame.height else Counter()
    return Counter(frame.select(sorted(frame.columns)).rows())
