"""How a site's data set is described and how its triples are written to a file."""

import gzip
import io
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

from endpoints.demo.vocabulary import DCAT, DCT, RDF, RDFS, iri, language_text

__all__ = [
    "LABEL",
    "SYNTHETIC",
    "TYPE",
    "Triple",
    "describe_dataset",
    "write_triples",
]

Triple: TypeAlias = tuple[str, str, str]
"""Subject, predicate and object as N-Triples text."""

TYPE = iri(RDF, "type")
LABEL = iri(RDFS, "label")

SYNTHETIC = (
    "All persons in this data set are synthetic: they were simulated from public annotation "
    "frequencies with a fixed seed. Nobody here exists, and nothing here is medical evidence."
)


def describe_dataset(
    namespace: str, title: str, content: str, sources: Mapping[str, str]
) -> Iterator[Triple]:
    """Describe a site's data set.

    Args:
        namespace: the site's own namespace.
        title: the site's title.
        content: one sentence on what the data set holds.
        sources: terminology → its version and licence.
    """
    dataset = iri(namespace, "dataset")
    yield dataset, TYPE, iri(DCAT, "Dataset")
    yield dataset, iri(DCT, "title"), language_text(title, "en")
    yield dataset, iri(DCT, "description"), language_text(f"{content} {SYNTHETIC}", "en")
    for name, licence in sources.items():
        yield dataset, iri(DCT, "rights"), language_text(f"{name}: {licence}", "en")


def write_triples(path: Path, triples: Iterable[Triple]) -> int:
    """Write triples as gzipped N-Triples.

    Equal triples give equal bytes: the gzip header has neither time nor name.

    Returns:
        How many lines were written.
    """
    count = 0
    with (
        path.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", compresslevel=1, fileobj=raw, mtime=0) as stream,
        io.TextIOWrapper(stream, encoding="utf-8", newline="\n") as lines,
    ):
        for subject, predicate, value in triples:
            lines.write(f"{subject} {predicate} {value} .\n")
            count += 1
    return count
