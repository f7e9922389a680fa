"""p-values of many random splits of one set of similarities in two: none of them is a shift, so they should be even.

A split is a row of a matrix (splits, images or clusters): whether each lies in its first part.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from t2c.core.shift.clusters import DRAWS, Shares, distances, permutations
from t2c.core.statistics import kolmogorov
from t2c.core.statistics.pvalues import log10_p_value

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Integer

Array = NDArray[Any]


def random_splits(units: int, *, splits: int, seed: int) -> Bool[np.ndarray, "_splits units"]:
    """Return random splits of units in halves, the first the smaller one."""
    return permutations(units // 2, units, draws=splits, seed=(seed, 7))


def image_p(
    values: Float[np.ndarray, " images"], splits: Bool[np.ndarray, "_splits images"]
) -> Float[np.ndarray, " _splits"]:
    """Return the Kolmogorov-Smirnov p-value of each split, every image on its own.

    Exact where both parts have one size and 10,000 images at most, else for large parts.
    """
    order = np.argsort(values, kind="stable")
    last = np.append(np.diff(values[order]) > 0, True)
    below, place = np.cumsum(splits[:, order], axis=1)[:, last], np.arange(1, len(values) + 1)[last]
    first = splits.sum(axis=1)
    d = np.abs(below / first[:, None] - (place - below) / (len(values) - first)[:, None]).max(axis=1)
    sizes = zip(d.tolist(), first.tolist(), strict=True)
    return np.array([_p(round(part, 12), size, len(values) - size) for part, size in sizes])


@lru_cache(maxsize=4096)
def _p(d: float, first: int, second: int) -> float:
    """Return the p-value; splits of one size share few distances."""
    if abs(first - second) <= 1:
        return float(10 ** log10_p_value(d, first, second))
    return math.exp(kolmogorov.log_sf(round(first * second / (first + second)), d))


def cluster_split_p(
    values: Float[np.ndarray, " images"],
    cluster: Integer[np.ndarray, " images"],
    splits: Bool[np.ndarray, "_splits clusters"],
    *,
    seed: int,
) -> Float[np.ndarray, " _splits"]:
    """Return the p-value of each split of clusters in halves by moving whole clusters, as `cluster_p` does."""
    first, shares = splits.shape[1] // 2, Shares.of(values, cluster)
    moved = permutations(first, splits.shape[1], draws=DRAWS, seed=(seed, 0))
    drawn = np.sort(distances(shares, moved, first))
    beyond = DRAWS - np.searchsorted(drawn, distances(shares, splits, first) * (1 - 1e-5))
    return np.asarray((1 + beyond) / (1 + DRAWS))
