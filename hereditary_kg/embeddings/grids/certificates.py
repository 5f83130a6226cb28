"""Certificates of a server and its sites: made for tests and trials, read with clear errors.

The keys are of the NIST curve P-256, which TLS, Flower's node authentication and signatures of
manifests can all use. An institution may as well use certificates of its own authority, as long as
a server's is for server authentication and a site's for client authentication (RFC 5280,
section 4.2.1.12).
"""

import ipaddress
import os
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

from hereditary_kg.embeddings.grids.errors import CertificateError

__all__ = [
    "Authority",
    "Identity",
    "check_certificate",
    "fingerprint",
    "names_of",
    "read_certificate",
    "verify_signature",
]

_SERVER = ExtendedKeyUsageOID.SERVER_AUTH
_CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH
_SLACK = timedelta(minutes=5)
_PUBLIC_MODE = 0o644
_PRIVATE_MODE = 0o600


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
        private = _read_key(key)
        if private.public_key() != own.public_key():
            raise CertificateError(
                f"{key}: the key does not belong to the certificate {certificate}. Give the key "
                "that the certificate was made with."
            )
        check_certificate(own, signer, f"{certificate}")
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
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

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
        _write(
            private,
            self.key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.OpenSSH,
                serialization.NoEncryption(),
            ),
            _PRIVATE_MODE,
        )
        _write(
            public,
            self.key.public_key().public_bytes(
                serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
            )
            + b"\n",
            _PUBLIC_MODE,
        )
        return public


@dataclass(frozen=True)
class Authority:
    """A certificate authority for tests and trials.

    Attributes:
        certificate: the authority's own.
        key: its private key; whoever has it can make a certificate for anyone.
    """

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def create(cls, name: str, days: float = 365) -> Self:
        """Make an authority.

        Args:
            name: what its certificate says.
            days: how long it is valid.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = (
            _start(subject, subject, key.public_key(), days)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .sign(key, hashes.SHA256())
        )
        return cls(certificate, key)

    def issue_server(self, addresses: Sequence[str], days: float = 90) -> Identity:
        """Make a server's certificate.

        Args:
            addresses: names and IP addresses by which sites reach it.
            days: how long it is valid; a negative number makes one that has expired.
        """
        return self._issue(addresses[0], addresses, _SERVER, days)

    def issue_site(self, site: str, days: float = 90) -> Identity:
        """Make a site's certificate.

        Args:
            site: the site's name, which becomes a DNS name in the certificate.
            days: how long it is valid; a negative number makes one that has expired.
        """
        return self._issue(site, [site], _CLIENT, days)

    def _issue(
        self, name: str, names: Sequence[str], usage: x509.ObjectIdentifier, days: float
    ) -> Identity:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = (
            _start(subject, self.certificate.subject, key.public_key(), days)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(
                x509.SubjectAlternativeName([_general_name(one) for one in names]), critical=False
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()),
                critical=False,
            )
            .sign(self.key, hashes.SHA256())
        )
        return Identity(certificate, key, self.certificate)

    def write(self, directory: Path) -> None:
        """Write ``authority.pem`` and ``authority.key``, the latter for its owner's eyes alone."""
        _write(directory / "authority.pem", _pem(self.certificate), _PUBLIC_MODE)
        _write(directory / "authority.key", _key_pem(self.key), _PRIVATE_MODE)

    def write_identity(self, identity: Identity, directory: Path, name: str) -> None:
        """Write an identity that this authority issued: ``NAME.pem`` and ``NAME.key``."""
        _write(directory / f"{name}.pem", _pem(identity.certificate), _PUBLIC_MODE)
        _write(directory / f"{name}.key", _key_pem(identity.key), _PRIVATE_MODE)


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
    if of_server and _SERVER not in _usages(certificate):
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


def _read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        data = path.read_bytes()
        mode = path.stat().st_mode
    except OSError as error:
        raise CertificateError(f"{path}: the key cannot be read: {error.strerror}.") from error
    if mode & 0o077:
        raise CertificateError(
            f"{path}: others on this machine may read the private key. Run: chmod 600 {path}"
        )
    try:
        key = serialization.load_pem_private_key(data, password=None)
    except TypeError as error:
        raise CertificateError(
            f"{path}: the key is encrypted. A worker that starts by itself needs one that is not, "
            "readable by its owner alone."
        ) from error
    except ValueError as error:
        raise CertificateError(
            f"{path}: this is no private key in PEM. A PEM file begins with "
            "-----BEGIN PRIVATE KEY-----."
        ) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise CertificateError(
            f"{path}: the key is not of an elliptic curve. Make one on P-256, with which manifests "
            "are signed and Flower's nodes authenticated."
        )
    return key


def _start(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: float
) -> x509.CertificateBuilder:
    end = datetime.now(tz=UTC) + timedelta(days=days)
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


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usages(certificate: x509.Certificate) -> frozenset[x509.ObjectIdentifier]:
    try:
        return frozenset(
            certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        )
    except x509.ExtensionNotFound:
        return frozenset()


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write(path: Path, data: bytes, mode: int) -> None:
    """Write a file that nobody else can read for a moment either."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
