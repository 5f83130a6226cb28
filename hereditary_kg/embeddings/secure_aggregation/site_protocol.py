"""A site's part of the protocol: what it says, and what it refuses to say."""

import os
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.serialization import Encoding
from numpy.typing import NDArray

from hereditary_kg.embeddings.errors import (
    ProtocolOrderError,
    RefusedMessageError,
    SecureAggregationError,
    TooFewSitesError,
)
from hereditary_kg.embeddings.secure_aggregation.declarations import add_declarations
from hereditary_kg.embeddings.secure_aggregation.identities import (
    AllowList,
    SigningKey,
    sign_message,
)
from hereditary_kg.embeddings.secure_aggregation.key_derivation import (
    derive_commitment,
    derive_tensor_key,
    digest_roster,
)
from hereditary_kg.embeddings.secure_aggregation.masks import KEY_BYTES, add_mask
from hereditary_kg.embeddings.secure_aggregation.messages import (
    Declaration,
    DeclarationList,
    Introduction,
    MaskedUpdate,
    Roster,
    UnmaskingRequest,
    UnmaskingShares,
)
from hereditary_kg.embeddings.secure_aggregation.rosters import check_introduction
from hereditary_kg.embeddings.secure_aggregation.sealed_shares import (
    ShareAddress,
    open_shares,
    seal_shares,
)
from hereditary_kg.embeddings.secure_aggregation.secret_sharing import split_secret
from hereditary_kg.embeddings.secure_aggregation.settings import (
    RoundLayout,
    RunSettings,
    SitePolicy,
)
from hereditary_kg.embeddings.secure_aggregation.site_state import SentUpdate, SiteState

__all__ = ["SiteProtocol"]


