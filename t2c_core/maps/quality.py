"""How well a linear map predicts rows it never saw, from those rows' moments alone (paper, appendix A.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from t2c.core.maps.linear_map import LinearMap
from t2c.core.maps.moments import Moments
from t2c.schemas.errors import InputError, MismatchError, expected

if TYPE_CHECKING:
    from jaxtyping import Float

Array = NDArray[Any]

_BLOCK = 256
"""Rows of X'X taken at a time."""


@dataclass(frozen=True, slots=True)
class Quality:
    """R2 on held-out rows, each beside what predicting the fitted rows' mean target would score."""

    n: int
    """Held-out rows."""
    r2_variance_weighted: float
    """1 - squared error / variance, both summed over target dimensions; the main figure."""
    r2_uniform: float
    """Mean over target dimensions of each one's own R2."""
    r2_global: float
    """1 - MSE / variance of all elements about one scalar mean: the authors' figure, larger by what the mean explains."""
    mean_variance_weighted: float
    """r2_variance_weighted of the mean predictor; about 0."""
    mean_uniform: float
    """r2_uniform of the mean predictor; about 0."""
    mean_global: float
    """r2_global of the mean predictor; 0.4 to 0.5 on CLIP targets."""


def quality(moments: Moments, linear_map: LinearMap, *, train_mean: Float[np.ndarray, " target"]) -> Quality:
    """Return the quality of a map on held-out rows given their moments.

    `train_mean` is the mean target of the rows the map was fitted on: the baseline's prediction.
    A target dimension that does not vary scores 1 when predicted exactly and 0 otherwise, as scikit-learn has it.
    Raises InputError for fewer than two rows, MismatchError for a map or mean of other dimensions.
    """
    if moments.n < 2:
        raise InputError(
            expected("held-out rows", "2 or more", str(moments.n), "Hold out more rows, or index more images.")
        )
    own = np.maximum(moments.yy - moments.sum_y**2 / moments.n, 0.0)
    means = moments.mean_y
    everything = float(own.sum() + moments.n * ((means - means.mean()) ** 2).sum())
    floor = moments.n * (np.finfo(moments.precision).eps * np.maximum(np.abs(means), np.sqrt(own / moments.n))) ** 2
    model, mean, own = (np.where(part <= floor, 0.0, part) for part in (*_errors(moments, linear_map, train_mean), own))
    return Quality(
        moments.n,
        *_three_r2(model, own, everything),
        *_three_r2(mean, own, everything),
    )


def _errors(moments: Moments, linear_map: LinearMap, train_mean: Array) -> tuple[Array, Array]:
    """Return squared errors (target,) of the map and of the mean predictor, expanded about the moments' centre in float64."""
    if (linear_map.source, linear_map.target) != moments.xy.shape or train_mean.shape != moments.sum_y.shape:
        actual = f"{(linear_map.source, linear_map.target)} and a mean of shape {train_mean.shape}"
        raise MismatchError(expected("map to judge", f"dimensions {moments.xy.shape} as in the moments", actual))
    weight = linear_map.weight.astype(np.float64)
    centre_x, centre_y = moments.centre.x.astype(np.float64), moments.centre.y.astype(np.float64)
    shift = linear_map.bias + centre_x @ weight - centre_y
    model = moments.yy + _explained(moments, weight)
    model += shift * (moments.n * shift + 2 * (moments.sum_x @ weight) - 2 * moments.sum_y)
    away = train_mean - centre_y
    mean = moments.yy - 2 * away * moments.sum_y + moments.n * away**2
    return np.maximum(model, 0.0), np.maximum(mean, 0.0)


def _explained(moments: Moments, weight: Array) -> Array:
    """Return diag(W' X'X W - 2 W' X'Y), (target,), from the lower triangle of X'X: half the work of the whole."""
    explained = np.zeros(weight.shape[1])
    for start in range(0, len(weight), _BLOCK):
        rows = slice(start, start + _BLOCK)
        products = moments.xx[rows, :start] @ weight[:start] - moments.xy[rows]
        products *= 2
        products += moments.xx[rows, rows] @ weight[rows]
        explained += np.einsum("st,st->t", products, weight[rows])
    return explained


def _three_r2(errors: Array, own: Array, everything: float) -> tuple[float, float, float]:
    """Return R2 variance-weighted, uniform and global from squared errors and squared deviations (target,)."""
    summed = float(errors.sum())
    return (
        _r2(summed, float(own.sum())),
        float(np.mean([_r2(e, v) for e, v in zip(errors, own, strict=True)])),
        _r2(summed, everything),
    )


def _r2(error: float, variance: float) -> float:
    """Return 1 - error / variance; for no variance 1 when the error is 0 too, else 0."""
    return 1.0 - float(error) / float(variance) if variance > 0 else float(error == 0)
