"""Flower's messages as bytes and back, strictly and without running anything that was received.

A message is ``HKGM``, a version, the length of a header, the header, and the data that the header
names, one after another. The header is JSON; arrays are in NumPy's own file format, which is read
without pickles. What is read is checked to the last byte before any of it is used: the kinds and
types, the size of each array against its shape, and that nothing is left over.
"""

import json
import math
import re
import struct
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np
from flwr.app import Array, ArrayRecord, MetricRecord

from hereditary_kg.embeddings.grids.errors import CodingError
from hereditary_kg.embeddings.grids.flower_api import (
    ConfigRecord,
    Error,
    Message,
    Metadata,
    RecordDict,
    make_message,
)

__all__ = ["decode_message", "decode_records", "encode_message", "encode_records", "too_large"]

_MAGIC = b"HKGM"
_VERSION = 1
_PRELUDE = struct.Struct(">4sBI")
_NUMPY = "numpy.ndarray"
_NPY = re.compile(
    rb"\x93NUMPY\x01\x00(?P<length>..)\{'descr': '(?P<descr>[<|][a-z]\d)', "
    rb"'fortran_order': (?:True|False), 'shape': \((?P<shape>[0-9, ]{0,400})\), \} *\n",
    re.DOTALL,
)
"""How `numpy.save` begins a file; NumPy's own reader takes more, and with warnings."""
_DTYPES = frozenset(
    ["bool", "float16", "float32", "float64"]
    + [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
)
_KINDS = {"array": ArrayRecord, "metric": MetricRecord, "config": ConfigRecord}
_METADATA: Mapping[str, type | tuple[type, ...]] = {
    "run_id": int,
    "message_id": str,
    "src_node_id": int,
    "dst_node_id": int,
    "reply_to_message_id": str,
    "group_id": str,
    "created_at": (int, float),
    "ttl": (int, float),
    "message_type": str,
}
_INTEGERS = range(-(2**63), 2**64)


def encode_message(message: Message) -> bytes:
    """Write a message as bytes.

    Raises:
        CodingError: it has what does not travel: arrays of objects or texts, or integers beyond
            64 bits.
    """
    header: dict[str, Any] = {
        "metadata": {name: getattr(message.metadata, name) for name in _METADATA}
    }
    blobs: list[bytes] = []
    if message.has_error():
        header["error"] = [message.error.code, message.error.reason]
    else:
        header["records"] = _write_records(message.content, blobs)
    return _pack(header, blobs)


def decode_message(data: bytes) -> Message:
    """Read a message from bytes.

    Raises:
        CodingError: they are not what `encode_message` writes.
    """
    header, blobs = _unpack(data)
    if header.keys() not in ({"metadata", "records"}, {"metadata", "error"}):
        _fail("its header has other parts than metadata and records")
    given = header["metadata"]
    if not isinstance(given, dict) or given.keys() != _METADATA.keys():
        _fail("its metadata are not complete")
    for name, kind in _METADATA.items():
        if not isinstance(given[name], kind) or isinstance(given[name], bool):
            _fail(f"its {name} is of the wrong type")
    try:
        metadata = Metadata(**given)
    except ValueError as error:
        raise CodingError(f"The bytes are no message: {error}") from error
    if "error" in header:
        failure = _read_error(header["error"])
        blobs.end()
        return make_message(metadata, error=failure)
    records = _read_records(header["records"], blobs)
    blobs.end()
    return make_message(metadata, records)


def encode_records(records: RecordDict) -> bytes:
    """Write records as bytes, as a site keeps its state.

    Raises:
        CodingError: they have what does not travel.
    """
    blobs: list[bytes] = []
    return _pack({"records": _write_records(records, blobs)}, blobs)


def decode_records(data: bytes) -> RecordDict:
    """Read records from bytes.

    Raises:
        CodingError: they are not what `encode_records` writes.
    """
    header, blobs = _unpack(data)
    if header.keys() != {"records"}:
        _fail("its header has other parts than records")
    records = _read_records(header["records"], blobs)
    blobs.end()
    return records


def too_large(data: bytes, largest: int | None) -> str:
    """Say that a message is too large, and what to do; nothing if it is not.

    Args:
        data: the message's bytes.
        largest: how many it may have; None: any number.
    """
    if largest is None or len(data) <= largest:
        return ""
    return (
        f"A message has {len(data):,} bytes; the limit is {largest:,}. Raise message-bytes at the "
        "server and at all sites, or train with fewer dimensions."
    )


class _Blobs:
    """The data behind the header, handed out in order."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._place = 0

    def take(self, length: object) -> bytes:
        if not isinstance(length, int) or isinstance(length, bool) or length < 0:
            _fail("a length is no whole number")
        if self._place + length > len(self._data):
            _fail("it ends before its data do")
        taken = bytes(self._data[self._place : self._place + length])
        self._place += length
        return taken

    def end(self) -> None:
        if self._place != len(self._data):
            _fail("it goes on behind its data")


def _fail(what: str) -> NoReturn:
    raise CodingError(
        f"The bytes are no message: {what}. Both sides must run the same version of hereditary-kg."
    )


def _pack(header: dict[str, Any], blobs: list[bytes]) -> bytes:
    try:
        text = json.dumps(header, separators=(",", ":")).encode("ascii")
    except (TypeError, ValueError) as error:
        raise CodingError(f"A record holds what does not travel: {error}") from error
    return b"".join([_PRELUDE.pack(_MAGIC, _VERSION, len(text)), text, *blobs])


def _unpack(data: bytes) -> tuple[dict[str, Any], _Blobs]:
    if len(data) < _PRELUDE.size:
        _fail("they are too few")
    magic, version, length = _PRELUDE.unpack_from(data)
    if magic != _MAGIC or version != _VERSION:
        _fail("they begin with something else")
    view = memoryview(data)[_PRELUDE.size :]
    if length > len(view):
        _fail("it ends before its header does")
    try:
        header = json.loads(bytes(view[:length]))
    except (ValueError, RecursionError) as error:
        raise CodingError("The bytes are no message: the header is not JSON.") from error
    if not isinstance(header, dict):
        _fail("its header is no object")
    return header, _Blobs(view[length:])


def _write_records(records: RecordDict, blobs: list[bytes]) -> list[Any]:
    written: list[Any] = []
    for name, record in records.items():
        if isinstance(record, ArrayRecord):
            rows = [[key, *_write_array(name, key, array, blobs)] for key, array in record.items()]
            written.append([name, "array", rows])
        else:
            kind = "metric" if isinstance(record, MetricRecord) else "config"
            pairs = [[key, _write_value(name, key, value, blobs)] for key, value in record.items()]
            written.append([name, kind, pairs])
    return written


def _write_array(name: str, key: str, array: Array, blobs: list[bytes]) -> list[Any]:
    if array.stype != _NUMPY or array.dtype not in _DTYPES:
        raise CodingError(
            f"Array {key!r} of record {name!r} does not travel: it is {array.stype} of "
            f"{array.dtype}. Send NumPy arrays of {', '.join(sorted(_DTYPES))}."
        )
    blobs.append(array.data)
    return [array.dtype, list(array.shape), len(array.data)]


def _write_value(name: str, key: str, value: Any, blobs: list[bytes]) -> Any:
    if isinstance(value, list):
        return [_write_value(name, key, one, blobs) for one in value]
    if isinstance(value, bytes):
        blobs.append(value)
        return {"bytes": len(value)}
    if isinstance(value, int) and value not in _INTEGERS:
        raise CodingError(
            f"Value {key!r} of record {name!r} does not travel: it is beyond 64 bits. "
            "Send it as a text."
        )
    return value


def _read_error(given: object) -> Error:
    match given:
        case [int() as code, str() | None as reason] if not isinstance(code, bool):
            return Error(code, reason)
    _fail("its error has no code and reason")


def _read_records(given: object, blobs: _Blobs) -> RecordDict:
    if not isinstance(given, list):
        _fail("its records are no list")
    records = RecordDict()
    for item in given:
        match item:
            case [str() as name, "array", list() as rows]:
                arrays = ArrayRecord()
                for row in rows:
                    key, array = _read_array(row, blobs)
                    if key in arrays:
                        _fail("a key is given twice")
                    arrays[key] = array
                record: Any = arrays
            case [str() as name, ("metric" | "config") as kind, list() as pairs]:
                record = _read_values(kind, pairs, blobs)
            case _:
                _fail("a record is of no known kind")
        if name in records:
            _fail("a name is given twice")
        records[name] = record
    return records


def _read_values(kind: str, pairs: list[Any], blobs: _Blobs) -> Any:
    record = _KINDS[kind]()
    for pair in pairs:
        match pair:
            case [str() as key, value] if key not in record:
                try:
                    record[key] = _read_value(value, blobs)
                except TypeError as error:
                    raise CodingError(f"The bytes are no message: {error}") from error
            case _:
                _fail("a value has no key of its own")
    return record


def _read_value(given: Any, blobs: _Blobs) -> Any:
    match given:
        case [*values]:
            return [_read_scalar(value, blobs) for value in values]
        case _:
            return _read_scalar(given, blobs)


def _read_scalar(given: Any, blobs: _Blobs) -> Any:
    match given:
        case {"bytes": length, **rest} if not rest:
            return blobs.take(length)
        case bool() | str() | float():
            return given
        case int() if given in _INTEGERS:
            return given
    _fail("a value is of no known type")


def _read_array(row: object, blobs: _Blobs) -> tuple[str, Array]:
    match row:
        case [str() as key, str() as dtype, list() as shape, length] if dtype in _DTYPES and all(
            isinstance(size, int) and not isinstance(size, bool) and size >= 0 for size in shape
        ):
            data = blobs.take(length)
        case _:
            _fail("an array has no type and shape")
    found = _NPY.match(data)
    if found is None or found.end() != 10 + int.from_bytes(found["length"], "little"):
        _fail("an array is not in NumPy's format")
    described = np.dtype(dtype).str, ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "")
    if (found["descr"].decode(), found["shape"].decode()) != described:
        _fail("an array is not of the type and shape that are said")
    if len(data) - found.end() != math.prod(shape) * np.dtype(dtype).itemsize:
        _fail("an array is not of the size of its shape")
    return key, Array(dtype, tuple(shape), _NUMPY, data)
