"""Where engines that are not part of this project are installed, and how."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["engine_directory", "run_step"]


def engine_directory(name: str) -> Path:
    """Give an engine's directory in the user's cache; it need not exist."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "hereditary_kg" / "benchmark-engines" / name


def run_step(
    command: Sequence[str], directory: Path, environment: Mapping[str, str] | None = None
) -> None:
    """Run a step of an installation; what it prints goes to standard error.

    Raises:
        SystemExit: it failed, or its program is not there.
    """
    try:
        subprocess.run(
            command,
            check=True,
            cwd=directory,
            stdout=sys.stderr,
            env=None if environment is None else {**os.environ, **environment},
        )
    except FileNotFoundError:
        raise SystemExit(f"there is no program {command[0]} here") from None
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"{command[0]} failed with status {error.returncode}") from None
