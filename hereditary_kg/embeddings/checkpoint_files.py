"""Checkpoint files, which are whole or not there: written beside, and renamed."""

import os
from collections.abc import Callable
from pathlib import Path

from safetensors import SafetensorError

from hereditary_kg.embeddings.errors import TrainingError

__all__ = ["replace_checkpoint"]


def replace_checkpoint(path: Path, write: Callable[[Path], None]) -> None:
    """Put a checkpoint in its place, once all of it is on the disk.

    Args:
        path: the file.
        write: writes it to the path that it is given.

    Raises:
        TrainingError: it cannot be written; what was there before is still there.
    """
    beside = path.with_suffix(".part")
    try:
        write(beside)
        with beside.open("rb") as written:
            os.fsync(written.fileno())
        beside.replace(path)
    except (OSError, SafetensorError) as error:
        beside.unlink(missing_ok=True)
        raise TrainingError(
            f"{path}: the checkpoint cannot be written: {error}. Make room, and start again: the "
            "run goes on from the one before."
        ) from error
