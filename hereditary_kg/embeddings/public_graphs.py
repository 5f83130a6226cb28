"""Public graphs of benchmarks, from files and from PyKEEN, in the splits that were published.

Nothing is fetched: what is not on this machine already is asked for in the error.
"""

import gzip
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hereditary_kg.embeddings.errors import TripleError
from hereditary_kg.embeddings.splitting import Split
from hereditary_kg.embeddings.triples import TripleSet, read_triples

if TYPE_CHECKING:
    from pykeen.datasets import Dataset

__all__ = ["convert_pykeen_dataset", "read_public_graph", "read_pykeen_dataset"]

_PARTS = ("train", "valid", "test")


def read_public_graph(directory: Path) -> Split:
    """Read a graph in three parts from a directory: FB15k-237, WN18RR and others.

    Two forms are known, each also compressed (``.gz``): ``train.txt``, ``valid.txt`` and
    ``test.txt`` (or ``.tsv``) with a head, a relation and a tail between tabs; and OpenKE's
    ``train2id.txt``, ``valid2id.txt`` and ``test2id.txt``, whose first line is a count and the
    others the numbers of head, tail and relation, beside ``entity2id.txt`` and
    ``relation2id.txt``. Entities that are in the validation or test part alone are kept.

    Raises:
        TripleError: a file is missing, or is not of its form.
    """
    if _find(directory, "train2id") is not None:
        return _read_numbered(directory)
    parts = [read_triples(_need(directory, part)) for part in _PARTS]
    whole = TripleSet.from_labels(triple for part in parts for triple in part)
    training, validation, testing = (
        TripleSet.from_labels(part, whole.entities, whole.relations) for part in parts
    )
    return Split(training, validation, testing)


def read_pykeen_dataset(name: str) -> Split:
    """Read one of PyKEEN's datasets that is on this machine.

    Some small ones come with PyKEEN (Nations, UMLS, Kinships, Countries and others); of the rest
    those are read that PyKEEN has fetched before.

    Args:
        name: as PyKEEN knows it, such as ``umls``.

    Raises:
        TripleError: PyKEEN knows no such dataset, it is not on this machine, or it has no
            validation part.
    """
    from pykeen.datasets import dataset_resolver  # noqa: PLC0415 (slow to import)

    try:
        kind = dataset_resolver.lookup(name)
    except (KeyError, ValueError) as error:
        near = get_close_matches(dataset_resolver.normalize(name), dataset_resolver.options, n=3)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise TripleError(f"PyKEEN knows no dataset {name!r}.{hint}") from error
    return convert_pykeen_dataset(_open_local(kind))


def convert_pykeen_dataset(dataset: "Dataset") -> Split:
    """Give the triples of a dataset that was opened by PyKEEN.

    PyKEEN leaves out validation and test triples with entities that training has not: of
    FB15k-237 there are 28 test triples fewer than were published.

    Raises:
        TripleError: it has no validation part.
    """
    if dataset.validation is None:
        raise TripleError(
            f"{type(dataset).__name__} has no validation part. Read its triples into one set, and "
            "split them."
        )
    entities = _order(dataset.entity_to_id)
    relations = _order(dataset.relation_to_id)
    parts = (dataset.training, dataset.validation, dataset.testing)
    training, validation, testing = (
        TripleSet(entities, relations, part.mapped_triples.numpy()) for part in parts
    )
    return Split(training, validation, testing)


