"""Unit aligned features of chosen rows, each with the map that never saw it."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from t2c.store.artifacts.features import Features
from t2c.store.artifacts.linear_maps import StoredMap

Vectors = npt.NDArray[np.float32]

BLOCK_ROWS = 8192
"""Rows read and mapped at once."""


def aligned_units(
    features: Features,
    linear_map: StoredMap,
    rows: npt.NDArray[np.int64],
    *,
    fold: npt.NDArray[np.int8],
    advance: Callable[[int], None] = lambda _: None,
) -> Vectors:
    """Return the aligned features (rows, target) of some rows, each of length 1; a zero vector stays zero.

    `fold` (rows,) says which map each row is aligned with: -1 the full one, 0 and up that of the fold. Memory is that of
    the result and one block.
    """
    arrays = linear_map.arrays()
    units = np.empty((len(rows), linear_map.target.dimension), dtype=np.float32)
    for start in range(0, len(rows), BLOCK_ROWS):
        span = slice(start, start + BLOCK_ROWS)
        block = features.take(rows[span]).astype(np.float32)
        if arrays is None:
            units[span] = block
        else:
            for fold_number in np.unique(fold[span]):
                at = np.flatnonzero(fold[span] == fold_number)
                weight = arrays.weight if fold_number < 0 else arrays.fold_weight[fold_number]
                bias = arrays.bias if fold_number < 0 else arrays.fold_bias[fold_number]
                units[start + at] = block[at] @ weight + bias
        part = units[span]
        lengths = np.sqrt(np.einsum("it,it->i", part, part))[:, None]
        part /= np.where(lengths > 0, lengths, np.float32(1))
        advance(len(block))
    return units
