"""Backgrounds: the first two moments of unit aligned features over a set of images, against which one image stands out.

Everything is linear in a feature: over the set, the similarity to a direction has mean `direction . mean` and variance
`direction' covariance direction`, for any direction at any later time. Moments add and subtract, so a set is summed in
parts and a fold is taken out. A background over class similarities (a packaged one) is the same object: its axis is the
classes, and a direction holds coefficients of classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from t2c.schemas.errors import InputError, MismatchError, expected

if TYPE_CHECKING:
    from jaxtyping import Float, Float64

Array = NDArray[Any]

CONSTANT = 1e-6
"""Standard deviation of a similarity over a background below which it tells nothing: that concept is no candidate."""
FEWEST = 10
"""Images below which a set is no background."""
SMALL = 1000
"""Images below which a background is poor, which an answer says."""


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """Mean and standard deviation of centred similarities over a background, or over several, one a part."""

    mean: Float64[np.ndarray, "parts concepts"]
    """Mean over the background of each part."""
    std: Float64[np.ndarray, "parts concepts"]
    """Standard deviation (ddof 0); below CONSTANT a concept is no candidate."""


@dataclass(frozen=True, slots=True, eq=False)
class Background:
    """Sums over a set of images; the axis is that of a space, or of the classes of a head."""

    n: int
    """Images."""
    total: Float64[np.ndarray, " axis"]
    """Sum of their vectors."""
    products: Float64[np.ndarray, "axis axis"]
    """Sum of the outer products of each vector with itself."""

    @classmethod
    def zero(cls, size: int) -> Self:
        """Return the background of no image."""
        return cls(0, np.zeros(size), np.zeros((size, size)))

    @classmethod
    def of(cls, vectors: Float[np.ndarray, "images axis"]) -> Self:
        """Return the background of some images; a product of one block in the vectors' precision, sums in float64."""
        block = np.asarray(vectors)
        return cls(len(block), block.sum(axis=0, dtype=np.float64), (block.T @ block).astype(np.float64))

    @classmethod
    def from_moments(cls, n: int, mean: Float[np.ndarray, " axis"], covariance: Float[np.ndarray, "axis axis"]) -> Self:
        """Return the background with a mean and a covariance (ddof 0)."""
        centre = np.asarray(mean, dtype=np.float64)
        return cls(n, n * centre, n * (np.asarray(covariance, dtype=np.float64) + np.outer(centre, centre)))

    def __add__(self, other: Background) -> Background:
        """Return the background of both sets."""
        self._check(other)
        return Background(self.n + other.n, self.total + other.total, self.products + other.products)

    def __sub__(self, part: Background) -> Background:
        """Return the background without a part of it."""
        self._check(part)
        return Background(self.n - part.n, self.total - part.total, self.products - part.products)

    @property
    def mean(self) -> Float64[np.ndarray, " axis"]:
        """Mean vector; raises InputError for no image."""
        self._check_any()
        centre: Array = self.total / self.n
        return centre

    @property
    def covariance(self) -> Float64[np.ndarray, "axis axis"]:
        """Covariance (ddof 0); raises InputError for no image."""
        centre = self.mean
        spread: Array = self.products / self.n - np.outer(centre, centre)
        return spread

    def spread(self, directions: Float[np.ndarray, "concepts axis"]) -> Spread:
        """Return mean and standard deviation of the similarities to each direction, as a spread of one part."""
        wide = np.asarray(directions, dtype=np.float64)
        variance = np.einsum("ca,ca->c", wide @ self.covariance, wide)
        # rounding may leave a tiny negative variance
        return Spread((wide @ self.mean)[None], np.sqrt(np.maximum(variance, 0.0))[None])

    def correlation(self, directions: Float[np.ndarray, "concepts axis"]) -> Float64[np.ndarray, "concepts concepts"]:
        """Return the correlation over the set of the similarities to every two directions; 0 where one is constant."""
        wide = np.asarray(directions, dtype=np.float64)
        between: Array = wide @ self.covariance @ wide.T
        std = np.sqrt(np.maximum(np.diagonal(between), 0.0))
        scale = np.outer(std, std)
        correlation: Array = np.divide(between, scale, out=np.zeros_like(between), where=scale > CONSTANT**2)
        return correlation

    def _check(self, other: Background) -> None:
        if self.total.shape != other.total.shape:
            raise MismatchError(expected("background", f"an axis of {len(self.total)}", f"{len(other.total)}"))

    def _check_any(self) -> None:
        if self.n < 1:
            raise InputError(expected("background", "one image or more", f"{self.n}"))


def centred(
    vectors: Float[np.ndarray, "concepts axis"], counted: NDArray[np.bool_] | None = None
) -> Float64[np.ndarray, "concepts axis"]:
    """Return vectors less their mean vector, so that what all words share in an image cancels.

    The mean is over the rows of `counted` (concepts,), such as a head's classes without its groups; over all by default.
    A centred similarity is the similarity less that to the mean vector, which is the mean of the image's similarities.
    """
    wide = np.asarray(vectors, dtype=np.float64)
    mean: Array = (wide if counted is None else wide[counted]).mean(axis=0)
    return wide - mean


def without_each(parts: list[Background]) -> list[Background]:
    """Return for each part the background of all the others: what a row of the part is held against."""
    whole = sum(parts[1:], start=parts[0])
    return [whole - part for part in parts]


def joined(spreads: list[Spread]) -> Spread:
    """Return several spreads as the parts of one."""
    return Spread(np.concatenate([part.mean for part in spreads]), np.concatenate([part.std for part in spreads]))
