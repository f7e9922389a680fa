"""Area under the ROC curve of a score against true and false, ties counted half, with a score interval."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from t2c.core.statistics.ranks import ranks
from t2c.core.statistics.stats import Z_95
from t2c.schemas.errors import InputError, MismatchError, expected

if TYPE_CHECKING:
    from jaxtyping import Bool, Float


_HALVINGS = 60


@dataclass(frozen=True, slots=True)
class Auroc:
    """Chance that a positive scores above a negative, with a 95 % interval."""

    positives: int
    """Images that have what is scored."""
    negatives: int
    """Images that have not."""
    auroc: float
    """Area under the ROC curve, 0 to 1; 0.5 is what a constant gives."""
    low: float
    """Lower end of Newcombe's 95 % score interval."""
    high: float
    """Upper end of Newcombe's 95 % score interval."""


def auroc(scores: Float[np.ndarray, " images"], positive: Bool[np.ndarray, " images"]) -> Auroc:
    """Return the area of scores against what is true, from mid-ranks (Mann and Whitney's U).

    Raises MismatchError for another length, InputError for scores that are not finite or one class only.
    """
    if scores.ndim != 1 or scores.shape != positive.shape:
        raise MismatchError(expected("scores", "one a truth", f"{scores.shape} and {positive.shape}"))
    if not np.isfinite(scores).all():
        raise InputError(expected("scores", "finite values", "NaN or infinity"))
    positives = int(np.count_nonzero(positive))
    negatives = len(positive) - positives
    if not positives or not negatives:
        raise InputError(expected("truth", "positives and negatives", f"{positives} and {negatives}"))
    wins = float(ranks(scores)[positive].sum()) - positives * (positives + 1) / 2
    area = wins / (positives * negatives)
    low, high = newcombe(area, positives, negatives)
    return Auroc(positives, negatives, area, low, high)


def newcombe(area: float, positives: int, negatives: int) -> tuple[float, float]:
    """Return Newcombe's (2006, method 5) 95 % interval of an area: defined and not empty at 0 and 1 too."""
    return _bound(area, positives, negatives, upper=False), _bound(area, positives, negatives, upper=True)


def _bound(area: float, positives: int, negatives: int, *, upper: bool) -> float:
    """Return the true area farthest on one side that still lies z standard errors from the one found."""
    near, far = area, (1.0 if upper else 0.0)
    extra = (positives + negatives) / 2 - 1
    for _ in range(_HALVINGS):
        middle = (near + far) / 2
        spread = 1 + extra * ((1 - middle) / (2 - middle) + middle / (1 + middle))
        variance = middle * (1 - middle) * spread / (positives * negatives)
        inside = abs(middle - area) <= Z_95 * math.sqrt(variance)
        near, far = (middle, far) if inside else (near, middle)
    return near
