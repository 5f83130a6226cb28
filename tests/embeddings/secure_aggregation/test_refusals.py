"""What is changed, replayed, foreign or wrongly signed is refused, and nothing comes of it."""

import dataclasses

import numpy as np
import pytest

from hereditary_kg.embeddings.errors import (
    FixedPointError,
    ProtocolOrderError,
    RefusedMessageError,
    SecureAggregationError,
    TooFewSitesError,
)
from hereditary_kg.embeddings.secure_aggregation import (
    AllowList,
    FixedPoint,
    RoundLayout,
    ServerProtocol,
    SitePolicy,
    SiteProtocol,
    TensorLayout,
)
from hereditary_kg.embeddings.secure_aggregation.identities import sign_message
from hereditary_kg.embeddings.secure_aggregation.key_derivation import derive_tensor_key
from hereditary_kg.embeddings.secure_aggregation.masks import add_mask
from hereditary_kg.embeddings.secure_aggregation.messages import (
    Introduction,
    MaskedUpdate,
    Roster,
    SignedMessage,
    UnmaskingRequest,
    UnmaskingShares,
)
from hereditary_kg.embeddings.secure_aggregation.sealed_shares import ShareAddress, open_shares
from hereditary_kg.embeddings.secure_aggregation.secret_sharing import join_shares
from tests.embeddings.secure_aggregation.sites_in_memory import (
    DAY,
    NOW,
    Federation,
    allow_list,
    certificate,
    certify,
    run_settings,
    signing_key,
)


def new_site(agreed, name="site-00", listed=None):
    return SiteProtocol(
        name, signing_key(name), listed or allow_list(agreed.sites), SitePolicy(2, 2)
    )


def reopen(signed, kind):
    return kind.decode(SignedMessage.decode(signed).body)


def change(signed, kind, signer, **changes):
    """Change fields of a signed message, and sign it again as somebody."""
    message = dataclasses.replace(reopen(signed, kind), **changes)
    return sign_message(message, signer, signing_key(signer))


def one_row():
    coding = FixedPoint(1, 2**-8, 2)
    return RoundLayout({"entities": np.array([0])}, [TensorLayout("d", "entities", 1, coding)])


@pytest.fixture
def federation():
    return Federation(run_settings(4, threshold=3))


@pytest.fixture
def begun(federation):
    """A round whose updates came from all sites but site-03."""
    layout = federation.layout()
    values = federation.values(layout)
    federation.server.begin_round(1, layout)
    updates = {name: site.mask(1, layout, values[name]) for name, site in federation.sites.items()}
    for name in ("site-00", "site-01", "site-02"):
        federation.server.add_update(updates[name])
    return federation, updates


# Signatures and certificates


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_certificates_of_each_kind_sign(kind):
    agreed = run_settings(2)
    listed = AllowList({site: certificate(site, kind) for site in agreed.sites})
    sites = [
        SiteProtocol(site, signing_key(site, kind), listed, SitePolicy(2)) for site in agreed.sites
    ]
    server = ServerProtocol(agreed, listed)
    for site in sites:
        server.add_introduction(site.introduce(agreed))
    for site in sites:
        site.accept_roster(server.roster())


@pytest.mark.parametrize("place", range(0, 900, 37))
def test_an_introduction_changed_at_any_place_is_refused(place):
    agreed = run_settings(2)
    signed = bytearray(new_site(agreed).introduce(agreed))
    signed[place % len(signed)] ^= 4
    with pytest.raises(RefusedMessageError):
        ServerProtocol(agreed, allow_list(agreed.sites)).add_introduction(bytes(signed))


def test_an_introduction_signed_by_another_site_is_refused():
    agreed = run_settings(3)
    signed = new_site(agreed).introduce(agreed)
    as_other = sign_message(reopen(signed, Introduction), "site-01", signing_key("site-01"))
    server = ServerProtocol(agreed, allow_list(agreed.sites))
    with pytest.raises(RefusedMessageError, match="Site site-01 introduces site-00"):
        server.add_introduction(as_other)
    message = SignedMessage.decode(as_other)
    forged = dataclasses.replace(message, sender="site-00").encode()
    with pytest.raises(RefusedMessageError, match="not signed with its certificate's key"):
        server.add_introduction(forged)


