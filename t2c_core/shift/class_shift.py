"""A shift split in two: what another mix of classes explains, and what changed inside the classes themselves.

With reference shares r, current shares c and class means m, the difference of the means is exactly

    sum_k c_k (m_current,k - m_reference,k)   inside the classes that both sides have, and
    the rest                                  from the mix: other shares, classes on one side only.

Whether anything changed inside is tested on the largest distance between the current distribution and the reference's
own after it has been given the current mix. Under the null that distance is the supremum of a Gaussian process whose
covariance is known from the classes (a sum of independent bridges), so it is simulated; rows are never moved.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from jaxtyping import Float, Integer

Array = NDArray[Any]

FEWEST = 5
"""Images of a class on either side below which nothing is said about the inside of that class."""
GRID = 64
"""Quantiles of both sides together at which distributions are compared."""
SAMPLE = 20_000
"""Values of a side, about, that place the grid."""
DRAWS = 2000
"""Simulations of the null."""
TAIL = 50
"""Simulations beyond the statistic below which its p-value is continued along the Gaussian tail."""


@dataclass(frozen=True, slots=True, eq=False)
class ClassMix:
    """Both sides' classes."""

    reference: Integer[np.ndarray, " _images"]
    """Class of each reference image, 0 and up; -1 where it is not known."""
    current: Integer[np.ndarray, " _images"]
    """Class of each current image."""
    counts_reference: Integer[np.ndarray, " classes"]
    """Reference images of each class."""
    counts_current: Integer[np.ndarray, " classes"]
    """Current images of each class."""

    @property
    def shared(self) -> Array:
        """Say which classes have FEWEST images or more on both sides, (classes,) bool."""
        enough: Array = np.minimum(self.counts_reference, self.counts_current) >= FEWEST
        return enough

    def outside(self) -> tuple[int, int]:
        """Return how many reference and current images belong to classes that are not shared."""
        alone = ~self.shared
        return int(self.counts_reference[alone].sum()), int(self.counts_current[alone].sum())

    def unknown(self) -> tuple[int, int]:
        """Return how many reference and current images have no class."""
        return int(np.count_nonzero(self.reference < 0)), int(np.count_nonzero(self.current < 0))


def class_mix(
    reference: Integer[np.ndarray, " _images"], current: Integer[np.ndarray, " _images"], *, classes: int
) -> ClassMix:
    """Return the mix of two sides' class codes, of one numbering."""
    counts = [np.bincount(side[side >= 0], minlength=classes) for side in (reference, current)]
    return ClassMix(reference, current, counts[0], counts[1])


@dataclass(frozen=True, slots=True)
class ClassShift:
    """One concept's shift, split."""

    effect_mix: float
    """Difference of the means that the mix of classes makes, in the unit of `scale`."""
    effect_within: float
    """Difference inside the classes that both sides have, weighted by their current shares, in the same unit."""
    d_within: float
    """Largest distance of the distributions after the reference has been given the current mix; 0 without shared classes."""
    log10_p_within: float
    """log10 of its p-value; 0 without shared classes."""


def class_shift(
    reference: Float[np.ndarray, " _images"], current: Float[np.ndarray, " _images"], *, mix: ClassMix, scale: float
) -> ClassShift:
    """Return the split of one concept's similarities, in the order of the mix's codes.

    Images without a class are left out. `scale` is the unit of effects (0 gives effects of 0).
    """
    sides = [(reference, mix.reference), (current, mix.current)]
    labelled = [_with_class(values, codes) for values, codes in sides]
    if not all(len(values) for values, _ in labelled):
        return ClassShift(0.0, 0.0, 0.0, 0.0)
    shared = np.flatnonzero(mix.shared)
    means = [_class_means(values, codes, len(mix.shared)) for values, codes in labelled]
    shares = mix.counts_current / len(labelled[1][0])
    within = float(shares[shared] @ (means[1][shared] - means[0][shared]))
    whole = float(labelled[1][0].mean(dtype=np.float64) - labelled[0][0].mean(dtype=np.float64))
    d, log10_p = _distance(labelled, shared, mix) if len(shared) else (0.0, 0.0)
    unit = 1 / scale if scale > 0 else 0.0
    return ClassShift((whole - within) * unit, within * unit, d, log10_p)


