import json
import struct
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, Error, Message, MetricRecord, RecordDict
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hereditary_kg.embeddings.grids.errors import CodingError
from hereditary_kg.embeddings.grids.flower_api import make_message
from hereditary_kg.embeddings.grids.message_coding import (
    decode_message,
    decode_records,
    encode_message,
    encode_records,
    too_large,
)
from hereditary_kg.embeddings.grids.messages import make_reply, new_metadata

numbers = st.floats() | st.integers(-(2**63), 2**63 - 1)
scalars = st.booleans() | numbers | st.text() | st.binary()
lists = st.one_of(
    *(
        st.lists(kind, max_size=4)
        for kind in (st.booleans(), st.floats(), st.integers(-9, 9), st.text(), st.binary())
    )
)
arrays = hnp.arrays(
    dtype=st.sampled_from(["float32", "float64", "int8", "uint32", "int64", "uint64", "bool"]),
    shape=hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)
records = st.dictionaries(
    st.text(max_size=8),
    st.one_of(
        st.dictionaries(st.text(max_size=8), arrays, max_size=3).map(
            lambda found: ArrayRecord({key: Array(value) for key, value in found.items()})
        ),
        st.dictionaries(st.text(max_size=8), numbers, max_size=3).map(MetricRecord),
        st.dictionaries(st.text(max_size=8), scalars | lists, max_size=3).map(ConfigRecord),
    ),
    max_size=4,
).map(RecordDict)


def message_of(content: RecordDict) -> Message:
    return make_message(new_metadata(7, "m-1", 42, group_id="3", message_type="train.one"), content)


def plain(found: RecordDict) -> list[Any]:
    """Records as something that compares, also where there is no number."""
    return [
        (name, type(record).__name__, key, type(value).__name__, repr(value))
        for name, record in found.items()
        for key, value in record.items()
    ]


@given(content=records)
@settings(deadline=None)
def test_what_is_written_is_read(content: RecordDict) -> None:
    message = message_of(content)
    read = decode_message(encode_message(message))
    assert plain(read.content) == plain(content)
    assert read.metadata == message.metadata
    assert plain(decode_records(encode_records(content))) == plain(content)


def test_arrays_come_back_with_each_bit() -> None:
    values = np.array([np.nan, np.inf, -0.0, 5e-324])
    content = RecordDict({"a": ArrayRecord([values])})
    read = decode_message(encode_message(message_of(content))).content["a"].to_numpy_ndarrays()[0]
    assert read.tobytes() == values.tobytes()


def test_an_error_comes_back() -> None:
    reply = make_reply(message_of(RecordDict()), error=Error(5, "It did not answer."))
    read = decode_message(encode_message(reply))
    assert read.error == Error(5, "It did not answer.")
    assert read.metadata.reply_to_message_id == "m-1"


@pytest.mark.parametrize(
    "array",
    [
        Array("object", (1,), "numpy.ndarray", b""),
        Array("<U3", (1,), "numpy.ndarray", b""),
        Array("float32", (1,), "torch.tensor", b""),
        Array(np.array(["text"])),
    ],
)
def test_arrays_of_anything_but_numbers_do_not_travel(array: Array) -> None:
    with pytest.raises(CodingError, match="Array 'k' of record 'a' does not travel"):
        encode_records(RecordDict({"a": ArrayRecord({"k": array})}))


def test_integers_beyond_64_bits_do_not_travel() -> None:
    with pytest.raises(CodingError, match="beyond 64 bits"):
        encode_records(RecordDict({"a": ConfigRecord({"k": 2**64})}))


@given(content=records, cut=st.integers(0, 400))
@settings(deadline=None)
def test_no_part_of_a_message_is_a_message(content: RecordDict, cut: int) -> None:
    data = encode_message(message_of(content))
    with pytest.raises(CodingError):
        decode_message(data[: min(cut, len(data) - 1)])
    with pytest.raises(CodingError, match="goes on behind"):
        decode_message(data + b"x")