def test_an_unlisted_site_is_refused():
    agreed = run_settings(3)
    signed = new_site(agreed).introduce(agreed)
    shorter = AllowList({site: certificate(site) for site in agreed.sites[1:]})
    with pytest.raises(RefusedMessageError, match="site-00, which is not on the list"):
        ServerProtocol(agreed, shorter).add_introduction(signed)
    with pytest.raises(RefusedMessageError, match="not on the list of certificates of site-01"):
        new_site(agreed, "site-01", shorter).introduce(agreed)
    with pytest.raises(SecureAggregationError, match="not on its own list"):
        new_site(agreed, "site-00", shorter)


def test_another_certificate_of_the_same_key_is_refused():
    agreed = run_settings(2)
    renewed = certify("site-00", signing_key("site-00"))
    listed = AllowList({"site-00": renewed, "site-01": certificate("site-01")})
    signed = new_site(agreed, "site-00", listed).introduce(agreed)
    with pytest.raises(RefusedMessageError, match="shows another certificate"):
        ServerProtocol(agreed, allow_list(agreed.sites)).add_introduction(signed)


@pytest.mark.parametrize(("start", "end"), [(NOW - 2 * DAY, NOW - DAY), (NOW + DAY, NOW + 2 * DAY)])
def test_a_certificate_that_is_not_valid_today_is_refused(start, end):
    agreed = run_settings(2)
    listed = AllowList(
        {
            "site-00": certify("site-00", signing_key("site-00"), start, end),
            "site-01": certificate("site-01"),
        }
    )
    with pytest.raises(RefusedMessageError, match=r"is valid from .* and not now. Renew it"):
        new_site(agreed, "site-00", listed).introduce(agreed)


def test_a_key_that_belongs_to_another_certificate():
    agreed = run_settings(2)
    with pytest.raises(SecureAggregationError, match="doesn't belong to the certificate"):
        SiteProtocol("site-00", signing_key("site-01"), allow_list(agreed.sites))


def test_two_sites_cannot_have_one_key():
    key = signing_key("site-00")
    with pytest.raises(SecureAggregationError, match="the same key"):
        AllowList({"site-00": certify("site-00", key), "site-01": certify("site-01", key)})


# Other runs, other settings, other rosters


def test_an_introduction_to_another_run_is_refused():
    agreed, other = run_settings(3), run_settings(3, run=b"another 16 bytes")
    foreign = new_site(other).introduce(other)
    with pytest.raises(RefusedMessageError, match="to another run, or with other settings"):
        ServerProtocol(agreed, allow_list(agreed.sites)).add_introduction(foreign)


def test_a_site_that_agreed_to_other_settings_is_refused_by_its_peers():
    agreed, weaker = run_settings(3, owners=3), run_settings(3, owners=2)
    sites = {name: new_site(agreed, name) for name in agreed.sites}
    introductions = [
        site.introduce(weaker if name == "site-02" else agreed) for name, site in sites.items()
    ]
    with pytest.raises(RefusedMessageError, match="other settings"):
        sites["site-00"].accept_roster(Roster(agreed.run, tuple(introductions)).encode())


def test_a_roster_without_the_sites_own_keys_is_refused():
    agreed = run_settings(3)
    sites = {name: new_site(agreed, name) for name in agreed.sites}
    introductions = [site.introduce(agreed) for site in sites.values()]
    replayed = new_site(agreed).introduce(agreed)
    roster = Roster(agreed.run, (replayed, *introductions[1:])).encode()
    with pytest.raises(RefusedMessageError, match="introduces site-00 otherwise"):
        sites["site-00"].accept_roster(roster)


def test_a_roster_names_each_site_once():
    agreed = run_settings(3)
    sites = {name: new_site(agreed, name) for name in agreed.sites}
    first, second, third = (site.introduce(agreed) for site in sites.values())
    for introductions in ((first, second), (first, second, second), (first, third, second)):
        with pytest.raises(RefusedMessageError):
            sites["site-00"].accept_roster(Roster(agreed.run, introductions).encode())
    sites["site-00"].accept_roster(Roster(agreed.run, (first, second, third)).encode())


