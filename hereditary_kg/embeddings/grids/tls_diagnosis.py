"""Why a TLS connection does not come about: gRPC does not say, so it is tried once more by hand.

A gRPC server that does not accept a client's certificate ends the connection without saying why.
So a connection that ends at once, twice, although the server's own certificate is accepted, is
taken for that.
"""

import socket
import ssl
import tempfile
from pathlib import Path
from time import sleep

from hereditary_kg.embeddings.grids.certificates import Identity, check_certificate, fingerprint
from hereditary_kg.embeddings.grids.errors import CertificateError, UnreachableError

__all__ = ["diagnose"]

_PAUSE = 1.0


def diagnose(address: str, identity: Identity | None, authority_pem: bytes, seconds: float) -> None:
    """Connect as a site does, and raise what is wrong; nothing, if all is well.

    Args:
        address: the server's ``host:port``.
        identity: the site's; None to connect without a certificate.
        authority_pem: the authority that the site trusts.
        seconds: how long each step may take.

    Raises:
        CertificateError: one side does not accept the other's certificate.
        UnreachableError: nobody listens there, or not with TLS.
    """
    if _server_answers(address, identity, authority_pem, seconds):
        return
    # A server that is being stopped ends connections as well; a moment later it is gone.
    sleep(_PAUSE)
    if _server_answers(address, identity, authority_pem, seconds):
        return
    if identity is None:
        raise CertificateError(
            f"{address}: the server asks for a certificate, and this site has shown none. Give the "
            "site its certificate and key."
        )
    check_certificate(identity.certificate, identity.authority, "This site")
    raise CertificateError(
        f"{address}: the server does not accept this site's certificate "
        f"{fingerprint(identity.certificate)}. It has to be valid today, and signed by the "
        "authority that the server trusts."
    )


def _server_answers(
    address: str, identity: Identity | None, authority_pem: bytes, seconds: float
) -> bool:
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    context = ssl.create_default_context(cadata=authority_pem.decode())
    context.set_alpn_protocols(["h2"])
    if identity is not None:
        _load(context, identity)
    try:
        with (
            socket.create_connection((host, int(port)), timeout=seconds) as plain,
            context.wrap_socket(plain, server_hostname=host) as tls,
        ):
            # In TLS 1.3 a server's verdict on the client's certificate comes after the handshake.
            return tls.recv(1) != b""
    except ssl.SSLCertVerificationError as error:
        raise CertificateError(
            f"{address}: the server's certificate is not accepted: {error.verify_message}. It has "
            "to be signed by the authority that this site trusts, and be for the name by which the "
            "site reaches it."
        ) from error
    except (ssl.SSLEOFError, ConnectionResetError):
        return False
    except ssl.SSLError as error:
        if "ALERT" in (error.reason or ""):
            return False
        raise UnreachableError(
            f"{address}: nobody speaks TLS there: {error.reason}. Is this the port of the grid?"
        ) from error
    except (OSError, ValueError) as error:
        raise UnreachableError(
            f"{address}: the server cannot be reached: {error}. Is it running, and does the "
            "firewall let this site reach it?"
        ) from error


def _load(context: ssl.SSLContext, identity: Identity) -> None:
    """Load an identity, which Python's ``ssl`` takes from files alone."""
    with tempfile.TemporaryDirectory() as place:
        certificate, key = Path(place) / "certificate.pem", Path(place) / "key.pem"
        certificate.write_bytes(identity.certificate_pem)
        key.touch(mode=0o600)
        key.write_bytes(identity.key_pem)
        context.load_cert_chain(certificate, key)
