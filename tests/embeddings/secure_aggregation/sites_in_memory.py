"""Sites with certificates made on the spot, and messages carried between them in memory."""

import datetime
from collections.abc import Collection, Mapping, Sequence
from functools import cache

import numpy as np
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from hereditary_kg.embeddings.secure_aggregation import (
    AggregatedRound,
    AllowList,
    FixedPoint,
    RoundLayout,
    RowSpace,
    RunSettings,
    ServerProtocol,
    SigningKey,
    SitePolicy,
    SiteProtocol,
    TensorLayout,
)

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)


def signing_key(site: str, kind: str = "ed25519") -> SigningKey:
    return _signing_key(site, kind)


@cache
def _signing_key(site: str, kind: str) -> SigningKey:
    """Make a key; under one site and kind always the same, however it is asked for."""
    match kind:
        case "ed25519":
            return ed25519.Ed25519PrivateKey.generate()
        case "ecdsa":
            return ec.generate_private_key(ec.SECP256R1())
        case _:
            return rsa.generate_private_key(65537, 2048)


def certify(
    site: str,
    key: SigningKey,
    start: datetime.datetime = NOW - DAY,
    end: datetime.datetime = NOW + DAY,
) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, site)])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.not_valid_before(start).not_valid_after(end).sign(key, algorithm)


def certificate(site: str, kind: str = "ed25519") -> x509.Certificate:
    return _certificate(site, kind)


@cache
def _certificate(site: str, kind: str) -> x509.Certificate:
    return certify(site, signing_key(site, kind))


def run_settings(
    sites: int,
    threshold: int | None = None,
    owners: int = 2,
    spaces: Mapping[str, int] | None = None,
    run: bytes = b"a run of 16 byte",
) -> RunSettings:
    names = tuple(f"site-{number:02d}" for number in range(sites))
    listed = tuple(RowSpace(name, rows) for name, rows in (spaces or {"entities": 6}).items())
    return RunSettings(run, names, sites if threshold is None else threshold, owners, listed)


def possible_thresholds(sites: int) -> list[int]:
    return [threshold for threshold in range(2, sites + 1) if (sites - threshold) ** 2 < threshold]


def allow_list(sites: Sequence[str]) -> AllowList:
    return AllowList({site: certificate(site) for site in sites})


class Federation:
    """A server and its sites, which have introduced themselves and declared their rows."""

    def __init__(
        self, settings: RunSettings, owned: Mapping[str, Mapping[str, np.ndarray]] | None = None
    ) -> None:
        self.settings = settings
        listed = allow_list(settings.sites)
        self.server = ServerProtocol(settings, listed)
        policy = SitePolicy(fewest_sites=2, fewest_owners=2)
        self.sites = {
            site: SiteProtocol(site, signing_key(site), listed, policy) for site in settings.sites
        }
        all_rows = {space.name: np.ones(space.rows, dtype=bool) for space in settings.spaces}
        self.owned = owned or dict.fromkeys(settings.sites, all_rows)
        for site in self.sites.values():
            self.server.add_introduction(site.introduce(settings))
        self.roster = self.server.roster()
        for site in self.sites.values():
            site.accept_roster(self.roster)
        for name, site in self.sites.items():
            self.server.add_declaration(site.declare(self.owned[name]))
        self.declarations = self.server.declarations()
        for site in self.sites.values():
            site.accept_declarations(self.declarations)

    def layout(self, columns: int = 3, limit: float = 1.0, bits: int = 32) -> RoundLayout:
        coding = FixedPoint.finest(limit, len(self.sites), bits)
        rows = {
            space.name: self.server.exchangeable_rows(space.name) for space in self.settings.spaces
        }
        tensors = [
            TensorLayout(f"{space.name}/difference", space.name, columns, coding)
            for space in self.settings.spaces
        ]
        return RoundLayout(rows, tensors)

    def values(self, layout: RoundLayout, seed: int = 0) -> dict[str, dict[str, np.ndarray]]:
        """Draw what each site contributes; in rows that it doesn't own as well."""
        random = np.random.default_rng(seed)
        return {
            site: {
                tensor.name: random.uniform(
                    -tensor.coding.limit,
                    tensor.coding.limit,
                    (len(layout.rows[tensor.space]), tensor.columns),
                ).astype(np.float32)
                for tensor in layout.tensors
            }
            for site in self.sites
        }

    def run_round(
        self,
        number: int,
        layout: RoundLayout,
        values: Mapping[str, Mapping[str, np.ndarray]],
        silent: Collection[str] = (),
        without_answer: Collection[str] = (),
    ) -> AggregatedRound:
        """Carry a round: silent sites send no update, others may send an update and no answer."""
        self.server.begin_round(number, layout)
        for name, site in self.sites.items():
            if name not in silent:
                self.server.add_update(site.mask(number, layout, values[name]))
        for name, request in self.server.close_round().items():
            if name not in without_answer:
                self.server.add_answer(self.sites[name].answer(request))
        return self.server.finish_round()

    def plain_sum(
        self,
        layout: RoundLayout,
        values: Mapping[str, Mapping[str, np.ndarray]],
        alive: Collection[str],
    ) -> dict[str, np.ndarray]:
        """Add what the sites alive own, in floating point of double precision."""
        return {
            tensor.name: sum(
                np.where(
                    self.owned[site][tensor.space][layout.rows[tensor.space], None],
                    values[site][tensor.name].astype(np.float64),
                    0,
                )
                for site in alive
            )
            for tensor in layout.tensors
        }