def test_keys_that_are_none_are_refused():
    agreed = run_settings(2)
    sites = {name: new_site(agreed, name) for name in agreed.sites}
    mine, theirs = (site.introduce(agreed) for site in sites.values())
    for broken in (bytes(32), bytes(31)):
        forged = change(theirs, Introduction, "site-01", mask_key=broken)
        with pytest.raises(RefusedMessageError, match="no X25519 key"):
            sites["site-00"].accept_roster(Roster(agreed.run, (mine, forged)).encode())
    copied = change(theirs, Introduction, "site-01", mask_key=reopen(mine, Introduction).mask_key)
    with pytest.raises(RefusedMessageError, match="the same key"):
        sites["site-00"].accept_roster(Roster(agreed.run, (mine, copied)).encode())


def test_an_update_of_another_run_is_refused(begun):
    federation, _ = begun
    other = Federation(run_settings(4, threshold=3, run=b"another 16 bytes"))
    layout = other.layout()
    foreign = other.sites["site-03"].mask(1, layout, other.values(layout)["site-03"])
    with pytest.raises(RefusedMessageError, match="is of another run"):
        federation.server.add_update(foreign)


# Updates


def test_a_changed_update_is_refused(begun):
    federation, updates = begun
    for place in range(10, len(updates["site-03"]), 97):
        forged = bytearray(updates["site-03"])
        forged[place] ^= 1
        with pytest.raises(RefusedMessageError):
            federation.server.add_update(bytes(forged))
    federation.server.add_update(updates["site-03"])


def test_a_replayed_update_is_refused(begun):
    federation, updates = begun
    with pytest.raises(RefusedMessageError, match="has sent its update before"):
        federation.server.add_update(updates["site-00"])
    federation.server.begin_round(2, federation.layout())
    with pytest.raises(RefusedMessageError, match="round 1 while round 2 is on"):
        federation.server.add_update(updates["site-03"])


def test_an_update_in_anothers_name_is_refused(begun):
    federation, updates = begun
    forged = change(updates["site-02"], MaskedUpdate, "site-03")
    with pytest.raises(RefusedMessageError, match="site-03 sends an update of site-02"):
        federation.server.add_update(forged)


@pytest.mark.parametrize(
    "changes",
    [
        {"tensors": (b"",)},
        {"tensors": (bytes(6), bytes(71))},
        {"pair_commitments": ()},
        {"sealed_shares": ()},
    ],
)
def test_a_misshapen_update_is_refused(begun, changes):
    federation, updates = begun
    forged = change(updates["site-03"], MaskedUpdate, "site-03", **changes)
    with pytest.raises(RefusedMessageError, match="another shape"):
        federation.server.add_update(forged)


def test_a_giant_update_is_not_read(begun):
    federation, _ = begun
    with pytest.raises(RefusedMessageError, match="too long here"):
        federation.server.add_update(bytes(1_000_000))


def test_other_tensors_than_the_servers_are_refused(federation):
    layout = federation.layout()
    federation.server.begin_round(1, layout)
    finer = RoundLayout(
        layout.rows,
        [TensorLayout("entities/difference", "entities", 3, FixedPoint(1, 2**-10, 4))],
    )
    update = federation.sites["site-00"].mask(1, finer, federation.values(finer)["site-00"])
    with pytest.raises(RefusedMessageError, match="other rows or tensors than the server"):
        federation.server.add_update(update)


def test_a_mask_is_used_once(begun):
    federation, _ = begun
    layout = federation.layout()
    values = federation.values(layout)["site-00"]
    with pytest.raises(ProtocolOrderError, match="a mask is used once"):
        federation.sites["site-00"].mask(1, layout, values)


@pytest.mark.parametrize("number", [-1, 0, 2**63])
def test_rounds_count_from_one(federation, number):
    layout = federation.layout()
    with pytest.raises(ProtocolOrderError):
        federation.sites["site-00"].mask(number, layout, federation.values(layout)["site-00"])


def test_a_loss_that_diverged_sends_nothing(federation):
    layout = federation.layout()
    values = {"entities/difference": np.full((6, 3), np.nan)}
    with pytest.raises(FixedPointError, match="lower the learning rate"):
        federation.sites["site-00"].mask(1, layout, values)
    federation.sites["site-00"].mask(1, layout, federation.values(layout)["site-00"])


