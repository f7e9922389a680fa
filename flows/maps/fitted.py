"""What every way of fitting hands to the certificate: the map, those of the folds, and quality on rows not fitted."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from t2c.core.concepts.similarity import paired_cosine
from t2c.core.maps.aligners import Aligner, Fit
from t2c.core.maps.linear_map import LinearMap
from t2c.core.maps.moments import Moments, estimate_centre
from t2c.core.maps.quality import quality
from t2c.schemas.certificate import HeldOut

Pair = tuple[npt.NDArray[Any], npt.NDArray[Any]]
"""x (images, source) and y (images, target) of the same images."""

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
    linear_map: LinearMap, blocks: Iterable[Pair], *, train_mean: npt.NDArray[Any] | None = None
) -> HeldOut | None:
    """Return the quality of a map on blocks of x (images, source), y (images, target), read one by one; None below two.

    `train_mean` is the mean target of the fitted rows; None, where it is not known or no row was fitted, takes the
    measured rows' own, so that the mean predictor scores a variance-weighted R2 of 0.
    """
    total, cosine = None, 0.0
    for x, y in blocks:
        block, own = x.astype(np.float32, copy=False), y.astype(np.float32, copy=False)
        total = Moments.zero(estimate_centre(block, own)) if total is None else total
        total = total + Moments.of(block, own, centre=total.centre)
        cosine += float(paired_cosine(linear_map.apply(block), own).sum())
    if total is None or total.n < 2:
        return None
    scores = quality(total, linear_map, train_mean=total.mean_y if train_mean is None else train_mean)
    return replace(HeldOut(**asdict(scores)), mean_cosine=cosine / total.n)


def in_blocks(x: npt.NDArray[Any], y: npt.NDArray[Any]) -> Iterator[Pair]:
    """Yield paired rows a block at a time."""
    for start in range(0, len(x), BLOCK_ROWS):
        yield x[start : start + BLOCK_ROWS], y[start : start + BLOCK_ROWS]
