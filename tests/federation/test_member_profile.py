"""When a member's profile is asked for, and when it is not used."""

import asyncio

import pytest

from hereditary_kg.federation.deadline import Deadline
from hereditary_kg.federation.description import MemberDescription
from hereditary_kg.federation.errors import MemberError, StaleProfileError, UnreachableError
from hereditary_kg.federation.member import PROFILE_AGE, Member
from hereditary_kg.federation.profile_cache import ABSENCE_AGE
from hereditary_kg.federation.request_log import RequestLog
from hereditary_kg.federation.retry import RetryPolicy
from hereditary_kg.federation.transport import FetchedProfile, ScriptedAnswer, ScriptedTransport

VERSION = "HKG-Data-Version"


class Transport(ScriptedTransport):
    """A scripted transport that counts how often its profile is asked for."""

    def __init__(self, handler):
        super().__init__(handler)
        self.asked = []
        self.failures = []

    async def fetch_profile(self, etag):
        self.asked.append(etag)
        await asyncio.sleep(0)
        if self.failures:
            raise self.failures.pop()
        return await super().fetch_profile(etag)


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def make_member(version="1", *, clock=None, **described):
    data = {"version": version}

    def answer(_):
        headers = {} if data["version"] is None else {VERSION.lower(): data["version"]}
        return ScriptedAnswer("?s\n<e:a>\n", headers=headers)

    transport = Transport(answer)
    options = {} if clock is None else {"clock": clock}
    member = Member(
        MemberDescription("clinic", **described),
        transport,
        retry_policy=RetryPolicy(base=0.001),
        **options,
    )
    return member, transport, data


async def rows(member, **options):
    batches = member.select("q", ["s"], deadline=Deadline(30), log=RequestLog(), **options)
    return sum([batch.height async for batch in batches])


async def test_a_profile_is_asked_for_again_when_it_has_aged(profile_json):
    clock = Clock()
    member, transport, _ = make_member(clock=clock)
    transport.profile = FetchedProfile("e1", profile_json("1"))
    first = await member.profile(Deadline(30))
    clock.now = PROFILE_AGE
    assert await member.profile(Deadline(30)) is first
    assert transport.asked == [None]
    clock.now = PROFILE_AGE + 1
    assert await member.profile(Deadline(30)) is first
    assert transport.asked == [None, "e1"]


async def test_it_is_known_whether_a_profile_would_be_asked_for(profile_json):
    clock = Clock()
    member, transport, data = make_member(clock=clock)
    transport.profile = FetchedProfile("e1", profile_json("1"))
    assert not member.knows_profile()
    first = await member.profile(Deadline(30))
    clock.now = PROFILE_AGE
    assert member.knows_profile()
    assert member.known_profile is first
    clock.now = PROFILE_AGE + 1
    assert not member.knows_profile()
    await member.profile(Deadline(30))
    data["version"] = "2"
    with pytest.raises(StaleProfileError):
        await rows(member)
    assert not member.knows_profile()
    assert member.known_profile is None


async def test_a_member_without_a_profile_is_known_to_have_none():
    member, transport, _ = make_member()
    assert await member.profile(Deadline(30)) is None
    assert member.knows_profile()
    assert member.known_profile is None
    assert transport.asked == [None]


async def test_many_askers_cause_one_request(profile_json):
    member, transport, _ = make_member()
    transport.profile = FetchedProfile("e1", profile_json("1"))
    profiles = await asyncio.gather(*(member.profile(Deadline(30)) for _ in range(50)))
    assert {profile.stamp for profile in profiles} == {"1"}
    assert len(transport.asked) == 1


async def test_a_plan_of_older_data_is_stopped_before_any_row(profile_json):
    member, transport, data = make_member()
    transport.profile = FetchedProfile("e1", profile_json("1"))
    await member.profile(Deadline(30))
    assert await rows(member) == 1
    data["version"] = "2"
    transport.profile = FetchedProfile("e2", profile_json("2"))
    with pytest.raises(StaleProfileError) as caught:
        await rows(member)
    assert (caught.value.expected, caught.value.found) == ("1", "2")
    assert (await member.profile(Deadline(30))).stamp == "2"
    assert await rows(member) == 1
    with pytest.raises(StaleProfileError):
        await rows(member, expected_version="1")


async def test_a_profile_that_lags_behind_the_data_is_not_used(profile_json):
    member, transport, data = make_member()
    transport.profile = FetchedProfile("e1", profile_json("1"))
    await member.profile(Deadline(30))
    data["version"] = "2"
    with pytest.raises(StaleProfileError):
        await rows(member)
    assert await member.profile(Deadline(30)) is None
    assert await rows(member) == 1
    assert (await member.check(Deadline(30))).profile == "stale"


