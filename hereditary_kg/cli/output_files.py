"""Where data go: standard output, or a file that is there when it is complete."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from hereditary_kg.cli.errors import FAILED, CommandError

__all__ = ["check_output", "open_output"]


def check_output(path: Path | None) -> None:
    """Refuse, before any work is done, an output file that cannot be written.

    Raises:
        CommandError: its directory is missing, or it is a directory itself.
    """
    if path is None:
        return
    if path.is_dir():
        raise CommandError(f"{path}: is a directory", "Name a file.")
    if not path.parent.is_dir():
        raise CommandError(
            f"{path}: there is no directory {path.parent}", "Create it, or name another file."
        )


@contextmanager
def open_output(path: Path | None) -> Iterator[IO[bytes]]:
    """Open where data go: standard output, or a file that is there when it is complete.

    Raises:
        CommandError: the file cannot be written.
    """
    if path is None:
        sys.stdout.flush()
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if path.exists() and not path.is_file():
        # A device or a named pipe is written to, not replaced.
        with _naming(path), path.open("wb") as stream:
            yield stream
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with _naming(path), draft.open("wb") as stream:
            yield stream
        with _naming(path):
            if path.exists():
                shutil.copymode(path, draft)
            draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CommandError(f"{path}: cannot be written: {error.strerror}", None, FAILED) from error
