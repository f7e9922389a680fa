"""Closed-form linear maps from moments: exact least squares, ridge, and its strength by cross-validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from t2c.core.maps.cholesky import factorise
from t2c.core.maps.linear_map import LinearMap
from t2c.core.maps.moments import Moments, merge
from t2c.schemas.errors import InputError, expected

if TYPE_CHECKING:
    from jaxtyping import Float64

Array = NDArray[Any]

RELATIVE_CANDIDATES = tuple(10.0 ** (quarter / 4) for quarter in range(-24, 9))
"""Default ridge candidates, 1e-6 to 1e2 in quarter decades, as multiples of trace(X'X) / source, the mean eigenvalue of
the centred X'X: free of the features' unit and of n."""


@dataclass(frozen=True, slots=True)
class Solution:
    """A fitted map and how well-posed its fit was."""

    map: LinearMap
    """The minimiser of sum |x W + b - y|^2 + ridge |W|^2; b is not penalised."""
    ridge: float
    """Penalty, in units of x squared times rows (scikit-learn's `alpha`); 0 is exact least squares."""
    rank: int
    """Numerical rank of the centred X, whatever the penalty: directions of the source space that the rows determine."""
    condition: float
    """Condition of the system solved. Cholesky: LAPACK's 1-norm estimate once columns have unit length, so that mere units
    of features do not count; eigen: ratio of the largest to the smallest eigenvalue kept."""
    method: Literal["cholesky", "eigen"]
    """`eigen` is the rank-revealing solve: minimum-norm where rows leave directions undetermined."""
    n: int
    """Rows fitted."""


@dataclass(frozen=True, slots=True)
class RidgeChoice:
    """Outcome of the cross-validation over ridge candidates."""

    ridge: float
    """The candidate with the smallest out-of-fold error; of equals the largest."""
    candidates: tuple[float, ...]
    """Penalties tried, rising."""
    errors: tuple[float, ...]
    """Out-of-fold squared error summed over rows and target dimensions, one a candidate."""


def fit(moments: Moments, *, ridge: float) -> Solution:
    """Return the map that minimises squared error plus `ridge` times the squared weights.

    Cholesky first; a rank-revealing eigendecomposition when that fails or the system is too ill-conditioned for the
    precision of the moments: then undetermined directions get weight zero (the minimum-norm answer). Fewer rows than
    dimensions, collinear and constant columns are therefore all defined. Raises InputError for no rows or a bad ridge.
    """
    if moments.n < 1:
        raise InputError(expected("rows to fit", "1 or more", "0"))
    if not (np.isfinite(ridge) and ridge >= 0):
        raise InputError(expected("ridge", "a finite number of 0 or more", str(ridge)))
    xx, xy = covariances(moments)
    system = xx
    if ridge:
        system = xx.copy()
        system.flat[:: len(xx) + 1] += ridge
    tolerance = resolution(moments)
    weight, rank, condition, method = _solve(system, xy, tolerance=tolerance)
    rank = min(_rank(xx, tolerance=tolerance, n=moments.n) if ridge else rank, moments.n - 1)
    weight = weight.astype(np.float32)
    bias = moments.mean_y - moments.mean_x @ weight.astype(np.float64)
    return Solution(LinearMap(weight, bias.astype(np.float32)), float(ridge), rank, condition, method, moments.n)


def choose_ridge(folds: Sequence[Moments], candidates: Sequence[float] | None = None) -> RidgeChoice:
    """Return the ridge with the smallest out-of-fold error, from fold moments alone: no row is read again.

    One eigendecomposition per fold makes every further candidate a product with one (source, source) matrix. Measured at
    1280 -> 512 that costs as much as six Cholesky solves per fold and gives all 33 default candidates.
    """
    total = _total(folds)
    if candidates is None:
        mean_eigenvalue = float(np.trace(covariances(total)[0])) / len(total.sum_x)
        candidates = [(mean_eigenvalue or 1.0) * relative for relative in RELATIVE_CANDIDATES]
    if not candidates or not all(np.isfinite(ridge) and ridge >= 0 for ridge in candidates):
        raise InputError(expected("ridge candidates", "at least one, finite, none negative", str(list(candidates))))
    rising = np.array(sorted(candidates), dtype=np.float64)
    errors = np.sum([_held_out_errors(total - fold, fold, rising) for fold in folds if fold.n], axis=0)
    return RidgeChoice(smallest(rising, errors), tuple(rising.tolist()), tuple(errors.tolist()))


def smallest(candidates: Float64[np.ndarray, " candidates"], errors: Float64[np.ndarray, " candidates"]) -> float:
    """Return the candidate with the smallest error; of equals the last, which is the largest of rising ones."""
    return float(candidates[len(errors) - 1 - int(np.argmin(errors[::-1]))])


def resolution(moments: Moments) -> float:
    """Return the relative eigenvalue below which X'X is rounding noise of its block products, subtracted ones included."""
    noise = float(np.finfo(moments.precision).eps) * (len(moments.sum_x) if moments.precision == np.float64 else 8)
    remaining = float(np.trace(moments.xx))
    return noise * max(1.0, moments.summed / remaining) if remaining > 0 else noise


def _total(folds: Sequence[Moments]) -> Moments:
    if sum(fold.n > 0 for fold in folds) < 2:
        raise InputError(expected("folds", "2 or more with rows", f"{sum(fold.n > 0 for fold in folds)}"))
    return merge(folds)


def covariances(moments: Moments) -> tuple[Array, Array]:
    """Return X'X (source, source) and X'Y (source, target) about the rows' own means."""
    mean = moments.sum_x / moments.n
    pairs = ((moments.xx, moments.sum_x), (moments.xy, moments.sum_y))
    xx, xy = (
        np.subtract(sums, part, out=part) for sums, part in ((sums, np.outer(mean, total)) for sums, total in pairs)
    )
    return xx, xy


def _solve(system: Array, xy: Array, *, tolerance: float) -> tuple[Array, int, float, Literal["cholesky", "eigen"]]:
    """Return weights (source, target), rank, condition and method for system @ weights = xy."""
    factor = factorise(system)
    if factor is not None and factor.condition < 1 / tolerance:
        return factor.solve(xy), len(system), factor.condition, "cholesky"
    values, vectors = np.linalg.eigh(system)
    inverse = _inverse(values, tolerance=tolerance)
    significant = values[inverse > 0]
    weight = vectors @ (inverse[:, None] * (vectors.T @ xy))
    return weight, len(significant), float(significant[-1] / significant[0]) if len(significant) else 1.0, "eigen"


def _rank(xx: Array, *, tolerance: float, n: int) -> int:
    """Return the numerical rank of X'X: a plain Cholesky where it stands, else one with pivoting, which stops at the rank."""
    from scipy.linalg import lapack

    plain = factorise(xx) if n > len(xx) else None
    if plain is not None and plain.condition < 1 / tolerance:
        return len(xx)
    variance = np.diag(xx)
    varying = np.flatnonzero(variance > tolerance * max(float(variance.max()), 0.0))
    if not len(varying):
        return 0
    scale = np.sqrt(variance[varying])
    scaled = xx[np.ix_(varying, varying)] / np.outer(scale, scale)
    return int(lapack.dpstrf(scaled.T, tol=tolerance, lower=1)[2])


class Spectrum:
    """The eigenvectors of X'X over the rows fitted, and other rows' X'X seen along them: what judges every candidate.

    With X'X = V diag(e) V' and r = 1 / (e + ridge) the weights are V diag(r) C where C = V' X'Y, so the error on other
    rows, Syy - 2 tr(W' Sxy) + tr(W' Sxx W), is Syy - 2 g.r + r' M r: g the row sums of (V' Sxy) * C, M = (V' Sxx V) * (C C').
    """

    def __init__(
        self,
        fitted: Float64[np.ndarray, "source source"],
        other: Float64[np.ndarray, "source source"],
        *,
        candidates: Float64[np.ndarray, " candidates"],
        tolerance: float,
    ) -> None:
        values, self._vectors = np.linalg.eigh(fitted)
        self._other = self._vectors.T @ other @ self._vectors
        self._r = _inverse(values + candidates[:, None], tolerance=tolerance)

    def errors(
        self, fitted: Float64[np.ndarray, "source target"], other: Float64[np.ndarray, "source target"]
    ) -> Float64[np.ndarray, " candidates"]:
        """Return the squared error on the other rows less their Syy, from the X'Y of both, for each candidate.

        All X'X and X'Y are about the fitted rows' own means.
        """
        rotated = self._vectors.T @ fitted
        g = np.einsum("st,st->s", self._vectors.T @ other, rotated)
        m = self._other * (rotated @ rotated.T)
        errors: Array = np.einsum("cs,cs->c", self._r @ m, self._r) - 2 * self._r @ g
        return errors


def _held_out_errors(rest: Moments, fold: Moments, candidates: Array) -> Array:
    """Return the squared error on fold of the map fitted on rest, for each ridge candidate: (candidates,)."""
    xx, xy = covariances(rest)
    away_x, away_y = fold.mean_x - rest.mean_x, fold.mean_y - rest.mean_y
    other_xx, other_xy = covariances(fold)
    other_xx += fold.n * np.outer(away_x, away_x)
    other_xy += fold.n * np.outer(away_x, away_y)
    yy = float((fold.yy - fold.sum_y**2 / fold.n + fold.n * away_y**2).sum())
    return yy + Spectrum(xx, other_xx, candidates=candidates, tolerance=resolution(rest)).errors(xy, other_xy)


def _inverse(values: Array, *, tolerance: float) -> Array:
    """Return 1 / eigenvalues (any, source), 0 for those that are noise beside the largest."""
    significant = values > tolerance * np.maximum(values[..., -1:], 0.0)
    return np.divide(1.0, values, out=np.zeros_like(values), where=significant)
