"""A hub on disk: what was compiled once is opened in a moment.

A hub is a directory. ``hub.json`` says what went in, and which Arrow files (Zstandard) hold the
columns; each of these has the beginning of its content's SHA-256 in its name. A new hub's files are
written beside the old one's, and then ``hub.json`` is replaced: whenever a writer is killed or runs
out of room, the directory holds one whole hub, the old or the new one. The same hub gives the same
bytes.
"""

import fcntl
import hashlib
import io
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from hereditary_kg.semantics.errors import HubError, HubWriteError
from hereditary_kg.semantics.hub import MAPPINGS, Hub
from hereditary_kg.semantics.terminology import EDGES, PARTS, SYNONYMS, TERMS, Terminology

__all__ = ["FORMAT", "open_hub", "write_hub"]

FORMAT = 2
"""Counts up whenever files of older versions can no longer be read."""

_INDEX = "hub.json"
_LABELS = pl.Schema({"id": pl.String, "label": pl.String})
_FACTS = ("title", "version", "licence", "source")
_SCHEMAS: Mapping[str, pl.Schema] = {
    "terms": TERMS,
    "synonyms": SYNONYMS,
    "edges": EDGES,
    "parts": PARTS,
    "mappings": MAPPINGS,
    "labels": _LABELS,
}
_OF_TERMINOLOGIES = ("terms", "synonyms", "edges", "parts")
_REMEDY = "Compile it again with `hkg map import`."
_ATTEMPTS = 100
_REPEATED = 100
"""A column whose texts come so often, on average, is kept as numbers of texts."""


def write_hub(hub: Hub, directory: Path) -> None:
    """Write a hub; what hub the directory held before gives way to it in one moment.

    Args:
        hub: the hub.
        directory: is made if need be.

    Raises:
        HubError: the directory holds something else.
        HubWriteError: it cannot be written, for example because the disk is full. The hub that it
            held is as it was.
    """
    try:
        with _locked(directory):
            _write(hub, directory)
    except OSError as error:
        reason = error.strerror or str(error)
        message = f"{directory}: the hub cannot be written: {reason}. What was there is as it was."
        raise HubWriteError(message) from error


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Let one writer in at a time; the lock dies with its process."""
    directory.mkdir(parents=True, exist_ok=True)
    if not (directory / _INDEX).exists():
        foreign = [each.name for each in directory.iterdir() if not _is_ours(each.name)]
        if foreign:
            message = f"{directory}: holds files that are no hub's, such as {min(foreign)}. "
            raise HubError(message + "Name another directory, or a new one.")
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_ours(name: str) -> bool:
    return name == _INDEX or name.endswith((".arrow", ".part"))


def _write(hub: Hub, directory: Path) -> None:
    index: dict[str, Any] = {
        "format": FORMAT,
        "terminologies": [_described(each) for _, each in sorted(hub.terminologies.items())],
        "mapping_sets": {name: dict(hub.sources[name]) for name in sorted(hub.sources)},
        "files": {},
    }
    names = {_INDEX}
    try:
        for kind, frame in _frames(hub):
            content = _packed(frame)
            digest = hashlib.sha256(content).hexdigest()
            name = f"{kind}-{digest[:16]}.arrow"
            names.add(name)
            index["files"][kind] = {"name": name, "rows": frame.height, "sha256": digest}
            _replace(directory / name, content)
        options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
        _replace(directory / _INDEX, orjson.dumps(index, option=options))
    finally:
        # Also where writing failed: what no index names only takes room.
        _remove_others(directory)


def _described(terminology: Terminology) -> dict[str, Any]:
    return {
        "name": terminology.name,
        **{fact: getattr(terminology, fact) for fact in _FACTS},
        **{kind: getattr(terminology, kind).height for kind in _OF_TERMINOLOGIES},
    }


def _frames(hub: Hub) -> Iterator[tuple[str, pl.DataFrame]]:
    """Give what is written; the terminologies' rows one after the other, by their names."""
    ordered = [each.sorted() for _, each in sorted(hub.terminologies.items())]
    for kind in _OF_TERMINOLOGIES:
        frames = [getattr(each, kind).select(list(_SCHEMAS[kind])) for each in ordered]
        yield kind, pl.concat([_SCHEMAS[kind].to_frame(), *frames])
    yield "mappings", hub.mappings.select(list(MAPPINGS)).cast(MAPPINGS)
    labels = sorted(hub.labels.items())
    yield "labels", pl.DataFrame(labels, schema=_LABELS, orient="row")


def _packed(frame: pl.DataFrame) -> bytes:
    """Pack a frame; equal frames give equal bytes, however they were put together."""
    plain = [_plain(column) for column in frame.rechunk().get_columns()]
    buffer = io.BytesIO()
    # The oldest form has one buffer a text column; the newer one's depend on a column's history.
    pl.DataFrame(plain).write_ipc(
        buffer, compression="zstd", compat_level=pl.CompatLevel.oldest(), record_batch_size=1 << 20
    )
    return buffer.getvalue()


