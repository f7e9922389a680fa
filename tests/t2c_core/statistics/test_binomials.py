"""Binomial log probabilities keep all digits at any size."""

import math
from fractions import Fraction

import numpy as np
import pytest

from t2c.core.statistics.binomials import deviance, log_probability, stirling_error


def test_small_ones_equal_exact_fractions() -> None:
    for n in (1, 2, 5, 20, 60):
        k = np.arange(n + 1)
        found = log_probability(k, np.full(n + 1, n), p=0.25, q=0.75)
        exact = [math.comb(n, int(i)) * Fraction(1, 4) ** int(i) * Fraction(3, 4) ** (n - int(i)) for i in k]
        wanted = [math.log(f.numerator) - math.log(f.denominator) for f in exact]
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("n", [1_000, 1_000_000, 1_000_000_000])
def test_probabilities_sum_to_one(n: int) -> None:
    half = int(12 * math.sqrt(n * 0.21))
    k = np.arange(max(int(0.3 * n) - half, 0), min(int(0.3 * n) + half, n) + 1)
    assert math.fsum(np.exp(log_probability(k, np.full(len(k), n), p=0.3, q=0.7))) == pytest.approx(1, rel=1e-12)


def test_no_success_and_no_failure() -> None:
    found = log_probability(np.array([0, 7]), np.array([7, 7]), p=0.2, q=0.8)
    np.testing.assert_allclose(found, [7 * math.log(0.8), 7 * math.log(0.2)])


def test_stirlings_error_is_what_the_formula_leaves() -> None:
    for n in (1, 15, 16, 17, 100):
        left = math.log(math.factorial(n)) - (0.5 * math.log(2 * math.pi * n) + n * math.log(n) - n)
        assert float(stirling_error(np.array(n))) == pytest.approx(left, abs=3e-13)
    assert float(stirling_error(np.array(0))) == 0


@pytest.mark.parametrize("t", [-0.5, -0.0999, -1e-3, -1e-9, 1e-9, 1e-3, 0.0999, 0.1001, 3.0])
def test_deviance_has_no_cancellation_near_the_mean(t: float) -> None:
    mean = 1e6
    x = mean * (1 + t)
    t = (x - mean) / mean
    series = mean * (t**2 / 2 - t**3 / 6 + t**4 / 12)
    wanted = series if abs(t) < 1e-2 else x * math.log(x / mean) + mean - x
    assert float(deviance(np.array(x), np.array(mean))) == pytest.approx(wanted, rel=1e-8)
    assert float(deviance(np.array(0.0), np.array(mean))) == mean
