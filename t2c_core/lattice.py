"""The exact two-sample Kolmogorov-Smirnov p-value: how many lattice paths leave the band around the diagonal.

Under the null every order of m and n values is equally likely: a path from (0, 0) to (m, n) of unit steps. D reaches
h / lcm(m, n) when the path touches |x / m - y / n| >= h / lcm. Hodges (1958, Arkiv for Matematik 3:469-486).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from t2c_core.binomials import log_probability

Array = NDArray[Any]


def log_exact(h: int, m: int, n: int) -> float:
    """Return log P(D >= h / lcm(m, n)) for samples of m and n values; any relative size, never from underflow."""
    if h <= 0:
        return 0.0
    return _log_equal(h, n) if m == n else _log_unequal(h, max(m, n), min(m, n))


def _log_equal(h: int, n: int) -> float:
    """Return the log for two samples of n: 2 sum (-1)^(k-1) binom(2n, n - k h) / binom(2n, n) over k = 1, 2, ..."""
    shifts = h * np.arange(1, n // h + 1)
    logs = log_probability(n - np.concatenate([[0], shifts]), np.full(len(shifts) + 1, 2 * n), p=0.5, q=0.5)
    logs = logs[1:] - logs[0]
    signs = np.where(np.arange(len(shifts)) % 2, -1.0, 1.0)
    return min(math.log(2) + float(logs[0]) + math.log(float((signs * np.exp(logs - logs[0])).sum())), 0.0)


def _log_unequal(h: int, m: int, n: int) -> float:
    """Return the log by summing, over the points where a path can first leave the band, the probability that it does.

    `inside` walks along anti-diagonals x + y = s: the probability that a random path to (x, y) stayed inside so far.
    All terms are positive, so the sum keeps its relative precision however small it is.
    """
    step = math.gcd(m, n)
    mg, ng = m // step, n // step
    inside = np.zeros(n + 2)
    inside[0] = 1.0
    points: list[tuple[int, int]] = []
    leaving: list[float] = []
    low, high = 0, 0
    for s in range(1, m + n + 1):
        # inside the band: |n' x - m' y| < h with x = s - y, that is y strictly between (n' s - h) and (n' s + h) over m' + n'
        new_low = max((ng * s - h) // (mg + ng) + 1, 0, s - m)
        new_high = min(-((-ng * s - h) // (mg + ng)) - 1, n, s)
        previous = inside[low : high + 2].copy()
        y = np.arange(low, high + 2)
        values = previous * (s - y) / s
        values[1:] += previous[:-1] * y[1:] / s
        for edge in {low, high + 1}:
            if not new_low <= edge <= new_high and 0 <= edge <= n and 0 <= s - edge <= m and values[edge - low] > 0:
                points.append((s, edge))
                leaving.append(float(values[edge - low]))
        if new_high < new_low:
            break
        inside[low : high + 2] = 0
        keep_low, keep_high = max(new_low, low), min(new_high, high + 1)
        inside[keep_low : keep_high + 1] = values[keep_low - low : keep_high + 1 - low]
        low, high = new_low, new_high
    return _log_total(points, leaving, m, n)


def _log_total(points: list[tuple[int, int]], leaving: list[float], m: int, n: int) -> float:
    """Return log sum of P(path passes the point (s - y, y)) * P(it leaves the band there), s = x + y."""
    s, y = np.array(points).T
    p, q = n / (m + n), m / (m + n)
    logs = np.log(leaving) + log_probability(y, s, p=p, q=q) + log_probability(n - y, m + n - s, p=p, q=q)
    peak = float(logs.max())
    whole = float(log_probability(np.array([n]), np.array([m + n]), p=p, q=q)[0])
    return min(peak - whole + math.log(float(np.exp(logs - peak).sum())), 0.0)
