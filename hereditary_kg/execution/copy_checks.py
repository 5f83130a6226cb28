"""Finding out which triples of a member are copies of another's, by asking both.

Who is asked what: all members that have IRIs of a contested namespace how many triples they have
there; the one with most is taken for the owner. Each of the others is asked for its triples there,
and the owner for what it says of their subjects. If that is all of them, they are copies, and stay
so as long as both members' data do. That they are not is kept as well, so that nobody is asked
again. What copies are good for, and why that is right: :mod:`hereditary_kg.planning.copies`.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import TypeAlias

import polars as pl

from hereditary_kg.execution.context import ExecutionContext
from hereditary_kg.execution.streams import gather
from hereditary_kg.federation.deadline import Deadline
from hereditary_kg.federation.errors import MemberError
from hereditary_kg.planning.copies import Copied, Copies
from hereditary_kg.planning.copy_questions import (
    COUNTED,
    NUMBER,
    OBJECT,
    SUBJECT,
    Place,
    contested,
    count_text,
    rows_text,
    said_text,
)
from hereditary_kg.sparql.algebra import Pattern

__all__ = ["CopyCache", "CopyKnowledge", "check_copies"]

_MOST_ROWS = 20_000
"""Triples of a member that are compared; of more it is not found out whether they are copies."""
_MOST_SAID = 4 * _MOST_ROWS
_BLOCK = 500
_MOST_DECLINED = 1_000
_ROW = [NUMBER, SUBJECT, OBJECT]

_Pair: TypeAlias = tuple[str, str]
"""A member and a predicate."""
_Situation: TypeAlias = tuple[str, tuple[tuple[bool, str, str, str], ...]]
"""The member's stamp; of each of its places end, namespace, owner and the owner's stamp."""


@dataclass(frozen=True)
class CopyKnowledge:
    """What is known of copies.

    Attributes:
        copies: what is left out at whom.
        owners: the owners of namespaces, where they have been chosen.
        open: the members and predicates of which it is not known.
    """

    copies: Copies
    owners: Mapping[str, str]
    open: frozenset[_Pair]


@dataclass
class CopyCache:
    """What has been found out about copies, as long as the members' data stay the same."""

    _owners: dict[str, tuple[str, str]] = field(default_factory=dict)
    _found: dict[_Pair, tuple[_Situation, Copied]] = field(default_factory=dict)
    _silent: dict[str, str] = field(default_factory=dict)
    _declined: set[tuple[Pattern, frozenset[_Pair]]] = field(default_factory=set)

    def knowledge(self, found: Sequence[Place], stamps: Mapping[str, str]) -> CopyKnowledge:
        """Give what is known of the places of a query.

        Args:
            found: the places.
            stamps: the members' profile stamps.
        """
        owners = {
            namespace: owner
            for namespace, (owner, stamp) in self._owners.items()
            if stamps.get(owner) == stamp
        }
        copies: dict[_Pair, Copied] = {}
        left_open: set[_Pair] = set()
        for pair, mine in _by_pair(found).items():
            known = self._found.get(pair)
            if known is not None and known[0] == _situation(pair[0], mine, owners, stamps):
                copies[pair] = known[1]
            elif any(self._is_open(place, pair[0], owners, stamps) for place in mine):
                left_open.add(pair)
        return CopyKnowledge(copies, owners, frozenset(left_open))

    def _is_open(
        self, place: Place, member: str, owners: Mapping[str, str], stamps: Mapping[str, str]
    ) -> bool:
        owner = owners.get(place.namespace)
        if owner == member or (owner is not None and owner not in place.holders):
            return False
        asked = place.holders if owner is None else (member, owner)
        return not any(self._silent.get(name) == stamps[name] for name in asked)

    def put_owner(self, namespace: str, owner: str, stamp: str) -> None:
        """Keep who the owner of a namespace is."""
        self._owners[namespace] = (owner, stamp)

    def put(self, pair: _Pair, situation: _Situation, copied: Copied) -> None:
        """Keep what of a member's triples of a predicate are copies."""
        self._found[pair] = (situation, copied)

    def is_declined(self, pattern: Pattern, known: CopyKnowledge) -> bool:
        """Whether knowing more would not have made the plan of a query shorter."""
        return (pattern, known.open) in self._declined

    def decline(self, pattern: Pattern, known: CopyKnowledge) -> None:
        """Keep that what is open does not matter to a query."""
        if len(self._declined) >= _MOST_DECLINED:
            self._declined.clear()
        self._declined.add((pattern, known.open))

    def put_silent(self, member: str, stamp: str) -> None:
        """Keep that a member does not answer such questions."""
        self._silent[member] = stamp


