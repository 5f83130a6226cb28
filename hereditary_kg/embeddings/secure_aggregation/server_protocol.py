"""The server's part of the protocol: it carries messages between sites and opens sums only."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hereditary_kg.embeddings.errors import (
    ProtocolOrderError,
    RefusedMessageError,
    SecureAggregationError,
    TooFewSitesError,
)
from hereditary_kg.embeddings.secure_aggregation.declarations import (
    add_declarations,
    check_declaration,
)
from hereditary_kg.embeddings.secure_aggregation.identities import AllowList
from hereditary_kg.embeddings.secure_aggregation.key_derivation import (
    derive_commitment,
    derive_tensor_key,
    digest_roster,
)
from hereditary_kg.embeddings.secure_aggregation.masks import add_mask
from hereditary_kg.embeddings.secure_aggregation.messages import (
    DeclarationList,
    MaskedUpdate,
    Roster,
    UnmaskingRequest,
    UnmaskingShares,
)
from hereditary_kg.embeddings.secure_aggregation.rosters import check_introduction
from hereditary_kg.embeddings.secure_aggregation.secret_sharing import SHARE_BYTES, join_shares
from hereditary_kg.embeddings.secure_aggregation.settings import RoundLayout, RunSettings

__all__ = ["AggregatedRound", "ServerProtocol"]


@dataclass(frozen=True, eq=False)
class AggregatedRound:
    """The sums of a round.

    Attributes:
        round: its number.
        alive: the sites whose updates are in the sums.
        owners: for each space how many of them own each of the round's rows, shape ``[n]``.
        sums: for each tensor the sum of their numbers, shape ``[n, columns]``.
    """

    round: int
    alive: tuple[str, ...]
    owners: Mapping[str, NDArray[np.int64]]
    sums: Mapping[str, NDArray[np.float64]]


@dataclass
class _OpenRound:
    number: int
    layout: RoundLayout
    sums: dict[str, NDArray[np.unsignedinteger[Any]]]
    updates: dict[str, MaskedUpdate] = field(default_factory=dict)
    """What came, without the masked tensors: these are in the sums."""
    alive: tuple[str, ...] = ()
    """The sites whose updates came, once no more are taken."""
    answers: dict[str, UnmaskingShares] = field(default_factory=dict)


class ServerProtocol:
    """The server in one run: give it what sites send, and send them what it returns.

    Once a run: :meth:`add_introduction` for each site, :meth:`roster` to each; then
    :meth:`add_declaration` and :meth:`declarations`. In each round: :meth:`begin_round`,
    :meth:`add_update`, :meth:`close_round`, where that gives requests :meth:`add_answer`, and
    :meth:`finish_round`. A round that cannot be finished is left by beginning the next one.

    Args:
        settings: what the sites have to agree to.
        allow_list: their certificates.
    """

    def __init__(self, settings: RunSettings, allow_list: AllowList) -> None:
        self.settings = settings
        self._allow_list = allow_list
        self._introductions: dict[str, bytes] = {}
        self._roster: bytes | None = None
        self._declarations: dict[str, bytes] = {}
        self._counts: dict[str, NDArray[np.int64]] = {}
        self._last_round = 0
        self._round: _OpenRound | None = None

    def add_introduction(self, signed: bytes) -> str:
        """Take the introduction of a site, and give its name.

        Raises:
            RefusedMessageError: it is foreign, changed or wrongly signed, or the site's second.
        """
        introduction = check_introduction(signed, self._allow_list, self.settings)
        if introduction.site in self._introductions:
            raise RefusedMessageError(f"Site {introduction.site} has introduced itself before.")
        self._introductions[introduction.site] = signed
        return introduction.site

    def roster(self) -> bytes:
        """Give the roster, a message for each site.

        Raises:
            TooFewSitesError: introductions are missing.
        """
        introductions = self._in_order(self._introductions, "introduced themselves")
        self._roster = digest_roster(self.settings.digest, introductions)
        return Roster(self.settings.run, introductions).encode()

    def add_declaration(self, signed: bytes) -> str:
        """Take the declaration of a site, and give its name.

        Raises:
            RefusedMessageError: it is foreign, changed or wrongly signed, or the site's second.
            ProtocolOrderError: the roster was not made yet.
        """
        declaration = check_declaration(
            signed, self._allow_list, self.settings, self._expect_roster()
        )
        if declaration.site in self._declarations:
            raise RefusedMessageError(f"Site {declaration.site} has declared its rows before.")
        self._declarations[declaration.site] = signed
        return declaration.site

    def declarations(self) -> bytes:
        """Give the declarations of all sites, a message for each.

        Raises:
            TooFewSitesError: declarations are missing.
            RefusedMessageError: they don't belong together.
        """
        roster = self._expect_roster()
        signed = self._in_order(self._declarations, "declared their rows")
        self._counts = add_declarations(signed, self._allow_list, self.settings, roster)
        return DeclarationList(roster, signed).encode()

    def exchangeable_rows(self, space: str) -> NDArray[np.int64]:
        """Give the rows that enough sites own, in ascending order."""
        return np.flatnonzero(self._counts[space] >= self.settings.owners_needed)

    def begin_round(self, number: int, layout: RoundLayout) -> None:
        """Expect updates of a round.

        Args:
            number: from 1 on, higher than that of any round before.
            layout: what is exchanged; the sites compute the same.

        Raises:
            ProtocolOrderError: rows were not declared yet, or the number is not higher.
            SecureAggregationError: the layout cannot be.
        """
        if not self._counts:
            raise ProtocolOrderError("Rounds begin when all sites have declared their rows.")
        if number <= self._last_round:
            raise ProtocolOrderError(f"Round {number} cannot follow round {self._last_round}.")
        layout.check(self.settings)
        sums = {
            name: np.zeros(length, dtype=kind)
            for name, length, kind in layout.residue_parts(self.settings)
        }
        self._last_round = number
        self._round = _OpenRound(number, layout, sums)

    def add_update(self, signed: bytes) -> str:
        """Take the update of a site, add it to the sum, and give the site's name.

        Raises:
            RefusedMessageError: it is foreign, changed, wrongly signed or misshapen, of another
                round, the site's second, or too late; nothing was added.
            ProtocolOrderError: no round has begun.
        """
        open_round = self._expect_round()
        parts = open_round.layout.residue_parts(self.settings)
        sites = self.settings.sites
        size = sum(length * kind.itemsize for _, length, kind in parts)
        largest = size + 64 * len(parts) + 64 * len(sites) * (len(sites) + 8) + 4096
        message = self._allow_list.open_message(signed, largest)
        update = MaskedUpdate.decode(message.body)
        if update.site != message.sender or update.site not in sites:
            raise RefusedMessageError(
                f"Site {message.sender} sends an update of {update.site}, or is not of this run."
            )
        if update.roster != self._expect_roster() or update.round != open_round.number:
            raise RefusedMessageError(
                f"An update of site {update.site} is of another run, or of round {update.round} "
                f"while round {open_round.number} is on. It was left aside."
            )
        if open_round.alive:
            raise RefusedMessageError(
                f"The update of site {update.site} for round {update.round} came too late. It was "
                "left aside and can never be opened; the site goes on with the next round."
            )
        if update.site in open_round.updates:
            raise RefusedMessageError(f"Site {update.site} has sent its update before.")
        if update.layout != open_round.layout.digest:
            raise RefusedMessageError(
                f"Site {update.site} exchanges other rows or tensors than the server in round "
                f"{update.round}. Give both the same training file."
            )
        _check_shape(update, [length * kind.itemsize for _, length, kind in parts], self.settings)
        for (name, _, kind), data in zip(parts, update.tensors, strict=True):
            open_round.sums[name] += np.frombuffer(data, dtype=kind)
        open_round.updates[update.site] = _without_tensors(update)
        return update.site

    def missing_sites(self) -> tuple[str, ...]:
        """Give the sites whose update of this round has not come."""
        open_round = self._expect_round()
        return tuple(site for site in self.settings.sites if site not in open_round.updates)

    def close_round(self) -> dict[str, bytes]:
        """Take no more updates, and say what has to be asked before the sum opens.

        Returns:
            For each site whose update came an :class:`UnmaskingRequest`; none at all where the
            threshold is the number of sites, because then the masks have cancelled.

        Raises:
            TooFewSitesError: fewer updates came than the threshold; the round stays closed.
            SecureAggregationError: two sites don't have the seed in common that they should.
            ProtocolOrderError: no round has begun, or this one was closed.
        """
        open_round = self._expect_round()
        if open_round.alive:
            raise ProtocolOrderError(f"Round {open_round.number} was closed before.")
        updates = open_round.updates
        alive = tuple(site for site in self.settings.sites if site in updates)
        if len(alive) < self.settings.threshold:
            dead = self.missing_sites()
            self._round = None
            raise TooFewSitesError(
                f"Round {open_round.number} stays closed: the updates of {', '.join(dead)} are "
                f"missing, {len(alive)} came, and {self.settings.threshold} are needed. Begin the "
                "next round when the sites are back."
            )
        self._check_commitments(updates, alive)
        open_round.alive = alive
        if not self.settings.may_drop_out:
            return {}
        roster, dead = self._expect_roster(), self.missing_sites()
        places = {site: place for place, site in enumerate(self.settings.sites)}
        return {
            site: UnmaskingRequest(
                roster,
                open_round.number,
                alive,
                dead,
                tuple(updates[sender].sealed_shares[places[site]] for sender in alive),
            ).encode()
            for site in alive
        }

    def add_answer(self, signed: bytes) -> str:
        """Take the shares that a site gives, and give the site's name.

        Raises:
            RefusedMessageError: they are foreign, changed, wrongly signed or misshapen, or the
                site's second.
            ProtocolOrderError: the round was not closed.
        """
        open_round = self._expect_round()
        if not open_round.alive:
            raise ProtocolOrderError(f"Round {open_round.number} was not closed yet.")
        message = self._allow_list.open_message(signed, UnmaskingShares.LARGEST)
        answer = UnmaskingShares.decode(message.body)
        if answer.site != message.sender or answer.site not in open_round.alive:
            raise RefusedMessageError(
                f"Site {message.sender} answers for {answer.site}, or was not asked."
            )
        if answer.roster != self._expect_roster() or answer.round != open_round.number:
            raise RefusedMessageError(
                f"Site {answer.site} answers for another run, or for round {answer.round} while "
                f"round {open_round.number} is on."
            )
        if answer.site in open_round.answers:
            raise RefusedMessageError(f"Site {answer.site} has answered before.")
        alive, dead = len(open_round.alive), len(self.settings.sites) - len(open_round.alive)
        shares = (*answer.seed_shares, *answer.pair_shares)
        sound = answer.alive == open_round.alive and len(answer.seed_shares) == alive
        if not sound or len(answer.pair_shares) != alive * dead:
            raise RefusedMessageError(f"Site {answer.site} answers another question.")
        if any(len(share) != SHARE_BYTES for share in shares):
            raise RefusedMessageError(f"Site {answer.site} gives shares that are none.")
        open_round.answers[answer.site] = answer
        return answer.site

    @property
    def can_finish(self) -> bool:
        """Whether enough sites have answered for the sum to be opened."""
        open_round = self._round
        if open_round is None or not open_round.alive:
            return False
        return not self.settings.may_drop_out or len(open_round.answers) >= self.settings.threshold

    def finish_round(self) -> AggregatedRound:
        """Open the sums of the round.

        Raises:
            TooFewSitesError: fewer sites have answered than the threshold.
            RefusedMessageError: shares don't give the seed that their site has committed to.
            SecureAggregationError: the sum makes no sense, because a site didn't keep to the
                protocol.
            ProtocolOrderError: the round was not closed.
        """
        open_round = self._expect_round()
        if not open_round.alive:
            raise ProtocolOrderError(f"Round {open_round.number} was not closed yet.")
        if not self.can_finish:
            raise TooFewSitesError(
                f"Round {open_round.number} stays closed: {len(open_round.answers)} sites gave "
                f"their shares, and {self.settings.threshold} are needed. Begin the next round "
                "when the sites are back."
            )
        if self.settings.may_drop_out:
            for seed, negative in list(self._open_seeds(open_round)):
                for name, residues in open_round.sums.items():
                    key = derive_tensor_key(seed, self.settings.run, open_round.number, name)
                    add_mask(residues, key, negative=negative)
        self._round = None
        return self._decode(open_round)

    def _open_seeds(self, open_round: _OpenRound) -> Iterator[tuple[bytes, bool]]:
        """Give the seeds of the masks left in the sum, and whether each is to be subtracted."""
        sites = self.settings.sites
        places = {site: place for place, site in enumerate(sites)}
        answers = {places[site]: answer for site, answer in open_round.answers.items()}
        dead = [site for site in sites if site not in open_round.alive]
        for row, site in enumerate(open_round.alive):
            update = open_round.updates[site]
            shares = {holder: answer.seed_shares[row] for holder, answer in answers.items()}
            yield self._join(shares, update.seed_commitment, site, open_round.number), True
            for column, gone in enumerate(dead):
                place = row * len(dead) + column
                shares = {holder: answer.pair_shares[place] for holder, answer in answers.items()}
                commitment = update.pair_commitments[places[gone]]
                # The site added this mask if it comes before the other in the order of names.
                yield self._join(shares, commitment, site, open_round.number), site < gone

    def _join(
        self, shares: Mapping[int, bytes], commitment: bytes, site: str, round_number: int
    ) -> bytes:
        seed = join_shares(shares, self.settings.threshold)
        if derive_commitment(seed, self.settings.run, round_number) != commitment:
            raise RefusedMessageError(
                f"The shares of a seed of site {site} don't give the seed that it has committed "
                f"to: a site doesn't keep to the protocol. Round {round_number} stays closed."
            )
        return seed

    def _decode(self, open_round: _OpenRound) -> AggregatedRound:
        layout, alive = open_round.layout, open_round.alive
        owners = {
            space: open_round.sums[f"owners/{space}"].astype(np.int64) for space in layout.rows
        }
        for space, counts in owners.items():
            if ((counts < self.settings.owners) | (counts > len(alive))).any():
                raise SecureAggregationError(
                    f"Round {open_round.number} opened to impossible counts of owners of {space}: "
                    "a site doesn't keep to the protocol. Its sums were thrown away."
                )
        sums = {
            tensor.name: tensor.coding.decode(open_round.sums[tensor.name]).reshape(
                -1, tensor.columns
            )
            for tensor in layout.tensors
        }
        return AggregatedRound(open_round.number, alive, owners, sums)

    def _check_commitments(
        self, updates: Mapping[str, MaskedUpdate], alive: tuple[str, ...]
    ) -> None:
        places = {site: place for place, site in enumerate(self.settings.sites)}
        for site in alive:
            for other in alive:
                mine = updates[site].pair_commitments[places[other]]
                if site < other and mine != updates[other].pair_commitments[places[site]]:
                    raise SecureAggregationError(
                        f"Sites {site} and {other} have no seed in common: one of them doesn't "
                        "keep to the protocol, or they were shown different rosters. Start a new "
                        "run."
                    )

    def _in_order(self, signed: Mapping[str, bytes], what: str) -> tuple[bytes, ...]:
        if missing := [site for site in self.settings.sites if site not in signed]:
            raise TooFewSitesError(
                f"Sites have not {what} yet: {', '.join(missing)}. Wait for them, or start a run "
                "without them."
            )
        return tuple(signed[site] for site in self.settings.sites)

    def _expect_roster(self) -> bytes:
        if self._roster is None:
            raise ProtocolOrderError("The roster was not made yet.")
        return self._roster

    def _expect_round(self) -> _OpenRound:
        if self._round is None:
            raise ProtocolOrderError("No round is on.")
        return self._round


def _check_shape(update: MaskedUpdate, lengths: list[int], settings: RunSettings) -> None:
    count = len(settings.sites)
    sealed = count if settings.may_drop_out else 0
    if (
        [len(tensor) for tensor in update.tensors] != lengths
        or len(update.pair_commitments) != count
        or len(update.sealed_shares) != sealed
    ):
        raise RefusedMessageError(
            f"The update of site {update.site} has another shape than the round's tensors."
        )


def _without_tensors(update: MaskedUpdate) -> MaskedUpdate:
    return MaskedUpdate(
        update.roster,
        update.round,
        update.site,
        update.layout,
        (),
        update.pair_commitments,
        update.seed_commitment,
        update.sealed_shares,
    )
