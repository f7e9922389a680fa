"""Retained accuracy is a ratio on the same images; its interval covers the truth as often as it says."""

import math

import numpy as np
import pytest

from t2c.core.laboratory.retained import Hits
from t2c.core.statistics.proportions import wilson
from t2c.schemas.errors import MismatchError


def test_hits_are_counted_and_add() -> None:
    aligned, own = np.array([1, 1, 0, 0, 1], bool), np.array([1, 0, 1, 0, 1], bool)
    found = Hits.of(aligned, own)
    assert found == Hits(5, 3, 3, 2)
    assert Hits.of(aligned[:2], own[:2]) + Hits.of(aligned[2:], own[2:]) == found
    assert (Hits() + found).retained == 1.0


def test_the_interval_covers_the_true_ratio_in_95_of_100_draws() -> None:
    rng = np.random.default_rng(0)
    truth, inside = 0.72 / 0.9, 0
    for _ in range(400):
        own = rng.random(300) < 0.9
        aligned = np.where(own, rng.random(300) < 0.78, rng.random(300) < 0.18)
        low, high = Hits.of(aligned, own).interval()
        inside += low <= truth <= high
    assert 0.92 <= inside / 400 <= 0.98


def test_equal_predictions_are_retained_exactly() -> None:
    hits = np.arange(50) % 3 > 0
    assert Hits.of(hits, hits).interval() == (1.0, 1.0)


def test_no_hits_are_defined() -> None:
    low, high = Hits(100, 0, 50, 0).interval()
    assert (low, high) == (0.0, pytest.approx(2 * wilson(0, 100)[1]))
    assert math.isnan(Hits(100, 3, 0, 0).retained)
    assert all(math.isnan(one) for one in Hits(100, 3, 0, 0).interval())


def test_hits_of_other_images_are_refused(unchecked_shapes: None) -> None:
    with pytest.raises(MismatchError, match=r"hits: expected both ways on the same images, but got \(3,\) and \(2,\)"):
        Hits.of(np.ones(3, bool), np.ones(2, bool))