def test_values_that_do_not_fit_the_layout(federation):
    layout = federation.layout()
    site = federation.sites["site-00"]
    with pytest.raises(SecureAggregationError, match=r"shape \[6, 3\]; it is missing"):
        site.mask(1, layout, {})
    with pytest.raises(SecureAggregationError, match=r"it has \[6, 2\]"):
        site.mask(1, layout, {"entities/difference": np.zeros((6, 2))})


# Opening a sum


def test_a_list_that_names_a_site_alive_and_dead_is_refused(begun):
    federation, _ = begun
    request = UnmaskingRequest.decode(federation.server.close_round()["site-00"])
    lie = dataclasses.replace(request, dead=("site-02", "site-03"))
    with pytest.raises(RefusedMessageError, match="names site-02 both alive and dead"):
        federation.sites["site-00"].answer(lie.encode())
    federation.sites["site-00"].answer(request.encode())


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"dead": ()}, RefusedMessageError, "each site of the run once"),
        ({"dead": ("site-03", "site-03")}, RefusedMessageError, "each site of the run once"),
        ({"dead": ("elsewhere",)}, RefusedMessageError, "each site of the run once"),
        (
            {"alive": ("site-00", "site-01"), "dead": ("site-02", "site-03")},
            TooFewSitesError,
            "updates of 2 sites came, and 3 are needed",
        ),
        (
            {"alive": ("site-01", "site-02", "site-03"), "dead": ("site-00",)},
            RefusedMessageError,
            "without site-00 came to site-00",
        ),
        ({"sealed_shares": ()}, RefusedMessageError, "no shares for each site alive"),
        ({"roster": bytes(32)}, RefusedMessageError, "of another run"),
        ({"round": 2}, ProtocolOrderError, "has not masked or has opened before"),
    ],
)
def test_requests_that_are_refused(begun, changes, error, words):
    federation, _ = begun
    request = UnmaskingRequest.decode(federation.server.close_round()["site-00"])
    with pytest.raises(error, match=words):
        federation.sites["site-00"].answer(dataclasses.replace(request, **changes).encode())
    federation.sites["site-00"].answer(request.encode())


def test_a_round_is_opened_once(begun):
    """So no site can be alive in one list and dead in another: the first one stands."""
    federation, updates = begun
    requests = federation.server.close_round()
    site = federation.sites["site-00"]
    site.answer(requests["site-00"])
    request = UnmaskingRequest.decode(requests["site-00"])
    late = reopen(updates["site-03"], MaskedUpdate)
    other = dataclasses.replace(
        request,
        alive=("site-00", "site-01", "site-03"),
        dead=("site-02",),
        sealed_shares=(*request.sealed_shares[:2], late.sealed_shares[0]),
    )
    with pytest.raises(ProtocolOrderError, match="opened once"):
        site.answer(other.encode())


def test_what_is_given_away_of_a_dropped_site_does_not_open_its_late_update(begun):
    """Whoever holds the late update and all answers still lacks the seed of the site's own mask."""
    federation, updates = begun
    answers = [
        reopen(federation.sites[name].answer(request), UnmaskingShares)
        for name, request in federation.server.close_round().items()
    ]
    assert all("site-03" not in answer.alive for answer in answers)
    assert all(len(answer.seed_shares) == len(answer.pair_shares) == 3 for answer in answers)
    late = reopen(updates["site-03"], MaskedUpdate)
    residues = np.frombuffer(late.tensors[0], dtype="u1").copy()
    for place in range(3):
        shares = {holder: answer.pair_shares[place] for holder, answer in enumerate(answers)}
        seed = join_shares(shares, 3)
        key = derive_tensor_key(seed, federation.settings.run, 1, "owners/entities")
        add_mask(residues, key, negative=False)
    assert (residues != 1).any()
    own = [reopen_own_seed(federation, late), federation.settings.run, 1, "owners/entities"]
    add_mask(residues, derive_tensor_key(*own), negative=True)
    assert (residues == 1).all(), "with that seed, which nobody gave away, it would open"
    with pytest.raises(RefusedMessageError, match="came too late"):
        federation.server.add_update(updates["site-03"])


