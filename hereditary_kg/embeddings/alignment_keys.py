"""The key that the sites of a federation have in common, and the server has not.

It is 32 random bytes, written as 64 hexadecimal digits in a file or an environment variable. One
site makes it, and gives it to the others on a way that the server cannot see.
"""

import os
import re
import secrets
from hashlib import sha256
from pathlib import Path

from hereditary_kg.embeddings.errors import AlignmentKeyError
from hereditary_kg.embeddings.whole_files import create_file

__all__ = [
    "KEY_SIZE",
    "AlignmentKey",
    "create_alignment_key",
    "local_alignment_key",
    "read_alignment_key",
]

KEY_SIZE = 32
"""Bytes of a key."""

_FORM = re.compile(r"[0-9A-Fa-f]{64}")


class AlignmentKey:
    """A secret key, which is not shown where its object is.

    Args:
        secret: `KEY_SIZE` bytes.

    Raises:
        AlignmentKeyError: they are fewer or more.
    """

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        if len(secret) != KEY_SIZE:
            raise AlignmentKeyError(
                f"A key has {KEY_SIZE} bytes; this has {len(secret)}. Make one by "
                "create_alignment_key."
            )
        self._secret = secret

    def reveal(self) -> bytes:
        """Give the bytes, for computing with them."""
        return self._secret

    def __repr__(self) -> str:
        return "AlignmentKey(…)"


def create_alignment_key(path: Path) -> AlignmentKey:
    """Make a new key, and write it into a new file that its owner alone can read.

    Raises:
        AlignmentKeyError: the file exists or cannot be written.
    """
    secret = secrets.token_bytes(KEY_SIZE)
    try:
        create_file(path, f"{secret.hex()}\n".encode())
    except FileExistsError as error:
        raise AlignmentKeyError(
            f"{path}: the file exists, and a key in it may be in use. Take another name, or remove "
            "it by hand."
        ) from error
    except OSError as error:
        raise AlignmentKeyError(f"{path}: it cannot be written: {error.strerror}") from error
    return AlignmentKey(secret)


def local_alignment_key(run: str, seed: int) -> AlignmentKey:
    """Give the key of a run whose sites are all in one process: it follows from the run.

    It is no secret: whoever knows the run's name and seed has it.
    """
    return AlignmentKey(sha256(f"{run} {seed}".encode()).digest())


def read_alignment_key(*, path: Path | None = None, variable: str | None = None) -> AlignmentKey:
    """Read the key from a file or from an environment variable.

    Raises:
        AlignmentKeyError: neither or both are given, there is none, others may read it, or it is no
            key. What was read is not shown.
    """
    if (path is None) == (variable is None):
        raise AlignmentKeyError(
            "The sites' common key is read from one place: name either a file or an environment "
            "variable."
        )
    if path is not None:
        place = str(path)
        try:
            text = path.read_text(encoding="ascii").strip()
            mode = path.stat().st_mode
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            raise AlignmentKeyError(
                f"{place}: the sites' common key cannot be read: {reason}. One site makes it by "
                "hkg site alignment-key; copy its file here."
            ) from error
        if mode & 0o077:
            raise AlignmentKeyError(
                f"{place}: others on this machine may read the sites' common key, which shows "
                f"who has it what sites have. Run: chmod 600 {path}"
            )
    else:
        place = f"environment variable {variable}"
        text = os.environ.get(variable or "", "").strip()
        if not text:
            raise AlignmentKeyError(
                f"The {place} is not set. Put the sites' common key into it, 64 hexadecimal digits."
            )
    if not _FORM.fullmatch(text):
        raise AlignmentKeyError(
            f"{place}: this is no key: a key has 64 hexadecimal digits, and this has {len(text)} "
            "characters of some kind. Copy it whole."
        )
    return AlignmentKey(bytes.fromhex(text))
