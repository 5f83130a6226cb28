"""What is held against every case of the suite."""

import pytest

from tests.conformance.cases import deals_of, judge
from tests.conformance.deals import Deal
from tests.conformance.differences import DIFFERENCES
from tests.conformance.manifests import ManifestTest, read_evaluation_tests

__all__ = ["check_case", "suite_cases"]


def suite_cases(suite: str) -> list:
    """Give the cases of ``sparql10`` or ``sparql11`` as parameters of a test."""
    return [
        pytest.param(test, deal, id=f"{test.name.removeprefix(suite + '/')}-{deal}")
        for test in read_evaluation_tests()
        if test.name.startswith(f"{suite}/")
        for deal in deals_of(test)
    ]


def check_case(test: ManifestTest, deal: Deal) -> None:
    """Check that the answer is the expected one, with the rules and without."""
    verdict = judge(test, deal)
    assert verdict.same_both_ways, verdict.account
    if test.name in DIFFERENCES:
        assert verdict.as_oxigraph, verdict.account
        assert not verdict.right, f"{test} is right: take it off the list of differences"
    else:
        assert verdict.right, verdict.account
