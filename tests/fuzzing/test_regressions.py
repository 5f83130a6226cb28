"""Cases that were wrong once, or are easily got wrong."""

from pathlib import Path

import pytest

from tests.fuzzing.cases import read_case
from tests.fuzzing.checking import check_case

KEPT = sorted((Path(__file__).parent / "regressions").glob("*.json"))


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
async def test_a_kept_case_is_right(path):
    case = read_case(path)
    assert case.why, "say what the case is kept for"
    await check_case(case)
