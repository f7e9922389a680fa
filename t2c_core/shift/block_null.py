"""How much a dataset differs from itself: contiguous blocks of the reference, each against the rest of it.

Images that were taken together resemble each other, so two honest parts of one dataset differ by more than independent
rows would. A block's distance from the rest is what such a difference looks like without any shift. The current set is
cut into pieces of the same size (one piece, when it is no larger than a block), so that distances are equally noisy,
and lies beyond the blocks when its pieces are farther from the reference than the blocks are from their rest: Mann and
Whitney's exact one-sided test, ties counted against it. With one piece its p-value is (1 + blocks as far) / (1 + blocks).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from t2c.schemas.errors import InputError, expected

if TYPE_CHECKING:
    from jaxtyping import Float, Integer

Array = NDArray[Any]

BLOCKS = 20
"""Blocks asked for unless told otherwise."""
FEWEST_ROWS = 20
"""Rows below which a block says nothing."""
FEWEST_BLOCKS = 5
"""Blocks below which there is no null."""
MOST_PIECES = 60
"""Pieces of the current set that are looked at, evenly spread."""
GRID = 256
"""Quantiles of the reference at which distributions are compared; a distance is known to about 1 / 256."""
SAMPLE = 20_000
"""Values of the reference, about, that place the grid."""


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """Contiguous blocks of the reference and pieces of the current set, all of one size."""

    reference: Integer[np.ndarray, " _images"]
    """Block of each reference row; -1 between blocks."""
    current: Integer[np.ndarray, " _images"]
    """Piece of each current row; -1 between pieces."""
    count: int
    """Number of blocks."""
    pieces: int
    """Number of pieces."""
    rows: int
    """Rows of each."""

    @property
    def smallest_p(self) -> float:
        """The smallest p-value that so many blocks and pieces can give."""
        return 1 / math.comb(self.count + self.pieces, self.pieces)

    def smallest_q(self, concepts: int, *, alone: bool) -> float:
        """Return the smallest reachable q over a bank: of one concept alone, or when all lie beyond every block."""
        return min(1.0, self.smallest_p * (concepts if alone else 1))


def plan_blocks(
    reference: Integer[np.ndarray, " _images"], current: Integer[np.ndarray, " _images"], *, blocks: int = BLOCKS
) -> Blocks | None:
    """Return blocks and pieces of two sides whose rows are contiguous in these orders; None for a small reference.

    A block has as many rows as the current set, or fewer where the reference has not enough for `blocks` of that size.
    Raises InputError for fewer than FEWEST_BLOCKS.
    """
    if blocks < FEWEST_BLOCKS:
        raise InputError(expected("blocks of the reference", f"{FEWEST_BLOCKS} or more", str(blocks)))
    n = len(reference)
    rows = min(len(current), n // blocks)
    if rows < min(FEWEST_ROWS, len(current)):
        rows = min(FEWEST_ROWS, len(current))
        blocks = n // max(rows, 1)
    if blocks < FEWEST_BLOCKS or rows < 1:
        return None
    pieces = min(MOST_PIECES, len(current) // rows)
    cut = (_cut(reference, blocks, rows), _cut(current, pieces, rows))
    return Blocks(*cut, blocks, pieces, rows)


def _cut(order: Array, parts: int, rows: int) -> Array:
    """Return the part of each place: evenly spread runs of `rows` places in order; -1 between them."""
    part = np.full(len(order), -1, dtype=np.int64)
    for index in range(parts):
        start = index * len(order) // parts
        part[order[start : start + rows]] = index
    return part


def confounding(part: Integer[np.ndarray, " _images"], codes: Integer[np.ndarray, " _images"]) -> float:
    """Return Cramer's V of parts (-1: none, left out) and classes: 0 where neither says anything of the other, 1 at most."""
    table = np.zeros((int(part.max(initial=-1)) + 1, int(codes.max(initial=-1)) + 2))
    inside = part >= 0
    np.add.at(table, (part[inside], codes[inside]), 1)  # the last column is that of images without a class
    table = table[:, table.any(axis=0)]
    if min(table.shape) < 2:
        return 0.0
    even = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    return math.sqrt(float(((table - even) ** 2 / even).sum()) / (table.sum() * (min(table.shape) - 1)))