def reopen_own_seed(federation, late):
    """Take the shares of a late update's own seed, as only corrupt sites would give them."""
    shares = {}
    for holder, name in enumerate(("site-00", "site-01", "site-02")):
        address = ShareAddress(federation.settings.run, 1, "site-03", name)
        key = federation.sites[name].state.pairs["site-03"].receiving_key
        shares[holder] = open_shares(key, address, late.sealed_shares[holder], 4)[0]
    return join_shares(shares, 3)


def test_seeds_of_a_round_open_no_other_round(begun):
    federation, _ = begun
    site = federation.sites["site-00"]
    pair = site.state.pairs["site-03"]
    run = federation.settings.run
    seeds = {pair.derive_seed(run, number, "site-00", "site-03") for number in range(50)}
    assert len(seeds) == 50
    other = federation.sites["site-03"].state.pairs["site-00"]
    assert other.derive_seed(run, 7, "site-03", "site-00") in seeds


def test_shares_of_another_round_or_receiver_are_refused(begun):
    federation, _ = begun
    requests = federation.server.close_round()
    mine, theirs = (UnmaskingRequest.decode(requests[name]) for name in ("site-00", "site-01"))
    misled = dataclasses.replace(mine, sealed_shares=theirs.sealed_shares)
    with pytest.raises(RefusedMessageError, match="cannot be opened"):
        federation.sites["site-00"].answer(misled.encode())
    layout = federation.layout()
    for name, site in federation.sites.items():
        site.mask(2, layout, federation.values(layout)[name])
    stale = dataclasses.replace(mine, round=2)
    with pytest.raises(RefusedMessageError, match="of another round or for another site"):
        federation.sites["site-00"].answer(stale.encode())


def test_answers_are_checked(begun):
    federation, _ = begun
    server = federation.server
    with pytest.raises(ProtocolOrderError, match="not closed yet"):
        server.add_answer(b"")
    requests = server.close_round()
    answer = federation.sites["site-00"].answer(requests["site-00"])
    for changes, words in [
        ({"round": 2}, "for another run, or for round 2"),
        ({"roster": b""}, "for another run"),
        ({"alive": ("site-00",)}, "another question"),
        ({"pair_shares": ()}, "another question"),
        ({"seed_shares": (b"", b"", b"")}, "shares that are none"),
        ({"site": "site-03"}, "answers for site-03"),
    ]:
        with pytest.raises(RefusedMessageError, match=words):
            server.add_answer(change(answer, UnmaskingShares, "site-00", **changes))
    server.add_answer(answer)
    with pytest.raises(RefusedMessageError, match="has answered before"):
        server.add_answer(answer)
    with pytest.raises(TooFewSitesError, match="1 sites gave their shares, and 3 are needed"):
        server.finish_round()


def test_a_false_share_is_noticed(begun):
    federation, _ = begun
    for name, request in federation.server.close_round().items():
        answer = federation.sites[name].answer(request)
        if name == "site-01":
            seeds = list(reopen(answer, UnmaskingShares).seed_shares)
            seeds[2] = bytes((seeds[2][0] ^ 1, *seeds[2][1:]))
            answer = change(answer, UnmaskingShares, name, seed_shares=tuple(seeds))
        federation.server.add_answer(answer)
    with pytest.raises(RefusedMessageError, match=r"seed of site site-02|no secret"):
        federation.server.finish_round()


def test_a_false_commitment_is_noticed(begun):
    federation, updates = begun
    commitments = list(reopen(updates["site-03"], MaskedUpdate).pair_commitments)
    commitments[0] = bytes(32)
    federation.server.add_update(
        change(updates["site-03"], MaskedUpdate, "site-03", pair_commitments=tuple(commitments))
    )
    with pytest.raises(SecureAggregationError, match="site-00 and site-03 have no seed in common"):
        federation.server.close_round()


