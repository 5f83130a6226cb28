"""Files that are whole or not there: written beside, and renamed once all is on the disk."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["written_whole"]


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
