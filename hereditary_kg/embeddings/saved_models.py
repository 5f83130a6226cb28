"""Models on disk: vectors as safetensors, labels and known triples beside them.

A directory holds ``vectors.safetensors`` (tensors ``entities`` and ``relations``, and in its
header what model they are of), ``entities.txt`` and ``relations.txt`` (a label a line, in the order
of the rows), ``known.tsv.gz`` (the triples that the site trained, validated and tested on), and
``names.tsv`` (what entities are called, as far as that is known).
Labels and triples are the site's own: only vectors of shared rows were ever sent.
"""

import gzip
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from hereditary_kg.embeddings.errors import ModelError
from hereditary_kg.embeddings.models import EmbeddingModel
from hereditary_kg.embeddings.triples import TripleSet, read_triples

if TYPE_CHECKING:
    import torch

__all__ = ["SavedModel", "load_model", "save_model"]

_VECTORS, _ENTITIES, _RELATIONS = "vectors.safetensors", "entities.txt", "relations.txt"
_KNOWN, _NAMES = "known.tsv.gz", "names.tsv"
_ABOUT = "hereditary_kg"


@dataclass(frozen=True, eq=False)
class SavedModel:
    """A model with what its rows stand for.

    Attributes:
        model: the vectors.
        known: all triples that are known at the site, under the labels of the model's rows.
        about: how the model came about: its plan, rounds, metrics, privacy; JSON values.
        names: what entities are called, for people.
    """

    model: EmbeddingModel
    known: TripleSet
    about: Mapping[str, object] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)


def save_model(saved: SavedModel, directory: Path) -> None:
    """Write a model into a directory of its own, whole or not at all.

    Raises:
        ModelError: the directory exists and is no model's, or it cannot be written.
    """
    if directory.exists() and not (directory / _VECTORS).exists():
        raise ModelError(
            f"{directory}: it exists, and holds no model that could be replaced. Name another one."
        )
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=".model-", dir=directory.parent))
        try:
            _write(saved, beside)
            if directory.exists():
                shutil.rmtree(directory)
            beside.replace(directory)
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{directory}: the model cannot be written: {error}") from error


def load_model(directory: Path) -> SavedModel:
    """Read a model that `save_model` has written.

    Raises:
        ModelError: there is none, or it is damaged.
        TripleError: its known triples cannot be read.
    """
    try:
        with safe_open(directory / _VECTORS, framework="pt") as opened:
            header = json.loads((opened.metadata() or {})[_ABOUT])
            entities, relations = (opened.get_tensor(name) for name in ("entities", "relations"))
        labels = [_read_lines(directory / name) for name in (_ENTITIES, _RELATIONS)]
        names = _read_names(directory / _NAMES)
        model = EmbeddingModel(
            header["model"], entities, relations, reciprocal=header["reciprocal"]
        )
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise ModelError(
            f"{directory}: there is no model that could be read: {error}. Name a directory that "
            "hkg train has written."
        ) from error
    known = TripleSet.from_labels(read_triples(directory / _KNOWN), *labels)
    sizes = (len(entities), model.relation_count)
    if sizes != (len(labels[0]), len(labels[1])) or sizes != (
        len(known.entities),
        len(known.relations),
    ):
        raise ModelError(f"{directory}: its labels are not those of its vectors. Train it anew.")
    return SavedModel(model, known, header["about"], names)


def _write(saved: SavedModel, directory: Path) -> None:
    model, known = saved.model, saved.known
    header = {
        "model": model.scoring.name,
        "reciprocal": model.reciprocal,
        "about": dict(saved.about),
    }
    vectors: dict[str, torch.Tensor] = {
        "entities": model.entities.detach().cpu().contiguous(),
        "relations": model.relations.detach().cpu().contiguous(),
    }
    path = directory / _VECTORS
    save_file(vectors, path, metadata={_ABOUT: json.dumps(header, sort_keys=True)})
    _write_labels(directory / _ENTITIES, known.entities)
    _write_labels(directory / _RELATIONS, known.relations)
    _write_names(directory / _NAMES, saved.names)
    with (
        (directory / _KNOWN).open("wb") as raw,
        # No time stamp: the same triples are the same bytes.
        gzip.GzipFile(fileobj=raw, mode="wb", filename="", mtime=0) as packed,
    ):
        for triple in known.labels():
            packed.write(("\t".join(triple) + "\n").encode())
    with path.open("rb") as written:
        os.fsync(written.fileno())


def _write_labels(path: Path, labels: tuple[str, ...]) -> None:
    for label in labels:
        if not label or set(label) & {"\n", "\r", "\t"}:
            raise ModelError(f"The label {label!r} cannot be written on a line of its own.")
    path.write_text("".join(f"{label}\n" for label in labels), encoding="utf-8", newline="\n")


def _write_names(path: Path, names: Mapping[str, str]) -> None:
    # A name is only looked at, so that white space in it may be changed.
    lines = [f"{label}\t{' '.join(name.split())}\n" for label, name in sorted(names.items())]
    path.write_text("".join(lines), encoding="utf-8", newline="\n")


def _read_lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").split("\n")[:-1]


def _read_names(path: Path) -> dict[str, str]:
    """Read names; none where the model was written before there were any."""
    if not path.exists():
        return {}
    return dict(line.split("\t", 1) for line in _read_lines(path))
