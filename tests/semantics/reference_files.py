"""The reference data beside the repository; tests skip where they are absent."""

from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
REASON = "the reference data are not beside the project (../shared/data)"

needs_reference = pytest.mark.skipif(not DATA.is_dir(), reason=REASON)


def mapping_files() -> list[Path]:
    """All SSSOM files of the reference data; none where it is absent."""
    return sorted(DATA.glob("**/*sssom*.tsv.gz")) if DATA.is_dir() else []
