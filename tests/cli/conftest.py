"""Two small sites, a federation of them, and a way to run commands."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner
from federation_data import CLINIC, DESCRIPTION, REGISTRY

from hereditary_kg.cli.main import hkg
from hereditary_kg.sites import Site


@dataclass(frozen=True)
class Outcome:
    """What a command wrote, and its exit code."""

    code: int
    output: str
    errors: str
    content: bytes


@pytest.fixture
def run(monkeypatch):
    """Give a function that runs ``hkg`` in this process, as in a pipe."""
    monkeypatch.delenv("HKG_FEDERATION", raising=False)

    def run_command(*arguments, text=None, environment=None) -> Outcome:
        result = CliRunner().invoke(
            hkg, [str(each) for each in arguments], input=text, env=environment, prog_name="hkg"
        )
        assert "Traceback" not in result.stderr or "--stacktrace" in arguments
        return Outcome(result.exit_code, result.stdout, result.stderr, result.stdout_bytes)

    return run_command


@pytest.fixture(scope="session")
def built_federation(tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("federation")
    for name, data in (("clinic", CLINIC), ("registry", REGISTRY)):
        (directory / f"{name}.ttl").write_text(data)
        with Site.create(directory / name, name=name) as site:
            site.load([directory / f"{name}.ttl"])
            site.build_profile()
    (directory / "federation.toml").write_text(DESCRIPTION)
    return directory


@pytest.fixture
def federation(built_federation) -> Path:
    """Give the path of a federation that is up; it must not be changed."""
    return built_federation / "federation.toml"


@pytest.fixture
def broken_federation(built_federation, tmp_path) -> Path:
    """Give the path of a federation whose registry has lost its store."""
    copy = tmp_path / "broken"
    shutil.copytree(built_federation, copy)
    shutil.rmtree(copy / "registry" / "store")
    return copy / "federation.toml"


@pytest.fixture
def data_file(tmp_path) -> Path:
    path = tmp_path / "clinic.ttl"
    path.write_text(CLINIC)
    return path
