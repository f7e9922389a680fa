"""Ranks of similarities: one sort a concept serves its rank correlation, its top decile and its areas under curves."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from t2c.core.statistics.stats import Z_95

if TYPE_CHECKING:
    from jaxtyping import Float, Float64, Integer

Array = NDArray[Any]


def ranks(values: Float[np.ndarray, " _images"]) -> Float64[np.ndarray, " _images"]:
    """Return ranks from 1 on; equal values share the mean of theirs, as scipy.stats.rankdata gives them."""
    order = np.argsort(values)
    ordered = values[order]
    ranked = np.arange(1.0, len(values) + 1)
    _share_ties(ranked, np.flatnonzero(ordered[1:] == ordered[:-1]))
    by_place = np.empty(len(values))
    by_place[order] = ranked
    return by_place


def _share_ties(ranked: Array, tied: Array) -> None:
    """Give equal values their mean rank, in place; `tied` are the places whose value comes again right after."""
    if not len(tied):
        return
    first = np.flatnonzero(np.diff(tied, prepend=-2) != 1)
    starts, runs = tied[first], np.diff(first, append=len(tied)) + 1
    within = np.arange(runs.sum()) - np.repeat(np.cumsum(runs) - runs, runs)
    ranked[np.repeat(starts, runs) + within] = np.repeat(starts + (runs + 1) / 2, runs)


def spearman(one: Float64[np.ndarray, " _images"], other: Float64[np.ndarray, " _images"]) -> float:
    """Return Spearman's correlation of two sets of ranks; NaN where one is constant or there are fewer than two."""
    if len(one) < 2:
        return math.nan
    middle = (len(one) + 1) / 2
    a, b = one - middle, other - middle
    scale = math.sqrt(float(a @ a) * float(b @ b))
    return max(-1.0, min(1.0, float(a @ b) / scale)) if scale > 0 else math.nan


def spearman_interval(correlation: float, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a Spearman correlation of n rows (Bonett and Wright 2000); -1 to 1 below 4 rows."""
    if n < 4 or math.isnan(correlation):
        return -1.0, 1.0
    if abs(correlation) == 1:
        return correlation, correlation
    half = Z_95 * math.sqrt((1 + correlation**2 / 2) / (n - 3))
    middle = math.atanh(correlation)
    return math.tanh(middle - half), math.tanh(middle + half)


def top_overlap(one: Float64[np.ndarray, " _images"], other: Float64[np.ndarray, " _images"], *, share: float) -> float:
    """Return which part of the top share of one is in the top share of the other; chance is `share` itself.

    Takes ranks. Of ties across the border all count when their middle lies above it, else none; the larger of the two
    tops is what is divided by. NaN without rows, or where ties leave one side without a top.
    """
    n = len(one)
    if n < 2:
        return math.nan
    border = n - max(1, round(share * n)) + 0.5
    tops = [ranked > border for ranked in (one, other)]
    counts = [int(np.count_nonzero(top)) for top in tops]
    return int(np.count_nonzero(tops[0] & tops[1])) / max(counts) if min(counts) else math.nan


def areas(
    ranked: Float64[np.ndarray, " _images"],
    codes: Integer[np.ndarray, " _images"],
    *,
    counts: Integer[np.ndarray, " _classes"],
) -> Float64[np.ndarray, " _classes"]:
    """Return the area under the ROC curve of each class against all others, from ranks.

    `ranked` are the ranks of exactly these rows, `counts` how many of them each code has (np.bincount of codes); ties count half (Mann and Whitney). NaN for a class that is all of the
    rows or none of them.
    """
    sums = np.bincount(codes, weights=ranked, minlength=len(counts))
    pairs = counts * (len(codes) - counts.astype(np.float64))
    wins = sums - counts * (counts + 1) / 2
    class_areas: Array = np.divide(wins, pairs, out=np.full(len(counts), np.nan), where=pairs > 0)
    return class_areas
