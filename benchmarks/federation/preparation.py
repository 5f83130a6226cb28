"""The members' data made ready: documents, stores on disk, profiles, and who holds what."""

import hashlib
import inspect
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import polars as pl
import pyoxigraph as ox

import hereditary_kg.sites
from benchmarks.federation.templates import Benchmark
from hereditary_kg.rdf.tsv_reading import parse_tsv
from hereditary_kg.sites.profiling import profile_store

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
    key = _fingerprint(benchmark, count, seed)
    if found := _find_prepared(directory, key):
        return found
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    prepared = PreparedMembers(directory, {})
    namespaces = benchmark.shared_namespaces

    def prepare(member: tuple[str, bytes]) -> tuple[str, int]:
        return member[0], _prepare_member(prepared, *member, namespaces)

    with ThreadPoolExecutor(2) as threads:
        for name, triples in threads.map(prepare, _documents(benchmark, count, seed)):
            prepared.triples[name] = triples
            if progress is not None:
                progress(len(prepared.triples))
    record = {"key": key, "triples": prepared.triples}
    (directory / _RECORD).write_text(json.dumps(record), encoding="utf-8")
    return prepared


def _documents(benchmark: Benchmark, count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    for name, lines in benchmark.members(count, seed):
        yield name, "".join(lines).encode()


def _prepare_member(
    prepared: PreparedMembers, name: str, document: bytes, namespaces: tuple[str, ...]
) -> int:
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
    store = ox.Store()
    store.bulk_load(document, format=ox.RdfFormat.N_QUADS)
    stamp = hashlib.sha256(document).hexdigest()[:16]
    prepared.profile(name).write_bytes(_profile(store, stamp, namespaces))
    found = cast("ox.QuerySolutions", store.query(_TRIPLES))
    triples = parse_tsv(found.serialize(format=ox.QueryResultsFormat.TSV) or b"")
    triples.write_parquet(prepared.directory / f"{name}.parquet")
    return triples.height


def _profile(store: ox.Store, stamp: str, namespaces: tuple[str, ...]) -> bytes:
    if "shared_namespaces" in inspect.signature(profile_store).parameters:
        return profile_store(store, stamp, shared_namespaces=namespaces).to_json()  # type: ignore[call-arg]
    return profile_store(store, stamp).to_json()


def _find_prepared(directory: Path, key: str) -> PreparedMembers | None:
    record = directory / _RECORD
    if not record.is_file():
        return None
    table = json.loads(record.read_text(encoding="utf-8"))
    return PreparedMembers(directory, table["triples"]) if table["key"] == key else None


def _fingerprint(benchmark: Benchmark, count: int, seed: int) -> str:
    """Tell data and profiles apart by all that they are made with, code included."""
    digest = hashlib.sha256(f"{benchmark.name} {count} {seed}".encode())
    here = Path(__file__).parent
    makers = [Path(__file__), *here.glob(f"{benchmark.name}*.py")]
    sites = Path(hereditary_kg.sites.__file__).parent
    makers += [sites / "profile.py", sites / "profiling.py", *sites.glob("*namespaces*.py")]
    for path in sorted(makers):
        digest.update(path.read_bytes())
    return digest.hexdigest()
