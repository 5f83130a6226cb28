"""Loading data files into a new generation of a site's store."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from hereditary_kg.sites.errors import LoadError, SiteError
from hereditary_kg.sites.load_log import LoadedFile
from hereditary_kg.sites.reading import DataFile, read_statements
from hereditary_kg.sites.skolemisation import Skolemiser

if TYPE_CHECKING:
    from pyoxigraph import Quad

__all__ = ["LoadReport", "Progress", "fill_store"]


class Progress(Protocol):
    """Is told how far a long step has come."""

    def __call__(self, done: int, total: int, label: str) -> None:
        """Take a report.

        Args:
            done: how much is done, in the step's unit (bytes for a load, triples for a profile).
            total: how much there is to do, in the same unit.
            label: what is being worked on.
        """


@dataclass(frozen=True)
class LoadReport:
    """What a load did.

    Attributes:
        files: what was loaded, with the count of statements read from each.
        added: how many statements the store has more than before, in all graphs.
        total: how many it has now.
        stamp: the version of the site's data now.
    """

    files: tuple[LoadedFile, ...]
    added: int
    total: int
    stamp: str


def fill_store(
    directory: Path,
    current: Path | None,
    files: Sequence[DataFile],
    *,
    base_iri: str | None,
    progress: Progress | None,
) -> tuple[tuple[LoadedFile, ...], int, int]:
    """Write a store that holds what the current one does and the files' statements.

    Args:
        directory: where the new store goes; it must not exist.
        current: the store to begin with, which stays as it is; None for an empty one. Its data
            files are shared by hard links, so that this costs next to nothing.
        files: what to add.
        base_iri: where the IRIs of blank nodes begin; None leaves them blank.
        progress: told the bytes read.

    Returns:
        The files as loaded, the statements before, and those after.

    Raises:
        LoadError: a file is broken.
        SiteError: the store cannot be read or written.
    """
    from pyoxigraph import Store  # noqa: PLC0415 (slow to import)

    try:
        if current is not None:
            Store.read_only(str(current)).backup(directory)
        store = Store(directory)
        before = len(store) if current is not None else 0
        loading = _Loading(files, base_iri, progress)
        store.bulk_extend(loading.statements())
        store.flush()
        return tuple(loading.loaded), before, len(store)
    except (OSError, RuntimeError) as error:
        raise SiteError(f"{directory}: the store cannot be written: {error}") from error


class _Loading:
    """One load under way: its statements, and what was read so far."""

    def __init__(
        self, files: Sequence[DataFile], base_iri: str | None, progress: Progress | None
    ) -> None:
        self._files = files
        self._base_iri = base_iri
        self._progress = progress
        self._total = sum(file.size for file in files)
        self._finished = 0
        self.loaded: list[LoadedFile] = []

    def statements(self) -> "Iterator[Quad]":
        for file in self._files:
            digest = file.digest()
            count = 0
            for quad in self._convert(file, digest):
                count += 1
                yield quad
            self.loaded.append(LoadedFile(file.path.name, digest, count))
            self._finished += file.size
            self._report(0, file)

    def _convert(self, file: DataFile, digest: str) -> "Iterator[Quad]":
        from pyoxigraph import BlankNode, Triple  # noqa: PLC0415 (slow to import)

        skolemiser = Skolemiser(self._base_iri, digest) if self._base_iri is not None else None
        for quad in read_statements(
            file,
            rename_blank_nodes=skolemiser is None,
            on_read=lambda read: self._report(read, file),
        ):
            object_type = type(quad.object)
            if object_type is Triple:
                raise LoadError(
                    file.path,
                    "has a triple term (RDF 1.2), which sites do not hold; state it as a triple "
                    f"of its own or in a named graph. It stands in: {quad}",
                )
            if skolemiser is not None and (
                object_type is BlankNode
                or type(quad.subject) is BlankNode
                or type(quad.graph_name) is BlankNode
            ):
                yield skolemiser.convert(quad)
            else:
                yield quad

    def _report(self, read: int, file: DataFile) -> None:
        if self._progress is not None:
            self._progress(self._finished + read, self._total, file.path.name)
