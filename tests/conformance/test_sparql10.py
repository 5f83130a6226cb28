"""The query tests of SPARQL 1.0, their data dealt over the members of a federation."""

import pytest

from tests.conformance.manifests import ABSENT, ROOT
from tests.conformance.verdicts import check_case, suite_cases

pytestmark = pytest.mark.skipif(not ROOT.is_dir(), reason=ABSENT)


@pytest.mark.parametrize(("test", "deal"), suite_cases("sparql10"))
def test_the_dealt_answer_is_the_expected_one(test, deal):
    check_case(test, deal)
