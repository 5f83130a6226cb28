"""DeTrusty, a federation engine in Python.

``python -m benchmarks.federation.engines.detrusty --install`` installs it into the user's cache,
into a virtual environment of its own. It needs source descriptions, which it collects by queries
to the members before it can answer; how long that took is told apart from the queries' times.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.federation.engines.base import EngineError, ServedFederation
from benchmarks.federation.engines.endpoint import EndpointEngine
from benchmarks.federation.engines.installation import engine_directory, run_step

__all__ = ["VERSION", "DetrustyEngine", "install"]

VERSION = "0.24.0"
"""What the figures were taken with.

0.25.0 has lost the list of classes in the source descriptions that it collects, so that it finds
no member for any pattern with ``rdf:type``.
"""

_PYTHON = Path("bin/python")
_SERVICE = Path(__file__).with_name("detrusty_service.py")
_DESCRIBING_SECONDS = 1800


class DetrustyEngine(EndpointEngine):
    """DeTrusty's ``run_query`` with its defaults, behind a small service of ours.

    Attributes:
        preparation: seconds that collecting the source descriptions took; None before.
    """

    name = "detrusty"
    accept = "application/sparql-results+json"

    def __init__(self) -> None:
        super().__init__()
        self.preparation: float | None = None

    def command(self, federation: ServedFederation, port: int) -> Sequence[str]:
        """Give the command, after collecting the source descriptions if that is still to do.

        Raises:
            EngineError: it is not installed, or cannot describe the members.
        """
        python = engine_directory(self.name) / _PYTHON
        _check(python)
        descriptions = federation.directory / "detrusty.ttl"
        if not descriptions.is_file():
            self.preparation = _describe(python, descriptions, federation)
        return [str(python), str(_SERVICE), "serve", str(descriptions), str(port)]


def install() -> None:
    """Install DeTrusty into the user's cache.

    Raises:
        SystemExit: it cannot be installed.
    """
    directory = engine_directory(DetrustyEngine.name)
    directory.mkdir(parents=True, exist_ok=True)
    run_step([sys.executable, "-m", "venv", "."], directory)
    requirement = f"detrusty=={VERSION}"
    run_step([str(directory / _PYTHON), "-m", "pip", "install", "-q", requirement], directory)


def _check(python: Path) -> None:
    advice = f"run python -m {__spec__.name if __spec__ else __name__} --install"
    if not python.is_file():
        raise EngineError(f"DeTrusty is not installed; {advice}")
    found = subprocess.run(
        [python, "-c", "from importlib.metadata import version; print(version('detrusty'))"],
        check=False,
        capture_output=True,
        text=True,
    ).stdout.strip()
    if found != VERSION:
        raise EngineError(f"DeTrusty {found or 'of no version'} is installed; {advice}")


def _describe(python: Path, path: Path, federation: ServedFederation) -> float:
    """Collect source descriptions; give the seconds that it took."""
    started = time.perf_counter()
    unfinished = path.with_suffix(".part.ttl")
    try:
        subprocess.run(
            [python, _SERVICE, "describe", unfinished, *federation.urls.values()],
            check=True,
            capture_output=True,
            cwd=federation.directory,
            timeout=_DESCRIBING_SECONDS,
        )
    except subprocess.CalledProcessError as error:
        raise EngineError(
            f"DeTrusty cannot describe the members: {error.stderr[-500:].decode(errors='replace')}"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise EngineError(f"no source descriptions after {_DESCRIBING_SECONDS} s") from error
    unfinished.rename(path)
    return time.perf_counter() - started


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--install", action="store_true", required=True)
    parser.parse_args()
    install()