def _by_pair(found: Iterable[Place]) -> dict[_Pair, list[Place]]:
    pairs: dict[_Pair, list[Place]] = {}
    for place in contested(found):
        for name in place.holders:
            pairs.setdefault((name, place.predicate), []).append(place)
    return pairs


def _situation(
    member: str, mine: Iterable[Place], owners: Mapping[str, str], stamps: Mapping[str, str]
) -> _Situation:
    """Give all that what is known of a member's places depends on."""
    decided = (
        (place.subjects, place.namespace, owner, stamps[owner])
        for place in mine
        if (owner := owners.get(place.namespace)) in place.holders
    )
    return stamps[member], tuple(sorted(decided))


async def check_copies(
    cache: CopyCache, found: Sequence[Place], context: ExecutionContext
) -> CopyKnowledge:
    """Find out what is open about the places of a query.

    Args:
        cache: what is known, and where what is found out goes.
        found: the places.
        context: the query: whom to ask, until when, and the stamps of their profiles.

    Raises:
        StaleProfileError: a member's data have changed.
    """
    check = _Check(cache, found, context)
    await check.choose_owners()
    await check.compare()
    return cache.knowledge(found, context.versions)


class _Check:
    def __init__(self, cache: CopyCache, found: Sequence[Place], context: ExecutionContext) -> None:
        self._cache = cache
        self._found = contested(found)
        self._pairs = _by_pair(found)
        self._context = context
        self._stamps = context.versions
        self._counts: dict[tuple[str, Place], int] = {}
        # Whatever this costs, enough time is left to answer the query without it.
        remaining = context.deadline.remaining()
        self._deadline = Deadline(None if math.isinf(remaining) else remaining / 2)

    async def choose_owners(self) -> None:
        """Count what members have in the places, and take who has most for the owner."""
        known = self._cache.knowledge(self._found, self._stamps)
        asked: dict[str, list[Place]] = {}
        for name, predicate in sorted(known.open):
            asked.setdefault(name, []).extend(self._pairs[name, predicate])
        await gather(self._count(name, places) for name, places in asked.items())
        for place in self._found:
            if place.namespace in known.owners:
                continue
            if not all((name, place) in self._counts for name in place.holders):
                continue
            related = [other for other in self._found if place.is_related(other)]
            weights = {
                name: sum(self._counts.get((name, other), 0) for other in related)
                for name in place.holders
            }
            owner = max(place.holders, key=lambda name: weights[name])
            self._cache.put_owner(place.namespace, owner, self._stamps[owner])

    async def _count(self, name: str, places: Sequence[Place]) -> None:
        frame = await self._ask(name, count_text(places), [NUMBER, COUNTED], len(places))
        if frame is not None:
            for number, counted in frame.rows():
                self._counts[name, places[_number(number)]] = _number(counted)

    async def compare(self) -> None:
        """Compare what is not the owners' with what the owners have."""
        known = self._cache.knowledge(self._found, self._stamps)
        asked: dict[str, list[str]] = {}
        for name, predicate in sorted(known.open):
            asked.setdefault(name, []).append(predicate)
        await gather(
            self._compare_member(name, predicates, known.owners)
            for name, predicates in asked.items()
        )

    async def _compare_member(
        self, name: str, predicates: Sequence[str], owners: Mapping[str, str]
    ) -> None:
        foreign: list[tuple[str, list[Place]]] = []
        rows = 0
        for predicate in predicates:
            mine = self._pairs[name, predicate]
            others = [place for place in mine if _is_others(place, name, owners)]
            size = sum(self._counts.get((name, place), _MOST_ROWS) for place in others)
            if rows + size <= _MOST_ROWS:
                rows += size
                foreign.append((predicate, others))
            else:
                self._put(name, predicate, owners, Copied())
        frame = await self._ask(name, rows_text(foreign), _ROW, _MOST_ROWS) if foreign else None
        if frame is None:
            return
        held = [
            (predicate, others, frame.filter(_numbers(frame) == number).drop(NUMBER).unique())
            for number, (predicate, others) in enumerate(foreign)
        ]
        found = sorted({owners[place.namespace] for _, others in foreign for place in others})
        said = dict(
            zip(found, await gather(self._said(m, held, owners) for m in found), strict=True)
        )
        for predicate, others, own in held:
            verified = [
                place
                for place in others
                if own.filter(_is_in(place)).height == self._counts.get((name, place))
                and self._is_copied(name, place, own, owners, said[owners[place.namespace]])
            ]
            self._put(name, predicate, owners, _copied(verified, own))

    async def _said(
        self,
        owner: str,
        held: Sequence[tuple[str, Sequence[Place], pl.DataFrame]],
        owners: Mapping[str, str],
    ) -> dict[str, pl.DataFrame] | None:
        """Ask an owner what it says of the subjects of others' triples, by predicate."""
        wanted: list[tuple[str, str]] = []
        for predicate, others, own in held:
            places = [_is_in(place) for place in others if owners[place.namespace] == owner]
            if places:
                subjects = own.filter(reduce(or_, places))[SUBJECT].unique(maintain_order=True)
                wanted += [(predicate, subject) for subject in subjects]
        frames: dict[str, list[pl.DataFrame]] = {}
        rows = 0
        for start in range(0, len(wanted), _BLOCK):
            block: dict[str, list[str]] = {}
            for predicate, subject in wanted[start : start + _BLOCK]:
                block.setdefault(predicate, []).append(subject)
            numbered = [(n, *item) for n, item in enumerate(block.items())]
            frame = await self._ask(owner, said_text(numbered), _ROW, _MOST_SAID - rows)
            if frame is None:
                return None
            rows += frame.height
            for number, predicate, _ in numbered:
                part = frame.filter(_numbers(frame) == number).drop(NUMBER)
                frames.setdefault(predicate, []).append(part)
        return {predicate: pl.concat(parts) for predicate, parts in frames.items()}

    def _is_copied(
        self,
        name: str,
        place: Place,
        own: pl.DataFrame,
        owners: Mapping[str, str],
        said: Mapping[str, pl.DataFrame] | None,
    ) -> bool:
        """Whether all triples in a place are the owner's as well, and in no other's place."""
        if said is None:
            return False
        owner, rows = owners[place.namespace], own.filter(_is_in(place))
        for other in self._pairs[name, place.predicate]:
            theirs = owners.get(other.namespace)
            if theirs in other.holders and theirs != owner and rows.filter(_is_in(other)).height:
                return False
        if place.predicate not in said:
            return not rows.height
        return not rows.join(said[place.predicate], on=[SUBJECT, OBJECT], how="anti").height

    def _put(self, name: str, predicate: str, owners: Mapping[str, str], copied: Copied) -> None:
        mine = self._pairs[name, predicate]
        situation = _situation(name, mine, owners, self._stamps)
        self._cache.put((name, predicate), situation, copied)

    async def _ask(
        self, name: str, query: str, columns: Sequence[str], most: int
    ) -> pl.DataFrame | None:
        """Ask a member; None where it does not answer, or gives more than ``most`` rows."""
        stream = self._context.members[name].select(
            query,
            columns,
            deadline=self._deadline,
            log=self._context.log,
            purpose="copy check",
            divisible=True,
            expected_version=self._stamps[name],
        )
        frames: list[pl.DataFrame] = []
        try:
            async with aclosing(stream) as batches:
                async for batch in batches:
                    frames.append(batch)
                    if sum(frame.height for frame in frames) > most:
                        break
                else:
                    return pl.concat(frames)
        except MemberError as error:
            # The query is answered without knowing; if the member is down, that will say so.
            if error.kind != "unreachable":
                self._cache.put_silent(name, self._stamps[name])
        return None


def _is_others(place: Place, name: str, owners: Mapping[str, str]) -> bool:
    owner = owners.get(place.namespace)
    return owner != name and owner in place.holders


def _is_in(place: Place) -> pl.Expr:
    return pl.col(place.column).str.starts_with("<" + place.namespace)


def _copied(verified: Sequence[Place], own: pl.DataFrame) -> Copied:
    kinds = [[place for place in verified if place.subjects is end] for end in (True, False)]
    if not all(kinds):
        tied = False
    else:
        by_subject, by_object = (
            own.select(found=reduce(or_, map(_is_in, places)))["found"] for places in kinds
        )
        tied = bool((by_subject == by_object).all())
    subjects, objects = (tuple(place.namespace for place in places) for places in kinds)
    return Copied(subjects, objects, tied)


def _numbers(frame: pl.DataFrame) -> pl.Series:
    return frame[NUMBER].str.extract('"([0-9]+)"').cast(pl.Int64)


def _number(text: str) -> int:
    return int(text.split('"')[1])
