"""Private keys and their files: for their owner's eyes alone, never overwritten by mistake.

Keys are of the NIST curve P-256 (see `hereditary_kg.embeddings.grids.certificates`), in PEM and
not encrypted: a worker has to start by itself.
"""

from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from hereditary_kg.embeddings.grids.errors import CertificateError
from hereditary_kg.embeddings.whole_files import create_file, replace_file

__all__ = ["create_key", "key_as_pem", "read_key", "write_private", "write_public"]

_PUBLIC_MODE = 0o644
_PRIVATE_MODE = 0o600


def create_key() -> ec.EllipticCurvePrivateKey:
    """Make a private key."""
    return ec.generate_private_key(ec.SECP256R1())


def key_as_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Write a private key as PEM (PKCS #8), not encrypted."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """Read a private key from a PEM file.

    Raises:
        CertificateError: the file cannot be read, or others may; it is no such key.
    """
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


def write_private(path: Path, data: bytes, *, replace: bool = False) -> None:
    """Write a file that nobody else can read, for a moment either.

    Args:
        path: the file; missing directories are made.
        data: what goes into it.
        replace: whether a file that is there is replaced.

    Raises:
        CertificateError: it cannot be written, or is there and must not be replaced.
    """
    _write(path, data, _PRIVATE_MODE, replace=replace)


def write_public(path: Path, data: bytes, *, replace: bool = False) -> None:
    """Write a file that everybody may read; the rest is as in `write_private`.

    Raises:
        CertificateError: it cannot be written, or is there and must not be replaced.
    """
    _write(path, data, _PUBLIC_MODE, replace=replace)


def _write(path: Path, data: bytes, mode: int, *, replace: bool) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CertificateError(
            f"{path.parent}: the directory cannot be made: {error.strerror}."
        ) from error
    try:
        write = replace_file if replace else create_file
        write(path, data, mode)
    except FileExistsError as error:
        raise CertificateError(
            f"{path}: the file is there already, and may be in use. Choose another place, or say "
            "that it is to be replaced (--force)."
        ) from error
    except OSError as error:
        raise CertificateError(f"{path}: it cannot be written: {error.strerror}.") from error
