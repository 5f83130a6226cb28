"""A site that is put to sleep after each message goes on as if it had stayed awake."""

import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from hereditary_kg.embeddings.errors import (
    ProtocolOrderError,
    RefusedMessageError,
    SecureAggregationError,
    TooFewSitesError,
)
from hereditary_kg.embeddings.secure_aggregation import (
    FixedPoint,
    RoundLayout,
    ServerProtocol,
    SitePolicy,
    SiteProtocol,
    SiteState,
    TensorLayout,
)
from hereditary_kg.embeddings.secure_aggregation.messages import SignedMessage
from tests.embeddings.secure_aggregation.sites_in_memory import (
    allow_list,
    run_settings,
    signing_key,
)

POLICY = SitePolicy(fewest_sites=2, fewest_owners=2)
COPY = """
import sys
from hereditary_kg.embeddings.secure_aggregation import SiteState
sys.stdout.buffer.write(SiteState.decode(sys.stdin.buffer.read()).encode())
"""


def in_memory(state):
    return SiteState.decode(state.encode())


def in_another_process(state):
    done = subprocess.run(
        [sys.executable, "-c", COPY],
        input=state.encode(),
        capture_output=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )
    return SiteState.decode(done.stdout)


def draw_below(draw, limit):
    return int.from_bytes(draw(40), "little") % limit


class Twins:
    """A site that stays awake, and one that sleeps after each message; they share all randomness.

    Ed25519's signatures are the same each time, so that whole messages can be compared.
    """

    def __init__(self, site, listed, sleep, monkeypatch):
        self.name, self.listed, self.sleep, self.monkeypatch = site, listed, sleep, monkeypatch
        self.awake = self.make()
        self.sleepy = self.make(in_memory(self.awake.state))

    def make(self, state=None):
        return SiteProtocol(self.name, signing_key(self.name), self.listed, POLICY, state)

    def do(self, step, *arguments):
        said = []
        for site in (self.awake, self.sleepy):
            draw = np.random.default_rng(len(self.name)).bytes
            below = partial(draw_below, draw)
            self.monkeypatch.setattr("os.urandom", draw)
            self.monkeypatch.setattr("secrets.randbelow", below)
            said.append(getattr(site, step)(*arguments))
            self.monkeypatch.undo()
        assert said[0] == said[1]
        assert self.awake.state.encode() == self.sleepy.state.encode()
        self.sleepy = self.make(self.sleep(self.sleepy.state))
        return said[0]


def begin(twins, settings, listed):
    server = ServerProtocol(settings, listed)
    for each in twins:
        server.add_introduction(each.do("introduce", settings))
    for each in twins:
        each.do("accept_roster", server.roster())
    mask = np.arange(6) != 2
    for each in twins:
        server.add_declaration(each.do("declare", {"entities": mask}))
    for each in twins:
        each.do("accept_declarations", server.declarations())
    return server


@pytest.mark.parametrize(
    ("sites", "threshold", "sleep"),
    [(3, 3, in_memory), (4, 3, in_memory), (2, 2, in_another_process)],
    ids=["nobody may drop out", "one may drop out", "in another process"],
)
def test_a_site_goes_on_to_the_same_bytes(sites, threshold, sleep, monkeypatch):
    settings = run_settings(sites, threshold)
    listed = allow_list(settings.sites)
    twins = [Twins(site, listed, sleep, monkeypatch) for site in settings.sites]
    server = begin(twins, settings, listed)
    layout = RoundLayout(
        {"entities": server.exchangeable_rows("entities")},
        [TensorLayout("d", "entities", 2, FixedPoint.finest(1.0, sites))],
    )
    values = np.random.default_rng(1).uniform(-1, 1, (5, 2)).astype(np.float32)
    for number in (1, 2):
        server.begin_round(number, layout)
        silent = twins[-1:] if threshold < sites and number == 2 else []
        for each in twins:
            update = each.do("mask", number, layout, {"d": values})
            if each not in silent:
                server.add_update(update)
        for name, request in server.close_round().items():
            (asked,) = [each for each in twins if each.name == name]
            server.add_answer(asked.do("answer", request))
            with pytest.raises(ProtocolOrderError, match="opened once"):
                asked.sleepy.answer(request)
        opened = server.finish_round()
        np.testing.assert_allclose(
            opened.sums["d"], values * (sites - len(silent)), atol=1e-6 * sites
        )


@pytest.fixture
def asleep(monkeypatch):
    """Two sites that have masked round 1, and what one of them remembers."""
    settings = run_settings(2)
    listed = allow_list(settings.sites)
    twins = [Twins(site, listed, in_memory, monkeypatch) for site in settings.sites]
    server = begin(twins, settings, listed)
    layout = RoundLayout(
        {"entities": server.exchangeable_rows("entities")},
        [TensorLayout("d", "entities", 1, FixedPoint.finest(1.0, 2))],
    )
    twins[0].do("mask", 1, layout, {"d": np.zeros((5, 1), np.float32)})
    return twins[0], layout


def test_a_mask_is_used_once_though_the_site_slept(asleep):
    site, layout = asleep
    with pytest.raises(ProtocolOrderError, match="a mask is used once"):
        site.sleepy.mask(1, layout, {"d": np.ones((5, 1), np.float32)})


def test_a_policy_that_has_become_stricter_holds_at_once(asleep):
    site, _ = asleep
    with pytest.raises(TooFewSitesError, match="takes part from 3 on"):
        SiteProtocol(
            site.name, signing_key(site.name), site.listed, SitePolicy(3, 2), site.sleepy.state
        )


def test_another_site_does_not_go_on_with_it(asleep):
    site, _ = asleep
    with pytest.raises(SecureAggregationError, match="is of site site-00, and this is site-01"):
        SiteProtocol("site-01", signing_key("site-01"), site.listed, POLICY, site.sleepy.state)


def test_what_is_no_state_is_refused(asleep):
    site, _ = asleep
    state = site.sleepy.state
    for wrong in (state.encode()[:-1], state.encode() + b"\0", state.introduction):
        with pytest.raises(RefusedMessageError):
            SiteState.decode(wrong)
    assert SignedMessage.decode(state.introduction).sender == "site-00"
