"""Files that are whole or not there: written beside, and renamed once all is on the disk."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["create_file", "replace_file", "written_whole"]

_PRIVATE = 0o600


@contextmanager
def written_whole(path: Path) -> Generator[Path]:
    """Give a path beside a file's, and put what was written there in the file's place.

    Whatever goes wrong, also if the machine stops: what was there before is still there.

    Args:
        path: the file; its directory is there.

    Raises:
        OSError: it cannot be put in its place.
    """
    beside = path.with_name(f".{path.name}.part")
    try:
        yield beside
        with beside.open("rb") as written:
            os.fsync(written.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    # Only this puts the new name on the disk as well.
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def create_file(path: Path, data: bytes, mode: int = _PRIVATE) -> None:
    """Write a new file, with its mode from the first moment on; or none, if that fails.

    Args:
        path: the file; its directory is there.
        data: all of it.
        mode: who may read it; by default its owner alone.

    Raises:
        FileExistsError: it is there already.
        OSError: it cannot be written.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        raise


def replace_file(path: Path, data: bytes, mode: int = _PRIVATE) -> None:
    """Write a file whole or not at all, in the place of one that may be there.

    Args:
        path: the file; its directory is there.
        data: all of it.
        mode: as in `create_file`.

    Raises:
        OSError: it cannot be written.
    """
    with written_whole(path) as beside:
        beside.unlink(missing_ok=True)
        create_file(beside, data, mode)
