"""Reduced-rank regression from moments: the best linear map that passes through a few dimensions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from t2c.core.maps.linear_map import LinearMap
from t2c.core.maps.moments import Moments
from t2c.core.maps.ridge import Solution, covariances, fit
from t2c.schemas.errors import InputError, expected

Array = NDArray[Any]


def fit_low_rank(moments: Moments, *, rank: int, ridge: float = 0.0) -> Solution:
    """Return the map of at most `rank` that minimises squared error plus `ridge` times the squared weights.

    With W the ridge solution, the answer is W V V' where V holds the leading eigenvectors of Y'X W, the target
    directions that W explains best (Izenman 1975; with a ridge: Mukherjee and Zhu 2011). A rank of min(source, target)
    is the ridge solution itself. Raises InputError for a rank outside 1 to min(source, target), and as `ridge.fit`.
    """
    source, target = moments.xy.shape
    most = min(source, target)
    if not 1 <= rank <= most:
        raise InputError(expected("rank", f"1 to {most}, the smaller of {source} -> {target} dimensions", str(rank)))
    full = fit(moments, ridge=ridge)
    weight = full.map.weight.astype(np.float64)
    _, xy = covariances(moments)
    explained = xy.T @ weight
    _, vectors = np.linalg.eigh((explained + explained.T) / 2)
    leading = vectors[:, -rank:]
    weight = ((weight @ leading) @ leading.T).astype(np.float32)
    bias = moments.mean_y - moments.mean_x @ weight.astype(np.float64)
    return replace(full, map=LinearMap(weight, bias.astype(np.float32)))
