"""How much a dataset differs from itself: contiguous blocks of the reference, each against the rest of it.

Images that were taken together resemble each other, so two honest parts of one dataset differ by more than independent
rows would. A block's distance from the rest is what such a difference looks like without any shift; a current set is
beyond it when it lies farther from the reference than all but a few blocks do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from schemas.errors import InputError, expected

if TYPE_CHECKING:
    from jaxtyping import Float, Int64, Integer

Array = NDArray[Any]

BLOCKS = 20
"""Blocks asked for unless told otherwise."""
FEWEST_ROWS = 20
"""Rows below which a block says nothing."""
FEWEST_BLOCKS = 5
"""Blocks below which there is no null."""
GRID = 256
"""Quantiles of the reference at which distributions are compared; a distance is known to 1 / 256."""


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """Contiguous blocks of a reference of n rows."""

    order: Int64[np.ndarray, " _images"]
    """Places of the reference's rows in the order that makes them contiguous."""
    block: Int64[np.ndarray, " _images"]
    """Block of each row in that order; -1 between blocks."""
    count: int
    """Number of blocks."""
    rows: int
    """Rows of each block: never more than the current set has, so that a block is no steadier than it is."""

    @property
    def smallest_p(self) -> float:
        """The smallest p-value that so many blocks can give."""
        return 1 / (self.count + 1)

    def smallest_q(self, concepts: int, *, alone: bool) -> float:
        """Return the smallest reachable q over a bank: of one concept alone, or when all lie beyond every block."""
        return min(1.0, self.smallest_p * (concepts if alone else 1))


def plan_blocks(order: Integer[np.ndarray, " _images"], *, current: int, blocks: int = BLOCKS) -> Blocks | None:
    """Return contiguous blocks over rows in a given order, evenly spread; None when the reference is too small.

    A block has as many rows as the current set, or fewer when the reference has not enough for `blocks` of that size.
    Raises InputError for fewer than FEWEST_BLOCKS.
    """
    if blocks < FEWEST_BLOCKS:
        raise InputError(expected("blocks of the reference", f"{FEWEST_BLOCKS} or more", str(blocks)))
    n = len(order)
    rows = min(current, n // blocks)
    if rows < FEWEST_ROWS:
        rows = FEWEST_ROWS
        blocks = n // rows
    if blocks < FEWEST_BLOCKS or current < 1:
        return None
    block = np.full(n, -1, dtype=np.int64)
    for index in range(blocks):
        start = index * n // blocks
        block[start : start + rows] = index
    return Blocks(np.asarray(order, dtype=np.int64), block, blocks, rows)


@dataclass(frozen=True, slots=True)
class SelfDistance:
    """One concept's distance beside those of the reference from itself."""

    d_blocks: float
    """Largest distance of a block from the rest of the reference."""
    p_blocks: float
    """(1 + blocks at least as far as the current set) / (1 + blocks)."""


def self_distance(
    reference: Float[np.ndarray, " _images"], current: Float[np.ndarray, " _images"], *, blocks: Blocks
) -> SelfDistance:
    """Return how far the current set lies from the reference, beside its blocks; values in the rows' own order."""
    ordered = np.sort(reference)
    below_all = np.nextafter(ordered[:1], -np.inf, dtype=ordered.dtype)
    grid = np.unique(np.concatenate([below_all, ordered[(np.arange(1, GRID) * len(ordered)) // GRID]]))
    bins = np.searchsorted(grid, reference[blocks.order], side="left")
    inside = blocks.block >= 0
    width = len(grid) + 1
    counts = np.bincount(blocks.block[inside] * width + bins[inside], minlength=blocks.count * width)
    of_blocks = np.cumsum(counts.reshape(blocks.count, width)[:, :-1], axis=1)
    of_all = np.cumsum(np.bincount(bins, minlength=width)[:-1])
    n = len(reference)
    gaps = np.abs(of_blocks / blocks.rows - (of_all - of_blocks) / (n - blocks.rows)).max(axis=1)
    theirs = np.cumsum(np.bincount(np.searchsorted(grid, current, side="left"), minlength=width)[:-1])
    d = float(np.abs(theirs / len(current) - of_all / n).max())
    beyond = int(np.count_nonzero(gaps >= d - 1e-12))
    return SelfDistance(float(gaps.max()), (1 + beyond) / (1 + blocks.count))
