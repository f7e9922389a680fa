"""The exact two-sample Kolmogorov-Smirnov p-value: how many lattice paths leave the band around the diagonal.

Under the null every order of m and n values is equally likely: a path from (0, 0) to (m, n) of unit steps. D reaches
h / lcm(m, n) when the path touches |x / m - y / n| >= h / lcm. Hodges (1958, Arkiv for Matematik 3:469-486).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from t2c.core.statistics.binomials import log_probability

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
    """Return the log by summing, over the points where a path can first leave the band, the paths that do so there.

    All terms are positive, so the sum keeps its relative precision however small it is. Counts of paths inside the band
    are summed row by row; they span thousands of decades, which long double holds on most machines.
    """
    exits = _exits_by_rows(h, m, n) if _WIDE else _exits_by_diagonals(h, m, n)
    return _log_total(exits, m, n)


_WIDE = np.finfo(np.longdouble).maxexp >= 16_384
"""Whether long double reaches 1e4932, as on x86 and Linux on ARM, but not on Windows or macOS on ARM."""


@dataclass(frozen=True, slots=True)
class Exits:
    """Where paths first leave the band."""

    x: Array
    """(points,) coordinate along m."""
    y: Array
    """(points,) coordinate along n."""
    log_paths: Array
    """(points,) log of the number of paths from (0, 0) that are outside at this point for the first time."""


def _exits_by_rows(h: int, m: int, n: int) -> Exits:
    """Return the exits for m > n: inside counts of row y are running sums of those of row y - 1."""
    step = math.gcd(m, n)
    across, up = np.arange(n + 1) * (m // step), n // step
    lows = np.maximum((across - h) // up + 1, 0).tolist()
    highs = np.minimum(-((-across - h) // up) - 1, m).tolist()
    counts = np.zeros(m + 2, dtype=np.longdouble)
    counts[: highs[0] + 1] = 1
    large = np.ldexp(np.longdouble(1), _LARGE_EXPONENT)
    log_scale, floor = 0.0, 0
    exits = [(highs[0] + 1, 0, 0.0, counts[highs[0] : highs[0] + 1].copy())]
    for y in range(1, n + 1):
        low, high = lows[y], highs[y]
        if low > floor:
            exits.append((floor, y, log_scale, counts[floor:low].copy()))
            floor = low
        if low > high:
            break
        row = counts[low : high + 1]
        np.add.accumulate(row, out=row)
        if row[-1] > large:
            # counts of paths outgrow long double: they are scaled down, and their logarithm keeps the factor
            log_scale += _LARGE_EXPONENT * math.log(2)
            row /= large
        if high < m:
            exits.append((high + 1, y, log_scale, row[-1:].copy()))
    firsts, ys, scales, leaving = zip(*exits, strict=True)
    sizes = [len(part) for part in leaving]
    along = np.arange(sum(sizes)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    paths = np.concatenate(leaving)
    held = paths > 0
    logs = np.log(paths[held]).astype(np.float64) + np.repeat(scales, sizes)[held]
    return Exits((np.repeat(firsts, sizes) + along)[held], np.repeat(ys, sizes)[held], logs)


_LARGE_EXPONENT = 16_000
"""Counts are scaled down by 2 to this power, once: up to binomial(20,000, 10,000) they then stay within long double."""


def _exits_by_diagonals(h: int, m: int, n: int) -> Exits:
    """Return the same where long double is no wider than double: slower, but no number leaves 0 to 1.

    `inside` walks along anti-diagonals x + y = s: the probability that a random path to (x, y) stayed inside so far.
    """
    step = math.gcd(m, n)
    mg, ng = m // step, n // step
    inside = np.zeros(n + 2)
    inside[0] = 1.0
    points: list[tuple[int, int, float]] = []
    low, high = 0, 0
    for s in range(1, m + n + 1):
        # inside the band: |ng x - mg y| < h with x = s - y
        new_low = max((ng * s - h) // (mg + ng) + 1, 0, s - m)
        new_high = min(-((-ng * s - h) // (mg + ng)) - 1, n, s)
        y = np.arange(low, high + 2)
        values = inside[low : high + 2] * (s - y) / s
        values[1:] += inside[low : high + 1] * y[1:] / s
        leaving = [e for e in {low, high + 1} if not new_low <= e <= new_high and e <= n and s - e <= m]
        points += [(s - edge, edge, math.log(values[edge - low])) for edge in leaving if values[edge - low] > 0]
        inside[low : high + 2] = 0
        first, last = max(new_low, low), min(new_high, high + 1)
        if first > last:
            break
        inside[first : last + 1] = values[first - low : last + 1 - low]
        low, high = new_low, new_high
    x, y, logs = np.array(points).T
    return Exits(x, y, logs + _log_binomial(x + y, y, m, n))


def _log_binomial(s: Array, y: Array, m: int, n: int) -> Array:
    """Return log binom(s, y), by way of a binomial probability at the rate n / (m + n) of the whole path."""
    p, q = n / (m + n), m / (m + n)
    return log_probability(y, s, p=p, q=q) - y * math.log(p) - (s - y) * math.log(q)


def _log_total(exits: Exits, m: int, n: int) -> float:
    """Return log of the sum over exits of paths to there times paths on to (m, n), over all paths."""
    logs = exits.log_paths + _log_binomial(m + n - exits.x - exits.y, n - exits.y, m, n)
    peak = float(logs.max())
    whole = float(_log_binomial(np.array([m + n]), np.array([n]), m, n)[0])
    return min(peak - whole + math.log(float(np.exp(logs - peak).sum())), 0.0)
