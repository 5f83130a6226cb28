"""What a run is, in words that a site can read before it takes part: signed by the server.

A manifest is JSON. The server signs its bytes with the key of its TLS certificate. A site checks
the signature, that the certificate is a server's of the authority it trusts, that the manifest is
for today, and then its own policy (`LearningPolicy`). No code is in it: what a site runs is its own
installed client application.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

import hereditary_kg
from hereditary_kg.embeddings.grids.certificates import (
    Identity,
    check_certificate,
    verify_signature,
)
from hereditary_kg.embeddings.grids.errors import ManifestError, SettingsError
from hereditary_kg.embeddings.grids.run_settings import SettingValue, flatten_settings

__all__ = ["MANIFEST_SETTINGS", "SERVER_PREFIX", "RunManifest", "SignedManifest"]

MANIFEST_SETTINGS = ("manifest", "manifest-signature", "manifest-certificate")
"""The settings in which a signed manifest travels: its text, signature and certificate."""

SERVER_PREFIX = "server."
"""What the keys of settings begin with that are for the server alone, and not in the manifest."""


@dataclass(frozen=True)
class RunManifest:
    """What a run is.

    Attributes:
        run_id: the run's number; a site takes part in a run of a number once.
        title: what is trained, for people.
        issued: when the manifest was made.
        expires: from when on sites refuse it.
        rounds: how many rounds there are at most.
        minimum_sites: how few sites a round may have.
        sites: the names of the sites that may take part.
        training: settings of the training: model, dimension, strategy and so on.
        privacy: settings of privacy: secure aggregation, epsilon, delta and so on.
        package_version: the version of hereditary-kg that all sides must have.
    """

    run_id: int
    title: str
    rounds: int
    minimum_sites: int
    sites: tuple[str, ...]
    training: Mapping[str, Any] = field(default_factory=dict)
    privacy: Mapping[str, Any] = field(default_factory=dict)
    issued: datetime = field(default_factory=lambda: datetime.now(tz=UTC))
    expires: datetime = field(default_factory=lambda: datetime.now(tz=UTC) + timedelta(days=30))
    package_version: str = hereditary_kg.__version__

    def to_json(self) -> str:
        """Write the manifest as indented JSON with sorted keys."""
        tables = asdict(self)
        tables["issued"] = self.issued.isoformat(timespec="seconds")
        tables["expires"] = self.expires.isoformat(timespec="seconds")
        return json.dumps(tables, indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a manifest.

        Raises:
            ManifestError: the text is none.
        """
        try:
            given = json.loads(text)
            for moment in ("issued", "expires"):
                given[moment] = datetime.fromisoformat(given[moment])
            given["sites"] = tuple(given["sites"])
            manifest = cls(**given)
            manifest.settings()
        except (ValueError, KeyError, TypeError) as error:
            raise ManifestError(f"The run's manifest cannot be read: {error}") from error
        return manifest

    def settings(self) -> dict[str, SettingValue]:
        """Give the run as the flat table that applications and policies read.

        >>> RunManifest(1, "A trial", 5, 3, ("a", "b", "c"), {"model": "TransE"}).settings()[
        ...     "training.model"
        ... ]
        'TransE'
        """
        return {
            "rounds": self.rounds,
            "minimum-sites": self.minimum_sites,
            "sites": len(self.sites),
            **flatten_settings({"training": self.training, "privacy": self.privacy}),
        }

    def sign(self, identity: Identity) -> "SignedManifest":
        """Sign the manifest with a server's key."""
        text = self.to_json()
        return SignedManifest(text, identity.sign(text.encode()), identity.certificate)


@dataclass(frozen=True)
class SignedManifest:
    """A manifest as it travels.

    Attributes:
        text: the manifest; what is signed is its UTF-8.
        signature: ECDSA over SHA-256.
        certificate: of the server that signed.
    """

    text: str
    signature: bytes
    certificate: x509.Certificate

    def to_settings(self) -> dict[str, SettingValue]:
        """Write the signed manifest as settings, for a run whose settings are all that travels."""
        certificate = self.certificate.public_bytes(Encoding.PEM).decode()
        values = (self.text, self.signature.hex(), certificate)
        return dict(zip(MANIFEST_SETTINGS, values, strict=True))

    @classmethod
    def from_texts(cls, text: object, signature: object, certificate: object) -> Self:
        """Read a signed manifest.

        Args:
            text: the manifest.
            signature: its signature in hexadecimal digits.
            certificate: the server's certificate as PEM.

        Raises:
            ManifestError: one of them is missing or something else.
        """
        if not (
            isinstance(text, str) and isinstance(signature, str) and isinstance(certificate, str)
        ):
            raise ManifestError("The run has no signed manifest. Its server has to send one.")
        try:
            return cls(
                text,
                bytes.fromhex(signature),
                x509.load_pem_x509_certificate(certificate.encode()),
            )
        except ValueError as error:
            raise ManifestError(f"The run's manifest cannot be read: {error}") from error

    def write(self, path: Path) -> None:
        """Write the signed manifest to a file, from which a server goes on with its run.

        Raises:
            SettingsError: it cannot be written.
        """
        try:
            path.write_text(json.dumps(self.to_settings(), indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise SettingsError(f"{path}: it cannot be written: {error.strerror}.") from error

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a signed manifest from a file.

        Raises:
            ManifestError: the file cannot be read, or holds something else.
        """
        try:
            given = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ManifestError(f"{path}: the run's manifest cannot be read: {error}") from error
        if not isinstance(given, dict):
            raise ManifestError(f"{path}: this is no run's manifest.")
        return cls.from_texts(*(given.get(key) for key in MANIFEST_SETTINGS))

    @property
    def digest(self) -> str:
        """The SHA-256 of the text, by which a site knows it again."""
        return sha256(self.text.encode()).hexdigest()

    def open(self, authority: x509.Certificate) -> RunManifest:
        """Check the signature and read the manifest.

        Args:
            authority: who has to have signed the server's certificate.

        Raises:
            CertificateError: the certificate is not a server's of this authority, or not valid.
            ManifestError: the signature is not the certificate's, or the manifest has expired.
        """
        check_certificate(self.certificate, authority, "The run's server", of_server=True)
        if not verify_signature(self.certificate, self.signature, self.text.encode()):
            raise ManifestError(
                "The run's manifest is not what its server signed. Do not take part; tell those "
                "who run the server."
            )
        manifest = RunManifest.from_json(self.text)
        if datetime.now(tz=UTC) > manifest.expires:
            raise ManifestError(
                f"The manifest of run {manifest.run_id} expired on "
                f"{manifest.expires:%Y-%m-%d %H:%M} UTC. The server has to issue another one."
            )
        return manifest
