"""What the benchmark of private training measures by: its counts, its split and its budgets."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from benchmarks.private_embeddings import Counts, check_budgets, deal
from hereditary_kg.embeddings.training_plan import TrainingPlan
from hereditary_kg.embeddings.triples import TripleSet


def ring(entities=40, relations=6):
    return TripleSet.from_labels(
        (f"e{number}", f"r{step}", f"e{(number + step) % entities}")
        for number in range(entities)
        for step in range(1, relations + 1)
    )


def tables(triples, **noise):
    """Give all scores that counts have: of each relation, for heads and for tails."""
    counts = Counts(triples, **noise)
    numbers = torch.arange(len(triples.relations))
    return torch.stack([counts.score_heads(numbers, numbers), counts.score_tails(numbers, numbers)])


def test_counts_are_of_the_relation_and_the_end():
    triples = TripleSet.from_labels(
        [("a", "r", "x"), ("b", "r", "x"), ("b", "r", "y"), ("a", "s", "y")]
    )
    found = tables(triples)
    assert found[0].tolist() == [[1, 2, 0, 0], [1, 0, 0, 0]]
    assert found[1].tolist() == [[0, 0, 2, 1], [0, 0, 0, 1]]


def test_one_triple_changes_counts_by_what_their_noise_is_for():
    whole = ring()
    without = whole.select(np.arange(1, len(whole)))
    change = tables(whole, noise=3.0) - tables(without, noise=3.0)
    assert float(change.norm()) == pytest.approx(2**0.5)


def test_no_site_trains_on_what_is_tested():
    everywhere = ring()
    for each in deal(everywhere, "vertical", seed=0, most=5):
        training, testing = set(each.site.split.training.labels()), set(each.testing.labels())
        assert 0 < len(testing) <= 5
        assert not training & testing
        assert not len(each.site.split.validation)
        assert training | testing <= set(each.known.labels()) <= set(everywhere.labels())


@pytest.mark.parametrize("spent", [3.9, 4.01])
def test_a_budget_that_was_not_kept_to_ends_the_script(spent):
    session = SimpleNamespace(epsilon=spent, site=SimpleNamespace(name="clinic"))
    with pytest.raises(SystemExit, match="clinic spent"):
        check_budgets([session], TrainingPlan(epsilon=4.0))
