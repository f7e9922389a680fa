"""Images nearly the same as an earlier one, by the cosine of their features: exact, and without all pairs of features.

The first image of a neighbourhood leads it; a later one within the cosine of a leader belongs to the first such leader.
So linkage is bounded: whatever belongs together lies within one cosine of one image, and no chain runs through a dense
set. Candidates come from a projection onto a few orthonormal directions, where no two rows are farther apart than they
are: nothing is missed, and few pairs are left to be looked at whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from t2c.schemas.errors import InputError, expected

if TYPE_CHECKING:
    from jaxtyping import Float, Int64

Array = NDArray[Any]

DIRECTIONS = 32
"""Directions projected on: those along which a sample varies most."""
SAMPLE = 512
"""Rows, about, that choose the directions."""
BLOCK_ROWS = 1024
"""Rows looked at together."""
LEADERS = 8192
"""Leaders beside them at once."""
CROWDED = 0.02
"""Share of pairs that are candidates above which all of their cosines cost less than those of the candidates alone."""
PAIRS = 2**14
"""Candidate pairs whose cosine is computed at once."""
ROUNDING = 1e-6
"""Rounding of a float32 product of unit rows."""


@dataclass(frozen=True, slots=True, eq=False)
class NearCopies:
    """The rows that are nearly the same as an earlier one."""

    row: Int64[np.ndarray, " _copies"]
    """(copies,) ascending."""
    first: Int64[np.ndarray, " _copies"]
    """(copies,) the earlier row that leads its neighbourhood, no near-copy itself."""
    cosine: Float[np.ndarray, " _copies"]
    """(copies,) cosine of the two."""


def near_copies(units: Float[np.ndarray, "images source"], *, cosine: float) -> NearCopies:
    """Return which rows (of length 1; zero rows are like nothing) lie within a cosine of an earlier one that is no such row.

    Time grows with images x leaders x DIRECTIONS, about 10 s for 100,000 different ones; memory is a few blocks.
    Raises InputError for a cosine that is not above 0 and at most 1.
    """
    if not 0 < cosine <= 1:
        raise InputError(expected("cosine of near-copies", "above 0, at most 1", str(cosine)))
    if not len(units):
        return NearCopies(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))
    near = _Neighbours(units, *_lifted(units), cosine)
    first = np.arange(len(units))
    similarity = np.ones(len(units), dtype=np.float32)
    leaders = np.empty(0, dtype=np.int64)
    for start in range(0, len(units), BLOCK_ROWS):
        rows = np.arange(start, min(start + BLOCK_ROWS, len(units)))
        for begin in range(0, len(leaders), LEADERS):
            _join(near.pairs(rows, leaders[begin : begin + LEADERS]), first, similarity)
            rows = rows[first[rows] == rows]
        late, early, cosines = near.pairs(rows, rows)
        ordered = early < late
        for a, b, value in zip(late[ordered].tolist(), early[ordered].tolist(), cosines[ordered], strict=True):
            # pairs come by later row, so whether the earlier one leads is settled by now
            if first[b] == b and first[a] == a:
                first[a], similarity[a] = b, value
        leaders = np.concatenate([leaders, rows[first[rows] == rows]])
    copies = np.flatnonzero(first != np.arange(len(units)))
    return NearCopies(copies, first[copies], similarity[copies])


def _join(pairs: tuple[Array, Array, Array], first: Array, similarity: Array) -> None:
    """Let each row belong to its first leader among the pairs."""
    late, early, cosines = pairs
    joined, at = np.unique(late, return_index=True)
    first[joined], similarity[joined] = early[at], cosines[at]


@dataclass(frozen=True, slots=True, eq=False)
class _Neighbours:
    """Rows, and the two liftings of their projections whose product is minus half a squared distance."""

    units: Array
    left: Array
    right: Array
    cosine: float

    def pairs(self, rows: Array, others: Array) -> tuple[Array, Array, Array]:
        """Return (row, other, cosine) of all pairs within the cosine, by row, then by other."""
        close = self.left[rows] @ self.right[others].T >= self.cosine - 1 - ROUNDING
        if np.count_nonzero(close) > close.size * CROWDED:
            close &= self.units[rows] @ self.units[others].T >= self.cosine - ROUNDING
        at, beside = np.nonzero(close)
        cosines = np.empty(len(at), dtype=np.float32)
        for start in range(0, len(at), PAIRS):
            span = slice(start, start + PAIRS)
            cosines[span] = np.einsum("is,is->i", self.units[rows[at[span]]], self.units[others[beside[span]]])
        kept = cosines >= self.cosine - ROUNDING
        return rows[at[kept]], others[beside[kept]], cosines[kept]


def _lifted(units: Array) -> tuple[Array, Array]:
    """Return two matrices (images, DIRECTIONS + 2) with left[i] . right[j] = -|projection i - projection j|^2 / 2."""
    sample = units[:: max(1, len(units) // SAMPLE)]
    directions = np.linalg.svd(sample - sample.mean(axis=0), full_matrices=False)[2][:DIRECTIONS]
    projected = units @ directions.T
    half = np.einsum("ip,ip->i", projected, projected)[:, None] / 2
    one = np.ones_like(half)
    return np.hstack([projected, one, -half]), np.hstack([projected, -half, one])
