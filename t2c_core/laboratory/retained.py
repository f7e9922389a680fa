"""Retained accuracy: what share of the target's own accuracy its head keeps on aligned features (paper, section 3)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from t2c.core.statistics.proportions import wilson
from t2c.core.statistics.stats import Z_95
from t2c.schemas.errors import MismatchError, expected

if TYPE_CHECKING:
    from jaxtyping import Bool

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Hits:
    """How often two ways of classifying the same labelled images are right; adds over blocks."""

    n: int = 0
    """Labelled images."""
    aligned: int = 0
    """Right through the map."""
    own: int = 0
    """Right on the target's own features."""
    both: int = 0
    """Right both ways."""

    @classmethod
    def of(cls, aligned: Bool[np.ndarray, " images"], own: Bool[np.ndarray, " images"]) -> Self:
        """Count hits of the same images."""
        if aligned.shape != own.shape:
            raise MismatchError(expected("hits", "both ways on the same images", f"{aligned.shape} and {own.shape}"))
        return cls(len(own), int(aligned.sum()), int(own.sum()), int((aligned & own).sum()))

    def __add__(self, other: Self) -> Self:
        """Return the counts of both sets of images."""
        return type(self)(self.n + other.n, self.aligned + other.aligned, self.own + other.own, self.both + other.both)

    @property
    def retained(self) -> float:
        """aligned / own accuracy; NaN when the target itself is never right. It can exceed 1."""
        return self.aligned / self.own if self.own else math.nan

    def interval(self) -> tuple[float, float]:
        """Return a 95 % interval of the retained accuracy: the delta method on its logarithm, the images paired.

        Var log(a / o) = 1/a + 1/o - 2 both / (a o) for a and o right of the same images. Without a hit through the map
        it reaches from 0 to Wilson's bound of the aligned accuracy over the target's own.
        """
        if not self.own:
            return math.nan, math.nan
        if not self.aligned:
            return 0.0, wilson(0, self.n)[1] * self.n / self.own
        variance = 1 / self.aligned + 1 / self.own - 2 * self.both / (self.aligned * self.own)
        factor = math.exp(Z_95 * math.sqrt(max(variance, 0.0)))
        return self.retained / factor, self.retained * factor