async def test_a_profile_newer_than_the_last_answer_is_used(profile_json):
    member, transport, data = make_member()
    transport.profile = FetchedProfile("e1", profile_json("1"))
    await member.profile(Deadline(30))
    assert await rows(member) == 1
    data["version"] = "2"
    transport.profile = FetchedProfile("e2", profile_json("2"))
    assert (await member.profile(Deadline(30), max_age=0)).stamp == "2"
    assert await rows(member) == 1


async def test_without_data_versions_a_profile_stays_unverified(profile_json):
    member, transport, _ = make_member(version=None)
    transport.profile = FetchedProfile("e1", profile_json("1"))
    assert (await member.profile(Deadline(30))).stamp == "1"
    assert await rows(member) == 1


async def test_a_profile_file_stands_in_where_the_member_publishes_none(profile_json, tmp_path):
    file = tmp_path / "clinic.json"
    file.write_bytes(profile_json("7"))
    member, transport, _ = make_member(version=None, profile=file)
    assert (await member.profile(Deadline(30))).stamp == "7"
    transport.profile = FetchedProfile("e1", profile_json("1"))
    assert (await member.profile(Deadline(30), max_age=0)).stamp == "1"


async def test_a_member_whose_profile_is_a_file_is_seldom_asked_for_one(profile_json, tmp_path):
    clock = Clock()
    file = tmp_path / "clinic.json"
    file.write_bytes(profile_json("7"))
    member, transport, _ = make_member(version=None, clock=clock, profile=file)
    first = await member.profile(Deadline(30))
    clock.now = PROFILE_AGE + 1
    assert await member.profile(Deadline(30)) is first
    file.write_bytes(profile_json("eight"))
    clock.now = 2 * PROFILE_AGE + 2
    assert (await member.profile(Deadline(30))).stamp == "eight"
    assert transport.asked == [None]
    transport.profile = FetchedProfile("e1", profile_json("1"))
    clock.now = ABSENCE_AGE + 1
    assert (await member.profile(Deadline(30))).stamp == "1"
    assert transport.asked == [None, None]


async def test_an_answer_from_other_data_than_the_files_makes_the_member_be_asked(
    profile_json, tmp_path
):
    file = tmp_path / "clinic.json"
    file.write_bytes(profile_json("1"))
    member, transport, data = make_member(version="1", profile=file)
    assert (await member.profile(Deadline(30))).stamp == "1"
    data["version"] = "2"
    with pytest.raises(StaleProfileError):
        await rows(member)
    assert await member.profile(Deadline(30)) is None
    transport.profile = FetchedProfile("e2", profile_json("2"))
    assert (await member.profile(Deadline(30), max_age=0)).stamp == "2"
    assert len(transport.asked) == 3


async def test_a_broken_profile_is_an_error_that_names_the_member(tmp_path):
    file = tmp_path / "clinic.json"
    file.write_text("{}")
    member, transport, _ = make_member(profile=file)
    for profile in (None, FetchedProfile("e1", b"[]")):
        transport.profile = profile
        with pytest.raises(MemberError, match="profile") as caught:
            await member.profile(Deadline(30), max_age=0)
        assert caught.value.kind == "content"
    file.unlink()
    transport.profile = None
    with pytest.raises(MemberError, match="cannot be read"):
        await member.profile(Deadline(30), max_age=0)


async def test_a_passing_failure_to_fetch_is_tried_again(profile_json):
    member, transport, _ = make_member()
    transport.profile = FetchedProfile("e1", profile_json("1"))
    transport.failures = [UnreachableError("refused")] * 2
    assert (await member.profile(Deadline(30))).stamp == "1"
    transport.failures = [UnreachableError("refused")] * 3
    with pytest.raises(MemberError) as caught:
        await member.profile(Deadline(30), max_age=0)
    assert caught.value.kind == "unreachable"
    assert caught.value.query is None


async def test_a_profile_that_never_comes_times_out(monkeypatch):
    member, transport, _ = make_member()

    async def wait(_):
        await asyncio.sleep(60)

    monkeypatch.setattr(transport, "fetch_profile", wait)
    patient = asyncio.create_task(member.profile(Deadline(None)))
    await asyncio.sleep(0)
    with pytest.raises(MemberError) as caught:
        await member.profile(Deadline(0.05))
    assert caught.value.kind == "timeout"
    patient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await patient
    with pytest.raises(MemberError):
        await member.profile(Deadline(0.05))
