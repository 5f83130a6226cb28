"""Generated cases with fixed seeds; `make fuzz` runs new ones."""

import pytest

from tests.fuzzing.searching import find_failure

SHARDS = 20
CASES = 100


@pytest.mark.timeout(600)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_answers_are_those_of_the_merged_store(shard):
    found = find_failure(shard, CASES)
    assert found is None, found[1]
