"""Two shares compared: Fisher's exact test, the standardised difference that orders, intervals, and what could be seen."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from t2c.core.statistics.binomials import log_probability
from t2c.core.statistics.proportions import wilson
from t2c.core.statistics.stats import Z_95
from t2c.schemas.errors import InputError, expected

if TYPE_CHECKING:
    from jaxtyping import Float64, Integer

Array = NDArray[Any]

_TIED = 1e-7
"""Probabilities this close, relatively, count as equal: as in R's fisher.test and scipy's."""
_WINDOW = 40
"""Standard deviations of the support that are summed: what lies beyond is below 1e-300 of the whole."""


def standardised_difference(
    before: Integer[np.ndarray, " concepts"], n: int, after: Integer[np.ndarray, " concepts"], m: int
) -> Float64[np.ndarray, " concepts"]:
    """Return (after / m - before / n) / sqrt(p (1 - p) (1/n + 1/m)) with p = (before + after + 0.5) / (n + m + 1).

    It orders, and never tests: as a test it flags far too much. Raises InputError for an empty side.
    """
    if min(n, m) < 1:
        raise InputError(expected("images a side", "1 or more", f"{n} and {m}"))
    p = (before + after + 0.5) / (n + m + 1)
    difference: Array = (after / m - before / n) / np.sqrt(p * (1 - p) * (1 / n + 1 / m))
    return difference


def log10_fisher(
    before: Integer[np.ndarray, " concepts"], n: int, after: Integer[np.ndarray, " concepts"], m: int
) -> Float64[np.ndarray, " concepts"]:
    """Return log10 of the two-sided p-values of Fisher's exact test: before of n images against after of m.

    The sum over every split of as many hits that is no more probable than the one seen (Fisher 1935), in logs.
    """
    pairs, inverse = np.unique(np.stack([before, after]), axis=1, return_inverse=True)
    # concepts share few distinct pairs of small counts
    p = np.array([_log10_fisher(int(a), n, int(b), m) for a, b in pairs.T])
    return p[inverse.reshape(-1)] if len(before) else np.empty(0)


def _log10_fisher(a: int, n: int, b: int, m: int) -> float:
    """Return log10 p of one pair of counts."""
    hits = a + b
    if hits in (0, n + m):
        return 0.0
    splits, log_p = _splits(hits, n, m, seen=a)
    at = log_p[np.flatnonzero(splits == a)[0]]
    as_extreme = log_p[log_p <= at + _TIED]
    top = float(as_extreme.max())
    return min(0.0, (top + math.log(float(np.exp(as_extreme - top).sum()))) / math.log(10))


def _splits(hits: int, n: int, m: int, *, seen: int) -> tuple[Array, Array]:
    """Return how many of the hits may lie in the first n of n + m images, and the log probability of each.

    Of a large support the part around its middle that holds `seen` and its mirror image.
    """
    rate = hits / (n + m)
    middle = round(n * rate)
    width = _WINDOW * math.sqrt(max(n * m / (n + m) * rate * (1 - rate), 1.0)) + 50
    reach = int(max(width, abs(seen - middle) + width / 8))
    splits = np.arange(max(0, hits - m, middle - reach), min(hits, n, middle + reach) + 1)
    return splits, _log_chances(splits, hits, n, m)


def _log_chances(splits: Array, hits: int, n: int, m: int) -> Array:
    """Return log hypergeometric probabilities, as three binomials at the common rate (Loader 2000)."""
    rates = {"p": hits / (n + m), "q": 1 - hits / (n + m)}
    whole = log_probability(np.array(hits), np.array(n + m), **rates)
    return log_probability(splits, np.array(n), **rates) + log_probability(hits - splits, np.array(m), **rates) - whole


def log10_smallest(hits: Integer[np.ndarray, " concepts"], n: int, m: int) -> Float64[np.ndarray, " concepts"]:
    """Return log10 of the smallest two-sided p that so many hits over both sides could give, however they were split."""
    counts, inverse = np.unique(hits, return_inverse=True)
    smallest = np.array([_log10_smallest(int(count), n, m) for count in counts])
    return smallest[inverse] if len(hits) else np.empty(0)


def _log10_smallest(hits: int, n: int, m: int) -> float:
    """Return log10 p of the split at the less probable end, with the other end where both are as probable."""
    if hits in (0, n + m):
        return 0.0
    ends = _log_chances(np.array([max(0, hits - m), min(hits, n)]), hits, n, m)
    least = float(ends.min())
    return (least + math.log(np.count_nonzero(ends <= least + _TIED))) / math.log(10)


def within_reach(log10_smallest_p: Float64[np.ndarray, " tests"], *, alpha: float) -> NDArray[np.bool_]:
    """Return which tests could reach significance among so many (Tarone 1990): blind to how the hits were split.

    k is the smallest number with at most k tests whose smallest p is at most alpha / k; those are kept.
    """
    smallest = np.sort(log10_smallest_p)
    k = np.arange(1, len(smallest) + 1)
    # tests that reach alpha / k, for each k
    reach = np.searchsorted(smallest, math.log10(alpha) - np.log10(k), side="right")
    fits = np.flatnonzero(reach <= k)
    level = math.log10(alpha) - math.log10(k[fits[0]]) if len(fits) else math.log10(alpha)
    kept: NDArray[np.bool_] = log10_smallest_p <= level
    return kept


def newcombe(before: int, n: float, after: int, m: float, *, size: tuple[int, int]) -> tuple[float, float]:
    """Return Newcombe's 95 % interval of after's share less before's (Newcombe 1998, method 10), with a width at zero counts.

    `size` are the images of each side, `n` and `m` the independent observations among them, at most as many: the shares
    are those of images, the width that of observations.
    """
    (p, low_p, high_p), (q, low_q, high_q) = (
        _wilson(count, images, independent)
        for count, images, independent in ((before, size[0], n), (after, size[1], m))
    )
    difference = q - p
    down = math.hypot(q - low_q, high_p - p)
    up = math.hypot(high_q - q, p - low_p)
    return max(-1.0, difference - down), min(1.0, difference + up)


def _wilson(count: int, images: int, independent: float) -> tuple[float, float, float]:
    """Return a share and Wilson's interval of it over fewer independent observations."""
    share = count / images
    if independent == images:
        return share, *wilson(count, images)
    extra = Z_95 * Z_95 / independent
    middle = (share + extra / 2) / (1 + extra)
    half = Z_95 * math.sqrt(share * (1 - share) / independent + extra / (4 * independent)) / (1 + extra)
    return share, (0.0 if count == 0 else middle - half), (1.0 if count == images else middle + half)


def visible_share(n: int, m: int, *, alpha: float, tests: int, share: float = 0.01) -> float:
    """Return the smallest rise of a share (of `share` before) that is found in 80 % of draws at alpha over `tests` tests.

    By the normal approximation of the difference of two shares; 1 where none would be.
    """
    from statistics import NormalDist

    normal = NormalDist()
    reach, power = normal.inv_cdf(1 - alpha / (2 * max(tests, 1))), normal.inv_cdf(0.8)
    low, high = 0.0, 1.0 - share
    for _ in range(40):
        change = (low + high) / 2
        after = share + change
        pooled = (share * n + after * m) / (n + m)
        null = math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
        own = math.sqrt(share * (1 - share) / n + after * (1 - after) / m)
        low, high = (low, change) if change >= reach * null + power * own else (change, high)
    return high
