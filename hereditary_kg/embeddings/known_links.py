"""What is known at other sites, told without being listed.

A predicted link is new only where no site knows it already. So each site may publish a file of
*keyed identifiers* of its known triples: the HMAC-SHA-256 of head, relation and tail under a key
that is derived from the sites' common one and the run, cut to 8 bytes, in ascending order. Who
predicts makes the identifier of a candidate and looks whether it is in a file. A candidate that is
known nowhere is in a file of a million triples by chance once in 10^13.

What is in a file: triples whose relation and both ends are in the shared namespaces. What has a
person, or anything else local, as an end or as its relation is never in it.

Who learns what:

- *Without the key* (the server, whoever carries the files): identifiers look random. A file is
  filled up to a power of two with identifiers of no triple, so its size tells the number of triples
  to within a factor of two. Two files of one run tell how many identifiers they have in common.
- *With the key* (the other sites): of each triple that they think of, whether it is there. That is
  what the file is for, and it cannot be had without: whoever may ask whether a link is known may
  ask it of many links, and can try out a whole vocabulary. A site that doesn't want others to know
  that it has seen a gene with a disease, say because one person alone has both, must not publish a
  file.
- Filling is derived from the triples themselves, so that the same triples give the same file, and
  two copies don't tell what is filling. If other triples are published under the same run, what
  both files have in common is hardly filling: take another name for the run.

Source: RFC 2104 (HMAC); NIST SP 800-107, section 5.3.1 (cutting it).
"""

import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hereditary_kg.embeddings.alignment_keys import AlignmentKey
from hereditary_kg.embeddings.errors import PredictionError
from hereditary_kg.embeddings.label_kinds import Namespaces
from hereditary_kg.embeddings.triples import Triple, TripleSet
from hereditary_kg.embeddings.whole_files import written_whole

__all__ = ["FEWEST_IDENTIFIERS", "KnownLinks", "publish_known_links", "read_known_links"]

FEWEST_IDENTIFIERS = 1024
"""A file has as many at least, and otherwise the next power of two."""

_MAGIC = b"hereditary_kg known links 1\n"
_CONTEXT = "hereditary_kg known links 1"
_SIZE = 8


@dataclass(frozen=True, eq=False)
class KnownLinks:
    """What one site has published.

    Attributes:
        run: the run that it was published for.
        check: equal where key and run are.
        identifiers: in ascending order, with the filling. Shape ``[n]``, ``uint64``.
    """

    run: str
    check: bytes
    identifiers: NDArray[np.uint64]

    def contains(self, triples: Sequence[Triple], key: AlignmentKey) -> NDArray[np.bool_]:
        """Say of each triple whether it is known at the site. Shape ``[len(triples)]``.

        Raises:
            PredictionError: the key is not the one that the file was made with.
        """
        if not hmac.compare_digest(self.check, _check(key, self.run)):
            raise PredictionError(
                f"What is known at another site in run {self.run!r} was identified with another "
                "key. Give the key that the sites of that run have in common."
            )
        asked = _identify(triples, key, self.run)
        places = np.searchsorted(self.identifiers, asked)
        places = np.minimum(places, len(self.identifiers) - 1)
        return np.asarray(self.identifiers[places] == asked)

    def write(self, path: Path) -> None:
        """Write the file, whole or not at all.

        Raises:
            PredictionError: it cannot be written.
        """
        header = {"run": self.run, "check": self.check.hex(), "identifiers": len(self.identifiers)}
        content = _MAGIC + json.dumps(header, sort_keys=True).encode() + b"\n"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with written_whole(path) as beside:
                beside.write_bytes(content + self.identifiers.astype(">u8").tobytes())
        except OSError as error:
            raise PredictionError(f"{path}: it cannot be written: {error.strerror}") from error


def publish_known_links(
    known: TripleSet, namespaces: Namespaces, key: AlignmentKey, run: str
) -> KnownLinks:
    """Identify what a site knows of public terms.

    Args:
        known: all triples that are known at the site; those with a local end or relation are left
            out.
        namespaces: whose terms are everybody's.
        key: the sites' common key.
        run: the run.
    """
    ends = namespaces.mark_public(known.entities)
    kinds = namespaces.mark_public(known.relations)
    heads, relations, tails = known.triples.T
    public = known.select(ends[heads] & kinds[relations] & ends[tails])
    identifiers = np.unique(_identify(public.labels(), key, run))
    fewest = max(FEWEST_IDENTIFIERS, len(identifiers))
    size = 1 << (fewest - 1).bit_length()
    filling = _fill(identifiers, key, run, size - len(identifiers))
    whole = np.sort(np.concatenate([identifiers, filling]))
    return KnownLinks(run, _check(key, run), whole)


def read_known_links(path: Path) -> KnownLinks:
    """Read what a site has published.

    Raises:
        PredictionError: it cannot be read, or is something else.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise PredictionError(
            f"{path}: it cannot be read: {error.strerror}. Name a file of known links, which "
            "hkg train leaves in the directory `known`."
        ) from error
    header, _, body = content.removeprefix(_MAGIC).partition(b"\n")
    try:
        about = json.loads(header)
        run, check, count = str(about["run"]), bytes.fromhex(about["check"]), about["identifiers"]
        identifiers = np.frombuffer(body, dtype=">u8", count=count).astype(np.uint64)
    except (ValueError, KeyError, TypeError) as error:
        raise PredictionError(
            f"{path}: this is no file of known links, or a part of it is missing. Copy it anew."
        ) from error
    ordered = bool((identifiers[1:] >= identifiers[:-1]).all())
    if not (content.startswith(_MAGIC) and len(body) == _SIZE * count and ordered and count):
        raise PredictionError(f"{path}: the file of known links is damaged. Copy it anew.")
    return KnownLinks(run, check, identifiers)


def _identify(triples: Sequence[Triple], key: AlignmentKey, run: str) -> NDArray[np.uint64]:
    derived = _derive(key, run, "triple")
    joined = b"".join(
        hmac.digest(derived, b"".join(map(_framed, triple)), "sha256")[:_SIZE] for triple in triples
    )
    return np.frombuffer(joined, dtype=">u8").astype(np.uint64)


def _framed(label: str) -> bytes:
    """Put a label's length before it, so that no two triples make the same text."""
    text = label.encode()
    return len(text).to_bytes(4) + text


def _fill(
    identifiers: NDArray[np.uint64], key: AlignmentKey, run: str, count: int
) -> NDArray[np.uint64]:
    secret = hmac.digest(
        _derive(key, run, "filling"), sha256(identifiers.tobytes()).digest(), "sha256"
    )
    drawn = b"".join(
        hmac.digest(secret, number.to_bytes(8), "sha256")[:_SIZE] for number in range(count)
    )
    return np.frombuffer(drawn, dtype=">u8").astype(np.uint64)


def _check(key: AlignmentKey, run: str) -> bytes:
    return hmac.digest(_derive(key, run, "check"), b"", "sha256")[:16]


def _derive(key: AlignmentKey, run: str, purpose: str) -> bytes:
    return hmac.digest(key.reveal(), f"{_CONTEXT}\0{purpose}\0{run}".encode(), "sha256")
