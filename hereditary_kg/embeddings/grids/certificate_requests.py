"""Requests for certificates: a side makes its key, and asks the authority for what goes with it.

The private key never travels. A request (PKCS #10, RFC 2986) has the public key, the names and the
purpose, signed with the private key. It is public, but whoever can change it on its way can put a
key of its own into it: so both sides compare the key's fingerprint by another way.
"""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hereditary_kg.embeddings.grids.errors import CertificateError

__all__ = ["CertificateRequest", "check_host", "check_name", "key_fingerprint"]

_SERVER = ExtendedKeyUsageOID.SERVER_AUTH
_CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH
# A label of a DNS name, also of those that nobody has registered.
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_LONGEST_NAME, _LONGEST_HOST = 64, 253


@dataclass(frozen=True)
class CertificateRequest:
    """What is asked of an authority.

    Attributes:
        name: whom the certificate is for.
        names: DNS names and IP addresses that it is for.
        for_server: whether it is a server's, and not a site's.
        key: the public key.
    """

    name: str
    names: tuple[str, ...]
    for_server: bool
    key: ec.EllipticCurvePublicKey

    @classmethod
    def create(
        cls,
        key: ec.EllipticCurvePrivateKey,
        name: str,
        names: Sequence[str],
        *,
        for_server: bool,
    ) -> Self:
        """Ask for a certificate for a key."""
        return cls(name, tuple(names), for_server, key.public_key())

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a request from a PEM file.

        Raises:
            CertificateError: the file cannot be read, or is none; it was not signed with its own
                key; it names nobody; its key is of another kind.
        """
        try:
            request = x509.load_pem_x509_csr(path.read_bytes())
        except OSError as error:
            raise CertificateError(
                f"{path}: the request cannot be read: {error.strerror}."
            ) from error
        except ValueError as error:
            raise CertificateError(
                f"{path}: this is no request for a certificate in PEM. A PEM file begins with "
                "-----BEGIN CERTIFICATE REQUEST-----; hkg certificate request makes one."
            ) from error
        return cls._of(request, f"{path}")

    @classmethod
    def _of(cls, request: x509.CertificateSigningRequest, what: str) -> Self:
        try:
            key, signed = request.public_key(), request.is_signature_valid
        except (ValueError, UnsupportedAlgorithm):
            key, signed = None, False
        if not signed:
            raise CertificateError(
                f"{what}: the request is not signed with the key that is in it. Ask for it again."
            )
        if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
            raise CertificateError(
                f"{what}: the key is not on the curve P-256, with which manifests are signed and "
                "Flower's nodes authenticated. hkg certificate request makes one."
            )
        try:
            found = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except x509.ExtensionNotFound:
            raise CertificateError(
                f"{what}: the request says no name that the certificate is for (subject "
                "alternative name). hkg certificate request says it."
            ) from None
        names = tuple(
            [*found.get_values_for_type(x509.DNSName)]
            + [str(address) for address in found.get_values_for_type(x509.IPAddress)]
        )
        for_server = _asks_for_server(request)
        for name in names:
            check_host(name)
        if len(names) != len(found) or not names or (len(names) > 1 and not for_server):
            raise CertificateError(
                f"{what}: the request is for {', '.join(names) or 'no name'} and "
                f"{len(found) - len(names)} others that are no DNS names or addresses. A site has "
                "one name, and a server one at least."
            )
        return cls(names[0], names, for_server, key)

    def subject(self) -> x509.Name:
        """Give the subject of the certificate; X.509 has room for 64 characters of the name."""
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name[:_LONGEST_NAME])])

    def general_names(self) -> list[x509.GeneralName]:
        """Give the names as a certificate has them."""
        return [_general_name(name) for name in self.names]

    def sign(self, key: ec.EllipticCurvePrivateKey) -> bytes:
        """Write the request as PEM, signed with the private key."""
        purpose = x509.ExtendedKeyUsage([_SERVER if self.for_server else _CLIENT])
        return (
            x509.CertificateSigningRequestBuilder()
            .subject_name(self.subject())
            .add_extension(x509.SubjectAlternativeName(self.general_names()), critical=False)
            .add_extension(purpose, critical=False)
            .sign(key, hashes.SHA256())
            .public_bytes(serialization.Encoding.PEM)
        )


def key_fingerprint(key: x509.Certificate | ec.EllipticCurvePublicKey) -> str:
    """Give the fingerprint of a public key, the same in a request and in its certificate.

    Returns:
        ``sha256:`` and 64 hexadecimal digits, of the key's SubjectPublicKeyInfo (RFC 7469,
        section 2.4).
    """
    public = key.public_key() if isinstance(key, x509.Certificate) else key
    written = public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return f"sha256:{sha256(written).hexdigest()}"


def check_name(name: str) -> str:
    """Give a name back if a certificate can have it: it becomes a file's name and a DNS name.

    Raises:
        CertificateError: it cannot.
    """
    if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        raise CertificateError(
            f"{name!r} cannot be a name in a certificate: it has letters, digits, dots, dashes and "
            f"underscores, begins and ends with a letter or digit, and is {_LONGEST_NAME} "
            "characters long at most."
        )
    return name


def check_host(host: str) -> str:
    """Give a host back if it is a DNS name or an IP address, without port.

    Raises:
        CertificateError: it is something else.
    """
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    if not _NAME.fullmatch(host) or len(host) > _LONGEST_HOST:
        raise CertificateError(
            f"{host!r} is neither a DNS name nor an IP address. Give what sites write before the "
            "colon in `server`, such as train.example.org, and no port."
        )
    return host


def _asks_for_server(request: x509.CertificateSigningRequest) -> bool:
    try:
        return _SERVER in request.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return False


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
