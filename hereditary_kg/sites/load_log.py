"""The log of what was loaded into a site, which also says which store is the current one.

Each load writes a new generation of the store, ``store/00000002``, beside the current one and
then replaces ``loads.jsonl`` by one that is a line longer. That replacement is atomic and is
the load's only commit: killed before it, the site has its old data, after it, the new.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from hereditary_kg.sites.errors import SiteError

__all__ = [
    "EMPTY_STAMP",
    "LoadRecord",
    "LoadedFile",
    "chain_stamp",
    "clear_generations",
    "commit_load",
    "generation_directory",
    "read_loads",
]

_LOG_FILE = "loads.jsonl"
_STORE_DIRECTORY = "store"

EMPTY_STAMP = hashlib.sha256(b"hereditary_kg: a site without data").hexdigest()[:32]
"""The stamp of a site into which nothing was loaded."""


@dataclass(frozen=True)
class LoadedFile:
    """One file of a load: its name without directories, SHA-256 and count of statements."""

    name: str
    sha256: str
    triples: int


@dataclass(frozen=True)
class LoadRecord:
    """One load.

    Attributes:
        stamp: the version of the site's data after it.
        generation: the number of the store that holds them.
        time: when it was done, ISO 8601 in UTC.
        files: what was loaded.
        skolemised: whether blank nodes became IRIs.
        total: distinct statements in the store afterwards, in all graphs.
    """

    stamp: str
    generation: int
    time: str
    files: tuple[LoadedFile, ...]
    skolemised: bool
    total: int


def chain_stamp(previous: str, parts: Iterable[str]) -> str:
    """Derive a data version from the one before and from what was added.

    >>> chain_stamp("a", ["b"]) == chain_stamp("a", ["b"]) != chain_stamp("b", ["a"])
    True
    """
    return hashlib.sha256("\n".join((previous, *parts)).encode()).hexdigest()[:32]


def generation_directory(site: Path, generation: int) -> Path:
    """Name the directory of a generation of the store."""
    return site / _STORE_DIRECTORY / f"{generation:08d}"


def read_loads(site: Path) -> tuple[LoadRecord, ...]:
    """Read the log, the oldest load first; empty where nothing was loaded yet.

    Raises:
        SiteError: the log is unreadable.
    """
    path = site / _LOG_FILE
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise SiteError(f"{path}: cannot be read: {error.strerror}") from error
    records = []
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
            files = tuple(LoadedFile(**file) for file in entry.pop("files"))
            records.append(LoadRecord(files=files, **entry))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SiteError(
                f"{path}:{number}: is no record of a load; restore the file from a backup, or "
                "create the site anew and load its data again"
            ) from error
    return tuple(records)


def commit_load(site: Path, records: Sequence[LoadRecord]) -> None:
    """Make the last record's generation the current one, durably and in one step."""
    path = site / _LOG_FILE
    draft = site / f"{_LOG_FILE}.draft"
    with draft.open("w", encoding="utf-8") as stream:
        stream.writelines(json.dumps(asdict(record)) + "\n" for record in records)
        stream.flush()
        os.fsync(stream.fileno())
    _sync_directory(site / _STORE_DIRECTORY)
    draft.replace(path)
    _sync_directory(site)


def clear_generations(site: Path, current: int | None) -> None:
    """Remove every generation but the current one: older ones and those of broken loads."""
    store = site / _STORE_DIRECTORY
    store.mkdir(exist_ok=True)
    kept = generation_directory(site, current) if current is not None else None
    for entry in store.iterdir():
        if entry != kept:
            shutil.rmtree(entry)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
