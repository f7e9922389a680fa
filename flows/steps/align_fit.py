"""What every way of fitting hands to the certificate: the map, those of the folds, and quality on rows not fitted."""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.certificate import HeldOut
from t2c_core.aligners import Aligner, Fit
from t2c_core.linear_map import LinearMap
from t2c_core.moments import Moments, estimate_centre
from t2c_core.quality import quality
from t2c_core.similarity import paired_cosine

BLOCK_ROWS = 8192
"""Rows mapped at once when cosines are read."""


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A fit, its fold maps and its quality."""

    aligner: Aligner
    """What fitted it."""
    full: Fit
    """The map for rows that were not fitted."""
    by_fold: tuple[Fit, ...]
    """For each fold the map fitted without it; empty where no row was fitted, or no folds were asked for."""
    held_out: HeldOut | None
    """Quality on rows not fitted; None when there are fewer than two."""
    notes: tuple[str, ...] = ()
    """What a reader must know beside what the fit itself notes."""


def measured(
    linear_map: LinearMap, x: npt.NDArray[Any], y: npt.NDArray[Any], *, train_mean: npt.NDArray[Any] | None
) -> HeldOut | None:
    """Return the quality of a map on rows x (images, source), y (images, target), read one by one; None below two.

    `train_mean` is the mean target of the fitted rows; None, where none was fitted, takes the measured rows' own, so
    that the mean predictor scores a variance-weighted R2 of 0.
    """
    if len(x) < 2:
        return None
    centre = estimate_centre(x[:BLOCK_ROWS].astype(np.float32), y[:BLOCK_ROWS].astype(np.float32))
    total, cosine = Moments.zero(centre), 0.0
    for start in range(0, len(x), BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        block, own = x[rows].astype(np.float32), y[rows].astype(np.float32)
        total = total + Moments.of(block, own, centre=centre)
        cosine += float(paired_cosine(linear_map.apply(block), own).sum())
    found = quality(total, linear_map, train_mean=total.mean_y if train_mean is None else train_mean)
    return replace(HeldOut(**asdict(found)), mean_cosine=cosine / len(x))
