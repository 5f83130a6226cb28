"""Members of the tiny benchmark, served by real ``oxigraph`` processes behind the proxy."""

from collections.abc import Iterator

import pytest
from tiny_benchmark import TinyBenchmark

from benchmarks.federation.members import ServedMembers, serve_members
from benchmarks.federation.oracle import Oracle
from benchmarks.federation.preparation import PreparedMembers, find_oxigraph, prepare_members


@pytest.fixture(scope="session")
def tiny_prepared(tmp_path_factory: pytest.TempPathFactory) -> PreparedMembers:
    if find_oxigraph() is None:
        pytest.skip("the program oxigraph is not installed; pip install oxigraph")
    directory = tmp_path_factory.mktemp("members") / "tiny"
    return prepare_members(TinyBenchmark(), 4, 1, directory)


@pytest.fixture(scope="session")
def tiny_oracle(tiny_prepared: PreparedMembers) -> Oracle:
    return Oracle(tiny_prepared.merge(), tiny_prepared.holdings())


@pytest.fixture(scope="session")
def tiny_processes(
    tiny_prepared: PreparedMembers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServedMembers]:
    with serve_members(tiny_prepared, tmp_path_factory.mktemp("served")) as members:
        yield members


@pytest.fixture
def tiny_members(tiny_processes: ServedMembers) -> ServedMembers:
    """The members, all well and nothing counted yet."""
    tiny_processes.set_conditions(0)
    tiny_processes.reset()
    return tiny_processes