def within(
    order: Integer[np.ndarray, " _images"], codes: Integer[np.ndarray, " _images"]
) -> Integer[np.ndarray, " _images"]:
    """Return an order in which each contiguous run takes its share of every class, of each in the order given."""
    by_class = order[np.argsort(codes[order], kind="stable")]
    sizes = np.unique(codes, return_counts=True)[1]
    place = np.concatenate([(np.arange(size) + 0.5) / size for size in sizes])
    return by_class[np.argsort(place, kind="stable")]


@dataclass(frozen=True, slots=True)
class SelfDistance:
    """One concept's distance beside those of the reference from itself."""

    d_blocks: float
    """Mean distance of a block from the rest of the reference."""
    d_pieces: float
    """Mean distance of a piece of the current set, as large as a block, from the reference."""
    p_blocks: float
    """Chance of pieces so far out if they were blocks like the others."""


def self_distance(
    reference: Float[np.ndarray, " _images"], current: Float[np.ndarray, " _images"], *, blocks: Blocks
) -> SelfDistance:
    """Return how far the current set lies from the reference, beside its blocks; values in the rows' own order."""
    ordered = np.sort(reference[:: max(1, len(reference) // SAMPLE)])
    # an edge below every reference value: there the share of current values beneath all of them counts
    below_all = np.nextafter(reference.min(keepdims=True), -np.inf, dtype=reference.dtype)
    grid = np.unique(np.concatenate([below_all, ordered[(np.arange(1, GRID) * len(ordered)) // GRID]]))
    bins = np.searchsorted(grid, reference, side="left")
    whole = np.cumsum(np.bincount(bins, minlength=len(grid) + 1)[:-1])
    reference_below = _below(bins, blocks.reference, blocks.count, len(grid))
    n, rows = len(reference), blocks.rows
    own = np.abs(reference_below / rows - (whole - reference_below) / (n - rows)).max(axis=1)
    current_below = _below(np.searchsorted(grid, current, side="left"), blocks.current, blocks.pieces, len(grid))
    pieces = np.abs(current_below / rows - whole / n).max(axis=1)
    # distances that differ by rounding alone are equal
    farther = int(np.count_nonzero(pieces[:, None] > own[None, :] + 1e-12))
    return SelfDistance(float(own.mean()), float(pieces.mean()), rank_sum_p(farther, blocks.count, blocks.pieces))


def _below(bins: Array, part: Array, parts: int, points: int) -> Array:
    """Return how many rows of each part lie at or below each grid point, (parts, points)."""
    inside = part >= 0
    width = points + 1
    counts = np.bincount(part[inside] * width + bins[inside], minlength=parts * width)
    below: Array = np.cumsum(counts.reshape(parts, width)[:, :-1], axis=1)
    return below


def rank_sum_p(farther: int, blocks: int, pieces: int) -> float:
    """Return the exact chance that so many (piece, block) pairs or more have the piece farther out, all orders alike."""
    return float(_tail(blocks, pieces)[blocks * pieces - farther])


@lru_cache(maxsize=8)
def _tail(blocks: int, pieces: int) -> Array:
    """Return the chance of at most 0, 1, ... pairs: sums of the Gaussian binomial coefficient's terms.

    Small counts come from small terms alone, which are exact integers, so the smallest chances are exact too.
    """
    terms = np.zeros(blocks * pieces + 1)
    terms[0] = 1.0
    for index in range(1, pieces + 1):
        if blocks + index < len(terms):
            terms[blocks + index :] -= terms[: -(blocks + index)].copy()
        for start in range(index):
            terms[start::index] = np.cumsum(terms[start::index])
    below: Array = np.cumsum(np.maximum(terms, 0.0))
    return np.minimum(below / math.comb(blocks + pieces, pieces), 1.0)
