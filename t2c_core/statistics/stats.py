"""What concept_stats holds: moments, quantiles and a fixed histogram of one concept's similarities."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from t2c.schemas.errors import InputError, expected
from t2c.schemas.tables.tables import HISTOGRAM_BINS, QUANTILES

if TYPE_CHECKING:
    from jaxtyping import Float

Array = NDArray[Any]

Z_95 = 1.959963984540054
"""97.5 % quantile of the standard normal: half the width of a 95 % interval, in standard errors."""
PIECE = 1 << 16
"""Values worked on at once, so that float64 copies of a million float32 values stay in cache."""

_EDGES = np.linspace(-1.0, 1.0, HISTOGRAM_BINS + 1)


def concept_stats(values: Float[np.ndarray, " images"]) -> dict[str, Any]:
    """Return the columns of CONCEPT_STATS but key and concept, for similarities in any order.

    Equal to numpy's mean, std (ddof 0), quantile (linear) and histogram in float64. Raises InputError for no values
    (a concept without comparable rows has no row in the table), NaN, and values outside [-1, 1].
    """
    ordered = np.sort(check_values(values, what="similarities"))
    if ordered[0] < -1 or ordered[-1] > 1:
        raise InputError(expected("similarities", "values of -1 to 1", f"{ordered[0]} to {ordered[-1]}"))
    mean, std = mean_and_std(ordered)
    row: dict[str, Any] = {"count": len(ordered), "mean": mean, "std": std}
    row |= {"min": float(ordered[0]), "max": float(ordered[-1])}
    row |= {f"q{round(q * 100):02d}": value for q, value in zip(QUANTILES, quantiles(ordered, QUANTILES), strict=True)}
    row["histogram"] = histogram(ordered).tolist()
    return row


def mean_and_std(values: Float[np.ndarray, " images"]) -> tuple[float, float]:
    """Return mean and population standard deviation (ddof 0) in float64; of equal values exactly the value and 0."""
    lowest, highest = values.min(), values.max()
    if lowest == highest:
        return float(lowest), 0.0
    mean = float(np.mean(values, dtype=np.float64))
    squares = 0.0
    for start in range(0, len(values), PIECE):
        away = np.subtract(values[start : start + PIECE], mean, dtype=np.float64)
        squares += float(np.einsum("i,i->", away, away))
    return mean, math.sqrt(squares / len(values))


def quantiles(ordered: Float[np.ndarray, " images"], levels: tuple[float, ...]) -> list[float]:
    """Return quantiles of sorted values, by linear interpolation as numpy's default."""
    at = np.asarray(levels, dtype=np.float64) * (len(ordered) - 1)
    low = np.floor(at).astype(np.int64)
    high = np.minimum(low + 1, len(ordered) - 1)
    below, above = ordered[low].astype(np.float64), ordered[high].astype(np.float64)
    part = at - low
    near_high = above - (above - below) * (1 - part)
    return [float(v) for v in np.where(part >= 0.5, near_high, below + (above - below) * part)]


def histogram(ordered: Float[np.ndarray, " images"]) -> NDArray[np.int64]:
    """Return counts (HISTOGRAM_BINS,) of sorted values in bins of equal width over [-1, 1], the last bin closed."""
    inner = np.searchsorted(ordered, _EDGES[1:-1].astype(np.float64), side="left")
    return np.diff(inner, prepend=0, append=len(ordered)).astype(np.int64)


def check_values(values: Float[np.ndarray, " images"], *, what: str) -> Float[np.ndarray, " images"]:
    """Return values when they are a non-empty array of one axis without NaN or infinity, else raise InputError."""
    if values.ndim != 1 or len(values) == 0:
        raise InputError(expected(what, "a value or more, shape (images,)", f"shape {values.shape}"))
    if not np.isfinite(values).all():
        raise InputError(expected(what, "finite values", f"{values[~np.isfinite(values)][0]}"))
    return values
