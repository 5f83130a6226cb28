"""What goes over a stream between server and site: a kind, a few fields, and bytes.

From the site: ``hello``, ``accept`` or ``decline`` (of the run), ``reply``, ``reject`` (of a
message). From the server: ``manifest``, ``message``, ``acknowledge`` (of a reply), ``finish`` (of
the run). A frame is the length of a JSON object, the object, and the bytes.
"""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from hereditary_kg.embeddings.grids.errors import CodingError

__all__ = ["METHOD", "PROTOCOL", "SERVICE", "Frame"]

SERVICE = "hereditary_kg.Grid"
"""The name of the gRPC service."""

METHOD = "Connect"
"""Its only method: a stream in both directions."""

PROTOCOL = 1
"""The version of what is described here."""

_LENGTH = struct.Struct(">I")
_LONGEST_FIELDS = 2**20


@dataclass(frozen=True)
class Frame:
    """One thing that is said.

    Attributes:
        kind: what it is.
        fields: texts and numbers.
        data: bytes, if any.
    """

    kind: str
    fields: Mapping[str, str | int | float] = field(default_factory=dict)
    data: bytes = b""

    def encode(self) -> bytes:
        """Write the frame as bytes."""
        text = json.dumps({"kind": self.kind, **self.fields}).encode()
        return b"".join([_LENGTH.pack(len(text)), text, self.data])

    @classmethod
    def decode(cls, received: bytes) -> Self:
        """Read a frame.

        Raises:
            CodingError: the bytes are none.
        """
        if len(received) < _LENGTH.size:
            raise CodingError("What was received is no frame: it is too short.")
        (length,) = _LENGTH.unpack_from(received)
        end = _LENGTH.size + length
        if length > _LONGEST_FIELDS or end > len(received):
            raise CodingError("What was received is no frame: its fields are too long.")
        try:
            fields = json.loads(received[_LENGTH.size : end])
        except ValueError as error:
            raise CodingError("What was received is no frame: its fields are no JSON.") from error
        if not isinstance(fields, dict) or not all(
            isinstance(value, str | int | float) for value in fields.values()
        ):
            raise CodingError("What was received is no frame: a field is of the wrong type.")
        kind = fields.pop("kind", None)
        if not isinstance(kind, str):
            raise CodingError("What was received is no frame: it is of no kind.")
        return cls(kind, fields, received[end:])

    def text(self, name: str) -> str:
        """Give a field that is a text.

        Raises:
            CodingError: there is none.
        """
        value = self.fields.get(name)
        if not isinstance(value, str):
            raise CodingError(f"A frame of kind {self.kind} has no text {name}.")
        return value

    def number(self, name: str) -> int:
        """Give a field that is a whole number.

        Raises:
            CodingError: there is none.
        """
        value = self.fields.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise CodingError(f"A frame of kind {self.kind} has no number {name}.")
        return value
