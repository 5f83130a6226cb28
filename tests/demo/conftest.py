import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
if str(ROOT) not in sys.path:
    # The demo is run from the repository root and isn't part of the installed package.
    sys.path.insert(0, str(ROOT))


@pytest.fixture(scope="session")
def terminologies():
    from endpoints.demo.terminologies import read_terminologies

    return read_terminologies()


@pytest.fixture(scope="session")
def patients(terminologies):
    from endpoints.demo.patients import PATIENTS, simulate_patients

    return list(simulate_patients(PATIENTS, terminologies))


@pytest.fixture(scope="session")
def persons(terminologies):
    from endpoints.demo.persons import PERSONS, simulate_persons

    return list(simulate_persons(PERSONS, terminologies))
