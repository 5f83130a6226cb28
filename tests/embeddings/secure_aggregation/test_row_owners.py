"""No sum opens in which a row has fewer owners than agreed, whoever drops out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hereditary_kg.embeddings.errors import (
    RefusedMessageError,
    SecureAggregationError,
    TooFewSitesError,
)
from hereditary_kg.embeddings.secure_aggregation import (
    RoundLayout,
    SitePolicy,
    SiteProtocol,
    default_owners,
    default_threshold,
)
from hereditary_kg.embeddings.secure_aggregation.messages import DeclarationList
from tests.embeddings.secure_aggregation.sites_in_memory import (
    Federation,
    allow_list,
    possible_thresholds,
    run_settings,
    signing_key,
)


@settings(max_examples=15)
@given(st.data())
def test_every_row_that_opens_has_its_owners(data):
    sites = data.draw(st.integers(2, 7))
    threshold = data.draw(st.sampled_from(possible_thresholds(sites)))
    owners = data.draw(st.integers(2, min(3, threshold)))
    agreed = run_settings(sites, threshold, owners, {"entities": 12})
    random = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    owned = {site: {"entities": random.random(12) < 0.6} for site in agreed.sites}
    federation = Federation(agreed, owned)
    counts = sum(masks["entities"].astype(int) for masks in owned.values())
    kept = np.flatnonzero(counts >= owners + sites - threshold)
    for site in federation.sites.values():
        assert site.exchangeable_rows("entities").tolist() == kept.tolist()
        assert site.count_owners("entities").tolist() == counts.tolist()
    silent = data.draw(st.sets(st.sampled_from(agreed.sites), max_size=sites - threshold))
    layout = federation.layout()
    opened = federation.run_round(1, layout, federation.values(layout), silent=silent)
    alive = sum(owned[site]["entities"].astype(int) for site in opened.alive)
    assert (opened.owners["entities"] == alive[kept]).all()
    assert (alive[kept] >= owners).all()


def test_a_row_that_too_few_sites_own_is_not_sent():
    agreed = run_settings(3, owners=3, spaces={"entities": 3})
    owned = {site: {"entities": np.array([True, True, True])} for site in agreed.sites}
    owned["site-02"] = {"entities": np.array([True, False, True])}
    federation = Federation(agreed, owned)
    assert federation.sites["site-00"].exchangeable_rows("entities").tolist() == [0, 2]
    layout = federation.layout()
    layout = RoundLayout({"entities": np.array([0, 1])}, layout.tensors)
    values = {"entities/difference": np.zeros((2, 3))}
    with pytest.raises(SecureAggregationError, match="fewer than 3 sites own"):
        federation.sites["site-00"].mask(1, layout, values)


def test_declarations_show_nothing_until_all_sites_have_declared():
    """One site's masked declaration of no rows has no byte in common with another run's."""
    rows = 4000
    nothing = {f"site-{n:02d}": {"entities": np.zeros(rows, dtype=bool)} for n in range(3)}
    sent = []
    for _ in range(2):
        federation = Federation(run_settings(3, spaces={"entities": rows}), nothing)
        listed = DeclarationList.decode(federation.declarations).declarations[0]
        sent.append(np.frombuffer(listed, dtype=np.uint8)[-rows:])
    assert (sent[0] == sent[1]).mean() < 0.03


def test_a_server_cannot_make_up_owners():
    federation = Federation(run_settings(3))
    listed = DeclarationList.decode(federation.declarations)
    forged = bytearray(listed.declarations[1])
    forged[-70] ^= 1
    fresh = Federation.__new__(Federation)
    fresh.__dict__.update(_up_to_declarations(federation.settings))
    honest = DeclarationList.decode(fresh.server.declarations())
    with pytest.raises(RefusedMessageError):
        fresh.sites["site-00"].accept_declarations(
            DeclarationList(
                honest.roster,
                (honest.declarations[0], bytes(forged), honest.declarations[2]),
            ).encode()
        )
    with pytest.raises(RefusedMessageError, match="not in its place"):
        fresh.sites["site-00"].accept_declarations(
            DeclarationList(
                honest.roster,
                (honest.declarations[0], honest.declarations[0], honest.declarations[2]),
            ).encode()
        )
    with pytest.raises(RefusedMessageError, match="for another run"):
        fresh.sites["site-00"].accept_declarations(
            DeclarationList(
                honest.roster,
                (honest.declarations[0], listed.declarations[1], honest.declarations[2]),
            ).encode()
        )
    fresh.sites["site-00"].accept_declarations(honest.encode())


def _up_to_declarations(agreed):
    federation = Federation(agreed)
    listed = allow_list(agreed.sites)
    server = type(federation.server)(agreed, listed)
    sites = {
        name: SiteProtocol(name, signing_key(name), listed, SitePolicy(2, 2))
        for name in agreed.sites
    }
    for site in sites.values():
        server.add_introduction(site.introduce(agreed))
    roster = server.roster()
    for name, site in sites.items():
        site.accept_roster(roster)
        server.add_declaration(site.declare(federation.owned[name]))
    return {"settings": agreed, "server": server, "sites": sites, "owned": federation.owned}


def test_a_site_takes_part_from_its_own_smallest_number_on():
    two = run_settings(2)
    careful = SiteProtocol("site-00", signing_key("site-00"), allow_list(two.sites))
    with pytest.raises(TooFewSitesError, match=r"from 3 on. Wait for more sites"):
        careful.introduce(two)
    four_of_five = run_settings(5, threshold=4, owners=3)
    more = SiteProtocol(
        "site-00", signing_key("site-00"), allow_list(four_of_five.sites), SitePolicy(5)
    )
    with pytest.raises(TooFewSitesError, match="over 4 of 5 sites"):
        more.introduce(four_of_five)


def test_a_site_insists_on_three_owners_where_there_are_three_sites():
    three = run_settings(3, owners=2)
    site = SiteProtocol("site-00", signing_key("site-00"), allow_list(three.sites))
    with pytest.raises(TooFewSitesError, match="Rows of 2 owners would open, and this site wants"):
        site.introduce(three)
    two = run_settings(2, owners=2)
    lenient = SiteProtocol(
        "site-00", signing_key("site-00"), allow_list(two.sites), SitePolicy(fewest_sites=2)
    )
    assert lenient.introduce(two)


@pytest.mark.parametrize("owners", [0, 1])
def test_one_owner_is_never_enough(owners):
    with pytest.raises(SecureAggregationError, match=f"cannot be opened for {owners} owners"):
        run_settings(3, owners=owners)


@pytest.mark.parametrize(("sites", "threshold"), [(3, 1), (4, 2), (5, 3), (6, 4), (5, 6), (50, 43)])
def test_a_threshold_at_which_different_lists_could_open_less(sites, threshold):
    with pytest.raises(SecureAggregationError, match="different drop-outs to different sites"):
        run_settings(sites, threshold)


def test_defaults():
    assert [default_owners(sites) for sites in (2, 3, 50)] == [2, 3, 3]
    assert [default_threshold(sites) for sites in (2, 3, 4, 5, 20, 50)] == [2, 3, 4, 4, 18, 45]
    for sites in range(2, 300):
        assert default_threshold(sites) in possible_thresholds(sites)
