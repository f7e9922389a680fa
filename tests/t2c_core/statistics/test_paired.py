"""Paired differences of accuracies: the interval covers, uses the pairing, and averages each task once."""

import numpy as np
import pytest

from t2c.core.statistics.paired import mean_difference, paired_difference
from t2c.schemas.errors import InputError, MismatchError


def test_the_difference_is_that_of_the_accuracies() -> None:
    first, second = np.array([1, 1, 1, 0], bool), np.array([1, 0, 0, 0], bool)
    found = paired_difference(first, second)
    assert (found.n, found.first, found.second, found.difference) == (4, 0.75, 0.25, 0.5)
    assert -1 <= found.low < 0.5 < found.high <= 1
    swapped = paired_difference(second, first)
    assert (swapped.difference, swapped.low, swapped.high) == (-0.5, -found.high, -found.low)


def test_the_interval_covers_the_truth_and_is_narrower_than_unpaired() -> None:
    rng, covered, n = np.random.default_rng(0), 0, 200
    for _ in range(500):
        both = rng.random(n)
        first, second = both < 0.75, both < 0.70
        flips = rng.random(n) < 0.05
        found = paired_difference(first ^ flips, second)
        truth = (0.75 * 0.95 + 0.25 * 0.05) - 0.70
        covered += found.low <= truth <= found.high
    assert 0.93 <= covered / 500 <= 0.99
    unpaired = 1.96 * np.sqrt(2 * 0.2 / n)
    assert found.high - found.low < 2 * unpaired


def test_equal_answers_still_have_an_interval() -> None:
    same = np.ones(50, bool)
    found = paired_difference(same, same)
    assert found.low < found.difference == 0 < found.high


@pytest.mark.usefixtures("unchecked_shapes")
def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(MismatchError, match=r"shape \(2,\) twice, but got \(3,\)"):
        paired_difference(np.ones(2, bool), np.ones(3, bool))
    with pytest.raises(InputError, match="images that both classified"):
        paired_difference(np.empty(0, bool), np.empty(0, bool))
    with pytest.raises(InputError, match="tasks to average"):
        mean_difference([])
    with pytest.raises(InputError, match="images of a task"):
        mean_difference([(np.full((3, 1), np.nan), np.full((3, 1), np.nan))])


def test_a_mean_counts_each_task_once_whatever_its_images() -> None:
    small = (np.ones((10, 1)), np.zeros((10, 1)))
    large = (np.zeros((1000, 1)), np.zeros((1000, 1)))
    found = mean_difference([small, large])
    assert (found.n, found.first, found.second, found.difference) == (10, 0.5, 0.0, 0.5)
    part = np.array([[1.0, np.nan], [0.0, 1.0], [1.0, np.nan]])
    found = mean_difference([(part, np.where(np.isnan(part), np.nan, 0.0))])
    assert found.difference == pytest.approx((2 / 3 + 1) / 2)
    assert found.n == 1


def test_tasks_on_the_same_images_do_not_count_as_independent() -> None:
    rng = np.random.default_rng(1)
    first, second = (rng.random((400, 1)) < 0.8).astype(float), (rng.random((400, 1)) < 0.7).astype(float)
    once = mean_difference([(first, second)])
    copied = mean_difference([(np.repeat(first, 4, axis=1), np.repeat(second, 4, axis=1))])
    assert copied.high - copied.low == pytest.approx(once.high - once.low), "four copies of one task tell no more"
    apart = mean_difference([(first, second)] * 4)
    assert apart.high - apart.low == pytest.approx((once.high - once.low) / 2), "four data sets do"
    pair = paired_difference(first[:, 0] > 0, second[:, 0] > 0)
    assert (once.low, once.high) == pytest.approx((pair.low, pair.high), abs=0.005)
