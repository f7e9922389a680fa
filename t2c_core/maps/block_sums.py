"""Sums and symmetric products of a block of rows, at BLAS's speed and without what BLAS does too much or too coarsely.

`Z.T @ Z` computes one triangle and then copies it into the other with a stride, which takes a fifth of the time of a
block of 1,500 rows. Here the lower triangle is kept, in blocks of columns, and mirrored once when all rows are in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from jaxtyping import Float, Float64

COLUMNS = 512
"""Columns of one product: 256 to 768 are equally fast."""
_TOGETHER = 64
"""Rows added up in the block's own dtype before float64 takes over: an error of 1e-8 at the price of one product."""
_TILE_ROWS = 32
"""Rows that stay in a processor's cache while all parts are added."""

Array = NDArray[Any]


def column_sums(block: Float[np.ndarray, "images source"]) -> Float64[np.ndarray, " source"]:
    """Return the sum of each column of a contiguous block."""
    even = len(block) - len(block) % _TOGETHER
    row_of_ones = np.ones((1, _TOGETHER), dtype=block.dtype)
    sums: Array = (row_of_ones @ block[:even].reshape(-1, _TOGETHER, block.shape[1]))[:, 0].sum(
        axis=0, dtype=np.float64
    )
    sums += block[even:].sum(axis=0, dtype=np.float64)
    return sums


def lower_gram(block: Float[np.ndarray, "images source"], *, out: Float[np.ndarray, "source source"]) -> None:
    """Write the lower triangle of block' block into `out`; above it `out` keeps whatever was there, or part of it."""
    for rows in _column_blocks(len(out)):
        if rows.start:
            np.matmul(block[:, rows].T, block[:, : rows.start], out=out[rows, : rows.start])
        np.matmul(block[:, rows].T, block[:, rows], out=out[rows, rows])


def add_lower(total: Float[np.ndarray, "source source"], part: Float[np.ndarray, "source source"]) -> None:
    """Add the lower triangle of `part` into that of `total`."""
    for rows in _column_blocks(len(total)):
        np.add(total[rows, : rows.stop], part[rows, : rows.stop], out=total[rows, : rows.stop])


def mirror(total: Float[np.ndarray, "source source"]) -> None:
    """Copy the lower triangle of `total` into its upper one."""
    for rows in _column_blocks(len(total)):
        total[: rows.start, rows] = total[rows, : rows.start].T


def add_all(total: Array, parts: Sequence[Array]) -> None:
    """Add parts, float arrays of its shape, into `total`, in order, some rows at a time, so that `total` is read and written once."""
    for start in range(0, len(total), _TILE_ROWS):
        tile = total[start : start + _TILE_ROWS]
        for part in parts:
            np.add(tile, part[start : start + _TILE_ROWS], out=tile)


def _column_blocks(width: int) -> Iterator[slice]:
    """Yield the columns in blocks of COLUMNS."""
    for start, stop in pairwise([*range(0, width, COLUMNS), width]):
        yield slice(start, stop)
