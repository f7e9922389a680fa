"""Ranks, correlations, overlaps and areas are scipy's and the definition's, ties and constants included."""

import math

import numpy as np
import pytest
from scipy import stats

from t2c.core.statistics.auroc import auroc
from t2c.core.statistics.ranks import areas, ranks, spearman, spearman_interval, top_overlap


@pytest.mark.parametrize("digits", [1, 2, 9])
def test_ranks_are_scipys_with_ties_and_without(digits: int) -> None:
    values = np.random.default_rng(digits).normal(size=500).round(digits).astype(np.float32)
    np.testing.assert_array_equal(ranks(values), stats.rankdata(values))
    np.testing.assert_array_equal(ranks(np.array([0.0, -0.0, 1.0])), [1.5, 1.5, 3.0])
    np.testing.assert_array_equal(ranks(np.zeros(4)), [2.5] * 4)
    assert ranks(np.zeros(0)).shape == (0,)


def test_spearman_is_scipys() -> None:
    rng = np.random.default_rng(0)
    one = rng.normal(size=400).round(1)
    other = (one + rng.normal(size=400)).round(1)
    assert spearman(ranks(one), ranks(other)) == pytest.approx(stats.spearmanr(one, other).statistic, abs=1e-12)


def test_a_constant_has_no_correlation_and_no_top() -> None:
    flat, some = ranks(np.zeros(50)), ranks(np.arange(50.0))
    for one, other in ((flat, some), (some, flat), (flat, flat)):
        assert math.isnan(spearman(one, other))
        assert math.isnan(top_overlap(one, other, share=0.1))
    assert math.isnan(spearman(some[:1], some[:1]))
    assert math.isnan(top_overlap(some[:1], some[:1], share=0.1))


def test_the_interval_holds_the_true_correlation_19_times_of_20() -> None:
    rng = np.random.default_rng(1)
    inside = 0
    for _ in range(400):
        one = rng.normal(size=120)
        other = 0.7 * one + math.sqrt(1 - 0.7**2) * rng.normal(size=120)
        low, high = spearman_interval(spearman(ranks(one), ranks(other)), 120)
        inside += low <= 6 / math.pi * math.asin(0.35) <= high
    assert 0.93 <= inside / 400 <= 0.97
    assert spearman_interval(0.9, 3) == (-1.0, 1.0)
    assert spearman_interval(math.nan, 100) == (-1.0, 1.0)
    assert spearman_interval(1.0, 100) == (1.0, 1.0)


def test_overlap_is_one_of_a_set_with_itself_and_the_share_of_unrelated_sets() -> None:
    rng = np.random.default_rng(2)
    one, other = ranks(rng.normal(size=20_000)), ranks(rng.normal(size=20_000))
    assert top_overlap(one, one, share=0.1) == 1.0
    assert top_overlap(one, other, share=0.1) == pytest.approx(0.1, abs=0.02)
    assert top_overlap(one, ranks(-one), share=0.1) == 0.0


def test_ties_across_the_border_count_all_or_none() -> None:
    three, one = ranks(np.array([0.0] * 7 + [1.0] * 3)), ranks(np.array([0.0] * 9 + [1.0]))
    assert math.isnan(top_overlap(three, one, share=0.1))
    assert top_overlap(three, one, share=0.2) == pytest.approx(1 / 3)
    assert top_overlap(three, three, share=0.2) == 1.0


def test_areas_of_all_classes_are_those_of_one_class_against_the_rest() -> None:
    rng = np.random.default_rng(3)
    values, codes = rng.normal(size=300).round(1), rng.integers(0, 4, 300).astype(np.int32)
    found = areas(ranks(values), codes, counts=np.bincount(codes, minlength=6))
    for code in range(4):
        assert found[code] == pytest.approx(auroc(values, codes == code).auroc, abs=1e-12)
    assert np.isnan(found[4:]).all()
    one = np.zeros(300, np.int32)
    assert np.isnan(areas(ranks(values), one, counts=np.bincount(one))).all()
