"""The one-sample survival function equals scipy's kstwo on both sides of every border between formulas."""

import math

import numpy as np
import pytest
from scipy.stats import kstwo

from t2c.core.statistics.kolmogorov import log_sf, log_smirnov

SIZES = (1, 2, 3, 5, 10, 50, 139, 140, 141, 500, 3_000, 99_999, 100_001, pytest.param(500_000, marks=pytest.mark.slow))


def points(n: int) -> np.ndarray:
    """Return distances across the whole range, and just beside the borders that the formulas meet at."""
    borders = [
        0.5 / n,
        1 / n,
        (n - 1) / n,
        0.5,
        *np.sqrt(np.array([0.754693, 2.2, 4.0, 18.0, 370.0]) / n),
        (1.4 / n) ** (2 / 3),
    ]
    beside = [d * factor for d in borders for factor in (1 - 1e-6, 1 + 1e-6)]
    return np.unique([d for d in [*beside, *np.geomspace(0.3 / n, 0.999999, 50 if n < 10_000 else 8)] if 0 < d < 1])


@pytest.mark.parametrize("n", SIZES)
def test_it_equals_scipy_wherever_scipy_has_digits(n: int) -> None:
    for d in points(n):
        wanted = float(kstwo.sf(d, n))
        if wanted > 1e-290:
            assert math.exp(log_sf(n, float(d))) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("n", [10, 1_000, 1_000_000, 100_000_000])
def test_far_tails_follow_the_leading_term(n: int) -> None:
    d = 0.49
    # Hoeffding: log P lies below -2 n d^2 + log 2, and within a constant factor of it per observation
    assert -4 * n * d * d < log_sf(n, d) < -2 * n * d * d + math.log(2)


@pytest.mark.parametrize("n", [7, 141, 5_000])
def test_a_skipping_sum_equals_the_full_one(n: int) -> None:
    d = 0.2
    j = np.arange(math.floor(n * (1 - d)) + 1)
    full = math.fsum(
        math.exp(
            math.lgamma(n + 1)
            - math.lgamma(k + 1)
            - math.lgamma(n - k + 1)
            + (k - 1) * math.log(d + k / n)
            + (n - k) * math.log(1 - d - k / n)
            + math.log(d)
        )
        for k in j.tolist()
        if 1 - d - k / n > 0
    )
    assert math.exp(log_smirnov(n, d)) == pytest.approx(full, rel=1e-8)


def test_the_ends_are_certain_and_impossible() -> None:
    assert log_sf(10, 0.0) == log_sf(10, 0.05) == 0.0
    assert log_sf(10, 1.0) == -math.inf
