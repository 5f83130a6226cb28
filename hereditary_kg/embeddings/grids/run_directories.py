"""A site's directory of a run: one for each run's number, known by the run's manifest."""

import shutil
from hashlib import sha256
from pathlib import Path

from hereditary_kg.embeddings.grids.errors import ManifestError, SettingsError
from hereditary_kg.embeddings.grids.manifest import RunManifest, SignedManifest
from hereditary_kg.embeddings.whole_files import replace_file

__all__ = ["finish_run_directory", "open_run_directory"]


def open_run_directory(above: Path, signed: SignedManifest, run: RunManifest) -> Path:
    """Begin a run, or go on with it: give its directory, which its owner alone can read.

    Args:
        above: the site's directory of runs.
        signed: the run's manifest, checked.
        run: what it says.

    Raises:
        ManifestError: the site has finished a run of this number, or knows it by another
            manifest.
        SettingsError: the directory cannot be written.
    """
    directory = above / str(run.run_id)
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        known = directory / "manifest.json"
        if known.exists() and sha256(known.read_bytes()).hexdigest() != signed.digest:
            raise ManifestError(
                f"Run {run.run_id} has another manifest than when this site joined it. A new "
                "run needs a new number; one that goes on needs its old manifest."
            )
        if (directory / "finished").exists():
            raise ManifestError(
                f"Run {run.run_id} is finished at this site, and is not begun again. A new "
                "run needs a new number."
            )
        if not known.exists():
            replace_file(known, signed.text.encode())
    except OSError as error:
        raise SettingsError(
            f"{directory}: the run's journal cannot be kept there: {error.strerror}."
        ) from error
    return directory


def finish_run_directory(directory: Path) -> None:
    """Drop everything but that the run is finished."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    (directory / "finished").touch()
