"""Profiles are out of the garbage collector's sight while a federation is served."""

import asyncio
import gc
from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from hereditary_kg.cli.garbage_collection import frozen_profiles


@dataclass
class Member:
    name: str
    known_profile: object = None


@pytest.fixture
def collections(monkeypatch):
    counted = []
    monkeypatch.setattr(gc, "collect", lambda: counted.append(len(counted)))
    return counted


def profile(stamp):
    return SimpleNamespace(stamp=stamp)


async def test_profiles_are_frozen_once_they_are_there(collections):
    member, other = Member("a"), Member("b")
    async with frozen_profiles([member, other], interval=0.001):
        await asyncio.sleep(0.02)
        assert not collections
        member.known_profile = profile("1")
        await asyncio.sleep(0.02)
        assert len(collections) == 1
        assert gc.get_freeze_count() > 0
        other.known_profile = profile("1")
        await asyncio.sleep(0.02)
        assert len(collections) == 2
    assert gc.get_freeze_count() == 0


async def test_a_new_profile_is_frozen_as_well_but_not_looked_for_when_one_is_gone(collections):
    member = Member("a", profile("1"))
    async with frozen_profiles([member], interval=0.001):
        await asyncio.sleep(0.02)
        member.known_profile = None
        await asyncio.sleep(0.02)
        assert len(collections) == 1
        member.known_profile = profile("2")
        await asyncio.sleep(0.02)
        assert len(collections) == 2
