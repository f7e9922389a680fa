"""Logarithms of binomial probabilities to full relative precision at any size (Loader 2000, the saddle-point form)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)
_EXACT = 16


def stirling_error(n: Array) -> Array:
    """Return log n! - log(sqrt(2 pi n) (n / e)^n) for n of 1 or more; 0 for n = 0."""
    large = np.maximum(n, _EXACT).astype(np.float64)
    inverse = 1.0 / (large * large)
    series = (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse * (1 / 1680 - inverse / 1188)))) / large
    return np.where(n < _EXACT, _SMALL[np.minimum(n, _EXACT - 1).astype(np.int64)], series)


def _small_errors() -> Array:
    rest = [math.lgamma(n + 1) - ((n + 0.5) * math.log(n) - n + _HALF_LOG_TWO_PI) for n in range(1, _EXACT)]
    return np.array([0.0, *rest])


_SMALL = _small_errors()


def deviance(x: Array, mean: Array) -> Array:
    """Return x log(x / mean) + mean - x, without cancellation where x is near mean; mean itself where x is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (x - mean) / mean
        direct = x * np.log(np.where(x > 0, x, 1) / mean) - (x - mean)
        near = mean * _shape(np.where(np.abs(t) < 0.1, t, 0.0))
    return np.where(np.abs(t) < 0.1, near, np.where(x > 0, direct, mean))


def _shape(t: Array) -> Array:
    """Return (1 + t) log(1 + t) - t by its series in v = t / (2 + t), for |t| < 0.1."""
    v = t / (2 + t)
    square = v * v
    series = np.zeros_like(t)
    for k in range(9, 0, -1):
        series = square * (1.0 / (2 * k + 1) + series)
    # (1 + t) log(1 + t) - t with log(1 + t) = 2 v (1 + series): the linear parts cancel in closed form
    result: Array = t * v + 2 * v * (1 + t) * series
    return result


def log_probability(k: Array, n: Array, *, p: float, q: float) -> Array:
    """Return the log of the binomial probability of k of n at success rate p = 1 - q; p and q in (0, 1)."""
    rest = n - k
    with np.errstate(divide="ignore", invalid="ignore"):
        middle = (
            stirling_error(n)
            - stirling_error(k)
            - stirling_error(rest)
            - deviance(k, n * p)
            - deviance(rest, n * q)
            + 0.5 * (np.log(n) - np.log(2 * math.pi * k) - np.log(rest))
        )
        ends = n * np.where(k == 0, math.log(q), math.log(p))
    return np.where((k == 0) | (rest == 0), ends, middle)
