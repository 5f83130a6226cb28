"""The members' data made ready: documents, stores on disk, profiles, and who holds what."""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import polars as pl
import pyoxigraph as ox

import hereditary_kg.sites
from benchmarks.federation.templates import Benchmark
from hereditary_kg.rdf.tsv_reading import parse_tsv
from hereditary_kg.sites.profiling import profile_store
from hereditary_kg.sites.shared_namespaces import SharingPolicy

__all__ = ["PreparedMembers", "find_oxigraph", "prepare_members"]

_TRIPLES = "SELECT ?s ?p ?o WHERE { ?s ?p ?o }"
_RECORD = "prepared.json"


@dataclass(frozen=True)
class PreparedMembers:
    """Members that are ready to be served.

    Attributes:
        directory: where they lie: per member ``NAME.nq``, the store ``NAME.store``, the
            profile ``NAME.profile`` and its triples ``NAME.parquet``.
        triples: per member how many triples its default graph has.
    """

    directory: Path
    triples: dict[str, int]

    def store(self, name: str) -> Path:
        """Give the directory of a member's store."""
        return self.directory / f"{name}.store"

    def profile(self, name: str) -> Path:
        """Give the file of a member's profile."""
        return self.directory / f"{name}.profile"

    def document(self, name: str) -> Path:
        """Give the file of a member's data."""
        return self.directory / f"{name}.nq"

    def merge(self, count: int | None = None) -> ox.Store:
        """Load the data of the first members, or of all, into one store in memory."""
        store = ox.Store()
        for name in list(self.triples)[:count]:
            store.bulk_load(path=self.document(name), format=ox.RdfFormat.N_QUADS)
        return store

    def holdings(self) -> pl.DataFrame:
        """Give who holds what in a default graph: columns s, p, o (canonical), member."""
        member = pl.Enum(list(self.triples))
        return pl.concat(
            pl.read_parquet(self.directory / f"{name}.parquet").with_columns(
                pl.lit(name, dtype=member).alias("member")
            )
            for name in self.triples
        )


def find_oxigraph() -> Path | None:
    """Find the ``oxigraph`` program: beside this Python, or on the path."""
    beside = Path(sys.executable).with_name("oxigraph")
    if beside.is_file():
        return beside
    found = shutil.which("oxigraph")
    return Path(found) if found else None


def prepare_members(
    benchmark: Benchmark,
    count: int,
    seed: int,
    directory: Path,
    progress: Callable[[int], None] | None = None,
) -> PreparedMembers:
    """Generate, load and profile members; what lies there already for the same is taken.

    Profiles are built anew where only the code that makes them has changed.

    Args:
        benchmark: says what they hold.
        count: how many.
        seed: of the generator.
        directory: where to; replaced if something else lies there.
        progress: told how many are ready.

    Raises:
        FileNotFoundError: the ``oxigraph`` program is not installed.
        subprocess.CalledProcessError: it does not take the data; the message says why.
    """
    data = _fingerprint(
        [f"{benchmark.name} {count} {seed} {benchmark.scale}"], _generators(benchmark)
    )
    profiles = _fingerprint([data, *benchmark.shared_namespaces], _profilers())
    found = _read_record(directory)
    documents: Iterator[tuple[str, bytes]]
    if found.get("data") == data:
        prepared = PreparedMembers(directory, found["triples"])
        if found["profiles"] == profiles:
            return prepared
        documents = ((name, prepared.document(name).read_bytes()) for name in prepared.triples)
        prepare = partial(_write_profile, prepared, benchmark.shared_namespaces)
    else:
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        prepared = PreparedMembers(directory, {})
        documents = _generate(benchmark, count, seed)
        prepare = partial(_prepare_member, prepared, benchmark.shared_namespaces)
    with ThreadPoolExecutor(2) as threads:
        for ready, (name, triples) in enumerate(threads.map(prepare, documents), 1):
            prepared.triples[name] = triples
            if progress is not None:
                progress(ready)
    record = {"data": data, "profiles": profiles, "triples": prepared.triples}
    (directory / _RECORD).write_text(json.dumps(record), encoding="utf-8")
    return prepared


def _generate(benchmark: Benchmark, count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    for name, lines in benchmark.members(count, seed):
        yield name, "".join(lines).encode()


def _prepare_member(
    prepared: PreparedMembers, namespaces: tuple[str, ...], member: tuple[str, bytes]
) -> tuple[str, int]:
    name, document = member
    program = find_oxigraph()
    if program is None:
        raise FileNotFoundError("there is no program oxigraph; pip install oxigraph")
    path = prepared.document(name)
    path.write_bytes(document)
    subprocess.run(
        [program, "load", "--location", prepared.store(name), "--file", path],
        check=True,
        capture_output=True,
    )
    store = _load(document)
    found = cast("ox.QuerySolutions", store.query(_TRIPLES))
    triples = parse_tsv(found.serialize(format=ox.QueryResultsFormat.TSV) or b"")
    triples.write_parquet(prepared.directory / f"{name}.parquet")
    return _write_profile(prepared, namespaces, member, store)


def _write_profile(
    prepared: PreparedMembers,
    namespaces: tuple[str, ...],
    member: tuple[str, bytes],
    store: ox.Store | None = None,
) -> tuple[str, int]:
    name, document = member
    stamp = hashlib.sha256(document).hexdigest()[:16]
    policy = SharingPolicy(namespaces)
    profile = profile_store(store or _load(document), stamp, policy=policy)
    prepared.profile(name).write_bytes(profile.to_json())
    return name, profile.triples


def _load(document: bytes) -> ox.Store:
    store = ox.Store()
    store.bulk_load(document, format=ox.RdfFormat.N_QUADS)
    return store


def _read_record(directory: Path) -> dict[str, Any]:
    record = directory / _RECORD
    if not record.is_file():
        return {}
    found: dict[str, Any] = json.loads(record.read_text(encoding="utf-8"))
    return found


def _generators(benchmark: Benchmark) -> Iterator[Path]:
    """Give the code that makes the data, so that data of older code is told apart."""
    yield Path(__file__)
    yield from Path(__file__).parent.glob(f"{benchmark.name}*.py")


def _profilers() -> Iterator[Path]:
    """Give the code that makes profiles."""
    yield from Path(hereditary_kg.sites.__file__).parent.glob("*.py")


def _fingerprint(words: Iterable[str], files: Iterable[Path]) -> str:
    digest = hashlib.sha256("\n".join(words).encode())
    for path in sorted(files):
        digest.update(path.read_bytes())
    return digest.hexdigest()
