"""How alike two feature spaces are, from the moments of the same images: linear CKA and orthogonal Procrustes distance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from t2c.core.laboratory.joint import JointMoments

if TYPE_CHECKING:
    from jaxtyping import Float64

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class SpaceSimilarity:
    """Two measures that no rotation and no common scale of either space changes; NaN where a space does not vary."""

    cka: float
    """Linear CKA, 0 to 1 (Kornblith et al. 2019): |Sxy|^2 / (|Sxx| |Syy|), Frobenius norms of covariances. Of unrelated
    spaces it is about sqrt(ex ey) / n for ex and ey effective dimensions, not 0: few rows flatter it."""
    procrustes: float
    """Squared orthogonal Procrustes distance of the centred features at unit norm, 0 to 2 (Ding et al. 2021):
    2 - 2 |Sxy|_* / sqrt(tr Sxx tr Syy); 0 is a rotation, 2 nothing in common."""


def space_similarity(moments: JointMoments, source: int, target: int) -> SpaceSimilarity:
    """Return how alike two encoders' spaces are; the same in both directions."""
    covariances = (moments.covariance(*pair) for pair in ((source, source), (target, target), (source, target)))
    xx, yy, xy = covariances
    return SpaceSimilarity(_cka(xx, yy, xy), _procrustes(xx, yy, xy, precision=moments.centre.value.dtype))


def _cka(
    xx: Float64[np.ndarray, "source source"],
    yy: Float64[np.ndarray, "target target"],
    xy: Float64[np.ndarray, "source target"],
) -> float:
    norms = math.sqrt(_squared(xx)) * math.sqrt(_squared(yy))
    return min(1.0, _squared(xy) / norms) if norms > 0 else math.nan


def _procrustes(
    xx: Float64[np.ndarray, "source source"],
    yy: Float64[np.ndarray, "target target"],
    xy: Float64[np.ndarray, "source target"],
    *,
    precision: np.dtype[Any],
) -> float:
    size = math.sqrt(max(float(np.trace(xx)), 0.0) * max(float(np.trace(yy)), 0.0))
    if size <= 0:
        return math.nan
    distance = 2 - 2 * nuclear_norm(xy) / size
    return 0.0 if distance < 8 * np.finfo(precision).eps else min(2.0, distance)


def nuclear_norm(matrix: Float64[np.ndarray, "source target"]) -> float:
    """Return the sum of the singular values, from the smaller Gram matrix: precise to 1e-8 of the largest one each.

    A tenth of the time of a full decomposition at 1280 x 512.
    """
    smaller = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T
    values = np.linalg.eigvalsh(smaller.T @ smaller)
    return float(np.sqrt(np.maximum(values, 0.0)).sum())


def _squared(matrix: Array) -> float:
    return float(np.einsum("st,st->", matrix, matrix))
