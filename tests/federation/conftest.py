"""What several tests of the federation need."""

import pytest

from hereditary_kg.sites.profile import Profile


@pytest.fixture
def profile_json():
    """Give a function that writes a profile of eleven triples with a stamp."""

    def write(stamp):
        return Profile(stamp=stamp, triples=11, subjects=3, predicates={}, classes={}).to_json()

    return write
