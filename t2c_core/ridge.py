"""Closed-form linear maps from moments: exact least squares, ridge, and its strength by cross-validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from schemas.errors import InputError, expected
from t2c_core.linear_map import LinearMap
from t2c_core.moments import Moments, merge

Array = NDArray[Any]

RELATIVE_CANDIDATES = tuple(10.0**power for power in (-6, -5, -4, -3, -2.5, -2, -1.5, -1, -0.5, 0, 1))
"""Default ridge candidates as multiples of trace(X'X)/source, the mean eigenvalue: scale-free in units and n."""


@dataclass(frozen=True, slots=True)
class Solution:
    """A fitted map and how well-posed its fit was."""

    map: LinearMap
    """The minimiser of sum |x W + b - y|^2 + ridge |W|^2; b is not penalised."""
    ridge: float
    """Penalty, in units of x squared times rows (scikit-learn's `alpha`); 0 is exact least squares."""
    rank: int
    """Directions of the source space that the rows determine (after the penalty: all of them)."""
    condition: float
    """Condition of the system solved: exact ratio of kept eigenvalues, or LAPACK's 1-norm estimate for Cholesky."""
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
    xx, xy = _covariances(moments)
    system = xx.copy()
    system.flat[:: len(xx) + 1] += ridge
    weight, rank, condition, method = _solve(system, xy, tolerance=resolution(moments))
    weight = weight.astype(np.float32)
    bias = moments.mean_y - moments.mean_x @ weight.astype(np.float64)
    return Solution(LinearMap(weight, bias.astype(np.float32)), float(ridge), rank, condition, method, moments.n)


def fit_folds(folds: Sequence[Moments], *, ridge: float) -> tuple[Solution, ...]:
    """Return for each fold the map fitted on all the others (total minus fold); scores of its rows are out-of-fold."""
    total = _total(folds)
    return tuple(fit(total - fold, ridge=ridge) for fold in folds)


def default_candidates(moments: Moments) -> tuple[float, ...]:
    """Return RELATIVE_CANDIDATES scaled by the mean eigenvalue of the centred X'X."""
    xx, _ = _covariances(moments)
    scale = float(np.trace(xx)) / len(xx)
    return tuple(scale * relative for relative in RELATIVE_CANDIDATES) if scale > 0 else (1.0,)


def choose_ridge(folds: Sequence[Moments], candidates: Sequence[float] | None = None) -> RidgeChoice:
    """Return the ridge with the smallest out-of-fold error, from fold moments alone: no row is read again.

    One Cholesky per fold and candidate: with a dozen candidates cheaper than one eigendecomposition per fold, whose
    tridiagonal reduction is bound by memory (measured, see benchmarks). A candidate too small to solve is left out.
    """
    total = _total(folds)
    tried = tuple(sorted(candidates if candidates is not None else default_candidates(total)))
    if not tried or tried[0] < 0:
        raise InputError(expected("ridge candidates", "at least one, none negative", str(list(tried))))
    errors = np.zeros(len(tried))
    for fold in folds:
        if fold.n:
            errors += _fold_errors(total - fold, fold, tried)
    best = len(tried) - 1 - int(np.argmin(errors[::-1]))
    return RidgeChoice(tried[best], tried, tuple(float(error) for error in errors))


def resolution(moments: Moments) -> float:
    """Return the relative eigenvalue below which X'X is rounding noise of its block products."""
    return float(np.finfo(moments.precision).eps) * (len(moments.sum_x) if moments.precision == np.float64 else 8)


def _total(folds: Sequence[Moments]) -> Moments:
    if sum(fold.n > 0 for fold in folds) < 2:
        raise InputError(expected("folds", "2 or more with rows", f"{sum(fold.n > 0 for fold in folds)}"))
    return merge(folds)


def _covariances(moments: Moments) -> tuple[Array, Array]:
    """Return X'X (source, source) and X'Y (source, target) about the rows' own means."""
    mean = moments.sum_x / moments.n
    return moments.xx - np.outer(mean, moments.sum_x), moments.xy - np.outer(mean, moments.sum_y)


def _solve(system: Array, xy: Array, *, tolerance: float) -> tuple[Array, int, float, Literal["cholesky", "eigen"]]:
    """Return weights (source, target), rank, condition and method for system @ weights = xy."""
    from scipy.linalg import lapack

    norm = float(np.abs(system).sum(axis=0).max())
    factor, failed = lapack.dpotrf(system, lower=1, clean=0)
    if not failed:
        inverse_condition, _ = lapack.dpocon(factor, norm, uplo="L")
        if inverse_condition > tolerance:
            weight, _ = lapack.dpotrs(factor, xy, lower=1)
            return weight, len(system), 1 / inverse_condition, "cholesky"
    values, vectors = np.linalg.eigh(system)
    kept = values > tolerance * max(values[-1], 0.0)
    values, vectors = values[kept], vectors[:, kept]
    weight = vectors @ ((vectors.T @ xy) / values[:, None])
    return weight, int(kept.sum()), float(values[-1] / values[0]) if len(values) else 1.0, "eigen"


def _fold_errors(train: Moments, held: Moments, candidates: Sequence[float]) -> Array:
    """Return the held-out squared error of each candidate, fitted on train."""
    from scipy.linalg import lapack

    xx, xy = _covariances(train)
    offset = train.sum_x / train.n - held.sum_x / held.n, train.sum_y / train.n - held.sum_y / held.n
    held_xx, held_xy = _covariances(held)
    held_xx += held.n * np.outer(offset[0], offset[0])
    held_xy += held.n * np.outer(offset[0], offset[1])
    held_yy = float((held.yy - held.sum_y**2 / held.n + held.n * offset[1] ** 2).sum())
    errors = np.full(len(candidates), np.inf)
    for index, ridge in enumerate(candidates):
        system = xx.copy()
        system.flat[:: len(xx) + 1] += ridge
        _, weight, failed = lapack.dposv(system, xy, lower=1, overwrite_a=1)
        if not failed:
            errors[index] = held_yy + float(np.vdot(held_xx @ weight - 2 * held_xy, weight))
    return errors
