import subprocess
import sys

import pytest

from hereditary_kg.embeddings.grids import GRIDS, resolve_grid
from hereditary_kg.embeddings.grids.errors import SettingsError


def test_each_name_gives_a_class() -> None:
    assert [resolve_grid(name).__name__ for name in GRIDS] == [
        "InProcessGrid",
        "GrpcGrid",
        "FlowerDeployment",
    ]


def test_an_unknown_name_gets_the_known_ones() -> None:
    with pytest.raises(SettingsError, match=r"There are in-process, grpc, flower. Is grpc meant"):
        resolve_grid("gprc")


@pytest.mark.parametrize(
    "code", ["import hereditary_kg.embeddings.grids", "import hereditary_kg.cli.main"]
)
def test_flower_is_imported_by_what_needs_it_alone(code: str) -> None:
    checked = f"{code}; import sys; print(sorted({{'flwr', 'grpc', 'torch'}} & set(sys.modules)))"
    told = subprocess.run(
        [sys.executable, "-c", checked], capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "[]"


def test_importing_flower_here_switches_its_telemetry_off() -> None:
    code = (
        "import hereditary_kg.embeddings.grids.in_process, flwr.supercore.telemetry as telemetry;"
        "print(telemetry.FLWR_TELEMETRY_ENABLED, telemetry.event('PING').result(30))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "0 disabled"
