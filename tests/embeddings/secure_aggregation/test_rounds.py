"""What opens is the plain sum, whoever drops out when, or nothing opens at all."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hereditary_kg.embeddings.errors import TooFewSitesError
from hereditary_kg.embeddings.secure_aggregation import FixedPoint, RoundLayout, TensorLayout
from tests.embeddings.secure_aggregation.sites_in_memory import (
    Federation,
    possible_thresholds,
    run_settings,
)


def assert_is_plain_sum(federation, layout, values, opened):
    expected = federation.plain_sum(layout, values, opened.alive)
    assert opened.sums.keys() == expected.keys()
    for tensor in layout.tensors:
        error = np.abs(opened.sums[tensor.name] - expected[tensor.name]).max(initial=0)
        assert error <= tensor.coding.step
    for space, rows in layout.rows.items():
        counted = sum(federation.owned[site][space][rows].astype(int) for site in opened.alive)
        assert (opened.owners[space] == counted).all()


@pytest.mark.parametrize("sites", [2, 3, 5])
def test_one_message_opens_the_sum_where_nobody_may_drop_out(sites):
    federation = Federation(run_settings(sites))
    layout = federation.layout()
    values = federation.values(layout)
    federation.server.begin_round(1, layout)
    for name, site in federation.sites.items():
        federation.server.add_update(site.mask(1, layout, values[name]))
    assert federation.server.close_round() == {}
    opened = federation.server.finish_round()
    assert opened.alive == federation.settings.sites
    assert_is_plain_sum(federation, layout, values, opened)


@settings(max_examples=20)
@given(st.data())
def test_the_sum_is_the_plain_sum_whoever_drops_out(data):
    """Each site is silent, or sends its update and gives no answer, or does both, in each round."""
    sites = data.draw(st.integers(3, 7))
    threshold = data.draw(st.sampled_from(possible_thresholds(sites)))
    agreed = run_settings(sites, threshold, spaces={"entities": 5, "relations": 2})
    random = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    owned = {
        site: {space.name: random.random(space.rows) < 0.8 for space in agreed.spaces}
        for site in agreed.sites
    }
    federation = Federation(agreed, owned)
    layout = federation.layout(bits=data.draw(st.sampled_from([16, 32])))
    for number in data.draw(st.sampled_from([(1, 2, 3), (1, 5), (7,)])):
        fate = data.draw(
            st.lists(
                st.sampled_from(["stays", "stays", "stays", "silent", "no answer"]),
                min_size=sites,
                max_size=sites,
            )
        )
        fates = dict(zip(agreed.sites, fate, strict=True))
        silent = [site for site, what in fates.items() if what == "silent"]
        no_answer = [site for site, what in fates.items() if what == "no answer"]
        values = federation.values(layout, number)
        answers = sites - len(silent) - (len(no_answer) if agreed.may_drop_out else 0)
        if answers >= threshold:
            opened = federation.run_round(number, layout, values, silent, no_answer)
            assert opened.alive == tuple(site for site in agreed.sites if site not in silent)
            assert_is_plain_sum(federation, layout, values, opened)
        else:
            with pytest.raises(TooFewSitesError, match="stays closed"):
                federation.run_round(number, layout, values, silent, no_answer)


@pytest.mark.parametrize("silent", list(itertools.combinations(range(7), 2)))
def test_two_of_seven_are_silent(silent):
    federation = Federation(run_settings(7, threshold=5))
    layout = federation.layout()
    values = federation.values(layout)
    gone = [federation.settings.sites[place] for place in silent]
    opened = federation.run_round(1, layout, values, silent=gone)
    assert_is_plain_sum(federation, layout, values, opened)
    again = federation.run_round(2, layout, values)
    assert again.alive == federation.settings.sites
    assert_is_plain_sum(federation, layout, values, again)


def test_several_tensors_of_different_residues():
    federation = Federation(run_settings(4, threshold=3))
    rows = {"entities": np.array([0, 2, 3, 5])}
    layout = RoundLayout(
        rows,
        [
            TensorLayout("difference", "entities", 3, FixedPoint.finest(0.1, 4, 16)),
            TensorLayout("state", "entities", 1, FixedPoint.finest(1000, 4)),
            TensorLayout("weight", "entities", 1, FixedPoint(20, 1, 4, 16)),
        ],
    )
    values = federation.values(layout)
    opened = federation.run_round(1, layout, values, silent=["site-01"])
    assert_is_plain_sum(federation, layout, values, opened)


def test_rows_that_a_site_does_not_own_count_as_zero():
    agreed = run_settings(3)
    owned = {site: {"entities": np.ones(6, dtype=bool)} for site in agreed.sites}
    owned["site-00"]["entities"][2] = False
    owned["site-01"] = {"entities": owned["site-01"]["entities"].copy()}
    federation = Federation(agreed, owned)
    layout = federation.layout(columns=1)
    values = {site: {"entities/difference": np.full((6, 1), 0.5)} for site in agreed.sites}
    opened = federation.run_round(1, layout, values)
    assert opened.owners["entities"].tolist() == [3, 3, 2, 3, 3, 3]
    expected = [1.5, 1.5, 1.0, 1.5, 1.5, 1.5]
    assert np.allclose(opened.sums["entities/difference"][:, 0], expected, atol=1e-6)


def test_what_travels_is_masked():
    """A masked update of zeros is not zeros, differs each round, and is no function of the key."""
    federation = Federation(run_settings(3, threshold=2, spaces={"entities": 400}))
    layout = federation.layout(columns=16)
    zeros = {"entities/difference": np.zeros((400, 16))}
    site = federation.sites["site-00"]
    first, second = (
        np.frombuffer(site.mask(number, layout, zeros), dtype=np.uint8) for number in (1, 2)
    )
    assert (first == second).mean() < 0.05
    for sent in (first, second):
        histogram = np.bincount(sent, minlength=256)
        assert histogram.max() < 2 * histogram.mean()