class SiteProtocol:
    """One site in one run: give it what the server sends, and send what it returns.

    The steps are, in this order, :meth:`introduce`, :meth:`accept_roster`, :meth:`declare` and
    :meth:`accept_declarations` once a run; then :meth:`mask` once a round, and :meth:`answer` where
    the settings let sites drop out. Nothing is kept on disk here: a site that was started anew
    takes part in a new run, unless whoever started it has kept `state`.

    Args:
        site: the site's name.
        signing_key: the private key of its certificate.
        allow_list: the certificates of all sites, this one among them.
        policy: what the site insists on.
        state: what the site remembers of a run that it goes on with.

    Raises:
        SecureAggregationError: the key, the list of certificates and the state do not belong to
            each other and to this site.
        TooFewSitesError: the run that goes on is against the policy as it is now.
    """

    def __init__(
        self,
        site: str,
        signing_key: SigningKey,
        allow_list: AllowList,
        policy: SitePolicy | None = None,
        state: SiteState | None = None,
    ) -> None:
        if site not in allow_list.certificates:
            raise SecureAggregationError(
                f"This site, {site}, is not on its own list of certificates. Add its certificate."
            )
        if signing_key.public_key() != allow_list.certificates[site].public_key():
            raise SecureAggregationError(
                f"The private key of site {site} doesn't belong to the certificate that is listed "
                "for it. Use the two that were made together."
            )
        self.site = site
        self._signing_key = signing_key
        self._allow_list = allow_list
        self._policy = policy or SitePolicy()
        self._state = state or SiteState(site)
        if self._state.site != site:
            raise SecureAggregationError(
                f"What is kept of the run is of site {self._state.site}, and this is {site}. Give "
                "each site a directory of its own."
            )
        if self._state.settings is not None:
            self._policy.check(self._state.settings)

    @property
    def state(self) -> SiteState:
        """What the site remembers: a secret, to be kept nowhere or as one."""
        return self._state

    @property
    def settings(self) -> RunSettings:
        """What the site has agreed to.

        Raises:
            ProtocolOrderError: it has not introduced itself yet.
        """
        if self._state.settings is None:
            raise ProtocolOrderError(f"Site {self.site} has not introduced itself yet.")
        return self._state.settings

    def introduce(self, settings: RunSettings) -> bytes:
        """Agree to a run's settings, and show the keys of this site.

        Args:
            settings: as the server proposes them.

        Returns:
            A signed :class:`Introduction`.

        Raises:
            TooFewSitesError: the settings are against this site's policy.
            RefusedMessageError: the site is not among those of the run, or a certificate on this
                site's list is missing or not valid.
            ProtocolOrderError: the site has introduced itself before.
        """
        if self._state.introduction:
            raise ProtocolOrderError(
                f"Site {self.site} has introduced itself. A new run needs a new SiteProtocol."
            )
        self._policy.check(settings)
        if self.site not in settings.sites:
            raise RefusedMessageError(f"Site {self.site} is not among the sites of this run.")
        certificates = self._allow_list.certificates
        if unlisted := [site for site in settings.sites if site not in certificates]:
            raise RefusedMessageError(
                f"The run is with sites that are not on the list of certificates of {self.site}: "
                f"{', '.join(unlisted)}. Add their certificates, or run without them."
            )
        own = certificates[self.site].public_bytes(Encoding.DER)
        self._allow_list.check_certificate(self.site, own)
        introduction = Introduction(
            settings.run,
            settings.digest,
            self.site,
            own,
            self._state.keys.channel_key,
            self._state.keys.mask_key,
        )
        self._state.settings = settings
        self._state.introduction = sign_message(introduction, self.site, self._signing_key)
        return self._state.introduction

    def accept_roster(self, encoded: bytes) -> None:
        """Check who takes part, and agree on secrets with each of them.

        Args:
            encoded: a :class:`Roster`.

        Raises:
            RefusedMessageError: an introduction is missing, foreign, doubled, changed or signed by
                somebody else, or this site's own is not the one that it sent.
            ProtocolOrderError: it is not the turn of this.
        """
        settings = self.settings
        if self._state.roster:
            raise ProtocolOrderError(f"Site {self.site} has the roster of this run.")
        roster = Roster.decode(encoded)
        if roster.run != settings.run or len(roster.introductions) != len(settings.sites):
            raise RefusedMessageError("The roster is of another run, or of other sites.")
        others: dict[str, Introduction] = {}
        for site, signed in zip(settings.sites, roster.introductions, strict=True):
            introduction = check_introduction(signed, self._allow_list, settings)
            if introduction.site != site:
                raise RefusedMessageError(f"The roster doesn't introduce site {site} in its place.")
            if site != self.site:
                others[site] = introduction
            elif signed != self._state.introduction:
                raise RefusedMessageError(
                    f"The roster introduces {site} otherwise than it introduced itself."
                )
        keys = {self._state.keys.mask_key, *(each.mask_key for each in others.values())}
        if len(keys) != len(settings.sites):
            raise RefusedMessageError("Two sites of the roster have the same key.")
        digest = digest_roster(settings.digest, roster.introductions)
        self._state.pairs = self._state.keys.agree(self.site, others, digest, settings.run)
        self._state.roster = digest

    def declare(self, owned: Mapping[str, NDArray[np.bool_]]) -> bytes:
        """Say in secret which rows this site owns, so that all sites learn how many own each.

        Args:
            owned: for each space of the settings, a mask of shape ``[rows]``.

        Returns:
            A signed :class:`Declaration`.

        Raises:
            SecureAggregationError: a mask is missing or has another shape.
            ProtocolOrderError: it is not the turn of this.
        """
        settings, roster = self._expect_roster()
        if self._state.declaration:
            raise ProtocolOrderError(f"Site {self.site} has declared its rows for this run.")
        counts = []
        for space in settings.spaces:
            mask = owned.get(space.name)
            if mask is None or mask.shape != (space.rows,) or mask.dtype != np.bool_:
                raise SecureAggregationError(
                    f"Which rows of {space.name} site {self.site} owns has to be said by a mask of "
                    f"{space.rows} booleans."
                )
            self._state.owned[space.name] = mask.copy()
            residues = mask.astype(settings.count_type)
            self._add_pair_masks(residues, 0, f"owners/{space.name}", settings)
            counts.append(residues.tobytes())
        declaration = Declaration(roster, self.site, tuple(counts))
        self._state.declaration = sign_message(declaration, self.site, self._signing_key)
        return self._state.declaration

    def accept_declarations(self, encoded: bytes) -> None:
        """Learn how many sites own each row, by adding up what all of them have signed.

        Args:
            encoded: a :class:`DeclarationList`.

        Raises:
            RefusedMessageError: a declaration is missing, foreign, changed or signed by somebody
                else, or the sum is none of masks that belong together.
            ProtocolOrderError: it is not the turn of this.
        """
        settings, roster = self._expect_roster()
        if not self._state.declaration or self._state.counts:
            raise ProtocolOrderError(
                f"Site {self.site} expects the declarations of all sites once, after its own."
            )
        listed = DeclarationList.decode(encoded)
        if listed.roster != roster or len(listed.declarations) != len(settings.sites):
            raise RefusedMessageError("The declarations are of another run, or of other sites.")
        if self._state.declaration not in listed.declarations:
            raise RefusedMessageError(
                f"The declaration of {self.site} is not among those that it was shown."
            )
        counts = add_declarations(listed.declarations, self._allow_list, settings, roster)
        if any((counts[name] < mask).any() for name, mask in self._state.owned.items()):
            raise RefusedMessageError(
                f"Rows that {self.site} owns are said to have no owner: a declaration is wrong."
            )
        self._state.counts = counts

    def exchangeable_rows(self, space: str) -> NDArray[np.int64]:
        """Give the rows that enough sites own, whoever drops out later; others never leave.

        Returns:
            Numbers of rows in ascending order.
        """
        settings = self.settings
        return np.flatnonzero(self._expect_counts(space) >= settings.owners_needed)

    def count_owners(self, space: str) -> NDArray[np.int64]:
        """Give how many sites own each row; shape ``[rows]``."""
        return self._expect_counts(space).copy()

    def mask(
        self, round_number: int, layout: RoundLayout, values: Mapping[str, NDArray[Any]]
    ) -> bytes:
        """Mask this site's update of a round.

        Args:
            round_number: from 1 on, higher than in any update that this site has masked.
            layout: what is exchanged in this round.
            values: for each tensor its numbers, shape ``[chosen rows, columns]``; those of rows
                that this site doesn't own count as zero.

        Returns:
            A signed :class:`MaskedUpdate`.

        Raises:
            SecureAggregationError: a row is chosen that too few sites own, or values are missing
                or have another shape.
            FixedPointError: a value is no number.
            ProtocolOrderError: it is not the turn of this, or the round is not a later one.
        """
        settings, roster = self._expect_roster()
        last = self._state.last_round
        if not last < round_number < 1 << 63:
            raise ProtocolOrderError(
                f"Site {self.site} has masked an update of round {last}, so that none "
                f"of round {round_number} can follow: a mask is used once. Go on with a later one."
            )
        residues = self._encode(settings, layout, values)
        self._state.last_round = round_number
        self._state.sent = None
        seed = os.urandom(KEY_BYTES) if settings.may_drop_out else b""
        tensors = []
        for name, part in residues:
            self._add_pair_masks(part, round_number, name, settings)
            if seed:
                key = derive_tensor_key(seed, settings.run, round_number, name)
                add_mask(part, key, negative=False)
            tensors.append(part.tobytes())
        seeds = self._derive_seeds(settings, round_number)
        sealed, own_shares = self._share(settings, round_number, seed, seeds)
        update = MaskedUpdate(
            roster,
            round_number,
            self.site,
            layout.digest,
            tuple(tensors),
            tuple(
                derive_commitment(seeds[site], settings.run, round_number) if site in seeds else b""
                for site in settings.sites
            ),
            derive_commitment(seed, settings.run, round_number) if seed else b"",
            sealed,
        )
        self._state.sent = SentUpdate(round_number, own_shares)
        return sign_message(update, self.site, self._signing_key)

    def answer(self, encoded: bytes) -> bytes:
        """Give the shares that open the sum over the sites whose updates came.

        Of a site whose update came, that is a share of the seed of its own mask; of a site whose
        update didn't, shares of the seeds that it has with those whose updates came. There is one
        answer a round, and no site is of both kinds in it.

        Args:
            encoded: an :class:`UnmaskingRequest`.

        Returns:
            Signed :class:`UnmaskingShares`.

        Raises:
            RefusedMessageError: the request is of another run or round; it names a site both alive
                and dead, or not at all, or this site dead; or shares were changed on their way.
            TooFewSitesError: fewer sites are alive than the threshold.
            ProtocolOrderError: the round was answered, or no update of it was masked.
        """
        settings, roster = self._expect_roster()
        request = UnmaskingRequest.decode(encoded)
        self._check_request(request, settings, roster)
        sent = self._state.sent
        if sent is None or sent.round != request.round or sent.answered:
            raise ProtocolOrderError(
                f"Site {self.site} was asked to open round {request.round}, which it has not "
                "masked or has opened before. A round is opened once."
            )
        shares = {
            site: sent.own_shares
            if site == self.site
            else open_shares(
                self._state.pairs[site].receiving_key,
                ShareAddress(settings.run, request.round, site, self.site),
                sealed,
                len(settings.sites),
            )
            for site, sealed in zip(request.alive, request.sealed_shares, strict=True)
        }
        sent.answered = True
        answer = UnmaskingShares(
            roster,
            request.round,
            self.site,
            request.alive,
            tuple(shares[site][0] for site in request.alive),
            tuple(
                shares[site][1 + _place_among_others(settings.sites, site, dead)]
                for site in request.alive
                for dead in request.dead
            ),
        )
        return sign_message(answer, self.site, self._signing_key)

    def _check_request(
        self, request: UnmaskingRequest, settings: RunSettings, roster: bytes
    ) -> None:
        if request.roster != roster:
            raise RefusedMessageError("A request to open a sum is of another run.")
        alive, dead = set(request.alive), set(request.dead)
        if both := sorted(alive & dead):
            raise RefusedMessageError(
                f"A request to open a sum names {', '.join(both)} both alive and dead. Answering "
                "would open single updates; the server is broken or lies."
            )
        named = (*request.alive, *request.dead)
        if len(named) != len(settings.sites) or alive | dead != set(settings.sites):
            raise RefusedMessageError(
                "A request to open a sum doesn't name each site of the run once."
            )
        if self.site not in alive:
            raise RefusedMessageError(
                f"A request to open a sum without {self.site} came to {self.site} itself."
            )
        if len(alive) < settings.threshold:
            raise TooFewSitesError(
                f"The updates of {len(alive)} sites came, and {settings.threshold} are needed "
                "before a sum is opened. The round stays closed; go on with the next one."
            )
        if len(request.sealed_shares) != len(request.alive):
            raise RefusedMessageError("A request to open a sum has no shares for each site alive.")

    def _encode(
        self, settings: RunSettings, layout: RoundLayout, values: Mapping[str, NDArray[Any]]
    ) -> list[tuple[str, NDArray[np.unsignedinteger[Any]]]]:
        layout.check(settings)
        owned: dict[str, NDArray[np.bool_]] = {}
        residues: list[tuple[str, NDArray[np.unsignedinteger[Any]]]] = []
        for space in sorted(layout.rows):
            rows = layout.rows[space]
            if (self._expect_counts(space)[rows] < settings.owners_needed).any():
                raise SecureAggregationError(
                    f"Rows of {space} were chosen that fewer than {settings.owners_needed} sites "
                    f"own. Site {self.site} sent nothing; choose among the exchangeable rows."
                )
            owned[space] = self._state.owned[space][rows]
            residues.append((f"owners/{space}", owned[space].astype(settings.count_type)))
        for tensor in layout.tensors:
            array = values.get(tensor.name)
            shape = (len(layout.rows[tensor.space]), tensor.columns)
            if array is None or array.shape != shape:
                raise SecureAggregationError(
                    f"Tensor {tensor.name} has to have the shape {list(shape)}; "
                    f"{'it is missing' if array is None else f'it has {list(array.shape)}'}."
                )
            kept = np.where(owned[tensor.space][:, None], array, 0)
            residues.append((tensor.name, tensor.coding.encode(kept)))
        return residues

    def _derive_seeds(self, settings: RunSettings, round_number: int) -> dict[str, bytes]:
        return {
            other: pair.derive_seed(settings.run, round_number, self.site, other)
            for other, pair in self._state.pairs.items()
        }

    def _add_pair_masks(
        self,
        residues: NDArray[np.unsignedinteger[Any]],
        round_number: int,
        tensor: str,
        settings: RunSettings,
    ) -> None:
        for other, seed in self._derive_seeds(settings, round_number).items():
            key = derive_tensor_key(seed, settings.run, round_number, tensor)
            add_mask(residues, key, negative=other < self.site)

    def _share(
        self, settings: RunSettings, round_number: int, seed: bytes, seeds: Mapping[str, bytes]
    ) -> tuple[tuple[bytes, ...], list[bytes]]:
        """Share the seeds of a round: that of the own mask first, then those of the pairs."""
        if not seed:
            return (), []
        count = len(settings.sites)
        secrets = [seed, *(seeds[site] for site in settings.sites if site != self.site)]
        split = [split_secret(secret, count, settings.threshold) for secret in secrets]
        sealed: list[bytes] = []
        own: list[bytes] = []
        for holder, site in enumerate(settings.sites):
            shares = [of_secret[holder] for of_secret in split]
            if site == self.site:
                own = shares
                sealed.append(b"")
            else:
                address = ShareAddress(settings.run, round_number, self.site, site)
                sealed.append(seal_shares(self._state.pairs[site].sending_key, address, shares))
        return tuple(sealed), own

    def _expect_roster(self) -> tuple[RunSettings, bytes]:
        settings = self.settings
        if not self._state.roster:
            raise ProtocolOrderError(f"Site {self.site} doesn't know yet who takes part.")
        return settings, self._state.roster

    def _expect_counts(self, space: str) -> NDArray[np.int64]:
        if not self._state.counts:
            raise ProtocolOrderError(
                f"Site {self.site} doesn't know yet how many sites own each row."
            )
        if space not in self._state.counts:
            raise SecureAggregationError(
                f"There are no rows of {space}, but of {', '.join(sorted(self._state.counts))}."
            )
        return self._state.counts[space]


def _place_among_others(sites: Iterable[str], site: str, other: str) -> int:
    return [name for name in sites if name != site].index(other)