def _plain(column: pl.Series) -> pl.Series:
    """Give a column in the one form that its values have on disk."""
    if column.dtype != pl.String:
        # Under a null lies whatever was there before: only what is visible may reach the file.
        return pl.Series(column.name, column.to_list(), column.dtype)
    texts = column.drop_nulls().unique().sort()
    if len(texts) * _REPEATED > len(column):
        return column
    # Each text once: in memory, too, its copies then are references.
    return column.cast(pl.Enum(texts))


def _replace(path: Path, content: bytes) -> None:
    """Put a file in its place, whole and on the disk."""
    draft = path.with_name(f"{path.name}.part")
    with draft.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(path)


def _remove_others(directory: Path) -> None:
    """Remove what the index does not name: older hubs' files, and drafts."""
    index = directory / _INDEX
    kept = {_INDEX}
    if index.exists():
        with suppress(ValueError, KeyError, TypeError, AttributeError):
            files = orjson.loads(index.read_bytes())["files"]
            kept |= {each["name"] for each in files.values()}
    for each in directory.iterdir():
        if _is_ours(each.name) and each.name not in kept:
            with suppress(OSError):
                each.unlink()


def open_hub(directory: Path) -> Hub:
    """Open a hub that `write_hub` wrote.

    Raises:
        HubError: there is none, it is damaged, or another version of hereditary_kg wrote it.
    """
    index: dict[str, Any] = {}
    for attempt in range(_ATTEMPTS):
        before, index = index, _read_index(directory)
        try:
            frames = _read_frames(directory, index)
        except FileNotFoundError as error:
            # A writer may have put a new hub in its place meanwhile.
            if index == before or attempt + 1 == _ATTEMPTS:
                name = Path(error.filename).name
                raise HubError(f"{directory}: its file {name} is missing. {_REMEDY}") from error
        else:
            return _assembled(index, frames)
    raise AssertionError  # unreachable: the last attempt returns or raises


def _read_index(directory: Path) -> dict[str, Any]:
    try:
        text = (directory / _INDEX).read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        message = (
            f"{directory}: there is no hub. `hkg map import FILE... -o {directory}` makes one."
        )
        raise HubError(message) from error
    except OSError as error:
        raise HubError(f"{directory}: cannot be read: {error.strerror}.") from error
    try:
        index: dict[str, Any] = orjson.loads(text)
        found = index["format"]
        if found == FORMAT:
            _check_index(index)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise HubError(f"{directory}: {_INDEX} is damaged. {_REMEDY}") from error
    if found != FORMAT:
        message = f"{directory}: the hub has format {found}, and this version reads {FORMAT}. "
        raise HubError(message + _REMEDY)
    return index


def _check_index(index: Mapping[str, Any]) -> None:
    """Look everything up that opening needs.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: something is missing or odd.
    """
    for kind in _SCHEMAS:
        entry = index["files"][kind]
        if "/" in entry["name"] or len(entry["sha256"]) != 64 or entry["rows"] < 0:
            raise ValueError
    dict(index["mapping_sets"])
    for each in index["terminologies"]:
        _ = [each["name"], *(each[fact] for fact in _FACTS)]
    for kind in _OF_TERMINOLOGIES:
        if sum(each[kind] for each in index["terminologies"]) != index["files"][kind]["rows"]:
            raise ValueError


def _read_frames(directory: Path, index: Mapping[str, Any]) -> dict[str, pl.DataFrame]:
    return {
        kind: _read_frame(directory / index["files"][kind]["name"], index["files"][kind], schema)
        for kind, schema in _SCHEMAS.items()
    }


def _read_frame(path: Path, entry: Mapping[str, Any], schema: pl.Schema) -> pl.DataFrame:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise HubError(f"{path}: cannot be read: {error.strerror}.") from error
    if hashlib.sha256(content).hexdigest() != entry["sha256"]:
        raise HubError(f"{path}: the hub is damaged: its checksum is another. {_REMEDY}")
    frame = pl.read_ipc(io.BytesIO(content)).with_columns(pl.col(pl.Enum).cast(pl.String))
    if frame.schema != schema or frame.height != entry["rows"]:
        raise HubError(f"{path}: its columns are others than {_INDEX} says. {_REMEDY}")
    return frame


def _assembled(index: Mapping[str, Any], frames: Mapping[str, pl.DataFrame]) -> Hub:
    places = dict.fromkeys(_OF_TERMINOLOGIES, 0)
    terminologies: dict[str, Terminology] = {}
    for each in index["terminologies"]:
        parts = {}
        for kind, start in places.items():
            parts[kind] = frames[kind].slice(start, each[kind])
            places[kind] = start + each[kind]
        terminologies[each["name"]] = Terminology(
            name=each["name"],
            version=each["version"],
            terms=parts["terms"],
            synonyms=parts["synonyms"],
            edges=parts["edges"],
            parts=parts["parts"],
            title=each["title"],
            licence=each["licence"],
            source=each["source"],
        )
    return Hub(
        terminologies,
        frames["mappings"],
        index["mapping_sets"],
        dict(_pairs(frames["labels"])),
    )


def _pairs(labels: pl.DataFrame) -> Iterable[tuple[str, str]]:
    return zip(labels["id"].to_list(), labels["label"].to_list(), strict=True)
