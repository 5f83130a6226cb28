"""Strategies: by name, with bounds, and rows that all sites choose alike."""

import numpy as np
import pytest

from hereditary_kg.embeddings.errors import StrategyError, UnknownNameError
from hereditary_kg.embeddings.strategies import STRATEGIES, Strategy, resolve_strategy


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_strategy_is_found_by_its_name(name):
    assert resolve_strategy(name.upper()) == STRATEGIES[name]


def test_names_of_the_literature_are_known():
    assert resolve_strategy("FedE").kinds == ("entities",)
    assert resolve_strategy("FedR").kinds == ("relations",)
    assert resolve_strategy("FedProx", proximal=0.5).proximal == 0.5
    assert {resolve_strategy(name).owner_exponent for name in ("FedE", "FedR", "FedProx")} == {0}


def test_an_unknown_name_is_told_with_the_nearest():
    with pytest.raises(UnknownNameError, match="personalised"):
        resolve_strategy("personalized")


@pytest.mark.parametrize(
    "change",
    [
        {"own_share": 1.0},
        {"own_share": -0.1},
        {"proximal": -1},
        {"exchanged_share": 0},
        {"exchanged_share": 1.1},
        {"owner_exponent": -0.1},
        {"owner_exponent": 1.1},
    ],
)
def test_numbers_have_bounds(change):
    (name,) = change
    with pytest.raises(StrategyError, match=name):
        Strategy("mine", **change)


def test_without_sparsity_all_rows_are_exchanged():
    assert (Strategy("mine").exchanged_rows(5, 3, seed=1) == np.arange(5)).all()


@pytest.mark.parametrize(("share", "blocks"), [(0.25, 4), (0.1, 10), (0.5, 2)])
@pytest.mark.parametrize("rows", [0, 1, 7, 100])
def test_each_row_is_exchanged_once_in_an_epoch_of_blocks(share, blocks, rows):
    strategy = Strategy("mine", exchanged_share=share)
    count = min(blocks, max(rows, 1))
    for epoch in range(3):
        rounds = range(epoch * count + 1, (epoch + 1) * count + 1)
        chosen = [strategy.exchanged_rows(rows, number, seed=3) for number in rounds]
        assert sorted(np.concatenate(chosen).tolist()) == list(range(rows))
        assert max(map(len, chosen)) - min(map(len, chosen)) <= 1


def test_blocks_differ_between_epochs_and_seeds_and_not_between_calls():
    strategy = Strategy("mine", exchanged_share=0.5)
    first = strategy.exchanged_rows(100, 1, seed=3).tolist()
    assert first == strategy.exchanged_rows(100, 1, seed=3).tolist()
    assert first != strategy.exchanged_rows(100, 1, seed=4).tolist()
    assert first != strategy.exchanged_rows(100, 3, seed=3).tolist()
