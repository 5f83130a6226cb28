"""The W3C's manifests of SPARQL tests: what is to be asked of which data, and what comes back.

Paths become IRIs of the place where the suite is published, so that nothing depends on where
it lies on this machine.

Source: https://www.w3.org/2001/sw/DataAccess/tests/README (the vocabulary of manifests).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pyoxigraph as ox

__all__ = [
    "ABSENT",
    "QUERY_TESTS",
    "ROOT",
    "ManifestTest",
    "read_evaluation_tests",
    "test_kinds",
]

ROOT = Path(__file__).resolve().parents[3] / "shared" / "w3c-sparql"
ABSENT = "the W3C test suites are not beside the project (../shared/w3c-sparql)"

_PUBLISHED = "https://w3c.github.io/rdf-tests/sparql/"
_MF = "http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#"
_QT = "http://www.w3.org/2001/sw/DataAccess/tests/test-query#"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"

QUERY_TESTS = ("QueryEvaluationTest", "CSVResultFormatTest")
"""The kinds of tests that evaluate a query and compare its answer."""

_TOP = (
    "sparql10/manifest.ttl",
    "sparql10/extended-manifest-evaluation.ttl",
    "sparql11/manifest-all.ttl",
)
# Entailment regimes are another semantics of the basic graph pattern.
_LEFT_OUT = ("sparql11/entailment",)


@dataclass(frozen=True, eq=False)
class ManifestTest:
    """One test.

    Attributes:
        name: the folder and the name that the manifest gives, ``sparql11/bind/bind01``.
        folder: the folder, ``sparql11/bind``.
        kind: the class of the test in the manifests' vocabulary.
        query: the file with the query.
        data: the files of the default graph.
        graphs: the files of the named graphs, by the graphs' names.
        services: the files behind the endpoints that the query names, by their IRIs.
        result: the file with the expected answer.
        lax: whether duplicates may be left out (REDUCED).
    """

    name: str
    folder: str
    kind: str
    query: Path
    data: tuple[Path, ...]
    graphs: Mapping[str, Path]
    services: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    result: Path | None = None
    lax: bool = False

    @property
    def text(self) -> str:
        """The query, its relative IRIs those of the published suite."""
        text = self.query.read_text(encoding="utf-8")
        return f"BASE <{published(self.query)}>\n{text}"

    def __str__(self) -> str:
        return self.name


def published(path: Path) -> str:
    """Give the IRI under which a file of the suite is published."""
    return _PUBLISHED + path.relative_to(ROOT).as_posix()


def _local(node: object) -> Path:
    assert isinstance(node, ox.NamedNode)
    return ROOT / node.value.removeprefix(_PUBLISHED)


class _Manifest:
    def __init__(self, path: Path) -> None:
        self.path = path
        self._store = ox.Store()
        self._store.load(path.read_bytes(), base_iri=published(path), format=ox.RdfFormat.TURTLE)

    @property
    def folder(self) -> str:
        return self.path.parent.relative_to(ROOT).as_posix()

    def values(self, subject: object, predicate: str) -> list:
        found = self._store.quads_for_pattern(subject, ox.NamedNode(predicate), None, None)
        return [quad.object for quad in found]

    def value(self, subject: object, predicate: str):
        found = self.values(subject, predicate)
        return found[0] if found else None

    def members(self, head: object) -> Iterator:
        while head is not None and head != ox.NamedNode(f"{_RDF}nil"):
            yield self.value(head, f"{_RDF}first")
            head = self.value(head, f"{_RDF}rest")

    def entries(self) -> Iterator[tuple["_Manifest", ox.NamedNode]]:
        """Yield the entries of this manifest and of those that it includes."""
        kind, manifest = ox.NamedNode(f"{_RDF}type"), ox.NamedNode(f"{_MF}Manifest")
        for quad in self._store.quads_for_pattern(None, kind, manifest, None):
            for included in self.members(self.value(quad.subject, f"{_MF}include")):
                yield from _Manifest(_local(included)).entries()
            for entry in self.members(self.value(quad.subject, f"{_MF}entries")):
                yield self, entry


def _entries() -> Iterator[tuple[_Manifest, ox.NamedNode, str]]:
    for top in _TOP:
        for manifest, entry in _Manifest(ROOT / top).entries():
            kind = manifest.value(entry, f"{_RDF}type")
            yield manifest, entry, kind.value.removeprefix(_MF) if kind is not None else ""


def test_kinds() -> dict[tuple[str, str], int]:
    """Count the tests of the suite by folder and kind."""
    counts: dict[tuple[str, str], int] = {}
    for manifest, _, kind in _entries():
        key = (manifest.folder, kind)
        counts[key] = counts.get(key, 0) + 1
    return counts


test_kinds.__test__ = False


@cache
def read_evaluation_tests() -> tuple[ManifestTest, ...]:
    """Give all tests that evaluate a query, those of entailment regimes left out.

    Returns:
        The tests in the order of the manifests; none where the suite is absent.
    """
    if not ROOT.is_dir():
        return ()
    found: dict[str, ManifestTest] = {}
    for manifest, entry, kind in _entries():
        if kind in QUERY_TESTS and manifest.folder not in _LEFT_OUT:
            name = f"{manifest.folder}/{entry.value.rpartition('#')[2]}"
            assert name not in found, name
            found[name] = _read(manifest, entry, kind, name)
    return tuple(found.values())


def _read(manifest: _Manifest, entry: ox.NamedNode, kind: str, name: str) -> ManifestTest:
    action = manifest.value(entry, f"{_MF}action")
    result = manifest.value(entry, f"{_MF}result")
    services = {
        manifest.value(service, f"{_QT}endpoint").value: tuple(
            map(_local, manifest.values(service, f"{_QT}data"))
        )
        for service in manifest.values(action, f"{_QT}serviceData")
    }
    return ManifestTest(
        name,
        manifest.folder,
        kind,
        _local(manifest.value(action, f"{_QT}query")),
        tuple(sorted(map(_local, manifest.values(action, f"{_QT}data")))),
        {graph.value: _local(graph) for graph in manifest.values(action, f"{_QT}graphData")},
        services,
        _local(result) if result is not None else None,
        manifest.value(entry, f"{_MF}resultCardinality") == ox.NamedNode(f"{_MF}LaxCardinality"),
    )
