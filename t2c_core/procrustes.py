"""Orthogonal Procrustes with scale from moments: the best rotation of one space onto another, square or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from schemas.errors import InputError, expected
from t2c_core.linear_map import LinearMap
from t2c_core.moments import Moments
from t2c_core.ridge import covariances, fit

if TYPE_CHECKING:
    from jaxtyping import Float64

Array = NDArray[Any]

MOST_STEPS = 100
"""Most steps of the iteration that a source wider than its target needs; each is a few products and a small eigenproblem."""
TOLERANCE = 1e-5
"""Relative gain below which the iteration stops, of the squared error that the map removes."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """A fitted rotation."""

    map: LinearMap
    """x W + b with W = scale * Q; Q has orthonormal rows or columns, whichever are fewer."""
    scale: float
    """The one factor of all lengths."""
    rank: int
    """Numerical rank of X'Y about the means: directions in which Q is determined."""
    steps: int
    """Steps taken; 0 where the closed form is exact."""
    converged: bool
    """False when MOST_STEPS were not enough."""
    n: int
    """Rows fitted."""


def fit_rotation(moments: Moments) -> Rotation:
    """Return Q, scale and bias that minimise sum |scale x Q + b - y|^2 over orthonormal Q (Schoenemann 1966).

    A source no wider than the target has the closed form Q = U V' of X'Y = U S V'. A wider one has none: the error
    holds the energy of X Q too, so Q is improved step by step, each step the polar factor of a bound of the error that
    touches it (never worse than before; Kiers 1990), from the better of two starts: that of X'Y and that of the least
    squares map, which is exact where the data are. Raises InputError for no rows.
    """
    if moments.n < 1:
        raise InputError(expected("rows to fit", "1 or more", "0"))
    xx, xy = covariances(moments)
    q, steps, converged = polar(xy), 0, True
    if xx.shape[0] > xy.shape[1]:
        starts = (q, polar(fit(moments, ridge=0.0).map.weight.astype(np.float64)))
        q, steps, converged = _improved(min(starts, key=lambda one: _error(one, xx, xy)), xx, xy)
    scale = _scale(q, xx, xy)
    weight = (scale * q).astype(np.float32)
    bias = moments.mean_y - moments.mean_x @ weight.astype(np.float64)
    return Rotation(LinearMap(weight, bias.astype(np.float32)), scale, _rank(xy), steps, converged, moments.n)


def polar(matrix: Float64[np.ndarray, "source target"]) -> Float64[np.ndarray, "source target"]:
    """Return the nearest matrix with orthonormal rows or columns: U V' of matrix = U S V'."""
    left, _, right = np.linalg.svd(matrix, full_matrices=False)
    product: Array = left @ right
    return product


def _scale(q: Array, xx: Array, xy: Array) -> float:
    """Return the least-squares scale of a given Q; 0 when the source does not vary."""
    energy = float(np.einsum("st,st->", xx @ q, q))
    return max(float(np.einsum("st,st->", q, xy)) / energy, 0.0) if energy > 0 else 0.0


def _error(q: Array, xx: Array, xy: Array) -> float:
    """Return the squared error at the best scale, less that of predicting the mean: 0 or below."""
    return -_scale(q, xx, xy) * float(np.einsum("st,st->", q, xy))


def _improved(q: Array, xx: Array, xy: Array) -> tuple[Array, int, bool]:
    """Return Q after steps of majorisation, how many there were, and whether they came to rest.

    Each step starts ahead of Q, along the last move, the further the longer that has helped (Nesterov 1983); where the
    error would rise it starts from Q again.
    """
    largest = float(np.linalg.eigvalsh(xx)[-1])
    error, before, run = _error(q, xx, xy), q, 0
    for step in range(1, MOST_STEPS + 1):
        scale = _scale(q, xx, xy)
        ahead = q + run / (run + 3) * (q - before)
        following = _polar_of_tall(xy + scale * (largest * ahead - xx @ ahead))
        found = _error(following, xx, xy)
        if found > error * (1 + TOLERANCE) and run == 0:
            return (following if found < error else q), step, True
        if found > error * (1 + TOLERANCE):
            run = 0
        else:
            before, q, error, run = q, following, found, run + 1
    return q, MOST_STEPS, False


def _polar_of_tall(matrix: Array) -> Array:
    """Return `polar` of a matrix with more rows than columns by way of its small Gram matrix, where that is accurate."""
    values, vectors = np.linalg.eigh(matrix.T @ matrix)
    if not values[0] > values[-1] * 1e-10:
        return polar(matrix)
    inverse: Array = (vectors / np.sqrt(values)) @ vectors.T
    return matrix @ inverse


def _rank(xy: Array) -> int:
    values = np.linalg.svd(xy, compute_uv=False)
    return int((values > values[0] * max(xy.shape) * np.finfo(np.float32).eps).sum()) if len(values) else 0