def _with_class(values: Array, codes: Array) -> tuple[Array, Array]:
    """Return the values and codes of images that have a class."""
    if codes.size and codes.min() >= 0:
        return values, codes
    return values[codes >= 0], codes[codes >= 0]


def _class_means(values: Array, codes: Array, classes: int) -> Array:
    sums = np.bincount(codes, weights=values, minlength=classes)
    return sums / np.maximum(np.bincount(codes, minlength=classes), 1)


def _distance(labelled: list[tuple[Array, Array]], shared: Array, mix: ClassMix) -> tuple[float, float]:
    """Return the distance after giving the reference the current mix, and log10 of its p-value."""
    place = np.full(len(mix.shared), -1)
    place[shared] = np.arange(len(shared))
    inside = [_with_class(values, place[codes]) for values, codes in labelled]
    pooled = np.sort(np.concatenate([values[:: max(1, len(values) // SAMPLE)] for values, _ in inside]))
    grid = np.unique(pooled[(np.arange(1, GRID) * len(pooled)) // GRID])
    below = [_distributions(values, codes, grid, len(shared)) for values, codes in inside]
    n = np.array([mix.counts_reference[shared], mix.counts_current[shared]], dtype=np.float64)
    weights = n[1] / n[1].sum()
    d = float(np.abs(weights @ (below[0] - below[1])).max())
    mixture = (n[0][:, None] * below[0] + n[1][:, None] * below[1]) / n.sum(axis=0)[:, None]
    # of a difference of means under permutation within a class, drawn without replacement: n / (n - 1)
    variance = weights**2 * (1 / n[0] + 1 / n[1]) * n.sum(axis=0) / (n.sum(axis=0) - 1)
    return d, _log10_p(d, _covariance(mixture, variance))


def _distributions(values: Array, codes: Array, grid: Array, classes: int) -> Array:
    """Return each class's distribution function at the grid's points, (classes, points)."""
    bins = np.searchsorted(grid, values, side="left")
    counts = np.bincount(codes * (len(grid) + 1) + bins, minlength=classes * (len(grid) + 1))
    counts = counts.reshape(classes, len(grid) + 1)
    below: Array = np.cumsum(counts[:, :-1], axis=1) / counts.sum(axis=1, keepdims=True)
    return below


def _covariance(below: Array, variance: Array) -> Array:
    """Return the covariance over the grid of a sum of independent bridges with these distributions and variances."""
    first = variance @ below
    points = np.arange(len(first))
    bridges: Array = first[np.minimum.outer(points, points)] - (below * variance[:, None]).T @ below
    return bridges


def _log10_p(d: float, covariance: Array) -> float:
    """Return log10 of the chance that the process strays as far as d anywhere on the grid."""
    widest = float(covariance.diagonal().max())
    if widest <= 0 or d <= 0:
        return 0.0
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0))
    farthest = np.abs(root @ _normal(len(root))).max(axis=0)
    beyond = int(np.count_nonzero(farthest >= d))
    if beyond >= TAIL:
        return math.log10((1 + beyond) / (DRAWS + 1))
    start = float(np.partition(farthest, DRAWS - TAIL)[DRAWS - TAIL])
    # beyond the draws: the Gaussian tail at the widest point, joined on at the TAIL-th largest draw
    log_p = math.log(TAIL / DRAWS) - (d * d - start * start) / (2 * widest)
    return min(0.0, log_p / math.log(10))


@lru_cache(maxsize=4)
def _normal(points: int) -> Array:
    """Return the one set of normal draws (points, DRAWS) that every concept is simulated with."""
    return np.random.default_rng(0).normal(size=(points, DRAWS))
