"""Who a site is: its certificate, on a list that every site holds, and what it has signed."""

import datetime
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from hereditary_kg.embeddings.errors import RefusedMessageError, SecureAggregationError
from hereditary_kg.embeddings.secure_aggregation.encoding import Message, frame
from hereditary_kg.embeddings.secure_aggregation.messages import SignedMessage

__all__ = ["AllowList", "SigningKey", "sign_message"]

SigningKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

_SMALLEST_RSA_BITS = 2048
_CONTEXT = b"hereditary_kg secure aggregation, signed message, version 1"
_PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.DIGEST_LENGTH)


def sign_message(message: Message, site: str, key: SigningKey) -> bytes:
    """Sign a message with the key of the site's certificate, and encode both.

    Raises:
        SecureAggregationError: the key is of no kind that can be used.
    """
    body = message.encode()
    transcript = _write_transcript(site, body)
    match key:
        case ed25519.Ed25519PrivateKey():
            signature = key.sign(transcript)
        case ec.EllipticCurvePrivateKey():
            signature = key.sign(transcript, ec.ECDSA(hashes.SHA256()))
        case rsa.RSAPrivateKey() if key.key_size >= _SMALLEST_RSA_BITS:
            signature = key.sign(transcript, _PSS, hashes.SHA256())
        case _:
            raise SecureAggregationError(
                f"The key of site {site} cannot sign here. Use a certificate with an Ed25519 key, "
                f"an elliptic-curve key, or an RSA key of {_SMALLEST_RSA_BITS} bits or more."
            )
    return SignedMessage(site, body, signature).encode()


@dataclass(frozen=True)
class AllowList:
    """The certificates that sites may sign with; every participant has it from its own operator.

    Args:
        certificates: by the name of the site.

    Raises:
        SecureAggregationError: two sites have one certificate.
    """

    certificates: Mapping[str, x509.Certificate]

    def __post_init__(self) -> None:
        keys = [certificate.public_key() for certificate in self.certificates.values()]
        if any(key in keys[:place] for place, key in enumerate(keys)):
            raise SecureAggregationError(
                "Two sites on the list have the same key. Give each site a certificate of its own."
            )

    @cached_property
    def _encoded(self) -> dict[str, bytes]:
        return {
            site: certificate.public_bytes(Encoding.DER)
            for site, certificate in self.certificates.items()
        }

    def check_certificate(self, site: str, encoded: bytes) -> None:
        """Check that a certificate is the one listed for a site, and valid today.

        Args:
            site: its name.
            encoded: the certificate in DER.

        Raises:
            RefusedMessageError: it is another one, the site isn't listed, or its time is over or
                has not begun.
        """
        if site not in self.certificates:
            raise RefusedMessageError(
                f"Site {site} is not on the list of certificates. Add its certificate at every "
                "site if it is to take part."
            )
        if encoded != self._encoded[site]:
            raise RefusedMessageError(
                f"Site {site} shows another certificate than the one that is listed for it. If it "
                "was renewed, put the new one on the list of every site."
            )
        listed = self.certificates[site]
        now = datetime.datetime.now(datetime.UTC)
        if not listed.not_valid_before_utc <= now <= listed.not_valid_after_utc:
            raise RefusedMessageError(
                f"The certificate of site {site} is valid from {listed.not_valid_before_utc:%F} to "
                f"{listed.not_valid_after_utc:%F}, and not now. Renew it, or set the clock."
            )

    def open_message(self, signed: bytes, largest: int) -> SignedMessage:
        """Read a signed message, and check that the site that it names has signed it.

        Args:
            signed: the encoded message.
            largest: the most bytes that the body may have.

        Raises:
            RefusedMessageError: it is malformed or too long, or the signature is not the site's.
        """
        if len(signed) > largest + SignedMessage.OVERHEAD:
            raise RefusedMessageError(
                f"A signed message of {len(signed)} bytes is too long here. It was not read."
            )
        message = SignedMessage.decode(signed)
        listed = self.certificates.get(message.sender)
        if listed is None:
            raise RefusedMessageError(
                f"A message names site {message.sender}, which is not on the list of certificates."
            )
        transcript = _write_transcript(message.sender, message.body)
        try:
            match listed.public_key():
                case ed25519.Ed25519PublicKey() as key:
                    key.verify(message.signature, transcript)
                case ec.EllipticCurvePublicKey() as key:
                    key.verify(message.signature, transcript, ec.ECDSA(hashes.SHA256()))
                case rsa.RSAPublicKey() as key if key.key_size >= _SMALLEST_RSA_BITS:
                    key.verify(message.signature, transcript, _PSS, hashes.SHA256())
                case _:
                    raise RefusedMessageError(
                        f"The certificate of site {message.sender} has a key that cannot sign "
                        "here. Use Ed25519, an elliptic curve, or RSA of 2048 bits or more."
                    )
        except InvalidSignature as error:
            raise RefusedMessageError(
                f"A message that names site {message.sender} is not signed with its certificate's "
                "key, or was changed on its way. It was not used."
            ) from error
        return message


def _write_transcript(site: str, body: bytes) -> bytes:
    return frame(_CONTEXT, site.encode(), hashlib.sha256(body).digest())
