"""The page of results is that of the suite and of the list of differences."""

import re

import pytest

from tests.conformance.cases import deals_of
from tests.conformance.differences import DIFFERENCES
from tests.conformance.manifests import ABSENT, ROOT, read_evaluation_tests
from tests.conformance.report import PAGE

RUN = "run `python -m tests.conformance.report`"


def test_the_page_lists_every_difference_with_its_reason():
    listed = {}
    reason = None
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if match := re.fullmatch(r"  - `(.+)`", line):
            listed[match[1]] = reason
        elif line.startswith("- "):
            reason = line.removeprefix("- ")
    assert listed == DIFFERENCES, RUN


@pytest.mark.skipif(not ROOT.is_dir(), reason=ABSENT)
def test_the_page_counts_every_case():
    tests = read_evaluation_tests()
    cases = sum(len(deals_of(test)) for test in tests)
    different = sum(len(deals_of(test)) for test in tests if test.name in DIFFERENCES)
    row = f"| **all** | {len(tests)} | {cases} | {cases - different} | {different} | 0 |"
    assert row in PAGE.read_text(encoding="utf-8"), RUN


@pytest.mark.skipif(not ROOT.is_dir(), reason=ABSENT)
def test_every_difference_is_one_of_a_test():
    assert set(DIFFERENCES) <= {test.name for test in read_evaluation_tests()}
