"""The one-sample two-sided Kolmogorov-Smirnov survival function, as a logarithm (Simard and L'Ecuyer 2011)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from t2c.core.statistics.binomials import stirling_error

Array = NDArray[Any]


def log_sf(n: int, d: float) -> float:
    """Return log P(D_n >= d) for sample size n >= 1 and 0 <= d <= 1; -inf at d = 1, never from underflow.

    Where a tail is two-sided by doubling (d >= 0.5, or n d^2 large), it is exact to 1e-12; elsewhere as good as the
    published approximation.
    """
    t = n * d
    if t <= 0.5:
        return 0.0
    if d >= 1:
        return -math.inf
    if t <= 1:
        return _log_complement(_ruben_gambino(n, t))
    if t >= n - 1:
        return math.log(2) + n * math.log1p(-d)
    exponent = t * d
    if d >= 0.5 or (exponent > 4.0 if n <= 140 else exponent >= 2.2):
        return min(math.log(2) + log_smirnov(n, d), 0.0)
    if n <= 140 or (n <= 100_000 and n * d**1.5 <= 1.4):
        return _log_complement(_durbin(n, d))
    return _log_complement(_pelz_good(n, d))


def log_smirnov(n: int, d: float) -> float:
    """Return log P(D_n+ >= d), the one-sided tail: Smirnov's sum in logs, over the terms that matter.

    Term j is the binomial probability of j of n at rate a = d + j / n, times d / a. Its logarithm is concave in j up to
    the slow factor, so a coarse pass finds the range outside of which nothing reaches 1e-21 of the largest term. Inside,
    the terms are a smooth bell that vanishes at both ends, where every h-th term times h is the whole sum to 1e-14.
    """
    last = math.floor(n * (1 - d))
    coarse = np.unique(np.linspace(0, last, 513).astype(np.int64))
    rough = _log_terms(coarse, n, d)
    near = np.flatnonzero(rough > rough.max() - 50)
    low, high = int(coarse[max(near[0] - 1, 0)]), int(coarse[min(near[-1] + 1, len(coarse) - 1)])
    every = max((high - low) // _TERMS, 1)
    peak = float(rough.max())
    terms = _log_terms(np.arange(low, high + 1, every), n, d)
    return peak + math.log(every * float(np.exp(terms - peak).sum()))


_TERMS = 4096


def _log_terms(j: Array, n: int, d: float) -> Array:
    """Return log of Smirnov's terms, with the cancelling parts of the binomial taken out by hand."""
    j = j.astype(np.float64)
    rest, t = n - j, n * d
    with np.errstate(divide="ignore", invalid="ignore"):
        terms: Array = (
            stirling_error(np.asarray(n))
            - stirling_error(j)
            - stirling_error(rest)
            + j * np.log1p(t / j)
            + rest * np.log1p(-np.minimum(t / rest, 1.0))
            + 0.5 * (math.log(n) - np.log(2 * math.pi * j) - np.log(rest))
            + np.log(d / (d + j / n))
        )
    terms[j == 0] = n * math.log1p(-d)
    return terms


def _log_complement(probability: float) -> float:
    """Return log(1 - probability), clipped to a probability."""
    return math.log1p(-min(max(probability, 0.0), 1 - 1e-16))


def _ruben_gambino(n: int, t: float) -> float:
    """Return P(D_n < d) for 1/2 < t = n d <= 1: n! ((2 t - 1) / n)^n."""
    return math.exp(math.lgamma(n + 1) + n * math.log((2 * t - 1) / n))


def _durbin(n: int, d: float) -> float:
    """Return P(D_n < d) by Durbin's matrix in the form of Marsaglia, Tsang and Wang (2003); exact, for small n d."""
    k = math.ceil(n * d)
    h, m = k - n * d, 2 * k - 1
    inverse_factorial = np.cumprod(np.concatenate([[1.0], 1.0 / np.arange(1, m + 1)]))
    lag = np.subtract.outer(np.arange(m), np.arange(m)) + 1
    matrix = np.where(lag >= 0, inverse_factorial[np.maximum(lag, 0)], 0.0)
    edge = (1.0 - h ** np.arange(1, m + 1)) * inverse_factorial[1:]
    edge[-1] = (1.0 - 2 * h**m + max(2 * h - 1, 0.0) ** m) * inverse_factorial[m]
    matrix[:, 0], matrix[-1, :] = edge, edge[::-1]
    power, exponent = _matrix_power(matrix, n, k - 1)
    return math.exp(math.log(power) + exponent * math.log(2) + math.lgamma(n + 1) - n * math.log(n))


def _matrix_power(matrix: Array, n: int, at: int) -> tuple[float, int]:
    """Return entry (at, at) of matrix^n as (value, binary exponent)."""
    result, exponent, squared = np.eye(len(matrix)), 0, 0
    while n:
        if n & 1:
            result, exponent = result @ matrix, exponent + squared
        matrix, squared, n = matrix @ matrix, 2 * squared, n >> 1
        scale = int(np.frexp(matrix[at, at])[1])
        matrix, squared = np.ldexp(matrix, -scale), squared + scale
        scale = int(np.frexp(result[at, at])[1])
        result, exponent = np.ldexp(result, -scale), exponent + scale
    return float(result[at, at]), exponent


def _pelz_good(n: int, d: float) -> float:
    """Return P(D_n < d) by the expansion of Pelz and Good (1976) in 1/sqrt(n), to the third order."""
    z = math.sqrt(n) * d
    z2 = z * z
    if math.pi**2 / (8 * z2) > 708:
        return 0.0
    count = math.ceil(16 * z / math.pi)
    odd = (np.arange(1, count + 1) - 0.5) ** 2 * math.pi**2
    whole = np.arange(1, count + 1) ** 2 * math.pi**2
    at_odd, at_whole = np.exp(-odd / (2 * z2)), np.exp(-whole / (2 * z2))
    root = math.sqrt(2 * math.pi)
    order0 = root / z * at_odd.sum()
    order1 = root / (6 * z**4) * ((odd - z2) * at_odd).sum()
    order2 = (
        root
        / (72 * z**7)
        * (((6 * z2**3 + 2 * z2**2) + (2 * z2**2 - 5 * z2) * odd + (1 - 2 * z2) * odd**2) * at_odd).sum()
        - root / (36 * z**3) * (whole * at_whole).sum()
    )
    order3 = (
        root
        / (6480 * z**10)
        * (
            (
                (-30 * z2**3 - 90 * z2**4)
                + (135 * z2**2 - 96 * z2**3) * odd
                + (212 * z2**2 - 60 * z2) * odd**2
                + (5 - 30 * z2) * odd**3
            )
            * at_odd
        ).sum()
        + root / (216 * z**6) * ((3 * z2 * whole - whole**2) * at_whole).sum()
    )
    return float(order0 + order1 / math.sqrt(n) + order2 / n + order3 / n**1.5)
