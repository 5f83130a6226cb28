"""One strict encoding in bytes for every message of the protocol.

A message begins with four fixed bytes, the version and the number of its kind. Its fields follow in
their order: integers as eight bytes, little-endian; texts and bytes after their length; lists
after their number of items; a record inside a message as its fields. Every value has exactly one
encoding, and whatever is left over, cut short or longer than allowed is refused.
"""

from dataclasses import fields
from functools import cache
from typing import Any, ClassVar, Self, get_args, get_origin, get_type_hints

from hereditary_kg.embeddings.errors import RefusedMessageError

__all__ = ["Message", "Record", "frame"]

_MAGIC = b"HKGA"
_VERSION = 1
_LONGEST_TEXT = 255
_SHORTEST_ITEM = 4


class Record:
    """Fields that are encoded one after the other; subclasses are frozen dataclasses."""

    def encode_fields(self) -> bytes:
        """Encode the fields alone."""
        parts: list[bytes] = []
        record: Any = type(self)
        for name, kind in _field_types(record):
            _write(getattr(self, name), kind, parts)
        return b"".join(parts)


class Message(Record):
    """A record that travels by itself."""

    KIND: ClassVar[int]
    LARGEST: ClassVar[int] = 1 << 20
    """The most bytes that an encoded message of this kind may have."""

    def encode(self) -> bytes:
        """Encode the message with its kind and the version of the protocol."""
        return _MAGIC + bytes((_VERSION, self.KIND)) + self.encode_fields()

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read a message of this kind, and nothing but that.

        Raises:
            RefusedMessageError: the bytes are not exactly one message of this kind and version.
        """
        if len(data) > cls.LARGEST:
            raise RefusedMessageError(
                f"A message of {len(data)} bytes is longer than the {cls.LARGEST} that a "
                f"{cls.__name__} may have. It was not read."
            )
        reader = _Reader(data)
        if reader.take(len(_MAGIC)) != _MAGIC:
            raise RefusedMessageError("These bytes are no message of secure aggregation.")
        version, kind = reader.take(2)
        if version != _VERSION:
            raise RefusedMessageError(
                f"The message has version {version} of the protocol, this program {_VERSION}. "
                "Install the same version of hereditary_kg at every site and at the server."
            )
        if kind != cls.KIND:
            raise RefusedMessageError(
                f"A message of kind {kind} came where a {cls.__name__} ({cls.KIND}) is expected."
            )
        message: Self = _read_record(cls, reader)
        if reader.left:
            raise RefusedMessageError(
                f"A {cls.__name__} has {reader.left} bytes too many. It was not used."
            )
        return message


def frame(*parts: bytes) -> bytes:
    """Join parts so that no other parts give the same bytes: each after its length."""
    return b"".join(len(part).to_bytes(4, "little") + part for part in parts)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self._place = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._place

    def take(self, length: int) -> bytes:
        if length > self.left:
            raise RefusedMessageError("A message ends before its fields do. It was not used.")
        taken = bytes(self._data[self._place : self._place + length])
        self._place += length
        return taken

    def take_length(self) -> int:
        return int.from_bytes(self.take(4), "little")


@cache
def _field_types(record: Any) -> tuple[tuple[str, Any], ...]:
    hints = get_type_hints(record)
    return tuple((field.name, hints[field.name]) for field in fields(record))


def _write(value: Any, kind: Any, parts: list[bytes]) -> None:
    if kind is int:
        parts.append(value.to_bytes(8, "little"))
    elif kind is str or kind is bytes:
        data = value.encode() if kind is str else value
        if kind is str and len(data) > _LONGEST_TEXT:
            raise RefusedMessageError(
                f"A name of {len(data)} bytes is too long for a message; {_LONGEST_TEXT} are the "
                "most. Give sites and tensors shorter names."
            )
        parts.append(len(data).to_bytes(4, "little"))
        parts.append(data)
    elif get_origin(kind) is tuple:
        parts.append(len(value).to_bytes(4, "little"))
        for item in value:
            _write(item, get_args(kind)[0], parts)
    else:
        parts.append(value.encode_fields())


def _read(kind: Any, reader: _Reader) -> Any:
    if kind is int:
        return int.from_bytes(reader.take(8), "little")
    if kind is bytes:
        return reader.take(reader.take_length())
    if kind is str:
        length = reader.take_length()
        if length > _LONGEST_TEXT:
            raise RefusedMessageError(f"A name in a message has {length} bytes. It was not used.")
        try:
            return reader.take(length).decode()
        except UnicodeDecodeError as error:
            raise RefusedMessageError("A name in a message is not UTF-8.") from error
    if get_origin(kind) is tuple:
        count = reader.take_length()
        if count * _SHORTEST_ITEM > reader.left:
            raise RefusedMessageError("A message ends before its fields do. It was not used.")
        return tuple(_read(get_args(kind)[0], reader) for _ in range(count))
    return _read_record(kind, reader)


def _read_record(record: Any, reader: _Reader) -> Any:
    return record(*(_read(kind, reader) for _, kind in _field_types(record)))
