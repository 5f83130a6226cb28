"""Checkpoint files: an error says that the run goes on from the one before."""

from collections.abc import Callable
from pathlib import Path

from safetensors import SafetensorError

from hereditary_kg.embeddings.errors import TrainingError
from hereditary_kg.embeddings.whole_files import written_whole

__all__ = ["replace_checkpoint"]


def replace_checkpoint(path: Path, write: Callable[[Path], None]) -> None:
    """Put a checkpoint in its place, once all of it is on the disk.

    Args:
        path: the file.
        write: writes it to the path that it is given.

    Raises:
        TrainingError: it cannot be written; what was there before is still there.
    """
    try:
        with written_whole(path) as beside:
            write(beside)
    except (OSError, SafetensorError) as error:
        raise TrainingError(
            f"{path}: the checkpoint cannot be written: {error}. Make room, and start again: the "
            "run goes on from the one before."
        ) from error