def _open_local(kind: "type[Dataset]") -> "Dataset":
    """Open a dataset whose files are all there; PyKEEN would fetch those that are not."""
    from pykeen.datasets.base import (  # noqa: PLC0415 (slow to import)
        PackedZipRemoteDataset,
        PathDataset,
        UnpackedRemoteDataset,
    )

    name = kind.__name__
    # Of other kinds, PyKEEN fetches some as soon as they are made.
    if not issubclass(kind, PackedZipRemoteDataset | PathDataset):
        raise TripleError(
            f"Whether the dataset {name} is on this machine cannot be told without PyKEEN fetching "
            f"it. Open it by yourself, pykeen.datasets.{name}(), and give it to "
            "convert_pykeen_dataset; or write its triples into train.txt, valid.txt and test.txt."
        )
    absent = TripleError(
        f"The dataset {name} is not on this machine, and nothing is fetched while triples are "
        f"read. Let PyKEEN fetch it first: python -c 'from pykeen.datasets import {name}; "
        f"{name}().validation'. Or give a directory with train.txt, valid.txt and test.txt."
    )
    arguments: dict[str, Any] = {}
    if issubclass(kind, UnpackedRemoteDataset):
        # It fetches what is absent when it is made, but not by a way that does not exist.
        arguments["download_kwargs"] = {"backend": "none"}
    try:
        dataset = kind(**arguments)
    except ValueError as error:
        raise absent from error
    if isinstance(dataset, PackedZipRemoteDataset):
        needed = [dataset.path]
    else:
        paths = (dataset.training_path, dataset.testing_path, dataset.validation_path)
        needed = [path for path in paths if path is not None]
    if not all(path.is_file() for path in needed):
        raise absent
    return dataset


def _order(numbers: Mapping[str, int]) -> tuple[str, ...]:
    return tuple(sorted(numbers, key=numbers.__getitem__))


def _find(directory: Path, stem: str) -> Path | None:
    names = (f"{stem}{ending}" for ending in (".txt", ".txt.gz", ".tsv", ".tsv.gz"))
    return next((directory / name for name in names if (directory / name).is_file()), None)


def _need(directory: Path, stem: str) -> Path:
    path = _find(directory, stem)
    if path is None:
        raise TripleError(
            f"{directory}: there is no {stem}.txt (or .txt.gz, .tsv, .tsv.gz). A graph in three "
            "parts lies there as train.txt, valid.txt and test.txt, or in OpenKE's numbered form."
        )
    return path


def _read_numbered(directory: Path) -> Split:
    entities = _read_labels(_need(directory, "entity2id"))
    relations = _read_labels(_need(directory, "relation2id"))
    parts = []
    for part in _PARTS:
        path = _need(directory, f"{part}2id")
        try:
            parts.append(TripleSet(entities, relations, _read_numbers(path)))
        except TripleError as error:
            raise TripleError(f"{path}: {error}") from error
    training, validation, testing = parts
    return Split(training, validation, testing)


def _read_labels(path: Path) -> tuple[str, ...]:
    numbers: dict[int, str] = {}
    for place, line in _read_counted(path):
        label, _, number = line.rpartition("\t")
        if not (label and number.isascii() and number.isdigit()):
            raise TripleError(f"{path}:{place}: a line has a label, a tab and its number.")
        numbers[int(number)] = label
    if sorted(numbers) != list(range(len(numbers))):
        raise TripleError(f"{path}: the numbers do not go from 0 on without gaps.")
    return tuple(numbers[number] for number in range(len(numbers)))


def _read_numbers(path: Path) -> NDArray[np.int64]:
    rows: list[tuple[int, int, int]] = []
    for place, line in _read_counted(path):
        fields = line.split()
        if len(fields) != 3 or not all(field.isascii() and field.isdigit() for field in fields):
            raise TripleError(f"line {place} has not the numbers of a head, a tail and a relation.")
        head, tail, relation = map(int, fields)
        rows.append((head, relation, tail))
    return np.array(rows, dtype=np.int64).reshape(-1, 3)


def _read_counted(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a file whose first line says how many follow, with their places."""
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8") as stream:
            lines = stream.read().splitlines()
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise TripleError(f"{path}: it cannot be read as text: {error}") from error
    rest = [(place, line) for place, line in enumerate(lines[1:], start=2) if line.strip()]
    if not lines or lines[0].strip() != str(len(rest)):
        raise TripleError(
            f"{path}: its first line does not say how many lines follow ({len(rest)}). It was cut "
            "off, or is not in OpenKE's form."
        )
    yield from rest
