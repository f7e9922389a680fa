"""The concept that stands out in an image: the one whose similarity is largest in the unit of a background.

z = (x . t - mu . t) / sqrt(t' Sigma t), with t a concept's vector less the bank's mean vector. A share of images in which a
concept stands out is compositional (shares sum to one): it is no prevalence, and never means that an image contains it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from t2c.core.shift.background import CONSTANT, Spread

if TYPE_CHECKING:
    from jaxtyping import Float32, Float64, Int32, Integer

Array = NDArray[Any]

NOBODY = -1
"""Key where no concept is a candidate."""
FAR = 4.0
"""z above which a concept is far above a background: a second statistic, never merged with the first."""


class Leaders:
    """The most prominent concept of each image so far: concepts come one after the other, in order of key.

    Memory is two numbers an image, so that similarities stored concept by concept are streamed once.
    """

    def __init__(self, images: int) -> None:
        self.key: Int32[np.ndarray, " images"] = np.full(images, NOBODY, dtype=np.int32)
        self.z: Float32[np.ndarray, " images"] = np.full(images, -np.inf, dtype=np.float32)

    def offer(self, key: int, z: Float32[np.ndarray, " images"]) -> None:
        """Let a concept lead where its z is larger than that of every one before; NaN never leads, a tie keeps the lower key."""
        ahead = z > self.z
        self.key[ahead] = key
        self.z[ahead] = z[ahead]


def z_of(
    centred_similarity: Float32[np.ndarray, " images"],
    key: int,
    spread: Spread,
    part: Integer[np.ndarray, " images"] | None = None,
) -> Float32[np.ndarray, " images"]:
    """Return z of one concept in each image; NaN for all where the concept is constant over a background.

    `part` (images,) says which part of the spread each image is held against; None is the only one.
    """
    mean, std = spread.mean[:, key], spread.std[:, key]
    if (std < CONSTANT).any():
        return np.full(len(centred_similarity), np.nan, dtype=np.float32)
    at = 0 if part is None else part
    z: Array = (centred_similarity - mean.astype(np.float32)[at]) / std.astype(np.float32)[at]
    return z


def most_prominent(
    centred_similarities: Float64[np.ndarray, "images concepts"], spread: Spread
) -> Integer[np.ndarray, " images"]:
    """Return the most prominent concept of each row of a whole matrix of centred similarities, against one background."""
    candidate = spread.std[0] >= CONSTANT
    z = np.full(centred_similarities.shape, -np.inf)
    z[:, candidate] = (centred_similarities[:, candidate] - spread.mean[0, candidate]) / spread.std[0, candidate]
    return np.where(candidate.any(), z.argmax(axis=1), NOBODY)
