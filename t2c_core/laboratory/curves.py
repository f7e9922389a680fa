"""Efficiency curves: the map at growing numbers of row blocks or class buckets, by merging their moments (paper, fig 12)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from t2c.core.laboratory.joint import JointMoments, merge_joint
from t2c.core.maps.cholesky import factorise
from t2c.core.maps.linear_map import LinearMap
from t2c.core.maps.moments import Moments, merge, running_totals
from t2c.core.maps.quality import Quality, quality
from t2c.core.maps.ridge import covariances, fit, resolution
from t2c.schemas.errors import InputError, expected

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class CurvePoint:
    """One map of a curve."""

    seed: int
    """Which order the parts were merged in."""
    parts: tuple[int, ...]
    """Positions of the parts merged, in order."""
    n: int
    """Rows fitted."""
    linear_map: LinearMap
    """The map."""
    quality: Quality | None
    """On the held-out rows; None with fewer than two."""


def point_counts(parts: int, points: int) -> tuple[int, ...]:
    """Return up to `points` growing numbers of parts, from 1 to all of them, evenly spaced on a logarithmic scale.

    Where whole numbers run out at the small end, each is used once: of 58 parts, 1, 2, 3, 4, 6, 8 and so on. Raises
    InputError for no part or no point.
    """
    if parts < 1 or points < 1:
        raise InputError(expected("parts and points of a curve", "1 or more of each", f"{parts} and {points}"))
    counts = [1] if min(parts, points) > 1 else [parts]
    while len(counts) < min(parts, points):
        last, remaining = counts[-1], min(parts, points) - len(counts)
        # equal ratios over the points that remain, but one part more at least
        counts.append(max(last + 1, round(last * (parts / last) ** (1 / remaining))))
    return tuple(counts)


def curve(
    parts: Sequence[JointMoments],
    held: JointMoments,
    *,
    counts: Sequence[int],
    seeds: Sequence[int],
    ridge: float,
) -> Iterator[CurvePoint]:
    """Yield the maps from the first encoder of the moments to the second, seed by seed, count by count.

    Counts rise. Each seed merges the parts in its own order, each part once: point k adds to point k - 1. All parts
    together are merged in the order given, whatever the seed, so that this map is the plain fit of the same parts, bit
    for bit.
    """
    pairs, judge = [part.pair(0, 1) for part in parts], merge_joint([held], centre=held.centre).pair(0, 1)
    whole = _point(0, range(len(pairs)), merge(pairs), judge, ridge=ridge)
    for seed in seeds:
        order = np.random.default_rng(seed).permutation(len(pairs)).tolist()
        some = [count for count in counts if count < len(pairs)]
        for count, total in zip(some, running_totals([pairs[index] for index in order], counts=some), strict=True):
            yield _point(seed, order[:count], total, judge, ridge=ridge)
        if len(pairs) in counts:
            yield replace(whole, seed=seed)


def _point(seed: int, parts: Sequence[int], total: Moments, held: Moments, *, ridge: float) -> CurvePoint:
    linear_map = light_fit(total, ridge=ridge)
    held_out_quality = quality(held, linear_map, train_mean=total.mean_y) if held.n > 1 else None
    return CurvePoint(seed, tuple(parts), total.n, linear_map, held_out_quality)


def light_fit(moments: Moments, *, ridge: float) -> LinearMap:
    """Return the map of `ridge.fit`, bit for bit, without what a certificate says of its rank; half the time."""
    if moments.n > 1:
        xx, xy = covariances(moments)
        xx.flat[:: len(xx) + 1] += ridge
        factor = factorise(xx)
        if factor is not None and factor.condition < 1 / resolution(moments):
            weight = factor.solve(xy).astype(np.float32)
            bias = moments.mean_y - moments.mean_x @ weight.astype(np.float64)
            return LinearMap(weight, bias.astype(np.float32))
    return fit(moments, ridge=ridge).map
