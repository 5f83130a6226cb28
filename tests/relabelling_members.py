"""Members whose blank nodes have other labels in every answer, as SPARQL allows."""

import itertools
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pyoxigraph as ox

from hereditary_kg.execution.engine import AsyncFederation
from hereditary_kg.federation.description import FederationDescription, MemberDescription
from hereditary_kg.federation.member import Member
from hereditary_kg.federation.transport import (
    EmbeddedTransport,
    TransportRequest,
    TransportResponse,
)

__all__ = ["relabelling_federation"]

_LABEL = re.compile(rb"_:[A-Za-z0-9]+")
_ANSWERS = itertools.count(1)


class RelabellingTransport(EmbeddedTransport):
    """Gives the blank nodes of each answer labels that no other answer has."""

    @asynccontextmanager
    async def send(self, request: TransportRequest) -> AsyncIterator[TransportResponse]:
        async with super().send(request) as response:
            yield replace(response, chunks=self._relabelled(response))

    async def _relabelled(self, response: TransportResponse) -> AsyncIterator[bytes]:
        document = b"".join([chunk async for chunk in response.chunks])
        known: dict[bytes, bytes] = {}
        answer = next(_ANSWERS)

        def relabel(match: re.Match[bytes]) -> bytes:
            return known.setdefault(match[0], b"_:a%dn%d" % (answer, len(known)))

        yield _LABEL.sub(relabel, document)


def relabelling_federation(stores: Sequence[ox.Store]) -> AsyncFederation:
    """Make a federation whose members are embedded stores, named m0, m1 and so on."""
    members = [
        Member(MemberDescription(f"m{i}", blank_nodes="answer"), RelabellingTransport(store))
        for i, store in enumerate(stores)
    ]
    descriptions = tuple(member.description for member in members)
    return AsyncFederation(FederationDescription("relabelling", members=descriptions), members)
