"""Certificates of a server and its sites: made by an authority, read with clear errors.

The keys are of the NIST curve P-256, which TLS, Flower's node authentication and signatures of
manifests can all use. An institution may as well use certificates of its own authority, as long as
a server's is for server authentication and a site's for client authentication (RFC 5280,
section 4.2.1.12).
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hereditary_kg.embeddings.grids.certificate_requests import CertificateRequest
from hereditary_kg.embeddings.grids.errors import CertificateError
from hereditary_kg.embeddings.grids.key_files import (
    create_key,
    key_as_pem,
    read_key,
    write_private,
    write_public,
)

__all__ = [
    "AUTHORITY_DAYS",
    "DAYS",
    "Authority",
    "Identity",
    "check_certificate",
    "expires_soon",
    "fingerprint",
    "is_authority",
    "is_for_servers",
    "names_of",
    "read_certificate",
    "verify_signature",
]

AUTHORITY_DAYS = 365.0
"""How long an authority is valid unless it is said otherwise."""

DAYS = 90.0
"""The same of a certificate that it signs."""

_log = logging.getLogger(__name__)
_SERVER = ExtendedKeyUsageOID.SERVER_AUTH
_CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH
_SLACK = timedelta(minutes=5)
_SOON = timedelta(days=30)


@dataclass(frozen=True)
class Identity:
    """A certificate, its private key, and the authority that its owner trusts.

    Attributes:
        certificate: the owner's.
        key: the private key that belongs to it.
        authority: the certificate that has to have signed the other side's.
    """

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)
    authority: x509.Certificate

    @classmethod
    def read(cls, certificate: Path, key: Path, authority: Path) -> Self:
        """Read an identity from PEM files.

        Raises:
            CertificateError: a file cannot be read; others may read the key; the certificate is
                not valid today, is not signed by the authority, or does not belong to the key.
        """
        own = read_certificate(certificate)
        signer = read_certificate(authority)
        private = read_key(key)
        if private.public_key() != own.public_key():
            raise CertificateError(
                f"{key}: the key does not belong to the certificate {certificate}. Give the key "
                "that the certificate was made with."
            )
        check_certificate(own, signer, f"{certificate}")
        for path, read in ((certificate, own), (authority, signer)):
            if expires_soon(read):
                _log.warning(
                    "%s: the certificate expires on %s UTC. Renew it before.",
                    path,
                    f"{read.not_valid_after_utc:%Y-%m-%d %H:%M}",
                )
        return cls(own, private, signer)

    @property
    def certificate_pem(self) -> bytes:
        """The certificate as PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def authority_pem(self) -> bytes:
        """The authority's certificate as PEM."""
        return self.authority.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The private key as PEM, not encrypted: for the TLS library, never for a file."""
        return key_as_pem(self.key)

    def sign(self, data: bytes) -> bytes:
        """Sign data with ECDSA over SHA-256."""
        return self.key.sign(data, ec.ECDSA(hashes.SHA256()))

    def write_openssh(self, private: Path) -> Path:
        """Write the key pair in OpenSSH's format, as Flower's node authentication reads it.

        Args:
            private: where the private key goes, for its owner's eyes alone.

        Returns:
            the file of the public key: the same name with ``.pub``.
        """
        public = private.with_name(f"{private.name}.pub")
        write_private(
            private,
            self.key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.OpenSSH,
                serialization.NoEncryption(),
            ),
            replace=True,
        )
        write_public(
            public,
            self.key.public_key().public_bytes(
                serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
            )
            + b"\n",
            replace=True,
        )
        return public


@dataclass(frozen=True)
class Authority:
    """A certificate authority: one signs for all sides of a training.

    Attributes:
        certificate: the authority's own.
        key: its private key; whoever has it can make a certificate for anyone.
    """

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def create(cls, name: str, days: float = AUTHORITY_DAYS) -> Self:
        """Make an authority.

        Args:
            name: what its certificate says.
            days: how long it is valid.
        """
        key = create_key()
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        end = datetime.now(tz=UTC) + timedelta(days=days)
        certificate = (
            _start(subject, subject, key.public_key(), end)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .sign(key, hashes.SHA256())
        )
        return cls(certificate, key)

    @classmethod
    def read(cls, directory: Path) -> Self:
        """Read ``authority.pem`` and ``authority.key`` from a directory.

        Raises:
            CertificateError: one cannot be read; others may read the key; the key is another's; the
                certificate is no authority's, or not valid today.
        """
        place = directory / "authority.pem"
        certificate, key = read_certificate(place), read_key(directory / "authority.key")
        if key.public_key() != certificate.public_key():
            raise CertificateError(
                f"{directory / 'authority.key'}: the key does not belong to {place}. Give the "
                "directory in which the authority was made."
            )
        if not is_authority(certificate):
            raise CertificateError(
                f"{place}: the certificate is no authority's, so that nobody accepts what it "
                "signs. Make one: hkg certificate authority NAME."
            )
        check_certificate(certificate, certificate, f"{place}")
        return cls(certificate, key)

    def issue_server(self, addresses: Sequence[str], days: float = DAYS) -> Identity:
        """Make a server's key and certificate.

        Args:
            addresses: names and IP addresses by which sites reach it.
            days: how long it is valid; a negative number makes one that has expired.
        """
        return self._issue(addresses[0], addresses, days, for_server=True)

    def issue_site(self, site: str, days: float = DAYS) -> Identity:
        """Make a site's key and certificate.

        Args:
            site: the site's name, which becomes a DNS name in the certificate.
            days: how long it is valid; a negative number makes one that has expired.
        """
        return self._issue(site, [site], days, for_server=False)

    def _issue(self, name: str, names: Sequence[str], days: float, *, for_server: bool) -> Identity:
        key = create_key()
        request = CertificateRequest.create(key, name, names, for_server=for_server)
        return Identity(self.sign(request, days), key, self.certificate)

    def sign(self, request: CertificateRequest, days: float = DAYS) -> x509.Certificate:
        """Sign a request, whose names and purpose somebody has looked at.

        Args:
            request: what is asked for. Nothing else of it comes into the certificate.
            days: how long it is valid, though never longer than the authority; a negative number
                makes one that has expired.
        """
        names = x509.SubjectAlternativeName(request.general_names())
        end = datetime.now(tz=UTC) + timedelta(days=days)
        return (
            _start(
                self.certificate.subject,
                request.subject(),
                request.key,
                min(end, self.certificate.not_valid_after_utc),
            )
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([_SERVER if request.for_server else _CLIENT]), critical=False
            )
            .add_extension(names, critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()),
                critical=False,
            )
            .sign(self.key, hashes.SHA256())
        )

    def write(self, directory: Path, *, replace: bool = True) -> None:
        """Write ``authority.pem`` and ``authority.key``, the latter for its owner's eyes alone.

        Raises:
            CertificateError: a file cannot be written, or is there and must not be replaced.
        """
        write_private(directory / "authority.key", key_as_pem(self.key), replace=replace)
        write_public(directory / "authority.pem", _pem(self.certificate), replace=replace)

    def write_identity(
        self, identity: Identity, directory: Path, name: str, *, replace: bool = True
    ) -> None:
        """Write an identity that this authority issued: ``NAME.pem`` and ``NAME.key``.

        Raises:
            CertificateError: a file cannot be written, or is there and must not be replaced.
        """
        write_private(directory / f"{name}.key", key_as_pem(identity.key), replace=replace)
        write_public(directory / f"{name}.pem", _pem(identity.certificate), replace=replace)


def read_certificate(path: Path) -> x509.Certificate:
    """Read a certificate from a PEM file.

    Raises:
        CertificateError: the file cannot be read, or is none.
    """
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except OSError as error:
        raise CertificateError(
            f"{path}: the certificate cannot be read: {error.strerror}."
        ) from error
    except ValueError as error:
        raise CertificateError(
            f"{path}: this is no certificate in PEM. A PEM file begins with "
            "-----BEGIN CERTIFICATE-----."
        ) from error


def check_certificate(
    certificate: x509.Certificate,
    authority: x509.Certificate,
    what: str,
    *,
    of_server: bool = False,
) -> None:
    """Check that a certificate is valid today and signed by an authority.

    Args:
        certificate: which.
        authority: who has to have signed it.
        what: what an error calls it.
        of_server: whether it has to be a server's, so that no site can pass for one.

    Raises:
        CertificateError: it is not.
    """
    now = datetime.now(tz=UTC)
    if now > certificate.not_valid_after_utc:
        raise CertificateError(
            f"{what}: the certificate expired on {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} "
            "UTC. Have the authority issue another one."
        )
    if now < certificate.not_valid_before_utc:
        raise CertificateError(
            f"{what}: the certificate is valid from "
            f"{certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC. Check this machine's clock."
        )
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature) as error:
        raise CertificateError(
            f"{what}: the certificate is not signed by the authority "
            f"{authority.subject.rfc4514_string()} (fingerprint {fingerprint(authority)}) but by "
            f"{certificate.issuer.rfc4514_string()}. All sides need certificates of the same "
            "authority."
        ) from error
    if of_server and not is_for_servers(certificate):
        raise CertificateError(
            f"{what}: the certificate is not for server authentication. A site's certificate "
            "cannot stand for a server; have the authority issue a server's."
        )


def fingerprint(certificate: x509.Certificate) -> str:
    """Give the fingerprint of a certificate: ``sha256:`` and 64 hexadecimal digits."""
    return f"sha256:{certificate.fingerprint(hashes.SHA256()).hex()}"


def names_of(certificate: x509.Certificate) -> frozenset[str]:
    """Give the DNS names and IP addresses that a certificate is for."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset()
    return frozenset(
        [*names.get_values_for_type(x509.DNSName)]
        + [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    )


def verify_signature(certificate: x509.Certificate, signature: bytes, data: bytes) -> bool:
    """Tell whether data were signed with a certificate's key (ECDSA over SHA-256)."""
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return False
    try:
        key.verify(signature, data, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def is_authority(certificate: x509.Certificate) -> bool:
    """Tell whether a certificate is an authority's, which may sign others."""
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except x509.ExtensionNotFound:
        return False
    return constraints.value.ca


def is_for_servers(certificate: x509.Certificate) -> bool:
    """Tell whether a certificate is for server authentication."""
    try:
        usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound:
        return False
    return _SERVER in usages.value


def expires_soon(certificate: x509.Certificate) -> bool:
    """Tell whether it is time to renew: in the last third of its time, or its last 30 days."""
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return datetime.now(tz=UTC) > end - min(_SOON, (end - begin) / 3)


def _start(
    issuer: x509.Name, subject: x509.Name, key: ec.EllipticCurvePublicKey, end: datetime
) -> x509.CertificateBuilder:
    begin = min(datetime.now(tz=UTC) - _SLACK, end - timedelta(days=1))
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
