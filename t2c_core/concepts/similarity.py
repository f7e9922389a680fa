"""Similarity of aligned image features and concept vectors: cosine, in float32, in blocks of fixed size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from t2c.core.maps.linear_map import Map, check_source
from t2c.core.statistics.unit_rows import Array, unit
from t2c.schemas.errors import InputError, MismatchError, expected

if TYPE_CHECKING:
    from jaxtyping import Float, Float32, Float64


BLOCK_ROWS = 2048
"""Rows scored at once. The last block is padded to it, so that a row's bits do not depend on how many come with it."""


def score(
    x: Float[np.ndarray, "images source"], linear_map: Map, *, vectors: Float[np.ndarray, "concepts target"]
) -> Float32[np.ndarray, "images concepts"]:
    """Return the cosine of aligned features x and concept vectors.

    Features are aligned by the map first and need no normalising; a zero vector on either side scores 0. Raises
    MismatchError when dimensions do not meet and InputError naming the first row with NaN or infinity.
    """
    check_source(linear_map, x)
    if vectors.ndim != 2 or vectors.shape[1] != linear_map.target:
        raise MismatchError(expected("concept vectors", f"shape (concepts, {linear_map.target})", f"{vectors.shape}"))
    directions = np.ascontiguousarray(unit(vectors.astype(np.float64)).astype(np.float32).T)
    scores = np.empty((len(x), len(vectors)), dtype=np.float32)
    for start in range(0, len(x), BLOCK_ROWS):
        block = _padded(x[start : start + BLOCK_ROWS])
        part = _score_block(block, linear_map, directions)
        scores[start : start + BLOCK_ROWS] = part[: len(x) - start]
    if not (finite := np.isfinite(scores).all(axis=1)).all():
        raise InputError(
            expected(f"feature of row {int(np.argmin(finite))} of the block", "finite numbers", "NaN or infinity")
        )
    return scores


def paired_cosine(
    x: Float[np.ndarray, "images target"], y: Float[np.ndarray, "images target"]
) -> Float64[np.ndarray, " images"]:
    """Return the cosine of each row of x with the same row of y, in float64; 0 where one is zero.

    Raises MismatchError for two shapes.
    """
    if x.shape != y.shape:
        raise MismatchError(expected("paired features", f"one shape, {x.shape}", f"{y.shape}"))
    unit_x, unit_y = unit(x.astype(np.float64)), unit(y.astype(np.float64))
    cosines: Array = np.einsum("it,it->i", unit_x, unit_y)
    return cosines


def _padded(block: Array) -> NDArray[np.float32]:
    full = np.zeros((BLOCK_ROWS, block.shape[1]), dtype=np.float32)
    full[: len(block)] = block
    return full


def _score_block(block: NDArray[np.float32], linear_map: Map, directions: NDArray[np.float32]) -> NDArray[np.float32]:
    with np.errstate(invalid="ignore", over="ignore"):
        aligned: Array = linear_map.apply(block)
        largest = np.abs(aligned).max(axis=1, keepdims=True)
        scale = np.where(largest > 0, largest, np.float32(1))
        aligned = aligned / scale
        lengths = np.sqrt(np.einsum("it,it->i", aligned, aligned))[:, None]
        cosine = (aligned @ directions) / np.where(lengths == 0, np.float32(1), lengths)
    return np.clip(cosine, np.float32(-1), np.float32(1))