@given(content=records, place=st.integers(0, 10_000), byte=st.integers(0, 255))
@settings(deadline=None)
def test_a_changed_byte_gives_a_message_or_a_clear_error(
    content: RecordDict, place: int, byte: int
) -> None:
    data = bytearray(encode_message(message_of(content)))
    data[place % len(data)] = byte
    with suppress(CodingError):
        assert decode_message(bytes(data)).has_content()


@given(st.binary(max_size=200))
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(CodingError):
        decode_message(data)


def forged(header: object, blob: bytes = b"") -> bytes:
    text = json.dumps(header).encode()
    return struct.pack(">4sBI", b"HKGM", 1, len(text)) + text + blob


def npy(array: np.ndarray[Any, Any]) -> bytes:
    return Array(array).data


@pytest.mark.parametrize(
    ("record", "blob", "reason"),
    [
        (["a", "array", [["k", "float64", [2], 9]]], b"notnumpy!", "not in NumPy's format"),
        (["a", "array", [["k", "float64", [10**9], 0]]], b"", "not in NumPy's format"),
        (["a", "array", [["k", "object", [2], 9]]], b"notnumpy!", "no type and shape"),
        (["a", "array", [["k", "float64", [-2], 9]]], b"notnumpy!", "no type and shape"),
        (["a", "array", [["k", "float64", [2], -1]]], b"", "no whole number"),
        (["a", "array", [["k", "float64", [2], 999]]], b"", "ends before its data"),
        (["a", "pickle", []], b"", "no known kind"),
        (["a", "metric", [["k", True]]], b"", "Not all values"),
        (["a", "metric", [["k", {"bytes": 0}]]], b"", "Not all values"),
        (["a", "config", [["k", {"other": 0}]]], b"", "no known type"),
        (["a", "config", [["k", None]]], b"", "no known type"),
        (["a", "config", [["k", [[1]]]]], b"", "no known type"),
        (["a", "config", [["k", 1], ["k", 2]]], b"", "no key of its own"),
        (["a", "config", [["k", 2**70]]], b"", "no known type"),
    ],
)
def test_forged_records_are_refused(record: object, blob: bytes, reason: str) -> None:
    with pytest.raises(CodingError, match=reason):
        decode_records(forged({"records": [record]}, blob))


@pytest.mark.parametrize("shape", [[3], [2, 1], [10**12]])
def test_an_array_that_lies_about_its_shape_is_refused_before_it_is_read(shape: list[int]) -> None:
    data = npy(np.zeros(2))
    header = {"records": [["a", "array", [["k", "float64", shape, len(data)]]]]}
    with pytest.raises(CodingError, match="not of the type and shape"):
        decode_records(forged(header, data))


def test_an_array_with_a_header_for_more_than_there_is_is_refused() -> None:
    data = npy(np.zeros(2)).replace(b"(2,)", b"(9,)")
    header = {"records": [["a", "array", [["k", "float64", [9], len(data)]]]]}
    with pytest.raises(CodingError, match="not of the size of its shape"):
        decode_records(forged(header, data))


def test_an_array_of_pickled_objects_is_refused() -> None:
    described = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(117) + b"\n"
    data = b"\x93NUMPY\x01\x00v\x00" + described + b"\x80\x04N."
    header = {"records": [["a", "array", [["k", "float64", [1], len(data)]]]]}
    with pytest.raises(CodingError, match="not in NumPy's format"):
        decode_records(forged(header, data))


def test_metadata_must_be_complete_and_of_their_types() -> None:
    good = json.loads(encode_message(message_of(RecordDict()))[9:])
    for name, value in (("run_id", "7"), ("ttl", None), ("run_id", True), ("message_type", "run")):
        bad = {**good, "metadata": {**good["metadata"], name: value}}
        with pytest.raises(CodingError):
            decode_message(forged(bad))
    with pytest.raises(CodingError, match="metadata are not complete"):
        decode_message(forged({**good, "metadata": {}}))


def test_names_are_given_once() -> None:
    with pytest.raises(CodingError, match="a name is given twice"):
        decode_records(forged({"records": [["a", "config", []], ["a", "config", []]]}))


def test_what_is_too_large_is_said() -> None:
    assert too_large(b"1234", 4) == too_large(b"1234", None) == ""
    assert "has 4 bytes; the limit is 3" in too_large(b"1234", 3)
