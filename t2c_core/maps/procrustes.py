"""Orthogonal Procrustes with scale from moments: the best rotation of one space onto another, square or not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from t2c.core.maps.linear_map import LinearMap
from t2c.core.maps.moments import Moments
from t2c.core.maps.ridge import covariances, fit
from t2c.core.maps.rotation_search import Search, scale_of, search_rotation
from t2c.schemas.errors import InputError, expected

if TYPE_CHECKING:
    from jaxtyping import Float64

Array = NDArray[Any]


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
    """Steps taken by the better of two searches; 0 where the closed form is exact."""
    converged: bool
    """False when the most steps were not enough (t2c.core.maps.rotation_search)."""
    promise: float
    """What the next step promised still to gain, as a share of the squared error removed; 0 for the closed form."""
    n: int
    """Rows fitted."""


def fit_rotation(moments: Moments) -> Rotation:
    """Return Q, scale and bias that minimise sum |scale x Q + b - y|^2 over orthonormal Q (Schoenemann 1966).

    A source no wider than the target has the closed form Q = U V' of X'Y = U S V'. A wider one has none: the error
    holds the energy of X Q too. Then Q is searched for from two starts, the polar factors of X'Y and of the least squares
    map, and the better end is kept (`rotation_search`). Raises InputError for no rows.
    """
    if moments.n < 1:
        raise InputError(expected("rows to fit", "1 or more", "0"))
    xx, xy = covariances(moments)
    if xx.shape[0] > xy.shape[1]:
        search, scale = _searched(moments, xx, xy)
    else:
        search = Search(polar(xy), 0.0, 0, 0.0, converged=True)
        scale = _scale(search.q, xx, xy)
    weight = (scale * search.q).astype(np.float32)
    bias = (moments.mean_y - moments.mean_x @ weight.astype(np.float64)).astype(np.float32)
    fitted = LinearMap(weight, bias)
    return Rotation(fitted, scale, _rank(xy), search.steps, search.converged, search.promise, moments.n)


def polar(matrix: Float64[np.ndarray, "source target"]) -> Float64[np.ndarray, "source target"]:
    """Return the nearest matrix with orthonormal rows or columns: U V' of matrix = U S V'."""
    u, _, vt = np.linalg.svd(matrix, full_matrices=False)
    product: Array = u @ vt
    return product


def _scale(q: Array, xx: Array, xy: Array) -> float:
    """Return the least-squares scale of a given Q; 0 when the source does not vary."""
    energy = float(np.einsum("st,st->", xx @ q, q))
    return max(float(np.einsum("st,st->", q, xy)) / energy, 0.0) if energy > 0 else 0.0


def _searched(moments: Moments, xx: Array, xy: Array) -> tuple[Search, float]:
    """Return the better of the ends of two searches, in the source's own basis, and its scale."""
    values, basis = np.linalg.eigh(xx)
    energy, cross = np.maximum(values, 0.0), basis.T @ xy
    regression = basis.T @ fit(moments, ridge=0.0).map.weight.astype(np.float64)
    ends = [search_rotation(polar(start), energy, cross) for start in (regression, cross)]
    best = min(ends, key=lambda end: end.error)
    return replace(best, q=basis @ best.q), scale_of(best.q, energy, cross)


def _rank(xy: Array) -> int:
    values = np.linalg.svd(xy, compute_uv=False)
    return int((values > values[0] * max(xy.shape) * np.finfo(np.float32).eps).sum()) if len(values) else 0
