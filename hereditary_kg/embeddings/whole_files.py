"""Files that are whole or not there: written beside, and renamed once all is on the disk."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["replace_file", "written_whole"]


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


def replace_file(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, for its owner alone.

    Args:
        path: the file; its directory is there.
        data: all of it.

    Raises:
        OSError: it cannot be written.
    """
    with written_whole(path) as beside:
        beside.unlink(missing_ok=True)
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
