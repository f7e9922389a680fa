"""A better concept vector from exemplars: their mean, or a linear classifier against negatives (paper, appendix J)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from t2c.core.statistics.unit_rows import unit
from t2c.schemas.errors import InputError, expected

if TYPE_CHECKING:
    from jaxtyping import Float, Float32

Array = NDArray[Any]

FEWEST = 2
"""Exemplars a side below which nothing is fitted."""


def mean_of_exemplars(positive: Float[np.ndarray, "images target"]) -> Float32[np.ndarray, " target"]:
    """Return the unit mean of exemplars' unit features: the average of their encodings.

    Raises InputError for too few exemplars or ones that cancel out.
    """
    _check_count("positive exemplars", len(positive))
    return _direction(unit(positive.astype(np.float64)).mean(axis=0), subject="mean of the exemplars")


def linear_classifier(
    positive: Float[np.ndarray, "images target"], negative: Float[np.ndarray, "_images target"]
) -> Float32[np.ndarray, " target"]:
    """Return the unit normal of a logistic classifier of positives against negatives: a concept activation vector.

    Features have length 1, as the cosine sees them, and one common unit of spread, so that the penalty (L2, C = 1) does
    not depend on the space's. Both sides weigh the same, however many each has. Raises InputError for too few on a side.
    """
    from sklearn.linear_model import LogisticRegression

    _check_count("positive exemplars", len(positive))
    _check_count("negative exemplars", len(negative))
    x = unit(np.concatenate([positive, negative]).astype(np.float64))
    x -= x.mean(axis=0)
    spread = float(x.std())
    if spread == 0:
        raise InputError(expected("exemplars", "images that differ", "one feature for all of them"))
    side = np.arange(len(x)) < len(positive)
    model = LogisticRegression(C=1.0, class_weight="balanced", max_iter=1000).fit(x / spread, side)
    return _direction(model.coef_[0], subject="linear classifier of the exemplars")


def _check_count(subject: str, count: int) -> None:
    if count < FEWEST:
        raise InputError(expected(subject, f"{FEWEST} or more with a feature", str(count), "Name more images."))


def _direction(vector: Array, *, subject: str) -> NDArray[np.float32]:
    length = float(np.linalg.norm(vector))
    if not np.isfinite(length) or length < 1e-12:
        raise InputError(expected(subject, "a direction", "a vector of length 0"))
    direction: NDArray[np.float32] = (vector / length).astype(np.float32)
    return direction