def test_a_vector_that_is_masked_wrongly_is_noticed(begun):
    federation, updates = begun
    update = reopen(updates["site-03"], MaskedUpdate)
    tensors = (bytes(len(update.tensors[0])), *update.tensors[1:])
    federation.server.add_update(
        change(updates["site-03"], MaskedUpdate, "site-03", tensors=tensors)
    )
    for name, request in federation.server.close_round().items():
        federation.server.add_answer(federation.sites[name].answer(request))
    with pytest.raises(SecureAggregationError, match="impossible counts"):
        federation.server.finish_round()


# The order of things


def test_steps_come_in_their_order():
    agreed = run_settings(2)
    site = new_site(agreed)
    with pytest.raises(ProtocolOrderError, match="has not introduced itself yet"):
        site.accept_roster(b"")
    site.introduce(agreed)
    with pytest.raises(ProtocolOrderError, match="has introduced itself"):
        site.introduce(agreed)
    with pytest.raises(ProtocolOrderError, match="doesn't know yet who takes part"):
        site.declare({})
    server = ServerProtocol(agreed, allow_list(agreed.sites))
    with pytest.raises(ProtocolOrderError, match="when all sites have declared"):
        server.begin_round(1, one_row())
    with pytest.raises(TooFewSitesError, match="not introduced themselves yet: site-00, site-01"):
        server.roster()
    with pytest.raises(ProtocolOrderError, match="roster was not made yet"):
        server.add_declaration(b"")
    with pytest.raises(ProtocolOrderError, match="No round is on"):
        server.add_update(b"")


def test_nothing_is_masked_before_the_owners_are_known(federation):
    agreed = run_settings(2)
    sites = {name: new_site(agreed, name) for name in agreed.sites}
    roster = Roster(agreed.run, tuple(site.introduce(agreed) for site in sites.values()))
    sites["site-00"].accept_roster(roster.encode())
    with pytest.raises(ProtocolOrderError, match="has the roster"):
        sites["site-00"].accept_roster(roster.encode())
    with pytest.raises(ProtocolOrderError, match="how many sites own each row"):
        sites["site-00"].mask(1, federation.layout(), {})
    with pytest.raises(SecureAggregationError, match="mask of 6 booleans"):
        sites["site-00"].declare({"entities": np.ones(5, dtype=bool)})
    with pytest.raises(ProtocolOrderError, match="once, after its own"):
        sites["site-00"].accept_declarations(b"")


def test_a_round_is_closed_once(begun):
    federation, _ = begun
    federation.server.close_round()
    with pytest.raises(ProtocolOrderError, match="closed before"):
        federation.server.close_round()
    with pytest.raises(ProtocolOrderError, match="Round 1 cannot follow round 1"):
        federation.server.begin_round(1, federation.layout())


@pytest.mark.parametrize(
    "rows", [np.array([1, 1]), np.array([2, 1]), np.array([[0]]), np.array([0], dtype=np.int32)]
)
def test_rows_are_in_ascending_order(rows):
    with pytest.raises(SecureAggregationError, match="ascending order"):
        RoundLayout({"e": rows}, [TensorLayout("d", "e", 1, FixedPoint(1, 2**-8, 2))])


def test_layouts_that_cannot_be(federation):
    coding = FixedPoint(1, 2**-8, 4)
    rows = {"entities": np.array([0, 9])}
    beyond = RoundLayout(rows, [TensorLayout("d", "entities", 1, coding)])
    with pytest.raises(SecureAggregationError, match="do not exist"):
        federation.server.begin_round(1, beyond)
    rows = {"entities": np.array([0])}
    small = RoundLayout(rows, [TensorLayout("d", "entities", 1, FixedPoint(1, 2**-8, 3))])
    with pytest.raises(SecureAggregationError, match="sums of 3 sites, and 4 take part"):
        federation.server.begin_round(1, small)
    named = RoundLayout(rows, [TensorLayout("owners/entities", "entities", 1, coding)])
    with pytest.raises(SecureAggregationError, match="cannot begin with owners/"):
        federation.server.begin_round(1, named)
    with pytest.raises(SecureAggregationError, match="no rows of relations"):
        RoundLayout(rows, [TensorLayout("d", "relations", 1, coding)])
    with pytest.raises(SecureAggregationError, match="names are different"):
        RoundLayout(rows, [TensorLayout("d", "entities", 1, coding)] * 2)
