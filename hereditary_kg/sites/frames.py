"""What the service and its worker processes say to each other.

A frame is a kind (one byte), the length of its payload (four bytes, most significant first) and
the payload. The service sends jobs; a worker answers READY once, then per job either a REFUSAL
or a HEAD, DATA frames and END. Bytes that stop before END are a broken answer. An END with a
payload says that the worker ends itself.
"""

import json
import struct
from dataclasses import asdict, dataclass
from typing import Any

__all__ = [
    "DATA",
    "END",
    "HEAD",
    "HEADER_SIZE",
    "JOB",
    "READY",
    "REFUSAL",
    "Job",
    "Refusal",
    "pack_frame",
    "unpack_header",
]

READY = b"r"
JOB = b"j"
HEAD = b"h"
DATA = b"d"
END = b"e"
REFUSAL = b"x"

_HEADER = struct.Struct(">cI")
HEADER_SIZE = _HEADER.size


@dataclass(frozen=True)
class Job:
    """A query for a worker.

    Attributes:
        query: the text.
        default_graphs: IRIs of the graphs whose merge is the default graph.
        named_graphs: IRIs of the named graphs. Where both are empty the query's own dataset
            holds, or the store's.
        result_format: the name of the `ResultFormat` to answer SELECT and ASK in; None where
            the asker takes none of them.
        graph_format: the same for CONSTRUCT and DESCRIBE, of `GraphFormat`.
        base: what relative IRIs are relative to where the query has no BASE; None refuses them.
    """

    query: str
    default_graphs: tuple[str, ...] = ()
    named_graphs: tuple[str, ...] = ()
    result_format: str | None = None
    graph_format: str | None = None
    base: str | None = None

    def pack(self) -> bytes:
        """Write the job as a frame."""
        return pack_frame(JOB, json.dumps(asdict(self)).encode())

    @classmethod
    def unpack(cls, payload: bytes) -> "Job":
        """Read the payload of a job's frame."""
        table: dict[str, Any] = json.loads(payload)
        return cls(
            query=table["query"],
            default_graphs=tuple(table["default_graphs"]),
            named_graphs=tuple(table["named_graphs"]),
            result_format=table["result_format"],
            graph_format=table["graph_format"],
            base=table["base"],
        )


@dataclass(frozen=True)
class Refusal:
    """A worker's refusal: an HTTP status and a text for the asker."""

    status: int
    text: str

    def pack(self) -> bytes:
        """Write the refusal as a frame."""
        return pack_frame(REFUSAL, json.dumps(asdict(self)).encode())

    @classmethod
    def unpack(cls, payload: bytes) -> "Refusal":
        """Read the payload of a refusal's frame."""
        return cls(**json.loads(payload))


def pack_frame(kind: bytes, payload: bytes = b"") -> bytes:
    """Write a frame."""
    return _HEADER.pack(kind, len(payload)) + payload


def unpack_header(header: bytes) -> tuple[bytes, int]:
    """Read a frame's first `HEADER_SIZE` bytes: its kind, and the length of its payload."""
    kind, length = _HEADER.unpack(header)
    return kind, length
