"""Generated data with blank nodes at every member, and generated queries over them."""

import asyncio
import re
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hereditary_kg.sparql.printing import query_text
from tests.dealt_federations import answer_of, dealt, oracle, store_of
from tests.sparql.query_generation import LITERALS, PREDICATES, RESOURCES, Forms, queries

# Many drawn cases: a busy machine takes longer than a single test may.
pytestmark = pytest.mark.timeout(600)

NODES = ["_:x", "_:y"]
subjects = st.sampled_from([*(term.text for term in RESOURCES[:3]), *NODES])
objects = st.sampled_from([*(term.text for term in (*RESOURCES[:3], *LITERALS[:3])), *NODES])
hands = st.lists(
    st.lists(
        st.tuples(subjects, st.sampled_from([p.text for p in PREDICATES]), objects),
        max_size=8,
        unique=True,
    ),
    min_size=2,
    max_size=3,
)


def apart(number, triple):
    """Give a member's blank nodes labels of their own, as the merge does."""
    return tuple(f"{text}{number}" if text in NODES else text for text in triple)


def without_labels(answer):
    """Write every blank node alike: labels are nobody's business."""
    if isinstance(answer, bool):
        return answer
    counts = Counter(answer) if isinstance(answer, frozenset) else answer
    found = Counter()
    for row, count in counts.items():
        cells = (row,) if isinstance(row, str) else row
        found[tuple(cell and re.sub(r"_:\S+", "_:b", cell) for cell in cells)] += count
    return found


@settings(
    max_examples=60,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(hands, queries(depth=2, forms=Forms(slices=False)))
def test_blank_nodes_stay_with_their_members(dealing, query):
    data = [[apart(i, triple) for triple in hand] for i, hand in enumerate(dealing)]
    text = query_text(query)
    expected = oracle(store_of({triple for hand in data for triple in hand}), text)
    for optimise in (True, False):
        result = asyncio.run(dealt(dealing).query(text, optimise=optimise))
        assert without_labels(answer_of(result)) == without_labels(expected), (
            f"{text}\n{result.plan}"
        )
