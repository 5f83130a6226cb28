"""Tests that turn on lexical forms, over members that keep them."""

import pytest

from tests.conformance.cases import Case, answer_of, deals_of, evaluate
from tests.conformance.differences import DIFFERENCES, NORMALISED
from tests.conformance.exact_members import RDFLIB_WARNINGS, exact_literals, exact_member
from tests.conformance.manifests import ABSENT, ROOT, read_evaluation_tests

pytestmark = [
    pytest.mark.skipif(not ROOT.is_dir(), reason=ABSENT),
    pytest.mark.filterwarnings(RDFLIB_WARNINGS),
]

CASES = [
    pytest.param(test, deal, id=f"{test}-{deal}")
    for test in read_evaluation_tests()
    if DIFFERENCES.get(test.name) == NORMALISED
    for deal in deals_of(test)
]


@pytest.mark.parametrize(("test", "deal"), CASES)
def test_the_dealt_answer_is_the_expected_one_to_the_letter(test, deal):
    case = Case.read(test)
    with exact_literals():
        hands = deal.hands(case.quads, case.graphs)
        members = [exact_member(f"m{n}", hand.quads) for n, hand in enumerate(hands)]
        results = evaluate(case, members)
    for result in results:
        answer = answer_of(result)
        assert case.agrees(answer, case.expected, exact=True), (answer, case.expected, result.plan)
