"""Whether a decoded word may be believed: do the images nearest to it and those nearest to the vector agree?

Nobody has to look at the pictures to know: the word's similarity should put the images that lie nearest to the vector in
front of the others, in the user's own dataset.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from t2c.core.statistics.auroc import auroc
from t2c.schemas.errors import InputError, MismatchError, expected

if TYPE_CHECKING:
    from jaxtyping import Float, Int64

Array = NDArray[Any]

NEAREST = 20
"""Images nearest to a vector that its word should find."""
FEWEST = 20
"""Images below which agreement says nothing."""
AUROC_FLOOR = 0.75
"""Area that a word must reach to be believed: the level at which the paper calls an attribute well predicted (5.1)."""
LEVEL = 0.05
"""Chance of one word or more of a whole vocabulary seeming to have shifted between two sets that are alike."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How the images nearest to a vector stand in the order of a word."""

    images: int
    """Images compared."""
    k: int
    """Images nearest to the vector, and to the word."""
    overlap: float
    """Share of the k that are nearest to both; k / images is chance."""
    auroc: float
    """Chance that one of the vector's k nearest images is nearer to the word than another image; 0.5 is chance."""


@dataclass(frozen=True, slots=True)
class Separation:
    """How a word tells two sets apart."""

    auroc: float
    """Chance that an image of the current set is nearer to the word than one of the reference; 0.5 is no shift."""
    z: float
    """Mean similarity of the current set less that of the reference, in its standard errors."""


def nearest_images(similarities: Float[np.ndarray, " images"], *, k: int) -> Int64[np.ndarray, " _images"]:
    """Return the k images of largest similarity, or all where they are fewer, largest first; of equals the first."""
    if k >= len(similarities):
        return np.argsort(-similarities, kind="stable").astype(np.int64)
    bar = np.partition(similarities, -k)[-k]
    near = np.flatnonzero(similarities >= bar)
    return near[np.argsort(-similarities[near], kind="stable")[:k]]


def images_compared(images: int) -> int:
    """Return how many nearest images are compared among so many: NEAREST, at most a tenth; 0 where they are too few."""
    return 0 if images < FEWEST else min(NEAREST, max(images // 10, 1))


def agreement(by_vector: Float[np.ndarray, " images"], by_word: Float[np.ndarray, " images"], *, k: int) -> Agreement:
    """Return how images by their similarity to a vector agree with the same images by their similarity to a word.

    Raises InputError unless 0 < k < images, MismatchError for two different numbers of images.
    """
    if by_vector.shape != by_word.shape:
        raise MismatchError(expected("similarities to a word", f"{by_vector.shape}, one an image", f"{by_word.shape}"))
    if not 0 < k < len(by_vector):
        raise InputError(expected("nearest images", f"1 to {len(by_vector) - 1} of {len(by_vector)}", str(k)))
    nearest = nearest_images(by_vector, k=k)
    shared = len(np.intersect1d(nearest, nearest_images(by_word, k=k)))
    remaining, wins = np.delete(by_word, nearest), 0.0
    for value in by_word[nearest]:
        wins += np.count_nonzero(remaining < value) + np.count_nonzero(remaining == value) / 2
    return Agreement(len(by_vector), k, shared / k, wins / (k * len(remaining)))


def separation(reference: Float[np.ndarray, " _images"], current: Float[np.ndarray, " _images"]) -> Separation:
    """Return how similarities to a word tell the current set from the reference; each has one image or more.

    z is Welch's (1947): a mixture whose shares have shifted moves its mean by more than its ranks. It is 0 where
    nothing varies, as of single images.
    """
    pooled = np.concatenate([reference, current])
    area = auroc(pooled, np.arange(len(pooled)) >= len(reference)).auroc
    parts = [values.astype(np.float64) for values in (reference, current)]
    variance = sum(float(values.var(ddof=1)) / len(values) if len(values) > 1 else 0.0 for values in parts)
    moved = float(parts[1].mean() - parts[0].mean())
    return Separation(area, moved / math.sqrt(variance) if variance > 0 else 0.0)


def separation_floor(words: int) -> float:
    """Return the z that a word of so many must reach: LEVEL, two-sided, divided by the words there were to choose from."""
    return NormalDist().inv_cdf(1 - LEVEL / (2 * max(words, 1)))
